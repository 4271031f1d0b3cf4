"""Rows of cells under a head to posts: what text tables, spreadsheets and parquet have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.errors import ExportError
from pipeline.readers.fields import Posts, check_columns, usual_columns
from pipeline.readers.interface import Export, Item, Reading, origin, refuse
from pipeline.records import Reason


class Cells(NamedTuple):
    locator: str
    cells: Sequence[Any]  # text, or a number or bool that is JSON-ready; None and "" are empty
    raw: str
    notes: tuple[str, ...] = ()  # repairs
    problem: str | None = None  # why it is no row


def columns_of(export: Export, reading: Reading, head: Sequence[str]) -> Mapping[str, str]:
    """Our field -> the column of the head: as configured, else by the usual names.

    Raises `ExportError` that lists the head where text or time is in none of them.
    """
    columns = reading.columns or usual_columns(head)
    if not reading.columns and not {"text", "posted_at"} <= columns.keys():
        raise ExportError(
            f"{export.name}: which columns hold text and time? set columns: {{text: ..., posted_at: ...}}; "
            f"there are {listed(head)}"
        )
    check_columns(export, columns)
    for field, column in columns.items():
        if column not in head:
            raise ExportError(
                f"{export.name}: columns: {field}: {column!r} is not in the head; there are {listed(head)}"
            )
    return columns


def posts_of_rows(
    export: Export,
    reading: Reading,
    reader: str,
    head: Sequence[str],
    rows: Callable[[], Iterable[Cells]],
) -> Iterator[Item]:
    """A post of every row; columns that are not mapped are kept in `extra`.

    `rows` is called again where the times of the whole file are needed to tell day from month.
    """
    columns = columns_of(export, reading, head)
    where = {field: head.index(column) for field, column in columns.items()}
    posts = Posts(export, reading, reader, "other", times=lambda: _times(where, rows()))
    rest = [(at, name) for at, name in enumerate(head) if at not in where.values() and name]
    for row in rows():
        at = origin(export, reader, row.locator)
        problem = row.problem or _affected(row, head, where)
        if problem is not None:
            yield refuse(reading.source, at, Reason.BAD_ROW, problem, row.raw)
            continue
        cells = row.cells
        values = {
            field: cells[place].strip("\t ")
            if field != "text" and isinstance(cells[place], str)
            else cells[place]
            for field, place in where.items()
            if place < len(cells)
        }
        extra: dict[str, Any] = {
            name: cells[place]
            for place, name in rest
            if place < len(cells) and cells[place] is not None and cells[place] != ""
        }
        more = [cell for cell in cells[len(head) :] if not _is_empty(cell)]
        if more:
            extra["more_cells"] = more
        if row.notes:
            extra["repaired"] = list(row.notes)
        yield posts.post(values, extra, at, row.raw)


def _times(where: Mapping[str, int], rows: Iterable[Cells]) -> Iterator[object]:
    """The cells that hold the time."""
    timed = where.get("posted_at", where.get("posted_date", 0))
    return (row.cells[timed] for row in rows if timed < len(row.cells))


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _affected(row: Cells, head: Sequence[str], where: Mapping[str, int]) -> str | None:
    """Why a row of another width than the head cannot be trusted; None where its text is safe."""
    width = len(row.cells)
    if width < len(head) and (width <= where["text"] or width <= where.get("posted_at", 0)):
        return f"{width} cells where the head has {len(head)}: text or time is missing; complete the row"
    if (
        width > len(head)
        and where["text"] == len(head) - 1
        and any(not _is_empty(cell) for cell in row.cells[len(head) :])
    ):
        return f"{width} cells where the head has {len(head)}: the text may go on in them; put it into quotes"
    return None


def listed(head: Sequence[str]) -> str:
    """The names of a head for a message."""
    return ", ".join(repr(name) for name in head[:60] if name) or "none"
