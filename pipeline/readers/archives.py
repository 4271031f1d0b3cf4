"""The members of a zip archive: listed and opened as streams, never written to a disk.

A name inside an archive is only ever shown; it leads to no path.  An archive whose list of members is cut
off is searched for the members that are still whole.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from pipeline.errors import ExportError

_NO_EXPORT = re.compile(
    r"\.(?:jpe?g|png|gif|webp|bmp|tiff?|svg|ico|hei[cf]|avif|mp4|mov|avi|mkv|webm|3gp|m4v|mp3|og[ga]|opus|m4a|wav|aac|"
    r"amr|flac|pdf|docx?|pptx?|odt|epub|apk|exe|dll|vcf|tgs|ttf|woff2?|css|map|ds_store|thumb|pyc)(?:#\d+)?"
)
"""Endings of what chats and pages carry along; such members hold no posts."""

_LOCAL = struct.Struct("<4s5H3I2H")
_ARABIC = re.compile("[\N{ARABIC LETTER HAMZA}-\N{ARABIC LETTER YEH}]")


class Member(Struct, frozen=True):
    """One entry of an archive."""

    label: str  # its name, as text; "name#2" for the second of the same name
    packed: int  # bytes
    aside: str | None = None  # why it holds no posts: a folder, a photo, ...
    problem: str | None = None  # why it cannot be read
    offset: int = -1  # of its own head, where the list of members is lost
    place: int = -1  # in the list of members


def is_archive(start: bytes) -> bool:
    """Whether a file that begins so is a zip of any kind (spreadsheets are zips too)."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def is_document(path: Path) -> bool:
    """Whether a zip is one document and no collection of files: a spreadsheet, a text, a book."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool({"[Content_Types].xml", "mimetype"} & set(archive.namelist()))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def members(path: Path, name: str, most: int) -> tuple[list[Member], str | None]:
    """The members in the order of their names, numbers counted as numbers; and what is wrong with the whole.

    Raises `ExportError` where there are more than `most`, or the archive cannot be read at all.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > most:
                raise ExportError(
                    f"{name}: {len(infos):,} members; limits: archive_members is {most:,}, raise it where "
                    f"that is meant"
                )
            found = _labeled(infos)
            problem = None
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError) as error:
        found = _salvaged(path, most)
        if not found:
            raise ExportError(
                f"{name}: no zip archive that can be read ({error}); get the file again"
            ) from None
        problem = "the archive has lost its list of members; those that are still whole are read"
    return sorted(found, key=lambda member: natural(member.label)), problem


def open_member(path: Path, name: str, label: str) -> tuple[Member, IO[bytes]]:
    """A member and the stream of its bytes.  Raises `ExportError` where it cannot be opened."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError):
        for member in _salvaged(path, 1 << 20):
            if member.label == label:
                return member, io.BufferedReader(_Deflated(path, member.offset))
        raise ExportError(f"{name}: no member {label!r} in it") from None
    with archive:  # the stream keeps the file open until it is closed itself
        infos = archive.infolist()
        for member in _labeled(infos):
            if member.label == label:
                try:
                    return member, archive.open(infos[member.place])
                except (
                    zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError, OSError,
                    struct.error,
                ) as error:  # fmt: skip
                    raise ExportError(f"{name}: member {label} cannot be read: {error}") from None
    raise ExportError(f"{name}: no member {label!r} in it")


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sorts names the way people count: messages2 before messages10.

    >>> sorted(["messages10.html", "messages2.html", "messages.html"], key=natural)
    ['messages.html', 'messages2.html', 'messages10.html']
    """
    stem, dot, ending = name.rpartition(".")
    parts = re.split(r"(\d+)", stem if dot else ending)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part] + [(-1, ending)]


def _labeled(infos: list[zipfile.ZipInfo]) -> list[Member]:
    seen: Counter[str] = Counter()
    found = []
    for place, info in enumerate(infos):
        label = _label(info.orig_filename, bool(info.flag_bits & 0x800))
        seen[label] += 1
        if seen[label] > 1:
            label = f"{label}#{seen[label]}"
        problem = None
        if info.flag_bits & 0x1:
            problem = "it is encrypted; unpack the archive with its password"
        elif info.compress_type not in {0, 8, 12, 14}:
            problem = f"its way of packing ({info.compress_type}) is not known here; pack the archive again"
        aside = _aside(label, info.external_attr)
        found.append(
            Member(label, max(1, info.compress_size), aside, problem if aside is None else None, place=place)
        )
    return found


def _label(name: str, is_utf8: bool) -> str:
    """The name in letters: older programs wrote the bytes of their own code page."""
    if is_utf8 or name.isascii():
        return name.replace("\0", "")
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name.replace("\0", "")
    for encoding in ("utf-8", "cp1256"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _ARABIC.search(text):
            return text
    return name


def _aside(label: str, attributes: int = 0) -> str | None:
    base = label.replace("\\", "/").rpartition("/")[2].lower()
    if label.endswith(("/", "\\")):
        return "a folder"
    if stat.S_ISLNK(attributes >> 16):
        return "a symbolic link"
    if label.startswith("__MACOSX/") or base.startswith("._") or base in {".ds_store", "thumbs.db"}:
        return "left by the operating system"
    if _NO_EXPORT.fullmatch(base[base.rfind(".") :]):
        return "media or a program's own file"
    return None


def _salvaged(path: Path, most: int) -> list[Member]:
    """Members by their own heads, where the list at the end of the archive is lost."""
    found: list[Member] = []
    seen: Counter[str] = Counter()
    with path.open("rb") as file:
        base, window = 0, b""
        while len(found) < most:
            piece = file.read(1 << 20)
            window += piece
            at = 0
            while (at := window.find(b"PK\x03\x04", at)) >= 0 and at + 600 <= len(window) + (
                600 if not piece else 0
            ):
                member = _head_at(window, at, base, seen)
                if member is not None:
                    found.append(member)
                at += 4
            if not piece:
                break
            keep = max(0, len(window) - 600)
            base, window = base + keep, window[keep:]
    return [member for at, member in enumerate(found) if at == 0 or member.offset != found[at - 1].offset]


def _head_at(window: bytes, at: int, base: int, seen: Counter[str]) -> Member | None:
    if at + _LOCAL.size > len(window):
        return None
    _, version, flags, method, _, _, _, packed, _, name_size, _ = _LOCAL.unpack_from(window, at)
    raw = window[at + _LOCAL.size : at + _LOCAL.size + name_size]
    if version > 100 or method not in {0, 8} or not 0 < name_size <= 500 or len(raw) < name_size:
        return None
    label = _label(raw.decode("utf-8" if flags & 0x800 else "cp437", "replace"), bool(flags & 0x800))
    seen[label] += 1
    if seen[label] > 1:
        label = f"{label}#{seen[label]}"
    aside = _aside(label)
    problem = (
        "it is encrypted; unpack the archive with its password" if flags & 0x1 and aside is None else None
    )
    return Member(label, max(packed, 1 << 20), aside, problem, offset=base + at)


class _Deflated(io.RawIOBase):
    """A member read from its own head on, as far as it goes.  `EOFError` where it is cut off."""

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb")
        self._file.seek(offset)
        head = _LOCAL.unpack(self._file.read(_LOCAL.size))
        self._file.seek(head[9] + head[10], 1)
        self._left = head[7] if head[3] == 0 else -1  # stored: so many bytes
        self._decoder = zlib.decompressobj(-15)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        if self._left >= 0:
            piece = self._file.read(min(self._left, len(buffer)))
            if not piece and self._left:
                raise EOFError("the archive ends inside it")
            self._left -= len(piece)
        else:
            piece = b""
            while not piece and not self._decoder.eof:
                packed = self._rest or self._file.read(1 << 14)
                if not packed:
                    raise EOFError("the archive ends inside it")
                piece = self._decoder.decompress(packed, len(buffer))
                self._rest = self._decoder.unconsumed_tail
        buffer[: len(piece)] = piece
        return len(piece)
