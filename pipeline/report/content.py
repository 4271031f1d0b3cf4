"""What the page holds, as columns of numbers and strings: from the tables of a dataset to JSON.

Posts, mentions and places are counted from 0; a mention holds the number of its post.  Strings that repeat
stand once, in `words`.  Moments are minutes and days are days, both since 1970-01-01.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd
from msgspec import Struct

from pipeline.data import rows
from pipeline.storage.frames import Loaded
from pipeline.storage.manifest import SourceState
from pipeline.text.fold import ARABIC_BLOCKS, fold

LONGEST: Final = (
    6_000  # code points of a post that the page shows; what is longer is cut, and the page says so
)
CANDIDATES: Final = 6  # of a mention that the page tells; the dataset has all

_POSTS: Final = (
    "post_id", "platform", "group_name", "kind", "posted_at", "posted_local", "time_precision", "text",
    "language", "arabic_share", "latin_share", "file", "locator",
)  # fmt: skip
_PLACES: Final = (
    "post_id", "start", "end", "phrase_start", "phrase_end", "relation", "place_id", "name", "name_ar",
    "lat", "lon", "coordinate_kind", "country", "admin1", "feature", "score", "ambiguous",
    "candidates", "rule",
)  # fmt: skip
_DATES: Final = (
    "post_id", "start", "end", "date_from", "date_to", "open", "edtf", "calendar", "grain", "part_of_day",
    "anchor", "anchor_date", "confidence", "flags", "alternatives", "rule",
)  # fmt: skip

_DATE_WORDS: Final = ("open", "edtf", "calendar", "grain", "anchor", "confidence", "rule")


class Health(Struct, frozen=True, kw_only=True):
    """How a source fares, as `marsad status` has it; times are aware UTC."""

    source: str
    state: str = ""  # of the last run: published, unchanged, failed, killed, ...
    last_run: datetime | None = None
    next_run: datetime | None = None
    error: str | None = None  # of the last run
    incomplete: tuple[str, ...] = ()  # files that are not whole and files that are missing, a sentence each


class Words:
    """Strings and their numbers, in the order of first sight; no string is -1."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def number(self, word: Any) -> int:
        return self.known.setdefault(word, len(self.known)) if isinstance(word, str) and word else -1

    def numbers(self, column: Iterable[Any]) -> list[int]:
        return [self.number(word) for word in column]


def collect(
    loaded: Loaded, sources: Sequence[str], health: Sequence[Health], most: int
) -> tuple[dict[str, Any], int]:
    """The content of a page about these sources, and how many posts they have in the dataset.

    Of more than `most` posts those with the least digest of `post_id` are taken, so that a dataset gives the
    same sample each time, and each source has its share.
    """
    ids = {source: loaded.posts(["post_id"], source=source)["post_id"] for source in sources}
    total = sum(map(len, ids.values()))
    chosen = None if total <= most else _sample(ids.values(), most)
    tables = {
        name: [_part(loaded, name, source, chosen) for source in sources]
        for name in ("posts", "places", "dates")
    }
    posts = _joined(tables["posts"], _POSTS)
    numbers = pd.Series(np.arange(len(posts)), index=posts["post_id"])
    words = Words()
    states = loaded.manifest.sources
    by_name = {told.source: told for told in health}
    found = {
        "sources": [_source(name, states[name], len(ids[name]), by_name.get(name)) for name in sources],
        "posts": _posts(posts, [len(part) for part in tables["posts"]], words),
        **_places(_joined(tables["places"], _PLACES), numbers, words),
        "dates": _dates(_joined(tables["dates"], _DATES), numbers, words),
    }
    return {**found, "words": list(words.known)}, total


def _sample(ids: Iterable[pd.Series], most: int) -> set[str]:
    digests = sorted(
        (hashlib.blake2b(post.encode(), digest_size=8).digest(), post) for part in ids for post in part
    )
    return {post for _, post in digests[:most]}


def _part(loaded: Loaded, table: str, source: str, chosen: set[str] | None) -> pd.DataFrame:
    """One source's rows at a time, so that a sample of a large dataset needs no memory for all of it."""
    read = {"posts": loaded.posts, "places": loaded.places, "dates": loaded.dates}[table]
    columns = {"posts": _POSTS, "places": _PLACES, "dates": _DATES}[table]
    found: pd.DataFrame = read(list(columns), source=source)
    return found if chosen is None else found[found["post_id"].isin(chosen)]


def _joined(parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({name: [] for name in columns})


def _source(name: str, state: SourceState, posts: int, told: Health | None) -> dict[str, Any]:
    problems = list(told.incomplete) if told else [
        *(f"{file.name}: {file.state}" for file in state.inputs if file.state != "complete"),
        *(f"{missing}: missing" for missing in state.missing),
    ]  # fmt: skip
    if told and told.error:
        problems.append(told.error)
    return {
        "name": name,
        "posts": posts,
        "rejected": state.rejected,
        "files": len(state.inputs),
        "published": _stamp(state.published),
        "state": told.state if told else "",
        "lastRun": _stamp(told.last_run) if told else None,
        "nextRun": _stamp(told.next_run) if told else None,
        "problems": problems,
    }


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else time.strftime("%Y-%m-%d %H:%M UTC")


def _posts(posts: pd.DataFrame, counts: Sequence[int], words: Words) -> dict[str, Any]:
    texts = [text if len(text) <= LONGEST else text[:LONGEST] for text in posts["text"]]
    rtl = (posts["arabic_share"] > posts["latin_share"]).astype(int) - (
        posts["latin_share"] > posts["arabic_share"]
    ).astype(int)
    return {
        "source": np.repeat(np.arange(len(counts)), counts).tolist(),
        "id": posts["post_id"].tolist(),
        "time": _minutes(posts["posted_at"]),
        "local": _minutes(posts["posted_local"]),
        "precision": words.numbers(posts["time_precision"]),
        "text": texts,
        "cut": [max(0, len(text) - LONGEST) for text in posts["text"]],
        "language": words.numbers(posts["language"]),
        "direction": rtl.tolist(),  # 1 right to left, -1 left to right, 0 as the text itself begins
        "platform": words.numbers(posts["platform"]),
        "group": words.numbers(posts["group_name"]),
        "kind": words.numbers(posts["kind"]),
        "file": words.numbers(posts["file"]),
        "locator": [text if isinstance(text, str) else "" for text in posts["locator"]],
    }


def _places(mentions: pd.DataFrame, numbers: pd.Series, words: Words) -> dict[str, Any]:
    first = mentions.drop_duplicates("place_id")
    places = pd.Series(np.arange(len(first)), index=first["place_id"])
    return {
        "places": {
            "name": words.numbers(first["name"]),
            "arabic": words.numbers(first["name_ar"]),
            "lat": _rounded(first["lat"]),
            "lon": _rounded(first["lon"]),
            "country": words.numbers(first["country"]),
            "admin1": words.numbers(first["admin1"]),
            "feature": words.numbers(first["feature"]),
            "kind": words.numbers(first["coordinate_kind"]),
        },
        "mentions": {
            "post": numbers.reindex(mentions["post_id"]).tolist(),
            "start": mentions["start"].astype(int).tolist(),
            "end": mentions["end"].astype(int).tolist(),
            "phraseStart": _whole(mentions["phrase_start"]),
            "phraseEnd": _whole(mentions["phrase_end"]),
            "relation": words.numbers(mentions["relation"]),
            "place": places.reindex(mentions["place_id"]).tolist(),
            "score": [round(100 * score) for score in mentions["score"].fillna(0)],
            "ambiguous": mentions["ambiguous"].astype(int).tolist(),
            "candidates": [_candidates(several, words) for several in mentions["candidates"]],
            "rule": words.numbers(mentions["rule"]),
        },
    }


def _candidates(several: Any, words: Words) -> list[int] | int:
    """Name, country and score in percent of each, side by side; 0 where there is no choice."""
    if several is None or len(several) < 2:
        return 0
    told: list[int] = []
    for one in several[:CANDIDATES]:
        told += [words.number(one["name"]), words.number(one["country"]), round(100 * (one["score"] or 0))]
    return [*told, max(0, len(several) - CANDIDATES)]


def _dates(mentions: pd.DataFrame, numbers: pd.Series, words: Words) -> dict[str, Any]:
    return {
        "post": numbers.reindex(mentions["post_id"]).tolist(),
        "start": mentions["start"].astype(int).tolist(),
        "end": mentions["end"].astype(int).tolist(),
        "from": _days(mentions["date_from"]),
        "to": _days(mentions["date_to"]),
        "anchorDate": _days(mentions["anchor_date"]),
        **{name: words.numbers(mentions[name]) for name in _DATE_WORDS},
        "part": words.numbers(mentions["part_of_day"]),
        "flags": [words.number(", ".join(several)) for several in mentions["flags"]],
        "alternatives": [words.number("  ".join(several)) for several in mentions["alternatives"]],
    }


def _minutes(times: pd.Series) -> list[int | None]:
    return _since(pd.to_datetime(times, utc=True), pd.Timedelta(minutes=1))


def _days(days: pd.Series) -> list[int | None]:
    return _since(pd.to_datetime(days, utc=True), pd.Timedelta(days=1))


def _since(times: pd.Series, unit: pd.Timedelta) -> list[int | None]:
    whole = (times - pd.Timestamp(0, tz="UTC")) // unit
    return [None if missing else int(number) for number, missing in zip(whole, times.isna(), strict=True)]


def _rounded(degrees: pd.Series) -> list[float | None]:
    return [None if pd.isna(value) else round(value, 4) for value in degrees]


def _whole(column: pd.Series) -> list[int]:
    return [-1 if pd.isna(value) else int(value) for value in column]


@cache
def folds() -> dict[str, str]:
    """Letters that a reader may type or search, and what they fold to: search finds what matching finds."""
    blocks = ((0x41, 0x250), (0x300, 0x370), (0x2000, 0x2070), *ARABIC_BLOCKS[:5])
    letters = (chr(code) for first, last in blocks for code in range(first, last))
    return {letter: folded for letter in letters if (folded := fold(letter)) != letter}


@cache
def outlines() -> dict[str, Any]:
    """Countries as GeoJSON polygons, and the borders of first-level divisions as lines."""
    land, borders = [], []
    for row in rows("map_outlines"):
        if row["kind"] == "country":
            polygons = [[_ring(ring) for ring in part.split(";")] for part in row["shape"].split("|")]
            shape = {"type": "MultiPolygon", "coordinates": polygons}
            land.append(
                {
                    "type": "Feature",
                    "properties": {"code": row["country"], "name": row["name"]},
                    "geometry": shape,
                }
            )
        else:
            borders += [_line(part) for part in row["shape"].split("|")]
    return {"land": land, "borders": {"type": "MultiLineString", "coordinates": borders}}


def _line(pairs: str) -> list[list[float]]:
    return [[float(degree) for degree in pair.split()] for pair in pairs.split(",")]


def _ring(pairs: str) -> list[list[float]]:
    line = _line(pairs)
    return [*line, line[0]]
