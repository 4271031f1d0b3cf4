"""Dates in labelled posts: ours and other programs in one run, and ours by class of words."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from benchmarks.date_labels import FOLDER, DatePost, read_posts
from benchmarks.date_peers import Read, System, systems
from benchmarks.score import Label, Tally, anything, compare, same_days
from pipeline.records import DateMention, Span

Half = Literal["dev", "test", "both"]


class DateRow(Struct, frozen=True):
    """A line of the table.  `told` is what went wrong where nothing was measured."""

    data: str
    system: str
    texts: int
    tally: Tally
    speed: float = 0.0  # posts in a second of CPU time, the program's own preparation of texts included
    told: str = ""

    def figures(self) -> dict[str, float]:
        """What floors may be set for; only our own."""
        if self.system != "marsad":
            return {}
        silent = 1 - self.tally.silent_broken / self.tally.silent if self.tally.silent else 1.0
        return {
            f"{self.data}.dates.f1": round(self.tally.f1, 4),
            f"{self.data}.dates.value": round(self.tally.value, 4),
            f"{self.data}.dates.silent_kept": round(silent, 4),
        }


class _Text(Struct, frozen=True):
    text: str
    posted: datetime | None
    labels: list[Label]
    lists: tuple[Span, ...] = ()  # labels of several days that may be found as one mention or as several


def measure(half: Half = "both", peers: bool = True) -> list[DateRow]:
    """Score our posts and, where the variable MARSAD_EVAL names a folder, the labelled dates there."""
    return [
        _scored(name, language, texts, system)
        for name, language, texts in _sets(half)
        for system in systems()
        if language in system.languages and (peers or system.name == "marsad")
    ]


def classes(half: Half = "both", folder: Path = FOLDER) -> list[DateRow]:
    """Our own figures by variety, and by class: of dates (recall, value) and of lookalikes (false texts)."""
    posts = _posts(half, folder)
    read = systems()[0].open("")
    found = read([post.text for post in posts], [post.posted_local for post in posts])
    sums: dict[str, Tally] = defaultdict(Tally)
    counts: dict[str, int] = defaultdict(int)
    for post, mentions in zip(posts, found, strict=True):
        whole = together(mentions, _lists(post))
        outcome = compare([mention.label() for mention in post.mentions], whole, anything, same_days)
        names = [f"variety {post.variety}", f"style {post.style}"]
        if post.lookalike:
            names.append(f"lookalike {post.lookalike}")
        for name in names:
            sums[name].add(outcome.tally)
            counts[name] += 1
        missed = {label.start for label in outcome.missed}
        wrong = {label.start for label, _ in outcome.wrong}
        for mention in post.mentions:
            if mention.asked:
                found_it = mention.start not in missed
                tally = Tally(labelled=1, found=int(found_it), matched=int(found_it))
                tally.valued = int(found_it and mention.valued)
                tally.right = int(found_it and mention.valued and mention.start not in wrong)
                sums[f"clause {mention.clause}"].add(tally)
                counts[f"clause {mention.clause}"] += 1
    return [DateRow(name, "marsad", counts[name], sums[name]) for name in sorted(sums)]


def together(mentions: Sequence[DateMention], lists: Sequence[Span]) -> list[DateMention]:
    """The mentions, those that lie in one list of days ("6, 7 and 8 May") as one over all of its days."""
    whole = list(mentions)
    for span in lists:
        inside = [one for one in whole if one.span.start < span.end and span.start < one.span.end]
        days = [day for one in inside for day in (one.date_from, one.date_to)]
        if len(inside) < 2 or None in days:
            continue
        known = [day for day in days if day is not None]
        one = replace(
            inside[0],
            span=Span(inside[0].span.start, inside[-1].span.end),
            date_from=min(known),
            date_to=max(known),
        )
        whole = [other for other in whole if other not in inside] + [one]
    return sorted(whole, key=lambda one: one.span.start)


def _lists(post: DatePost) -> tuple[Span, ...]:
    return tuple(Span(one.start, one.end) for one in post.mentions if one.clause == "list")


def table(rows: Sequence[DateRow]) -> list[list[str]]:
    """The rows as people read them, under a head."""
    head = "labelled data|system|texts|labels|precision|recall|F1|value|false in silent texts|posts/s"
    return [head.split("|"), *(_cells(row) for row in rows)]


def _cells(row: DateRow) -> list[str]:
    if row.told:
        return [row.data, row.system, str(row.texts), row.told, "", "", "", "", "", ""]
    tally = row.tally
    return [
        row.data,
        row.system,
        str(row.texts),
        str(tally.labelled),
        f"{tally.precision:.3f}",
        f"{tally.recall:.3f}",
        f"{tally.f1:.3f}",
        f"{tally.value:.3f}" if tally.valued else "",
        f"{tally.silent_broken} of {tally.silent}" if tally.silent else "",
        f"{row.speed:,.0f}" if row.speed else "",
    ]


def _scored(name: str, language: str, texts: Sequence[_Text], system: System) -> DateRow:
    # Peers print and warn as they go; that is theirs, and the table is ours.
    with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        try:
            read = system.open(language)
        except Exception as error:  # noqa: BLE001  whatever a broken installation raises is told in the table
            return DateRow(name, system.name, len(texts), Tally(), told=f"does not import: {error}")
        read([texts[0].text], [texts[0].posted])  # tables are loaded at the first call
        found, speed = _timed(read, texts)
    tally = Tally()
    for text, mentions in zip(texts, found, strict=True):
        whole = together(mentions, text.lists)
        tally.add(compare(text.labels, whole, anything, same_days).tally)
    return DateRow(name, system.name, len(texts), tally, speed)


def _timed(read: Read, texts: Sequence[_Text]) -> tuple[list[list[DateMention]], float]:
    begun = time.process_time()
    found = read([text.text for text in texts], [text.posted for text in texts])
    return found, len(texts) / max(time.process_time() - begun, 1e-6)


def _posts(half: Half, folder: Path = FOLDER) -> list[DatePost]:
    return [post for post in read_posts(folder) if half in {"both", post.half}]


def _sets(half: Half) -> Iterator[tuple[str, str, list[_Text]]]:
    posts = _posts(half)
    for language in ("ar", "en"):
        chosen = [post for post in posts if post.language == language]
        if chosen:
            texts = [
                _Text(post.text, post.posted_local, [one.label() for one in post.mentions], _lists(post))
                for post in chosen
            ]
            yield f"invented_{language}", language, texts
    folder = os.environ.get("MARSAD_EVAL")
    for path in sorted(Path(folder, "dates").glob("*.jsonl")) if folder else ():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for language in ("ar", "en"):
            texts = [_text(row) for row in rows if row.get("lang", language) == language]
            if texts:
                yield (
                    f"{path.stem}_{language}".replace(f"_{language}_{language}", f"_{language}"),
                    language,
                    texts,
                )


def _text(row: dict[str, Any]) -> _Text:
    """A row of labelled data of one's own, see README.md."""
    told = row.get("reference_time")
    labels = [_label(mention) for mention in row.get("mentions", ())]
    return _Text(row["text"], datetime.fromisoformat(told) if told else None, labels)


def _label(mention: dict[str, Any]) -> Label:
    days = mention.get("range")
    first, last = (
        (None if day == "open" else date.fromisoformat(day[:10])) for day in days or ("open", "open")
    )
    return Label(
        start=mention["start"],
        end=mention["end"],
        asked=mention.get("is_date", True),
        valued=days is not None,
        date_from=first,
        date_to=last,
    )
