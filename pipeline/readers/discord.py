"""DiscordChatExporter's JSON: one channel, thread or direct chat, whole or in parts.

Field names follow the exporter's source (JsonMessageWriter.cs, 2019 to 2026).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from pipeline.errors import ExportError
from pipeline.readers.fields import Posts
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, refuse, storable
from pipeline.readers.json_rows import json_rows, utf8_start
from pipeline.readers.printed_times import read_time
from pipeline.readers.times import zone_named
from pipeline.records import NonPost, Post, Reason, Rejection

NAME = "discord"

_SYSTEM = {
    "RecipientAdd", "RecipientRemove", "Call", "ChannelNameChange", "ChannelIconChange",
    "ChannelPinnedMessage", "GuildMemberJoin", "ThreadCreated", "ThreadStarterMessage", "GuildInviteReminder",
    *map(str, range(1, 19)), "21", "22", *map(str, range(25, 47)),
}  # fmt: skip
"""Types of what Discord writes by itself; a type without a name is printed as its number."""

_RECORD = re.compile(rb'\{\s*"id"\s*:\s*"?\d+"?\s*,\s*"type"\s*:\s*"')
_PART = re.compile(r"(?P<base>.*?)(?: \[part (?P<part>\d+)\])?(?P<ending>\.json)", re.IGNORECASE)
_USED = {
    "id", "type", "timestamp", "timestampEdited", "content", "author", "attachments", "reactions",
    "mentions", "reference", "stickers", "inlineEmojis", "forwardedMessage", "interaction", "isPinned",
}  # fmt: skip


def score(head: Head) -> Score:
    """By the guild and the channel, which stand before the messages."""
    start = utf8_start(head.start)
    if not start.startswith(b"{"):
        return NOT_MINE
    signs = [
        re.search(rb'"guild"\s*:\s*\{\s*"id"', start),
        re.search(rb'"channel"\s*:\s*\{\s*"id"', start),
        re.search(rb'"dateRange"\s*:\s*\{', start),
        re.search(rb'"(?:timestampEdited|isPinned|discriminator)"\s*:', start),
    ]
    found = sum(sign is not None for sign in signs)
    if signs[1] is None or found < 3 or re.search(rb'"messages"\s*:\s*\[', start) is None:
        return NOT_MINE
    return Score(80 + 4 * found, "guild, channel and messages of DiscordChatExporter")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every message; joins, pins, calls and the like are non-posts.

    Raises `ExportError` where there is no list of messages.
    """
    guild, channel = _around(export)
    posts = Posts(export, reading, NAME, READER.platform, times=tuple)
    for row in json_rows(export, reading, NAME, ("messages",), _RECORD):
        if isinstance(row, Rejection):
            yield row
            continue
        record = row.record
        kind = str(record.get("type", "Default"))
        if kind in _SYSTEM:
            told = storable(str(record.get("content") or ""))[:80]
            yield NonPost(origin=row.at, what=f"{kind}: {told}" if told else kind)
            continue
        if "timestamp" not in record:
            detail = "no timestamp: no message of DiscordChatExporter"
            yield refuse(reading.source, row.at, Reason.NO_TIME, detail, row.raw)
            continue
        values = _values(record, guild, channel)
        extra = _extra(record, channel)
        if row.notes:
            extra["repaired"] = row.notes
        item = posts.post(values, extra, row.at, row.raw, _reactions(record.get("reactions")))
        yield _related(item, record, channel, reading) if isinstance(item, Post) else item


def _around(export: Export) -> tuple[dict[str, Any], dict[str, Any]]:
    """The guild and the channel, from before the messages."""
    start = utf8_start(peek(export).start).decode("utf-8", "replace")
    found = []
    for name in ("guild", "channel"):
        value: object = {}
        if match := re.search(rf'"{name}"\s*:\s*(?=\{{)', start):
            try:
                value, _ = json.JSONDecoder(strict=False).raw_decode(start, match.end())
            except (ValueError, RecursionError):
                raise ExportError(f"{export.name}: its {name} cannot be read; export it again") from None
        found.append(value if isinstance(value, dict) else {})
    return found[0], found[1]


def _values(record: dict[str, Any], guild: dict[str, Any], channel: dict[str, Any]) -> dict[str, Any]:
    author = _object(record.get("author"))
    names = [str(each["name"]) for each in (guild, channel) if each.get("name")]
    values: dict[str, Any] = {
        "text": record.get("content") or _object(record.get("forwardedMessage")).get("content") or "",
        "posted_at": record["timestamp"],
        "edited_at": record.get("timestampEdited"),
        "id": record.get("id"),
        "author_id": author.get("id"),
        "author_name": author.get("nickname") or author.get("name"),
        "group_id": channel.get("id"),
        "group_name": " / ".join(names),
        "media": _media(record) + _media(_object(record.get("forwardedMessage"))),
    }
    reference = _object(record.get("reference"))
    if reference.get("messageId") and str(reference.get("type", "Default")) != "Forward":
        values["reply_to"] = reference["messageId"]
    return values


def _media(record: dict[str, Any]) -> list[str]:
    """The names of attachments and stickers."""
    named = [
        _object(each).get(name)
        for kind, name in (("attachments", "fileName"), ("stickers", "name"))
        for each in _list(record.get(kind))
    ]
    return [name for name in named if isinstance(name, str)]


def _extra(record: dict[str, Any], channel: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {
        name: value for name, value in record.items() if name not in _USED and value not in (None, [], "")
    }
    author = _object(record.get("author"))
    if author.get("isBot"):
        extra["author_is_bot"] = True
    if author.get("name") and author.get("nickname") not in {None, author["name"]}:
        extra["author_username"] = author["name"]
    if record.get("isPinned"):
        extra["pinned"] = True
    links = [_object(each).get("url") for each in _list(record.get("attachments"))]
    if any(links):
        extra["attachments"] = [link for link in links if link]
    mentioned = [str(_object(each).get("id")) for each in _list(record.get("mentions"))]
    if mentioned:
        extra["mentioned_users"] = mentioned
    if channel.get("category"):
        extra["category"] = channel["category"]
    if str(channel.get("type")).startswith("Direct"):
        extra["chat_type"] = "personal_chat"
    return extra


def _reactions(value: object) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in _list(value):
        emoji, count = _object(_object(each).get("emoji")), _object(each).get("count")
        name = emoji.get("name") or emoji.get("code")
        if isinstance(name, str) and isinstance(count, int):
            found[storable(name)] = found.get(storable(name), 0) + count
    return found


def _related(post: Post, record: dict[str, Any], channel: dict[str, Any], reading: Reading) -> Post:
    """The post with what it answers in another channel, or what it forwards."""
    reference = _object(record.get("reference"))
    elsewhere = reference.get("channelId") not in {None, channel.get("id")}
    if post.reply_to is not None and elsewhere:
        post = replace(post, reply_to=f"{post.platform}:{reference['channelId']}:{reference['messageId']}")
    forwarded = _object(record.get("forwardedMessage"))
    if not forwarded:
        return post
    try:
        local = read_time(str(forwarded.get("timestamp")), zone_named(reading.zone)).posted_local
    except ValueError:
        local = None
    origin_of = reference.get("channelId")
    return replace(post, forwarded_from=None if origin_of is None else str(origin_of), forwarded_local=local)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _missing(names: Sequence[str], linked: Sequence[str]) -> list[str]:  # noqa: ARG001
    """The parts that must be there by the highest number: "X.json" is part 1, then "X [part 2].json".

    >>> _missing(["X [part 3].json", "X.json"], [])
    ['X [part 2].json']
    """
    parts: dict[tuple[str, str], set[int]] = {}
    for name in names:
        if match := _PART.fullmatch(name):
            parts.setdefault((match["base"], match["ending"]), set()).add(int(match["part"] or 1))
    return [
        f"{base}{ending}" if number == 1 else f"{base} [part {number}]{ending}"
        for (base, ending), found in sorted(parts.items())
        for number in range(1, max(found))
        if number not in found
    ]


READER = Reader(
    name=NAME,
    platform="discord",
    about="DiscordChatExporter JSON of a channel, thread or direct chat",
    keeps="texts, nicknames, replies, forwards, edits, reactions, embeds, names and links of attachments",
    loses="roles, colors and avatars; who reacted, and who called a bot",
    score=score,
    read=read,
    files="GUILD - CHANNEL [ID].json, GUILD - CHANNEL [ID] [part 2].json, ...",
    missing=_missing,
)
