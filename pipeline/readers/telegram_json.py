"""Telegram Desktop's `result.json`: one chat, or a whole account.

Field names and eras follow the exporter's source (export_output_json.cpp, 2018 to 2025).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from pipeline.errors import ExportError
from pipeline.readers.encodings import utf16_order
from pipeline.readers.files import peek
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
from pipeline.readers.json_records import TELEGRAM_RECORD, IndentedRecords, Piece, ScannedRecords, next_record
from pipeline.readers.json_repair import repair
from pipeline.readers.json_values import RowError, decode_record
from pipeline.readers.opening import open_bytes, open_utf8
from pipeline.readers.times import FIRST, Clock, from_epoch, from_local, suspect, zone_named
from pipeline.records import NonPost, Origin, Post, Reason, Rejection

NAME = "telegram_json"


def score(head: Head) -> Score:
    """Sure by the chat's own head and the first messages; 0 for anything but JSON."""
    start = head.start
    if order := utf16_order(start):
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    if not start.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"{"):
        return NOT_MINE
    signs = (
        rb'"messages"\s*:\s*\[',
        rb'"date_unixtime"\s*:\s*"',
        rb'"(?:from_id|actor_id|text_entities)"\s*:',
    )
    found = sum(re.search(sign, start) is not None for sign in signs)
    typed = re.search(
        rb'"type"\s*:\s*"(?:saved_messages|replies|personal_chat|bot_chat|(?:private|public)_(?:group|supergroup|channel))"',
        start,
    )
    account = re.search(rb'"(?:personal_information|left_chats|chats)"\s*:\s*\{\s*"', start)
    if typed and found:
        return Score(95, "Telegram's type of chat and its list of messages")
    if account and (found or re.search(rb'"(?:about|user_id)"\s*:', start)):
        return Score(90, "an account's lists of chats, as Telegram Desktop writes them")
    return Score(70, "messages with date_unixtime and from_id") if found == 3 else NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every record of every chat; service messages are non-posts, and so is what an account holds besides."""
    start = peek(export).start
    order = utf16_order(start)
    if order:
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    if IndentedRecords.fits(start) or _indented_later(export, order):
        records: IndentedRecords | ScannedRecords = IndentedRecords(export, order)
        heads: list[dict[str, object]] | None = None
    else:
        records = ScannedRecords(export, record_start=TELEGRAM_RECORD, recoded=order)
        heads = records.heads
    yield from _Chats(export, reading, records, heads, order).items()


def _indented_later(export: Export, order: Literal["le", "be"] | None) -> bool:
    """Whether a long account head stands before the first list of the exporter's own layout."""
    pattern, rest = re.compile(rb'\n( {1,6})"messages": \[(?:\]|\n( {1,7})[{\]])'), b""
    with open_bytes(export) if order is None else open_utf8(export, order) as file:
        while piece := file.read(1 << 20):
            if match := pattern.search(rest + piece):
                return IndentedRecords.fits(match[0] + b"\n  {")
            if b'"messages"' in piece and b"\n" not in piece[:4096]:
                return False
            rest = piece[-64:]
    return False


class _Plain(Struct, forbid_unknown_fields=True, gc=False, rename={"from_": "from"}):
    """The fields of most messages; one with any other field is read the long way."""

    id: int
    type: str
    date: str
    text: str | list[Any]
    date_unixtime: str | UnsetType = UNSET
    from_: str | None = None
    from_id: str | None = None
    text_entities: Raw = Raw()
    edited: str | None = None
    edited_unixtime: str | None = None
    reply_to_message_id: int | None = None
    forwarded_from: str | UnsetType | None = UNSET
    reactions: list[Any] | None = None
    photo: str | UnsetType = UNSET
    photo_file_size: int | UnsetType = UNSET
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET


_TEXT = b'\n   "text": '
_DATE = b'\n   "date": '
"""Where one of these stands twice the record is read the long way, which notes it."""


class _Chat(Struct, frozen=True):
    group_id: str
    group_name: str | None
    kind: str | None

    @property
    def noted(self) -> dict[str, str]:
        """What posts say of their chat: that its name is a person's."""
        return {"chat_type": self.kind} if self.kind == "personal_chat" else {}


class _Chats:
    def __init__(
        self,
        export: Export,
        reading: Reading,
        records: IndentedRecords | ScannedRecords,
        heads: list[dict[str, object]] | None,
        order: Literal["le", "be"] | None = None,
    ) -> None:
        self._export = export
        self._counted = "" if order is None else " as UTF-8"  # in which form of the file bytes are counted
        self._member = "" if export.member is None else f"member {export.member}, "
        self._source = reading.source
        self._platform = reading.platform or "telegram"
        self._group = reading.group or reading.source
        self._zone = zone_named(reading.zone)
        self._records = records
        self._order = order
        self._heads = heads  # of the lists that are open or were
        self._all_heads: list[dict[str, object]] | None = None
        self._chat = _Chat(self._group, None, None)
        self._lists = 0
        self._resumed = 0
        self._note: list[str] = []  # a repair that the next record shall carry
        self._plain: Callable[[bytes], _Plain] = msgspec.json.Decoder(_Plain).decode

    def items(self) -> Iterator[Item]:
        for piece in self._records:
            if self._heads == []:
                continue  # it is told below that there is no list
            if piece.what == "record":
                yield self._fast(piece) or self._slow(piece)
            else:
                yield from self._around(piece)
        if self._lists == 0:
            raise ExportError(
                f"{self._export.name}: no list of messages in it; export the chat again as JSON, "
                f"or set another reader"
            )

    def _origin(self, start: int, end: int) -> Origin:
        return origin(self._export, NAME, f"bytes {start}-{end}{self._counted}")

    def _around(self, piece: Piece) -> Iterator[Item]:
        at = self._origin(piece.start, piece.end)
        if piece.what == "open":
            if self._heads is None:
                members, other = _chat_head(piece.raw)
            else:
                members, other = self._head(self._heads), False
            self._lists += 1
            self._chat = _Chat(
                str(members["id"]) if members.get("id") is not None else self._group,
                _text_or_none(members.get("name")),
                _text_or_none(members.get("type")),
            )
            if other:
                yield NonPost(origin=at, what="account data before the messages")
        elif piece.what == "stray":
            if not piece.raw.strip(b"\0, \r\n\t"):
                self._note = ["nul"]
                return
            detail = "bytes between two messages that are no message; compare the file with another export"
            yield refuse(self._source, at, Reason.STRAY_TEXT, detail, piece.raw)
        elif piece.what == "large":
            limit = self._export.limits.record_bytes
            detail = f"a record over {limit:,} bytes; its end is missing, or raise limits: record_bytes"
            yield refuse(self._source, at, Reason.TOO_LARGE, detail, piece.raw)
        elif piece.what == "tail":
            yield from self._tail(piece, at)
        elif self._lists and piece.raw.strip(b"\0 \r\n\t,]}"):
            yield NonPost(origin=at, what="account data behind the messages")
        elif self._lists and not piece.raw.rstrip(b"\0 \r\n\t").endswith(b"}"):
            yield self._truncated(piece, at)

    def _head(self, heads: list[dict[str, object]]) -> dict[str, object]:
        """The members of the chat whose list opens; for those that stand behind it all is read once."""
        members = heads[self._lists]
        if len(members) == 3:  # name, type and id
            return members
        if self._all_heads is None:
            whole = ScannedRecords(self._export, record_start=TELEGRAM_RECORD, recoded=self._order)
            for _ in whole:
                pass
            self._all_heads = whole.heads
        return self._all_heads[self._lists] if self._lists < len(self._all_heads) else members

    def _tail(self, piece: Piece, at: Origin) -> Iterator[Item]:
        """The end of a file without the end of its list: whole records are looked for in it."""
        inner = self._inner(piece.raw)
        if inner is not None:
            detail = "a message without its end; the next one begins inside it"
            self._records.resume_at(piece.start + inner)
            at = self._origin(piece.start, piece.start + inner)
            yield refuse(self._source, at, Reason.BAD_JSON, detail, piece.raw[:inner])
        else:
            yield self._truncated(piece, at)

    def _inner(self, raw: bytes) -> int | None:
        """Where to go on inside bytes that cannot be read; not for ever in a file that is all spoiled."""
        self._resumed += 1
        return _inner(raw, self._heads is None) if self._resumed <= 1_000 else None

    def _truncated(self, piece: Piece, at: Origin) -> Rejection:
        detail = f"the file ends at byte {piece.end} inside its list of messages; export it again"
        return refuse(self._source, at, Reason.TRUNCATED, detail, piece.raw)

    def _fast(self, piece: Piece) -> Post | None:
        """A message of plain text in good order, at the cost of little more than its decoding."""
        try:
            raw = piece.raw
            message = self._plain(raw)
            if message.type != "message" or self._note:
                return None
            if raw.count(_TEXT) > 1 or raw.count(_DATE, 0, 600) > 1:
                return None
            text, links = _flat(message.text)
            unix = message.date_unixtime
            zone = self._zone
            if unix is UNSET:
                clock = from_local(datetime.fromisoformat(message.date), zone, "second")
            else:
                local = datetime.fromisoformat(message.date) if zone is None else None
                clock = from_epoch(int(unix), zone, local)
        except (msgspec.MsgspecError, ValueError, RecursionError, TypeError):
            return None
        extra = clock.extra
        if links:
            extra = extra | {"links": links}
        edited_at = None
        if message.edited is not None or message.edited_unixtime is not None:
            edited_at, more = _edited(message.edited, message.edited_unixtime, zone)
            extra = extra | more
        media: tuple[str, ...] = ()
        if message.photo is not UNSET:
            extra = extra | _photo(message)
            media = ("photo" if not message.photo or message.photo[0] == "(" else message.photo,)
        elif message.width is not UNSET or message.photo_file_size is not UNSET:
            return None
        chat = self._chat
        if chat.kind == "personal_chat":
            extra = extra | chat.noted
        prefix = f"{self._platform}:{chat.group_id}:"
        native_id = str(message.id)
        reply = message.reply_to_message_id
        forwarded = message.forwarded_from
        return Post(
            post_id=prefix + native_id,
            source=self._source,
            platform=self._platform,
            group_id=chat.group_id,
            group_name=chat.group_name,
            native_id=native_id,
            kind="media" if media and not text else "post",
            author_id=message.from_id,
            author_name=message.from_,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            edited_at=edited_at,
            text=text,
            reply_to=None if reply is None else f"{prefix}{reply}",
            forwarded_from=None if forwarded is UNSET else forwarded or "",
            media=media,
            reactions=_reactions(message.reactions) if message.reactions else {},
            extra=extra,
            origin=Origin(
                self._export.name,
                self._export.sha256,
                f"{self._member}bytes {piece.start}-{piece.end}{self._counted}",
                NAME,
            ),
        )

    def _slow(self, piece: Piece) -> Item:
        """Any record: repaired where it must be, a non-post, or a rejection."""
        at = self._origin(piece.start, piece.end)
        notes, self._note = self._note, []
        try:
            message, repairs = decode_record(piece.raw, self._export.limits)
        except RowError as refused:
            inner = self._inner(piece.raw)
            if inner is not None:
                self._records.resume_at(piece.start + inner)
                at = self._origin(piece.start, piece.start + inner)
                return refuse(self._source, at, refused.reason, refused.detail, piece.raw[:inner])
            return refuse(self._source, at, refused.reason, refused.detail, piece.raw)
        if not isinstance(message, dict):
            detail = f"a record of the kind {type(message).__name__} where a message was expected"
            return refuse(self._source, at, Reason.NOT_AN_OBJECT, detail, piece.raw)
        kind = message.get("type", "message")
        if kind == "service":
            return NonPost(origin=at, what=f"service: {message.get('action', 'without action')}")
        if kind == "unsupported":
            return NonPost(origin=at, what="a message that the exporter could not write (unsupported)")
        try:
            return self._post(message, notes + repairs, at)
        except RowError as refused:
            return refuse(self._source, at, refused.reason, refused.detail, piece.raw)

    def _post(self, message: dict[str, Any], notes: list[str], at: Origin) -> Post:
        if message.get("type", "message") != "message":
            raise RowError(Reason.BAD_ROW, f"type {message['type']!r} is none that Telegram writes: left out")
        native = message.get("id")
        if isinstance(native, bool) or not isinstance(native, (int, str)) or native == "":
            raise RowError(Reason.NO_ID, f"id is {native!r}; a message without a number cannot be told apart")
        text, links = _text(message)
        clock = _clock(message, self._zone)
        edited_at, more = _edited(message.get("edited"), message.get("edited_unixtime"), self._zone)
        extra = clock.extra | {key: value for key, value in message.items() if key not in _READ} | more
        extra |= self._chat.noted
        if links:
            extra["links"] = links
        if notes:
            extra["repaired"] = notes
        media = tuple(_media(message))
        poll = message.get("poll")
        if isinstance(poll, dict) and not text:
            text = _poll_text(poll)
        prefix = f"{self._platform}:{self._chat.group_id}:"
        reply = message.get("reply_to_message_id")
        if reply is not None:
            reply = str(reply) if message.get("reply_to_peer_id") else f"{prefix}{reply}"
        return Post(
            post_id=f"{prefix}{native}",
            source=self._source,
            platform=self._platform,
            group_id=self._chat.group_id,
            group_name=self._chat.group_name,
            native_id=str(native),
            kind="poll" if poll is not None else "media" if media and not text else "post",
            author_id=_peer(message.get("from_id")),
            author_name=_text_or_none(message.get("from")),
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            edited_at=edited_at,
            text=text,
            reply_to=reply,
            forwarded_from=(_text_or_none(message["forwarded_from"]) or "")
            if "forwarded_from" in message
            else None,
            media=media,
            reactions=_reactions(message.get("reactions")),
            extra=extra,
            origin=at,
        )


_READ = frozenset(
    (
        *("id", "type", "date", "date_unixtime", "from", "from_id", "text", "text_entities"),
        *("edited", "edited_unixtime", "reply_to_message_id", "forwarded_from", "reactions"),
    )
)
"""Fields of the post; all else is kept in `extra`.  Reactions are counted, who reacted is left out."""

_HEAD_MEMBER = re.compile(rb'^ {1,4}"(name|type|id)": ("(?:[^"\\\n]|\\.)*"|-?\d+|null),?\r?$', re.MULTILINE)
_MEDIA = ("photo", "file")


def _chat_head(raw: bytes) -> tuple[dict[str, object], bool]:
    """Name, type and id of the chat whose messages follow, and whether account data stands before it."""
    opened = raw.rfind(b"\n   {\n")
    head = raw[opened:] if opened >= 0 else raw
    members: dict[str, object] = {}
    for name, value in _HEAD_MEMBER.findall(head):
        try:
            members[name.decode()] = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError):
            try:
                members[name.decode()] = msgspec.json.decode(repair(value)[0])
            except msgspec.DecodeError:
                continue
    return members, re.search(rb'\n "(?:personal_information|contacts|sessions|stories)": ', raw) is not None


def _inner(raw: bytes, indented: bool) -> int | None:
    """Where the next message begins inside bytes that cannot be read, or where its list is closed."""
    if indented:
        match = re.search(rb"\n(?:  |     )\{\n(?: {3}| {6})\"|\n(?: |    )\](?=\n|$)", raw[1:])
        return None if match is None else match.start() + 1
    return next_record(raw)


def _flat(text: object) -> tuple[str, list[str]]:
    """The text of an array of strings and entities, joined without anything between, and its hidden links."""
    if isinstance(text, str):
        return text, []
    parts: list[str] = []
    links: list[str] = []
    if not isinstance(text, list):
        raise TypeError("text is neither a string nor an array")
    for part in text:
        if isinstance(part, str):
            parts.append(part)
            continue
        inner = part["text"] if isinstance(part, dict) and "text" in part else None
        if not isinstance(inner, str):
            raise TypeError(f"a part of the text is {part!r:.80}")
        parts.append(inner)
        href = part.get("href")
        if isinstance(href, str):
            links.append(href)
    return "".join(parts), links


def _text(message: dict[str, Any]) -> tuple[str, list[str]]:
    for name in ("text", "text_entities"):
        if message.get(name) is not None:
            try:
                return _flat(message[name])
            except TypeError as error:
                raise RowError(Reason.NO_TEXT, f"{name}: {error}; correct the record") from None
    if any(name in message for name in (*_MEDIA, "poll", "location_information", "contact_information")):
        return "", []
    raise RowError(Reason.NO_TEXT, "neither text nor media; correct the record or leave it out")


def _clock(message: dict[str, Any], zone: ZoneInfo | None) -> Clock:
    printed, unix = message.get("date"), message.get("date_unixtime")
    local = None
    if isinstance(printed, str):
        try:
            local = datetime.fromisoformat(printed).replace(tzinfo=None)
        except ValueError:
            if printed.startswith("0000"):
                return suspect(printed)
            if unix is None:
                raise RowError(
                    Reason.BAD_TIME, f"date {printed!r} is no time; correct it in the export"
                ) from None
    if unix is not None:
        try:
            return from_epoch(int(unix), zone, local)
        except (ValueError, TypeError):
            if local is None:
                raise RowError(Reason.BAD_TIME, f"date_unixtime {unix!r} is no number; correct it") from None
    if local is None:
        if printed is not None:
            raise RowError(Reason.BAD_TIME, f"date {printed!r} is no time; correct it in the export")
        raise RowError(Reason.NO_TIME, "neither date nor date_unixtime; no time is made up")
    return from_local(local, zone, "second")


def _edited(printed: object, unix: object, zone: ZoneInfo | None) -> tuple[datetime | None, dict[str, Any]]:
    """When it was edited, in UTC; the local reading goes to extra where no zone is known.

    Before version 2.1.9 every message had `edited`, 1970-01-01 where it never was.
    """
    try:
        if unix is not None:
            seconds = int(str(unix))
            return (datetime.fromtimestamp(seconds, UTC), {}) if seconds > 172_800 else (None, {})
        if not isinstance(printed, str):
            return None, {}
        local = datetime.fromisoformat(printed).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None, {"edited_suspect": str(printed if unix is None else unix)}
    if local <= FIRST:
        return None, {}
    clock = from_local(local, zone, "second")
    return clock.posted_at, ({"edited_local": printed} if clock.posted_at is None else {})


def _peer(value: object) -> str | None:
    """A sender in one spelling for all eras: numbers before 2.7.2 held the kind above bit 32."""
    if isinstance(value, int) and not isinstance(value, bool):
        for kind, bit in (("user", 0), ("chat", 1), ("channel", 2)):
            if value >> 32 == bit:
                return f"{kind}{value & 0xFFFFFFFF}"
        return str(value)
    return _text_or_none(value)


def _media(message: dict[str, Any]) -> Iterator[str]:
    """Paths as exported; a file that was not exported is named by its kind, its sentence stays in extra."""
    for name in _MEDIA:
        value = message.get(name)
        if value is None and name not in message:
            continue
        if isinstance(value, str) and value and not value.startswith("("):
            yield value
        else:
            kind = message.get("media_type") if name == "file" else None
            yield kind if isinstance(kind, str) else name


def _photo(message: _Plain) -> dict[str, object]:
    """The photo's own fields, as the long way keeps them."""
    fields = {
        "photo": message.photo,
        "photo_file_size": message.photo_file_size,
        "width": message.width,
        "height": message.height,
    }
    return {name: value for name, value in fields.items() if value is not UNSET}


def _poll_text(poll: dict[str, Any]) -> str:
    lines = [poll.get("question")]
    answers = poll.get("answers")
    if isinstance(answers, list):
        lines += [answer.get("text") for answer in answers if isinstance(answer, dict)]
    texts = []
    for line in lines:
        try:
            texts.append(_flat(line)[0])
        except TypeError:
            continue
    return "\n".join(texts)


def _reactions(value: object) -> dict[str, int]:
    counted: dict[str, int] = {}
    for reaction in value if isinstance(value, list) else ():
        if not isinstance(reaction, dict) or not isinstance(reaction.get("count"), int):
            continue
        kind = str(reaction.get("type", "emoji"))
        name = str(reaction["emoji"]) if isinstance(reaction.get("emoji"), str) else kind
        document = reaction.get("document_id")
        if kind == "custom_emoji" and isinstance(document, (str, int)) and not str(document).startswith("("):
            name = f"custom_emoji:{document}"
        counted[storable(name)] = counted.get(storable(name), 0) + reaction["count"]
    return counted


def _text_or_none(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None if value is None else str(value)


READER = Reader(
    name=NAME,
    platform="telegram",
    about="Telegram Desktop's result.json: one chat or a whole account, all versions since 2018",
    keeps="texts of all parts, ids, authors, replies, forwards, edits, reactions, media paths, polls, places",
    loses="views, albums, topics and the date of a forwarded original: the exporter does not write them",
    score=score,
    read=read,
    files="result.json",
)
