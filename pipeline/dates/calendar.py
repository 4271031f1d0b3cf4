"""Days, months and years, Gregorian and Hijri, and how EDTF and TIMEX3 write them.

A period is a pair of days, both inside it.  Nothing here knows words; nothing raises on odd numbers: what
the calendar does not hold is None.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from hijridate import Gregorian, Hijri

Period = tuple[date, date]

YEARS: Final = range(1000, 2200)  # years that a post can mean
HIJRI_YEARS: Final = range(1343, 1501)  # the Umm al-Qura table of hijridate; outside it nothing is invented
SEASON_MONTHS: Final = {
    21: 3,
    22: 6,
    23: 9,
    24: 12,
}  # EDTF season: its first month (northern, meteorological)
SEASON_TIMEX: Final = {21: "SP", 22: "SU", 23: "FA", 24: "WI"}


def day(year: int, month: int, number: int) -> date | None:
    """That day, or None where the calendar has none.

    >>> day(2016, 2, 30) is None
    True
    """
    if year not in YEARS or not 1 <= month <= 12 or not 1 <= number <= monthrange(year, month)[1]:
        return None
    return date(year, month, number)


def month(year: int, number: int) -> Period | None:
    """All days of a month.

    >>> month(2016, 2)
    (datetime.date(2016, 2, 1), datetime.date(2016, 2, 29))
    """
    if year not in YEARS or not 1 <= number <= 12:
        return None
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


def year(number: int) -> Period | None:
    """All days of a year."""
    return (date(number, 1, 1), date(number, 12, 31)) if number in YEARS else None


def half(period: Period, number: int) -> Period:
    """The first or second half: six months of a year, else the days until the 15th and those from the 16th.

    >>> half((date(2015, 1, 1), date(2015, 12, 31)), 2)
    (datetime.date(2015, 7, 1), datetime.date(2015, 12, 31))
    """
    first, last = period
    middle = shift(first, 6, "m") if (last - first).days > 300 else first + timedelta(15)
    return (first, middle - timedelta(1)) if number == 1 else (middle, last)


def season(number: int, kind: int) -> Period | None:
    """A northern meteorological season; the winter of a year ends in February of the next."""
    if number not in YEARS:
        return None
    first = date(number, SEASON_MONTHS[kind], 1)
    return first, shift(first, 3, "m") - timedelta(1)


def shift(start: date, count: int, unit: str) -> date:
    """`start` moved by days (d), weeks (w), months (m), quarters (q), years (y) or decades (D).

    The end of a long month moves to the end of a short one.

    >>> shift(date(2016, 3, 31), -1, "m")
    datetime.date(2016, 2, 29)
    """
    if unit in "dw":
        days = count * (7 if unit == "w" else 1)
        return start + timedelta(max(min(days, 300_000), -300_000)) if abs(days) < 300_000 else start
    months = count * {"m": 1, "q": 3, "y": 12, "D": 120}[unit]
    target = max(min(start.year * 12 + start.month - 1 + months, 2199 * 12), 1000 * 12)
    number, first = divmod(target, 12)
    return date(number, first + 1, min(start.day, monthrange(number, first + 1)[1]))


def around(inside: date, unit: str, step: int = 0) -> Period:
    """The calendar unit that holds `inside`, moved by `step` units.  Weeks run from Monday to Sunday.

    >>> around(date(2016, 2, 17), "w", -1)
    (datetime.date(2016, 2, 8), datetime.date(2016, 2, 14))
    """
    if unit == "d":
        first = shift(inside, step, "d")
        return first, first
    if unit in ("w", "we"):  # we: the weekend of the week
        first = shift(inside - timedelta(inside.weekday()), step, "w")
        return (first + timedelta(5), first + timedelta(6)) if unit == "we" else (first, first + timedelta(6))
    if unit == "D":
        first = date(shift(inside, 10 * step, "y").year // 10 * 10, 1, 1)
        return first, date(first.year + 9, 12, 31)
    start = inside.replace(month=1, day=1) if unit == "y" else inside.replace(day=1)
    if unit == "q":
        start = start.replace(month=(inside.month - 1) // 3 * 3 + 1)
    first = shift(start, step, unit)
    return first, shift(first, 1, unit) - timedelta(1)


def third(period: Period, part: str) -> Period:
    """The early (e), middle (m) or late (l) part of a period.

    Of a month days 1-10, 11-20 and 21 to its end, of a season one month each, of a year four; of a decade
    the years 0-3, 4-6 and 7-9; of a week the first three days, the middle ones and the last three.

    >>> third((date(1980, 1, 1), date(1989, 12, 31)), "m")
    (datetime.date(1984, 1, 1), datetime.date(1986, 12, 31))
    """
    first, last = period
    length = (last - first).days + 1
    if length > 3600:
        starts = (first, shift(first, 4, "y"), shift(first, 7, "y"))
    elif length > 300:
        starts = (first, shift(first, 4, "m"), shift(first, 8, "m"))
    elif length > 80:
        starts = (first, shift(first, 1, "m"), shift(first, 2, "m"))
    elif length >= 28:
        starts = (first, first + timedelta(10), first + timedelta(20))
    else:
        step = (length + 2) // 3
        starts = (first, first + timedelta(length // 3), last - timedelta(step - 1))
        return starts["eml".index(part)], {"e": first + timedelta(step - 1), "m": starts[2], "l": last}[part]
    place = "eml".index(part)
    return starts[place], (last if place == 2 else starts[place + 1] - timedelta(1))


@lru_cache(4096)
def hijri_day(year: int, month: int, number: int) -> date | None:
    """That day of the Umm al-Qura calendar, or None outside its table."""
    if year not in HIJRI_YEARS or not 1 <= month <= 12 or number < 1:
        return None
    if number > Hijri(year, month, 1).month_length():
        return None
    return date(*Hijri(year, month, number).to_gregorian().datetuple())


@lru_cache(1024)
def hijri_month(year: int, month: int) -> Period | None:
    first = hijri_day(year, month, 1)
    return (first, first + timedelta(Hijri(year, month, 1).month_length() - 1)) if first else None


def hijri_year_of(inside: date) -> int | None:
    """The Hijri year that a day lies in."""
    if not date(1924, 8, 1) <= inside <= date(2077, 11, 16):
        return None
    return int(Gregorian(inside.year, inside.month, inside.day).to_hijri().year)


def weekdays_of(period: Period, weekday: int) -> Iterator[date]:
    """Every such weekday (Monday 0) of a period, in order."""
    first = period[0] + timedelta((weekday - period[0].weekday()) % 7)
    while first <= period[1]:
        yield first
        first += timedelta(7)


def week_timex(inside: date) -> str:
    number, week, _ = inside.isocalendar()
    return f"{number:04d}-W{week:02d}"
