"""Which column of an unknown table holds what: by the names of the columns and by what stands in them.

For whoever sets a source up, never for a run: a run reads what the configuration says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from pipeline.data import rows
from pipeline.errors import ExportError
from pipeline.readers import parquet, spreadsheet
from pipeline.readers.csv_rows import Rows, numbered
from pipeline.readers.fields import plain_name, usual_names
from pipeline.readers.files import peek
from pipeline.readers.interface import Export, Reading
from pipeline.readers.json_rows import first_objects, utf8_start
from pipeline.readers.printed_times import Order, plain, read_time
from pipeline.readers.sheets import open_workbook, sheet_names, sheet_rows

_ROWS: Final = 200
_DEEP: Final = 3  # levels of objects inside objects
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\.?)?")
_SERIAL = re.compile(r"[2-7]\d{4}\.\d+")  # of a spreadsheet: days since 1899-12-30

# Printed times that `read_time` does not know; the first that reads a whole column is proposed.
_PATTERNS: Final = (
    "%b %d %Y %I:%M%p",
    "%d %b %Y %I:%M%p",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M",
    "%d-%b-%y %I.%M.%S %p",
    "%Y%m%d %H:%M:%S",
    "%Y%m%d %H%M",
    "%Y-%m-%d %H.%M.%S",
    "%Y-%m-%d-%H-%M-%S",
    "%Y_%m_%d_%H_%M_%S",
    "%H:%M:%S %d/%m/%Y",
    "%H:%M %d/%m/%Y",
    "%H:%M:%S %d.%m.%Y",
    "%H:%M %d.%m.%Y",
    "%H:%M %d-%m-%Y",
    "%d/%m/%Y - %H:%M",
    "%d.%m.%Y - %H:%M",
    "%d/%m/%Y %Hh%M",
    "%H:%M · %b %d, %Y",
    "%I:%M %p · %b %d, %Y",
    "%I:%M %p - %d %b %Y",
)


class Guess(Struct, frozen=True):
    """How an unknown table may be read."""

    reader: str  # one that takes columns
    columns: dict[str, str]  # ours to theirs; text and posted_at at least
    time_format: str | None = None  # where the times are in no usual form
    empty: tuple[str, ...] = ()  # columns that hold nothing


def guess(part: Export, reading: Reading) -> Guess | None:
    """The reader and the columns for a file; None where nothing in it looks like text and time."""
    found = _sample(part, reading)
    if found is None:
        return None
    reader, cells = found
    filled = {name: [one for one in values if one] for name, values in cells.items()}
    columns = {name: values for name, values in filled.items() if values}
    times = _times(columns)
    if not times:
        return None
    mapped, pattern = times
    timed = set(mapped.values())
    text = _text({name: values for name, values in columns.items() if name not in timed})
    if text is None:
        return None
    mapped = {"text": text, **mapped}
    rest = {name: values for name, values in columns.items() if name not in mapped.values()}
    for field, name in _others(rest):
        mapped.setdefault(field, name)
    return Guess(reader, mapped, pattern, tuple(name for name, values in filled.items() if not values))


def _sample(part: Export, reading: Reading) -> tuple[str, dict[str, list[str]]] | None:
    """The reader for this kind of table, and the first cells of every column as text; an empty one is ""."""
    head = peek(part)
    try:
        if spreadsheet.score(head).points:
            return _first_sheet(part)
        if parquet.score(head).points:
            names, records = parquet.first_rows(part, _ROWS)
            return parquet.NAME, _by_column(names, records)
        start = utf8_start(head.start)
        if start[:1] in {b"{", b"["}:
            by_line, objects, _ = first_objects(head.start, _ROWS)
            flat = [dict(_flat(one)) for one in objects]
            names = list(dict.fromkeys(name for one in flat for name in one))
            rows_ = [[one.get(name, "") for name in names] for one in flat]
            return ("jsonl" if by_line else "json"), _by_column(names, rows_)
        if start[:1] in {b"<", b""}:
            return None
        table = Rows(part, reading)
    except ExportError:
        return None
    if len(table.head) < 2:
        return None
    return "table", _by_column(table.head, (row.cells for row in islice(table, _ROWS)))


def _first_sheet(part: Export) -> tuple[str, dict[str, list[str]]] | None:
    """The sheet with the most cells; its head is the first row that is about as wide as the widest."""
    workbook = open_workbook(part)
    sheets = [list(islice(sheet_rows(part, workbook, name), 20 + _ROWS)) for name in sheet_names(workbook)]
    found = max(sheets, key=lambda sheet: sum(_width(row) for row in sheet), default=[])
    widest = max(map(_width, found[:20]), default=0)
    for at, row in enumerate(found[:20]):
        names = [str(cell).strip() for cell in row]
        if (
            widest > 1
            and _width(row) >= 0.7 * widest
            and not any(_is_time(one) or _is_number(one) for one in names)
        ):
            return spreadsheet.NAME, _by_column(numbered(names), found[at + 1 : at + 1 + _ROWS])
    return None


def _width(row: Sequence[Any]) -> int:
    return sum(1 for cell in row if str(cell).strip())


def _by_column(names: Sequence[str], records: Iterable[Sequence[Any]]) -> dict[str, list[str]]:
    cells: dict[str, list[str]] = {name: [] for name in names if name}
    for record in records:
        for name, cell in zip(names, record, strict=False):
            if name:
                cells[name].append("" if cell is None else str(cell).strip())
    return cells


def _flat(record: Mapping[str, Any], before: str = "", deep: int = 1) -> Iterator[tuple[str, Any]]:
    """Dotted path and value of everything in an object that is a plain value.

    >>> dict(_flat({"id": 1, "user": {"name": "x"}, "tags": ["a"]}))
    {'id': 1, 'user.name': 'x'}
    """
    for name, value in record.items():
        if isinstance(value, dict) and deep < _DEEP:
            yield from _flat(value, f"{before}{name}.", deep + 1)
        elif not isinstance(value, dict | list):
            yield before + name, value


# What a column may be


@cache
def _hints() -> Mapping[str, frozenset[str]]:
    """Our field -> words that names of such columns hold."""
    found: dict[str, set[str]] = {}
    for row in rows("column_words"):
        found.setdefault(row["field"], set()).add(row["word"])
    return {field: frozenset(words) for field, words in found.items()}


def words_of(name: str) -> list[str]:
    """The words of a column's name, small.

    >>> words_of("postCreatedAt"), words_of("user.Full name"), words_of("نص المنشور")
    (['post', 'created', 'at'], ['user', 'full', 'name'], ['نص', 'المنشور'])
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", parted.casefold()) if word]


def _named(name: str, field: str) -> int:
    """2 where a column bears a usual name of the field, 1 where its name holds a word of it, else 0."""
    last = name.rpartition(".")[2]
    if plain_name(name) in usual_names().get(field, ()) or plain_name(last) in usual_names().get(field, ()):
        return 2
    return int(bool(_hints().get(field, frozenset()) & set(words_of(name))))


def _times(columns: Mapping[str, list[str]]) -> tuple[dict[str, str], str | None] | None:
    """The column of the time of posting (or of day and clock), and its format where it is no usual one."""
    found: dict[str, str | None] = {}
    for name, values in columns.items():
        if 10 * sum(map(_is_time, values)) >= 7 * len(values):
            found[name] = None
        elif pattern := _pattern(values):
            found[name] = pattern
    if not found:
        return None
    strange = _hints()["not_posted_at"]
    best = max(
        found,
        key=lambda name: (not strange & set(words_of(name)), _named(name, "posted_at"), found[name] is None),
    )
    mapped = {"posted_at": best}
    if all(_is_day(value) for value in columns[best]):
        clock = next((name for name in columns if all(map(_CLOCK.fullmatch, columns[name]))), None)
        if clock is not None:
            mapped = {"posted_date": best, "posted_time": clock}
    edited = next((name for name in found if name != best and _named(name, "edited_at")), None)
    return mapped | ({"edited_at": edited} if edited is not None else {}), found[best]


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[\d.,]+", cell) is not None


def _is_time(cell: str) -> bool:
    """Whether a cell is a time in some usual form; small numbers are none.

    >>> _is_time("2013-05-11 09:10"), _is_time("3/4/2025"), _is_time("1704189600"), _is_time("45123")
    (True, True, True, False)
    """
    text = plain(cell)
    if _SERIAL.fullmatch(text):
        return True
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return re.fullmatch(r"1\d{9}(?:\.\d+)?|1\d{12}|1\d{15}|(?:19|20)\d{6}(?:\d{6})?", text) is not None
    if len(text) < 6 or not any(char.isdigit() for char in text):
        return False
    orders: tuple[Order, ...] = "dmy", "mdy"
    for order in orders:
        try:
            clock = read_time(text, None, None, order)
        except ValueError:
            continue
        return clock.posted_local is not None
    return False


def _is_day(cell: str) -> bool:
    try:
        return read_time(cell, None, None, "dmy").time_precision == "day"
    except ValueError:
        return False


def _pattern(values: Sequence[str]) -> str | None:
    if not all(any(map(str.isdigit, value)) and len(value) < 40 for value in values):
        return None
    for pattern in _PATTERNS:
        if all(_fits(value, pattern) for value in values):
            return pattern
    return None


def _fits(value: str, pattern: str) -> bool:
    try:
        read_time(value, None, pattern)
    except ValueError:
        return False
    return True


def _text(columns: Mapping[str, list[str]]) -> str | None:
    """The column with the most words that are not always the same, named like a text or not."""
    weights: dict[str, float] = {}
    for name, values in columns.items():
        words = [sum(1 for word in value.split() if any(map(str.isalpha, word))) for value in values]
        links = sum("://" in value.partition(" ")[0] for value in values)
        if 2 * links > len(values) or not any(words):
            continue
        length = min(sum(words) / len(words), 40)
        weight = length * len(set(values)) / len(values) + (0, 8, 20)[_named(name, "text")]
        if weight > 2:
            weights[name] = weight
    return max(weights, key=lambda name: weights[name], default=None)


def _others(columns: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Our field and a column of theirs for what else a row tells, where both name and values fit."""
    for certain in (2, 1):
        for field in ("id", "author_id", "author_name", "group_id", "group_name", "reply_to", "views", "url"):
            for name, values in columns.items():
                if _named(name, field) == certain and _may_be(field, name, values):
                    yield field, name
                    break
    for name, values in columns.items():
        if all(value.startswith(("http://", "https://")) for value in values) and _all_differ(values):
            yield "url", name
            return


def _may_be(field: str, name: str, values: Sequence[str]) -> bool:
    words = words_of(name)
    if field == "id":
        of_post = (
            not set(words) & (_hints()["author_name"] | _hints()["group_name"]) and "parent" not in words
        )
        return of_post and _all_differ(values) and not any(" " in value for value in values)
    if field == "views":
        return all(map(_is_number, values))
    if field == "url":
        return all("://" in value for value in values)
    if field in {"author_name", "group_name"}:
        if "id" in words or all(value.startswith("http") for value in values):
            return False
        return sum(len(value.split()) for value in values) <= 5 * len(values)
    return True


def _all_differ(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values)
