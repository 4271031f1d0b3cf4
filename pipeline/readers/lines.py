"""Lines of a text file of any size, with where each begins and ends in the file.

A line ends with LF, CR LF or CR, in any mix.  UTF-16 is handed on as UTF-8; the places stay those of
the file.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from pipeline.readers.encodings import utf16_order
from pipeline.readers.interface import Export
from pipeline.readers.opening import open_bytes


class Block(Struct):
    """The lines of one post while they are collected."""

    lines: list[str]
    notes: list[str]  # repairs
    first: int = 0  # line, 0 for none
    last: int = 0  # line, inclusive
    size: int = 0  # characters
    indent: str = ""  # of its head

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def locator(self) -> str:
        return f"line {self.first}" if self.first == self.last else f"lines {self.first}-{self.last}"

    def note(self, repaired: str | None) -> None:
        if repaired is not None and repaired not in self.notes:
            self.notes.append(repaired)


class RawLine(NamedTuple):
    number: int  # from 1
    start: int  # byte in the file
    end: int  # half-open, behind the line end
    content: bytes  # with its line end; UTF-8 where the file is UTF-16
    cut: bool = False  # a piece of a line over the limit of a record


def raw_lines(export: Export) -> Iterator[RawLine]:
    """Every line of the file, the last one too where it has no line end.

    A line over `limits.record_bytes` is handed out in pieces, each marked as cut.
    """
    limit = export.limits.record_bytes
    with open_bytes(export) as file:
        begun = file.read(1 << 12)
        order = utf16_order(begun)
        decoder = codecs.getincrementaldecoder(f"utf-16-{order}")("surrogatepass") if order else None
        rest, number, at = b"", 0, 0
        while True:
            piece, begun = begun or file.read(1 << 20), b""
            final = not piece
            if decoder is not None:
                try:
                    piece = decoder.decode(piece, final).encode("utf-8", "surrogatepass")
                except UnicodeDecodeError:  # half a code unit at the very end
                    piece = b""
            lines = (rest + piece).splitlines(keepends=True)
            rest = b""
            if lines and not final and (lines[-1][-1:] != b"\n"):
                rest = lines.pop()  # not ended yet, or CR whose LF may follow
            for content in lines:
                number += 1
                end = at + _width(content, decoder is not None)
                yield RawLine(number, at, end, content)
                at = end
            if len(rest) > limit and rest[-1:] != b"\r":
                end = at + _width(rest, decoder is not None)
                yield RawLine(number + 1, at, end, rest, True)
                at, rest = end, b""
            if final:
                return


def _width(content: bytes, wide: bool) -> int:
    if not wide:
        return len(content)
    return len(content.decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass"))
