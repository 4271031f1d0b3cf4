"""The dataset as tables for analysts: pandas with ready types, or Arrow, or polars."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal, overload

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipeline.errors import DatasetError
from pipeline.records import AnnotatedPost
from pipeline.storage.dataset import Dataset, Version
from pipeline.storage.rows import dates_table, places_table, posts_table
from pipeline.storage.schema import TABLES

Format = Literal["pandas", "polars", "arrow"]


class Loaded:
    """One version of a dataset; every table comes from it, whatever is published meanwhile.

    `since` and `until` choose by `posted_at`.  A day (`date`, or text such as "2014-03-05") is a whole day of
    UTC, and `until` includes it.  A `datetime` must be aware; `since` includes it, `until` does not.
    Posts whose time is not known are left out as soon as one of the two is given.
    """

    def __init__(self, version: Version) -> None:
        self.version = version.number
        self.sources = list(version.manifest.sources)
        self._version = version

    def __repr__(self) -> str:
        return f"<marsad dataset, version {self.version}, sources: {', '.join(self.sources)}>"

    def posts(
        self,
        columns: Sequence[str] | None = None,
        source: str | Sequence[str] | None = None,
        since: date | datetime | str | None = None,
        until: date | datetime | str | None = None,
        format: Format = "pandas",
    ) -> Any:
        """The posts, one row each: sources by name, and within a source in the order of first sight.

        Raises `DatasetError` for a column or source that is not there.
        """
        return self._table("posts", columns, source, (since, until), format)

    def places(
        self,
        columns: Sequence[str] | None = None,
        source: str | Sequence[str] | None = None,
        since: date | datetime | str | None = None,
        until: date | datetime | str | None = None,
        format: Format = "pandas",
    ) -> Any:
        """The mentions of places, in the order of their posts; join on `post_id`."""
        return self._table("places", columns, source, (since, until), format)

    def dates(
        self,
        columns: Sequence[str] | None = None,
        source: str | Sequence[str] | None = None,
        since: date | datetime | str | None = None,
        until: date | datetime | str | None = None,
        format: Format = "pandas",
    ) -> Any:
        """The mentions of dates, in the order of their posts; `since` and `until` mean the post's time."""
        return self._table("dates", columns, source, (since, until), format)

    def rejected(
        self,
        columns: Sequence[str] | None = None,
        source: str | Sequence[str] | None = None,
        format: Format = "pandas",
    ) -> Any:
        """The quarantine: rows that are no posts, with reason and place.  They have no time to choose by."""
        return self._table("rejected", columns, source, (None, None), format)

    def _table(
        self,
        table: str,
        columns: Sequence[str] | None,
        source: str | Sequence[str] | None,
        period: tuple[date | datetime | str | None, date | datetime | str | None],
        format_: Format,
    ) -> Any:
        _check_format(format_)
        schema = TABLES[table]
        for name in columns or ():
            if name not in schema.names:
                raise DatasetError(f"no column {name!r} in {table}; it has: {', '.join(schema.names)}")
        wanted = [source] if isinstance(source, str) else source
        files = [
            path
            for name in (self.sources if wanted is None else sorted(set(wanted)))
            for path in self._version.files(table, name)
        ]
        try:
            found = ds.dataset([str(path) for path in files], schema=schema, format="parquet").to_table(
                columns=None if columns is None else list(columns), filter=_within(*period)
            )
        except FileNotFoundError as gone:
            raise DatasetError(
                f"version {self.version} was pruned while it was read ({gone}); load the dataset again"
            ) from gone
        except (OSError, pa.ArrowException) as damage:
            raise DatasetError(f"version {self.version} is damaged: {damage}; rerun the source") from damage
        return _as(found.replace_schema_metadata(None), format_)


def load(root: Path | str, version: int | None = None) -> Loaded:
    """The dataset in the folder `root`: its current version, or the one asked for, resolved here and once.

    Raises `DatasetError` where nothing was published yet, the version is not there, or files of it are
    gone or cut off.
    """
    dataset = Dataset(Path(root))
    found = dataset.current() if version is None else dataset.version(version)
    if found is None:
        raise DatasetError(f"{root}: no dataset here yet; `marsad run` makes one")
    damage = found.damage()
    if damage:
        raise DatasetError(f"version {found.number} is damaged: {'; '.join(damage)}")
    return Loaded(found)


def frames_of(annotated: Sequence[AnnotatedPost]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Posts, places and dates of annotated posts that are in no dataset, typed as `load` gives them."""
    tables = posts_table(annotated, run_id=""), places_table(annotated), dates_table(annotated)
    posts, places, dates = (_as(table.replace_schema_metadata(None), "pandas") for table in tables)
    return posts, places, dates


def _within(since: date | datetime | str | None, until: date | datetime | str | None) -> Any:
    """The filter of a period; None for all of time."""
    conditions = []
    if since is not None:
        conditions.append(pc.field("posted_at") >= pa.scalar(_moment(since), pa.timestamp("us", tz="UTC")))
    if until is not None:
        end = _moment(until, days=1)
        conditions.append(pc.field("posted_at") < pa.scalar(end, pa.timestamp("us", tz="UTC")))
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]


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
            raise DatasetError(f"{when!r} is no day and no time; write 2014-03-05") from None
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise DatasetError(f"{when.isoformat()} has no zone; give an aware datetime, or a day")
        return when.astimezone(UTC)
    return datetime.combine(when, time(), UTC) + timedelta(days=days)


@overload
def _as(table: pa.Table, format_: Literal["pandas"]) -> pd.DataFrame: ...
@overload
def _as(table: pa.Table, format_: Format) -> Any: ...
def _as(table: pa.Table, format_: Format) -> Any:
    if format_ == "arrow":
        return table
    if format_ == "polars":
        return importlib.import_module("polars").from_arrow(table)
    return table.unify_dictionaries().to_pandas(date_as_object=False, types_mapper=_dtype)


def _dtype(type_: pa.DataType) -> Any:
    """Counts stay whole numbers where some are not known."""
    return pd.Int64Dtype() if type_ == pa.int64() else None


def _check_format(format_: str) -> None:
    if format_ not in {"pandas", "polars", "arrow"}:
        raise DatasetError(f"no format {format_!r}; there are: pandas, polars, arrow")
    if format_ == "polars" and importlib.util.find_spec("polars") is None:
        raise DatasetError('polars is not installed; `pip install polars`, or format="pandas" or "arrow"')
