"""Places in labelled posts: ours, with the default and the full gazetteer, and other programs, in one run.

Three ways to count a match: `exact`, the same code points; `lenient`, the same but for clitics, the article
and the hashtag sign before the name; `overlap`, any code point in common.  How near a place is found counts
for what is no country: within 5 and 20 km for points, within 161 km (100 miles) for areas, too.

We tell a hospital and the town in its name as two mentions.  Where the labels of others hardly ever hold one
another (less than one in fifty), only the outer of the two is counted.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from benchmarks.place_peers import Find, Spotted, System, systems
from benchmarks.place_posts import Half, MarkedPost, load_posts
from benchmarks.score import Label, Tally, anything, compare
from pipeline.config import gazetteer_folder
from pipeline.places.gazetteer import kilometres
from pipeline.places.layers import layers_in

LIMITS: Final = (5.0, 20.0, 161.0)  # kilometres
AREA_LIMIT: Final = 161.0
MANY: Final = 2000  # texts
FLAT: Final = 0.02  # of the labels
_COUNTRY_TYPES: Final = {"CTRY", "Country", "Continent", "CONT"}
_PLAIN: Final = {None, "facility_of"}  # no phrase, or that of another mention
_VAST: Final = {"country", "river", "sea"}  # no point says where they are
_BEFORE: Final = re.compile("#?[وفبلكع]{0,2}(?:ال|ل)?#?_?(?:ال)?")


class PlaceLabel(Label, frozen=True, kw_only=True):
    """A label and what its point is good for."""

    is_area: bool = False
    is_open: bool = False  # the text does not tell which place it is
    also: tuple[int, int] | None = None  # a span that is as right as the other
    phrase: tuple[int, int] | None = None  # asked for where it is told
    relation: str | None = None


class PlaceText(Struct, frozen=True):
    """A text and its labels."""

    text: str
    home: str | None
    labels: list[PlaceLabel]
    classes: tuple[str, ...] = ()
    is_flat: bool = False  # in all of the data hardly a label holds another


class Distances(Struct):
    """How far the found points of labelled ones are.  `asked`: those that the limit is meant for."""

    asked: dict[float, int]  # matched by overlap, and the program tells a point
    within: dict[float, int]
    located: int = 0  # labels with a point, found or not

    @classmethod
    def none(cls) -> Distances:
        return cls(asked=dict.fromkeys(LIMITS, 0), within=dict.fromkeys(LIMITS, 0))

    def add(self, kilometers: float, is_area: bool) -> None:
        for limit in LIMITS:
            if limit >= AREA_LIMIT or not is_area:
                self.asked[limit] += 1
                self.within[limit] += kilometers <= limit

    def share(self, limit: float) -> float | None:
        """Of the matched ones, None where there are none."""
        return self.within[limit] / self.asked[limit] if self.asked[limit] else None

    @property
    def of_all(self) -> float | None:
        """Within 161 km, of all labels with a point, found or not."""
        return self.within[AREA_LIMIT] / self.located if self.located and self.asked[AREA_LIMIT] else None


class Phrases(Struct):
    """Labelled names that were found and stand in a phrase, and those whose phrase is right."""

    asked: int = 0
    spans: int = 0
    relations: int = 0

    def add(self, label: PlaceLabel, spot: Spotted) -> None:
        if label.phrase is not None:
            self.asked += 1
            self.spans += spot.phrase is not None and label.phrase == (spot.phrase.start, spot.phrase.end)
            self.relations += label.relation == spot.relation


class Doubts(Struct):
    """Whether doubt is told where it is due, and no guess as certain."""

    open: int = 0  # found, and the text does not tell which place it is
    told: int = 0  # of those, the ones told as ambiguous
    sure: int = 0  # points told without a doubt
    wrong: int = 0  # of those, the ones more than 20 km off

    def add(self, label: PlaceLabel, spot: Spotted, far: float | None) -> None:
        if label.is_open:
            self.open += 1
            self.told += spot.ambiguous
        if far is not None and not label.is_area and not spot.ambiguous:
            self.sure += 1
            self.wrong += far > LIMITS[1]


class PlaceRow(Struct, frozen=True):
    """A line of the table.  `told` is why nothing was measured."""

    data: str
    system: str
    texts: int
    exact: Tally
    lenient: Tally
    overlap: Tally
    distances: Distances
    phrases: Phrases
    doubts: Doubts
    speed: float = 0.0  # texts in a second of CPU time, their normalization included
    told: str = ""

    def figures(self) -> dict[str, float]:
        """What floors may be set for; only our own."""
        if self.told or not self.system.startswith("marsad"):
            return {}
        silent = 1 - self.overlap.silent_broken / self.overlap.silent if self.overlap.silent else 1.0
        told: dict[str, float | None] = {
            "exact": self.exact.f1,
            "lenient": self.lenient.f1,
            "overlap": self.overlap.f1,
            "silent_kept": silent,
            "within_5": self.distances.share(5.0),
            "within_161_of_all": self.distances.of_all,
            "phrase": self.phrases.spans / self.phrases.asked if self.phrases.asked else None,
        }
        name = f"{self.data}.{self.system.replace(' ', '_')}"
        return {f"{name}.{key}": round(value, 4) for key, value in told.items() if value is not None}


def measure(half: Half | None = None, peers: bool = True) -> list[PlaceRow]:
    """Score our posts and, where the variable MARSAD_EVAL names a folder, the labelled places there.

    The full gazetteer is the default one with the layers of `marsad gazetteer add` (`MARSAD_GAZETTEER`).
    """
    return [
        _measured(name, texts, system)
        for name, language, texts in _sets(half)
        for system in systems()
        if language in system.languages and (peers or system.name.startswith("marsad"))
    ]


def classes(half: Half | None = None, system: str = "marsad full") -> list[PlaceRow]:
    """Our figures on our posts by style and by what is hard about a post, for each language."""
    find = next(one for one in systems() if one.name == system).open()
    groups: dict[str, list[PlaceText]] = defaultdict(list)
    for _, language, texts in _ours(half):
        for text in texts:
            for name in text.classes:
                groups[f"{language} {name}"].append(text)
    return [scored(name, texts, system, find) for name, texts in sorted(groups.items())]


def mistakes(half: Half = "dev", system: str = "marsad full") -> Iterator[tuple[str, str, str, str]]:
    """(data, missed, false or far, words, text) in our posts.  Do not look at those of the half `test`."""
    find = next(one for one in systems() if one.name == system).open()
    for name, _, texts in _ours(half):
        found = find([one.text for one in texts], [one.home for one in texts])
        for one, spots in zip(texts, found, strict=True):
            outcome = compare(one.labels, spots, anything, _is_near)
            yield from (
                (name, "missed", one.text[label.start : label.end], one.text) for label in outcome.missed
            )
            yield from ((name, "false", one.text[start:end], one.text) for start, end in outcome.false)
            yield from ((name, "far", one.text[start:end], one.text) for _, (start, end) in outcome.wrong)


def events(languages: Sequence[str] = ("ar", "en")) -> list[list[str]]:
    """Leave-one-event-out: lines under a head, for each event that the training held out, and the means.

    Trained on the data in the folder `MARSAD_EVAL`; where it, or scipy, is not there, the one line says so.
    """
    head = ["language", "event", "texts", "precision", "recall", "overlap F1", "exact F1"]
    folder = os.environ.get("MARSAD_EVAL")
    if not folder:
        return [head, ["not there: MARSAD_EVAL names no folder", *[""] * 6]]
    try:
        held_out = import_module("benchmarks.place_events").held_out
    except ImportError as missing:
        return [head, [f"not there: {missing}", *[""] * 6]]
    groups: dict[str, list[list[float]]] = defaultdict(list)
    lines = []
    for one in held_out(Path(folder), layers_in(gazetteer_folder()), languages):
        told = [one.precision, one.recall, one.overlap, one.exact]
        groups[one.language].append(told)
        lines.append([one.language, one.event, str(one.texts), *(f"{value:.3f}" for value in told)])
    means = [
        [language, "mean", "", *(f"{sum(column) / len(column):.3f}" for column in zip(*some, strict=True))]
        for language, some in groups.items()
    ]
    return [head, *lines, *means]


def scored(name: str, texts: Sequence[PlaceText], system: str, find: Find) -> PlaceRow:
    """Run one program over the texts and count."""
    seconds = float("inf")
    for _ in range(1 if len(texts) > MANY else 5):  # the best of some rounds where one is too short to tell
        begin = time.process_time()
        found = find([one.text for one in texts], [one.home for one in texts])
        seconds = min(seconds, time.process_time() - begin)
    exact, lenient, overlap, distances = Tally(), Tally(), Tally(), Distances.none()
    phrases, doubts = Phrases(), Doubts()
    for one, spots in zip(texts, found, strict=True):
        text = one.text
        if one.is_flat:
            spots = outermost(spots)

        def is_lenient(label: Label, spot: Spotted, text: str = text) -> bool:
            return same_but_clitics(text, label, spot) or _same_span(label, spot)

        def measured(label: Label, spot: Spotted) -> None:
            assert isinstance(label, PlaceLabel)
            phrases.add(label, spot)
            far = _far(label, spot)
            doubts.add(label, spot, far)
            if far is not None:
                distances.add(far, label.is_area)

        exact.add(compare(one.labels, spots, _same_span, _unvalued).tally)
        lenient.add(compare(one.labels, spots, is_lenient, _unvalued).tally)
        overlap.add(compare(one.labels, spots, anything, measured).tally)
        distances.located += sum(label.asked and label.lat is not None for label in one.labels)
    speed = len(texts) / max(seconds, 1e-9)
    counts = exact, lenient, overlap, distances, phrases, doubts
    return PlaceRow(name, system, len(texts), *counts, speed)


def outermost(spots: Sequence[Spotted]) -> list[Spotted]:
    """Those that no other one holds.

    >>> from pipeline.records import Span
    >>> spots = [Spotted(Span(0, 14)), Spotted(Span(7, 14)), Spotted(Span(16, 20))]
    >>> [one.span.end for one in outermost(spots)]
    [14, 20]
    """
    return [
        one
        for one in spots
        if not any(
            other.span != one.span and other.span.start <= one.span.start and one.span.end <= other.span.end
            for other in spots
        )
    ]


def same_but_clitics(text: str, label: Label, spot: Spotted) -> bool:
    """Whether the spans are the same but for clitics, article and hashtag sign before the name.

    >>> from pipeline.records import Span
    >>> text = "وبحلب"
    >>> same_but_clitics(text, Label(start=2, end=5), Spotted(Span(0, 5)))
    True
    >>> same_but_clitics(text, Label(start=0, end=5), Spotted(Span(0, 4)))
    False
    """
    first, last = sorted((label.start, spot.span.start))
    return label.end == spot.span.end and _BEFORE.fullmatch(text, first, last) is not None


def _measured(name: str, texts: Sequence[PlaceText], system: System) -> PlaceRow:
    try:
        find = system.open()
    except (ImportError, LookupError) as missing:
        nothing = Tally(), Tally(), Tally(), Distances.none(), Phrases(), Doubts()
        return PlaceRow(name, system.name, len(texts), *nothing, told=f"not there: {missing}")
    find([one.text for one in texts[:50]], [one.home for one in texts[:50]])  # opens what opens late
    return scored(name, texts, system.name, find)


def _sets(half: Half | None) -> Iterator[tuple[str, str, list[PlaceText]]]:
    """(name, language, texts)."""
    yield from _ours(half)
    folder = os.environ.get("MARSAD_EVAL")
    for path in sorted(Path(folder, "places").glob("*.jsonl")) if folder else []:
        with path.open(encoding="utf-8") as lines:
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        yield path.stem, str(rows[0].get("lang", "ar")), foreign(rows)


def _ours(half: Half | None) -> Iterator[tuple[str, str, list[PlaceText]]]:
    for language, name in (("ar", "Arabic"), ("en", "English")):
        posts = sorted(
            (one for one in load_posts(half) if one.lang == language), key=lambda one: str(one.home)
        )
        yield f"posts {name}{' ' + half if half else ''}", language, [_text(post) for post in posts]


def _text(post: MarkedPost) -> PlaceText:
    labels = [
        PlaceLabel(
            start=mark.start,
            end=mark.end,
            asked=not mark.optional,
            lat=None if mark.kind in _VAST else mark.lat,
            lon=None if mark.kind in _VAST else mark.lon,
            is_area=mark.is_area or mark.relation == "countryside_of",
            also=(mark.phrase_start, mark.phrase_end) if mark.is_called_so else None,
            phrase=(mark.phrase_start, mark.phrase_end)
            if mark.relation not in _PLAIN and not mark.is_called_so
            else None,
            relation=mark.relation,
            is_open=mark.ambiguous,
        )
        for mark in post.mentions
    ]
    facilities = [  # a mention of their own: found or not, both are right
        PlaceLabel(start=mark.phrase_start, end=mark.phrase_end, asked=False)
        for mark in post.mentions
        if mark.is_facility and mark.phrase_end - mark.phrase_start > mark.end - mark.start
    ]
    names = (f"style {post.style}", *(f"tag {tag}" for tag in post.tags))
    return PlaceText(post.text, post.home, labels + facilities, names)


def foreign(rows: Sequence[dict[str, Any]]) -> list[PlaceText]:
    """Rows of labelled data of one's own, see README.md."""
    held = sum(
        one is not other and one["start"] <= other["start"] and other["end"] <= one["end"]
        for row in rows
        for one in row["mentions"]
        for other in row["mentions"]
    )
    is_flat = held <= FLAT * sum(len(row["mentions"]) for row in rows)
    return [_foreign(row, is_flat) for row in rows]


def _foreign(row: dict[str, Any], is_flat: bool) -> PlaceText:
    labels = []
    for one in row["mentions"]:
        lat, lon = one.get("lat"), one.get("lon")
        if one.get("type") in _COUNTRY_TYPES:
            lat = lon = None
        labels.append(PlaceLabel(start=one["start"], end=one["end"], lat=lat, lon=lon, is_area=True))
    return PlaceText(row["text"], None, labels, is_flat=is_flat)


def _far(label: Label, spot: Spotted) -> float | None:
    if label.lat is None or label.lon is None or spot.lat is None or spot.lon is None:
        return None
    return kilometres(label.lat, label.lon, spot.lat, spot.lon)


def _is_near(label: Label, spot: Spotted) -> bool | None:
    far = _far(label, spot)
    if far is None:
        return None
    return far <= (AREA_LIMIT if isinstance(label, PlaceLabel) and label.is_area else LIMITS[1])


def _same_span(label: Label, spot: Spotted) -> bool:
    also = label.also if isinstance(label, PlaceLabel) else None
    return (spot.span.start, spot.span.end) in {(label.start, label.end), also}


def _unvalued(label: Label, spot: Spotted) -> None:  # noqa: ARG001  no value is asked for
    return None


def table(rows: Sequence[PlaceRow]) -> list[list[str]]:
    """The rows as people read them, under a head.  Precision, recall and F1 in percent."""
    counts = "exact P/R/F|lenient P/R/F|overlap P/R/F"
    places = "5 km|20 km|161 km|161 km of all|phrases|open told|sure, > 20 km"
    head = f"data|system|texts|{counts}|{places}|false texts|texts/s"
    return [head.split("|"), *(_cells(row) for row in rows)]


def _cells(row: PlaceRow) -> list[str]:
    if row.told:
        return [row.data, row.system, str(row.texts), row.told, *[""] * 11]
    near = [row.distances.share(limit) for limit in LIMITS]
    return [
        row.data,
        row.system,
        str(row.texts),
        *(
            f"{100 * one.precision:.1f}/{100 * one.recall:.1f}/{100 * one.f1:.1f}"
            for one in (row.exact, row.lenient, row.overlap)
        ),
        *("" if share is None else f"{100 * share:.1f}" for share in (*near, row.distances.of_all)),
        f"{row.phrases.spans} of {row.phrases.asked}" if row.phrases.asked else "",
        f"{row.doubts.told} of {row.doubts.open}" if row.doubts.open else "",
        f"{row.doubts.wrong} of {row.doubts.sure}" if row.doubts.sure else "",
        f"{row.overlap.silent_broken} of {row.overlap.silent}" if row.overlap.silent else "",
        f"{row.speed:,.0f}",
    ]
