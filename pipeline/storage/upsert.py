"""Which observation of a post is its row: an index on disk, so that memory does not grow with the export.

An observation is one sight of a post in one export.  They are numbered in order: the rows of the version
before first, then those of the run.  The rule, observation by observation:

1. Nothing known of the post: the observation is its row.
2. The row's own text: it becomes the row only if it was edited later; else it is a duplicate.
3. A text that is in the post's history with the same or a later edit: a duplicate.
4. Another text, edited later than the row, or the same rank: it becomes the row, the row's text history.
5. Another text, edited earlier than the row: it goes into the history.

So an edit wins over what it edits, whichever file is read first, no text is lost, and reading again what
was read before changes nothing, in any order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct


class Row(Struct, frozen=True):
    """A post of the new version: where its first sight and its row are among the observations."""

    first: int
    winner: int


class Earlier(Struct, frozen=True):
    """An earlier text of a post: an observation, or an entry of the history that the row before carries."""

    observation: int | None
    stored: int | None  # index in that history
    rank: int


class Index:
    """The observations of a stage, by post."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.executescript(
            """
            pragma journal_mode = off;
            pragma synchronous = off;
            pragma locking_mode = exclusive;
            pragma cache_size = -32000;
            create table posts (
                first integer primary key, post_id text not null unique, winner integer not null,
                rank integer not null, digest blob not null
            );
            create table earlier (
                number integer primary key, first integer not null, observation integer, stored integer,
                rank integer not null, digest blob not null
            );
            create index earlier_of on earlier (first);
            """
        )
        self.observations = 0

    def close(self) -> None:
        self._base.close()

    def add(self, keys: Sequence[tuple[str, int, bytes]]) -> int:
        """Take the next observations: post_id, rank, digest of the text.  The number of the first of them."""
        start = self.observations
        self.observations += len(keys)
        self._base.execute("begin")
        before = self._base.total_changes
        self._base.executemany(
            "insert or ignore into posts values (?, ?, ?, ?, ?)",
            [(number, key[0], number, key[1], key[2]) for number, key in enumerate(keys, start)],
        )
        if self._base.total_changes - before < len(keys):
            found = self._base.execute("select first from posts where first >= ?", (start,))
            fresh = {first for (first,) in found}
            for number, key in enumerate(keys, start):
                if number not in fresh:
                    self._compete(number, key)
        self._base.execute("commit")
        return start

    def add_history(self, first: int, versions: Sequence[tuple[int, bytes]]) -> None:
        """Tell what the history of an earlier row holds: rank and digest, in its own order."""
        self._base.executemany(
            "insert into earlier (first, stored, rank, digest) values (?, ?, ?, ?)",
            [(first, stored, rank, digest) for stored, (rank, digest) in enumerate(versions)],
        )

    def rows(self) -> Iterator[Row]:
        """Every post once, in the order of first sight."""
        for first, winner in self._base.execute("select first, winner from posts order by first"):
            yield Row(first, winner)

    def earlier(self, first: int, last: int) -> dict[int, list[Earlier]]:
        """The earlier texts of the posts first seen from `first` to `last`, inclusive, by first sight.

        In the order of their edits; of the same rank, in the order in which they became history.
        """
        found: dict[int, list[Earlier]] = {}
        for post, observation, stored, rank in self._base.execute(
            "select first, observation, stored, rank from earlier where first between ? and ? "
            "order by first, rank, number",
            (first, last),
        ):
            found.setdefault(post, []).append(Earlier(observation, stored, rank))
        return found

    def _compete(self, number: int, key: tuple[str, int, bytes]) -> None:
        post_id, rank, digest = key[:3]
        first, winner, best, text = self._base.execute(
            "select first, winner, rank, digest from posts where post_id = ?", (post_id,)
        ).fetchone()
        if digest == text:
            if rank > best:
                self._base.execute(
                    "update posts set winner = ?, rank = ? where first = ?", (number, rank, first)
                )
            return
        known = self._base.execute(
            "select 1 from earlier where first = ? and digest = ? and rank >= ?", (first, digest, rank)
        ).fetchone()
        if known is not None:
            return
        note = "insert into earlier (first, observation, rank, digest) values (?, ?, ?, ?)"
        if rank >= best:
            self._base.execute(note, (first, winner, best, text))
            self._base.execute(
                "update posts set winner = ?, rank = ?, digest = ? where first = ?",
                (number, rank, digest, first),
            )
        else:
            self._base.execute(note, (first, number, rank, digest))
