"""Resolvers of named days, Hijri and Gregorian, and of what is counted from them."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec.structs import replace

from pipeline.dates import calendar as cal
from pipeline.dates.counting import amounts
from pipeline.dates.naming import day_month, full
from pipeline.dates.nearest import (
    counted,
    hijri_in_some_year,
    in_some_year,
    nearest,
)
from pipeline.dates.reading import (
    Reading,
    as_day,
    of_day,
    of_hijri_day,
    unanchored,
)
from pipeline.dates.slots import Context, Slots


def nth_weekday_after(slots: Slots, context: Context) -> Reading | None:
    """ "the third Tuesday after Christmas 2014"."""
    place = slots.kinds.index("after")
    rest, count, number = Slots(slots.items[place + 1 :]), slots.int_of("ordinal"), slots.weekday
    resolve = full if rest.has("full") else feast if rest.has("feast") else day_month
    found = resolve(rest, context)
    if found is None or found.first is None or number is None or count is None:
        return found
    day = found.first + timedelta((number - found.first.weekday() - 1) % 7 + 1 + 7 * (count - 1))
    return replace(found, **as_day(day))


def _moving_feast(value: str, slots: Slots, context: Context) -> Reading | None:
    """The n-th weekday of a month (n11-04-3: the fourth Thursday of November)."""

    def in_year(number: int) -> date:
        month, count, weekday = (int(part) for part in value[1:].split("-"))
        first = date(number, month, 1)
        return first + timedelta((weekday - first.weekday()) % 7 + 7 * (count - 1))

    if slots.year is not None:
        return of_day(in_year(slots.year), dated=True) if slots.year in cal.YEARS else None
    if context.day is None:
        return unanchored("day", "XXXX-XX-XX")
    years = (context.day.year + step for step in (-1, 0, 1))
    days = [in_year(number) for number in years if 1 <= number <= 9999]
    step = slots.direction
    if step:
        days = [d for d in days if (d > context.day if step > 0 else d < context.day)]
    found = nearest(days, context.day, context.tense())
    return counted(of_day(found, flags=("year_inferred",)), context) if found else None


def feast(slots: Slots, context: Context) -> Reading | None:
    """A named day: Hijri (h12-10), Gregorian (g12-25), or of one year only (x04-22-2011)."""
    value = slots.text_of("feast", "friday", "thefeast")
    if value is None:
        return None
    if value == "e":
        return _nearer_feast(slots, context)
    if value[0] == "n":
        return _moving_feast(value, slots, context)
    month, number = int(value[1:3]), int(value[4:6])
    if value[0] == "x":
        found = cal.day(int(value[7:]), month, number)
        return of_day(found, dated=True) if found and slots.year in (None, found.year) else None
    if value[0] == "g":
        return in_some_year(month, number, slots, context)
    year = slots.int_of("hyear")
    if year is not None:
        made = of_hijri_day(year, month, number, slots.weekday)
        return replace(made, dated=True) if made else None
    return hijri_in_some_year(month, number, slots.year, slots, context)


def _nearer_feast(slots: Slots, context: Context) -> Reading | None:
    """ "the feast" without its name: of both feasts the nearer; the other is an alternative."""
    both = [hijri_in_some_year(month, day, slots.year, slots, context) for month, day in ((10, 1), (12, 10))]
    made = [one for one in both if one is not None]
    if context.day is None or slots.year is not None:
        return made[0] if made else None
    day, tense = context.day, context.tense()
    fitting = [one for one in made if one.first is not None and tense * (one.first - day).days >= 0] or made
    found = min(fitting, key=lambda one: abs((one.first - day).days) if one.first else 10**6, default=None)
    others = tuple(one.edtf for one in made if one is not found)
    return replace(found, alternatives=others) if found else None


def feast_beside(slots: Slots, context: Context) -> Reading | None:
    """ "the day after Christmas", "two days before the feast", its second day, and its eve.

    The night of a feast is the one that leads to it: Arabic counts the day from the evening.
    """
    steps = 0
    amount = amounts(Slots([item for item in slots.items if item.kind != "part"]))
    if slots.kinds[0] in ("before", "after"):
        count, name = amount[0] if amount else (None, "d")
        if count is None or count > 400 or name not in ("d", "w", "m"):
            return None
        steps = (-1 if slots.has("before") else 1) * count * {"d": 1, "w": 7, "m": 30}[name]
    elif not slots.has("before", "after"):
        ordinal = slots.int_of("ordinal")
        steps = -1 if slots.text_of("part") == "NI" else (ordinal or 1) - 1
        if ordinal is None and slots.kinds[0] == "dayword" and not context.tense():
            return None  # "on feast days we wear new clothes"
        if steps > 3:
            return None
    found = feast(slots, context)
    if found is None or found.first is None:
        return found
    if not slots.has("before", "after") or slots.kinds[0] in ("before", "after"):
        moved = replace(found, **as_day(cal.shift(found.first, steps, "d")))
        return replace(moved, edtf=moved.edtf + "~") if found.edtf.endswith("~") else moved
    day = cal.shift(found.first, -1 if slots.has("before") else 1, "d")
    return replace(found, **as_day(day))


def named_friday(slots: Slots, context: Context) -> Reading | None:
    """A named Friday of protest counts as a weekday, where no date stands beside it."""
    return full(slots, context) if slots.has("full") else None
