"""The batches of a stage on disk, and any of their rows again, in any order."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
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


class Pieces:
    """Batches of posts with their mentions, appended to one file, read by the number of the observation."""

    def __init__(self, folder: Path) -> None:
        self._streams = (folder / "pieces").open("w+b")
        self._counts = (folder / "counts").open("w+b")
        self._starts = array("q")  # of every piece: number of its first observation
        self._offsets = {table: array("q") for table in _ANNOTATED}
        self._sizes = {table: array("q") for table in _ANNOTATED}
        self._end = 0
        self._numbers: NDArray[np.int32] = np.zeros((0, 3), np.int32)

    def add(
        self,
        start: int,
        tables: Mapping[str, bytes],
        sizes: Sequence[int],
        place_counts: Sequence[int],
        date_counts: Sequence[int],
    ) -> None:
        """Append a batch whose first observation has the number `start`."""
        self._starts.append(start)
        for table in _ANNOTATED:
            self._offsets[table].append(self._end)
            self._sizes[table].append(len(tables[table]))
            self._streams.write(tables[table])
            self._end += len(tables[table])
        counts = np.column_stack([sizes, place_counts, date_counts])
        self._counts.write(counts.astype(np.int32).tobytes())

    def seal(self) -> None:
        """End of the batches; from here on they are read."""
        self._streams.flush()
        self._counts.flush()
        if self._starts:
            self._numbers = np.memmap(self._counts, np.int32, "r").reshape(-1, 3)

    def close(self) -> None:
        self._numbers = np.zeros((0, 3), np.int32)
        for file in (self._streams, self._counts):
            with suppress(OSError):  # a full disk refuses what is thrown away anyway
                file.close()

    def sizes(self, observations: NDArray[np.int64]) -> NDArray[np.int64]:
        """Code points of the texts of the given observations."""
        sizes: NDArray[np.int64] = self._numbers[observations, 0].astype(np.int64)
        return sizes

    def rows(self, table: str, observations: NDArray[np.int64]) -> pa.Table:
        """The rows of the given observations, in their order; of `places` and `dates` all rows of each."""
        piece_of = np.searchsorted(self._starts, observations, side="right") - 1
        parts: list[pa.Table] = []
        order: list[NDArray[np.int64]] = []
        for piece in np.unique(piece_of):
            wanted = np.flatnonzero(piece_of == piece)
            start = self._starts[piece]
            whole = self._table(table, int(piece))
            local = observations[wanted] - start
            if table != "posts":
                counts = self._piece_counts(int(piece), len(whole), _ANNOTATED.index(table))
                offsets = np.cumsum(counts) - counts
                counts = counts[local]
                local = np.repeat(offsets[local] - (np.cumsum(counts) - counts), counts)
                local = local + np.arange(len(local))
                wanted = np.repeat(wanted, counts)
            if len(local) == len(whole) and (np.diff(local) == 1).all():
                parts.append(whole)
            else:
                parts.append(whole.take(pa.array(local)))
            order.append(wanted)
        positions = np.concatenate(order)
        rows = pa.concat_tables(parts)
        if (np.diff(positions) < 0).any():
            rows = rows.take(pa.array(np.argsort(positions, kind="stable")))
        return rows

    def _piece_counts(self, piece: int, length: int, column: int) -> NDArray[np.int64]:
        start = self._starts[piece]
        end = self._starts[piece + 1] if piece + 1 < len(self._starts) else len(self._numbers)
        counts = self._numbers[start:end, column].astype(np.int64)
        if counts.sum() != length:
            raise ValueError(f"{length} mentions in a batch that counts {counts.sum()}")
        return counts

    def _table(self, table: str, piece: int) -> pa.Table:
        self._streams.seek(self._offsets[table][piece])
        return from_stream(self._streams.read(self._sizes[table][piece]))


class EarlierRows:
    """The rows of one source in the version before, as batches with their mentions.

    Without the posts of the days of `without`, as the clock of the source showed them; a post of which the
    day is not known is in no period.
    """

    def __init__(self, files: Mapping[str, Path], without: Period | None = None) -> None:
        self._files = files
        self._without = without

    def __iter__(self) -> Iterator[dict[str, pa.Table]]:
        """Batches of posts in their order, each with the places and dates of its posts."""
        mentions = {table: _Following(self._files[table], table) for table in ("places", "dates")}
        for posts in batches(self._files["posts"], "posts"):
            ids = posts["post_id"].combine_chunks()
            batch = {"posts": posts, **{table: following.take(ids) for table, following in mentions.items()}}
            yield batch if self._without is None else _outside(batch, self._without)
        for following in mentions.values():
            following.done()


def _outside(batch: Mapping[str, pa.Table], period: Period) -> dict[str, pa.Table]:
    """A batch without the posts of a period and their mentions."""
    posts = batch["posts"]
    day = posts["posted_local"].cast(pa.date32(), safe=False)
    inside = pc.is_valid(day)
    since, until = period
    if since is not None:
        inside = pc.and_(inside, pc.fill_null(pc.greater_equal(day, pa.scalar(since)), fill_value=False))
    if until is not None:
        inside = pc.and_(inside, pc.fill_null(pc.less_equal(day, pa.scalar(until)), fill_value=False))
    kept = posts.filter(pc.invert(inside))
    ids = kept["post_id"].combine_chunks()
    rest = {
        table: rows.filter(pc.is_in(rows["post_id"], value_set=ids))
        for table, rows in batch.items()
        if table != "posts"
    }
    return {"posts": kept, **rest}


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


def rejections_kept(path: Path, drop_files: Sequence[str]) -> Iterator[pa.Table]:
    """The earlier rejections of a source, without those of the files that are read again."""
    gone = pa.array(drop_files, pa.string())
    for batch in batches(path, "rejected"):
        yield batch.filter(pc.invert(pc.is_in(batch["file"], value_set=gone)))


def from_stream(stream: bytes) -> pa.Table:
    """The batch of `rows.to_stream`."""
    return pa.ipc.open_stream(stream).read_all()


def counts_by(column: pa.ChunkedArray, where: NDArray[np.bool_] | None = None) -> dict[str, int]:
    """How often each value stands in a column, or in the rows of it where `where` is true."""
    if where is not None:
        column = column.filter(pa.array(where))
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
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            for batch in file.iter_batches(
                KEPT_ROWS, columns=[name for name in schema.names if name in there]
            ):
                columns = [
                    batch.column(field.name) if field.name in there else pa.nulls(len(batch), field.type)
                    for field in schema
                ]
                yield pa.Table.from_arrays(columns, schema=schema)
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
