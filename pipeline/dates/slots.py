"""The words of one mention by their class, and what a resolver is told besides them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from msgspec import Struct

from pipeline.dates.items import Item
from pipeline.dates.reading import Reading

WEEKDAYS: Final = ("weekday", "wweekday", "enwweekday")
MONTHS: Final = ("month", "wmonth", "enmonth", "wenmonth")
YEAR_KINDS: Final = ("year", "yearwords", "shortyear")
UNITS: Final = (
    "unit",
    "dayword",
    "weekword",
    "monthword",
    "yearword",
    "dual",
    "theunit",
    "thisunit",
    "theunits",
    "thedual",
    "quarterword",
    "theweekend",
    "fuzzyunit",
)
DIRECTIONS: Final = {
    "last": -1,
    "lastword": -1,
    "enlast": -1,
    "enprevious": -1,
    "next": 1,
    "following": 1,
    "dayafter": 1,
    "ennext": 1,
    "enfollowing": 1,
    "this": 0,
    "that": 0,
    "cur": 0,
    "thisunit": 0,
}


class Context(Struct, frozen=True):
    """What a resolver is told besides the words."""

    day: date | None  # the day of posting
    tense: Callable[[], int]  # 1 where the words around speak of what is to come, -1 of what has happened
    told: Reading | None = None  # the last date with a year that the text named before
    named: Reading | None = None  # the last date that the text named before, with or without a year
    year: int | None = None  # the year that a range shares
    after: date | None = None  # the day named right before, as in "today and Wednesday"
    mdy: bool = False  # the group writes 5/3/2015 for May
    recall: bool = False  # the group's profile is "recall"

    def future(self) -> bool:
        """Whether the words around speak of what is to come."""
        return self.tense() > 0


class Slots:
    """The words of a mention by their class."""

    __slots__ = ("items", "kinds")

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.kinds = [item.kind for item in items]

    def has(self, *kinds: str) -> bool:
        return not set(kinds).isdisjoint(self.kinds)

    def ints(self, *kinds: str) -> list[int]:
        return [i.value for i in self.items if i.kind in kinds and isinstance(i.value, int)]

    def int_of(self, *kinds: str) -> int | None:
        for item in self.items:
            if item.kind in kinds and isinstance(item.value, int):
                return item.value
        return None

    def text_of(self, *kinds: str) -> str | None:
        return next((i.value for i in self.items if i.kind in kinds and isinstance(i.value, str)), None)

    def tuple_of(self, *kinds: str) -> tuple[int, ...] | None:
        return next((i.value for i in self.items if i.kind in kinds and isinstance(i.value, tuple)), None)

    @property
    def weekday(self) -> int | None:
        return self.int_of(*WEEKDAYS)

    @property
    def year(self) -> int | None:
        found = self.ints(*YEAR_KINDS)
        return found[-1] if found else None

    @property
    def direction(self) -> int | None:
        """-2, -1, 0, 1 or 2: before last, last, this, next, the one after."""
        for item in reversed(self.items):
            if item.kind in DIRECTIONS:
                return item.value if isinstance(item.value, int) and item.value else DIRECTIONS[item.kind]
        return None

    @property
    def month(self) -> int | None:
        """The Gregorian month: by name, by number ("month 10") or by place ("the tenth month")."""
        named = self.int_of(*MONTHS)
        if named is not None:
            return named
        for one, two in zip(self.items, self.items[1:], strict=False):
            if isinstance(two.value, int) and 1 <= two.value <= 12:
                if one.kind == "monthword" and two.kind in ("num", "number"):
                    return two.value
                if one.kind == "theunit" and one.value == "m" and two.kind == "ordinal":
                    return two.value
        return None

    @property
    def days(self) -> list[int]:
        """Numbers of days, in order, without those that stand for a month."""
        return [n for _, n in self.day_items()]

    def day_items(self) -> Iterator[tuple[int, int]]:
        named = self.has(*MONTHS, "hmonth", "whmonth")
        for place, item in enumerate(self.items):
            if item.kind in ("num", "ordinal", "number") and isinstance(item.value, int):
                before = self.items[place - 1] if place else None
                if before is not None and not named:
                    if before.kind == "monthword" and item.kind in ("num", "number"):
                        continue
                    if before.kind == "theunit" and before.value == "m" and item.kind == "ordinal":
                        continue
                yield place, item.value

    @property
    def units(self) -> list[tuple[str, int]]:
        """Units with their implied counts, in order: ("m", 2) for a dual."""
        found = []
        for item in self.items:
            if item.kind in UNITS and isinstance(item.value, str):
                implied = item.value[0].isdigit()
                found.append((item.value[1:], int(item.value[0])) if implied else (item.value, 1))
        return found
