"""Comments and live chats of videos as yt-dlp writes them.

The comments of an `.info.json` have no exact time: yt-dlp counts it back from words such as "7 years ago"
(`_time_text`), as its source says.  A live chat (`.live_chat.json`, one object a line) has the microsecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from pipeline.readers.fields import whole_number
from pipeline.readers.files import peek
from pipeline.readers.interface import (
    NOT_MINE,
    Export,
    Head,
    Item,
    Reader,
    Reading,
    Score,
    refuse,
    storable,
)
from pipeline.readers.json_records import ScannedRecords
from pipeline.readers.json_rows import JsonRow, json_rows, utf8_start
from pipeline.readers.times import Clock, from_epoch, zone_named
from pipeline.records import NonPost, Post, Reason, Rejection

NAME = "youtube"

_CHAT = b"ChatItemAction"
_AGO = re.compile(r"(\d+) (second|minute|hour|day|week|month|year)s? ago", re.IGNORECASE)
_LENGTHS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_678_400,
    "year": 31_622_400,
}
_KEPT = (
    "like_count",
    "is_favorited",
    "is_pinned",
    "author_is_uploader",
    "author_is_verified",
    "author_url",
    "_time_text",
)
_HEAD = (
    "id",
    "title",
    "fulltitle",
    "extractor",
    "extractor_key",
    "epoch",
    "channel_id",
    "webpage_url",
    "comment_count",
)
_VIDEO = re.compile(r"(?:^|[^\w-])([\w-]{11})\]?\.(?:info|live_chat)\.json")


def score(head: Head) -> Score:
    """By the fields of yt-dlp's description of a video, or the actions of a live chat."""
    start = utf8_start(head.start)
    if not start.startswith(b"{"):
        return NOT_MINE
    if _CHAT in start and (b"clickTrackingParams" in start or b"liveChat" in start):
        return Score(95, "actions of a live chat")
    known = (
        b'"webpage_url"',
        b'"extractor"',
        b'"extractor_key"',
        b'"formats"',
        b'"upload_date"',
        b'"_time_text"',
    )
    found = sum(name in start or name in head.end for name in known)
    if found > 2 and b'"messages"' not in start[:4_096]:
        return Score(95, "a video as yt-dlp describes it")
    return NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every comment, or every message of a live chat; the other actions of a chat are non-posts.

    Raises `ExportError` where the description of a video has no comments.
    """
    start = utf8_start(peek(export).start)
    if _CHAT in start and b'"webpage_url"' not in start:
        yield from _live_chat(export, reading)
        return
    scanned = ScannedRecords(export, lists=("comments",), members=_HEAD)
    for _ in scanned:
        pass
    video = next((each for each in scanned.heads if each), {})
    for row in json_rows(export, reading, NAME, ("comments",)):
        yield row if isinstance(row, Rejection) else _comment(row, reading, video, export)


def _comment(row: JsonRow, reading: Reading, video: dict[str, object], export: Export) -> Item:
    record = row.record
    number, text = record.get("id"), record.get("text")
    if not isinstance(number, str) or not number:
        detail = f"id is {number!r:.60}; without it the comment cannot be told apart"
        return refuse(reading.source, row.at, Reason.NO_ID, detail, row.raw)
    if not isinstance(text, str):
        if record.get("html") is None and text is not None:
            detail = f"text is {text!r:.60}; correct the comment"
            return refuse(reading.source, row.at, Reason.NO_TEXT, detail, row.raw)
        text = ""
    clock = _estimate(record, reading)
    extra: dict[str, Any] = {
        name: value
        for name in _KEPT
        if (value := record.get(name)) is not None and value is not False and value != ""
    }
    if "(edited)" in str(record.get("_time_text")):
        extra["edited"] = True
    if row.notes:
        extra["repaired"] = row.notes
    title = video.get("title") or video.get("fulltitle")
    site = str(video.get("extractor_key") or "youtube").casefold()
    group = reading.group or _told(video.get("id")) or _named(export) or reading.source
    prefix = f"{reading.platform or site}:{group}:"
    parent = _told(record.get("parent"))
    return Post(
        post_id=prefix + storable(number),
        source=reading.source,
        platform=reading.platform or site,
        group_id=group,
        group_name=_told(title),
        native_id=storable(number),
        kind="comment",
        author_id=_told(record.get("author_id")),
        author_name=_told(record.get("author")),
        posted_at=clock.posted_at,
        posted_local=clock.posted_local,
        zone_source=clock.zone_source,
        time_precision=clock.time_precision,
        text=storable(text),
        reply_to=None if parent in {None, "root"} else f"{prefix}{parent}",
        reactions={"like": likes} if (likes := whole_number(record.get("like_count"))) else {},
        extra=extra | clock.extra,
        origin=row.at,
    )


def _estimate(record: dict[str, Any], reading: Reading) -> Clock:
    """The time that yt-dlp counted back, between whose bounds the true one lies."""
    seconds = record.get("timestamp")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 < seconds < 1e11:
        return Clock(None, None, "unknown", "unknown")
    clock = from_epoch(seconds, zone_named(reading.zone))
    ago = _AGO.search(str(record.get("_time_text") or ""))
    if ago is None or clock.posted_at is None:
        return clock if "_time_text" not in record else replace(clock, time_precision="estimate")
    unit = timedelta(seconds=_LENGTHS[ago[2].casefold()])
    day = timedelta(days=1) if unit >= timedelta(days=1) else unit
    bounds = (clock.posted_at - unit - day, clock.posted_at + day)
    between = [f"{bound.astimezone(UTC).replace(tzinfo=None).isoformat()}Z" for bound in bounds]
    return replace(clock, time_precision="estimate", extra=clock.extra | {"posted_between": between})


def _live_chat(export: Export, reading: Reading) -> Iterator[Item]:
    group = reading.group or _named(export) or reading.source
    for row in json_rows(export, reading, NAME, None):
        if isinstance(row, Rejection):
            yield row
            continue
        actions = _actions(row.record)
        said = [(kind, words) for action in actions for kind, words in _renderers(action)]
        messages = [_message(kind, words, row, reading, group) for kind, words in said if _has_words(words)]
        yield from messages
        if not messages:
            names = [kind for kind, _ in said] or [
                name for action in actions for name in action if name != "clickTrackingParams"
            ]
            yield NonPost(origin=row.at, what=f"live chat: {', '.join(names)[:80] or 'no action'}")


def _actions(record: dict[str, Any]) -> list[dict[str, Any]]:
    replay = record.get("replayChatItemAction")
    listed = replay.get("actions") if isinstance(replay, dict) else [record]
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _renderers(action: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    added = action.get("addChatItemAction")
    item = added.get("item") if isinstance(added, dict) else None
    for kind, words in item.items() if isinstance(item, dict) else ():
        if isinstance(words, dict):
            yield str(kind), words


def _has_words(words: dict[str, Any]) -> bool:
    return "authorName" in words and "timestampUsec" in words and isinstance(words.get("id"), str)


def _message(kind: str, words: dict[str, Any], row: JsonRow, reading: Reading, group: str) -> Item:
    stamp = str(words.get("timestampUsec"))
    if not re.fullmatch(r"[0-9]{10,17}", stamp):
        detail = f"timestampUsec is {stamp!r:.60}; no time is made up: correct the record"
        return refuse(reading.source, row.at, Reason.BAD_TIME, detail, row.raw)
    clock = from_epoch(int(stamp) / 1_000_000, zone_named(reading.zone))
    if clock.posted_at is not None and clock.posted_local is not None:
        clock = replace(clock, posted_at=_whole(clock.posted_at), posted_local=_whole(clock.posted_local))
    author = words.get("authorName")
    platform = reading.platform or "youtube"
    extra: dict[str, Any] = dict(clock.extra)
    replay = row.record.get("replayChatItemAction")
    offset = replay.get("videoOffsetTimeMsec") if isinstance(replay, dict) else None
    if offset is not None:
        extra["video_offset_ms"] = offset
    if "purchaseAmountText" in words:
        extra["amount"] = _runs(words["purchaseAmountText"])
    if row.notes:
        extra["repaired"] = row.notes
    short = kind.removeprefix("liveChat").removesuffix("Renderer")
    text = _runs(words.get("message")) or _runs(words.get("headerSubtext"))
    return Post(
        post_id=f"{platform}:{group}:{storable(words['id'])}",
        source=reading.source,
        platform=platform,
        group_id=group,
        native_id=storable(words["id"]),
        kind="comment",
        author_id=_told(words.get("authorExternalChannelId")),
        author_name=_runs(author) or None,
        posted_at=clock.posted_at,
        posted_local=clock.posted_local,
        zone_source=clock.zone_source,
        time_precision=clock.time_precision,
        text=text,
        extra=extra | ({} if short == "TextMessage" else {"chat_item": short}),
        origin=row.at,
    )


def _whole(time: datetime) -> datetime:
    return time.replace(microsecond=0)


def _runs(told: object) -> str:
    """The words of `{"simpleText": ...}` or `{"runs": [...]}`; an emoji by its character or its shortcut."""
    if not isinstance(told, dict):
        return ""
    if isinstance(told.get("simpleText"), str):
        return storable(told["simpleText"])
    parts = []
    runs = told.get("runs")
    for run in runs if isinstance(runs, list) else ():
        if not isinstance(run, dict):
            continue
        emoji = run.get("emoji")
        if isinstance(run.get("text"), str):
            parts.append(run["text"])
        elif isinstance(emoji, dict):
            shortcuts = emoji.get("shortcuts")
            if emoji.get("isCustomEmoji") and isinstance(shortcuts, list) and shortcuts:
                parts.append(str(shortcuts[0]))
            else:
                parts.append(str(emoji.get("emojiId") or ""))
    return storable("".join(parts))


def _told(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return storable(str(value)) or None


def _named(export: Export) -> str | None:
    """The video's id in the name of the file."""
    match = _VIDEO.search(export.inner_name)
    return None if match is None else match[1]


READER = Reader(
    name=NAME,
    platform="youtube",
    about="yt-dlp's comments (--write-comments: *.info.json) and live chats (*.live_chat.json)",
    keeps="comments with author, likes, what they answer and the time as YouTube tells it (7 years ago: "
    "an estimate, with its bounds); live chats to the second, with amounts paid",
    loses="the description of the video itself; exact times of comments, which yt-dlp does not get",
    score=score,
    read=read,
    files="*.info.json, *.live_chat.json",
)
