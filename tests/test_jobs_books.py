"""A row that is lost or counted twice ends the run."""

from __future__ import annotations

import pytest

from pipeline.errors import BooksError
from pipeline.jobs.books import Tally, settle, total
from pipeline.storage.manifest import Books, FileBooks


def test_books_that_balance() -> None:
    stored = {"b.json": FileBooks(written=3, duplicate=1, rejected=1)}
    books = settle({"b.json": Tally(read=7, nonposts=2), "a.json": Tally()}, stored)
    assert list(books) == ["a.json", "b.json"]
    assert total(books.values(), "s") == Books(read=7, written=3, duplicate=1, rejected=1, nonposts=2)


@pytest.mark.parametrize(
    ("tally", "stored"),
    [
        (Tally(read=5), FileBooks(written=4)),
        (Tally(read=5), FileBooks(written=4, duplicate=1, rejected=1)),
        (Tally(read=5, nonposts=1), FileBooks(written=5)),
        (Tally(read=1), FileBooks()),
    ],
)
def test_books_that_do_not(tally: Tally, stored: FileBooks) -> None:
    with pytest.raises(BooksError, match=r"june\.json"):
        settle({"june.json": tally}, {"june.json": stored})


def test_rows_of_a_file_that_nobody_read() -> None:
    with pytest.raises(BooksError, match=r"may\.json"):
        settle({"june.json": Tally()}, {"may.json": FileBooks(written=1)})
