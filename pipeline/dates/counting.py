"""Resolvers of words that count: from the day of posting, or from a date that the text named before."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec.structs import replace

from pipeline.dates import calendar as cal
from pipeline.dates.nearest import counted
from pipeline.dates.reading import (
    UNIT_GRAIN,
    Reading,
    after_event,
    as_day,
    checked,
    of_day,
    of_period,
    of_unit,
    unanchored,
)
from pipeline.dates.slots import UNITS, Context, Slots


def relative(slots: Slots, context: Context) -> Reading | None:
    """Today, yesterday, tomorrow, with or without a weekday beside."""
    offset = slots.int_of("rel", "today", "tonight", "lastnight")
    if offset is None:
        return None
    if slots.has("today", "tonight") and slots.has("last", "next"):
        offset = slots.direction or 0
    if context.day is None:
        return unanchored("day", "XXXX-XX-XX")
    found = cal.shift(context.day, offset, "d")
    wanted = slots.weekday
    flags: tuple[str, ...] = ()
    if wanted is not None and found.weekday() != wanted:
        # near midnight, and in what was written the day before, the weekday is the surer word
        close = [d for d in (found - timedelta(1), found + timedelta(1)) if d.weekday() == wanted]
        flags = ("weekday_conflict",)
        if close and offset <= 0:
            return counted(of_day(close[0], flags=flags, alternatives=(found.isoformat(),)), context)
        if close:
            return counted(of_day(close[0], flags=flags, alternatives=(found.isoformat(),)), context)
    return counted(of_day(found, flags=flags), context)


def this_part(slots: Slots, context: Context) -> Reading | None:
    """ "this morning", "this day"; in a story the day that it tells of."""
    if slots.has("dayword") and context.named is not None and context.named.anchor != "post_time":
        return told_day(slots, context)
    return counted(of_day(context.day), context) if context.day else unanchored("day", "XXXX-XX-XX")


def told_day(slots: Slots, context: Context) -> Reading | None:
    """ "that day", "the next day", "in that month": from the last date that the text named."""
    told = context.named
    if told is None and slots.has("dayafter"):
        return None
    step = slots.direction or 0
    name = next((u for u, _ in slots.units), "d") if not slots.has("today", "part") else "d"
    if told is None or told.first is None:
        if name != "d" and not slots.has("that") and context.day is not None:
            return counted(of_unit(context.day, name, step), context)
        return after_event("XXXX-XX-XX") if step or slots.has("that") else None
    start = told.last if step > 0 and told.last is not None else told.first
    if name == "d" and told.grain not in ("day", "range"):
        return after_event("XXXX-XX-XX")
    made = of_unit(start, name, step)
    return replace(made, anchor="text", anchor_date=start) if made else None


def told_beside(slots: Slots, context: Context) -> Reading | None:
    """ "the day before", "the night after the battle": beside the day that the text named last.

    Right behind a day ("on 8 October, the day after the crossing") it is that day by another name.
    """
    told = context.named
    if told is None or told.first is None or told.grain != "day":
        return None
    step = -1 if slots.has("before") else 1
    day = context.after if context.after is not None else cal.shift(told.first, step, "d")
    return of_day(day, anchor="text", anchor_date=told.first)


def amounts(slots: Slots) -> list[tuple[int | None, str]] | None:
    """Counts with their units: [(2, "m")]; None for a count that is not said ("a few")."""
    found: list[tuple[int | None, str]] = []
    count: int | None = None
    said = False
    for item in slots.items:
        if item.kind in ("num", "number", "count", "a") and isinstance(item.value, int):
            count, said = (item.value, True) if not (item.kind == "a" and said) else (count, True)
        elif item.kind == "several":
            count, said = None, True
        elif item.kind in UNITS and isinstance(item.value, str):
            implied = item.value[0].isdigit()
            name = item.value[1:] if implied else item.value
            if implied:
                found.append((int(item.value[0]), name))
            else:
                found.append((count if said else None if item.kind == "unit" else 1, name))
            count, said = None, False
    if said and found:  # "the days three"
        found[-1] = (count, found[-1][1])
    return found or None


def moved(start: date, amount: list[tuple[int | None, str]], sign: int) -> Reading | None:
    """A point some units away; from weeks on the day is only about right, from five years on the year."""
    day = start
    for count, name in amount:
        if count is None or count > 10_000:
            return None
        day = cal.shift(day, sign * count, {"we": "w", "D": "D"}.get(name, name))
    count, name = amount[0]
    if count is not None and len(amount) == 1 and (name == "D" or (name == "y" and count >= 5)):
        edtf = f"{day.year:04d}~" if name == "y" else f"{day.year // 10}X"
        return of_unit(day, name, 0, edtf=edtf, flags=("approximate",))
    rough = any(name != "d" for _, name in amount)
    text = day.isoformat()
    return of_day(day, edtf=text + "~" if rough else text, flags=("approximate",) if rough else ())


def _duration(amount: list[tuple[int | None, str]]) -> str:
    count, name = amount[0]
    letter = {"d": "D", "w": "W", "m": "M", "y": "Y", "D": "DE", "q": "Q", "we": "WE"}[name]
    return f"P{'X' if count is None else count}{letter}"


def ago(slots: Slots, context: Context) -> Reading | None:
    """ "two days ago"; Maghrebi "these two years" (that he is gone) counts back as well."""
    amount = amounts(slots)
    if amount is None or (slots.kinds[0] == "of" and slots.items[0].value != 1):  # "of year" is English
        return None
    if slots.kinds[0] == "of" and any(count is not None and count > 100 for count, _ in amount):
        return None  # "better than a thousand months"
    if any(count is None for count, _ in amount) or context.day is None:
        return unanchored("day", "PAST_REF", anchor_date=context.day)
    return counted(moved(context.day, amount, -1), context)


def ahead(slots: Slots, context: Context) -> Reading | None:
    """ "after two days": from the day of posting where something is to come, else from an event."""
    amount = amounts(slots)
    if amount is None:
        return None
    explicit = slots.has("hence")
    if not explicit and not context.future():
        return None if slots.has("in") else after_event("FUTURE_REF")
    if any(count is None for count, _ in amount) or context.day is None:
        return unanchored("day", "FUTURE_REF", anchor_date=context.day)
    return counted(moved(context.day, amount, 1), context)


def later(slots: Slots, context: Context) -> Reading | None:
    """ "twelve days later": from the last date that the text named."""
    amount = amounts(slots)
    if amount is None:
        return None
    told = context.named
    if told is None or told.first is None or told.last is None or any(c is None for c, _ in amount):
        return after_event("XXXX-XX-XX")
    sign = -1 if slots.has("earlier") else 1
    start = told.last if sign > 0 else told.first
    count, name = amount[0]
    if name in ("m", "y") and told.grain in ("month", "year", "day"):
        assert count is not None
        made = of_unit(start, name, sign * min(count, 1000))
        return replace(made, anchor="text", anchor_date=start) if made else None
    if told.grain != "day":
        return after_event("XXXX-XX-XX")
    made = moved(start, amount, sign)
    return replace(made, anchor="text", anchor_date=start) if made else None


def weekdays_away(slots: Slots, context: Context) -> Reading | None:
    """ "two Thursdays back", "3 Fridays from now"."""
    number, count = slots.int_of("weekdays"), slots.int_of("num", "number")
    if number is None or count is None or count > 500:
        return None
    if context.day is None:
        return unanchored("day", f"XXXX-WXX-{number + 1}")
    sign = 1 if slots.has("hence") else -1
    step = (number - context.day.weekday()) % 7 if sign > 0 else (context.day.weekday() - number) % 7
    return counted(of_day(cal.shift(context.day, sign * ((step or 7) + 7 * (count - 1)), "d")), context)


def window(slots: Slots, context: Context) -> Reading | None:
    """ "the last three days": days up to yesterday or from tomorrow on; whole weeks, months and years."""
    if slots.has("hours"):
        return _hours(slots, context)
    amount = amounts(slots)
    if amount is None:
        return None
    forward = slots.has("next", "ennext", "following")
    count, name = amount[0]
    plain = slots.has("theunits") and not slots.has("num", "number", "several", "count")
    if plain or count is None or context.day is None:
        return unanchored("range", "FUTURE_REF" if forward else "PAST_REF", anchor_date=context.day)
    if count > 1000:
        return None
    if slots.has("during") and count == 1 and slots.has("the"):  # "over the past week"
        period = (context.day, cal.shift(context.day, 1, name)) if forward else (
            cal.shift(context.day, -1, name), context.day)  # fmt: skip
    elif forward:
        period = (cal.around(context.day, name, 1)[0], cal.around(context.day, name, count)[1])
    else:
        period = (cal.around(context.day, name, -count)[0], cal.around(context.day, name, -1)[1])
    return counted(of_period(period, "range", _duration([(count, name)])), context)


def _hours(slots: Slots, context: Context) -> Reading | None:
    """ "the past 24 hours": yesterday and today; fewer than a day of hours is no date."""
    count = slots.int_of("num", "number", "count")
    if count is None or not 24 <= count <= 240:
        return None
    forward = slots.has("next", "ennext")
    if context.day is None:
        return unanchored("range", "FUTURE_REF" if forward else "PAST_REF")
    days = cal.shift(context.day, (1 if forward else -1) * -(-count // 24), "d")
    period = (context.day, days) if forward else (days, context.day)
    return counted(of_period(period, "range", f"PT{count}H"), context)


def unit(slots: Slots, context: Context) -> Reading | None:
    """ "last week", "this month", "next year"."""
    found = slots.units
    if not found:
        return None
    name = found[-1][0]
    step = slots.direction
    told = context.told
    if slots.has("that", "enfollowing", "following") or (
        slots.has("enprevious") and (told is not None or (slots.has("the") and context.named is not None))
    ):
        return told_day(slots, context)
    if slots.has("the") and slots.has("ennext") and told is not None and context.named is not None:
        return told_day(slots, context)  # "the next month" of a story; without "the" from the day of posting
    if step is None:
        if told is not None and told.first is not None:  # "the end of the month" in a story
            made = of_unit(told.first, name, 0)
            return replace(made, anchor="text", anchor_date=told.first) if made else None
        step = 0
    if context.day is None:
        return unanchored(UNIT_GRAIN[name], {-1: "PAST_REF", 1: "FUTURE_REF"}.get(step, "PRESENT_REF"))
    return counted(of_unit(context.day, name, step), context)


def day_of_unit(slots: Slots, context: Context) -> Reading | None:
    """ "the 20th of next month"."""
    days = slots.days
    if slots.has("cur") and not any(unit != "d" for unit, _ in slots.units):  # "on the 3rd of the present"
        holder = of_unit(context.day, "m", 0) if context.day else unanchored("month", "PRESENT_REF")
        holder = counted(holder, context)
    else:
        holder = unit(Slots([i for i in slots.items if i.kind != "dayword"]), context)
    if not days or holder is None or holder.grain != "month":
        return None
    if holder.first is None:
        return replace(holder, grain="day", edtf="XXXX-XX-XX", timex="XXXX-XX-XX")
    found = cal.day(holder.first.year, holder.first.month, days[0])
    told = slots.direction is not None or holder.anchor == "text"
    if (
        found is not None
        and context.day is not None
        and not told
        and found < context.day
        and context.future()
    ):
        # "until 5 of the month", said on the 20th
        return counted(checked(of_day(cal.shift(found, 1, "m")), slots.weekday), context)
    return checked(replace(holder, **as_day(found)), slots.weekday) if found else None


def weekend(slots: Slots, context: Context) -> Reading | None:
    """The weekend: of this week, or the last one where nothing is to come and the week is young."""
    step = slots.direction
    if context.day is None:
        return unanchored("range", "XXXX-WXX-WE")
    if step is None:
        step = 0 if context.future() or context.day.weekday() >= 3 else -1
    return counted(of_unit(context.day, "we", step), context)
