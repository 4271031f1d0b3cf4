"""Resolvers of parts of a year and of longer periods: quarters, halves, seasons, decades, early and late."""

from __future__ import annotations

from datetime import date
from typing import Final

from msgspec.structs import replace

from pipeline.dates import calendar as cal
from pipeline.dates.counting import unit
from pipeline.dates.naming import hijri, holder_of
from pipeline.dates.nearest import (
    counted,
    month_in_some_year,
    relative_year,
)
from pipeline.dates.reading import (
    Reading,
    of_century,
    of_period,
    of_season,
    of_unit,
    of_year,
    unanchored,
)
from pipeline.dates.slots import Context, Slots

_PARTS: Final = ("fuzzy", "enfuzzy", "akher", "ordinal")
FAR: Final = 10  # years: of what lies further back, "early 1942" is told with the grain of the year


def season_told(slots: Slots, context: Context) -> Reading | None:
    """A season without a year: only where the text named a year before, or an event stands behind it."""
    inner = Slots([item for item in slots.items if item.kind != "that"])
    named = context.named
    if len(inner.items) < len(slots.items) and named is not None and named.dated and named.first is not None:
        context = replace(context, year=named.first.year)  # "that same spring"
    return season(inner, context) if context.told is not None or context.year is not None else None


def quarter(slots: Slots, context: Context) -> Reading | None:
    number = 4 if slots.has("thequarter") and slots.kinds[1] == "lastword" else None
    number = number or slots.int_of("ordinal", "num", "number")
    if number is None or not 1 <= number <= 4 or slots.text_of("quarterword") == "D":
        return None
    relative = relative_year(slots, context)
    year = slots.year or relative
    story = context.told is not None and context.told.grain in ("day", "month")  # not "founded in 1987"
    if year is None and story and context.told is not None and context.told.first is not None:
        made = of_unit(date(context.told.first.year, 3 * number - 2, 1), "q", 0)
        return replace(made, anchor="text", anchor_date=context.told.first) if made else None
    if year is None and context.day is None:
        return unanchored("range", f"XXXX-Q{number}")
    if year is None:
        assert context.day is not None
        year = context.day.year
        if slots.direction is None and not context.future() and date(year, 3 * number - 2, 1) > context.day:
            year -= 1
    made = of_unit(date(year, 3 * number - 2, 1), "q", 0)
    return replace(made, dated=True) if made and slots.year else counted(made, context)


def fuzzy(slots: Slots, context: Context) -> Reading | None:
    """Early, middle or late in a month, a year, a week: the agreed third of it.

    Of what lies ten years and more before the post a third would be false precision: there it is the whole
    period, as TIMEX3 has it, its EDTF is that of the period, and the flag `whole_period` says so.
    """
    part: object = "l"  # "month's end" in one word
    inner = slots
    if not slots.has("fuzzyunit"):
        place = next(p for p, kind in enumerate(slots.kinds) if kind in _PARTS)
        part = slots.items[place].value
        if slots.kinds[place] == "ordinal":  # "the first of the year" as its beginning
            if part != 1:
                return None
            part = "e"
        inner = Slots(slots.items[place + 1 :])
    if inner.has("hmonth", "whmonth"):
        whole = hijri(inner, context)
    elif inner.month is not None:
        whole = month_in_some_year(inner.month, inner, context)
    elif inner.has("decade"):
        whole = decade(inner, context)
    elif inner.has("season", "wseason"):
        whole = season(inner, context)
    elif inner.year is not None:
        whole = of_year(inner.year, dated=True)
    else:
        whole = unit(inner, context)
    if whole is None or whole.first is None or whole.last is None:
        return replace(whole, grain="range") if whole else None
    if context.day is not None and whole.last < cal.shift(context.day, -FAR, "y"):
        about = whole.edtf + "~" if whole.grain in ("year", "month") and "/" not in whole.edtf else whole.edtf
        return replace(whole, edtf=about, flags=(*whole.flags, "fuzzy", "whole_period"))
    first, last = cal.third((whole.first, whole.last), str(part))
    return replace(
        whole,
        first=first,
        last=last,
        edtf=f"{first.isoformat()}~/{last.isoformat()}~",
        grain="range",
        flags=(*whole.flags, "fuzzy"),
    )


def season(slots: Slots, context: Context) -> Reading | None:
    kind = slots.int_of("season", "wseason")
    if kind is None:
        return None
    year = slots.year or context.year
    if year is not None:
        return of_season(year, kind, dated=True)
    relative = relative_year(slots, context)
    if relative is not None:
        return counted(of_season(relative, kind), context)
    direction = slots.direction
    told = context.told
    if told is not None and told.first is not None and direction is None:
        return of_season(
            _story_year(told, kind), kind, anchor="text", anchor_date=told.first, flags=("year_inferred",)
        )
    day = context.day
    if direction is not None and direction > 0 and slots.has("the") and told is not None:
        day = told.last or told.first  # "the next spring" of a story
    if day is None:
        return unanchored("season", f"XXXX-{cal.SEASON_TIMEX[kind]}", f"XXXX-{kind}")
    choices = [r for r in (of_season(day.year + n, kind) for n in (-2, -1, 0, 1, 2)) if r]
    if direction is not None and direction < 0:
        choices = [r for r in choices if r.last is not None and r.last < day][-1:]
    elif direction is not None and direction > 0:
        choices = [r for r in choices if r.first is not None and r.first > day][:1]
    elif direction == 0:
        inside = [r for r in choices if r.first and r.last and r.first <= day <= r.last]
        choices = inside or [r for r in choices if r.first is not None and r.first.year == day.year]
    elif context.future():
        choices = [r for r in choices if r.last is not None and r.last >= day][:1]
    best = min(choices, key=lambda r: abs((r.first - day).days) if r.first else 10**6, default=None)
    if best is None:
        return None
    return counted(replace(best, flags=() if direction is not None else ("year_inferred",)), context)


def _story_year(told: Reading, kind: int) -> int:
    """The year of a season in a story: the running season, or the next if it comes within seven months."""
    assert told.first is not None
    if told.grain in ("day", "month", "season"):
        start = told.first if told.grain == "day" or told.last is None else told.last
        for number in (start.year - 1, start.year, start.year + 1):
            period = cal.season(number, kind)
            if period is not None and period[1] >= start and (period[0] - start).days <= 210:
                return number
    return told.first.year


def decade(slots: Slots, _context: Context) -> Reading | None:
    first = slots.int_of("decade")
    if first is None:
        return None
    ordinal = slots.int_of("ordinal")
    if slots.has("century") and ordinal is not None:
        first = (ordinal - 1) * 100 + first % 100
    elif first % 100 == 0 and first < 2000:  # "the 1800s"
        return of_century(first // 100, dated=True)
    return of_unit(date(first, 1, 1), "D", 0, dated=True) if first in cal.YEARS else None


def century(slots: Slots, context: Context) -> Reading | None:
    """ "the 19th century" with its hundred years 18XX; "the last century" from the day of posting."""
    ordinal = slots.int_of("ordinal", "number")
    if ordinal is not None:
        return of_century(ordinal - 1, dated=True) if 12 <= ordinal <= 21 else None
    step = slots.direction
    if step is None or context.day is None:
        return None
    return counted(of_century(context.day.year // 100 + step), context)


def half(slots: Slots, context: Context) -> Reading | None:
    """ "the second half of 2015": six months of a year, or the days of a month from the 16th on."""
    number = slots.int_of("ordinal")
    place = next(p for p, kind in enumerate(slots.kinds) if kind == "half")
    rest = Slots([i for i in slots.items[place + 1 :] if i.kind != "ordinal" or i.value != number])
    if number not in (1, 2):
        return None
    holder = holder_of(rest, context)
    if holder is None or holder.first is None or holder.last is None or holder.grain not in ("year", "month"):
        return None
    period = cal.half((holder.first, holder.last), number)
    timex = f"{holder.first.year:04d}-H{number}" if holder.grain == "year" else None
    more = of_period(period, "range", timex)
    return replace(
        more, anchor=holder.anchor, anchor_date=holder.anchor_date, flags=holder.flags, dated=holder.dated
    )
