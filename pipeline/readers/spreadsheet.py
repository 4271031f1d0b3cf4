"""Spreadsheets: every sheet with a head row that names text and time, by a column mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from pipeline.errors import ExportError
from pipeline.readers.csv_rows import numbered
from pipeline.readers.fields import usual_columns
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin
from pipeline.readers.rows import Cells, columns_of, listed, posts_of_rows
from pipeline.readers.sheets import open_workbook, sheet_names, sheet_rows
from pipeline.records import NonPost

NAME = "spreadsheet"

_HEAD_ROWS = 20
"""How many rows of title may stand above the head."""

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  a serial day has no zone
_SERIAL = re.compile(r"[2-7]\d{4}(?:\.\d+)?")


def score(head: Head) -> Score:
    """By what a spreadsheet is packed as, and what is in it."""
    both = head.start + head.end
    if head.start.startswith(b"PK\x03\x04") and (
        b"xl/workbook" in both or b"xl/worksheets" in both or b"opendocument.spreadsheet" in head.start[:200]
    ):
        return Score(90, "the parts of a spreadsheet")
    if head.start.startswith(b"\xd0\xcf\x11\xe0") and b"W\0o\0r\0k\0b\0o\0o\0k" in both:
        return Score(90, "the workbook of an old spreadsheet")
    return NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row of every sheet that has the columns; another sheet is one non-post.

    Raises `ExportError` where the file is no spreadsheet, and where no sheet has the columns.
    """
    workbook = open_workbook(export)
    heads: dict[str, list[str]] = {}
    found = False
    for sheet in sheet_names(workbook):
        rows = list(sheet_rows(export, workbook, sheet))
        at, head = _head(rows, reading)
        if at is None:
            heads[sheet] = head
            if any(any(row) for row in rows):
                what = f"sheet {sheet!r} without columns for text and time"
                yield NonPost(origin=origin(export, NAME, f"sheet {sheet}, row 1"), what=what)
            continue
        found = True
        while len(head) > 1 and not head[-1]:
            head.pop()
        yield from _Sheet(sheet, head, rows[at + 1 :], at + 2).items(export, reading)
    if not found:
        if len(heads) == 1:
            columns_of(export, reading, next(iter(heads.values())))
        told = "; ".join(f"sheet {sheet!r}: {listed(head)}" for sheet, head in heads.items()) or "no sheet"
        raise ExportError(
            f"{export.name}: no sheet has columns for text and time; set columns: {{text: ..., "
            f"posted_at: ...}}; there are {told}"
        )


def _head(rows: Sequence[Sequence[Any]], reading: Reading) -> tuple[int | None, list[str]]:
    """Which row is the head, and its names; None and the widest of the first rows where none is."""
    widest: list[str] = []
    for at, row in enumerate(rows[:_HEAD_ROWS]):
        names = numbered([str(cell).strip() for cell in row])
        columns = reading.columns or usual_columns(names)
        if reading.columns and set(columns.values()) <= set(names):
            return at, names
        if not reading.columns and {"text", "posted_at"} <= columns.keys():
            return at, names
        if sum(map(bool, names)) > sum(map(bool, widest)):
            widest = names
    return None, widest


class _Sheet(Struct, frozen=True):
    name: str
    head: list[str]
    rows: list[list[Any]]
    first: int  # number of the first row behind the head

    def items(self, export: Export, reading: Reading) -> Iterator[Item]:
        columns = columns_of(export, reading, self.head)
        timed = [self.head.index(columns[field]) for field in _TIMES if field in columns]
        serials = timed if reading.time_format is None else []
        return posts_of_rows(export, reading, NAME, self.head, lambda: self._cells(serials))

    def _cells(self, serials: list[int]) -> Iterator[Cells]:
        for number, cells in enumerate(self.rows, start=self.first):
            if not any(isinstance(cell, bool) or str(cell).strip() for cell in cells):
                continue
            notes: tuple[str, ...] = ()
            raw = json.dumps(cells, ensure_ascii=False)
            for place in serials:
                if _SERIAL.fullmatch(str(cells[place])):
                    cells = [*cells[:place], _from_serial(float(cells[place])), *cells[place + 1 :]]
                    notes = ("excel_serial",)
            while len(cells) > len(self.head) and cells[-1] == "":
                cells = cells[:-1]
            yield Cells(f"sheet {self.name}, row {number}", cells, raw, notes)


_TIMES = ("posted_at", "posted_date", "edited_at")


def _from_serial(days: float) -> str:
    """A date that was saved without the format of a date, as days since 1899-12-30.

    >>> _from_serial(45293.5), _from_serial(45293)
    ('2024-01-02 12:00:00', '2024-01-02')
    """
    when = _EPOCH + timedelta(seconds=round(days * 86_400))
    return when.isoformat(sep=" ") if days % 1 else when.date().isoformat()


READER = Reader(
    name=NAME,
    platform="other",
    about="Spreadsheets (xlsx, xlsb, xls, ods): every sheet with a head row, by usual names or a mapping",
    keeps="mapped columns as fields of the post, all others in extra; ids that were saved as text",
    loses="the last digits of ids that were saved as numbers (such a row is marked, its url serves as id); "
    "formulas, notes and colors; a sheet is held in memory as a whole",
    score=score,
    read=read,
    takes_columns=True,
    files="*.xlsx, *.xlsm, *.xlsb, *.xls, *.ods",
)
