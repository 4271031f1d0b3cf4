"""The batches of a stage on disk, and any of their rows again, in any order."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.errors import DatasetError
from pipeline.storage.durable import hash_file, sync_file
from pipeline.storage.manifest import FileState, Period
from pipeline.storage.schema import TABLES
from pipeline.storage.upsert import Log

KEPT_ROWS: Final = 2048  # rows of the version before that make one piece
GROUP_ROWS: Final = 16_384  # posts or mentions in one row group of a parquet file
GROUP_SIZE: Final = 6 << 20  # code points of text in one row group

_NEVER_ALIKE: Final = {  # columns where a dictionary of values would only make the file larger
    "post_id",
    "mention",
    "native_id",
    "posted_at",
    "posted_local",
    "text",
    "text_clean",
    "text_normalized",
    "locator",
    "surface",
}

_ANNOTATED: Final = ("posts", "places", "dates")
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Pieces:
    """Batches of posts with their mentions, appended to files, read by the numbers of the sights.

    One thread appends; any number of them read what was there at the last `flush`.
    """

    def __init__(self, folder: Path) -> None:
        self._streams = (folder / "pieces").open("w+b")
        self.log = Log(folder / "sights")
        self._starts = array("q")  # of every piece: number of its first sight
        self._offsets = {table: array("q") for table in _ANNOTATED}
        self._sizes = {table: array("q") for table in _ANNOTATED}
        self._files: list[tuple[str, ...]] = []
        self._end = 0
        self._bounds = np.zeros(1, np.int64)  # of the pieces at the last flush, the end of the last included

    def add(self, tables: Mapping[str, bytes], sights: bytes, files: Mapping[str, int] = _NONE) -> int:
        """Append a batch, with its posts by export file where these are counted; the number of its first."""
        start = self.log.add(sights)
        self._files.append(tuple(files))
        self._starts.append(start)
        for table in _ANNOTATED:
            self._offsets[table].append(self._end)
            self._sizes[table].append(len(tables[table]))
            self._streams.write(tables[table])
            self._end += len(tables[table])
        return start

    def flush(self) -> None:
        """From here on what was added can be read."""
        self._streams.flush()
        self.log.flush()
        self._bounds = np.array([*self._starts, len(self.log)], np.int64)

    def close(self) -> None:
        for file in (self._streams, self.log):
            with suppress(OSError):  # a full disk refuses what is thrown away anyway
                file.close()

    def rows(
        self, table: str, numbers: NDArray[np.int64], counts: NDArray[np.int64] | None = None
    ) -> pa.Table:
        """The rows of the given sights, in their order; of `places` and `dates` all rows of each.

        `counts` says how many rows each of them has there.
        """
        starts = self._bounds[:-1]
        piece_of = np.searchsorted(starts, numbers, side="right") - 1
        parts: list[pa.Table] = []
        order: list[NDArray[np.int64]] = []
        for piece in np.unique(piece_of).tolist():
            wanted = np.flatnonzero(piece_of == piece)
            if counts is not None and not counts[wanted].any():
                continue
            whole = self._table(table, piece)
            local = numbers[wanted] - starts[piece]
            if counts is not None:
                wanted, local = self._mentions(piece, len(whole), table, wanted, local)
            if len(local) == len(whole) and (np.diff(local) == 1).all():
                parts.append(whole)
            else:
                parts.append(whole.take(pa.array(local)))
            order.append(wanted)
        if not parts:
            return _bare(TABLES[table]).empty_table()
        positions = np.concatenate(order)
        rows = pa.concat_tables(parts)
        if (np.diff(positions) < 0).any():
            rows = rows.take(pa.array(np.argsort(positions, kind="stable")))
        return rows

    def files(self, numbers: NDArray[np.int64]) -> Counter[str]:
        """How many of these sights are of each export file."""
        found: Counter[str] = Counter()
        starts = self._bounds[:-1]
        pieces, sizes = np.unique(np.searchsorted(starts, numbers, side="right") - 1, return_counts=True)
        for piece, size in zip(pieces.tolist(), sizes.tolist(), strict=True):
            known = self._files[piece]
            if len(known) == 1:
                found[next(iter(known))] += size
                continue
            here = numbers[(numbers >= starts[piece]) & (numbers < self._bounds[piece + 1])]
            files = self._table("posts", piece)["file"].take(pa.array(here - starts[piece]))
            found.update(counts_by(files))
        return found

    def _mentions(
        self, piece: int, length: int, table: str, wanted: NDArray[np.int64], local: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of posts of a piece the rows of their mentions in it, and for each row whose it is."""
        bounds = self._bounds
        counts = self.log.slice(int(bounds[piece]), int(bounds[piece + 1]))[table].astype(np.int64)
        if counts.sum() != length:
            raise ValueError(f"{length} mentions in a batch that counts {counts.sum()}")
        offsets = np.cumsum(counts) - counts
        counts = counts[local]
        local = np.repeat(offsets[local] - (np.cumsum(counts) - counts), counts)
        return np.repeat(wanted, counts), local + np.arange(len(local))

    def _table(self, table: str, piece: int) -> pa.Table:
        return from_stream(
            os.pread(self._streams.fileno(), self._sizes[table][piece], self._offsets[table][piece])
        )


class EarlierRows:
    """The rows of one segment of the version before, as batches with their mentions.

    `files`: the segment's posts, places and dates.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __iter__(self) -> Iterator[dict[str, pa.Table]]:
        """Batches of posts in their order, each with the places and dates of its posts."""
        mentions = {table: _Following(self._files[table], table) for table in ("places", "dates")}
        for posts in batches(self._files["posts"], "posts"):
            ids = posts["post_id"].combine_chunks()
            yield {"posts": posts, **{table: following.take(ids) for table, following in mentions.items()}}
        for following in mentions.values():
            following.done()


def inside(path: Path, period: Period) -> NDArray[np.bool_]:
    """Of every post in a file whether it is of the days of a period, as the clock of the source showed them.

    A post of which the day is not known is in no period.
    """
    day = column(path, "posted_local").cast(pa.date32(), safe=False)
    found = pc.is_valid(day)
    since, until = period
    if since is not None:
        found = pc.and_(found, pc.fill_null(pc.greater_equal(day, pa.scalar(since)), fill_value=False))
    if until is not None:
        found = pc.and_(found, pc.fill_null(pc.less_equal(day, pa.scalar(until)), fill_value=False))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


def column(path: Path, name: str) -> pa.Array:
    """One column of a published file of posts or rejections."""
    with _reading(path), pq.ParquetFile(path) as file:
        chunks = file.read([name])[name]
    return pa.concat_arrays(chunks.chunks) if chunks.num_chunks else pa.array([], chunks.type)


def values_at(path: Path, name: str, rows: NDArray[np.int64]) -> list[Any]:
    """The values of a column in some rows of a published file, `rows` ascending; reads their groups only."""
    found: list[Any] = []
    with _reading(path), pq.ParquetFile(path) as file:
        start = 0
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]
            if len(here):
                found += file.read_row_group(group, [name])[name].take(pa.array(here - start)).to_pylist()
            start = end
    return found


class _Following:
    """A table of mentions, read along with the posts that they are in."""

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._batches = batches(path, table)
        self._rest: pa.Table | None = next(self._batches, None)
        self._empty = _bare(TABLES[table]).empty_table()

    def take(self, ids: pa.Array) -> pa.Table:
        """The mentions of the posts with these ids."""
        parts = [self._empty]
        while self._rest is not None:
            here = pc.index_in(self._rest["post_id"], value_set=ids)
            elsewhere = np.flatnonzero(pc.is_null(here).to_numpy())
            cut = int(elsewhere[0]) if len(elsewhere) else len(self._rest)
            parts.append(self._rest.slice(0, cut))
            if cut < len(self._rest):
                self._rest = self._rest.slice(cut)
                break
            self._rest = next(self._batches, None)
        return pa.concat_tables(parts)

    def done(self) -> None:
        if self._rest is not None:
            raise DatasetError(f"{self._path}: mentions of posts that are not there; rerun the source")


class TableFile:
    """One parquet file in the making; the same rows in the same order give the same bytes."""

    def __init__(self, path: Path, table: str, source: str) -> None:
        self._path = path
        self._schema = TABLES[table]
        self._source = source
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self._size = 0
        self._text = 0
        self.rows = 0
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=[
                leaf
                for field in self._schema
                if field.name not in _NEVER_ALIKE
                for leaf in _leaves(field.name, field.type)
            ],
        )

    def add(self, rows: pa.Table, size: int = 0) -> None:
        """Append rows; `size` is how much text they hold, in code points."""
        if not len(rows):
            return
        self._waiting.append(rows)
        self._rows += len(rows)
        self._size += size
        self._text += size
        if self._rows >= GROUP_ROWS or self._size >= GROUP_SIZE:
            self._write_group()

    def finish(self) -> FileState:
        """Close the file and force it to the disk."""
        self._write_group()
        self._writer.close()
        sync_file(self._path)
        return FileState(
            name=self._path.name,
            rows=self.rows,
            size=self._path.stat().st_size,
            sha256=hash_file(self._path),
            text=self._text,
        )

    def close(self) -> None:
        """Close the file as it is, to be thrown away."""
        self._waiting.clear()
        with suppress(OSError):
            self._writer.close()

    def _write_group(self) -> None:
        if not self._rows:
            return
        group = pa.concat_tables(self._waiting).combine_chunks()
        source = pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(len(group), np.int32)), pa.array([self._source], pa.string())
        )
        columns = [
            source if field.name == "source" else group[field.name].cast(field.type) for field in self._schema
        ]
        self._writer.write_table(
            pa.Table.from_arrays(columns, schema=self._schema), row_group_size=len(group)
        )
        self.rows += len(group)
        self._waiting.clear()
        self._rows = self._size = 0


def of_files(path: Path, exports: Sequence[str]) -> NDArray[np.bool_]:
    """Of every post or rejection in a file whether it is of one of these exports."""
    found = pc.is_in(column(path, "file"), value_set=pa.array(exports, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


def rejections_kept(path: Path, drop_files: Sequence[str]) -> Iterator[pa.Table]:
    """Earlier rejections, without those of the files that are read again."""
    gone = pa.array(drop_files, pa.string())
    for batch in batches(path, "rejected"):
        yield batch.filter(pc.invert(pc.is_in(batch["file"], value_set=gone)))


def from_stream(stream: bytes) -> pa.Table:
    """The batch of `rows.to_stream`."""
    return pa.ipc.open_stream(stream).read_all()


def counts_by(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each value stands in a column."""
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(column).to_pylist()}


def mention_counts(posts: pa.Table, mentions: pa.Table) -> NDArray[np.int64]:
    """How many of `mentions` each of `posts` has; they stand in the order of the posts."""
    here = pc.index_in(mentions["post_id"], value_set=posts["post_id"].combine_chunks()).to_numpy()
    if (np.diff(here) < 0).any():
        raise DatasetError("mentions do not stand in the order of their posts; rerun the source")
    return np.bincount(here.astype(np.int64), minlength=len(posts))


def with_column(rows: pa.Table, name: str, values: Sequence[Any]) -> pa.Table:
    """The table with other values in one column."""
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))


def batches(path: Path, table: str) -> Iterator[pa.Table]:
    """The rows of a published file, a few at a time, without the column `source`.

    Columns that an older schema did not have are null.
    """
    schema = _bare(TABLES[table])
    with _reading(path), pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        for batch in file.iter_batches(KEPT_ROWS, columns=[name for name in schema.names if name in there]):
            columns = [
                batch.column(field.name) if field.name in there else pa.nulls(len(batch), field.type)
                for field in schema
            ]
            yield pa.Table.from_arrays(columns, schema=schema)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as damage:
        raise DatasetError(f"{path}: cannot be read: {damage}; rerun the source") from damage


def _leaves(path: str, type_: pa.DataType) -> list[str]:
    """The paths under which parquet stores a column.

    >>> _leaves("flags", pa.list_(pa.string()))
    ['flags.list.element']
    """
    if pa.types.is_list(type_):
        return _leaves(f"{path}.list.element", type_.value_type)
    if pa.types.is_struct(type_):
        return [leaf for field in type_ for leaf in _leaves(f"{path}.{field.name}", field.type)]
    return [path]


def _bare(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, field.type) for field in schema if field.name != "source"])
