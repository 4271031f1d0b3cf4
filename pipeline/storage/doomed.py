"""Which rows on disk are meant: of an author, of a post, or older than they are kept; in every version."""

# ruff: noqa: PLC0415  Arrow is imported where there are rows to look at
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.storage.dataset import Dataset, Version
from pipeline.storage.durable import hash_file, link_file, sync_file
from pipeline.storage.manifest import TABLE_NAMES, FileState, SourceState
from pipeline.storage.trace import among, files_of, segments_of, tables

if TYPE_CHECKING:
    import pyarrow as pa

FRESH: Final = ".clean-files"  # rewritten files, before they stand in their versions
_FEW: Final = 100  # posts of which the texts are looked for in rows that were refused


class Doomed(Struct, frozen=True, kw_only=True):
    """Which rows of one source go; a row goes for any one reason."""

    ids: frozenset[str] = frozenset()  # post_id
    authors: frozenset[str] = frozenset()  # author_key, or author_name where authors are kept
    before: datetime | None = None  # aware UTC: posts from before it; without a UTC time, by the local clock
    rejected: Callable[[dict[str, Any]], bool] | None = None  # of a row of `rejected`


class Gone(Struct, frozen=True, kw_only=True):
    """What was taken out, or would be."""

    versions: dict[int, dict[str, dict[str, int]]]  # by version, source and table: rows; only where some are
    published: int | None = None  # the version that replaces the current one
    set_aside: tuple[str, ...] = ()  # broken versions that lay about and were deleted

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """By source and table, the most that any one version held."""
        found: dict[str, dict[str, int]] = {}
        for sources in self.versions.values():
            for source, counted in sources.items():
                most = found.setdefault(source, {})
                for table, count in counted.items():
                    most[table] = max(count, most.get(table, 0))
        return dict(sorted(found.items()))


class Search:
    """What of which file goes; every file is looked at once, in however many versions it stands."""

    def __init__(self, dataset: Dataset, doomed: Mapping[str, Doomed], *, every: bool = False) -> None:
        self.dataset = dataset
        self.doomed = dict(doomed)
        self._every = every  # sources of which nothing goes as well
        self._posts: dict[str, frozenset[str]] = {}  # by SHA-256 of a file of posts: the ids that go
        self._counts: dict[tuple[str, str], int] = {}  # by table and SHA-256: the rows that go
        self._written: dict[str, FileState] = {}  # by SHA-256 of the file before
        self._segments: dict[str, dict[str, FileState]] = {}  # by SHA-256 of the file of posts before
        numbers = dataset.versions()
        self.newest = numbers[-1] if numbers else None
        self._versions = [dataset.version(number) for number in numbers]
        for _, name, path in [] if every else list(self.posts_files()):
            one = self.doomed[name]
            if one.authors:  # a post goes everywhere where it goes anywhere
                self.doomed[name] = replace(one, ids=one.ids | set(_by_authors(path, one.authors)))

    def posts_files(self) -> Iterator[tuple[Version, str, Path]]:
        """Every file of posts once, with its source and the newest version that it stands in."""
        seen: set[str] = set()
        for version, name, state in reversed(list(self._states())):
            for table, file in files_of(state):
                if table == "posts" and file.sha256 not in seen:
                    seen.add(file.sha256)
                    yield version, name, version.path / table / file.name

    def gone(self) -> Gone:
        versions: dict[int, dict[str, dict[str, int]]] = {}
        for version, name, _ in self._states():
            counts = self._count(version, name)
            if any(counts.values()):
                versions.setdefault(version.number, {})[name] = counts
        return Gone(versions=versions)

    def touches(self, version: Version, source: str) -> bool:
        return source in self.doomed and any(self._count(version, source).values())

    def state(self, version: Version, source: str, folder: Path) -> SourceState:
        """The source as it is without the rows, its files in `folder`."""
        state = version.manifest.sources[source]
        files: dict[str, list[FileState]] = {table: [] for table in state.files}
        for parts in segments_of(state):
            cleaned = self._clean(version, source, parts)
            for table, file in cleaned.items():
                (folder / table).mkdir(exist_ok=True)
                before = parts[table]
                origin = version.path / table if file == before else self._fresh(table)
                link_file(origin / file.name, folder / table / file.name)
                files[table].append(file)
        return with_files(state, files)

    def _states(self) -> Iterator[tuple[Version, str, SourceState]]:
        for version in self._versions:
            for name, state in version.manifest.sources.items():
                if self._every or name in self.doomed:
                    yield version, name, state

    def _count(self, version: Version, source: str) -> dict[str, int]:
        counts = dict.fromkeys(TABLE_NAMES, 0)
        for parts in segments_of(version.manifest.sources[source]):
            for table, file in parts.items():
                if table in counts:
                    key = table, file.sha256
                    if key not in self._counts:
                        self._counts[key] = self._hits(version, source, table, parts)
                    counts[table] += self._counts[key]
        return counts

    def _hits(self, version: Version, source: str, table: str, parts: Mapping[str, FileState]) -> int:
        path = version.path / table / parts[table].name
        if table == "rejected":
            goes = self.doomed[source].rejected
            return (
                0
                if goes is None
                else sum(goes(row) for rows in tables(path, None) for row in rows.to_pylist())
            )
        ids = self._ids(version, source, parts)
        if table == "posts" or not ids:
            return len(ids)
        return sum(among(rows, ids, "post_id").to_pylist().count(True) for rows in tables(path, ["post_id"]))

    def _ids(self, version: Version, source: str, parts: Mapping[str, FileState]) -> frozenset[str]:
        file = parts["posts"]
        if file.sha256 not in self._posts:
            self._posts[file.sha256] = _going(version.path / "posts" / file.name, self.doomed[source])
        return self._posts[file.sha256]

    def _clean(self, version: Version, source: str, parts: Mapping[str, FileState]) -> dict[str, FileState]:
        """The files of one segment, those with rows that go written again."""
        touched = {table for table, file in parts.items() if self._counts.get((table, file.sha256))}
        if not touched:
            return dict(parts)
        if "ids" in parts:
            return self._segment(version, source, parts)
        cleaned = dict(parts)
        for table in touched:
            file = parts[table]
            if file.sha256 not in self._written:
                keep = self._keep(version, source, table, parts)
                path = version.path / table / file.name
                name = f"{self._stem(table, file)}{path.suffix}"
                self._written[file.sha256] = _rewritten(path, self._fresh(table) / name, keep)
            cleaned[table] = self._written[file.sha256]
        return cleaned

    def _segment(self, version: Version, source: str, parts: Mapping[str, FileState]) -> dict[str, FileState]:
        """The files of a segment, what belongs to the posts that stay written again."""
        from pipeline.storage.pieces import EarlierRows
        from pipeline.storage.segments import write_segment

        posts = parts["posts"]
        if posts.sha256 not in self._segments:
            for table in parts:
                self._fresh(table)
            paths = {
                table: version.path / table / parts[table].name for table in ("posts", "places", "dates")
            }
            ids = self._ids(version, source, parts)
            kept = (_without(batch, ids) for batch in EarlierRows(paths))
            folder = self.dataset.root / "versions" / FRESH
            self._segments[posts.sha256] = write_segment(folder, self._stem("posts", posts), source, kept)
        return self._segments[posts.sha256]

    def _stem(self, table: str, file: FileState) -> str:
        """A name that no file had: of the file before, and of how many rows went."""
        told = f"{file.sha256} {self._counts[table, file.sha256]}"
        return f"{file.name.rpartition('.')[0]}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"

    def _keep(
        self, version: Version, source: str, table: str, parts: Mapping[str, FileState]
    ) -> Callable[[pa.Table], pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        goes = self.doomed[source].rejected
        if table == "rejected":
            assert goes is not None, "only counted where there is a rule"
            return lambda rows: pa.array([not goes(row) for row in rows.to_pylist()], pa.bool_())
        ids = pa.array(sorted(self._ids(version, source, parts)), pa.string())
        return lambda rows: pc.invert(pc.is_in(rows["post_id"], value_set=ids))

    def _fresh(self, table: str) -> Path:
        folder = self.dataset.root / "versions" / FRESH / table
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def _without(batch: Mapping[str, pa.Table], ids: frozenset[str]) -> dict[str, pa.Table]:
    """A batch of posts and their mentions without some posts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    gone = pa.array(sorted(ids), pa.string())
    return {
        table: rows.filter(pc.invert(pc.is_in(rows["post_id"], value_set=gone)))
        for table, rows in batch.items()
    }


def with_files(state: SourceState, files: Mapping[str, Sequence[FileState]]) -> SourceState:
    """A source with other files, counted."""
    rows = {table: sum(file.rows for file in files.get(table, ())) for table in TABLE_NAMES}
    return replace(
        state,
        files={table: tuple(each) for table, each in files.items()},
        posts=rows["posts"],
        places=rows["places"],
        dates=rows["dates"],
        rejected=rows["rejected"],
    )


def _by_authors(path: Path, authors: frozenset[str]) -> Iterator[str]:
    for rows in tables(path, ["post_id", "author_key", "author_name"]):
        yield from rows.filter(among(rows, authors, "author_key", "author_name"))["post_id"].to_pylist()


def _going(path: Path, doomed: Doomed) -> frozenset[str]:
    """The ids of a file that go."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: set[str] = set()
    if not doomed.ids and doomed.before is not None and _is_young(path, doomed.before):
        return frozenset()
    for rows in tables(path, ["post_id", *(("posted_at", "posted_local") if doomed.before else ())]):
        goes = among(rows, doomed.ids, "post_id")
        if doomed.before is not None:
            clock = rows["posted_local"].cast(pa.timestamp("us", tz="UTC"))
            early = pc.less(pc.coalesce(rows["posted_at"], clock), pa.scalar(doomed.before))
            goes = pc.or_(goes, pc.fill_null(early, False))
        found.update(rows.filter(goes)["post_id"].to_pylist())
    return frozenset(found)


def _is_young(path: Path, before: datetime) -> bool:
    """Whether the statistics of a file say that all its posts have a time, none of them before `before`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False  # reading it will tell
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
        found = columns["posted_at"].statistics
        if found is None or not found.has_min_max or found.null_count or found.min < before:
            return False
    return True


class About(Struct, frozen=True, kw_only=True):
    """What an operator should know of the rows that go, and what the rest still says of them."""

    files: tuple[str, ...] = ()  # exports that hold them
    native: frozenset[tuple[str, str]] = frozenset()  # source and the platform's own id
    texts: frozenset[str] = frozenset()  # of the posts that were named by id
    replies: int = 0  # posts of others that point to them
    forwards: int = 0  # posts of others that were forwarded from them


def about(dataset: Dataset, doomed: Mapping[str, Doomed]) -> About:
    """Look into all versions for what `doomed` means."""
    search = Search(dataset, doomed)
    files: set[str] = set()
    native: set[tuple[str, str]] = set()
    texts: set[str] = set()
    pointing: dict[str, set[str]] = {"reply_to": set(), "forwarded_from": set()}
    for version, name, path in search.posts_files():
        one = search.doomed[name]
        columns = [
            "post_id",
            "author_key",
            "author_name",
            "native_id",
            "file",
            "text",
            "reply_to",
            "forwarded_from",
            "extra",
        ]
        for rows in tables(path, columns):
            goes = among(rows, one.ids, "post_id")
            gone = rows.filter(goes)
            files.update(gone["file"].to_pylist())
            files.update(_history_files(gone["extra"].to_pylist()))
            native.update((name, each) for each in gone["native_id"].to_pylist() if each is not None)
            if len(one.ids) <= _FEW:
                texts.update(gone["text"].to_pylist())
            if version.number == search.newest:
                rest = rows.filter(_not(goes))
                for column, values in (("reply_to", one.ids), ("forwarded_from", one.authors)):
                    pointing[column].update(rest.filter(among(rest, values, column))["post_id"].to_pylist())
    return About(
        files=tuple(sorted(files)),
        native=frozenset(native),
        texts=frozenset(texts),
        replies=len(pointing["reply_to"]),
        forwards=len(pointing["forwarded_from"]),
    )


def _history_files(extras: Sequence[str | None]) -> Iterator[str]:
    """The exports that earlier texts of posts are from."""
    for extra in extras:
        if extra is not None and '"history"' in extra:
            for one in json.loads(extra).get("history", ()):
                yield one["file"]


def platforms(dataset: Dataset) -> frozenset[str]:
    """The platforms of all posts on disk."""
    found: set[str] = set()
    for _, _, path in Search(dataset, {}, every=True).posts_files():
        for rows in tables(path, ["platform"]):
            found.update(rows["platform"].unique().to_pylist())
    return frozenset(found)


def _not(goes: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.invert(goes)


def _rewritten(path: Path, target: Path, keep: Callable[[pa.Table], pa.Array]) -> FileState:
    """A file without some rows, of the same schema and coding, as `target`."""
    import pyarrow.parquet as pq

    rows = 0
    mode = 0o600 if path.parent.name == "rejected" else 0o666
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        options: dict[str, Any] = {"compression": "zstd", "compression_level": 3}
        if file.num_row_groups:
            options["use_dictionary"] = _coded(file.metadata)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as sink, pq.ParquetWriter(sink, schema, **options) as out:
            for number in range(file.num_row_groups):
                group = file.read_row_group(number)
                group = group.filter(keep(group))
                rows += len(group)
                if len(group):
                    out.write_table(group.combine_chunks(), row_group_size=len(group))
    sync_file(target)
    return FileState(name=target.name, rows=rows, size=target.stat().st_size, sha256=hash_file(target))


def _coded(metadata: Any) -> list[str]:
    """The columns that a file keeps as dictionaries, so that it is written as it was."""
    group = metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    return [one.path_in_schema for one in columns if "RLE_DICTIONARY" in one.encodings]
