"""Tables as sheets of one Excel workbook, written row by row so that memory stays flat.

Texts are texts: no formula, number or link is made of them, and what looks like a formula carries Excel's
own mark for text.  What a workbook cannot hold is cut and told, in the cell, on the sheet `about` and in the
notes.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ConfigError
from pipeline.storage.export.cells import column_kind, is_text, plain, risky
from pipeline.storage.export.streams import Note, Stream, Watch, note_of

MOST_ROWS: Final = 1_048_576  # of a sheet, the head included
MOST_UNITS: Final = 32_767  # of a cell, counted in UTF-16
_FIRST_DAY: Final = datetime(1900, 3, 1)  # noqa: DTZ001  Excel's own days before are a day off, and none before 1900
_EXACT: Final = 2**53  # whole numbers beyond are rounded
_ARABIC: Final = (
    r"^[^\p{L}]*\p{Arabic}"  # the first letter is an Arabic one: the text runs from right to left
)
_TEXT_COLUMNS: Final = ("text", "surface", "raw")

_Place = tuple[int, int]  # row and column of a cell, from 0


class _Cut:
    """What did not fit, to be told."""

    def __init__(self) -> None:
        self.cells: Counter[str] = Counter()  # by sheet
        self.first: dict[str, tuple[str, int]] = {}  # cell and length of the first on a sheet


def write_xlsx(
    path: Path,
    tables: Sequence[Stream],
    about: Mapping[str, str],
    watch: Watch,
    most_rows: int = MOST_ROWS,
) -> tuple[dict[str, int], list[Note]]:
    """Write the tables; the rows of each, and what did not fit.

    A table of more than `most_rows` goes on on a further sheet.  A sheet lies from right to left where
    most of its texts do.
    """
    if importlib.util.find_spec("xlsxwriter") is None:
        raise ConfigError("xlsxwriter is not installed; `pip install 'marsad[export]'`")
    xlsxwriter = importlib.import_module("xlsxwriter")
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    rows: dict[str, int] = {}
    notes: list[Note] = []
    cut = _Cut()
    book = xlsxwriter.Workbook(str(path), options)
    try:
        book.set_properties({"title": "marsad export", "comments": "; ".join(map(": ".join, about.items()))})
        for table in tables:
            rows[table.name], sheets = _table(book, table, watch, most_rows, cut)
            if sheets > 1:
                notes.append(
                    Note(
                        table.name,
                        f"{rows[table.name]:,} rows stand on {sheets} sheets: one holds {most_rows:,}",
                    )
                )
        for name, count in cut.cells.items():
            cell, length = cut.first[name]
            told = f"{count:,} cells were cut at Excel's limit of {MOST_UNITS:,} characters"
            notes.append(Note(name.split()[0], f"{told}, the first is {cell} with {length:,}"))
        _about(book, about, tables, notes)
        book.close()
    except xlsxwriter.exceptions.XlsxWriterException as refused:
        raise OSError(str(refused)) from refused
    return rows, notes


def _table(book: Any, table: Stream, watch: Watch, most_rows: int, cut: _Cut) -> tuple[int, int]:
    """Rows and sheets of a table."""
    texts = [name for name in table.schema.names if name in _TEXT_COLUMNS]
    formats = _Formats(book)
    sheet = _sheet(book, table, 1, formats)
    rows = written = rightward = 0
    sheets = 1
    for batch in table.batches():
        for name in texts:
            rightward += pc.sum(pc.match_substring_regex(batch[name], _ARABIC)).as_py() or 0
        for values in _rows(batch, formats):
            if written + 1 == most_rows:
                _close(sheet, table, written)
                sheets, written = sheets + 1, 0
                sheet = _sheet(book, table, sheets, formats)
            written += 1
            for at, (value, put) in enumerate(values):
                if value is not None:
                    put(sheet, (written, at), value, cut)
        rows += len(batch)
        watch(table.name, rows)
    _close(sheet, table, written)
    if rightward * 2 > rows * len(texts):
        for one in book.worksheets()[-sheets:]:
            one.right_to_left()
    return rows, sheets


class _Formats:
    """The formats of a workbook, and how a value of each kind is put into a cell."""

    def __init__(self, book: Any) -> None:
        self.head = book.add_format({"bold": True, "bottom": 1})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._quoted = book.add_format({"quote_prefix": True})

    def put_of(self, kind: pa.DataType) -> Callable[..., None]:
        found: Callable[..., None] = column_kind(
            kind,
            text=self.text,
            whole=self.number,
            real=self.number,
            truth=self.truth,
            moment=self.moment,
            day=self.day,
        )
        return found

    def text(self, sheet: Any, place: _Place, value: str, cut: _Cut) -> None:
        if len(value) * 2 > MOST_UNITS:
            value = _fitting(value, sheet.name, place, cut)
        sheet.write_string(*place, value)

    def quoted(self, sheet: Any, place: _Place, value: str, cut: _Cut) -> None:
        """A text that looks like a formula: Excel's apostrophe, so that it stays text when it is edited."""
        if len(value) * 2 > MOST_UNITS:
            value = _fitting(value, sheet.name, place, cut)
        sheet.write_string(*place, value, self._quoted)

    def number(self, sheet: Any, place: _Place, value: float, _cut: _Cut) -> None:
        if not math.isfinite(value):
            return
        if abs(value) > _EXACT and isinstance(value, int):
            sheet.write_string(*place, str(value))
        else:
            sheet.write_number(*place, value)

    def truth(self, sheet: Any, place: _Place, value: bool, _cut: _Cut) -> None:
        sheet.write_boolean(*place, value)

    def moment(self, sheet: Any, place: _Place, value: datetime, _cut: _Cut) -> None:
        clock = value.replace(tzinfo=None)
        if clock < _FIRST_DAY:
            sheet.write_string(*place, clock.isoformat(" "))
        else:
            sheet.write_datetime(*place, clock, self._moment)

    def day(self, sheet: Any, place: _Place, value: date, _cut: _Cut) -> None:
        if value < _FIRST_DAY.date():
            sheet.write_string(*place, value.isoformat())
        else:
            sheet.write_datetime(*place, value, self._day)


def _rows(batch: pa.RecordBatch, formats: _Formats) -> Iterator[tuple[tuple[Any, Callable[..., None]], ...]]:
    """The cells of each row, with the way in which each is put."""
    columns: list[list[tuple[Any, Callable[..., None]]]] = []
    for column in batch.columns:
        put = formats.put_of(column.type)
        if not is_text(column.type):
            columns.append([(value, put) for value in column.to_pylist()])
            continue
        texts = plain(column)
        like_formulas = risky(texts).to_pylist()
        columns.append(
            [
                (value, formats.quoted if is_risky else formats.text)
                for value, is_risky in zip(texts.to_pylist(), like_formulas, strict=True)
            ]
        )
    return zip(*columns, strict=True)


def _sheet(book: Any, table: Stream, number: int, formats: _Formats) -> Any:
    sheet = book.add_worksheet(table.name if number == 1 else f"{table.name} {number}")
    sheet.freeze_panes(1, 0)
    for at, field in enumerate(table.schema):
        width = 60 if field.name == "text" else 19 if pa.types.is_timestamp(field.type) else 14
        sheet.set_column(at, at, width)
        sheet.write_string(0, at, field.name, formats.head)
    return sheet


def _close(sheet: Any, table: Stream, rows: int) -> None:
    sheet.autofilter(0, 0, rows, len(table.schema) - 1)


def _fitting(value: str, sheet: str, place: _Place, cut: _Cut) -> str:
    """The text, cut between two code points where it is too long, with a word about it at its end."""
    units = value.encode("utf-16-le")
    if len(units) <= 2 * MOST_UNITS:
        return value
    cut.cells[sheet] += 1
    cut.first.setdefault(sheet, (_cell(*place), len(value)))
    mark = f" […] [cut by marsad: {len(value):,} characters]"
    kept = units[: 2 * (MOST_UNITS - len(mark))].decode("utf-16-le", "ignore")
    return kept + mark


def _cell(row: int, at: int) -> str:
    """
    >>> _cell(1, 0), _cell(9, 27)
    ('A2', 'AB10')
    """
    letters = chr(ord("A") + at % 26)
    return (chr(ord("A") + at // 26 - 1) if at >= 26 else "") + f"{letters}{row + 1}"


def _about(book: Any, about: Mapping[str, str], tables: Sequence[Stream], notes: Sequence[Note]) -> None:
    """The sheet that says what this is, what was cut, and what each column means."""
    sheet = book.add_worksheet("about")
    sheet.set_column(0, 1, 18)
    sheet.set_column(2, 2, 100)
    lines = [
        *(("", key, value) for key, value in about.items()),
        *((note.table, "note", note.what) for note in notes),
        *((table.name, field.name, note_of(field)) for table in tables for field in table.schema),
    ]
    for row, cells in enumerate(lines):
        for at, text in enumerate(cells):
            sheet.write_string(row, at, text)
