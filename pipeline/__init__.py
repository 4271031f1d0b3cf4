"""marsad (مرصد): exported group posts in, a dataset of places and dates out.

import pipeline
d = pipeline.open_dataset("data")              # one version, resolved once; d.version can be cited
d.posts(), d.places(), d.dates()               # pandas
d.posts(place="Hama", since="2014-03-01", until="2014-03-31")
pipeline.annotate(["قصف على خربة الناقوس أمس"], published_at="2016-02-17").dates
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.storage.notebook import OpenDataset

__version__ = "0.3.0"
__all__ = ["Frames", "annotate", "load", "open_dataset"]


class Frames(NamedTuple):
    """What `annotate` found: three tables that join on post_id."""

    posts: pd.DataFrame
    places: pd.DataFrame
    dates: pd.DataFrame


def open_dataset(root: str | Path = "data", version: int | None = None) -> OpenDataset:
    """One version of a dataset, the current one unless named; it stays the same while runs go on.

    Raises `DatasetError` where there is none.
    """
    from pipeline.storage.notebook import open_dataset as open_version  # noqa: PLC0415  pandas is heavy

    return open_version(root, version)


load = open_dataset


def annotate(
    texts: Iterable[str | None],
    published_at: Iterable[datetime | date | str | None] | datetime | date | str | None = None,
    zone: str = "UTC",
    home: Sequence[str] | str = (),
) -> Frames:
    """Language, places and dates of some texts, as the pipeline would read them.

    `published_at` is one time for all texts or one for each; relative words ("yesterday") count from its
    day in `zone` and stay without a day where it is None.  Strings are ISO 8601.  `home` are the ISO
    codes of the countries where the group lives, a prior for ambiguous names.

    A text or a time that is None or NaN, as pandas has them for a gap, is an empty text and an unknown time.

    Raises `TypeError` where a text is no string, `ValueError` where times and texts differ in number or a
    time is not ISO 8601, and `ConfigError` for a zone or a country that does not exist.
    """
    from pipeline.annotate import Settings, Toolkit, text_post  # noqa: PLC0415  heavy, and for notebooks only
    from pipeline.annotate import annotate as annotate_posts  # noqa: PLC0415
    from pipeline.config import Gazetteer, cache_folder, country, zone_name  # noqa: PLC0415
    from pipeline.records import Group  # noqa: PLC0415
    from pipeline.storage.frames import frames_of  # noqa: PLC0415

    if isinstance(texts, (str, bytes, Mapping)) or hasattr(texts, "columns"):
        raise TypeError(f"texts is a {type(texts).__name__}; give a list of strings, or one column")
    strings = [_text(number, text) for number, text in enumerate(texts)]
    if published_at is None or isinstance(published_at, (str, date)):
        times: list[datetime | date | str | None] = [published_at] * len(strings)
    else:
        times = list(published_at)
    if len(times) != len(strings):
        raise ValueError(f"{len(times)} times for {len(strings)} texts; give one for all, or one for each")
    zone_name(zone)
    posts = [
        text_post(number, text, _time(at), zone)
        for number, (text, at) in enumerate(zip(strings, times, strict=True))
    ]
    countries = [country(code) for code in ([home] if isinstance(home, str) else home)]
    layers = tuple(map(str, Gazetteer().layer_files()))
    toolkit = Toolkit.open(Settings(cache=str(cache_folder()), layers=layers))
    return Frames(*frames_of(annotate_posts(posts, toolkit, Group(tuple(countries)))))


def _text(number: int, text: object) -> str:
    if _is_gap(text):
        return ""
    if not isinstance(text, str):
        raise TypeError(f"text {number} is no string: {text!r}")
    return text


def _is_gap(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124  NaN and NaT equal nothing, not even themselves


def _time(at: datetime | date | str | None) -> datetime | None:
    if at is None or _is_gap(at):
        return None
    if isinstance(at, str):
        try:
            return datetime.fromisoformat(at)
        except ValueError:
            raise ValueError(f"{at!r} is not an ISO 8601 time, such as 2016-02-17T14:00:00+02:00") from None
    if isinstance(at, datetime):
        return at
    if isinstance(at, date):
        return datetime.combine(at, time())
    raise TypeError(f"{at!r} is no time: give a datetime, a date or an ISO 8601 string")


class _Package(ModuleType):
    """`annotate` is the function above.  The heart's module has the same name and does not take its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "annotate" or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """By name, as other modules: Spark, Ray and Dask send functions that use the package."""
        return import_module, (__name__,)


sys.modules[__name__].__class__ = _Package
