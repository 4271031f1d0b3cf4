"""WhatsApp's "Export chat" as text, from Android and iOS, in any of the phone's languages.

A message has one head line; what follows is its text, up to the next head.  The shape of the heads and the
order of day and month are decided once for the whole file, by a first reading of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

from msgspec import Struct

from pipeline.data import rows
from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, detect, eight_bit, utf16_order
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import Export, Head, Item, Reader, Reading, refuse, storable
from pipeline.readers.lines import Block, raw_lines
from pipeline.readers.printed_times import (
    INVISIBLE,
    WESTERN_DIGITS,
    Order,
    decide_order,
    full_year,
    half_pattern,
    hour_of,
)
from pipeline.readers.times import Clock, from_local, zone_named
from pipeline.records import NonPost, Origin, Post, Reason, TimePrecision

NAME = "whatsapp"
MESSAGE_LIMIT = 1 << 24

_MARKS = f"[{INVISIBLE}]*"
_DIRECTION = ("\u200e", "\u200f")
_BLANK = "[ \xa0\u202f\u2009]"
_DIGIT = (
    "[0-9\N{ARABIC-INDIC DIGIT ZERO}-\N{ARABIC-INDIC DIGIT NINE}"
    "\N{EXTENDED ARABIC-INDIC DIGIT ZERO}-\N{EXTENDED ARABIC-INDIC DIGIT NINE}]"
)


@cache
def _head() -> re.Pattern[str]:
    number = rf"{_MARKS}({_DIGIT}{{1,2}}){_MARKS}"
    half = half_pattern().replace(" ", f"{_BLANK}?")
    year = rf"({_DIGIT}{{1,4}}){_MARKS}\.?"
    date_part = rf"{_MARKS}({_DIGIT}{{1,4}}){_MARKS}([./\-]){_BLANK}?{number}\3{_BLANK}?{_MARKS}{year}"
    seconds = rf"(?:[:.]({_DIGIT}{{2}}))?"
    time_part = rf"({_DIGIT}{{1,2}})[:.]({_DIGIT}{{2}}){seconds}(?:{_MARKS}{_BLANK}*{_MARKS}({half}))?"
    return re.compile(
        rf"{_MARKS}(\[)?{date_part}[,\N{{ARABIC COMMA}}]?{_MARKS}{_BLANK}{_MARKS}{_BLANK}?{time_part}"
        rf"{_MARKS}(?:(\])(?:{_BLANK}|$)|{_BLANK}[-\N{{EN DASH}}\N{{EM DASH}}](?:{_BLANK}|$))",
        re.IGNORECASE,
    )


_YEAR_AT_ONE_END = {(4, 1), (4, 2), (1, 2), (2, 2), (1, 4), (2, 4)}
"""How many digits the first and the third number of a date have."""


class _Start(Struct, frozen=True):
    """The head of a message."""

    numbers: tuple[str, str, str]  # of the date, western digits
    hour: int
    minute: int
    second: int | None
    half: str | None
    shape: str  # equal for all heads of one export
    body: str  # the rest of the line


def _start(line: str) -> _Start | None:
    match = _head().match(line)
    if match is None or (match[1] is None) != (match[10] is None):
        return None
    bracket, one, mark, two, three, hour, minute, second, half, _ = match.groups()
    western = one.isascii()
    numbers = (one, two, three) if western else _western(one, two, three)
    if (len(numbers[0]), len(numbers[2])) not in _YEAR_AT_ONE_END:
        return None
    shape = f"{bracket or ''}{mark}{'seconds' if second else ''}{'half' if half else ''}{western}"
    return _Start(
        numbers,
        int(hour),  # int reads the digits of all scripts
        int(minute),
        int(second) if second else None,
        re.sub(_BLANK, " ", half) if half else None,
        shape,
        line[match.end() :],
    )


def _western(one: str, two: str, three: str) -> tuple[str, str, str]:
    return one.translate(WESTERN_DIGITS), two.translate(WESTERN_DIGITS), three.translate(WESTERN_DIGITS)


def score(head: Head) -> float:
    """By the share of lines with the head of a message."""
    start = head.start
    order = utf16_order(start)
    if order:
        text = start.decode(f"utf-16-{order}", "replace")
    else:
        text = start.decode("utf-8", "replace")
        if text.count("\ufffd") > 20:
            text = start.decode(eight_bit(start))
    lines = [line for line in text.splitlines() if line.strip()][:400]
    starts = [found for line in lines if (found := _start(line)) is not None]
    if not starts:
        return 0.0
    first = 1.0 if _start(lines[0]) is not None else 0.5
    named = sum(": " in found.body for found in starts) / len(starts)
    share = len(starts) / len(lines)
    return round(first * (0.5 + 0.45 * min(1.0, 3 * share)) * (0.6 + 0.4 * min(1.0, 2 * named)), 3)


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every message of the chat; lines of WhatsApp's own are non-posts.

    Raises `ExportError` where no line is the head of a message, and where neither the dates of the file nor
    `day_order` tell day from month.
    """
    encoding = detect(export.path, export.name, reading.encoding)
    plan = _survey(export, reading, encoding)
    yield from _Messages(export, reading, encoding, plan).items()


class _Plan(Struct, frozen=True):
    shapes: frozenset[str]
    order: Order
    authors: dict[str, str]  # what stands before the first colon -> the whole name
    heads_by: dict[str, int]  # what stands before the first colon -> how often


def _survey(export: Export, reading: Reading, encoding: str) -> _Plan:
    """The first reading: which lines are heads, day or month first, names with a colon in them."""
    shapes: Counter[str] = Counter()
    dates: dict[str, list[tuple[str, str, str]]] = {}
    names: Counter[str] = Counter()
    longer: dict[str, str | None] = {}
    for line in raw_lines(export.path):
        start = _start(decode_line(line.content, encoding)[0].rstrip("\r\n"))
        if start is None:
            continue
        shapes[start.shape] += 1
        days = dates.setdefault(start.shape, [])
        if not days or days[-1] != start.numbers:
            days.append(start.numbers)
        parts = _bare(start.body).split(": ", 2)
        if len(parts) > 1 and (len(names) < 50_000 or parts[0] in names):
            names[parts[0]] += 1
            second = f"{parts[0]}: {parts[1]}" if len(parts) > 2 and len(parts[1]) <= 40 else None
            longer[parts[0]] = second if longer.get(parts[0], second) == second else None
    if not shapes:
        raise ExportError(
            f'{export.name}: no line begins like "1/5/2025, 09:17 - Name: text"; '
            f"export the chat again as text, or set another reader"
        )
    usual, most = shapes.most_common(1)[0]  # of equal ones the first: what a message quotes comes later
    kept = frozenset(
        shape
        for shape, count in shapes.items()
        if 5 * count >= most and (shape[0] == "[") == (usual[0] == "[")
    )
    days = [numbers for shape in sorted(kept) for numbers in dates[shape]]
    authors = {name: whole for name, whole in longer.items() if whole is not None and names[name] >= 3}
    return _Plan(kept, _order(export, reading, days), authors, dict(names))


def _order(export: Export, reading: Reading, days: list[tuple[str, str, str]]) -> Order:
    if any(len(one) == 4 for one, _, _ in days):
        return "ymd"
    numbers = [(int(one), int(two), full_year(three)) for one, two, three in days]
    if any(one > 31 for one, _, _ in numbers):
        return "ymd"
    order = decide_order(numbers, reading.day_order)
    if order is None:
        example = "/".join(days[0])
        raise ExportError(
            f"{export.name}: {example} may be day/month or month/day, and no date of the file decides; "
            f"set day_order to dmy or mdy for source {reading.source}"
        )
    return order


class _Messages:
    def __init__(self, export: Export, reading: Reading, encoding: str, plan: _Plan) -> None:
        self._export = export
        self._encoding = encoding
        self._plan = plan
        self._source = reading.source
        self._platform = reading.platform or "whatsapp"
        self._group = reading.group or reading.source
        self._zone = zone_named(reading.zone)
        self._ids = Occurrences()

    def items(self) -> Iterator[Item]:
        start: _Start | None = None
        block = Block([], [])
        for raw in raw_lines(self._export.path):
            line, note = decode_line(raw.content, self._encoding)
            line = line.rstrip("\r\n")
            if raw.number == 1:
                line = line.removeprefix("\ufeff")
            found = _start(line)
            if found is not None and found.shape in self._plan.shapes:
                yield from self._item(start, block)
                start, block = found, Block([found.body], [], raw.number)
            else:
                block.first = block.first or raw.number
                block.size += len(line)
                if block.size <= MESSAGE_LIMIT:
                    block.lines.append(line)
            block.note(note)
            block.last = raw.number
        yield from self._item(start, block)

    def _item(self, start: _Start | None, block: Block) -> Iterator[Item]:
        if start is None and not any(line.strip() for line in block.lines):
            return
        at = Origin(self._export.name, self._export.sha256, block.locator, NAME)
        text = block.text.rstrip("\n")
        if start is None:
            detail = "words before the first head of a message; look whether the file was cut"
            yield refuse(self._source, at, Reason.STRAY_TEXT, detail, text)
            return
        if block.size > MESSAGE_LIMIT:
            detail = f"a message over {MESSAGE_LIMIT} characters; look for the head that is missing inside it"
            yield refuse(self._source, at, Reason.TOO_LARGE, detail, text)
            return
        try:
            local = self._local(start)
        except ValueError as error:
            printed = "/".join(start.numbers)
            detail = (
                f"{printed} {start.hour}:{start.minute:02}: {error}, read as {self._plan.order}; correct it"
            )
            yield refuse(self._source, at, Reason.BAD_TIME, detail, text)
            return
        author, body = self._author(text)
        if author is None or _own_line(body):
            yield NonPost(origin=at, what=f"system line: {storable(_bare(block.lines[0]))[:80]}")
            return
        precision: TimePrecision = "minute" if start.second is None else "second"
        clock = from_local(local, self._zone, precision)
        yield self._post(clock, author, body, block.notes, at)

    def _post(self, clock: Clock, author: str, body: str, notes: list[str], at: Origin) -> Post:
        kind, text, media, edited = _content(body)
        extra = dict(clock.extra)
        if edited:
            extra["edited"] = True
        if notes:
            extra["repaired"] = notes
        text, author = storable(text), storable(author)
        return Post(
            post_id=f"{self._platform}:{self._group}:{self._ids.next(author, clock.posted_local, text)}",
            source=self._source,
            platform=self._platform,
            group_id=self._group,
            kind=kind,
            author_id=author,
            author_name=author,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            text=text,
            media=media,
            extra=extra,
            origin=at,
        )

    def _local(self, start: _Start) -> datetime:
        one, two, three = start.numbers
        year, month, day = {"ymd": (one, two, three), "dmy": (three, two, one), "mdy": (three, one, two)}[
            self._plan.order
        ]
        hour = hour_of(start.hour, start.half)
        on = _calendar_day(full_year(year), int(month), int(day))
        return datetime(on.year, on.month, on.day, hour, start.minute, start.second or 0)  # noqa: DTZ001  naive

    def _author(self, text: str) -> tuple[str | None, str]:
        """Who wrote it, and the text behind the name; None for a line without a name."""
        line, newline, rest = text.partition("\n")
        name, colon, body = line.partition(": ")
        if not colon and line.rstrip().endswith(":"):
            name, colon, body = line.rstrip()[:-1], ":", ""
        if not colon:
            return None, text
        bare = _bare(name)
        whole = self._plan.authors.get(bare)
        if whole is not None and _bare(line).startswith(f"{whole}: "):
            behind, _, body = body.partition(": ")
            bare = f"{bare}: {_bare(behind)}"
        elif _is_sentence(bare) and self._plan.heads_by.get(bare, 0) < 3:
            return None, text
        bare = bare.removeprefix("~").strip(" \xa0\u202f")
        return (bare, body + newline + rest) if bare else (None, text)


def _content(body: str) -> tuple[str, str, tuple[str, ...], bool]:
    """Kind, text and media of a message, and whether it says that it was edited."""
    first, newline, caption = body.partition("\n")
    shown = _bare(first)
    line = shown.casefold()
    if not newline:
        if _phrases("deleted").has(line):
            return "deleted", "", (), False
        if (kind := _phrases("media").kind_of(line)) is not None:
            return "media", "", (kind,), False
    if (name := _phrases("attached").inside(shown)) is not None:
        return ("post" if caption.strip() else "media"), caption, (storable(name),), False
    edited = False
    if body.rstrip(f" \n{INVISIBLE}").casefold().endswith(_phrases("edited").whole):
        body, edited = body[: body.rindex("<")].rstrip(f" \n{INVISIBLE}"), True
    return ("poll" if line == "poll:" else "post"), body, (), edited


def _own_line(body: str) -> bool:
    """Whether a text behind a name is WhatsApp's: iOS sets a name and a direction mark before its notices."""
    bare = _bare(body[:200])
    if bare.casefold().startswith(_phrases("system").whole):
        return True
    return body[:1] in _DIRECTION and "\n" not in body and bare != "" and _own().search(bare) is not None


def _is_sentence(name: str) -> bool:
    """Whether what stands before a colon is rather the beginning of one of WhatsApp's own lines."""
    opened = name.count("\N{LEFT DOUBLE QUOTATION MARK}") > name.count("\N{RIGHT DOUBLE QUOTATION MARK}")
    return (
        opened
        or name.count('"') % 2 == 1
        or name.casefold().startswith(_phrases("system").whole)
        or re.search(rf"(?<!\w)(?:{_verbs()})(?!\w)", name, re.IGNORECASE) is not None
    )


@cache
def _own() -> re.Pattern[str]:
    own = (re.escape(row["phrase"]) for row in rows("whatsapp_lines") if row["what"] == "own")
    return re.compile(rf"(?<!\w)(?:{_verbs()}|{'|'.join(own)})(?!\w)", re.IGNORECASE)


@cache
def _verbs() -> str:
    return "|".join(re.escape(row["phrase"]) for row in rows("whatsapp_lines") if row["what"] == "verb")


class _Phrases(Struct, frozen=True):
    """WhatsApp's own words of one kind, in small letters."""

    whole: tuple[str, ...]  # without a gap
    kinds: dict[str, str]  # of whole phrases
    gaps: tuple[tuple[str, str, str], ...]  # what is before the gap, behind it, and the kind
    starts: tuple[str, ...]
    ends: tuple[str, ...]

    def kind_of(self, line: str) -> str | None:
        """The kind of a line in small letters that is one of them from end to end."""
        if (kind := self.kinds.get(line)) is not None:
            return kind
        if not (line.startswith(self.starts) and line.endswith(self.ends)):
            return None
        for before, behind, kind in self.gaps:
            if line.startswith(before) and line.endswith(behind) and len(line) > len(before) + len(behind):
                return kind
        return None

    def has(self, line: str) -> bool:
        return self.kind_of(line) is not None

    def inside(self, line: str) -> str | None:
        """What stands in the gap of a phrase."""
        small = line.casefold()
        if len(small) != len(line) or not (small.startswith(self.starts) and small.endswith(self.ends)):
            return None
        for before, behind, _ in self.gaps:
            if small.startswith(before) and small.endswith(behind) and len(line) > len(before) + len(behind):
                return line[len(before) : len(line) - len(behind)]
        return None


@cache
def _phrases(what: Literal["media", "attached", "deleted", "edited", "system"]) -> _Phrases:
    found = [row for row in rows("whatsapp_lines") if row["what"] == what]
    whole = {row["phrase"].casefold(): row["kind"] for row in found if "*" not in row["phrase"]}
    gaps = []
    for row in found:
        before, star, behind = row["phrase"].casefold().partition("*")
        if star:
            gaps.append((before, behind, row["kind"]))
    starts, ends = {before for before, _, _ in gaps}, {behind for _, behind, _ in gaps}
    return _Phrases(tuple(whole), whole, tuple(gaps), tuple(sorted(starts)), tuple(sorted(ends)))


_MARK = re.compile(f"[{INVISIBLE}]+")


def _bare(text: str) -> str:
    return (_MARK.sub("", text) if _MARK.search(text) else text).strip()


def _calendar_day(year: int, month: int, day: int) -> date:
    """The Gregorian day; years from 1300 to 1499 are those of the Persian calendar.

    >>> _calendar_day(1403, 1, 1)
    datetime.date(2024, 3, 20)
    """
    if not 1300 <= year < 1500:
        return date(year, month, day)
    length = 31 if month <= 6 else 30 if month < 12 or _persian_leap(year) else 29
    if not (1 <= month <= 12 and 1 <= day <= length):
        raise ValueError("no day of the Persian calendar")
    years = range(1400, year) if year >= 1400 else range(year, 1400)
    days = sum(366 if _persian_leap(between) else 365 for between in years) * (1 if year >= 1400 else -1)
    days += 31 * (month - 1) - max(0, month - 7) + day - 1
    return date(2021, 3, 21) + timedelta(days=days)


def _persian_leap(year: int) -> bool:
    """By the 33-year cycle, which is right from 1244 to 1472."""
    return year % 33 in {1, 5, 9, 13, 17, 22, 26, 30}


READER = Reader(
    name=NAME,
    platform="whatsapp",
    about='WhatsApp "Export chat" text from Android and iOS, in Arabic, English and other languages',
    keeps="texts of several lines, names, minutes or seconds, names of media, deleted and edited marks",
    loses="ids, replies, reactions and the zone: WhatsApp does not export them; set zone",
    score=score,
    read=read,
)
