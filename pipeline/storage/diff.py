"""What is different between two versions of a dataset, row by row, and why."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.storage.dataset import Version
from pipeline.storage.manifest import FileState, SourceState
from pipeline.storage.pieces import batches

KEYS: Final = {
    "posts": ("post_id",),
    "places": ("post_id", "start", "end", "feature"),
    "dates": ("post_id", "start", "end", "grain"),
    "rejected": ("file", "locator", "reason"),
}  # what makes two rows the same row; a mention's number is none, because one more mention shifts all others
_OUR_OWN: Final = frozenset({"run_id", "mention", "file", "file_sha256", "locator"})  # where from, not what

Kind = Literal["added", "changed", "gone"]


class Difference(Struct, frozen=True):
    """One row that is not the same in both versions."""

    source: str
    table: str
    kind: Kind
    key: str  # post_id, with the span for mentions; "file locator reason" for rejections
    columns: tuple[str, ...] = ()  # that changed
    old: str = ""  # the first changed column before ...
    new: str = ""  # ... and after


class SourceDiff(Struct, frozen=True, kw_only=True):
    """What became of one source between two versions."""

    source: str
    causes: tuple[str, ...]  # in words; empty where nothing differs
    counts: dict[str, dict[Kind, int]]  # by table
    rows: tuple[Difference, ...]  # the first of each table and kind, in the order of the tables

    @property
    def is_same(self) -> bool:
        return not any(count for kinds in self.counts.values() for count in kinds.values())


def diff(old: Version, new: Version, *, most: int = 100) -> list[SourceDiff]:
    """Every source of the two versions, by name, with what differs and why.

    At most `most` rows of each table and kind are listed; the counts are whole.  A column that one of the two
    versions did not have counts as null there.  Raises `DatasetError` where a file cannot be read.
    """
    names = sorted({*old.manifest.sources, *new.manifest.sources})
    return [_source(name, old, new, most) for name in names]


def _source(name: str, old: Version, new: Version, most: int) -> SourceDiff:
    before, after = old.manifest.sources.get(name), new.manifest.sources.get(name)
    counts: dict[str, dict[Kind, int]] = {}
    rows: list[Difference] = []
    for table in KEYS:
        both = {file.sha256 for file in _files(before, table)} & {
            file.sha256 for file in _files(after, table)
        }
        one = _rows(old, before, table, both)
        two = _rows(new, after, table, both)
        counts[table], listed = _compare(name, table, one, two, most)
        rows += listed
    return SourceDiff(source=name, causes=_causes(before, after), counts=counts, rows=tuple(rows))


def _files(state: SourceState | None, table: str) -> tuple[FileState, ...]:
    return () if state is None else state.files[table]


def _rows(
    version: Version, state: SourceState | None, table: str, without: AbstractSet[str]
) -> pa.Table | None:
    """The rows of a source, but of files that are in both versions."""
    parts = [
        rows
        for file in _files(state, table)
        if file.sha256 not in without
        for rows in batches(version.path / table / file.name, table)
    ]
    return pa.concat_tables(parts) if parts else None


def _compare(
    source: str, table: str, old: pa.Table | None, new: pa.Table | None, most: int
) -> tuple[dict[Kind, int], list[Difference]]:
    old_keys, new_keys = _keys(old, table), _keys(new, table)
    here = pc.index_in(new_keys, value_set=old_keys)  # for each new row, where it was
    was = np.array(here.fill_null(-1), np.int64)
    added = np.flatnonzero(was < 0)
    gone = np.flatnonzero(np.array(pc.index_in(old_keys, value_set=new_keys).fill_null(-1)) < 0)
    changed: dict[int, list[str]] = {}
    listed = [Difference(source, table, "added", new_keys[at].as_py()) for at in added[:most].tolist()]
    if old is not None and new is not None:
        changed = _changed(old, new, was)
        for at in sorted(changed)[:most]:
            column = changed[at][0]
            then, now = old[column][int(was[at])].as_py(), new[column][at].as_py()
            key = new_keys[at].as_py()
            listed.append(Difference(source, table, "changed", key, tuple(changed[at]), str(then), str(now)))
    listed += [Difference(source, table, "gone", old_keys[at].as_py()) for at in gone[:most].tolist()]
    return {"added": len(added), "changed": len(changed), "gone": len(gone)}, listed


def _keys(rows: pa.Table | None, table: str) -> pa.Array:
    """One string a row; of rows with the same key the later ones get their turn as well: "key #2"."""
    if rows is None:
        return pa.array([], pa.string())
    parts = [rows[name].cast(pa.string()).fill_null("") for name in KEYS[table]]
    keys = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, " ")
    keys = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    if pc.count_distinct(keys).as_py() == len(keys):
        return keys
    seen: dict[str, int] = {}
    turns = []
    for key in keys.to_pylist():
        seen[key] = seen.get(key, 0) + 1
        turns.append(key if seen[key] == 1 else f"{key} #{seen[key]}")
    return pa.array(turns, pa.string())


def _changed(old: pa.Table, new: pa.Table, was: NDArray[np.int64]) -> dict[int, list[str]]:
    """For each row of `new` that is in both and not the same, the columns that differ."""
    both = np.flatnonzero(was >= 0)
    then = old.take(pa.array(was[both]))
    now = new.take(pa.array(both))
    changed: dict[int, list[str]] = {}
    for name in new.column_names:
        if name in _OUR_OWN:
            continue
        for at in _unlike(then[name].combine_chunks(), now[name].combine_chunks()).tolist():
            changed.setdefault(int(both[at]), []).append(name)
    return changed


def _unlike(old: pa.Array, new: pa.Array) -> NDArray[np.int64]:
    """Where two columns differ; null is like null only."""
    if old.equals(new):
        return np.zeros(0, np.int64)
    if pa.types.is_nested(old.type):
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        return np.array([at for at, (one, two) in enumerate(pairs) if one != two], np.int64)
    same = pc.or_(pc.fill_null(pc.equal(old, new), False), pc.and_(pc.is_null(old), pc.is_null(new)))
    return np.flatnonzero(~np.array(same))


def _causes(old: SourceState | None, new: SourceState | None) -> tuple[str, ...]:
    """Why the rows of a source may differ, in words.

    >>> _causes(None, None)
    ()
    """
    if old is None or new is None:
        return () if old is new else ("the source is new",) if old is None else ("the source is gone",)
    causes = []
    before = {one.name: one.sha256 for one in old.inputs}
    after = {one.name: one.sha256 for one in new.inputs}
    for verb, names in (
        ("new", after.keys() - before.keys()),
        ("changed", {name for name in after.keys() & before.keys() if after[name] != before[name]}),
        ("no longer taken in", before.keys() - after.keys()),
    ):
        if names:
            causes.append(f"{verb}: {', '.join(sorted(names))}")
    causes += [
        told.format(getattr(old, what), getattr(new, what))
        for what, told in _TOLD.items()
        if getattr(old, what) != getattr(new, what)
    ]
    settings = sorted(
        name for name in old.settings | new.settings if old.settings.get(name) != new.settings.get(name)
    )
    if settings:
        causes.append(f"settings: {', '.join(settings)}")
    return tuple(causes)


_TOLD: Final = {
    "code_version": "marsad {} became {}",
    "tables_digest": "the word tables changed",
    "gazetteer_digest": "the gazetteer changed",
    "zone": "the zone {} became {}",
}
