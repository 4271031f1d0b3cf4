"""Files as bytes: fingerprint, the two ends, what is inside, and the way back to the bytes of a row."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from pathlib import Path
from typing import IO

from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import ExportError
from pipeline.readers.archives import is_archive, is_document, members
from pipeline.readers.encodings import utf16_order
from pipeline.readers.interface import Export, Head, Limits, origin
from pipeline.readers.lines import raw_lines
from pipeline.readers.opening import CHUNK, open_bytes, open_utf8, packing_of
from pipeline.readers.parquet import record_bytes
from pipeline.readers.sheets import row_bytes
from pipeline.records import Origin, Reason

_LOCATOR = re.compile(
    r"(?:member (?P<member>.+), )?"
    r"(?:bytes (?P<start>\d+)-(?P<end>\d+)(?P<recoded> as UTF-8)?"
    r"|(?:row \d+ \()?lines? (?P<first>\d+)(?:-(?P<last>\d+))?\)?|(?P<whole>whole file)"
    r"|sheet (?P<sheet>.+), row (?P<row>\d+)|record (?P<record>\d+))",
    re.DOTALL,
)
_TAIL = 4096
_UNPACKED_FOR_TAIL = 1 << 26  # packed bytes; the end of a longer packed file is not looked at


class Aside(Struct, frozen=True):
    """A member of an archive that is not read; a rejection where `reason` is given."""

    at: Origin
    told: str
    reason: Reason | None = None


def fingerprint(path: Path) -> str:
    """SHA-256 of the file, in hex; read in pieces, so that memory does not grow with the file."""
    seen = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            seen.update(piece)
    return seen.hexdigest()


def peek(export: Export) -> Head:
    """The two ends of an export, unpacked.  Raises `ExportError` where it cannot be opened."""
    try:
        with open_bytes(export) as file:
            start = file.read(1 << 16)
            if not export.packing:
                file.seek(max(0, file.seek(0, 2) - _TAIL))
                end = file.read(_TAIL)
            elif export.path.stat().st_size <= _UNPACKED_FOR_TAIL:
                last = deque((start,), 2)
                while piece := file.read(CHUNK):
                    last.append(piece)
                end = b"".join(last)[-_TAIL:]
            else:
                end = b""
    except OSError as error:
        raise ExportError(f"{export.name}: cannot be read: {error.strerror or error}") from error
    return Head(export.inner_name, start, end, export.siblings)


def parts(export: Export) -> tuple[list[Export], list[Aside]]:
    """What is inside a file: itself, or the members of an archive that may hold posts; and the others.

    Raises `ExportError` where the file cannot be opened, or is packed more often than the limits allow.
    """
    try:
        with export.path.open("rb") as file:
            start = file.read(1 << 10)
        if not is_archive(start) or b"[Content_Types].xml" in start or is_document(export.path):
            return [_unwrapped(export)], []
        inside, broken = members(export.path, export.name, export.limits.archive_members)
    except OSError as error:
        raise ExportError(f"{export.name}: cannot be read: {error.strerror or error}") from error
    exports, asides = [], []
    if broken is not None:
        asides.append(Aside(origin(export, "zip", "whole file"), broken, Reason.TRUNCATED))
    beside: dict[str, list[str]] = {}
    for member in inside:
        if member.aside is None:
            folder, _, base = member.label.replace("\\", "/").rpartition("/")
            beside.setdefault(folder, []).append(base)
    for member in inside:
        part = replace(export, member=member.label, packing=("zip",))
        at = origin(part, "zip", "whole file")
        if member.aside is not None:
            asides.append(Aside(at, f"member of the archive: {member.aside}"))
        elif member.problem is not None:
            asides.append(Aside(at, member.problem, Reason.BAD_FILE))
        else:
            folder, _, base = member.label.replace("\\", "/").rpartition("/")
            siblings = tuple(name for name in beside[folder] if name != base)
            try:
                exports.append(_unwrapped(replace(part, siblings=siblings)))
            except ExportError as refused:
                asides.append(Aside(at, str(refused), Reason.BAD_FILE))
    return exports, asides


def _unwrapped(export: Export) -> Export:
    """The export with its packings found out, one inside the other."""
    while True:
        with open_bytes(export) as file:
            start = file.read(1 << 10)
        kind = packing_of(start)
        if export.packing and is_archive(start):
            raise ExportError(f"{_shown(export)}: an archive inside an archive; unpack it first")
        if start[257:262] == b"ustar":
            raise ExportError(f"{_shown(export)}: a tar archive; unpack it, or pack it as zip")
        if kind is None:
            return export
        if len(export.packing) >= export.limits.nesting:
            raise ExportError(
                f"{_shown(export)}: packed more than {export.limits.nesting} times (limits: nesting)"
            )
        export = replace(export, packing=(*export.packing, kind))


def _shown(export: Export) -> str:
    return export.name if export.member is None else f"{export.name}, member {export.member}"


def sibling(export: Export, name: str) -> Export:
    """One of `export.siblings` as an export of its own.  Its fingerprint is not taken."""
    if export.member is not None:
        folder = export.member[
            : len(export.member) - len(export.member.replace("\\", "/").rpartition("/")[2])
        ]
        beside = replace(export, member=folder + name, packing=("zip",), siblings=())
    else:
        folder = export.name[: len(export.name) - len(export.path.name)]
        beside = Export(export.path.with_name(name), folder + name, "", limits=export.limits)
    return _unwrapped(beside)


def locate(path: Path, locator: str, limits: Limits = Limits()) -> bytes:  # noqa: B008  frozen
    """The exact bytes that a row was read from, with its line end where the locator counts lines.

    `locator` is what an `Origin` holds: "bytes 120-480" (half-open), "line 7", "lines 7-9" or
    "row 12 (lines 15-18)", lines from 1 and inclusive; all of them may follow "member chat.txt, ", and count
    within what is unpacked.  "bytes 120-480 as UTF-8" counts in the UTF-8 form of a UTF-16 file; the bytes
    are the file's own.  Of "sheet NAME, row 7" (a spreadsheet) and "record 7" (parquet), which have no bytes
    of a row, the cells are given as JSON.  Raises `ValueError` for any other words.
    """
    match = _LOCATOR.fullmatch(locator)
    if match is None:
        raise ValueError(f'{locator!r} is no locator; "bytes 120-480" or "lines 7-9" is')
    export = Export(path, path.name, "", limits=limits)
    if match["member"] is not None:
        export = replace(export, member=match["member"], packing=("zip",))
    if match["whole"] is None:
        export = _unwrapped(export)
    if match["sheet"] is not None:
        return row_bytes(export, match["sheet"], int(match["row"]))
    if match["record"] is not None:
        return record_bytes(export, int(match["record"]))
    if match["start"] is not None:
        start, end = int(match["start"]), int(match["end"])
    elif match["whole"] is not None:
        start, end = 0, limits.record_bytes
    else:
        first, last = int(match["first"]), int(match["last"] or match["first"])
        start = end = 0
        for line in raw_lines(export):
            if line.number == first:
                start = line.start
            if line.number == last:
                end = line.end
                break
    if match["recoded"] is None:
        with open_bytes(export) as file:
            return _between(file, start, end)
    with open_bytes(export) as file:
        order = utf16_order(file.read(1 << 12)) or "le"
    with open_utf8(export, order) as file:
        text = _between(file, start, end).decode("utf-8", "surrogatepass")
    return text.encode(f"utf-16-{order}", "surrogatepass")


def _between(file: IO[bytes], start: int, end: int) -> bytes:
    if file.seekable():
        file.seek(start)
    else:
        left = start
        while left > 0 and (piece := file.read(min(left, CHUNK))):
            left -= len(piece)
    return file.read(end - start)
