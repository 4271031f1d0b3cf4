"""The heads of WhatsApp's lines: date, time and what stands between them, in the phone's own manner."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache

from hijridate import Hijri
from msgspec import Struct

from pipeline.data import rows
from pipeline.readers.printed_times import INVISIBLE, WESTERN_DIGITS, half_pattern

_MARKS = f"[{INVISIBLE}]*"
BLANK = "[ \xa0\u202f\u2009]"
_DIGIT = (
    "[0-9\N{ARABIC-INDIC DIGIT ZERO}-\N{ARABIC-INDIC DIGIT NINE}"
    "\N{EXTENDED ARABIC-INDIC DIGIT ZERO}-\N{EXTENDED ARABIC-INDIC DIGIT NINE}]"
)
COMMA = "\N{ARABIC COMMA}"
_HIJRI = "\N{ARABIC LETTER HEH}\N{ARABIC TATWEEL}?"
_YEAR_SIGN = "\N{CYRILLIC SMALL LETTER GHE}"
_HOUR_SIGN = "\N{CYRILLIC SMALL LETTER CHE}"


@cache
def _head() -> re.Pattern[str]:
    number = rf"{_MARKS}({_DIGIT}{{1,2}}){_MARKS}"
    half = half_pattern().replace(" ", f"{BLANK}?")
    words = "|".join(re.escape(row["word"]) for row in rows("clock_joiners"))
    year = rf"({_DIGIT}{{1,4}}){_MARKS}\.?(?:{BLANK}?(?:{_YEAR_SIGN}\.|{_HIJRI}))?"
    date_part = rf"{_MARKS}({_DIGIT}{{1,4}}){_MARKS}([./\-]){BLANK}?{number}\3{BLANK}?{_MARKS}{year}"
    seconds = rf"(?:[:.]({_DIGIT}{{2}}))?"
    time_part = (
        rf"(?:(?:{words})[.:]?{BLANK}+)?(?:({half}){BLANK}?)?({_DIGIT}{{1,2}})(?:[:.]|{BLANK}?h{BLANK}?)({_DIGIT}{{2}}){seconds}"
        rf"(?:{BLANK}{_HOUR_SIGN}\.)?(?:{_MARKS}{BLANK}*{_MARKS}({half}))?"
    )
    return re.compile(
        rf"{_MARKS}(\[)?{date_part}{_MARKS}([,\N{{ARABIC COMMA}}])?{_MARKS}{BLANK}{_MARKS}{BLANK}?{time_part}"
        rf"{_MARKS}(?:(\])(?:{BLANK}|$)|{BLANK}[-\N{{EN DASH}}\N{{EM DASH}}](?:{BLANK}|$)|(:){BLANK})",
        re.IGNORECASE,
    )


def day_comes_first(shape: str) -> bool:
    """Whether no phone writes such a head with the month first: dots, dashes, the Arabic comma (CLDR)."""
    return COMMA in shape or shape.lstrip("[:")[:1] in {".", "-"}


_YEAR_AT_ONE_END = {(4, 1), (4, 2), (1, 2), (2, 2), (1, 4), (2, 4)}
"""How many digits the first and the third number of a date have."""


class Start(Struct, frozen=True):
    """The head of a message."""

    numbers: tuple[str, str, str]  # of the date, western digits
    hour: int
    minute: int
    second: int | None
    half: str | None
    shape: str  # equal for all heads of one export
    body: str  # the rest of the line


def start_of(line: str) -> Start | None:
    """The head that a line begins with, else None.

    Besides brackets (iOS) and a dash (Android) a colon ends it where there are seconds: iOS before 2018.

    >>> start_of("1/5/2025, 09:17 - Name: text").body
    'Name: text'
    >>> start_of("3/24/14, 1:59:59 PM: Name: text").hour
    1
    """
    match = _head().match(line)
    if match is None or (match[1] is None) != (match[12] is None):
        return None
    bracket, one, mark, two, three, comma, before, hour, minute, second, behind, _, colon = match.groups()
    if colon and not second:
        return None
    half = before or behind
    western = one.isascii()
    numbers = (one, two, three) if western else _western(one, two, three)
    if (len(numbers[0]), len(numbers[2])) not in _YEAR_AT_ONE_END:
        return None
    shape = f"{bracket or colon or ''}{mark}{'seconds' if second else ''}{'half' if half else ''}{western}"
    if comma == COMMA:
        shape += COMMA
    return Start(
        numbers,
        int(hour),  # int reads the digits of all scripts
        int(minute),
        int(second) if second else None,
        re.sub(BLANK, " ", half) if half else None,
        shape,
        line[match.end() :],
    )


def _western(one: str, two: str, three: str) -> tuple[str, str, str]:
    return one.translate(WESTERN_DIGITS), two.translate(WESTERN_DIGITS), three.translate(WESTERN_DIGITS)


def calendar_day(year: int, month: int, day: int) -> date:
    """The Gregorian day; years from 1300 to 1424 are those of the Persian calendar, up to 1499 of the Hijri.

    The Persian year 1425 begins in 2046, the Hijri year 1424 ended in 2004, before there was any WhatsApp.
    Thai phones count from 543 years earlier.  Raises `ValueError` for a day that is none.

    >>> calendar_day(1403, 1, 1)
    datetime.date(2024, 3, 20)
    >>> calendar_day(1446, 11, 15)
    datetime.date(2025, 5, 13)
    >>> calendar_day(2568, 5, 13)
    datetime.date(2025, 5, 13)
    """
    if 1425 <= year < 1500:
        try:
            return date.fromordinal(Hijri(year, month, day).to_gregorian().toordinal())
        except (ValueError, OverflowError):
            raise ValueError("no day of the Hijri calendar") from None
    if 2540 <= year < 2600:
        year -= 543
    if not 1300 <= year < 1425:
        return date(year, month, day)
    length = 31 if month <= 6 else 30 if month < 12 or _persian_leap(year) else 29
    if not (1 <= month <= 12 and 1 <= day <= length):
        raise ValueError("no day of the Persian calendar")
    years = range(1400, year) if year >= 1400 else range(year, 1400)
    days = sum(366 if _persian_leap(between) else 365 for between in years) * (1 if year >= 1400 else -1)
    days += 31 * (month - 1) - max(0, month - 7) + day - 1
    return date(2021, 3, 21) + timedelta(days=days)


def _persian_leap(year: int) -> bool:
    """By the 33-year cycle, which is right from 1244 to 1472."""
    return year % 33 in {1, 5, 9, 13, 17, 22, 26, 30}
