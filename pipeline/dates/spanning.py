"""Resolvers of stretches and lists: days that share a month, months that share a year."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from msgspec.structs import replace

from pipeline.dates import calendar as cal
from pipeline.dates.counting import unit
from pipeline.dates.items import Item
from pipeline.dates.naming import day_month_digits, full, hijri
from pipeline.dates.nearest import in_some_year, month_in_some_year, weekday_near
from pipeline.dates.periods import fuzzy, season
from pipeline.dates.reading import Reading, as_day, join, of_hijri_day, of_month, of_period, unanchored
from pipeline.dates.slots import DIRECTIONS, MONTHS, UNITS, WEEKDAYS, Context, Slots


def day_span(slots: Slots, context: Context) -> Reading | None:
    """ "20-21 August 2013": two days that share a month."""
    days, month = slots.days, slots.month
    value = slots.tuple_of("full")
    if value is not None:
        one = slots.int_of("num")
        last = full(slots, context)
        if one is None or last is None or last.last is None:
            return None
        first = cal.day(last.last.year, last.last.month, one)
    elif len(days) < 2:
        return None
    elif month is None:
        inner = Slots(
            [i for i in slots.items if i.kind not in ("num", "ordinal", "number", *WEEKDAYS, "dayword")]
        )
        holder = unit(inner, context)
        if holder is None or holder.grain != "month":
            return None
        if holder.first is None:
            return replace(holder, grain="range")
        first = cal.day(holder.first.year, holder.first.month, days[0])
        found = cal.day(holder.first.year, holder.first.month, days[1])
        last = replace(holder, **as_day(found)) if found else None
    else:
        bare = Slots([i for i in slots.items if i.kind not in WEEKDAYS])
        last = in_some_year(month, days[1], bare, context)
        if last is None or last.last is None:
            return replace(last, grain="range", edtf="XXXX-XX-XX", timex="XXXX-XX-XX") if last else None
        first = cal.day(last.last.year, month, days[0])
    if last is None or last.last is None or first is None or first > last.last:
        return None
    return replace(
        of_period((first, last.last), "range"),
        anchor=last.anchor,
        anchor_date=last.anchor_date,
        flags=tuple(f for f in last.flags if f != "ambiguous_order"),
        dated=last.dated,
    )


def hijri_span(slots: Slots, context: Context) -> Reading | None:
    """ "12-20 Rabi al-awwal 1441": two days that share a Hijri month."""
    places = list(slots.day_items())
    if len(places) < 2 or places[0][1] >= places[1][1]:
        return None
    last = hijri(Slots(slots.items[places[1][0] :]), context)
    if last is None or last.last is None:
        return replace(last, grain="range", edtf="XXXX-XX-XX", timex="XXXX-XX-XX") if last else None
    first = last.last - timedelta(places[1][1] - places[0][1])
    whole = of_period((first, last.last), "range")
    return replace(
        whole,
        edtf=f"{first.isoformat()}~/{last.last.isoformat()}~",
        calendar="hijri",
        anchor=last.anchor,
        anchor_date=last.anchor_date,
        flags=last.flags,
        dated=last.dated,
    )


def day_list(slots: Slots, context: Context) -> Reading | None:
    """ "the 5th and 7th of May": each day by itself."""
    places = list(slots.day_items())
    if slots.month is not None:
        while (
            places
            and places[-1][0] >= len(slots.items) - 1
            and slots.kinds[places[-1][0] - 1] in ("monthword", "theunit")
        ):
            places.pop()
    if len(places) < 2 or any(one[1] >= two[1] for one, two in pairwise(places)):
        return None
    bare = Slots([i for i in slots.items if i.kind not in WEEKDAYS])
    holder = (
        None
        if slots.month is not None
        else unit(
            Slots([i for i in slots.items if i.kind in (*UNITS, *DIRECTIONS) and i.kind != "dayword"]),
            context,
        )
    )
    parts = []
    for number, (place, day) in enumerate(places):
        if slots.month is not None:
            made = in_some_year(slots.month, day, bare, context)
        elif holder is not None and holder.grain == "month" and holder.first is not None:
            found = cal.day(holder.first.year, holder.first.month, day)
            made = replace(holder, **as_day(found)) if found else None
        else:
            made = None
        if made is None:
            return None
        last = number + 1 == len(places)
        parts.append((0 if number == 0 else place, len(slots.items) if last else place + 1, made))
    return replace(parts[-1][2], parts=tuple(parts))


def weekday_list(slots: Slots, context: Context) -> Reading | None:
    """ "next Wednesday and Thursday" in Arabic order: the last word speaks of all of them."""
    places = [place for place, kind in enumerate(slots.kinds) if kind in WEEKDAYS]
    last = weekday_near(slots.ints(*WEEKDAYS)[-1], slots, context)
    if last is None:
        return None
    parts = [(places[-1], len(slots.items), last)]
    for place in reversed(places[:-1]):
        following, number = parts[0][2], slots.items[place].value
        assert isinstance(number, int)
        if following.first is None:
            made = unanchored("day", f"XXXX-WXX-{number + 1}")
        else:
            day = following.first - timedelta((following.first.weekday() - number) % 7)
            made = replace(following, **as_day(day))
        parts.insert(0, (place, place + 1, made))
    parts[0] = (0, *parts[0][1:])
    return replace(last, parts=tuple(parts))


def weekday_pair(slots: Slots, context: Context) -> Reading | None:
    """ "the two days Saturday and Sunday": one stretch, where the second is the day after the first."""
    one, two = slots.ints(*WEEKDAYS)
    if (two - one) % 7 != 1:
        return None
    last = weekday_near(two, slots, context)
    if last is None or last.last is None:
        return replace(last, grain="range", edtf="XXXX-XX-XX", timex="XXXX-XX-XX") if last else None
    end = last.last
    if slots.direction is None and context.future() and context.day is not None and end == context.day:
        end += timedelta(7)
    return replace(
        of_period((end - timedelta(1), end), "range"), anchor=last.anchor, anchor_date=last.anchor_date
    )


def weekday_or(slots: Slots, context: Context) -> Reading | None:
    """ "Saturday or Sunday": each day by itself."""
    places = [place for place, kind in enumerate(slots.kinds) if kind in WEEKDAYS]
    parts = []
    for place, number in zip(places, slots.ints(*WEEKDAYS), strict=True):
        last = place == places[-1]
        made = weekday_near(number, slots, context)
        if made is None:
            return None
        parts.append((place, len(slots.items) if last else place + 1, made))
    return replace(parts[-1][2], parts=tuple(parts))


def season_list(slots: Slots, context: Context) -> Reading | None:
    """ "the spring and early summer of 1943": each season by itself."""
    second = max(place for place, kind in enumerate(slots.kinds) if kind in ("season", "wseason"))
    begin = slots.kinds.index("and") + 1
    one = season(Slots(slots.items[: begin - 1] + slots.items[second + 1 :]), context)
    rest = Slots(slots.items[begin:])
    two = fuzzy(rest, context) if rest.has("enfuzzy") else season(rest, context)
    if one is None or two is None:
        return None
    return replace(two, parts=((0, begin - 1, one), (begin, len(slots.items), two)))


def month_list(slots: Slots, context: Context) -> Reading | None:
    """ "March and April 2015": each month by itself; one month by two names is one."""
    places = [place for place, kind in enumerate(slots.kinds) if kind in MONTHS]
    numbers = slots.ints(*MONTHS)
    if len(set(numbers)) == 1:
        return month_in_some_year(numbers[0], slots, context)
    parts = []
    for count, (place, number) in enumerate(zip(places, numbers, strict=True)):
        made = month_in_some_year(number, slots, context)
        if made is None:
            return None
        last = count + 1 == len(places)
        parts.append((0 if count == 0 else place, len(slots.items) if last else place + 1, made))
    return replace(parts[-1][2], parts=tuple(parts))


def month_span(slots: Slots, context: Context) -> Reading | None:
    """ "from July to August 2014"."""
    one, two = slots.ints(*MONTHS)[:2]
    last = month_in_some_year(two, slots, context)
    if last is None or last.first is None:
        return replace(last, grain="range") if last else None
    first = of_month(last.first.year - (one > two), one)
    whole = join(first, last) if first else None
    return (
        replace(whole, anchor=last.anchor, anchor_date=last.anchor_date, flags=last.flags) if whole else None
    )


def digits_span(slots: Slots, context: Context) -> Reading | None:
    """ "10/2-15/2/2016"."""
    parts = [i for i in slots.items if i.kind in ("dm", "full")]
    last = (
        full(Slots(parts[1:]), context)
        if parts[1].kind == "full"
        else day_month_digits(slots_of_cue(parts[1]), context)
    )
    if last is None or last.last is None:
        return None
    if last.calendar == "hijri" and isinstance(parts[1].value, tuple) and isinstance(parts[0].value, tuple):
        first = of_hijri_day(parts[1].value[0], parts[0].value[1], parts[0].value[0], None)
    else:
        first = day_month_digits(slots_of_cue(parts[0]), replace(context, year=last.last.year))
    if first is None or first.first is None or first.first > last.last:
        return None
    return replace(
        of_period((first.first, last.last), "range"),
        anchor=last.anchor,
        anchor_date=last.anchor_date,
        dated=last.dated,
    )


def slots_of_cue(item: Item) -> Slots:
    """Digits that stand in a range need no further cue."""
    return Slots([item, replace(item, kind="dated", value=0)])


def year_span(slots: Slots, _context: Context) -> Reading | None:
    years = slots.ints("year", "yearwords")
    if len(years) == 1:
        short = slots.int_of("num", "count")
        if short is None or not 0 <= short <= 99:
            return None
        years.append(years[0] // 100 * 100 + short)
    first, last = years[0], years[1]
    if not first < last or last - first > 150:
        return None
    text = f"{first:04d}/{last:04d}"
    return Reading(
        first=date(first, 1, 1), last=date(last, 12, 31), edtf=text, timex=text, grain="range", dated=True
    )
