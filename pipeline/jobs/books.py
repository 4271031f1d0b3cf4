"""The books of a run: what the readers gave against what became of it.

The count of rows read is taken where they come out of the reader, and the other counts where they went in,
so that a row which is lost on the way shows as a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from pipeline.storage.manifest import Books, FileBooks


class Tally(Struct):
    """Rows that came out of the reader of one file, counted as they come."""

    read: int = 0
    nonposts: int = 0
    forgotten: int = 0
    expired: int = 0
    lost: list[str] = field(default_factory=list)  # what of the file could not be read, a sentence each
    refused: str | None = None  # why no row could be read at all


def settle(tallies: Mapping[str, Tally], stored: Mapping[str, FileBooks]) -> dict[str, Books]:
    """The books of every file, sorted by name.

    Raises `BooksError` that names the file where a row was lost or counted twice.
    """
    books = {}
    for name in sorted({*tallies, *stored}):
        tally, kept = tallies.get(name, Tally()), stored.get(name)
        books[name] = Books(
            read=tally.read,
            written=kept.written if kept else 0,
            duplicate=kept.duplicate if kept else 0,
            rejected=kept.rejected if kept else 0,
            nonposts=tally.nonposts,
            forgotten=tally.forgotten,
            expired=tally.expired,
        )
        books[name].check(name)
    return books


def total(books: Iterable[Books], name: str) -> Books:
    """The books of a whole run; `BooksError` where they do not balance."""
    whole = sum(books, Books())
    whole.check(name)
    return whole
