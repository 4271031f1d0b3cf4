"""What a mention means: readings of days, months and longer periods, and how two of them join."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from pipeline.dates import calendar as cal

Grain = Literal["day", "week", "month", "season", "year", "decade", "range"]
Anchor = Literal["none", "post_time", "text", "event"]
UNIT_GRAIN: Final[dict[str, Grain]] = {
    "d": "day",
    "w": "week",
    "we": "range",
    "m": "month",
    "q": "range",
    "y": "year",
    "D": "decade",
}


class Reading(Struct, frozen=True, kw_only=True):
    """What a mention means, before it is given its span."""

    first: date | None
    last: date | None
    edtf: str
    timex: str
    grain: Grain
    calendar: Literal["gregorian", "hijri"] = "gregorian"
    anchor: Anchor = "none"
    anchor_date: date | None = None
    flags: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    dated: bool = False  # the words themselves gave the year
    used: int | None = None  # so many of the items belong to the mention, where not all do
    parts: tuple[tuple[int, int, Reading], ...] = ()  # a list of days: each its own items and meaning


def of_day(day: date, **more: object) -> Reading:
    text = day.isoformat()
    return replace(Reading(first=day, last=day, edtf=text, timex=text, grain="day"), **more)


def of_month(year: int, month: int, **more: object) -> Reading | None:
    period = cal.month(year, month)
    if period is None:
        return None
    text = f"{year:04d}-{month:02d}"
    return replace(Reading(first=period[0], last=period[1], edtf=text, timex=text, grain="month"), **more)


def of_year(year: int, **more: object) -> Reading | None:
    period = cal.year(year)
    if period is None:
        return None
    text = f"{year:04d}"
    return replace(Reading(first=period[0], last=period[1], edtf=text, timex=text, grain="year"), **more)


def of_season(year: int, kind: int, **more: object) -> Reading | None:
    period = cal.season(year, kind)
    if period is None:
        return None
    made = Reading(
        first=period[0],
        last=period[1],
        edtf=f"{year:04d}-{kind}",
        timex=f"{year:04d}-{cal.SEASON_TIMEX[kind]}",
        grain="season",
    )
    return replace(made, **more)


def of_period(period: cal.Period, grain: Grain, timex: str | None = None, **more: object) -> Reading:
    """Any stretch of days, written as an interval."""
    text = f"{period[0].isoformat()}/{period[1].isoformat()}"
    return replace(
        Reading(first=period[0], last=period[1], edtf=text, timex=timex or text, grain=grain), **more
    )


def of_unit(inside: date, unit: str, step: int, **more: object) -> Reading | None:
    """The calendar week, month, year ... that holds a day, or one some steps away."""
    first, last = cal.around(inside, unit, step)
    if unit == "d":
        return of_day(first, **more)
    if unit == "m":
        return of_month(first.year, first.month, **more)
    if unit == "y":
        return of_year(first.year, **more)
    if unit == "D":
        text = f"{first.year // 10}X"
        return replace(Reading(first=first, last=last, edtf=text, timex=text, grain="decade"), **more)
    timex = {"w": cal.week_timex(first), "we": cal.week_timex(first) + "-WE", "q": _quarter_timex(first)}[
        unit
    ]
    return of_period((first, last), UNIT_GRAIN[unit], timex, **more)


def of_century(number: int, **more: object) -> Reading | None:
    """The hundred years that begin with that number: 19 for 1900-1999."""
    if number * 100 not in cal.YEARS:
        return None
    first, last = date(number * 100, 1, 1), date(number * 100 + 99, 12, 31)
    made = Reading(first=first, last=last, edtf=f"{number}XX", timex=str(number), grain="range")
    return replace(made, **more)


def _quarter_timex(first: date) -> str:
    return f"{first.year:04d}-Q{(first.month + 2) // 3}"


def of_hijri_day(year: int, month: int, number: int, weekday: int | None) -> Reading | None:
    """A Hijri day; a weekday in the text may move it by one, as sighted months begin a day off the table."""
    found = cal.hijri_day(year, month, number)
    if found is None:
        return None
    flags: tuple[str, ...] = ("hijri_pm1",)
    if weekday is not None:
        near = next((d for d in (found + timedelta(n) for n in (0, 1, -1)) if d.weekday() == weekday), None)
        if near is None:
            flags += ("weekday_conflict",)
        else:
            found = near
    edtf = found.isoformat() + ("" if weekday is not None and len(flags) == 1 else "~")
    return of_day(found, edtf=edtf, calendar="hijri", flags=flags)


def of_hijri_month(year: int, month: int) -> Reading | None:
    period = cal.hijri_month(year, month)
    if period is None:
        return None
    return of_period(
        period,
        "month",
        edtf=f"{period[0].isoformat()}~/{period[1].isoformat()}~",
        calendar="hijri",
        flags=("hijri_pm1",),
    )


def unanchored(grain: Grain, timex: str, edtf: str = "XXXX-XX-XX", **more: object) -> Reading:
    """Words that count from a day that is not known."""
    made = Reading(first=None, last=None, edtf=edtf, timex=timex, grain=grain, anchor="post_time")
    return replace(made, **more)


def after_event(timex: str, grain: Grain = "day") -> Reading:
    return unanchored(grain, timex, anchor="event")


def as_day(found: date) -> dict[str, object]:
    return {
        "first": found,
        "last": found,
        "edtf": found.isoformat(),
        "timex": found.isoformat(),
        "grain": "day",
    }


def checked(reading: Reading, weekday: int | None) -> Reading:
    if weekday is None or reading.first is None or reading.first.weekday() == weekday:
        return reading
    return replace(reading, flags=(*reading.flags, "weekday_conflict"))


def join(one: Reading, two: Reading) -> Reading | None:
    """ "from one until two" as one period; None where two lies before one."""
    if one.first is None and two.first is None and two.last is None:
        return unanchored("range", "XXXX-XX-XX/XXXX-XX-XX", anchor=two.anchor)
    if one.first is None or two.last is None or one.first > two.last:
        return None
    edtf = f"{_edge(one, 0)}/{_edge(two, -1)}"
    whole = {one.grain, two.grain}
    flags = tuple(dict.fromkeys((*one.flags, *two.flags)))
    anchored = one if one.anchor != "none" else two
    return (
        Reading(
            first=one.first,
            last=two.last,
            edtf=edtf,
            timex=edtf.replace("~", ""),
            grain="range",
            calendar=one.calendar if one.calendar == two.calendar else "gregorian",
            anchor=anchored.anchor,
            anchor_date=anchored.anchor_date,
            flags=flags,
            dated=one.dated or two.dated,
        )
        if whole
        else None
    )


def _edge(reading: Reading, side: int) -> str:
    """The first or last date that an EDTF string names."""
    if (
        reading.grain in ("decade", "season") or "XX" in reading.edtf
    ):  # no interval of EDTF level 1 ends in these
        day = reading.first if side == 0 else reading.last
        assert day is not None
        return day.isoformat()
    return reading.edtf.split("/")[side]


def opened(reading: Reading, side: Literal["start", "end"]) -> Reading:
    """ "since 2013" has no end, "until 2013" no start."""
    if reading.first is None:
        return reading
    if side == "end":
        return replace(reading, last=None, edtf=f"{_edge(reading, 0)}/..")
    return replace(reading, first=None, edtf=f"../{_edge(reading, -1)}")
