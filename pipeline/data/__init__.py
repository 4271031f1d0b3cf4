"""Tables that a linguist or a geographer can edit, and one loader.

A table is UTF-8, tab-separated, with `#` lines on top that say what it is, a head row, and a column
`source` that says where each row is from.  Cells are stripped; an empty cell is an empty string.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files


def rows(table: str) -> Iterator[dict[str, str]]:
    """The rows of `pipeline/data/<table>.tsv`, in order.

    Raises `ValueError` that names the line where a row has not as many cells as the head.
    """
    head: list[str] | None = None
    for number, line in enumerate(_text(table).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if head is None:
            head = cells
        elif len(cells) != len(head):
            raise ValueError(f"{table}.tsv line {number}: {len(cells)} cells, {len(head)} expected: {line!r}")
        else:
            yield dict(zip(head, cells, strict=True))


def names() -> list[str]:
    """The names of all tables, sorted."""
    folder = files(__package__)
    found = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".tsv") for name in found if name.endswith(".tsv"))


@cache
def digest() -> str:
    """One fingerprint over all tables: with it, a dataset says which words and places it was made with."""
    seen = hashlib.sha256()
    for table in names():
        seen.update(table.encode() + b"\0" + _text(table).encode() + b"\0")
    return seen.hexdigest()


def _text(table: str) -> str:
    return files(__package__).joinpath(f"{table}.tsv").read_text(encoding="utf-8")
