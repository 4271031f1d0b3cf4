"""CSV of datasets as 4CAT saves them: the same first columns for every platform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.readers.csv_rows import Rows
from pipeline.readers.fields import Posts, whole_number
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score
from pipeline.readers.named_rows import NamedRow, named_rows
from pipeline.readers.table import head_names
from pipeline.records import Rejection

NAME = "fourcat"

_PLATFORMS = (
    ("telegram", {"chat", "search_entity", "author_is_bot", "forwarded_from_user"}),
    ("x", {"is_retweet", "retweet_count", "is_quote_tweet", "impression_count"}),
    ("tiktok", {"tiktok_url", "music_id", "is_duet", "tiktok_id"}),
    ("instagram", {"usertags", "num_media", "thumbnail_url", "shortcode", "likes_hidden"}),
    ("facebook", {"is_in_group", "page_name", "page_id", "likes_love"}),
    ("reddit", {"subreddit", "link_flair_text", "body_subreddit"}),
    ("youtube", {"videoId", "channelTitle", "authorChannelUrl", "video_title"}),
    ("vk", {"post_source", "owner_type", "from_group"}),
)
_IDS = ("id", "post_id")
_AUTHORS = ("author_full", "author_fullname", "author_name", "author")
_GROUPS = ("chat", "group_id", "page_id", "channel_id", "subreddit", "board", "group")
_GROUP_NAMES = ("group_name", "page_name", "chat", "subreddit", "board", "channel_name")
_LINKS = ("url", "link", "post_url", "tiktok_url", "permalink")
_VIEWS = ("views", "plays", "view_count", "impression_count", "num_plays")
_LIKES = ("likes", "like_count", "num_likes", "favorite_count")
_MEDIA = ("attachment_type", "media_type", "media_types", "media_url")
_USED = {
    "id", "body", "timestamp", "unix_timestamp", "author", "author_id", *_AUTHORS[:3], *_VIEWS[:3],
    "thread_id", "parent_id",
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?")


def score(head: Head) -> Score:
    """By the columns that 4CAT gives every dataset."""
    names = set(head_names(head))
    if not {"id", "body", "timestamp"} <= names:
        return NOT_MINE
    signs = names & {"thread_id", "unix_timestamp", "missing_fields", "timestamp_unix"}
    if not signs:
        return NOT_MINE
    return Score(
        93 if len(signs) > 1 else 88, f"columns body, timestamp and {', '.join(sorted(signs))} of 4CAT"
    )


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post; 4CAT's times are UTC, names may be pseudonyms."""
    rows = Rows(export, reading)
    there = set(rows.head)
    platform = max(_PLATFORMS, key=lambda each: len(each[1] & there))
    posts = Posts(export, reading, NAME, platform[0] if platform[1] & there else READER.platform, times=tuple)
    for row in named_rows(
        export, reading, NAME, rows, [name for name in ("body", "timestamp") if name in there]
    ):
        if isinstance(row, Rejection):
            yield row
            continue
        values, extra, reactions = _values(row)
        yield posts.post(values, extra, row.at, row.raw, reactions)


def _values(row: NamedRow) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    number, printed = row.get(*_IDS), row.get("timestamp")
    parent = row.get("parent_id", "reply_to", "replied_to_id")
    thread = row.get("thread_id")
    seconds = row.get("unix_timestamp", "timestamp_unix")
    values: dict[str, Any] = {
        "text": row.cells.get("body"),
        "posted_at": seconds or (f"{printed}Z" if _TIME.fullmatch(printed) else printed),
        "author_id": row.get("author_id", "author"),
        "author_name": row.get(*_AUTHORS),
        "group_id": row.get(*_GROUPS),
        "group_name": row.get(*_GROUP_NAMES),
        "views": row.get(*_VIEWS),
        "media": row.get(*_MEDIA),
        "url": row.get(*_LINKS),
        "kind": "comment"
        if row.get("type").casefold() == "comment" or (parent and parent != number)
        else "post",
    }
    if number:
        values["id"] = number
    if parent and parent != number:
        values["reply_to"] = parent
    extra = row.rest(_USED)
    for pseudonym in ("author", "author_id"):
        if row.get(pseudonym) not in {"", values[pseudonym if pseudonym == "author_id" else "author_name"]}:
            extra[pseudonym] = row.get(pseudonym)
    if thread and thread != number:
        extra["thread_id"] = thread
    likes = whole_number(row.get(*_LIKES))
    return values, extra, {"like": likes} if likes else {}


READER = Reader(
    name=NAME,
    platform="other",
    about="CSV of a 4CAT dataset, of any platform",
    keeps="texts, ids, times in UTC, authors, threads, counts, links, all other columns",
    loses="what 4CAT did not save; authors are pseudonyms where it was set to hide them",
    score=score,
    read=read,
    files="*.csv",
)
