"""A small dataset of hard texts: two languages and more, places around the map, edits, faults of spreadsheets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from storage_builders import HAM, HAMA, publish, rejection

from pipeline.records import (
    AnnotatedPost,
    Candidate,
    DateMention,
    Language,
    Origin,
    Place,
    PlaceMention,
    Post,
    Span,
)
from pipeline.storage.dataset import Dataset

FIJI = Place("t:fiji", "Suva", None, "Suva", -18.14, 178.44, "FJ", None, None, "city")
APIA = Place("t:apia", "Apia", "أبيا", "Apia", -13.83, -171.76, "WS", None, None, "city")
TOWN = Place(
    "t:marra",
    "Maarrat an-Numan",
    "معرة النعمان",
    "Maarrat an-Numan",
    35.64,
    36.67,
    "SY",
    "Idlib",
    None,
    "city",
)
PLACES = (HAMA, HAM, FIJI, APIA, TOWN)
START = datetime(2014, 3, 1, tzinfo=UTC)

HARD = (
    "قصف على حماة أمس",
    "=1+1",
    '  =HYPERLINK("http://x","y")',
    "+963 11 000",
    "-5 degrees",
    "@cmd",
    "\t=1",
    "\r=1",
    "\uff1d1+1",
    "\u202e=1",
    "'=1",
    "'plain",
    "a\x00b\x00",
    "\x00=1",
    "bidi \u202e override \u2066 isolate",
    'quotes " and "" and , and ;',
    "line\nline\r\nline",
    "",
    "👨‍👩‍👧 😀 \U0001f1f8\U0001f1fe",
    "<script>alert(1)</script>&amp;",
    "_x0041_ and \x01\x0b\x1f",
    "ط" * 40_000,
    "😀" * 20_000,
    "NULL",
    "007",
    "2014-03-05",
    "1e5",
)


def post(
    number: int,
    text: str,
    *,
    source: str = "ghab",
    language: str = "ar",
    posted: datetime | None = None,
    edited: datetime | None = None,
    places: Sequence[Place] = (),
    days: Sequence[tuple[date | None, date | None]] = (),
    **more,
) -> AnnotatedPost:
    where = Span(0, min(1, len(text)))
    return AnnotatedPost(
        post=Post(
            post_id=f"telegram:{source}:{number}",
            source=source,
            platform="telegram",
            group_id=source,
            native_id=str(number),
            posted_at=posted,
            edited_at=edited,
            text=text,
            origin=Origin("a.json", "ab" * 32, f"bytes {number}", "telegram_json"),
            **more,
        ),
        text_clean=text,
        text_normalized=text,
        language=Language(language, 0.9, "letters", 1.0 if language == "ar" else 0.0, 0.5),
        hashtags=("حماة", "a,b"),
        places=tuple(
            PlaceMention(
                span=where,
                candidates=(Candidate(place, 0.6), Candidate(HAM, 0.2)),
                score=0.9,
                ambiguous=False,
                rule="exact",
            )
            for place in places
        ),
        dates=tuple(
            DateMention(
                span=where,
                date_from=first,
                date_to=last,
                edtf="1812" if first and first.year == 1812 else "2014",
                timex="2014",
                grain="day",
                rule="day",
                flags=("fuzzy",),
            )
            for first, last in days
        ),
    )


def hard_posts() -> list[AnnotatedPost]:
    return [
        post(
            number,
            text,
            posted=None if number % 7 == 6 else START + timedelta(days=number, microseconds=number % 2),
            language=("ar", "en", "mul")[number % 3],
            places=PLACES[number % 5 : number % 5 + number % 3],
            days=[(date(1812, 1, 1), date(1812, 12, 31)), (date(2014, 3, 4), None)][: number % 3],
            views=2**60 if number == 3 else number,
        )
        for number, text in enumerate(HARD)
    ]


def hard_dataset(root: Path) -> Path:
    """Two sources, an edit with history, one rejection, and a source without posts."""
    with Dataset(root).writer("test") as writer:
        publish(writer, [hard_posts()], rejections=[rejection()])
        edit = post(0, "قصف على حلب أمس", posted=START, edited=START + timedelta(hours=1), places=[TOWN])
        publish(writer, [[edit]], run_id="r2")
        others = [
            post(
                n,
                f"Shelling {n}",
                source="homs",
                language="en",
                posted=START + timedelta(days=n),
                places=[HAMA],
            )
            for n in range(3)
        ]
        publish(writer, [others], source="homs")
        publish(writer, [], source="empty")
    return root
