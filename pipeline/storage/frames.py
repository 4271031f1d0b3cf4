"""The dataset as tables for analysts: pandas with ready types, or Arrow, or polars."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import pandas as pd
import pyarrow as pa

from pipeline.errors import DamageWarning, DatasetError
from pipeline.records import AnnotatedPost
from pipeline.storage.dataset import Dataset, Version
from pipeline.storage.manifest import Manifest
from pipeline.storage.named import Named
from pipeline.storage.query import Box, Day, Filters, Rows, Some, filters
from pipeline.storage.rows import dates_table, places_table, posts_table

Format = Literal["pandas", "polars", "arrow"]


class Loaded:
    """One version of a dataset; every table comes from it, whatever is published meanwhile.

    Every table takes the same filters, and a row meets all that are given.

    - `columns`: names of columns, in the wanted order.
    - `source`: the name of a source, or several.
    - `since`, `until`: by `posted_at`.  A day (`date`, or text such as "2014-03-05") is a whole day of UTC,
      and `until` includes it.  A `datetime` must be aware; `since` includes it, `until` does not.  Posts
      whose time is not known are left out as soon as one of the two is given.
    - `language`: a tag as in `posts.language`, or several; of mentions it is that of their post.
    - `place`: a place_id, or a name in any spelling and script, or several.  The exact name is meant where a
      mention bears it, else what has the same letters, else what sounds most alike; `named` tells which
      places these are.  Of mentions of places, those of this place; of posts and dates, those where one is.
    - `bbox`: (west, south, east, north) in degrees, in the same way.
    - `format`: "pandas", "polars" or "arrow".

    Rows stand by the name of their source, and within a source segment by segment, in each by `posted_at`,
    those without a time last.  Raises `DatasetError` for a column, source or place that is not there, and for
    what is no day or box.
    """

    def __init__(self, version: Version) -> None:
        self.version: int = version.number
        self.sources = list(version.manifest.sources)
        self._version = version
        self._named = Named(version)

    @property
    def manifest(self) -> Manifest:
        """What the version says about itself: its sources, their inputs and runs."""
        return self._version.manifest

    def files(self, table: str, source: str) -> list[Path]:
        """The parquet files that hold the rows of a table and source, in order."""
        return self._version.files(table, source)

    def __repr__(self) -> str:
        return f"<marsad dataset, version {self.version}, sources: {', '.join(self.sources)}>"

    def posts(
        self,
        columns: Sequence[str] | None = None,
        source: Some = None,
        since: Day = None,
        until: Day = None,
        format: Format = "pandas",
        *,
        language: Some = None,
        place: Some = None,
        bbox: Box | None = None,
    ) -> Any:
        """The posts, one row each."""
        wanted = filters(source, since, until, language, place, bbox)
        return self._table("posts", columns, wanted, format)

    def places(
        self,
        columns: Sequence[str] | None = None,
        source: Some = None,
        since: Day = None,
        until: Day = None,
        format: Format = "pandas",
        *,
        language: Some = None,
        place: Some = None,
        bbox: Box | None = None,
    ) -> Any:
        """The mentions of places, in the order of their posts; join on `post_id`."""
        wanted = filters(source, since, until, language, place, bbox)
        return self._table("places", columns, wanted, format)

    def dates(
        self,
        columns: Sequence[str] | None = None,
        source: Some = None,
        since: Day = None,
        until: Day = None,
        format: Format = "pandas",
        *,
        language: Some = None,
        place: Some = None,
        bbox: Box | None = None,
    ) -> Any:
        """The mentions of dates, in the order of their posts; `since` and `until` mean the post's time."""
        wanted = filters(source, since, until, language, place, bbox)
        return self._table("dates", columns, wanted, format)

    def rejected(
        self, columns: Sequence[str] | None = None, source: Some = None, format: Format = "pandas"
    ) -> Any:
        """The quarantine: rows that are no posts, with reason and place.  They have no time to choose by."""
        return self._table("rejected", columns, filters(source), format)

    def named(self, place: str, format: Format = "pandas") -> Any:
        """The places that a name or place_id means in this version, with the number of their mentions.

        Empty where nothing is called so.
        """
        _check_format(format)
        return _as(self._named.find(place), format)

    def geo(
        self,
        columns: Sequence[str] | None = None,
        source: Some = None,
        since: Day = None,
        until: Day = None,
        *,
        language: Some = None,
        place: Some = None,
        bbox: Box | None = None,
    ) -> Any:
        """The mentions of places as a GeoDataFrame of points in WGS 84 (EPSG:4326), for maps.

        A mention without coordinates has no geometry.  Needs geopandas: `pip install 'marsad[geo]'`.
        """
        if importlib.util.find_spec("geopandas") is None:
            raise DatasetError("geopandas is not installed; `pip install 'marsad[geo]'`")
        geopandas = importlib.import_module("geopandas")
        names = None if columns is None else list(dict.fromkeys([*columns, "lat", "lon"]))
        wanted = filters(source, since, until, language, place, bbox)
        rows = self._table("places", names, wanted, "pandas")
        points = geopandas.points_from_xy(rows["lon"], rows["lat"])
        points[(rows["lon"].isna() | rows["lat"].isna()).to_numpy()] = None
        kept = rows if columns is None else rows[list(columns)]
        return geopandas.GeoDataFrame(kept, geometry=points, crs="EPSG:4326")

    def rows(self, table: str, wanted: Filters, columns: Sequence[str] | None = None) -> Rows:
        """The wanted rows of a table, to be taken at once or a few at a time."""
        return Rows(self._version, table, wanted, columns, self._named)

    def _table(self, table: str, columns: Sequence[str] | None, wanted: Filters, format_: Format) -> Any:
        _check_format(format_)
        return _as(self.rows(table, wanted, columns).table(), format_)


def load(root: Path | str, version: int | None = None) -> Loaded:
    """The dataset in the folder `root`: its current version, or the one asked for, resolved here and once.

    Where the current version is damaged, the newest that is whole, with a `DamageWarning` that says so.
    Raises `DatasetError` where nothing was published yet, the version asked for is not there or damaged, or
    none is whole.
    """
    dataset = Dataset(Path(root))
    if version is None:
        found, wrong = dataset.readable()
        if wrong:
            made = f"{found.manifest.created:%Y-%m-%d %H:%M} UTC"
            told = f"{'; '.join(wrong)}; this is version {found.number}, made {made}"
            warnings.warn(told, DamageWarning, stacklevel=2)
        return Loaded(found)
    found = dataset.version(version)
    damage = found.damage()
    if damage:
        raise DatasetError(f"version {found.number} is damaged: {'; '.join(damage)}")
    return Loaded(found)


def frames_of(annotated: Sequence[AnnotatedPost]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Posts, places and dates of annotated posts that are in no dataset, typed as `load` gives them."""
    tables = posts_table(annotated, run_id=""), places_table(annotated), dates_table(annotated)
    posts, places, dates = (_as(table.replace_schema_metadata(None), "pandas") for table in tables)
    return posts, places, dates


@overload
def _as(table: pa.Table, format_: Literal["pandas"]) -> pd.DataFrame: ...
@overload
def _as(table: pa.Table, format_: Format) -> Any: ...
def _as(table: pa.Table, format_: Format) -> Any:
    if format_ == "arrow":
        return table
    if format_ == "polars":
        return importlib.import_module("polars").from_arrow(table)
    if "language" in table.column_names:
        at = table.schema.get_field_index("language")
        table = table.set_column(at, "language", table["language"].dictionary_encode())
    return table.unify_dictionaries().to_pandas(date_as_object=False, types_mapper=_dtype)


def _dtype(type_: pa.DataType) -> Any:
    """Counts stay whole numbers where some are not known."""
    return pd.Int64Dtype() if type_ == pa.int64() else None


def _check_format(format_: str) -> None:
    if format_ not in {"pandas", "polars", "arrow"}:
        raise DatasetError(f"no format {format_!r}; there are: pandas, polars, arrow")
    if format_ == "polars" and importlib.util.find_spec("polars") is None:
        raise DatasetError('polars is not installed; `pip install polars`, or format="pandas" or "arrow"')
