"""marsad (مرصد): exported group posts in, a dataset of places and dates out.

import pipeline
d = pipeline.load("data")                      # one version, resolved once; d.version can be cited
d.posts(), d.places(), d.dates()               # pandas
pipeline.annotate(["قصف على خربة الناقوس أمس"], published_at="2016-02-17").dates
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

# The function `annotate` below has the name of the module of the heart.  The module is loaded first,
# here, so that the function, defined after it, is what `pipeline.annotate` means from then on.
from pipeline.annotate import Settings as _Settings
from pipeline.annotate import Toolkit as _Toolkit
from pipeline.annotate import annotate as _annotate_posts
from pipeline.annotate import text_post as _text_post

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.storage.frames import Loaded

__version__ = "0.1.0"
__all__ = ["Frames", "annotate", "load"]


class Frames(NamedTuple):
    """What `annotate` found: three tables that join on post_id."""

    posts: pd.DataFrame
    places: pd.DataFrame
    dates: pd.DataFrame


def load(root: str | Path = "data", version: int | None = None) -> Loaded:
    """One version of a dataset, the current one unless named; it stays the same while runs go on.

    Raises `DatasetError` where there is none.
    """
    from pipeline.storage.frames import load as load_version  # noqa: PLC0415  pandas is heavy

    return load_version(root, version)


def annotate(
    texts: Sequence[str],
    published_at: Sequence[datetime | str | None] | datetime | str | None = None,
    zone: str = "UTC",
    home: Sequence[str] = (),
) -> Frames:
    """Language, places and dates of some texts, as the pipeline would read them.

    `published_at` is one time for all texts or one for each; relative words ("yesterday") count from its
    day in `zone` and stay without a day where it is None.  Strings are ISO 8601.  `home` are the ISO
    codes of the countries where the group lives, a prior for ambiguous names.

    Raises `ValueError` where times and texts differ in number or a time is not ISO 8601.
    """
    from pipeline.config import cache_folder  # noqa: PLC0415  only notebooks need what follows
    from pipeline.storage.frames import frames_of  # noqa: PLC0415

    if isinstance(texts, str):
        raise TypeError("texts is one string; give a list of strings")
    if published_at is None or isinstance(published_at, (str, datetime)):
        times: Sequence[datetime | str | None] = [published_at] * len(texts)
    else:
        times = published_at
    if len(times) != len(texts):
        raise ValueError(f"{len(times)} times for {len(texts)} texts; give one for all, or one for each")
    posts = [
        _text_post(number, text, _time(at), zone)
        for number, (text, at) in enumerate(zip(texts, times, strict=True))
    ]
    toolkit = _Toolkit.open(_Settings(cache=str(cache_folder())))
    return Frames(*frames_of(_annotate_posts(posts, toolkit, home)))


def _time(at: datetime | str | None) -> datetime | None:
    if not isinstance(at, str):
        return at
    try:
        return datetime.fromisoformat(at)
    except ValueError:
        raise ValueError(f"{at!r} is not an ISO 8601 time, such as 2016-02-17T14:00:00+02:00") from None
