"""Messages of Telegram's API as Telethon dumps them: `to_json`, `to_dict`, 4CAT's NDJSON; Pyrogram's too.

One message a line, an array of them, or a list "messages" in a document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from pipeline.readers.fields import Posts
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, refuse, storable
from pipeline.readers.json_rows import first_objects, json_rows, utf8_start
from pipeline.readers.printed_times import read_time
from pipeline.readers.times import zone_named
from pipeline.records import NonPost, Post, Reason, Rejection

NAME = "telethon"

_RECORD = re.compile(rb'\{\s*"_(?:type)?"\s*:\s*"[Mm]essage(?:Service|Empty)?"')
_USED = {
    "_", "_type", "id", "date", "edit_date", "message", "text", "raw_text", "caption", "from_id", "peer_id",
    "to_id", "chat", "_chat", "_chat_peer", "_sender", "sender", "from_user", "sender_chat", "fwd_from",
    "reply_to", "reply_to_msg_id", "reply_to_message_id", "views", "reactions", "media", "chat_id",
    "sender_id", "channel_id",
}  # fmt: skip
_KINDS = ("message", "messageservice", "messageempty")  # small letters in the API's own schema
_SIGNS = (b'"peer_id"', b'"fwd_from"', b'"message"', b'"reply_markup"')
_NOISE = {"entities", "restriction_reason", "file_reference"}


def score(head: Head) -> Score:
    """By the name of the type and the peer of a message."""
    _, objects, _ = first_objects(head.start)
    kinds = [str(each.get("_", each.get("_type", ""))) for each in objects]
    if any("_chat" in each and "_sender" in each and "message" in each for each in objects):
        return Score(95, "_chat and _sender of 4CAT around a message of Telethon")
    if any(kind.casefold() in _KINDS and "id" in each for kind, each in zip(kinds, objects, strict=True)):
        return Score(94, "the type Message of Telethon or Pyrogram")
    if objects and all(_is_message(each) for each in objects):
        return Score(90, "peer, date and message of Telethon")
    start = utf8_start(head.start)  # one line of 4CAT may be longer than the head
    if start[:1] == b"{" and b"\n" not in start and all(sign in start for sign in _SIGNS):
        return Score(90, "peer and fwd_from of Telethon")
    return NOT_MINE


def _is_message(record: dict[str, Any]) -> bool:
    return (
        ("peer_id" in record or "to_id" in record)
        and "date" in record
        and "id" in record
        and ("message" in record or "action" in record)
    )


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every message; joins, pins and the like are non-posts.

    Raises `ExportError` where the file is a document without a list of messages.
    """
    start = peek(export).start
    by_line, _, name = first_objects(start)
    array = utf8_start(start)[:1] == b"["  # else "messages", or one a line, which may be longer than the head
    lists = None if by_line or not (array or name == "messages") else (name,)
    posts = Posts(export, reading, NAME, READER.platform, times=tuple)
    for row in json_rows(export, reading, NAME, lists, _RECORD):
        if isinstance(row, Rejection):
            yield row
            continue
        record = row.record
        kind = str(record.get("_", record.get("_type", "Message")))
        action = record.get("action") or record.get("service")
        if kind.casefold() in _KINDS[1:] or (action and not _text(record)):
            told = _object(action).get("_") or _object(action).get("_type") or action
            yield NonPost(origin=row.at, what=f"{kind}: {storable(str(told))[:80]}" if told else kind)
            continue
        if kind.casefold() != "message" or ("date" not in record and "id" not in record):
            detail = f"{kind!r} is no message of Telegram; look whether it belongs into this file"
            yield refuse(reading.source, row.at, Reason.NO_TEXT, detail, row.raw)
            continue
        extra = {
            key: value
            for key, value in record.items()
            if key not in _USED and key not in _NOISE and value not in (None, False, [], "")
        }
        media = _object(record.get("media"))
        if row.notes:
            extra["repaired"] = row.notes
        if media:
            extra["media"] = _type(media)
        item = posts.post(_values(record), extra, row.at, row.raw, reactions_of(record.get("reactions")))
        yield _forwarded(item, record, reading) if isinstance(item, Post) else item


def _values(record: dict[str, Any]) -> dict[str, Any]:
    chat = _object(record.get("_chat") or record.get("chat"))
    sender = _object(record.get("_sender") or record.get("sender") or record.get("from_user"))
    media = _object(record.get("media"))
    reply = _object(record.get("reply_to"))
    peer = record.get("peer_id") or record.get("to_id") or record.get("chat_id") or chat.get("id")
    group = bare_id(peer)
    author = peer_name(record.get("from_id") or record.get("sender_id") or sender)
    return {
        "text": _text(record),
        "posted_at": record.get("date"),
        "edited_at": record.get("edit_date"),
        "id": record.get("id", record.get("message_id")),
        "author_id": author,
        "author_name": _person(sender) or record.get("post_author"),
        "group_id": group,
        "group_name": chat.get("title") or chat.get("username"),
        "kind": "poll" if "poll" in media else "post",
        "reply_to": record.get("reply_to_msg_id")
        or reply.get("reply_to_msg_id")
        or record.get("reply_to_message_id"),
        "media": _media(media),
        "views": record.get("views"),
    }


def _text(record: dict[str, Any]) -> str:
    for name in ("message", "text", "raw_text", "caption"):
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
    poll = _object(_object(record.get("media")).get("poll"))
    parts = [poll.get("question"), *(_object(each).get("text") for each in poll.get("answers") or [])]
    texts = [_object(part).get("text") if isinstance(part, dict) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str) and text)


def bare_id(peer: object) -> str | None:
    """The number of a chat without the mark of its kind, as Telegram Desktop exports it.

    >>> bare_id({"_": "PeerChannel", "channel_id": 12}), bare_id(-1000000000012), bare_id(-12), bare_id("@a")
    ('12', '12', '12', 'a')
    """
    if isinstance(peer, dict):
        for name in ("channel_id", "chat_id", "user_id", "id"):
            if peer.get(name) is not None:
                return bare_id(peer[name])
        return None
    text = "" if peer is None or isinstance(peer, (bool, list)) else str(peer).strip().removeprefix("@")
    if re.fullmatch(r"-100\d{10,}", text):
        return text[4:].lstrip("0")
    return text.removeprefix("-") or None


def peer_name(peer: object) -> str | None:
    """Who wrote it, as Telegram Desktop names it: user12, channel12, chat12.

    >>> peer_name({"_": "PeerUser", "user_id": 12}), peer_name(12), peer_name(-1000000000012), peer_name(None)
    ('user12', 'user12', 'channel12', None)
    """
    if isinstance(peer, dict):
        for name in ("user", "channel", "chat"):
            if peer.get(f"{name}_id") is not None:
                return f"{name}{peer[f'{name}_id']}"
        channel = _type(peer) == "Channel" or str(peer.get("type")).lower().endswith("channel")
        number = peer.get("id")
        return None if number is None else f"channel{bare_id(number)}" if channel else peer_name(number)
    number = bare_id(peer)
    if number is None or not number.isdecimal():
        return number
    text = str(peer)
    return (
        f"channel{number}" if text.startswith("-100") else f"{'chat' if text[0] == '-' else 'user'}{number}"
    )


def _person(sender: dict[str, Any]) -> str | None:
    names = [sender.get("first_name"), sender.get("last_name")]
    full = " ".join(str(name) for name in names if name)
    shown = full or sender.get("title") or sender.get("username")
    return None if shown is None else str(shown)


def _media(media: dict[str, Any]) -> list[str]:
    """The name of the file, or the kind of what is attached."""
    for attribute in _object(media.get("document")).get("attributes") or []:
        if isinstance(_object(attribute).get("file_name"), str):
            return [attribute["file_name"]]
    kind = _type(media).removeprefix("MessageMedia").casefold()
    return [kind] if kind not in {"", "empty", "webpage", "poll"} else []


def reactions_of(value: object) -> dict[str, int]:
    """How often each reaction was given, of Telethon's results."""
    found: dict[str, int] = {}
    results = _object(value).get("results", value)
    for each in results if isinstance(results, list) else []:
        reaction, count = _object(each).get("reaction"), _object(each).get("count")
        name = _object(reaction).get("emoticon") or _object(reaction).get("document_id") or reaction
        if isinstance(count, int) and isinstance(name, (str, int)):
            found[storable(str(name))] = count
    return found


def _forwarded(post: Post, record: dict[str, Any], reading: Reading) -> Post:
    """The post with whom it was forwarded from, and when the original was posted."""
    forward = _object(record.get("fwd_from"))
    if not forward:
        return post
    peer = forward.get("from_id") or forward.get("channel_id")
    named = forward.get("from_name") or _name_inside(peer) or peer_name(peer)
    try:
        local = read_time(forward.get("date") or "", zone_named(reading.zone)).posted_local
    except (ValueError, TypeError):
        local = None
    extra = dict(post.extra)
    if (number := peer_name(peer)) is not None:
        extra["forwarded_from_id"] = number
    shown = None if named is None else storable(str(named))
    return replace(post, forwarded_from=shown, forwarded_local=local, extra=extra)


def _name_inside(peer: object) -> str | None:
    """The name of a peer that 4CAT has looked up."""
    found = _object(peer)
    user = _object(found.get("user"))
    if user:
        return _person(user)
    for chat in found.get("chats") or []:
        if _object(chat).get("id") == found.get("channel_id"):
            return _person(chat)
    return None


def _type(value: dict[str, Any]) -> str:
    return str(value.get("_") or value.get("_type") or "")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


READER = Reader(
    name=NAME,
    platform="telegram",
    about="Messages of Telegram's API as JSON: Telethon's to_json and to_dict, 4CAT's NDJSON, Pyrogram",
    keeps="texts, ids, senders, replies, forwards with the time of the original, edits, views, reactions",
    loses="the marks of bold and linked words; names of senders, where the dump has only their ids",
    score=score,
    read=read,
    files="*.json, *.ndjson, *.jsonl",
)
