"""Parquet files, batch by batch, by a column mapping."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from pipeline.errors import ExportError
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, storable
from pipeline.readers.opening import open_bytes
from pipeline.readers.rows import Cells, posts_of_rows

if TYPE_CHECKING:  # slow to import, and seldom needed
    import pyarrow as pa
    import pyarrow.parquet as pq

NAME = "parquet"

_BATCH = 2_000
_EXACT = 2**53


def score(head: Head) -> Score:
    """By the mark at both ends."""
    if head.start.startswith(b"PAR1") and (head.end.endswith(b"PAR1") or not head.end):
        return Score(90, "the mark of parquet at both ends")
    return NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post; what is not mapped is kept in `extra`.

    Raises `ExportError` where the file cannot be read, and where no column holds text or time.
    """
    with _stream(export) as file:
        table = _opened(export, file)
        head = _names(export, table)

    def rows() -> Iterator[Cells]:
        with _stream(export) as file:
            number = 0
            for batch in _batches(export, _opened(export, file)):
                columns = [_cells(export, column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    values = [value_of(cell) for cell in cells]
                    yield Cells(f"record {number}", values, json.dumps(values, ensure_ascii=False))

    yield from posts_of_rows(export, reading, NAME, head, rows)


def first_rows(export: Export, most: int) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns, and the first rows.  Raises `ExportError` where the file cannot be read."""
    found: list[list[Any]] = []
    with _stream(export) as file:
        table = _opened(export, file)
        head = _names(export, table)
        for batch in _batches(export, table):
            columns = [_cells(export, column) for column in batch.slice(0, most - len(found)).columns]
            found += [[value_of(cell) for cell in cells] for cells in zip(*columns, strict=True)]
            if len(found) >= most:
                break
    return head, found


def _stream(export: Export) -> IO[bytes]:
    """The bytes with a way to any place in them: the index of a parquet file stands at its end."""
    file = open_bytes(export)
    if not export.packing:
        return file
    with file:
        return io.BytesIO(file.read())


def _opened(export: Export, file: IO[bytes]) -> pq.ParquetFile:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ExportError(f"{export.name}: no parquet file that can be read: {error}") from None


def _names(export: Export, table: pq.ParquetFile) -> list[str]:
    try:
        return list(table.schema_arrow.names)
    except ValueError as error:  # of bytes that are no UTF-8 too
        raise ExportError(f"{export.name}: its columns cannot be read: {error}; get it again") from None


def _cells(export: Export, column: pa.Array) -> list[Any]:
    """The values of a column; text that is no UTF-8 is decoded with replacement."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        try:
            return list(column.cast(pa.binary()).to_pylist())
        except (pa.ArrowException, ValueError) as error:
            raise ExportError(f"{export.name}: a column is damaged: {error}; get it again") from None


def _batches(export: Export, table: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa  # noqa: PLC0415

    try:
        for batch in table.iter_batches(batch_size=_BATCH):
            fields = []
            for column in batch.columns:
                if pa.types.is_dictionary(column.type):
                    column = column.dictionary_decode()
                if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
                    column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
                fields.append(column)
            yield pa.RecordBatch.from_arrays(fields, names=batch.schema.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ExportError(f"{export.name}: the parquet file is damaged: {error}; get it again") from None


def value_of(cell: object) -> Any:
    """A cell as a value that is JSON-ready.

    A float that is too large to be exact is written with an exponent, so that nobody takes it for an id.

    >>> value_of(1.745463728192837e18), value_of(5.0), value_of(datetime(2024, 1, 2, 10))
    ('1.74546372819284e+18', 5, '2024-01-02T10:00:00')
    """
    if isinstance(cell, str):
        return storable(cell)
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return None
        return f"{cell:.14e}" if abs(cell) >= _EXACT else int(cell) if cell == int(cell) else cell
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    if isinstance(cell, (Decimal, timedelta)):
        return str(cell)
    if isinstance(cell, bytes):
        return storable(cell.decode("utf-8", "replace"))
    if isinstance(cell, dict):
        return {str(name): value_of(value) for name, value in cell.items()}
    if isinstance(cell, (list, tuple)):
        return [value_of(value) for value in cell]
    return cell


def record_bytes(export: Export, number: int) -> bytes:
    """A record as JSON, for one who wants to see the source: parquet has no bytes of a row.

    Raises `ValueError` where there is no such record.
    """
    with _stream(export) as file:
        table, left = _opened(export, file), number
        for group in range(table.num_row_groups):
            count = table.metadata.row_group(group).num_rows
            if left <= count:
                (row,) = table.read_row_group(group).slice(left - 1, 1).to_pylist()
                return json.dumps(value_of(row), ensure_ascii=False).encode()
            left -= count
    raise ValueError(f"{export.name} has no record {number}")


READER = Reader(
    name=NAME,
    platform="other",
    about="Parquet files, by usual names or a column mapping",
    keeps="mapped columns as fields of the post, all others in extra, nested values too; exact ids",
    loses="the last digits of ids that were saved as floating numbers: such a row is marked",
    score=score,
    read=read,
    takes_columns=True,
    files="*.parquet",
)
