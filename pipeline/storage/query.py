"""Which rows of a version are wanted: filters that parquet answers from its statistics where it can.

A filter that a table has no column for is answered by the table that has it: the posts of a place are the
posts with a mention of it, the dates of a language are those of its posts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import reduce
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from msgspec import Struct

from pipeline.errors import DatasetError
from pipeline.storage.dataset import Version
from pipeline.storage.named import Named, QueryError
from pipeline.storage.schema import TABLES

Day = date | datetime | str | None
Some = str | Sequence[str] | None
Box = Sequence[float] | Sequence[str]

_BATCH: Final = 8192
_MICROSECONDS: Final = pa.timestamp("us", tz="UTC")


class Filters(Struct, frozen=True, kw_only=True):
    """What rows must meet, all of it; None asks for nothing, an empty tuple for no row.

    `filters` makes one.
    """

    source: tuple[str, ...] | None = None  # sorted
    since: datetime | None = None  # aware UTC, inclusive
    until: datetime | None = None  # aware UTC, exclusive
    language: tuple[str, ...] | None = None  # tags as they stand in posts.language
    place: tuple[str, ...] | None = None  # ids or names
    bbox: tuple[float, float, float, float] | None = None  # west, south, east, north
    post_id: tuple[str, ...] | None = None

    @property
    def is_open(self) -> bool:
        """Whether every row of the wanted sources is wanted."""
        return all(
            one is None
            for one in (self.since, self.until, self.language, self.place, self.bbox, self.post_id)
        )


def filters(  # noqa: PLR0917  in the order of `Loaded.posts`
    source: Some = None,
    since: Day = None,
    until: Day = None,
    language: Some = None,
    place: Some = None,
    bbox: Box | None = None,
) -> Filters:
    """Filters from what a person writes.

    `since` and `until` choose by `posted_at`.  A day (`date`, or text such as "2014-03-05") is a whole day of
    UTC, and `until` includes it.  A `datetime` must be aware; `since` includes it, `until` does not.
    `language` is a tag, exactly: "ar" is not "ar-Latn".  `place` is a place_id or a name.  `bbox` is west,
    south, east, north in degrees, its edges included; west > east crosses the 180th meridian.
    Raises `QueryError` for what is no day, no box, or has no zone.

    >>> filters(until="2014-03-05").until.isoformat(), filters(place="Hama").place
    ('2014-03-06T00:00:00+00:00', ('Hama',))
    """
    sources = _tuple(source)
    return Filters(
        source=None if sources is None else tuple(sorted(set(sources))),
        since=None if since is None else _moment(since),
        until=None if until is None else _moment(until, days=1),
        language=_tuple(language),
        place=_tuple(place),
        bbox=None if bbox is None else _box(bbox),
    )


class Rows:
    """The wanted rows of a table: sources by name, and within a source in the order of its files.

    Raises `QueryError` for a column, source or place that is not there.
    """

    def __init__(
        self,
        version: Version,
        table: str,
        wanted: Filters,
        columns: Sequence[str] | None = None,
        named: Named | None = None,
    ) -> None:
        self.schema = TABLES[table]
        for name in columns or ():
            if name not in self.schema.names:
                raise QueryError(f"no column {name!r} in {table}; it has: {', '.join(self.schema.names)}")
        if table == "rejected" and not wanted.is_open:
            raise QueryError("rejected rows have no time, language or place to choose by; only a source")
        self._version = version
        self._table = table
        self._filters = wanted
        self._columns = None if columns is None else list(columns)
        self._named = named or Named(version)
        self._place_condition: Any = None
        there = version.manifest.sources
        unknown = [name for name in wanted.source or () if name not in there]
        if unknown:
            near = get_close_matches(unknown[0], there, 1)
            raise QueryError(
                f"no source {unknown[0]!r} in version {version.number} of the dataset"
                + (f"; did you mean {near[0]!r}?" if near else "")
                + f"; it has: {', '.join(there) or 'none'}"
            )
        self.sources = list(there) if wanted.source is None else list(wanted.source)

    def table(self) -> pa.Table:
        """All of them at once."""
        with self._telling():
            parts = [
                dataset.to_table(columns=self._columns, filter=condition)
                for dataset, condition in self._parts()
            ]
        if not parts:
            whole = self.schema.empty_table()
            parts = [whole if self._columns is None else whole.select(self._columns)]
        return pa.concat_tables(parts).replace_schema_metadata(None)

    def batches(self, rows: int = _BATCH) -> Iterator[pa.RecordBatch]:
        """A few at a time, so that memory does not grow with the table; none of them is empty."""
        with self._telling():
            for dataset, condition in self._parts():
                for group in _row_groups(dataset, condition):
                    found = group.to_table(schema=dataset.schema, columns=self._columns, filter=condition)
                    yield from found.combine_chunks().to_batches(max_chunksize=rows)

    def _parts(self) -> Iterator[tuple[Any, Any]]:
        """Datasets, each with its condition: one for all sources, or one a source where tables are joined."""
        others = self._others()
        own = self._own(self._table)
        if not others:
            if self.sources:
                yield self._dataset(self._table, self.sources), own
            return
        for source in self.sources:
            ids = [self._ids(other, source) for other in others]
            if all(len(one) for one in ids):
                conditions = [own] if own is not None else []
                for one in ids:
                    conditions += [_around(one), pc.field("post_id").isin(one["post_id"].unique())]
                yield self._dataset(self._table, [source]), _all(conditions)

    def _others(self) -> list[str]:
        """The tables that answer what this one has no column for."""
        chosen = self._filters
        others = []
        if self._table != "posts" and chosen.language is not None:
            others.append("posts")
        if self._table != "places" and (chosen.place is not None or chosen.bbox is not None):
            others.append("places")
        return others

    def _ids(self, other: str, source: str) -> pa.Table:
        """post_id and posted_at of the rows of another table that meet its part of the filters."""
        dataset = self._dataset(other, [source])
        return dataset.to_table(columns=["post_id", "posted_at"], filter=self._own(other))

    def _dataset(self, table: str, sources: Sequence[str]) -> Any:
        files = [str(path) for source in sources for path in self._version.files(table, source)]
        return ds.dataset(files, schema=TABLES[table], format="parquet")

    def _own(self, table: str) -> Any:
        """The condition on the columns that the table itself has; None for every row."""
        chosen = self._filters
        conditions = []
        if chosen.since is not None:
            conditions.append(pc.field("posted_at") >= pa.scalar(chosen.since, _MICROSECONDS))
        if chosen.until is not None:
            conditions.append(pc.field("posted_at") < pa.scalar(chosen.until, _MICROSECONDS))
        if chosen.post_id is not None:
            conditions.append(pc.field("post_id").isin(pa.array(chosen.post_id, pa.string())))
        if table == "posts" and chosen.language is not None:
            conditions.append(pc.field("language").isin(pa.array(chosen.language, pa.string())))
        if table == "places" and chosen.place is not None:
            conditions.append(self._places(_all(conditions) if conditions else None))
        if table == "places" and chosen.bbox is not None:
            conditions.append(_inside(chosen.bbox))
        return _all(conditions) if conditions else None

    def _places(self, within: Any) -> Any:
        """The condition of the wanted places, looked up once for all sources."""
        if self._place_condition is None:
            mentions = self._dataset("places", self.sources)
            wanted = self._filters.place or ()
            self._place_condition = _any([self._named.condition(one, mentions, within) for one in wanted])
        return self._place_condition

    @contextmanager
    def _telling(self) -> Iterator[None]:
        number = self._version.number
        try:
            yield
        except FileNotFoundError as gone:
            raise DatasetError(
                f"version {number} was pruned while it was read ({gone}); load the dataset again"
            ) from gone
        except (OSError, pa.ArrowInvalid) as damage:
            raise DatasetError(f"version {number} is damaged: {damage}; rerun the source") from damage


def _row_groups(dataset: Any, condition: Any) -> Iterator[Any]:
    """The row groups that can hold wanted rows, one after the other.

    A scan of the whole dataset reads ahead of whoever takes its batches: 700 MB for 500,000 posts.
    """
    for file in dataset.get_fragments(filter=condition):
        yield from file.split_by_row_group(condition, schema=dataset.schema)


def _around(ids: pa.Table) -> Any:
    """A condition on the time that rows of these posts meet, so that whole row groups are not read."""
    times = ids["posted_at"]
    if times.null_count:
        return pc.scalar(True)
    first, last = pc.min_max(times).values()
    return (pc.field("posted_at") >= first) & (pc.field("posted_at") <= last)


def _inside(box: tuple[float, float, float, float]) -> Any:
    west, south, east, north = box
    lat, lon = pc.field("lat"), pc.field("lon")
    between = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
    return (lat >= south) & (lat <= north) & between


def _all(conditions: Sequence[Any]) -> Any:
    return reduce(lambda one, two: one & two, conditions)


def _any(conditions: Sequence[Any]) -> Any:
    return reduce(lambda one, two: one | two, conditions, pc.scalar(False))


def _tuple(value: Some) -> tuple[str, ...] | None:
    """
    >>> _tuple("ar"), _tuple(["ar", "en", "ar"]), _tuple(None)
    (('ar',), ('ar', 'en'), None)
    """
    if value is None:
        return None
    return (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))


def _box(box: Box) -> tuple[float, float, float, float]:
    """
    >>> _box([35, 34, 38, 37])
    (35.0, 34.0, 38.0, 37.0)
    """
    told = f"{box!r} is no box: give west, south, east, north in degrees, such as 35.5, 34.5, 38, 37"
    try:
        west, south, east, north = (float(edge) for edge in box)
    except (TypeError, ValueError):
        raise QueryError(told) from None
    is_on_earth = all(map(math.isfinite, (west, east))) and abs(west) <= 180 and abs(east) <= 180
    if not (is_on_earth and -90 <= south <= north <= 90):
        raise QueryError(told)
    return west, south, east, north


def _moment(when: date | datetime | str, days: int = 0) -> datetime:
    """A moment as it is; of a day, its start in UTC, `days` later.

    >>> _moment("2014-03-05", days=1).isoformat()
    '2014-03-06T00:00:00+00:00'
    """
    if isinstance(when, str):
        try:
            when = (
                date.fromisoformat(when) if len(when) <= len("2014-03-05") else datetime.fromisoformat(when)
            )
        except ValueError:
            raise QueryError(f"{when!r} is no day and no time; write 2014-03-05") from None
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise QueryError(f"{when.isoformat()} has no zone; give an aware datetime, or a day")
        return when.astimezone(UTC)
    return datetime.combine(when, time(), UTC) + timedelta(days=days)
