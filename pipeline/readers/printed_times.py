"""Clock readings as files print them: ISO, numbers in day or month order, month names, X and mail."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from pipeline.data import rows
from pipeline.readers.interface import DayOrder
from pipeline.readers.times import Clock, Printed, from_number, from_printed, offset_of, suspect

Order = Literal["dmy", "mdy", "ymd"]

_ARABIC_ZERO, _PERSIAN_ZERO = "\N{ARABIC-INDIC DIGIT ZERO}", "\N{EXTENDED ARABIC-INDIC DIGIT ZERO}"
WESTERN_DIGITS = {
    ord(zero) + value: str(value) for zero in (_ARABIC_ZERO, _PERSIAN_ZERO) for value in range(10)
}
INVISIBLE = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\ufeff"
_PLAIN = (
    WESTERN_DIGITS
    | dict.fromkeys(map(ord, INVISIBLE), "")
    | dict.fromkeys(map(ord, "\xa0\u202f\u2009\u2007"), " ")
)
_COMMA = "\N{ARABIC COMMA}"
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?(?: ?(?P<half>HALF)(?!\w))?"
)
_ZONE = (
    r"(?: ?(?P<offset>Z|[+\-\N{MINUS SIGN}]\d\d(?::?\d\d)?)"
    r"| (?:UTC|GMT)(?P<offset2>[+\-]\d\d(?::?\d\d)?)| \(?(?P<name>(?-i:[A-Z]{2,5}))\)?)?"
)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:T?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?P<offset>Z)?)?"
)
_X = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>\d\d?) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) "
    r"(?P<offset>[+-]\d{4}) (?P<year>\d{4})"
)
_MAIL = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(?P<day>\d\d?) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4}) "
    r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))? (?:(?P<offset>[+-]\d{4})|(?P<name>[A-Z]{1,5}))"
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+]?\d+)?")
UNITS = ("epoch", "epoch_ms", "epoch_us")


@cache
def halves() -> dict[str, str]:
    """What stands behind an hour -> am or pm."""
    return {row["word"]: row["half"] for row in rows("day_halves")}


@cache
def half_pattern() -> str:
    return "|".join(sorted(map(re.escape, halves()), key=len, reverse=True)).replace(r"\ ", " ")


@cache
def _iso() -> re.Pattern[str]:
    date = r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
    clock = _CLOCK.replace("HALF", half_pattern())
    return re.compile(rf"{date}(?:(?:[T ]|, ?|{_COMMA} ?){clock}{_ZONE})?", re.IGNORECASE)


@cache
def _numbers() -> re.Pattern[str]:
    date = r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)"
    clock = _CLOCK.replace("HALF", half_pattern())
    return re.compile(rf"{date}(?:[{_COMMA},]? {clock}{_ZONE})?", re.IGNORECASE)


def plain(text: str) -> str:
    """Western digits, ordinary blanks and no direction marks: for matching only.

    >>> plain("١/٥/٢٠٢٥")
    '1/5/2025'
    """
    return text.translate(_PLAIN).strip()


def read_time(
    value: str | float, zone: ZoneInfo | None, pattern: str | None = None, order: Order | None = None
) -> Clock:
    """When a cell or a field says that something was posted.

    `pattern` is the configuration's `time_format`.  Raises `ValueError` that names the value and what to
    change where it is no time, or where day and month could change places and `order` does not say.
    """
    if isinstance(value, (int, float)):
        return from_number(value, zone, pattern if pattern in UNITS else None)
    text = plain(value)
    if pattern in UNITS:
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{value!r} is no number; time_format says {pattern}")
        return from_number(float(text), zone, pattern)
    if pattern is not None:
        return _by_pattern(text, value, zone, pattern)
    if match := _COMPACT.fullmatch(text):
        return _clock(match, zone, value, int(match["month"]), int(match["day"]))
    if _NUMBER.fullmatch(text):
        return from_number(float(text), zone)
    for expression in (_X, _MAIL):
        if match := expression.fullmatch(text):
            return _clock(match, zone, value, month_number(match["month"]), int(match["day"]))
    if match := _iso().fullmatch(text):
        return _clock(match, zone, value, int(match["month"]), int(match["day"]))
    if match := _numbers().fullmatch(text):
        one, two = int(match["one"]), int(match["two"])
        if order is None:
            order = "dmy" if one > 12 else "mdy" if two > 12 else None
        if order is None and one != two:
            raise ValueError(f"{value!r} may be day/month or month/day; set day_order to dmy or mdy")
        month, day = (one, two) if order == "mdy" else (two, one)
        return _clock(match, zone, value, month, day)
    if (printed := long_date(text)) is not None:
        return from_printed(printed, zone)
    raise ValueError(f"{value!r} is no time that is known here; set time_format to its strptime pattern")


def numbers_of(value: str) -> tuple[int, int, int] | None:
    """The three numbers of a date like 3/4/2025, to decide the order for a whole file."""
    match = _numbers().fullmatch(plain(value))
    return None if match is None else (int(match["one"]), int(match["two"]), full_year(match["year"]))


def decide_order(dates: list[tuple[int, int, int]], declared: DayOrder = "auto") -> Order | None:
    """Day first or month first, for a whole file, by the evidence of its dates in file order.

    A field over 12 decides; else what was declared; else the order in which time goes back clearly less
    often; else None: not known.

    >>> decide_order([(3, 4, 2025), (3, 5, 2025), (4, 1, 2025)])
    'mdy'
    >>> decide_order([(3, 4, 2025)]) is None
    True
    """
    first_is_day = any(one > 12 >= two for one, two, _ in dates)
    second_is_day = any(two > 12 >= one for one, two, _ in dates)
    if first_is_day != second_is_day:
        return "dmy" if first_is_day else "mdy"
    if declared != "auto":
        return declared
    if first_is_day:  # and the second too: two files in one
        return None
    if all(one == two for one, two, _ in dates):
        return "dmy"
    back_dmy = back_mdy = 0
    for (one, two, year), (next_one, next_two, next_year) in pairwise(dates):
        back_dmy += (year, two, one) > (next_year, next_two, next_one)
        back_mdy += (year, one, two) > (next_year, next_one, next_two)
    if 2 * back_dmy < back_mdy:
        return "dmy"
    return "mdy" if 2 * back_mdy < back_dmy else None


def long_date(text: str) -> Printed | None:
    """A whole date in words, with its time where there is one; None where the text is not exactly that.

    >>> long_date("January 3rd, 2016, 8:07 pm").local
    datetime.datetime(2016, 1, 3, 20, 7)
    >>> long_date("we heard it on January 3rd, 2016") is None
    True
    """
    match = _long_date().fullmatch(plain(text))
    if match is None:
        return None
    month = month_number(match["month"] or match["month2"])
    try:
        return _printed(match, month, int(match["day"] or match["day2"]))
    except ValueError:
        return None


def date_in(text: str) -> Printed | None:
    """The first whole date in words inside a text, with its time where that follows.

    >>> date_in("Posted by Tara | January 3rd, 2016 at 8:07 pm | Reply").local
    datetime.datetime(2016, 1, 3, 20, 7)
    """
    for match in _date_inside().finditer(plain(text)):
        try:
            return _printed(
                match, month_number(match["month"] or match["month2"]), int(match["day"] or match["day2"])
            )
        except ValueError:
            continue
    return None


@cache
def _date_inside() -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{_long_date().pattern})(?!\w)", re.IGNORECASE)


@cache
def _months() -> dict[str, int]:
    return {row["name"]: int(row["number"]) for row in rows("export_months")}


def month_number(name: str) -> int:
    """1 to 12.  Raises `ValueError` for a name that no table knows."""
    number = _months().get(re.sub(" +", " ", name.casefold()))
    if number is None:
        raise ValueError(f"{name!r} is no month that is known here")
    return number


@cache
def _long_date() -> re.Pattern[str]:
    name = "|".join(sorted(map(re.escape, _months()), key=len, reverse=True)).replace(r"\ ", " +")
    second = rf"(?P<month2>{name})(?: ?/ ?(?:{name}))?"
    weekday = rf"(?:[^\W\d_]+(?: [^\W\d_]+)?[,{_COMMA}] *)?"
    joiners = ["at", "um", "-", "\N{EN DASH}", r"\|", "@", *(row["word"] for row in rows("clock_joiners"))]
    glue = rf"(?: *[,{_COMMA}]? *(?:{'|'.join(joiners)})? *)"
    clock = _CLOCK.replace("HALF", half_pattern())
    year = r"(?P<year>\d{4})"
    return re.compile(
        rf"{weekday}(?:(?P<month>{name})\.? +(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? +"
        rf"|(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? +(?:of +)?{second}\.?[,{_COMMA}]? +){year}"
        rf"(?:{glue}{clock}{_ZONE})?\.?",
        re.IGNORECASE,
    )


def hour_of(hour: int, half: str | None) -> int:
    """The hour of a 24-hour clock; `half` is one of `day_halves.tsv`, or None.

    >>> hour_of(12, "am"), hour_of(12, "PM"), hour_of(9, None)
    (0, 12, 9)
    """
    if half is None or hour > 12:
        return hour
    return hour % 12 + (12 if halves()[half.casefold()] == "pm" else 0)


def _clock(match: re.Match[str], zone: ZoneInfo | None, value: str, month: int, day: int) -> Clock:
    if int(match["year"]) == 0 and len(match["year"]) == 4:
        return suspect(value)
    try:
        return from_printed(_printed(match, month, day), zone)
    except ValueError as error:
        raise ValueError(f"{value!r} is no time: {error}; correct it in the export") from None


def _printed(match: re.Match[str], month: int, day: int) -> Printed:
    found = match.groupdict()
    year = full_year(found["year"])
    if found.get("hour") is None:
        return Printed(datetime(year, month, day), precision="day")  # noqa: DTZ001  naive on purpose
    second = found.get("second")
    hour = hour_of(int(found["hour"]), found.get("half"))
    local = datetime(year, month, day, hour, int(found["minute"]), int(second or 0))  # noqa: DTZ001
    printed_offset = found.get("offset") or found.get("offset2")
    return Printed(
        local,
        offset_of(printed_offset) if printed_offset else None,
        found.get("name"),
        "minute" if second is None else "second",
    )


def full_year(digits: str) -> int:
    """The year of two or four digits; 70 to 99 are the last century's.

    >>> full_year("25"), full_year("99"), full_year("2016")
    (2025, 1999, 2016)
    """
    if len(digits) != 2:
        return int(digits)
    return int(digits) + (1900 if int(digits) >= 70 else 2000)


def _by_pattern(text: str, value: str, zone: ZoneInfo | None, pattern: str) -> Clock:
    try:
        read = datetime.strptime(text, pattern)  # noqa: DTZ007  the zone is the source's
    except ValueError:
        raise ValueError(f"{value!r} does not fit time_format {pattern!r}; correct one of the two") from None
    precision: Literal["second", "minute", "day"] = (
        "second"
        if any(code in pattern for code in ("%S", "%T", "%X", "%c", "%s"))
        else "minute"
        if any(code in pattern for code in ("%M", "%R"))
        else "day"
    )
    return from_printed(Printed(read.replace(tzinfo=None), read.utcoffset(), None, precision), zone)
