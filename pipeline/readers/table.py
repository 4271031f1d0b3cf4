"""Any table in a text file: CSV, TSV and their kin, by a column mapping."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from pipeline.readers.csv_rows import Rows
from pipeline.readers.encodings import eight_bit, utf16_order
from pipeline.readers.fields import usual_columns
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score
from pipeline.readers.rows import Cells, posts_of_rows

NAME = "table"


def score(head: Head) -> Score:
    """Only where the head row has the usual names for text and time, and rows follow."""
    names = head_names(head)
    if head.columns and set(head.columns) <= set(names):
        return Score(84, "a head row with all the columns that are configured")
    columns = usual_columns(names)
    if "text" not in columns or "posted_at" not in columns:
        return NOT_MINE
    points = 70 if "id" in columns or "url" in columns else 60
    return Score(points, f"a head row with {columns['text']!r} and {columns['posted_at']!r}")


def head_names(head: Head) -> list[str]:
    """The names in the first line of a file, if it is the head of a table."""
    start = head.start.removeprefix(b"\xef\xbb\xbf")
    if start.lstrip()[:1] in {b"{", b"[", b"<"}:
        return []
    order = utf16_order(start)
    text = start.decode(f"utf-16-{order}", "replace") if order else start.decode("utf-8", "replace")
    if text.count("\ufffd") > 3:
        text = start.decode(eight_bit(start), "replace")
    lines = [line for line in re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")) if line.strip()]
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]
    if not lines or len(lines[0]) > 5_000:
        return []
    try:
        return max(
            (next(csv.reader([lines[0]], delimiter=delimiter), []) for delimiter in ",;\t|"),
            key=len,
        )
    except csv.Error:
        return []


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post, by `reading.columns` or, without them, by the usual names.

    Columns that are not mapped are kept in `extra`.  Raises `ExportError` where a mapped column is not in
    the head.
    """
    table = Rows(export, reading)

    def rows() -> Iterator[Cells]:
        return (Cells(row.locator, row.cells, row.raw, row.notes, row.problem) for row in table)

    yield from posts_of_rows(export, reading, NAME, table.head, rows)


READER = Reader(
    name=NAME,
    platform="other",
    about="CSV, TSV and other delimited text with a head row, by a column mapping",
    keeps="mapped columns as fields of the post, all others in extra",
    loses="nothing of a row; formatting of a spreadsheet is lost when it is saved as text",
    score=score,
    read=read,
    takes_columns=True,
    files="*.csv, *.tsv, *.txt",
    needs_columns=True,
)
