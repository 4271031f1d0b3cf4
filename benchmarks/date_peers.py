"""Programs that read dates in texts, ours among them, behind one call: texts in, mentions out.

Each peer runs as its manual advises for this material: told the language and the day of posting, days before
months, and the past where a text leaves it open.  Points in time become the period that their words name
only where the program itself says so; see README.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any, Final

from msgspec import Struct

from pipeline.annotate import anchor_of, text_post
from pipeline.dates import find_dates
from pipeline.records import DateMention, Span
from pipeline.text import find_marks, normalize_batch, tokenize

UNKNOWN_DAY: Final = datetime.fromisoformat(
    "2015-06-15T12:00"
)  # for peers, which need one, where a text has no day
Read = Callable[[Sequence[str], Sequence[datetime | None]], list[list[DateMention]]]


class System(Struct, frozen=True):
    """A program and the languages that it knows."""

    name: str
    languages: tuple[str, ...]
    open: Callable[[str], Read]  # for a language; raises ImportError where it is not installed


def systems() -> list[System]:
    return [
        System("marsad", ("ar", "en"), _marsad),
        System("dateparser search_dates", ("ar", "en"), _dateparser),
        System("datefinder", ("ar", "en"), _datefinder),
        System("parsedatetime", ("en",), _parsedatetime),
        System("Maha", ("ar",), _maha),
        System("Recognizers-Text", ("en",), _recognizers),
    ]


def _marsad(_language: str) -> Read:
    def read(texts: Sequence[str], posted: Sequence[datetime | None]) -> list[list[DateMention]]:
        tokens = tokenize(normalize_batch(texts), find_marks(texts))
        anchors = [
            anchor_of(text_post(number, text, day))
            for number, (text, day) in enumerate(zip(texts, posted, strict=True))
        ]
        return [list(mentions) for mentions in find_dates(tokens, anchors)]

    return read


def _dateparser(language: str) -> Read:
    search = import_module("dateparser.search").search_dates

    def one(text: str, day: datetime) -> list[DateMention]:
        settings = {"RELATIVE_BASE": day, "PREFER_DATES_FROM": "past", "DATE_ORDER": "DMY"}
        found, at = [], 0
        for words, moment in search(text, languages=[language], settings=settings) or []:
            start = text.find(words, at)
            if start >= 0:  # it gives words, not places
                at = start + len(words)
                found.append(_mention(start, at, moment.date(), moment.date()))
        return found

    return _each(one)


def _datefinder(_language: str) -> Read:
    find = import_module("datefinder").find_dates

    def one(text: str, day: datetime) -> list[DateMention]:
        return [
            _mention(start, end, moment.date(), moment.date())
            for moment, (start, end) in find(text, index=True, base_date=day, first="day")
        ]

    return _each(one)


def _parsedatetime(_language: str) -> Read:
    calendar = import_module("parsedatetime").Calendar()

    def one(text: str, day: datetime) -> list[DateMention]:
        return [
            _mention(start, end, moment.date(), moment.date())
            for moment, flag, start, end, _ in calendar.nlp(text, sourceTime=day) or ()
            if flag in (1, 3)  # 2 is a time of day
        ]

    return _each(one)


def _maha(_language: str) -> Read:
    parse = import_module("maha.parsers.functions").parse_dimension

    def one(text: str, day: datetime) -> list[DateMention]:
        found = []
        for dimension in parse(text, time=True):
            value = dimension.value
            ends = (value.start, value.end) if hasattr(value, "start") else (value, value)
            told = [_maha_period(end, day) for end in ends]
            if any(told):
                first, last = (pair or (None, None) for pair in told)
                found.append(_mention(dimension.start, dimension.end, first[0], last[1]))
        return found

    return _each(one)


def _maha_period(value: Any, day: datetime) -> tuple[date, date] | None:
    """The whole month or year where it names no day, in its favor; None for a mere time of day."""
    given = re.findall(r"(\w+)=", repr(value))
    parts = {part for part in given if part not in {"hour", "minute", "second", "microsecond", "am_pm"}}
    if not parts:
        return None
    moment = (day + value).date()
    if parts <= {"year", "years"}:
        return date(moment.year, 1, 1), date(moment.year, 12, 31)
    if parts <= {"year", "years", "month", "months", "prev_month", "next_month"}:
        first = moment.replace(day=1)
        return first, (first + timedelta(31)).replace(day=1) - timedelta(1)
    return moment, moment


def _recognizers(_language: str) -> Read:
    recognize = import_module("recognizers_date_time").recognize_datetime

    def one(text: str, day: datetime) -> list[DateMention]:
        found = []
        for entity in recognize(text, "en-us", reference=day):
            values = (entity.resolution or {}).get("values") or []
            periods = [_recognized(value) for value in values]
            told = [period for period in periods if period is not None]
            if told:
                past = [period for period in told if (period[0] or period[1] or date.max) <= day.date()]
                first, last = (past or told)[-1]
                found.append(_mention(entity.start, entity.end + 1, first, last))
        return found

    return _each(one)


def _recognized(value: dict[str, str]) -> tuple[date | None, date | None] | None:
    kind = value.get("type")
    if kind in {"date", "datetime"}:
        days = _iso(value.get("value")), _iso(value.get("value"))
    elif kind in {"daterange", "datetimerange"}:
        end = _iso(value.get("end"))
        if end and kind == "daterange":
            end -= timedelta(1)  # its ends are exclusive
        days = _iso(value.get("start")), end
    else:  # a time of day, a duration, a set
        return None
    return days


def _iso(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if value else None
    except ValueError:  # "not resolved"
        return None


def _each(one: Callable[[str, datetime], list[DateMention]]) -> Read:
    def read(texts: Sequence[str], posted: Sequence[datetime | None]) -> list[list[DateMention]]:
        return [_kept(one, text, day or UNKNOWN_DAY) for text, day in zip(texts, posted, strict=True)]

    return read


def _kept(one: Callable[[str, datetime], list[DateMention]], text: str, day: datetime) -> list[DateMention]:
    try:
        return one(text, day)
    except Exception:  # noqa: BLE001  a peer that fails on a text has found nothing in it
        return []


def _mention(start: int, end: int, first: date | None, last: date | None) -> DateMention:
    return DateMention(
        span=Span(start, end), date_from=first, date_to=last, edtf="", timex="", grain="day", rule=""
    )
