"""WhatsApp's "Export chat" as text, from Android and iOS, in any of the phone's languages.

A message has one head line; what follows is its text, up to the next head.  The shape of the heads and the
order of day and month are decided once for the whole file, by a first reading of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, detect, eight_bit, utf16_order
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import (
    NOT_MINE,
    Export,
    Head,
    Item,
    Reader,
    Reading,
    Score,
    origin,
    refuse,
    storable,
)
from pipeline.readers.lines import Block, raw_lines
from pipeline.readers.printed_times import Order, decide_order, full_year, hour_of
from pipeline.readers.times import Clock, from_local, zone_named
from pipeline.readers.whatsapp_heads import Start, calendar_day, day_comes_first, start_of
from pipeline.readers.whatsapp_words import bare, content_of, is_marked, is_own_line, is_sentence
from pipeline.records import NonPost, Origin, Post, Reason, TimePrecision

NAME = "whatsapp"
MESSAGE_LIMIT = 1 << 24


def score(head: Head) -> Score:
    """By the share of lines with the head of a message."""
    start = head.start
    order = utf16_order(start)
    if order:
        text = start.decode(f"utf-16-{order}", "replace")
    else:
        text = start.decode("utf-8", "replace")
        if text.count("\ufffd") > 20:
            text = start.decode(eight_bit(start), "replace")
    lines = [line for line in text.splitlines() if line.strip()][:400]
    starts = [found for line in lines if (found := start_of(line)) is not None]
    if not starts:
        return NOT_MINE
    first = 1.0 if start_of(lines[0]) is not None else 0.5
    named = sum(": " in found.body for found in starts) / len(starts)
    share = len(starts) / len(lines)
    points = 100 * first * (0.5 + 0.45 * min(1.0, 3 * share)) * (0.6 + 0.4 * min(1.0, 2 * named))
    return Score(round(points), f"{len(starts)} of the first {len(lines)} lines are heads of messages")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every message of the chat; lines of WhatsApp's own are non-posts.

    Raises `ExportError` where no line is the head of a message, and where neither the dates of the file nor
    `day_order` tell day from month.
    """
    encoding = detect(export, reading.encoding)
    plan = _survey(export, reading, encoding)
    yield from _Messages(export, reading, encoding, plan).items()


class _Plan(Struct, frozen=True):
    shapes: frozenset[str]
    order: Order
    authors: dict[str, str]  # what stands before the first colon -> the whole name
    heads_by: dict[str, int]  # what stands before the first colon -> how often
    group: str | None  # the name under which iOS writes its notices: the group's


def _survey(export: Export, reading: Reading, encoding: str) -> _Plan:
    """The first reading: which lines are heads, day or month first, names with a colon in them."""
    shapes: Counter[str] = Counter()
    dates: dict[str, list[tuple[str, str, str]]] = {}
    names: Counter[str] = Counter()
    longer: dict[str, str | None] = {}
    speakers: set[str] = set()  # names with a line that is not set apart by a direction mark
    group: str | None = None
    for line in raw_lines(export):
        start = start_of(decode_line(line.content, encoding)[0].rstrip("\r\n"))
        if start is None:
            continue
        shapes[start.shape] += 1
        days = dates.setdefault(start.shape, [])
        if not days or days[-1] != start.numbers:
            days.append(start.numbers)
        parts = bare(start.body).split(": ", 2)
        if len(parts) > 1 and (len(names) < 50_000 or parts[0] in names):
            names[parts[0]] += 1
            second = f"{parts[0]}: {parts[1]}" if len(parts) > 2 and len(parts[1]) <= 40 else None
            longer[parts[0]] = second if longer.get(parts[0], second) == second else None
            if start.shape[0] == "[":
                marked = is_marked(start.body.partition(": ")[2])
                if marked and len(names) == 1 and names[parts[0]] == 1:
                    group = parts[0]
                elif not marked and len(speakers) < 50_000:
                    speakers.add(parts[0])
    if not shapes:
        raise ExportError(
            f'{export.name}: no line begins like "1/5/2025, 09:17 - Name: text"; '
            f"export the chat again as text, or set another reader"
        )
    usual, most = shapes.most_common(1)[0]  # of equal ones the first: what a message quotes comes later
    kept = frozenset(
        shape
        for shape, count in shapes.items()
        if 5 * count >= most and all((shape[0] == sign) == (usual[0] == sign) for sign in "[:")
    )
    days = [numbers for shape in sorted(kept) for numbers in dates[shape]]
    authors = {name: whole for name, whole in longer.items() if whole is not None and names[name] >= 3}
    if group in speakers or not speakers:
        group = None
    return _Plan(kept, _order(export, reading, days, usual), authors, dict(names), group)


def _order(export: Export, reading: Reading, days: list[tuple[str, str, str]], shape: str) -> Order:
    if 2 * sum(len(one) == 4 for one, _, _ in days) > len(days):
        return "ymd"
    numbers = [(int(one), int(two), full_year(three)) for one, two, three in days]
    if 2 * sum(one > 31 for one, _, _ in numbers) > len(numbers):
        return "ymd"
    numbers = [(one, two, year) for one, two, year in numbers if one <= 31 and two <= 31]
    declared = reading.day_order
    if declared == "auto" and day_comes_first(shape):
        declared = "dmy"
    order = decide_order(numbers, declared)
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
        start: Start | None = None
        block = Block([], [])
        for raw in raw_lines(self._export):
            line, note = decode_line(raw.content, self._encoding)
            line = line.rstrip("\r\n")
            if raw.number == 1:
                line = line.removeprefix("\ufeff")
            found = start_of(line)
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

    def _item(self, start: Start | None, block: Block) -> Iterator[Item]:
        if start is None and not any(line.strip() for line in block.lines):
            return
        at = origin(self._export, NAME, block.locator)
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
        if author is None or is_own_line(body, author, author == self._plan.group):
            yield NonPost(origin=at, what=f"system line: {storable(bare(block.lines[0]))[:80]}")
            return
        precision: TimePrecision = "minute" if start.second is None else "second"
        clock = from_local(local, self._zone, precision)
        yield self._post(clock, author, body, block.notes, at)

    def _post(self, clock: Clock, author: str, body: str, notes: list[str], at: Origin) -> Post:
        kind, text, media, edited = content_of(body)
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

    def _local(self, start: Start) -> datetime:
        one, two, three = start.numbers
        year, month, day = {"ymd": (one, two, three), "dmy": (three, two, one), "mdy": (three, one, two)}[
            self._plan.order
        ]
        hour = hour_of(start.hour, start.half)
        on = calendar_day(full_year(year), int(month), int(day))
        return datetime(on.year, on.month, on.day, hour, start.minute, start.second or 0)  # noqa: DTZ001  naive

    def _author(self, text: str) -> tuple[str | None, str]:
        """Who wrote it, and the text behind the name; None for a line without a name."""
        line, newline, rest = text.partition("\n")
        name, colon, body = line.partition(": ")
        if not colon and line.rstrip().endswith(":"):
            name, colon, body = line.rstrip()[:-1], ":", ""
        if not colon:
            return None, text
        shown = bare(name)
        whole = self._plan.authors.get(shown)
        if whole is not None and bare(line).startswith(f"{whole}: "):
            behind, _, body = body.partition(": ")
            shown = f"{shown}: {bare(behind)}"
        elif is_sentence(shown) and self._plan.heads_by.get(shown, 0) < 3:
            return None, text
        shown = shown.removeprefix("~").strip(" \xa0\u202f")
        return (shown, body + newline + rest) if shown else (None, text)


READER = Reader(
    name=NAME,
    platform="whatsapp",
    about='WhatsApp "Export chat" text from Android and iOS, in Arabic, English and other languages',
    keeps="texts of several lines, names, minutes or seconds, names of media, deleted and edited marks",
    loses="ids, replies, reactions and the zone: WhatsApp does not export them; set zone",
    score=score,
    read=read,
    files="_chat.txt, WhatsApp Chat with NAME.txt, or the zip of either",
)
