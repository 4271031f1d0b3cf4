"""An export as a stream of bytes: packed files are unpacked on the way and never written anywhere.

A packed file that ends early or is damaged gives what could be unpacked; `broken_off` then says why it
ended.  What exceeds the limits raises `ExportError`.
"""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable
from typing import IO, Any

import zstandard

from pipeline.errors import ExportError
from pipeline.readers.archives import open_member
from pipeline.readers.interface import Export, Limits

CHUNK = 1 << 20
_FREE = 1 << 26  # unpacked bytes that are never asked for their ratio

_MAGIC = {
    b"\x1f\x8b\x08": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
}
"""How a packed stream begins."""


def packing_of(start: bytes) -> str | None:
    """How a stream that begins so is packed: gz, bz2, xz, zst; None where it is none of these.

    >>> packing_of(b"BZh91AY&SY")
    'bz2'
    """
    if start[:1] == b"P" or not start:
        return None
    if start[1:4] == b"*M\x18" and 0x50 <= start[0] <= 0x5F:  # a frame of zstandard to be skipped
        return "zst"
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)


def open_bytes(export: Export) -> IO[bytes]:
    """The bytes of the export, unpacked.  `read(n)` gives n bytes but at the end; only plain files seek.

    Raises `OSError` where the file cannot be opened, and while reading `ExportError` where a limit is
    exceeded.
    """
    if not export.packing:
        return export.path.open("rb")
    return io.BufferedReader(_opened(export), CHUNK)


def broken_off(export: Export) -> str | None:
    """Why the packed bytes end before their end, in words; None where they are whole, or not packed."""
    if not export.packing:
        return None
    raw = _opened(export)
    with io.BufferedReader(raw, CHUNK) as stream:
        while stream.read(CHUNK):
            pass
        return raw.problem()


def open_utf8(export: Export, order: str) -> IO[bytes]:
    """The bytes of an export in UTF-16 (`order`: le, be) as UTF-8, without the mark of the order."""
    return io.BufferedReader(_Recoded(open_bytes(export), order), CHUNK)


def _opened(export: Export) -> _Guarded:
    layer: _Layer
    if export.packing[0] == "zip":
        assert export.member is not None
        member, stream = open_member(export.path, export.name, export.member)
        size, layer = member.packed, _ZipMember(stream)
    else:
        size, layer = export.path.stat().st_size, _Unpacked(export.path.open("rb"), export.packing[0])
    guarded = _Guarded(layer, export.name, size, export.limits)
    for kind in export.packing[1:]:
        inner = _Unpacked(io.BufferedReader(guarded, CHUNK), kind, guarded)
        guarded = _Guarded(inner, export.name, size, export.limits)
    return guarded


class _Layer(io.RawIOBase):
    """A readable stream of unpacked bytes."""

    def readable(self) -> bool:
        return True

    def problem(self) -> str | None:
        """Why it ended early, told after its end."""
        return None

    @abstractmethod
    def more(self) -> bytes:
        """Some bytes, b"" at the end."""

    _ready = b""
    _at = 0

    def readinto(self, buffer: Any) -> int:
        if self._at == len(self._ready):
            self._ready, self._at = self.more(), 0
        count = min(len(buffer), len(self._ready) - self._at)
        buffer[:count] = self._ready[self._at : self._at + count]
        self._at += count
        return count


class _Unpacked(_Layer):
    """One or more packed streams, one behind the other, as one."""

    def __init__(self, file: IO[bytes], kind: str, below: _Layer | None = None) -> None:
        self._file = file
        self._kind = kind
        self._below = below
        self._make, self._piece = _DECODERS[kind]
        self._decoder = self._make()
        self._begun = False  # whether the decoder has been given bytes
        self._problem: str | None = None
        self._rest = b""
        self._ended = False

    def problem(self) -> str | None:
        return self._problem or (self._below.problem() if self._below else None)

    def close(self) -> None:
        self._file.close()
        super().close()

    def more(self) -> bytes:
        bounded = self._kind in {"bz2", "xz"}
        while not self._ended:
            packed = b""
            if not bounded or not self._begun or self._decoder.needs_input:
                packed = self._rest or self._file.read(self._piece)
                self._rest = b""
                if not packed:
                    self._ended = True
                    if self._begun:
                        self._problem = f"the packed file ({self._kind}) ends before its end"
                    return b""
                if not self._begun and not packed.strip(b"\0"):
                    continue  # padding behind the last stream
            self._begun = True
            try:
                unpacked: bytes = (
                    self._decoder.decompress(packed, CHUNK) if bounded else self._decoder.decompress(packed)
                )
            except (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, MemoryError) as error:
                self._ended = True
                self._problem = f"the packed file ({self._kind}) is damaged: {error or type(error).__name__}"
                return b""
            if self._decoder.eof:
                self._rest = self._decoder.unused_data
                self._decoder, self._begun = self._make(), False
            if unpacked:
                return unpacked
        return b""


_DECODERS: dict[str, tuple[Callable[[], Any], int]] = {
    "gz": (lambda: zlib.decompressobj(31), 1 << 14),
    "bz2": (bz2.BZ2Decompressor, 1 << 16),
    "xz": (lzma.LZMADecompressor, 1 << 16),
    "zst": (lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(), 1 << 11),
}
"""A decoder, and how many packed bytes it is handed at once: of zlib and zstandard, which put no bound to
what comes out, so few that it is never more than 64 MB."""


class _ZipMember(_Layer):
    """A member of a zip archive, with its checksum looked at."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._problem: str | None = None

    def problem(self) -> str | None:
        return self._problem

    def close(self) -> None:
        self._stream.close()
        super().close()

    def more(self) -> bytes:
        if self._problem is not None:
            return b""
        try:
            return self._stream.read(1 << 16)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError, ValueError) as error:
            self._problem = f"the member of the archive is damaged: {error or type(error).__name__}"
            return b""


class _Guarded(_Layer):
    """Counts what comes out and stops it where it is more than the limits allow."""

    def __init__(self, layer: _Layer, name: str, packed: int, limits: Limits) -> None:
        self._layer = layer
        self._name = name
        self._most = max(_FREE, min(packed * limits.archive_ratio, limits.archive_bytes))
        self._count = 0
        self._packed = packed

    def problem(self) -> str | None:
        return self._layer.problem()

    def close(self) -> None:
        self._layer.close()
        super().close()

    def more(self) -> bytes:
        piece = self._layer.more()
        self._count += len(piece)
        if self._count > self._most:
            raise ExportError(
                f"{self._name}: {self._packed:,} packed bytes unpack to more than {self._most:,}; where that "
                f"is meant, raise limits: archive_ratio or archive_bytes, else take the file away"
            )
        return piece


class _Recoded(_Layer):
    """UTF-16 as UTF-8."""

    def __init__(self, stream: IO[bytes], order: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(f"utf-16-{order}")("surrogatepass")
        self._first = True

    def close(self) -> None:
        self._stream.close()
        super().close()

    def more(self) -> bytes:
        while piece := self._stream.read(CHUNK):
            text = self._decoder.decode(piece)
            if self._first:
                text, self._first = text.removeprefix("\ufeff"), False
            if text:
                return text.encode("utf-8", "surrogatepass")
        return b""
