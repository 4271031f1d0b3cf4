"""How right places, dates and languages are, on the labelled samples and on labelled data of one's own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks.score import (
    Label,
    Outcome,
    Tally,
    anything,
    compare,
    near_place,
    not_asked,
    same_days,
    same_place,
)
from pipeline.annotate import Settings, Toolkit, annotate, text_post
from pipeline.config import cache_folder, load
from pipeline.records import AnnotatedPost, Group, Place

HOME = ("SY", "LB", "IQ", "TR")
ROOT = Path(__file__).parent.parent
GOLD = ROOT / "samples" / "gold.jsonl"
CONFIG = ROOT / "config.yaml"
BATCH = 500


class Row(Struct, frozen=True):
    """A line of the table of quality."""

    name: str
    what: str  # "places" (span and place), "place spans", "dates" or "language"
    texts: int
    tally: Tally

    def figures(self) -> dict[str, float]:
        """What floors may be set for, by name."""
        found = {"precision": self.tally.precision, "recall": self.tally.recall, "f1": self.tally.f1}
        if self.tally.valued:
            found["value"] = self.tally.value
        if self.what == "language":
            found = {"agreement": self.tally.recall}
        return {
            f"{self.name}.{self.what.replace(' ', '_')}.{key}": round(value, 4)
            for key, value in found.items()
        }


class Mistake(Struct, frozen=True):
    """One thing that went wrong, for whoever repairs it."""

    name: str
    room: str  # places, dates, language
    kind: str  # missed, false, wrong
    words: str
    told: str  # what the label and the program say
    text: str


class Labelled(Struct, frozen=True, kw_only=True):
    """A text and what a person marked in it; None for a room that nobody looked at."""

    text: str
    posted_local: datetime | None = None
    home: tuple[str, ...] = ()  # countries of the group
    places: list[Label] | None = None
    dates: list[Label] | None = None
    language: str | None = None


def open_toolkit() -> Toolkit:
    """The toolkit that benchmarks use: the gazetteer of the shipped config.yaml."""
    return Toolkit.open(Settings(cache=str(cache_folder()), home=HOME))


def measure(toolkit: Toolkit) -> tuple[list[Row], list[Mistake]]:
    """Score the samples and, where the variable MARSAD_EVAL names a folder, the labelled data there."""
    rows: list[Row] = []
    mistakes: list[Mistake] = []
    for name, texts in _sets():
        found = list(zip(texts, _annotated(texts, toolkit), strict=True))
        for score in (_places, _dates, _language):
            more_rows, more_mistakes = score(name, found)
            rows += more_rows
            mistakes += more_mistakes
    return rows, mistakes


def _sets() -> Iterator[tuple[str, list[Labelled]]]:
    if GOLD.exists():
        homes = {source.name: source.home for source in load(CONFIG).sources} if CONFIG.exists() else {}
        yield "gold", [_gold(row, homes.get(row["source"], HOME[:1])) for row in _lines(GOLD)]
    folder = os.environ.get("MARSAD_EVAL")
    if folder:
        for room in ("places", "dates", "language"):
            for path in sorted(Path(folder, room).glob("*.jsonl")):
                rows = [row for row in _lines(path) if "text" in row]
                if rows:
                    yield path.stem, [_other(room, row) for row in rows]


def _annotated(texts: Sequence[Labelled], toolkit: Toolkit) -> list[AnnotatedPost]:
    found: list[AnnotatedPost] = []
    for home, group in groupby(texts, key=lambda one: one.home):
        posts = [text_post(number, one.text, one.posted_local) for number, one in enumerate(group)]
        for first in range(0, len(posts), BATCH):
            found += annotate(posts[first : first + BATCH], toolkit, Group(home))
    return found


def _places(name: str, found: Sequence[tuple[Labelled, AnnotatedPost]]) -> tuple[list[Row], list[Mistake]]:
    whole, spans, mistakes, count = Tally(), Tally(), list[Mistake](), 0
    exact = name == "gold"  # elsewhere coordinates are those of regions, or are not there at all
    for text, annotated in found:
        if text.places is None:
            continue
        count += 1
        mentions = [
            mention
            for mention in annotated.places  # ours label a facility by its place only
            if not (exact and mention.place.coordinate_kind == "inherited")
        ]
        outcome = compare(text.places, mentions, anything, same_place if exact else near_place)
        spans.add(outcome.tally)
        whole.add(compare(text.places, mentions, same_place, not_asked).tally)
        read = {
            (place.span.start, place.span.end): f"{_place(place.place)} by {place.rule}"
            for place in annotated.places
        }
        mistakes += _mistakes(name, "places", outcome, text.text, read)
    if count == 0:
        return [], []
    rows = [Row(name, "place spans", count, spans)]
    return ([Row(name, "places", count, whole), *rows] if exact else rows), mistakes


def _dates(name: str, found: Sequence[tuple[Labelled, AnnotatedPost]]) -> tuple[list[Row], list[Mistake]]:
    tally, mistakes, count = Tally(), list[Mistake](), 0
    for text, annotated in found:
        if text.dates is None:
            continue
        count += 1
        outcome = compare(text.dates, annotated.dates, anything, same_days)
        tally.add(outcome.tally)
        read = {
            (
                mention.span.start,
                mention.span.end,
            ): f"{mention.date_from}..{mention.date_to} by {mention.rule}"
            for mention in annotated.dates
        }
        mistakes += _mistakes(name, "dates", outcome, text.text, read)
    return ([Row(name, "dates", count, tally)] if count else []), mistakes


def _language(name: str, found: Sequence[tuple[Labelled, AnnotatedPost]]) -> tuple[list[Row], list[Mistake]]:
    tally, mistakes = Tally(), list[Mistake]()
    for text, annotated in found:
        if text.language is None:
            continue
        right = annotated.language.tag == text.language
        tally.add(Tally(labelled=1, found=1, matched=int(right)))
        if not right:
            told = f"{text.language}, found {annotated.language.tag} by {annotated.language.method}"
            mistakes.append(Mistake(name, "language", "wrong", "", told, text.text))
    return ([Row(name, "language", tally.labelled, tally)] if tally.labelled else []), mistakes


def _mistakes(
    name: str, room: str, outcome: Outcome, text: str, read: Mapping[tuple[int, int], str]
) -> Iterator[Mistake]:
    for label in outcome.missed:
        yield Mistake(name, room, "missed", text[label.start : label.end], _told(label, room), text)
    for start, end in outcome.false:
        yield Mistake(name, room, "false", text[start:end], read[start, end], text)
    for label, (start, end) in outcome.wrong:
        told = f"{_told(label, room)}, found {text[start:end]!r} {read[start, end]}"
        yield Mistake(name, room, "wrong", text[label.start : label.end], told, text)


def _told(label: Label, room: str) -> str:
    if room == "dates":
        return f"{label.date_from}..{label.date_to}" if label.valued else ""
    known = label.lat is not None and label.lon is not None
    return f"{label.place_id or ''} ({label.lat:.3f} {label.lon:.3f})" if known else label.place_id or ""


def _place(place: Place) -> str:
    return f"{place.place_id} {place.name}, {place.feature} ({place.lat:.3f} {place.lon:.3f})"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _gold(row: Mapping[str, Any], home: tuple[str, ...]) -> Labelled:
    return Labelled(
        home=home,
        text=row["text"],
        posted_local=_time(row["posted_local"]),
        language=row["lang"],
        places=[
            Label(
                start=mention["start"],
                end=mention["end"],
                asked=not mention.get("optional", False),
                place_id=mention.get("place_id"),
                lat=mention.get("lat"),
                lon=mention.get("lon"),
            )
            for mention in row["places"]
        ],
        dates=[
            Label(
                start=mention["start"],
                end=mention["end"],
                asked=not mention.get("optional", False),
                valued=mention.get("value", True) is not False,
                date_from=_day(mention["from"]),
                date_to=_day(mention["to"]),
            )
            for mention in row["dates"]
        ],
    )


def _other(room: str, row: Mapping[str, Any]) -> Labelled:
    """A row of labelled data of one's own, see README.md."""
    text, posted_local = row["text"], _time(row.get("reference_time"))
    mentions: Sequence[Mapping[str, Any]] = row.get("mentions", ())
    if room == "language":
        return Labelled(text=text, language=row["lang"])
    if room == "places":
        places = [
            Label(start=one["start"], end=one["end"], lat=one.get("lat"), lon=one.get("lon"))
            for one in mentions
        ]
        return Labelled(text=text, posted_local=posted_local, places=places)
    dates = [_date_label(one) for one in mentions]
    return Labelled(text=text, posted_local=posted_local, dates=dates)


def _date_label(mention: Mapping[str, Any]) -> Label:
    days: Sequence[str] | None = mention.get("range")
    return Label(
        start=mention["start"],
        end=mention["end"],
        asked=mention.get("is_date", True),
        valued=days is not None,
        date_from=_day(days[0]) if days else None,
        date_to=_day(days[1]) if days else None,
    )


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _day(value: str | None) -> date | None:
    return None if value in {None, "open"} else date.fromisoformat(str(value)[:10])


def table(rows: Sequence[Row]) -> list[list[str]]:
    """The rows as people read them, under a head."""
    head = "labelled data|what|texts|labels|found|precision|recall|F1|value|false in silent texts"
    return [head.split("|"), *(_cells(row) for row in rows)]


def _cells(row: Row) -> list[str]:
    tally = row.tally
    if row.what == "language":
        return [row.name, row.what, str(row.texts), "", "", "", "", "", f"{tally.recall:.3f}", ""]
    return [
        row.name,
        row.what,
        str(row.texts),
        str(tally.labelled),
        str(tally.found),
        f"{tally.precision:.3f}",
        f"{tally.recall:.3f}",
        f"{tally.f1:.3f}",
        f"{tally.value:.3f}" if tally.valued else "",
        f"{tally.silent_broken} of {tally.silent}",
    ]
