"""Telegram Desktop's `messages.html`, `messages2.html`, ...: the pages of one chat, 1,000 messages each.

The layout follows the exporter's source (export_output_html.cpp, 2018 to 2025).  A page is cut into
messages by their opening tags and each is parsed alone, so that memory does not grow with the page and a
spoiled message costs itself.  Pages are files of their own: an author is never inherited across them.

The printed times are a trap.  Since 2022 they end with `UTC+02:00`, but that is the standard offset of the
exporting computer's zone today, while the clock reading before it has summer time in it.  So the suffix
is never believed: the declared zone is, then the zone that a JSON export of the same chat betrays, else
the time stays open for the two hours around what the suffix says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from selectolax.lexbor import LexborNode

from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, utf16_order
from pipeline.readers.exporter_zone import ExporterZone, pairs_in
from pipeline.readers.files import peek, sibling
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
from pipeline.readers.opening import CHUNK, open_bytes, open_utf8
from pipeline.readers.telegram_markup import (
    child_of,
    media_of,
    parsed,
    person,
    reactions_of,
    reply_target,
    text_of,
    words_of,
)
from pipeline.readers.times import Clock, from_local, offset_of, zone_named
from pipeline.readers.web_page import too_deep
from pipeline.records import NonPost, Origin, Post, Reason

NAME = "telegram_html"

_MESSAGE = re.compile(rb'<div\b[^<>]*\bclass="message (?:default|service)\b[^<>]*>')
_ID = re.compile(rb'\bid="message(-?\d+)"')
_DIV = re.compile(rb"<(/?)div\b[^<>]*>")
_NAME = re.compile(rb'<div\b[^<>]*\bclass="text bold"[^<>]*>(.*?)</div>', re.DOTALL)
_PAGE = re.compile(
    rb'class="pagination block_link"[^<>]*href="([^"#?]+)"|href="([^"#?]+)"[^<>]*class="pagination'
)
_PRINTED = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d):(\d\d)(?: UTC([+-]\d\d:\d\d))?")
_PAGE_NAME = re.compile(r"messages(\d*)\.html?")
_DIVIDERS = -100_000
"""Ids from here up to -1 are the lines with a date between two days; those of a migrated group's messages
begin at minus a thousand million."""


def score(head: Head) -> Score:
    """By the classes of messages and their dates."""
    start = head.start
    if order := utf16_order(start):
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    if _MESSAGE.search(start) is None:
        return NOT_MINE
    signs = (b'class="pull_right date details"', b'class="page_body chat_page"', b'class="history"')
    found = sum(sign in start for sign in signs)
    if found == 0:
        return NOT_MINE
    return Score(95 if found > 1 else 80, "messages and dates of Telegram Desktop's web pages")


def missing(names: Sequence[str], linked: Sequence[str]) -> list[str]:
    """The pages up to the last that is there or that another speaks of, as far as they are not there.

    The first has no number; `messages1.html`, as some name it, is the first too.

    >>> missing(["messages1.html", "messages4.html"], ["messages.html", "messages5.html"])
    ['messages2.html', 'messages3.html', 'messages5.html']
    """
    there, spoken_of = _numbers(names), _numbers(linked)
    wanted = {*range(1, max(there, default=0)), *spoken_of}
    return [_page_name(number) for number in sorted(wanted - there)]


def links(head: Head) -> list[str]:
    """The pages that this one says are before and behind it."""
    found = _PAGE.findall(head.start[: 1 << 14]) + _PAGE.findall(head.end)
    names = [(one or other).decode("utf-8", "replace") for one, other in found]
    return [_page_name(number) for number in sorted(_numbers(names))]


def _numbers(names: Sequence[str]) -> set[int]:
    return {int(match[1] or 1) for name in names if (match := _PAGE_NAME.fullmatch(name))}


def _page_name(number: int) -> str:
    return "messages.html" if number == 1 else f"messages{number}.html"


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every message of a page; date lines and service messages are non-posts."""
    head = peek(export)
    order = utf16_order(head.start)
    page = _Page(export, reading, order, head)
    with open_bytes(export) if order is None else open_utf8(export, order) as file:
        yield from page.items(file)


class _Sister(Struct, frozen=True):
    """What a JSON export of the same chat, in the same folder, tells."""

    group_id: str | None = None
    zone: ExporterZone | None = None


class _Page:
    def __init__(self, export: Export, reading: Reading, order: str | None, head: Head) -> None:
        self._export = export
        self._source = reading.source
        self._platform = reading.platform or "telegram"
        self._counted = "" if order is None else " as UTF-8"
        self._zone = zone_named(reading.zone)
        start = head.start if order is None else head.start.decode(f"utf-16-{order}", "replace").encode()
        named = _NAME.search(start)
        self._name = words_of(parsed(named[1])) or None if named else None
        sister = _sister(export, self._name)
        self._exporter = sister.zone
        self._group = reading.group or sister.group_id or _group_of(self._name) or reading.source
        self._author: str | None = None
        self._forwarded: str | None = None

    def items(self, file: Any) -> Iterator[Item]:
        """The messages in the order of the page."""
        limit = self._export.limits.record_bytes
        buffer, base = b"", 0  # buffer[0] is byte `base`
        start: int | None = None  # where the open message begins in the buffer
        search = 0
        found = closed = False
        while True:
            match = _MESSAGE.search(buffer, search)
            if match is not None:
                if start is not None:
                    yield self._item(buffer[start : match.start()], base + start)
                start, search, found = match.start(), match.end(), True
                continue
            if start is not None and len(buffer) - start > limit:
                at = self._origin(base + start, base + len(buffer))
                detail = f"a message over {limit:,} bytes; its end is missing, or raise limits: record_bytes"
                yield refuse(self._source, at, Reason.TOO_LARGE, detail, buffer[start : start + 20_000])
                start = None
            keep = start if start is not None else max(0, len(buffer) - 512)
            piece = file.read(CHUNK)
            if not piece:
                break
            closed = b"</html>" in piece or closed
            search = max(0, len(buffer) - 512 - keep) if start is None else max(1, len(buffer) - keep - 512)
            buffer, base = buffer[keep:] + piece, base + keep
            if start is not None:
                start = 0
        if not found:
            raise ExportError(f"{self._export.name}: no message in it; this is no page of a Telegram chat")
        if start is not None:
            yield from self._last(buffer[start:], base + start, closed)

    def _last(self, raw: bytes, start: int, closed: bool) -> Iterator[Item]:
        """The last message of a page, which ends where its own tags do."""
        depth = 0
        for tag in _DIV.finditer(raw):
            depth += -1 if tag[1] else 1
            if depth == 0:
                yield self._item(raw[: tag.end()], start)
                if not closed and b"</html>" not in raw:
                    at = self._origin(start + tag.end(), start + len(raw))
                    detail = "the page ends without its end: messages may be lost; export or copy it again"
                    yield refuse(self._source, at, Reason.TRUNCATED, detail, raw[tag.end() :])
                return
        at = self._origin(start, start + len(raw))
        detail = f"the page ends at byte {start + len(raw)} inside a message; export or copy it again"
        yield refuse(self._source, at, Reason.TRUNCATED, detail, raw)

    def _origin(self, start: int, end: int) -> Origin:
        return origin(self._export, NAME, f"bytes {start}-{end}{self._counted}")

    def _item(self, raw: bytes, start: int) -> Item:
        raw = raw.rstrip()
        at = self._origin(start, start + len(raw))
        opening = raw[: raw.index(b">") + 1]
        numbered = _ID.search(opening)
        text, note = decode_line(raw, "utf-8")
        if too_deep(text):
            detail = "a message whose elements are nested thousands deep; look at it"
            return refuse(self._source, at, Reason.TOO_DEEP, detail, raw)
        message = parsed(text).child
        if message is None:
            detail = "a message whose tags are broken; export the chat again"
            return refuse(self._source, at, Reason.BAD_ROW, detail, raw)
        if b'"message service' in opening:
            self._author = self._forwarded = None
            number = int(numbered[1]) if numbered else 0
            what = "date line" if _DIVIDERS < number < 0 or not numbered else "service"
            return NonPost(origin=at, what=f"{what}: {storable(words_of(message))[:80]}")
        if numbered is None:
            detail = "a message without a number cannot be told apart; export the chat again"
            return refuse(self._source, at, Reason.NO_ID, detail, raw)
        body = child_of(message, "body")
        date = None if body is None else child_of(body, "date")
        if body is None or date is None:
            detail = "a message without its time; no time is made up: export the chat again"
            return refuse(self._source, at, Reason.NO_TIME, detail, raw)
        printed = date.attributes.get("title") or ""
        match = _PRINTED.fullmatch(printed.strip())
        try:
            if match is None:
                raise ValueError("it is not like 31.12.2023 23:59:59")
            clock = self._clock(_local(match), match[7])
        except ValueError as error:
            return refuse(
                self._source,
                at,
                Reason.BAD_TIME,
                f"the time {printed!r}: {error}; correct it in the page",
                raw,
            )
        notes = [] if note is None else [note]
        native = numbered[1].decode()
        return self._post(native, body, joined=b" joined" in opening, clock=clock, notes=notes, at=at)

    def _post(
        self, native: str, body: LexborNode, *, joined: bool, clock: Clock, notes: list[str], at: Origin
    ) -> Item:
        extra = dict(clock.extra)
        if notes:
            extra["repaired"] = notes
        named = child_of(body, "from_name")
        if named is not None:
            self._author, via = person(words_of(named))
            if via:
                extra["via_bot"] = via
        elif not joined:
            self._author = None
        inner = child_of(body, "forwarded", "body")
        forwarded, forwarded_local = None, None
        if inner is None:
            self._forwarded = None
        else:
            forwarder = child_of(inner, "from_name")
            if forwarder is not None:
                forwarded_local = self._forward_time(forwarder)
                self._forwarded, via = person(words_of(forwarder, without="date"))
                if via:
                    extra["via_bot"] = via
            forwarded = self._forwarded or ""
        prefix = f"{self._platform}:{self._group}:"
        reply = None
        content = body if inner is None else inner
        answered = child_of(content, "reply_to") or child_of(body, "reply_to")
        if answered is not None:
            target = next((reply_target(link) for link in answered.css("a[href]")), None)
            if target is not None:
                reply = f"{prefix}{target}"
            else:
                extra["reply_elsewhere"] = True
        text = ""
        links: list[str] = []
        words = child_of(content, "text")
        if words is not None:
            text, links = text_of(words)
        if links:
            extra["links"] = links
        signed = child_of(content, "signature")
        if signed is not None:
            extra["author"] = storable(words_of(signed))
        media, kind, more = media_of(content)
        extra |= more
        if kind == "call":
            return NonPost(origin=at, what="service: phone_call")
        poll = more.get("poll")
        if poll and not text:
            text = "\n".join(poll)
            del extra["poll"]
        return Post(
            post_id=prefix + native,
            source=self._source,
            platform=self._platform,
            group_id=self._group,
            group_name=self._name,
            native_id=native,
            kind="poll" if poll else "media" if media and not text else "post",
            author_name=self._author,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            text=text,
            reply_to=reply,
            forwarded_from=forwarded,
            forwarded_local=forwarded_local,
            media=media,
            reactions=reactions_of(body),
            extra=extra,
            origin=at,
        )

    def _clock(self, local: datetime, suffix: str | None) -> Clock:
        """The ladder: declared zone, zone of the sister export, else two hours around the suffix."""
        offset = None if suffix is None else offset_of(suffix)
        exporter = self._exporter
        zone = self._zone
        if zone is not None and (exporter is None or exporter.allows(zone)):
            clock = from_local(local, zone, "second")
            if offset is None or clock.posted_at is None or _near(local, clock, offset):
                return clock
            zone_was = {"zone_printed": f"UTC{suffix}"}  # the computer stood in another zone than the group
            return replace(_open(local, offset), extra=_open(local, offset).extra | zone_was)
        if exporter is not None:
            posted_at = exporter.at(local)
            if posted_at is not None:
                if zone is not None:
                    local = posted_at.astimezone(zone).replace(tzinfo=None)
                return Clock(posted_at, local, "inferred", "second")
        if offset is not None and datetime(1970, 1, 3) < local < datetime(2100, 1, 1):  # noqa: DTZ001
            return _open(local, offset)
        return from_local(local, None, "second")

    def _forward_time(self, named: LexborNode) -> datetime | None:
        """When the original was posted, by the same clock."""
        for date in named.css("span.date[title]"):
            match = _PRINTED.fullmatch((date.attributes.get("title") or "").strip())
            if match is not None:
                try:
                    return self._clock(_local(match), match[7]).posted_local
                except ValueError:
                    return None
        return None


def _near(local: datetime, clock: Clock, offset: timedelta) -> bool:
    """Whether an offset in force is the printed standard offset, give or take the hour of summer time."""
    assert clock.posted_at is not None
    in_force = local - clock.posted_at.replace(tzinfo=None)
    return abs(in_force - offset) <= timedelta(hours=1)


def _open(local: datetime, offset: timedelta) -> Clock:
    """A time that is known but for an hour: the printed offset is that of the exporter's zone without DST."""
    about, hour = local - offset, timedelta(hours=1)
    between = [f"{(about - hour).isoformat()}Z", f"{(about + hour).isoformat()}Z"]
    return Clock(None, local, "unknown", "second", {"posted_between": between})


def _local(match: re.Match[str]) -> datetime:
    day, month, year, hour, minute, second = (int(match[number]) for number in range(1, 7))
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  naive on purpose


def _sister(export: Export, name: str | None) -> _Sister:
    """The JSON export of the same chat beside the pages, where there is one."""
    for beside in export.siblings:
        if not beside.endswith(".json") or name is None:
            continue
        try:
            other = sibling(export, beside)
            start = peek(other).start
            if b'"messages"' not in start or b'"date"' not in start:
                continue
            told = _members(start)
            if told.get("name") != name:
                continue
            stat = other.path.stat()
            zone = _zone_in(other, stat.st_size, stat.st_mtime_ns)
        except (ExportError, OSError):
            continue
        number = told.get("id")
        return _Sister(str(number) if isinstance(number, int) else None, zone if zone.known else None)
    return _Sister()


@lru_cache(maxsize=2)
def _zone_in(sister: Export, _size: int, _changed: int) -> ExporterZone:
    """The zone that a JSON export betrays; kept for the other pages, as long as the file is the same."""
    return ExporterZone(pairs_in(sister))


def _members(start: bytes) -> dict[str, Any]:
    """Name and id of the one chat of a JSON export, from its first bytes."""
    found = {}
    head = start[: start.index(b'"messages"')]
    for name, value in re.findall(rb'"(name|id)"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)', head):
        try:
            found[name.decode()] = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


def _group_of(name: str | None) -> str | None:
    """A stand-in for the chat's id, which the pages do not hold: made of its name."""
    return None if not name else f"name:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:12]}"


READER = Reader(
    name=NAME,
    platform="telegram",
    about="Telegram Desktop's messages.html, messages2.html, ...: every page of a chat, since 2018",
    keeps="texts, names, replies across pages, forwards with the original's date, reactions, media, polls",
    loses="ids of people, edits, the id of the chat (unless a JSON export of it stands beside), and the hour "
    "where neither a zone is declared nor a JSON export stands beside",
    score=score,
    read=read,
    files="messages.html, messages2.html, ...",
    missing=missing,
    links=links,
)
