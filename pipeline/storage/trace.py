"""Rows by what they are about, wherever on disk they stand: read a few at a time, never a whole table."""

# ruff: noqa: PLC0415  Arrow is imported where there are rows to look at
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipeline.errors import DatasetError
from pipeline.storage.dataset import Dataset, Version
from pipeline.storage.manifest import FileState, SourceState

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS: Final = 16_384  # looked at at a time


def files_of(state: SourceState) -> Iterator[tuple[str, FileState]]:
    """Every file of a source with the table that it belongs to."""
    for table, files in state.files.items():
        for file in files:
            yield table, file


def segments_of(state: SourceState) -> Iterator[dict[str, FileState]]:
    """The files that belong together: those of a segment, and each of `rejected` alone."""
    by_table: dict[str, list[FileState]] = {}
    for table, file in files_of(state):
        by_table.setdefault(table, []).append(file)
    rejected = by_table.pop("rejected", [])
    for number in range(len(by_table["posts"])):
        yield {table: files[number] for table, files in by_table.items()}
    for file in rejected:
        yield {"rejected": file}


def tables(path: Path, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    """The rows of a file, some thousands at a time; columns that an older schema did not have are null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            names = there if columns is None else [name for name in columns if name in there]
            for batch in file.iter_batches(_ROWS, columns=names):
                rows = pa.Table.from_batches([batch])
                for name in columns or ():
                    if name not in there:
                        rows = rows.append_column(name, pa.nulls(len(rows), pa.string()))
                yield rows
    except (OSError, pa.ArrowException) as damage:
        raise DatasetError(
            f"{path}: cannot be read: {damage}; marsad repair mends it, or prune removes its version"
        ) from damage


def among(rows: pa.Table, values: Iterable[str], *columns: str) -> pa.ChunkedArray:
    """Where one of the columns holds one of the values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(values), pa.string())
    found = [pc.is_in(rows[name].cast(pa.string()), value_set=wanted) for name in columns]
    return found[0] if len(found) == 1 else pc.or_(*found)


def holders(
    dataset: Dataset, post_id: str, damaged: list[str]
) -> Iterator[tuple[Version, str, dict[str, Any]]]:
    """Every version that holds a post, oldest first, with its source and its row.

    What of files that cannot be read is added to `damaged`, a sentence each.
    """
    seen: dict[str, dict[str, Any] | None] = {}
    for number in dataset.versions():
        version = dataset.version(number)
        for source, state in version.manifest.sources.items():
            for table, file in files_of(state):
                if table != "posts":
                    continue
                if file.sha256 not in seen:
                    try:
                        seen[file.sha256] = next(_of_post(version.path / table / file.name, post_id), None)
                    except DatasetError as damage:
                        seen[file.sha256] = None
                        damaged.append(str(damage))
                row = seen[file.sha256]
                if row is not None:
                    yield version, source, row


def mentions_of(version: Version, source: str, post_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of `places` and `dates` of one post, as far as they can be read."""
    for table in ("places", "dates"):
        for path in version.files(table, source):
            with suppress(DatasetError):
                for row in _of_post(path, post_id):
                    yield table, row


def rows_of_export(
    version: Version, source: str, name: str, sha256: str, columns: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of `posts` and `rejected` that were read from an export, each with the name of its table."""
    for table, wanted in (("posts", columns), ("rejected", ("raw",))):
        for path in version.files(table, source):
            for rows in tables(path, ["file", "file_sha256", "locator", *wanted]):
                here = rows.filter(among(rows, [sha256], "file_sha256"))
                for row in here.to_pylist():
                    if row["file"] == name:
                        yield table, row


def post_ids(version: Version, source: str) -> frozenset[str]:
    """The ids of all posts of a source."""
    return frozenset(
        post_id
        for path in version.files("posts", source)
        for rows in tables(path, ["post_id"])
        for post_id in rows["post_id"].to_pylist()
    )


def _of_post(path: Path, post_id: str) -> Iterator[dict[str, Any]]:
    for ids in tables(path, ["post_id"]):
        if among(ids, [post_id], "post_id").to_pylist().count(True):
            break
    else:
        return
    for rows in tables(path, None):
        yield from rows.filter(among(rows, [post_id], "post_id")).to_pylist()
