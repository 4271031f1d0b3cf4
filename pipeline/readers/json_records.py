"""The message records of a large JSON file as slices of bytes, without parsing what lies around them.

Telegram Desktop indents by one blank a level and never breaks a line inside a string, so that a record is
what stands between `\\n  {` and `\\n  }`: `IndentedRecords`.  Any other layout (minified, indented again)
is read brace by brace: `ScannedRecords`.  Both know every byte that they pass over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator
from typing import NamedTuple

from msgspec import DecodeError
from msgspec.json import decode

from pipeline.readers.interface import Export
from pipeline.readers.opening import open_bytes, open_utf8

CHUNK = 1 << 20
_HEADER_LIMIT = 1 << 16


class Piece(NamedTuple):
    """A part of the file; `what` is open, record, stray, other, large or tail.

    open: a list of messages begins, `raw` is what stands before it since the last one;
    stray: bytes between records that are no record; other: data around the lists; tail: the file ended early.
    """

    what: str
    start: int  # byte in the file
    end: int  # half-open
    raw: bytes


class _Window:
    """A moving piece of a file: `buffer[position]` is byte `base + position`."""

    def __init__(self, export: Export, recoded: str | None = None) -> None:
        self.file = open_bytes(export) if recoded is None else open_utf8(export, recoded)
        self.limit = export.limits.record_bytes  # a longer record is refused
        self.buffer = b""
        self.base = 0
        self.position = 0
        self.ended = False

    def fill(self, keep: int) -> bool:
        """Read on; what is before `keep` is let go.  False at the end of the file."""
        piece = self.file.read(CHUNK)
        if not piece:
            self.ended = True
            return False
        self.buffer = self.buffer[keep:] + piece
        self.base += keep
        self.position -= keep
        return True

    def piece(self, what: str, start: int, end: int) -> Piece:
        return Piece(what, self.base + start, self.base + end, self.buffer[start:end])


_LIST = re.compile(rb'\n( |    )"messages": \[(?=\]|\n {1,5}[\]{])')


class IndentedRecords:
    """Records by the exporter's own indentation."""

    def __init__(self, export: Export, recoded: str | None = None) -> None:
        self._window = _Window(export, recoded)

    @staticmethod
    def fits(start: bytes) -> bool:
        """Whether the beginning of a file is in this layout."""
        return _LIST.search(start) is not None

    def resume_at(self, byte: int) -> None:
        """Go on from a byte inside the piece that was given last."""
        self._window.position = byte - self._window.base

    def __iter__(self) -> Iterator[Piece]:
        window = self._window
        with window.file:
            while (indent := (yield from self._outside())) is not None:
                if not (yield from self._inside(indent)):
                    return

    def _outside(self) -> Generator[Piece, None, int | None]:
        """What stands before the next list of messages; returns how far its name is indented."""
        window = self._window
        began = window.base + window.position
        search = window.position
        while True:
            match = _LIST.search(window.buffer, search)
            if match is not None and match.end() + 8 < len(window.buffer):
                yield Piece(
                    "open",
                    began,
                    window.base + match.end(),
                    window.buffer[max(0, window.position) : match.start()],
                )
                window.position = match.end()
                return len(match[1])
            keep = max(window.position, len(window.buffer) - _HEADER_LIMIT)
            if not window.fill(keep):
                if match is not None:
                    yield Piece("open", began, window.base + match.end(), window.buffer[: match.start()])
                    window.position = match.end()
                    return len(match[1])
                yield Piece(
                    "other", began, window.base + len(window.buffer), window.buffer[window.position :]
                )
                return None
            window.position = max(0, window.position)
            search = window.position

    def _inside(self, indent: int) -> Generator[Piece, None, bool]:
        """The records of a list; returns whether the list was closed."""
        window = self._window
        begin, end = b"\n" + b" " * (indent + 1) + b"{", b"\n" + b" " * (indent + 1) + b"}"
        close, follow = b"\n" + b" " * indent + b"]", b"," + b"\n" + b" " * (indent + 1) + b"{"
        behind_nul = b"\0" + begin[1:]
        either = re.compile(b"|".join(map(re.escape, (begin, close, behind_nul))))
        first = True
        while True:
            while len(window.buffer) - window.position < len(follow) and window.fill(window.position):
                pass
            buffer, position = window.buffer, window.position
            if buffer.startswith(follow, position):
                start = position + 2
            elif buffer.startswith((begin, behind_nul), position):
                start = position + 1
            elif buffer.startswith(close, position):
                window.position = position + len(close)
                return True
            elif first and buffer.startswith(b"]", position):
                window.position = position + 1
                return True
            else:
                found = yield from self._gap(either)
                if not found:
                    return False
                continue
            first = False
            search = start + 1
            while True:
                # No record holds the beginning of another one: one without its end costs only itself.
                following = window.buffer.find(begin, search)
                limit = following if following >= 0 else len(window.buffer)
                stop = window.buffer.find(end, max(start, search - len(end)), limit + len(end))
                if stop >= 0 or following >= 0 or len(window.buffer) - start > window.limit:
                    break
                search = max(start + 1, len(window.buffer) - len(end)) - start
                if not window.fill(start):
                    break
                start = 0
            if stop >= 0 or following >= 0:
                stop = stop + len(end) if 0 <= stop < limit else following
                window.position = stop
                base = window.base
                yield Piece("record", base + start, base + stop, window.buffer[start:stop])
            elif window.ended:
                window.position = len(window.buffer)
                yield window.piece("tail", start, len(window.buffer))
                if window.position == len(window.buffer):
                    return False
            else:
                window.position = len(window.buffer) - len(end)
                yield window.piece("large", start, window.position)

    def _gap(self, either: re.Pattern[bytes]) -> Generator[Piece, None, bool]:
        """Bytes between two records beyond a comma and white space; returns whether a record follows."""
        window = self._window
        while (match := either.search(window.buffer, window.position)) is None:
            if len(window.buffer) - window.position > window.limit:
                gap = window.piece("stray", window.position, len(window.buffer) - 8)
                window.position = len(window.buffer) - 8
                yield gap
            if not window.fill(window.position):
                gap = window.piece("tail", window.position, len(window.buffer))
                window.position = len(window.buffer)
                yield gap
                return False
        gap = window.piece("stray", window.position, match.start())
        window.position = match.start()
        if gap.raw.strip(b", \r\n\t"):
            yield gap
        return True


_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'


def _nested(depth: int) -> bytes:
    """What may stand in an object or array, down to so many levels below it."""
    plain = rb'[^"{}\[\]]*+'
    parts = _STRING if depth == 0 else _STRING + rb"|[{\[]" + _nested(depth - 1) + rb"[}\]]"
    return plain + rb"(?:(?:" + parts + rb")" + plain + rb")*+"


_WHOLE = re.compile(rb"[, \r\n\t]*+(\{" + _nested(3) + rb"\})", re.DOTALL)
"""The next record of a list in one step; one of more levels, or torn, is read token by token."""

_SCALAR = re.compile(rb'\s*:\s*("[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d+|null)')
_LIST_FOLLOWS = re.compile(rb"\s*:\s*\[")
TELEGRAM_RECORD = re.compile(rb'\{\s*"id"\s*:\s*-?\d+\s*,\s*"type"\s*:\s*"(?:message|service|unsupported)"')


class ScannedRecords:
    """Records of any layout: the objects in the lists of these names, found brace by brace.

    The name "" stands for a list that is the whole file, also behind `window.YTD.tweets.part0 = `.
    `members` are the names whose plain values are kept in `heads`, of the object around each list.
    `record_start` tells how a record begins, where one without its end shall cost only itself.
    `recoded` is the byte order of a file in UTF-16; its places then count in its UTF-8 form.
    """

    def __init__(
        self,
        export: Export,
        lists: Collection[str] = ("messages",),
        members: Collection[str] = ("name", "type", "id"),
        record_start: re.Pattern[bytes] | None = None,
        recoded: str | None = None,
    ) -> None:
        self._window = _Window(export, recoded)
        self._lists = frozenset(b'"' + name.encode() + b'"' for name in lists if name)
        self._root = "" in lists
        self._members = frozenset(b'"' + name.encode() + b'"' for name in members)
        self._start = record_start
        self.heads: list[dict[str, object]] = []  # per list of messages, the members of the object around it
        self._resumed = False

    def resume_at(self, byte: int) -> None:
        """Go on from a byte inside the piece that was given last, as from the beginning of a record."""
        self._window.position = byte - self._window.base
        self._resumed = True

    def __iter__(self) -> Iterator[Piece]:
        window = self._window
        stack: list[bytes] = []
        around: list[dict[str, object]] = []  # the members of each open object
        listed: int | None = None  # how deep the open list of messages is
        start: int | None = None  # where the open record begins, in the file
        settled = 0  # every byte before it was given out, or is no record
        with window.file:
            while True:
                at_record = (
                    listed == len(stack) and start is None and settled == window.base + window.position
                )
                if at_record and (whole := self._whole()) is not None:
                    settled = window.base + window.position
                    yield whole
                    if self._resumed:
                        self._resumed, settled = False, window.base + window.position
                    continue
                if start is None and listed is None:
                    anchor = window.position  # outside of a list nothing has to be kept
                else:
                    anchor = (start if start is not None else settled) - window.base
                match = _TOKEN.search(window.buffer, window.position)
                torn = match is not None and (match[0] == b'"' or match.end() + 64 > len(window.buffer))
                if match is None or (torn and not window.ended):
                    if match is None:
                        window.position = len(window.buffer)
                    if len(window.buffer) - anchor > window.limit:
                        start_of_large, anchor = anchor, len(window.buffer)
                        raw = window.buffer[start_of_large : start_of_large + CHUNK]
                        yield Piece("large", window.base + start_of_large, window.base + anchor, raw)
                        start, settled, window.position = None, window.base + anchor, anchor
                        del stack[(listed or 0) :]
                    if window.fill(min(anchor, window.position)):
                        continue
                    if match is None:
                        begin = start if start is not None else settled
                        if start is None and listed is None and not stack:
                            return
                        raw = window.buffer[max(0, begin - window.base) :]
                        yield Piece("tail", begin, window.base + len(window.buffer), raw)
                        if not self._resumed or listed is None:
                            return
                        self._resumed, start, settled = False, None, window.base + window.position
                        del stack[listed:]
                    continue
                window.position = match.end()
                token = match[0]
                depth = len(stack)
                if token[:1] == b'"':
                    if len(token) == 1:
                        window.position = len(window.buffer)
                        continue
                    if listed is None and around:
                        if token in self._lists and (
                            opened := _LIST_FOLLOWS.match(window.buffer, match.end())
                        ):
                            self.heads.append(around[-1])
                            window.position = opened.end()
                            yield Piece("open", settled, window.base + opened.end(), b"")
                            stack.append(b"[")
                            listed, settled = len(stack), window.base + opened.end()
                        elif token in self._members and (scalar := _SCALAR.match(window.buffer, match.end())):
                            around[-1][token.decode().strip('"')] = _decoded(scalar[1])
                            window.position = scalar.end()
                elif token in b"{[":
                    if listed is not None and depth == listed and token == b"{":
                        start = window.base + match.start()
                        gap = window.buffer[settled - window.base : match.start()]
                        if gap.strip(b", \r\n\t"):
                            yield Piece("stray", settled, start, gap)
                    elif self._root and listed is None and not stack and token == b"[":
                        self.heads.append({})
                        yield Piece("open", settled, window.base + match.end(), b"")
                        listed, settled = 1, window.base + match.end()
                    elif listed is None and token == b"{":
                        around.append({} if depth < 64 else around[-1])
                    elif (
                        listed is not None
                        and start is not None
                        and token == b"{"
                        and depth > listed
                        and self._start is not None
                        and self._start.match(window.buffer, match.start())
                    ):  # the record before has no end
                        unclosed = window.piece("record", start - window.base, match.start())
                        start = window.base + match.start()
                        del stack[listed:]
                        window.position = match.end()
                        yield unclosed
                        if self._resumed:  # it goes on from where the caller says
                            self._resumed, start = False, None
                            settled = window.base + window.position
                            continue
                    stack.append(token)
                elif token == b"}" and listed is not None and len(stack) == listed:
                    pass  # it closes nothing: what follows is still in the list
                elif stack:
                    opener = stack.pop()
                    if listed is None and opener == b"{" and around:
                        around.pop()
                    if listed is not None and len(stack) < listed:
                        gap = window.buffer[settled - window.base : match.start()]
                        if gap.strip(b", \r\n\t"):
                            yield Piece("stray", settled, window.base + match.start(), gap)
                        listed, settled = None, window.base + match.end()
                    elif start is not None and listed is not None and len(stack) == listed:
                        settled = window.base + match.end()
                        record = window.piece("record", start - window.base, match.end())
                        start = None
                        yield record
                        if self._resumed:
                            self._resumed, settled = False, window.base + window.position

    def _whole(self) -> Piece | None:
        """The record that follows in the list, where it is all there and no other one begins inside it."""
        window = self._window
        match = _WHOLE.match(window.buffer, window.position)
        if match is None or match.end() + 64 > len(window.buffer):
            return None
        begin, end = match.span(1)
        if self._start is not None and self._start.search(window.buffer, begin + 1, end):
            return None
        window.position = end
        return window.piece("record", begin, end)


def _decoded(raw: bytes) -> object:
    try:
        return decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return raw.decode("utf-8", "replace").strip('"')


def next_record(raw: bytes) -> int | None:
    """Where another message begins inside bytes that are no record, else None."""
    match = TELEGRAM_RECORD.search(raw, 1)
    return None if match is None else match.start()
