"""Rows of a delimited file, one by one, with the lines that each was read from.

The standard library reads one row at a time; around it stands a guard: a quote that is never closed costs
its own line and not the rest of the file.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, detect
from pipeline.readers.interface import Export, Reading
from pipeline.readers.lines import RawLine, raw_lines

FIELD_LIMIT = 10_000_000
"""Characters of a row."""

_OPEN_LINES = 1_000
_DELIMITERS = (",", ";", "\t", "|")


class Row(NamedTuple):
    number: int  # as a spreadsheet counts: the head is row 1
    first: int  # line
    last: int  # line, inclusive
    cells: list[str]
    raw: str
    notes: tuple[str, ...]  # repairs
    problem: str | None = None  # why it is no row

    @property
    def locator(self) -> str:
        lines = f"line {self.first}" if self.first == self.last else f"lines {self.first}-{self.last}"
        return f"row {self.number} ({lines})"


class _Line(NamedTuple):
    number: int
    text: str
    note: str | None
    cut: bool


class Rows:
    """The rows of one export; iterate as often as needed.

    `head` is the first row, as it is: blanks around names taken off, a name that comes twice numbered.
    Raises `ExportError` where the file is empty.
    """

    def __init__(self, export: Export, reading: Reading) -> None:
        self._export = export
        self._encoding = detect(export, reading.encoding)
        csv.field_size_limit(2 * FIELD_LIMIT)
        declared = {"tab": "\t", "\\t": "\t"}.get(reading.delimiter or "", reading.delimiter)
        if declared is not None and len(declared) != 1:
            raise ExportError(f"{export.name}: delimiter {declared!r} must be one character, or tab")
        self.delimiter = declared or self._sniff()
        first = next(self._rows(0), None)
        if first is None or first.problem is not None:
            raise ExportError(f"{export.name}: no head row; the first row must name the columns")
        self.head = numbered([cell.strip() for cell in first.cells])
        while len(self.head) > 1 and not self.head[-1]:
            self.head.pop()

    def __iter__(self) -> Iterator[Row]:
        """Every row behind the head; empty lines are no rows."""
        rows = self._rows(len(self.head))
        next(rows)
        return rows

    def _sniff(self) -> str:
        """The delimiter by which the first lines have the most equal numbers of cells."""
        lines = []
        for line in self._lines():
            lines.append(line.text)
            if len(lines) == 60:
                break
        if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
            return lines[0].strip()[-1]

        return max(_DELIMITERS, key=lambda delimiter: _evidence(lines, delimiter))

    def _lines(self) -> Iterator[_Line]:
        torn: RawLine | None = None
        for raw in raw_lines(self._export):
            if raw.cut or (torn is not None and torn.number == raw.number):
                if torn is None:
                    torn = raw
                if raw.cut:
                    continue
                yield _Line(torn.number, decode_line(torn.content[:20_000], self._encoding)[0], None, True)
                torn = None
                continue
            content, note = raw.content, None
            if b"\0" in content:
                content, note = content.replace(b"\0", b""), "nul"
            text, broken = decode_line(content, self._encoding)
            if raw.number == 1:
                text = text.removeprefix("\ufeff")
            yield _Line(raw.number, text, broken or note, False)
        if torn is not None:
            yield _Line(torn.number, decode_line(torn.content[:20_000], self._encoding)[0], None, True)

    def _rows(self, width: int) -> Iterator[Row]:
        """All rows, the head too.  `width` 0: not known yet."""
        source = self._lines()
        again: deque[_Line] = deque()
        number = runaways = 0
        while True:
            line = again.popleft() if again else next(source, None)
            if line is None:
                return
            if not line.text.strip(" \r\n\t") or (line.number == 1 and line.text.lower().startswith("sep=")):
                continue
            number += 1
            if line.cut:
                yield Row(number, line.number, line.number, [], line.text, (), "a line over 16 MB")
                continue
            lines = [line]
            cells = self._strict(line.text)
            if cells is not None:
                yield Row(number, line.number, line.number, cells, line.text, _notes(lines))
                continue
            limit = _OPEN_LINES if runaways < 5 else 50
            text, size, note = line.text, len(line.text), None
            parts = [line.text]
            while cells is None:
                if not self._is_open(text):
                    cells, note = self._lenient(text, width)
                    break
                following: _Line | None = None
                while len(lines) < limit and size < FIELD_LIMIT:
                    following = again.popleft() if again else next(source, None)
                    if following is None or following.cut:
                        break
                    lines.append(following)
                    parts.append(following.text)
                    size += len(following.text)
                    if '"' in following.text:
                        break
                    following = None
                if following is None or following.cut:
                    if following is not None:
                        again.appendleft(following)
                    break
                text = "".join(parts)
                cells = self._strict(text)
            runaway = cells is None or (
                len(lines) > 1
                and (note is not None or (width > 0 and len(cells) != width))
                and any(
                    self._is_row(later.text, width) or (note is not None and self._begins_row(later.text))
                    for later in lines[1:]
                )
            )
            if runaway:
                runaways += 1
                again.extendleft(reversed(lines[1:]))
                problem = f"a quote in line {line.number} is never closed; close it in the export"
                yield Row(number, line.number, line.number, [], line.text, _notes(lines[:1]), problem)
                continue
            assert cells is not None
            notes = _notes(lines) + ((note,) if note else ())
            yield Row(number, line.number, lines[-1].number, cells, "".join(parts), notes)

    def _strict(self, text: str) -> list[str] | None:
        """The cells of exactly one well-formed row, else None."""
        try:
            return next(csv.reader([text], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return None

    def _is_open(self, text: str) -> bool:
        try:
            next(csv.reader([text], delimiter=self.delimiter, strict=True), [])
        except csv.Error as error:
            return "unexpected end of data" in str(error)
        return False

    def _lenient(self, text: str, width: int) -> tuple[list[str], str]:
        """The cells of a row with quotes in the wrong places."""
        try:  # MySQL and its kin write a quote inside a cell with a backslash
            escaped = next(csv.reader([text], delimiter=self.delimiter, strict=True, escapechar="\\"), [])
            if '\\"' in text and len(escaped) >= width:
                return escaped, "backslash_quote"
        except csv.Error:
            pass
        try:
            return next(csv.reader([text], delimiter=self.delimiter), []), "quote"
        except csv.Error:
            return text.rstrip("\r\n").split(self.delimiter), "quote"

    def _begins_row(self, text: str) -> bool:
        """Whether such a line looks like the first of a row of several lines."""
        return self.delimiter in text.partition('"')[0] and self._is_open(text)

    def _is_row(self, text: str, width: int) -> bool:
        """Whether a line that a quoted cell has swallowed looks like a row of its own."""
        if width < 2:
            return False
        cells = self._strict(text)
        return text.count(self.delimiter) == width - 1 if cells is None else len(cells) == width


def _evidence(lines: list[str], delimiter: str) -> tuple[bool, float]:
    """Whether most rows are as wide as the head, and how much is in favor."""
    try:
        widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
    except csv.Error:
        return False, 0.0
    if not widths or widths[0] < 2:
        return False, 0.0
    same = Counter(widths)[widths[0]] / len(widths)
    return same > 0.5, widths[0] * same


def _notes(lines: list[_Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.note for line in lines if line.note is not None))


def numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return numbered
