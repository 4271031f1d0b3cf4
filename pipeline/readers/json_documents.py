"""JSON objects of one file, however they are packed: one a line, in an array, or in one large document."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from pipeline.errors import ExportError
from pipeline.readers.encodings import utf16_order
from pipeline.readers.files import peek
from pipeline.readers.interface import Export, Head
from pipeline.readers.json_records import ScannedRecords
from pipeline.readers.json_values import RowError, decode_record
from pipeline.readers.lines import raw_lines
from pipeline.readers.opening import open_bytes, open_utf8
from pipeline.records import Reason

_BOM = b"\xef\xbb\xbf"


class Document(Struct, frozen=True):
    """One JSON value of the file, or why it is none."""

    raw: bytes
    locator: str
    start: int | None = None  # of `raw`, where its bytes are those of the file
    value: Any = None
    notes: tuple[str, ...] = ()  # repairs
    problem: tuple[Reason, str] | None = None


def first_objects(head: Head, limit: int = 20) -> list[dict[str, Any]]:
    """The objects at the beginning of a file of JSON lines or of a JSON array, as far as they can be read."""
    start, order = head.start, utf16_order(head.start)
    if order:
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    start = start.removeprefix(_BOM).lstrip()
    if start[:1] == b"[":
        return _of_array(start, limit)
    found = []
    for line in start.splitlines()[: 2 * limit]:
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue
        if isinstance(value, dict) and value:
            found.append(value)
            if len(found) == limit:
                break
    if not found and start[:1] == b"{" and len(head.start) < 1 << 16:
        try:
            value = msgspec.json.decode(start)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return []
        return [value] if isinstance(value, dict) else []
    return found


def _of_array(start: bytes, limit: int) -> list[dict[str, Any]]:
    text, at = start.decode("utf-8", "replace"), 1
    found: list[dict[str, Any]] = []
    decoder = json.JSONDecoder()
    while len(found) < limit:
        while at < len(text) and text[at] in ", \r\n\t":
            at += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        if not isinstance(value, dict):
            break
        found.append(value)
    return found


def documents(export: Export, lists: Collection[str] = ()) -> Iterator[Document]:
    """Every object of a file of JSON lines, of an array, or of one document.

    `lists` are the names of the lists whose objects are given one by one where one document is too large to
    be given whole, or where the file begins with an assignment; "" is the outer array.
    """
    start = peek(export).start
    order = utf16_order(start)
    if order:
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    start = start.removeprefix(_BOM).lstrip()
    if start[:1] != b"[":
        lines = [line for line in start.splitlines() if line.strip()]
        objects = sum(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines)
        if len(lines) < 2 or 2 * objects > len(lines) or _decodes(lines[0]):
            yield from _lines(export, order is None)
            return
        whole = _whole(export, order)
        if whole is not None:
            yield whole
            return
        yield from scanned(export, lists)
    else:
        yield from scanned(export, ("",))


def _decodes(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True


def _lines(export: Export, exact: bool) -> Iterator[Document]:
    unit = 1 if exact else 2
    begun: int | None = None  # where a line over the limit began
    head = b""
    last = 0
    for line in raw_lines(export):
        last = line.end
        if line.cut:
            if begun is None:
                begun, head = line.start, line.content[:20_000]
            continue
        if begun is not None:
            yield _large(export, head, begun, line.end)
            begun = None
            continue
        content = line.content.rstrip(b"\r\n")
        if not content.strip(b" \t"):
            continue
        end = line.end - unit * (len(line.content) - len(content))
        begin = line.start
        if exact and line.number == 1 and content.startswith(_BOM):
            begin, content = begin + 3, content[3:]
        ended = line.content[-1:] in {b"\n", b"\r"}
        yield decoded(
            export, content.removeprefix(_BOM), f"bytes {begin}-{end}", begin if exact else None, ended
        )
    if begun is not None:
        yield _large(export, head, begun, last)


def _large(export: Export, head: bytes, begin: int, end: int) -> Document:
    detail = f"a line over {export.limits.record_bytes:,} bytes; split it, or raise limits: record_bytes"
    return Document(head, f"bytes {begin}-{end}", problem=(Reason.TOO_LARGE, detail))


def _whole(export: Export, order: str | None) -> Document | None:
    """The file as one document; None where it is over the limit of a record, or no JSON."""
    limit = export.limits.record_bytes
    with open_bytes(export) if order is None else open_utf8(export, order) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        return None
    begin = 3 if raw.startswith(_BOM) else 0
    locator = f"bytes {begin}-{len(raw)}{_suffix(order)}"
    document = decoded(export, raw[begin:], locator, begin if order is None else None, True)
    return None if document.problem is not None else document


def scanned(export: Export, lists: Collection[str]) -> Iterator[Document]:
    """The objects in the lists of these names, and what lies between them.

    Raises `ExportError` where there is no such list.
    """
    opened = False
    order = utf16_order(peek(export).start)
    suffix = _suffix(order)
    for piece in ScannedRecords(export, lists=lists, recoded=order):
        locator = f"bytes {piece.start}-{piece.end}{suffix}"
        opened = True
        if piece.what == "record":
            yield decoded(export, piece.raw, locator, piece.start if order is None else None, True)
        elif piece.what == "stray":
            yield _no_object(piece.raw, locator)
        elif piece.what == "large":
            detail = f"over {export.limits.record_bytes:,} bytes (limits: record_bytes)"
            yield Document(piece.raw, locator, problem=(Reason.TOO_LARGE, detail))
        elif piece.what == "tail" and piece.raw.strip(b" \r\n\t,\0]};"):
            yield Document(
                piece.raw, locator, problem=(Reason.TRUNCATED, "the file ends in the middle; export it again")
            )

    if not opened:
        raise ExportError(f"{export.name}: no list of objects in it; export it again")


def _no_object(raw: bytes, locator: str) -> Document:
    detail = f"not an object: {raw.strip(b', ')[:60].decode('utf-8', 'replace')!r}"
    return Document(raw, locator, problem=(Reason.NOT_AN_OBJECT, detail))


def decoded(export: Export, raw: bytes, locator: str, start: int | None, ended: bool) -> Document:
    """A record as a document; `ended` is False where the file ends with it and without a line end."""
    try:
        value, notes = decode_record(raw, export.limits)
    except RowError as refused:
        cut = refused.reason == Reason.BAD_JSON and not ended
        reason = Reason.TRUNCATED if cut else refused.reason
        return Document(raw, locator, start, problem=(reason, refused.detail))
    if not isinstance(value, dict):
        detail = f"{type(value).__name__} {value!r:.60}, not an object"
        return Document(raw, locator, start, problem=(Reason.NOT_AN_OBJECT, detail))
    return Document(raw, locator, start, value, tuple(notes))


def _suffix(order: str | None) -> str:
    return " as UTF-8" if order else ""
