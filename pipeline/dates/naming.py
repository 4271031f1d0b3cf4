"""Resolvers of words that name: a day, a month, a year, the n-th weekday of a month."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from pipeline.dates import calendar as cal
from pipeline.dates.counting import unit
from pipeline.dates.nearest import (
    counted,
    hijri_in_some_year,
    in_some_year,
    month_in_some_year,
    nearest,
    weekday_near,
)
from pipeline.dates.reading import (
    Reading,
    as_day,
    checked,
    of_day,
    of_hijri_day,
    of_hijri_month,
    of_month,
    of_period,
    of_year,
    unanchored,
)
from pipeline.dates.slots import MONTHS, UNITS, WEEKDAYS, Context, Slots


def full(slots: Slots, context: Context) -> Reading | None:
    value = slots.tuple_of("full")
    if value is None:
        return None
    year, month, number, other_month, other_number, guessed = value
    weekday = slots.weekday
    if year <= 1500 or (slots.has("erah") and year < 1700):
        return of_hijri_day(year, month, number, weekday)
    found, other = cal.day(year, month, number), None
    if other_month:
        other = cal.day(year, other_month, other_number)
        if context.mdy:
            found, other = other, found
    if found is None:
        return None
    flags: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    if other is not None:
        if weekday is not None and other.weekday() == weekday != found.weekday():
            found = other
        elif weekday is None or found.weekday() != weekday:
            flags, alternatives = ("ambiguous_order",), (other.isoformat(),)
    if guessed:
        flags += ("century_inferred",)
    return checked(of_day(found, flags=flags, alternatives=alternatives, dated=True), weekday)


def day_month_digits(slots: Slots, context: Context) -> Reading | None:
    """ "12/5" behind a cue."""
    value = slots.tuple_of("dm", "dotted") or tuple(slots.ints("num"))
    if len(value) != 2 or max(value) > 31 or min(value) > 12:
        return None
    one, two = value
    if slots.has("erah"):
        return hijri_in_some_year(two, one, None, slots, context) if two <= 12 and one <= 30 else None
    if (one, two) in ((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (9, 11)) and not slots.has(
        *WEEKDAYS, "dated", "dayword", "today"
    ):
        return None
    by_month = two > 12 or (context.mdy and one <= 12)
    number, month = (two, one) if by_month else (one, two)
    found = in_some_year(month, number, slots, context)
    if found is None:
        return None
    if one <= 12 and two <= 12 and one != two:
        other = in_some_year(number, month, slots, context)
        conflict = "weekday_conflict" in found.flags
        if conflict and other is not None and "weekday_conflict" not in other.flags:
            return other
        if other is not None and (slots.weekday is None or conflict):
            found = replace(found, flags=(*found.flags, "ambiguous_order"), alternatives=(other.edtf,))
    return found


def short_year(slots: Slots, _context: Context) -> Reading | None:
    """ "the year 98", "January 92": two digits behind the word for year or a month, of the last century."""
    short, month = slots.int_of("count", "number"), slots.month
    if short is None or not (32 if month is None else 60) <= short <= 99:
        return None
    flags = ("century_inferred",)
    if month is None:
        return of_year(1900 + short, dated=True, flags=flags)
    return of_month(1900 + short, month, dated=True, flags=flags)


def year_month(slots: Slots, _context: Context) -> Reading | None:
    value = slots.tuple_of("ym")
    return of_month(value[0], value[1], dated=True) if value else None


def day_month(slots: Slots, context: Context) -> Reading | None:
    month, days = slots.month, slots.days
    if month is None or not days:
        return None
    number = days[0]
    if slots.year is None and len(slots.items) > 2 and slots.kinds[-2] == "dash":  # "31-Oct-74"
        short = slots.items[-1].value
        dashed = slots.kinds.count("dash") > 1  # in "14 August-24 August" the second day is its own
        if dashed and slots.kinds[-1] in ("num", "count") and isinstance(short, int) and 10 <= short <= 99:
            found_day = cal.day(short + (2000 if short < 50 else 1900), month, number)
            return of_day(found_day, flags=("century_inferred",), dated=True) if found_day else None
        alone = in_some_year(month, number, slots, context)
        return replace(alone, used=len(slots.items) - 2) if alone else None
    if context.day is not None and slots.year is None and slots.has("rel", "today") and slots.weekday is None:
        said = context.day + timedelta(slots.int_of("rel") or 0)
        if (said.month, said.day) == (month, number):
            return counted(of_day(said), context)
    found = in_some_year(month, number, slots, context)
    if found is not None and "weekday_conflict" in found.flags and slots.has("ordinal") and number <= 5:
        return (
            nth_weekday(slots, context) or found
        )  # "Tuesday the third" is the third Tuesday, where the 3rd is none
    return found


def hijri(slots: Slots, context: Context) -> Reading | None:
    """A Hijri day, month or year in words."""
    month, year = slots.int_of("hmonth", "whmonth"), slots.int_of("hyear")
    days = slots.days
    if month is not None and slots.has("akher"):  # "the last day of Ramadan"
        whole = hijri(Slots([i for i in slots.items if i.kind not in ("akher", "dayword")]), context)
        if whole is None or whole.last is None:
            return whole
        return replace(replace(whole, **as_day(whole.last)), edtf=f"{whole.last.isoformat()}~")
    gregorian = slots.year
    if year is None and gregorian is not None and slots.has("erah"):
        return None
    if month is None:
        if year is None:
            return None
        first, last = cal.hijri_day(year, 1, 1), cal.hijri_month(year, 12)
        if first is None or last is None:
            return None
        edtf = f"{first.isoformat()}~/{last[1].isoformat()}~"
        return of_period(
            (first, last[1]), "year", edtf=edtf, calendar="hijri", flags=("hijri_pm1",), dated=True
        )
    if year is not None:
        made = of_hijri_day(year, month, days[0], slots.weekday) if days else of_hijri_month(year, month)
        return replace(made, dated=True) if made else None
    number = days[0] if days else None
    return hijri_in_some_year(month, number, gregorian, slots, context)


def month(slots: Slots, context: Context) -> Reading | None:
    number = slots.month
    if number is None:
        return None
    return month_in_some_year(number, slots, context)


def year(slots: Slots, _context: Context) -> Reading | None:
    number = slots.year
    unit = slots.text_of("theunit")
    if number is None or unit not in (None, "y"):
        return None
    return of_year(number, dated=True, flags=("century_inferred",) if slots.has("shortyear") else ())


def year_name(slots: Slots, _context: Context) -> Reading | None:
    """A bare year; the caller has looked at the words beside."""
    number = slots.year
    return of_year(number, dated=True) if number is not None and number <= 2050 else None


def weekday(slots: Slots, context: Context) -> Reading | None:
    number = slots.weekday
    return weekday_near(number, slots, context) if number is not None else None


def night_between(slots: Slots, context: Context) -> Reading | None:
    """ "the night Thursday-Friday": both days; None where the second is not the day after the first."""
    numbers = slots.ints(*WEEKDAYS)
    if slots.text_of("part") != "NI" or len(numbers) != 2 or (numbers[1] - numbers[0]) % 7 != 1:
        return None
    last = weekday_near(numbers[1], slots, context)
    if last is None or last.last is None:
        return replace(last, grain="range", edtf="XXXX-XX-XX", timex="XXXX-XX-XX") if last else None
    return counted(of_period((last.last - timedelta(1), last.last), "range"), context)


def day_alone(slots: Slots, context: Context) -> Reading | None:
    """ "on the 12th": of the month told before, else of the month of posting or the one beside it."""
    days = slots.days
    words = slots.items[-1].last - slots.items[-1].first
    if slots.kinds == ["ordinal"] and not context.recall and (days[0] < 11 or words < 2):
        return None  # "in the second" counts more often than not
    if not days or (
        slots.has("the") and not context.recall and slots.items[-1].last - slots.items[-1].first != 2
    ):
        return None  # "on the second" counts more often than not
    told = context.named
    if told is not None and told.first is not None and told.grain in ("day", "month"):
        day = cal.day(told.first.year, told.first.month, days[0])
        return of_day(day, anchor="text", anchor_date=told.first, flags=("month_inferred",)) if day else None
    if context.day is None:
        return unanchored("day", f"XXXX-XX-{days[0]:02d}")
    months = (cal.around(context.day, "m", step)[0] for step in ((0, 1) if context.future() else (0, -1)))
    near = [d for d in (cal.day(m.year, m.month, days[0]) for m in months) if d]
    side = [d for d in near if (d >= context.day if context.future() else d <= context.day)]
    return counted(of_day((side or near)[0], flags=("month_inferred",)), context) if near else None


def weekday_number(slots: Slots, context: Context) -> Reading | None:
    """ "Wednesday the 27th": taken where a near 27th is a Wednesday; else the number counts something."""
    wanted, days = slots.weekday, slots.days
    if wanted is None or not days:
        return None
    place = next(p for p, _ in slots.day_items())
    used = next((n for n in range(place, 0, -1) if slots.kinds[n - 1] in (*WEEKDAYS, "part")), 1)
    if context.day is None:
        return replace(unanchored("day", f"XXXX-WXX-{wanted + 1}"), used=used)
    found = []
    for step in (-1, 0, 1):
        first, _ = cal.around(context.day, "m", step)
        day = cal.day(first.year, first.month, days[0])
        near = day is not None and (not slots.has("comma") or abs((day - context.day).days) <= 14)
        if day is not None and near and day.weekday() == wanted:
            found.append(day)
    best = nearest(found, context.day, int(context.future()))
    if best is not None:
        return counted(of_day(best), context)
    alone = weekday_near(wanted, slots, context)
    return replace(alone, used=used) if alone else None


def weekday_of_week(slots: Slots, context: Context) -> Reading | None:
    """ "Sunday of last week"."""
    number, direction = slots.weekday, slots.direction
    if number is None or direction is None or not any(unit == "w" for unit, _ in slots.units):
        return weekday(slots, context)
    if context.day is None:
        return unanchored("day", f"XXXX-WXX-{number + 1}")
    monday, _ = cal.around(context.day, "w", direction)
    return counted(of_day(monday + timedelta(number)), context)


def holder_of(slots: Slots, context: Context) -> Reading | None:
    """The month, year or other unit that "the third Tuesday of ..." lies in."""
    number = slots.month
    if number is not None:
        return month_in_some_year(number, slots, context)
    if slots.year is not None:
        return of_year(slots.year, dated=True)
    return unit(
        Slots(
            [
                i
                for i in slots.items
                if i.kind not in ("dayword", "weekword", "today", "akher", "lastword")
                and not (i.kind == "theunit" and i.value == "w")
            ]
        ),
        context,
    )


def _without_lead(slots: Slots) -> Slots:
    """The words behind the weekday or the day word: those that name the month."""
    for place, kind in enumerate(slots.kinds):
        if kind in (*WEEKDAYS, "dayword", "today", "weekword") or (
            kind == "theunit" and slots.items[place].value == "w"
        ):
            rest = slots.items[place + 1 :]
            if rest and rest[0].kind in ("ordinal", "lastword"):
                rest = rest[1:]
            if rest and any(i.kind in (*MONTHS, *UNITS, "year", "yearwords") for i in rest):
                return Slots(rest)
    return slots


def nth_weekday(slots: Slots, context: Context) -> Reading | None:
    number = slots.weekday
    # the last "last" belongs to the month, the first to the weekday
    lead = slots.items[0].kind in ("akher", "enlast")
    inner = Slots(slots.items[1:]) if slots.items[0].kind in ("akher", "enlast", "ordinal") else slots
    if slots.items[0].kind == "the":
        return nth_weekday(Slots(slots.items[1:]), context)
    holder = holder_of(_without_lead(inner), context)
    if number is None or holder is None:
        return None
    if holder.first is None or holder.last is None:
        return replace(holder, grain="day", edtf="XXXX-XX-XX", timex=f"XXXX-WXX-{number + 1}")
    choices = list(cal.weekdays_of((holder.first, holder.last), number))
    count = len(choices) if lead else slots.int_of("ordinal")
    if count is None or not 1 <= count <= len(choices):
        return None
    return replace(holder, **as_day(choices[count - 1]))


def nth_day(slots: Slots, context: Context) -> Reading | None:
    """ "the third day of October", "the last day of the month"."""
    number = slots.int_of("ordinal", "num")
    last = slots.has("lastword", "akher") or slots.items[0].kind == "enlast"
    holder = holder_of(_without_lead(slots), context)
    if holder is None:
        return None
    if holder.first is None or holder.last is None:
        return replace(holder, grain="day", edtf="XXXX-XX-XX", timex="XXXX-XX-XX")
    found = (
        holder.last
        if last
        and slots.kinds.index(next(k for k in slots.kinds if k in ("lastword", "akher", "enlast"))) < 3
        else None
    )
    if found is None and number is not None:
        found = holder.first + timedelta(number - 1)
    if found is None or found > holder.last:
        return None
    return replace(holder, **as_day(found))


def nth_week(slots: Slots, context: Context) -> Reading | None:
    """The n-th week of a month or year: the one with its n-th Monday; the last with its last."""
    holder = holder_of(_without_lead(slots), context)
    if holder is None or holder.first is None or holder.last is None:
        return holder
    mondays = list(cal.weekdays_of((holder.first, holder.last), 0))
    if slots.has("lastword", "enlast", "akher") and mondays[-1] + timedelta(6) > holder.last:
        mondays.pop()  # the last week is the last whole one
    week = next(
        (
            p
            for p, i in enumerate(slots.items)
            if i.kind == "weekword" or (i.kind == "theunit" and i.value == "w")
        ),
        None,
    )
    if week is None:
        return None
    beside = [i.value for i in slots.items[max(week - 1, 0) : week + 2] if i.kind == "ordinal"]
    count = beside[0] if beside and isinstance(beside[0], int) else len(mondays)
    if not 1 <= count <= len(mondays):
        return None
    monday = mondays[count - 1]
    more = of_period((monday, monday + timedelta(6)), "week", cal.week_timex(monday))
    return replace(more, anchor=holder.anchor, anchor_date=holder.anchor_date, flags=holder.flags)


def week_of_day(slots: Slots, context: Context) -> Reading | None:
    """ "the week of 7 October"."""
    inner = day_month(
        Slots([i for i in slots.items if i.kind not in UNITS or i.kind == "monthword"]), context
    )
    if inner is None or inner.first is None:
        return inner
    monday, sunday = cal.around(inner.first, "w")
    more = of_period((monday, sunday), "week", cal.week_timex(monday))
    return replace(more, anchor=inner.anchor, anchor_date=inner.anchor_date, flags=inner.flags)
