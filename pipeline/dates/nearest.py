"""Which year, which month, which weekday, where the words leave it open."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec.structs import replace

from pipeline.dates import calendar as cal
from pipeline.dates.reading import (
    Reading,
    checked,
    of_day,
    of_hijri_day,
    of_hijri_month,
    of_month,
    unanchored,
)
from pipeline.dates.slots import Context, Slots


def counted(reading: Reading | None, context: Context) -> Reading | None:
    """A reading that was counted from the day of posting."""
    return replace(reading, anchor="post_time", anchor_date=context.day) if reading else None


def nearest(candidates: list[date], day: date, tense: int) -> date | None:
    """The candidate nearest to a day; by the tense of the words around the next one or the last one.

    What comes only after ten months is not meant, when the same was a short while ago.
    """
    if tense < 0:
        candidates = [c for c in candidates if 0 <= (day - c).days <= 300] or candidates
    elif tense > 0:
        candidates = [c for c in candidates if 0 <= (c - day).days <= 300] or candidates
    return min(candidates, key=lambda c: (abs((c - day).days), c > day), default=None)


def in_some_year(month: int, number: int, slots: Slots, context: Context) -> Reading | None:
    """A day and month whose year is not said."""
    year = slots.year or context.year
    relative = relative_year(slots, context)
    weekday = slots.weekday
    if year is not None:
        day = cal.day(year, month, number)
        return checked(of_day(day, dated=True), weekday) if day else None
    if relative is not None:
        day = cal.day(relative, month, number)
        return counted(checked(of_day(day), weekday), context) if day else None
    if cal.day(2000, month, number) is None:
        return None
    told = context.told
    if (
        told is not None
        and told.first is not None
        and (told.grain != "year" or context.day is None or told.dated or told.anchor == "text")
    ):
        day = _in_story(month, number, told, context.day)
        if day is not None and (weekday is None or day.weekday() == weekday):
            return of_day(day, anchor="text", anchor_date=told.first, flags=("year_inferred",))
    if context.day is None:
        return unanchored("day", f"XXXX-{month:02d}-{number:02d}", f"XXXX-{month:02d}-{number:02d}")
    years = (
        range(context.day.year - 6, context.day.year + 3)
        if weekday is not None
        else range(context.day.year - 1, context.day.year + 2)
    )
    days = [d for d in (cal.day(y, month, number) for y in years) if d]
    direction = slots.direction if not slots.units else None
    if direction is not None and direction:
        days = [d for d in days if (d > context.day if direction > 0 else d < context.day)] or days
    fitting = (
        [d for d in days if d.weekday() == weekday and abs((d - context.day).days) < 400]
        if weekday is not None
        else []
    )
    fitting = fitting or [d for d in days if d.weekday() == weekday and d < context.day]
    close = [d for d in days if abs((d - context.day).days) < 540]
    best = nearest(fitting or close or days, context.day, context.tense())
    if best is None:
        return None
    return counted(checked(of_day(best, flags=("year_inferred",)), weekday), context)


def _in_story(month: int, number: int, told: Reading, today: date | None) -> date | None:
    """A day and month told after another date: the same year, but for a story that runs over New Year.

    From a date late in its year a story goes on to at most five months later, from one early in its year it
    may look back four months; not past the day of posting, where the date told lies before it.
    """
    start = told.first
    assert start is not None
    if told.last is not None and told.grain == "range" and (told.last - start).days < 400:
        start = told.last  # a story goes on from the end of a stretch
    before, same, following = (cal.day(start.year + n, month, number) for n in (-1, 0, 1))
    if told.grain in ("year", "season", "decade"):
        return same
    bound = today if today is not None and start <= today else None
    if (
        following is not None
        and (following - start).days <= 155
        and (same is None or (start - same).days > 150)
        and (bound is None or following <= bound)
    ):
        return following
    ahead = (same - start).days if same is not None else 0
    if (
        before is not None
        and (start - before).days <= 120
        and (ahead > 240 or (bound and same and same > bound))
    ):
        return before
    return same or following or before


def relative_year(slots: Slots, context: Context) -> int | None:
    """The year of "of last year"."""
    direction = slots.direction
    if direction is None or not any(unit == "y" for unit, _ in slots.units):
        return None
    start = context.day
    told = context.named if context.named is not None and context.named.dated else context.told
    if slots.has("that", "enprevious", "enfollowing", "following") and told is not None:
        start = told.first or start
    return start.year + direction if start else None


def month_in_some_year(month: int, slots: Slots, context: Context) -> Reading | None:
    """A month whose year may not be said."""
    year = slots.year or context.year
    if year is not None:
        return of_month(year, month, dated=True)
    relative = relative_year(slots, context)
    if relative is not None:
        return counted(of_month(relative, month), context)
    direction = slots.direction if not any(unit == "y" for unit, _ in slots.units) else None
    told = context.told
    if told is not None and told.first is not None and direction is None:
        day = _in_story(month, 1, replace(told, first=told.first.replace(day=1)), context.day)
        if day is not None:
            return of_month(day.year, month, anchor="text", anchor_date=told.first, flags=("year_inferred",))
    if context.day is None:
        return unanchored("month", f"XXXX-{month:02d}", f"XXXX-{month:02d}")
    now = context.day.year * 12 + context.day.month - 1
    choices = [(context.day.year + n) * 12 + month - 1 for n in (-2, -1, 0, 1, 2)]
    if direction is not None and direction < 0:
        best = [c for c in choices if c < now][direction]
    elif direction is not None and direction > 0:
        best = [c for c in choices if c > now][direction - 1]
    elif direction == 0:
        best = context.day.year * 12 + month - 1
    elif context.future() and min(c for c in choices if c >= now) - now <= 9:
        best = min(c for c in choices if c >= now)
    elif context.tense() < 0 and now - max(c for c in choices if c <= now) <= 10:
        best = max(c for c in choices if c <= now)
    else:
        best = min(choices, key=lambda c: (abs(c - now), c > now))
    flags = () if direction is not None else ("year_inferred",)
    return counted(of_month(best // 12, month, flags=flags), context)


def weekday_near(weekday: int, slots: Slots, context: Context) -> Reading | None:
    """A weekday: last and next as said; else by tense, and without a sign the last one, today included."""
    day = context.day
    if day is None:
        return unanchored("day", f"XXXX-WXX-{weekday + 1}")
    direction = slots.direction
    back = (day.weekday() - weekday) % 7
    ahead = (weekday - day.weekday()) % 7
    other: tuple[str, ...] = ()
    if direction is not None and direction < 0:
        found = day - timedelta((back or 7) + 7 * (-direction - 1))
    elif direction is not None and direction > 0:
        found = day + timedelta((ahead or 7) + 7 * (direction - 1))
        if slots.has("ennext") and found.isocalendar()[1] == day.isocalendar()[1]:
            # "next Friday" said on a Tuesday: the Friday of next week to most, this week's to some
            other = (found.isoformat(),)
            found += timedelta(7)
    elif direction == 0:  # "this Tuesday": of what has happened the one behind
        found = day - timedelta(back) if context.tense() < 0 else day + timedelta(ahead)
    elif context.after is not None:
        found = context.after + timedelta((weekday - context.after.weekday()) % 7)
    elif context.future():
        found = day + timedelta(ahead)
    else:
        found = day - timedelta(back)
    return counted(of_day(found, alternatives=other), context)


def hijri_in_some_year(
    month: int, number: int | None, gregorian: int | None, slots: Slots, context: Context
) -> Reading | None:
    day = context.day
    centre = gregorian if gregorian is not None else day.year if day is not None else None
    if centre is None:
        text = f"XXXX-{month:02d}" + (f"-{number:02d}" if number else "")
        return (
            unanchored("day" if number else "month", "XXXX-XX-XX", "XXXX-XX-XX", calendar="hijri")
            if text
            else None
        )
    about = round((centre - 622) * 1.0307)
    made = [
        r
        for y in range(about - 2, about + 4)
        if (r := of_hijri_day(y, month, number, slots.weekday) if number else of_hijri_month(y, month))
    ]
    made = [r for r in made if r.first is not None]
    if gregorian is not None:
        made = [r for r in made if r.first is not None and r.first.year == gregorian]
        if not made:
            return None
        others = tuple(r.edtf for r in made[1:])
        return replace(made[0], alternatives=others, dated=True)
    assert day is not None
    if slots.direction is not None and slots.direction < 0:
        made = [r for r in made if r.last is not None and r.last < day] or made
    elif slots.direction is not None and slots.direction > 0:
        made = [r for r in made if r.first is not None and r.first > day] or made
    elif (tense := context.tense()) > 0:
        made = [r for r in made if r.last is not None and r.last >= day] or made
    elif tense < 0:
        # a Hijri day of the coming month, told as past, is rather a slip of the calendar than of last year
        made = [r for r in made if r.first is not None and (r.first - day).days <= 31] or made
    best = min(made, key=lambda r: abs((r.first - day).days) if r.first else 10**6, default=None)
    if best is None:
        return None
    return counted(replace(best, flags=(*best.flags, "year_inferred")), context)
