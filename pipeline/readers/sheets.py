"""The cells of a spreadsheet, sheet by sheet and row by row, as values that a post can hold.

The cells come from calamine, which reads a sheet as a whole: what a file may unpack to is limited.  A
number of more than 15 digits has lost its last ones when the file was saved; it is written with an exponent,
so that nobody takes it for an id.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.errors import ExportError
from pipeline.readers.interface import Export, storable
from pipeline.readers.opening import open_bytes

if TYPE_CHECKING:  # imported where it is needed
    from python_calamine import CalamineWorkbook

_SAFE = 10**15
"""Whole numbers below it are exact in a spreadsheet."""

_MOST = 1 << 31  # unpacked bytes of one spreadsheet


def open_workbook(export: Export) -> CalamineWorkbook:
    """The spreadsheet (xlsx, xlsm, xlsb, xls, ods).  Raises `ExportError` where it cannot be read."""
    import python_calamine  # noqa: PLC0415

    with open_bytes(export) as file:
        content = io.BytesIO(file.read(_MOST))
    try:
        with zipfile.ZipFile(content) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError):
        unpacked = 0  # the old format is no archive
    packed = content.seek(0, 2)
    content.seek(0)
    if unpacked > max(1 << 26, min(packed * export.limits.archive_ratio, _MOST)):
        raise ExportError(
            f"{export.name}: {packed:,} bytes unpack to {unpacked:,}; where that is meant, raise "
            f"limits: archive_ratio, or save the spreadsheet as CSV"
        )
    try:
        return python_calamine.CalamineWorkbook.from_filelike(content)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise ExportError(f"{export.name}: no spreadsheet that can be read: {error}") from None


def sheet_names(workbook: CalamineWorkbook) -> list[str]:
    """The names of all sheets that hold cells, hidden ones too."""
    from python_calamine import SheetTypeEnum  # noqa: PLC0415

    return [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]


def sheet_rows(export: Export, workbook: CalamineWorkbook, name: str) -> Iterator[list[Any]]:
    """Every row of a sheet from its first one, each as wide as the sheet."""
    from python_calamine import CalamineError  # noqa: PLC0415

    try:
        sheet = workbook.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError) as error:
        raise ExportError(f"{export.name}: sheet {name!r} cannot be read: {error}") from None
    rows = sheet.to_python(skip_empty_area=False)
    timed = {at for row in rows for at, cell in enumerate(row) if isinstance(cell, datetime)}
    for row in rows:  # calamine takes midnight for a date without a time
        for at in timed:
            cell = row[at]
            if isinstance(cell, date) and not isinstance(cell, datetime):
                row[at] = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001
        yield [value_of(cell) for cell in row]


def value_of(cell: object) -> Any:
    """A cell as text, or as a number or bool.

    >>> value_of(5.0), value_of(1745463728192837400.0), value_of(datetime(2024, 1, 2, 9, 59, 59, 999999))
    ('5', '1.74546372819284e+18', '2024-01-02 10:00:00')
    """
    if isinstance(cell, str):
        return storable(cell)
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, (int, float)):
        if abs(cell) >= _SAFE:
            return f"{cell:.14e}"
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime):
        rounded = cell + timedelta(milliseconds=500)
        return rounded.replace(microsecond=0).isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def row_bytes(export: Export, name: str, number: int) -> bytes:
    """A row as JSON, for one who wants to see the source: a spreadsheet has no bytes of a row.

    Raises `ValueError` where there is no such row.
    """
    for at, cells in enumerate(sheet_rows(export, open_workbook(export), name), start=1):
        if at == number:
            return json.dumps(cells, ensure_ascii=False).encode()
    raise ValueError(f"sheet {name!r} has no row {number}")
