"""JSON lines of snscrape, from 2020 (`content`) to 2023 (`rawContent`): tweets, and posts of other sites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.readers.fields import Posts, whole_number
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.json_documents import documents, first_objects
from pipeline.readers.tweets import PLATFORM, number_of, time_of_id, unescaped
from pipeline.records import NonPost

NAME = "snscrape"

_TYPE = "snscrape.modules."
_PLATFORMS = {"twitter": PLATFORM, "vkontakte": "vk"}
_TEXTS = ("rawContent", "content", "body", "selftext", "title")
_USED = {
    "_type", "url", "date", "content", "rawContent", "id", "user", "username", "inReplyToTweetId",
    "likeCount",
    "media", "viewCount", "retweetedTweet", "quotedTweet", "inReplyToUser", "mentionedUsers",
    "tcooutlinks", "links", "outlinks", "snscrape", "author", "parentId", "body", "selftext",
}  # fmt: skip


def score(head: Head) -> Score:
    """By the names of its fields; `_type`, where it is there, names the program."""
    for one in first_objects(head):
        module = _kind(one)[0]
        if module and module != "telegram":  # which has a reader of its own
            return Score(96, f"_type of snscrape: {module}")
        if _is_tweet(one):
            return Score(92, "renderedContent, date and id of snscrape")
    return NOT_MINE


def _kind(record: dict[str, Any]) -> tuple[str, str]:
    """Module and class of snscrape; empty where the object does not name them."""
    named = str(record.get("_type", ""))
    module, _, kind = named.removeprefix(_TYPE).partition(".") if named.startswith(_TYPE) else ("", "", "")
    return module, kind


def _is_tweet(record: dict[str, Any]) -> bool:
    return (
        ("rawContent" in record or "content" in record)
        and "id" in record
        and "date" in record
        and bool({"renderedContent", "conversationId", "retweetedTweet"} & record.keys())
    )


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every tweet or post; users, trends and what stands for a deleted tweet are non-posts."""
    makers: dict[str, Posts] = {}
    for document in documents(export):
        at = origin(export, NAME, document.locator)
        if document.problem is not None:
            yield refuse(reading.source, at, *document.problem, document.raw)
            continue
        record = document.value
        module, kind = _kind(record)
        if kind in {"User", "Trend"} or "date" not in record or not set(_TEXTS) & record.keys():
            yield NonPost(origin=at, what=f"{kind or 'an object'} of snscrape, no post")
            continue
        platform = _PLATFORMS.get(module, module) or PLATFORM
        if platform not in makers:
            makers[platform] = Posts(export, reading, NAME, platform, times=tuple)
        values, extra = _values(record)
        if document.notes:
            extra["repaired"] = list(document.notes)
        likes = whole_number(record.get("likeCount"))
        yield makers[platform].post(values, extra, at, document.raw, {"like": likes} if likes else {})


def _values(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    user = _dict(record.get("user"))
    extra = {
        name: value
        for name, value in record.items()
        if name not in _USED and value is not None and value not in ([], {}, "")
    }
    text = _text(record)
    original = _dict(record.get("retweetedTweet"))
    name = _dict(original.get("user")).get("username")
    whole = _text(original)
    if isinstance(text, str) and isinstance(whole, str) and whole not in text:
        extra["text_printed"] = text
        text = f"RT @{name}: {whole}" if name else whole
    number = number_of(record)
    values: dict[str, Any] = {
        "text": text,
        "posted_at": record.get("date") or (number and time_of_id(number)),
        "url": record.get("url"),
        "author_id": number_of(user),
        "author_name": user.get("displayname")
        or user.get("username")
        or record.get("username")
        or record.get("author"),
        "reply_to": number_of(record, "inReplyToTweetId") or number_of(record, "parentId"),
        "forwarded_from": name,
        "media": [
            str(one.get("fullUrl") or one.get("thumbnailUrl") or one.get("previewUrl") or one.get("_type"))
            for one in map(_dict, _list(record.get("media")))
        ],
        "views": record.get("viewCount"),
    }
    if number is not None:
        values["id"] = number
    if record.get("subreddit"):
        values["group_id"] = values["group_name"] = record["subreddit"]
    if user.get("username"):
        extra["author_username"] = user["username"]
    links = [one.get("url") if isinstance(one, dict) else one for one in _list(record.get("links"))]
    links = links or _list(record.get("outlinks"))
    if links:
        extra["links"] = links
    quoted = _dict(record.get("quotedTweet"))
    if quoted:
        known = {"id": number_of(quoted), "text": _text(quoted), "created_at": quoted.get("date")}
        extra["quoted"] = {key: value for key, value in known.items() if value is not None}
    return values, extra


def _text(record: dict[str, Any]) -> object:
    text = next((record[name] for name in _TEXTS if record.get(name) is not None), None)
    return unescaped(text) if isinstance(text, str) else text


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


READER = Reader(
    name=NAME,
    platform=PLATFORM,
    about="JSON lines of snscrape: tweets, and posts of Facebook, Instagram, Mastodon, Reddit, VK, Weibo",
    keeps="whole texts, authors, replies, quoted tweets, media, links, places, counts",
    loses="profiles of users and cards; what snscrape did not get",
    score=score,
    read=read,
    files="*.jsonl, *.json",
)
