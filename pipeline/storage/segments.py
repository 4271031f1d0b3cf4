"""The parts that a source's tables are made of: how large, how many, and how one is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.storage.durable import hash_file, write_file
from pipeline.storage.manifest import IDS, FileState
from pipeline.storage.pieces import GROUP_ROWS, GROUP_SIZE, Pieces, TableFile, mention_counts, with_column
from pipeline.storage.upsert import SIGHT, UNKNOWN, Ids, Sights

SEGMENT_ROWS: Final = 1 << 18  # posts, or rejections, in one file at most ...
SEGMENT_TEXT: Final = 1 << 27  # ... and code points of their texts, so that to write one again is bounded
TIER: Final = 4  # a segment is joined to the one before where that one is less than so many times as large

GATHERED: Final = 4  # row groups that are read from the pieces together

SEGMENT: Final = ("posts", "places", "dates", IDS)  # the folders that a segment has a file in
SHARES: Final = (("posts",), ("places", "dates", IDS))  # of one segment, for two threads


class Size(Struct, frozen=True):
    """How large a segment is."""

    rows: int
    text: int = 0  # code points

    def __add__(self, other: Size) -> Size:
        return Size(self.rows + other.rows, self.text + other.text)

    @property
    def fits(self) -> bool:
        return self.rows <= SEGMENT_ROWS and self.text <= SEGMENT_TEXT


T = TypeVar("T")


def tiers(parts: Sequence[tuple[T, Size]]) -> list[list[T]]:
    """Which neighbors become one segment; empty ones vanish.

    Sizes fall by `TIER` from one segment to the next until they are full: up to a full segment their number
    grows with the logarithm of the posts, and beyond by at most two for every full one.  What is settled
    stays: the rule joins nothing that it has left apart.

    >>> tiers([("a", Size(1000)), ("b", Size(100)), ("c", Size(30))])
    [['a'], ['b', 'c']]
    >>> tiers([("a", Size(1000)), ("b", Size(130))])
    [['a'], ['b']]
    """
    stack: list[tuple[list[T], Size]] = []
    for part, size in parts:
        if not size.rows:
            continue
        stack.append(([part], size))
        while len(stack) > 1:
            (before, one), (after, two) = stack[-2:]
            if one.rows >= TIER * two.rows or not (one + two).fits:
                break
            stack[-2:] = [(before + after, one + two)]
    return [joined for joined, _ in stack]


def chunks(sizes: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Where rows with texts of so many code points are cut into segments: start and end of each."""
    return _cuts(sizes, SEGMENT_ROWS, SEGMENT_TEXT)


def groups(sizes: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Where the rows of a segment are cut into row groups: start and end of each."""
    return _cuts(sizes, GROUP_ROWS, GROUP_SIZE)


def _cuts(sizes: NDArray[np.uint32], most_rows: int, most_text: int) -> list[tuple[int, int]]:
    """
    >>> _cuts(np.array([1, 1, 1, 9, 1], np.uint32), 2, 5)
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    cuts = []
    start = 0
    while start < len(sizes):
        taken = ends[start - 1] if start else 0
        end = int(np.searchsorted(ends, taken + most_text, side="right"))
        end = min(max(start + 1, end), start + most_rows)
        cuts.append((start, end))
        start = end
    return cuts


def sights_of(posts: pa.Table, place_counts: Sequence[int], date_counts: Sequence[int]) -> Sights:
    """What the store must know of each of `posts` to settle which sight of a post is its row."""
    found = np.zeros(len(posts), SIGHT)
    keys = np.frombuffer(_digests(posts["post_id"], 12), np.dtype([("key", "<u8"), ("check", "<u4")]))
    found["key"], found["check"] = keys["key"], keys["check"]
    found["text"] = np.frombuffer(_digests(posts["text"], 8), "<u8")
    found["size"] = pc.fill_null(pc.utf8_length(posts["text"]), 0).to_numpy()
    found["rank"] = _times(posts["edited_at"], 0)
    found["posted"] = _times(posts["posted_at"], UNKNOWN)
    found["places"], found["dates"] = place_counts, date_counts
    return found


def _times(column: pa.ChunkedArray, unknown: int) -> NDArray[np.int64]:
    times: NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), unknown).to_numpy()
    return times


def _digests(column: pa.ChunkedArray, size: int) -> bytes:
    parts = []
    for chunk in column.chunks:
        _, offsets, data = chunk.buffers()
        if not len(chunk):
            continue
        ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
        raw = memoryview(data or b"")
        parts += [blake2b(raw[start:end], digest_size=size).digest() for start, end in pairwise(ends)]
    return b"".join(parts)


class Rows(Struct, frozen=True):
    """The posts of a segment: of each the sight that is its row, in the order of the file."""

    numbers: NDArray[np.int64]
    sights: Sights
    extras: Mapping[int, str]  # by place: where `extra` is not as that sight has it, because of a history

    @classmethod
    def sorted(cls, numbers: NDArray[np.int64], sights: Sights, extras: Mapping[int, str]) -> Rows:
        """By time of posting, unknown times last; those of one time stay in their order."""
        order = np.argsort(sights["posted"], kind="stable")
        place = np.argsort(order)
        moved = {int(place[at]): extra for at, extra in extras.items()}
        return cls(numbers[order], sights[order], moved)


class SegmentFiles:
    """The files of one segment in the making, or of some of its tables."""

    def __init__(self, folder: Path, stem: str, source: str, tables: Sequence[str] = SEGMENT) -> None:
        self._ids = folder / IDS / f"{stem}.bin" if IDS in tables else None
        self._rows: list[Sights] = []
        self._tables = {
            table: TableFile(folder / table / f"{stem}.parquet", table, source)
            for table in tables
            if table != IDS
        }

    def add(self, tables: Mapping[str, pa.Table], sights: Sights) -> None:
        """Append posts with all of their mentions."""
        for table, rows in tables.items():
            self._tables[table].add(rows, int(sights["size"].sum()) if table == "posts" else 0)
        if self._ids is not None:
            self._rows.append(sights)

    def finish(self) -> dict[str, FileState]:
        """Close the files and force them to the disk."""
        files = {table: file.finish() for table, file in self._tables.items()}
        if self._ids is not None:
            rows = np.concatenate([np.zeros(0, SIGHT), *self._rows])
            write_file(self._ids, Ids.encode(rows))
            size = self._ids.stat().st_size
            files[IDS] = FileState(
                name=self._ids.name, rows=len(rows), size=size, sha256=hash_file(self._ids)
            )
        return files

    def close(self) -> None:
        """Close the files as they are, to be thrown away."""
        for file in self._tables.values():
            file.close()


def write_rows(
    folder: Path, names: tuple[str, str], pieces: Pieces, rows: Rows, tables: Sequence[str] = SEGMENT
) -> dict[str, FileState]:
    """Write some tables of a segment: their files by folder, synced.  May be called in a thread.

    `names`: of the files, and of the source.
    """
    files = SegmentFiles(folder, *names, tables)
    try:
        cuts = groups(rows.sights["size"])
        for at in range(0, len(cuts), GATHERED):
            for group, sights in _gathered(pieces, rows, cuts[at : at + GATHERED], tables):
                files.add(group, sights)
        return files.finish()
    except BaseException:
        files.close()
        raise


def _gathered(
    pieces: Pieces, rows: Rows, cuts: Sequence[tuple[int, int]], tables: Sequence[str]
) -> Iterator[tuple[dict[str, pa.Table], Sights]]:
    """The rows of neighboring row groups, read together, as posts out of order may be in any piece."""
    first, last = cuts[0][0], cuts[-1][1]
    numbers, sights = rows.numbers[first:last], rows.sights[first:last]
    read: dict[str, pa.Table] = {}
    ends: dict[str, NDArray[np.int64]] = {}  # of every post, where its rows in the table end
    for table in tables:
        if table == "posts":
            posts = pieces.rows(table, numbers)
            extras = {at - first: extra for at, extra in rows.extras.items() if first <= at < last}
            if extras:
                told = posts["extra"].to_pylist()
                for at, extra in extras.items():
                    told[at] = extra
                posts = with_column(posts, "extra", told)
            read[table], ends[table] = posts, np.arange(last - first + 1)
        elif table != IDS:
            counts = sights[table].astype(np.int64)
            read[table] = pieces.rows(table, numbers, counts)
            ends[table] = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    for start, end in cuts:
        parts = {}
        for table, found in read.items():
            begin, stop = ends[table][[start - first, end - first]].tolist()
            parts[table] = found.slice(begin, stop - begin)
        yield parts, sights[start - first : end - first]


def write_segment(
    folder: Path, stem: str, source: str, batches: Iterable[Mapping[str, pa.Table]]
) -> dict[str, FileState]:
    """Write a segment of rows as they come; its files by folder, synced.

    A batch is `posts` with the `places` and `dates` of its posts, in their order, without the column
    `source`, as `pieces.EarlierRows` gives them.  The files are posts/STEM.parquet and so on, and
    ids/STEM.bin; the folders must be there.  Without rows the tables are there and empty.
    """
    files = SegmentFiles(folder, stem, source)
    try:
        for batch in batches:
            posts, places, dates = batch["posts"], batch["places"], batch["dates"]
            counts = [mention_counts(posts, mentions).tolist() for mentions in (places, dates)]
            files.add(batch, sights_of(posts, *counts))
        return files.finish()
    except BaseException:
        files.close()
        raise
