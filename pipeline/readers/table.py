"""Any table in a text file: CSV, TSV and their kin, by a column mapping."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from pipeline.errors import ExportError
from pipeline.readers.csv_rows import Row, Rows
from pipeline.readers.encodings import eight_bit, utf16_order
from pipeline.readers.fields import Posts, check_columns, usual_columns
from pipeline.readers.interface import Export, Head, Item, Reader, Reading, origin, refuse
from pipeline.records import Reason

NAME = "table"


def score(head: Head) -> float:
    """Only where the head row has the usual names for text and time, and rows follow."""
    columns = usual_columns(head_names(head))
    if "text" not in columns or "posted_at" not in columns:
        return 0.0
    return 0.6 + (0.1 if "id" in columns or "url" in columns else 0.0)


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
    rows = Rows(export, reading)
    columns = reading.columns or usual_columns(rows.head)
    if not reading.columns and not {"text", "posted_at"} <= columns.keys():
        raise ExportError(
            f"{export.name}: which columns hold text and time? set columns: {{text: ..., posted_at: ...}}; "
            f"there are {_listed(rows.head)}"
        )
    check_columns(export, columns)
    for field, column in columns.items():
        if column not in rows.head:
            raise ExportError(
                f"{export.name}: columns: {field}: {column!r} is not in the head; "
                f"there are {_listed(rows.head)}"
            )
    where = {field: rows.head.index(column) for field, column in columns.items()}
    timed = where.get("posted_at", where.get("posted_date", 0))
    posts = Posts(
        export,
        reading,
        NAME,
        READER.platform,
        times=lambda: (row.cells[timed] for row in rows if timed < len(row.cells)),
    )
    rest = [(at, name) for at, name in enumerate(rows.head) if at not in where.values() and name]
    for row in rows:
        at = origin(export, NAME, row.locator)
        problem = row.problem or _affected(row, rows.head, where)
        if problem is not None:
            yield refuse(reading.source, at, Reason.BAD_ROW, problem, row.raw)
            continue
        cells = row.cells
        values = {
            field: cells[place].strip("\t ") if field != "text" else cells[place]
            for field, place in where.items()
            if place < len(cells)
        }
        extra: dict[str, object] = {
            name: cells[place] for place, name in rest if place < len(cells) and cells[place]
        }
        more = [cell for cell in cells[len(rows.head) :] if cell.strip()]
        if more:
            extra["more_cells"] = more
        if row.notes:
            extra["repaired"] = list(row.notes)
        yield posts.post(values, extra, at, row.raw)


def _affected(row: Row, head: list[str], where: dict[str, int]) -> str | None:
    """Why a row of another width than the head cannot be trusted; None where its text is safe."""
    width = len(row.cells)
    if width < len(head) and (width <= where["text"] or width <= where.get("posted_at", 0)):
        return f"{width} cells where the head has {len(head)}: text or time is missing; complete the row"
    if (
        width > len(head)
        and where["text"] == len(head) - 1
        and any(cell.strip() for cell in row.cells[len(head) :])
    ):
        return f"{width} cells where the head has {len(head)}: the text may go on in them; put it into quotes"
    return None


def _listed(head: list[str]) -> str:
    shown = ", ".join(repr(name) for name in head[:60] if name)
    return shown or "none"


READER = Reader(
    name=NAME,
    platform="other",
    about="CSV, TSV and other delimited text with a head row, by a column mapping",
    keeps="mapped columns as fields of the post, all others in extra",
    loses="nothing of a row; formatting of a spreadsheet is lost when it is saved as text",
    score=score,
    read=read,
    needs_columns=True,
)
