"""Rows of a table whose columns are known by name: what the readers of tables with fixed heads share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from pipeline.readers.csv_rows import Rows
from pipeline.readers.interface import Export, Reading, origin, refuse
from pipeline.records import Origin, Reason, Rejection


class NamedRow(Struct, frozen=True):
    """One row: the cells that are not empty, by column."""

    at: Origin
    cells: dict[str, str]
    raw: str
    notes: tuple[str, ...]
    more: tuple[str, ...] = ()  # cells behind the last column

    def get(self, *columns: str) -> str:
        """The first of the columns that is not empty, without blanks around it; "" where all are."""
        for column in columns:
            cell = self.cells.get(column, "").strip()
            if cell:
                return cell
        return ""

    def rest(self, used: set[str]) -> dict[str, object]:
        """What is not used, for `extra`; with the repairs and the cells behind the last column."""
        found: dict[str, object] = {
            name: cell for name, cell in self.cells.items() if name and name not in used and cell.strip()
        }
        if self.more:
            found["more_cells"] = list(self.more)
        if self.notes:
            found["repaired"] = list(self.notes)
        return found


def named_rows(
    export: Export, reading: Reading, reader: str, rows: Rows, needed: Sequence[str]
) -> Iterator[NamedRow | Rejection]:
    """Every row behind the head; one that is too short to hold the needed columns is a rejection."""
    width = max((rows.head.index(column) for column in needed), default=0)
    for row in rows:
        at = origin(export, reader, row.locator)
        problem = row.problem
        if problem is None and len(row.cells) <= width:
            problem = f"{len(row.cells)} cells where the head has {len(rows.head)}; complete the row"
        if problem is not None:
            yield refuse(reading.source, at, Reason.BAD_ROW, problem, row.raw)
            continue
        cells = dict(zip(rows.head, row.cells, strict=False))
        more = tuple(cell for cell in row.cells[len(rows.head) :] if cell.strip())
        yield NamedRow(at, cells, row.raw, row.notes, more)
