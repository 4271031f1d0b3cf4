"""JSON lines of Telegram posts as snscrape's telegram-channel writes them, 2020 to 2023."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from pipeline.readers.fields import Posts
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, refuse, storable
from pipeline.readers.json_rows import first_objects, json_rows
from pipeline.records import NonPost, Post, Reason, Rejection

NAME = "snscrape_telegram"

_TYPE = "snscrape.modules.telegram."
_LINK = re.compile(
    r"https?://(?:www\.)?t(?:elegram)?\.me/(?:s/)?(?P<channel>[A-Za-z0-9_]+)/(?P<id>\d+)(?:\?.*)?"
)
_USED = {
    "_type",
    "url",
    "date",
    "content",
    "views",
    "images",
    "video",
    "voice",
    "media",
    "forwarded",
    "channel",
}


def score(head: Head) -> Score:
    """By `_type`, or by links to a channel's posts with content and outlinks."""
    _, objects, _ = first_objects(head.start)
    if any(str(each.get("_type", "")).startswith(_TYPE) for each in objects):
        return Score(96, "_type of snscrape's telegram module")
    if objects and all(_is_post(each) for each in objects):
        return Score(92, "t.me links with content and outlinks of snscrape")
    return NOT_MINE


def _is_post(record: dict[str, Any]) -> bool:
    return (
        {"date", "content"} <= record.keys()
        and bool({"outlinks", "linkPreview", "outlinksss"} & record.keys())
        and _LINK.fullmatch(str(record.get("url"))) is not None
    )


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every post; what snscrape tells of the channel itself is a non-post."""
    by_line, objects, name = first_objects(peek(export).start)
    posts = Posts(export, reading, NAME, READER.platform, times=tuple)
    for row in json_rows(export, reading, NAME, None if by_line or not objects else (name,)):
        if isinstance(row, Rejection):
            yield row
            continue
        record = row.record
        kind = str(record.get("_type", "")).removeprefix(_TYPE)
        if kind not in {"", "TelegramPost"}:
            yield NonPost(origin=row.at, what=f"{kind} of snscrape, no post")
            continue
        link = _LINK.fullmatch(str(record.get("url")))
        if link is None:
            detail = f"url {record.get('url')!r} is no link to a post of a channel; correct it"
            yield refuse(reading.source, row.at, Reason.NO_ID, detail, row.raw)
            continue
        values = {
            "text": record.get("content") or "",
            "posted_at": record.get("date"),
            "id": link["id"],
            "group_id": reading.group or link["channel"],
            "group_name": link["channel"],
            "url": record["url"],
            "views": record.get("views"),
            "media": _media(record),
        }
        extra = {
            key: value for key, value in record.items() if key not in _USED and value not in (None, [], "")
        }
        if row.notes:
            extra["repaired"] = row.notes
        item = posts.post(values, extra, row.at, row.raw)
        yield _forwarded(item, record) if isinstance(item, Post) else item


def _media(record: dict[str, Any]) -> list[str]:
    """The links of pictures, or the kind of what is attached."""
    images = [each for each in record.get("images") or [] if isinstance(each, str)]
    kinds = [name for name in ("video", "voice") if record.get(name)]
    typed = [
        str(each.get("_type", "")).removeprefix(_TYPE)
        for each in record.get("media") or []
        if isinstance(each, dict)
    ]
    return images + kinds + [name.casefold() for name in typed if name]


def _forwarded(post: Post, record: dict[str, Any]) -> Post:
    channel = record.get("forwarded")
    if isinstance(channel, dict):
        channel = channel.get("title") or channel.get("username")
    return post if not channel else replace(post, forwarded_from=storable(str(channel)))


READER = Reader(
    name=NAME,
    platform="telegram",
    about="JSON lines of snscrape's telegram-channel",
    keeps="texts, numbers of posts, times with their zone, views, links, pictures, channels of forwards",
    loses="replies, reactions and edits, which the web page of a channel does not show",
    score=score,
    read=read,
    files="*.jsonl",
)
