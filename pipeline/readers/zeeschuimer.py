"""NDJSON of the browser extension Zeeschuimer, and its objects as 4CAT hands them on (`__import_meta`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from pipeline.data import rows
from pipeline.readers.fields import Posts, usual_names, whole_number
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.json_documents import documents, first_objects
from pipeline.readers.tweets import Tweet, from_v1
from pipeline.records import NonPost

NAME = "zeeschuimer"

_ENVELOPE = {
    "nav_index",
    "item_id",
    "timestamp_collected",
    "source_platform_url",
    "last_updated",
    "user_agent",
}
_SAME = {
    "x.com": "twitter.com", "twitter-comments": "twitter.com", "threads.com": "threads.net",
    "rednote.com": "xiaohongshu.com", "rednote-comments": "xiaohongshu.com",
    "facebook-comments": "facebook.com", "instagram-comments": "instagram.com",
    "ig_stories": "instagram.com", "truth.social": "truthsocial.com",
}  # fmt: skip
_PLATFORMS = {"twitter.com": "x", "tiktok-comments": "tiktok", "xiaohongshu.com": "xiaohongshu"}
_ACTIVITY = re.compile(r"urn:li:(?:activity|ugcPost|share):(\d+)")
_BREAK = re.compile(r"<br\s*/?>\s*|</p>\s*<p[^>]*>", re.IGNORECASE)


def score(head: Head) -> Score:
    """By the envelope: source_platform and data, or `__import_meta` inside the object."""
    for one in first_objects(head):
        if isinstance(one.get("data"), dict) and "source_platform" in one and _ENVELOPE & one.keys():
            return Score(97, "data and source_platform of Zeeschuimer")
        meta = one.get("__import_meta")
        if isinstance(meta, dict) and "source_platform" in meta:
            return Score(97, "__import_meta of Zeeschuimer and 4CAT")
    return NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every line as a post of its platform; what a page showed without a post in it is a non-post."""
    makers: dict[str, Posts] = {}
    for document in documents(export):
        at = origin(export, NAME, document.locator)
        if document.problem is not None:
            yield refuse(reading.source, at, *document.problem, document.raw)
            continue
        data, envelope = _opened(document.value)
        called = str(envelope.get("source_platform") or "")
        site = _SAME.get(called, called)
        platform = _PLATFORMS.get(site) or site.partition(".")[0].partition("-")[0] or READER.platform
        if _is_empty(data, site):
            yield NonPost(
                origin=at, what=f"{called or 'an object'}: shown as not available, or an advertisement"
            )
            continue
        if platform not in makers:
            makers[platform] = Posts(export, reading, NAME, platform, times=tuple)
        for post in _posts_of(data, envelope, site):
            values, extra = post.values, post.extra
            if values.get("kind") is None:
                values["kind"] = "comment" if "comments" in called else "post"
            if "id" not in values and envelope.get("item_id"):
                values["id"] = envelope["item_id"]
            if envelope.get("timestamp_collected"):
                extra["timestamp_collected"] = envelope["timestamp_collected"]
            if document.notes:
                extra["repaired"] = list(document.notes)
            yield makers[platform].post(values, extra, at, document.raw, post.reactions)


def _is_empty(data: dict[str, Any], site: str) -> bool:
    """Whether the page showed nothing here: a deleted or withheld post, an advertisement without its data."""
    if not data or "tombstone" in data:
        return True
    if site == "twitter.com" and "legacy" not in data and str(data.get("__typename", "")).startswith("Tweet"):
        return "tweet" not in data
    return data.get("product_type") == "ad" and "taken_at" not in data


def _posts_of(data: dict[str, Any], envelope: dict[str, Any], site: str) -> list[Tweet]:
    """One post; of the comments on Facebook all that a page gave at once."""
    if site == "twitter.com":
        tweet = _tweet(data)
        if tweet is not None:
            return [tweet]
    comments = [_mapped(one, envelope, site) for one in _comments(data)] if site == "facebook.com" else []
    return comments or [_mapped(data, envelope, site)]


def _comments(data: dict[str, Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    """The comments below a post of Facebook, and the replies to them."""
    held = _at(data, "comment_rendering_instance_for_feed_location.comments.edges")
    replies = _at(data, "feedback.replies_connection.edges") or _at(data, "replies_connection.edges")
    for edges in (held, replies):
        for edge in edges if isinstance(edges, list) and depth < 8 else ():
            node = _dict(_dict(edge).get("node"))
            if node:
                yield node
                yield from _comments(node, depth + 1)


def _opened(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    data = record.get("data")
    if isinstance(data, dict) and "source_platform" in record:
        return data, record
    meta = record.get("__import_meta")
    return {name: one for name, one in record.items() if name != "__import_meta"}, _dict(meta)


def _tweet(data: dict[str, Any]) -> Tweet | None:
    """A post of X's web page, as the first interface would give it; None where it is none."""
    status = _status(data)
    if status is None:
        return None
    tweet = from_v1(status)
    views = _dict(data.get("views") or _dict(data.get("tweet")).get("views") or data.get("ext_views"))
    tweet.values["views"] = views.get("count")
    if data.get("promoted"):
        tweet.extra["promoted"] = True
    return tweet


def _status(data: dict[str, Any], depth: int = 0) -> dict[str, Any] | None:
    if isinstance(data.get("tweet"), dict):  # of limited visibility
        data = data["tweet"]
    legacy = _dict(data.get("legacy"))
    if "full_text" not in legacy:
        return None
    user = _dict(data.get("user")) or _user(data)
    status = {
        name: value
        for name, value in legacy.items()
        if name not in {"retweeted_status_result", "quoted_status"}
    }
    status |= {"id_str": str(data.get("rest_id") or legacy.get("id_str") or data.get("id")), "user": user}
    note = _dict(_dict(_dict(data.get("note_tweet")).get("note_tweet_results")).get("result")).get("text")
    if isinstance(note, str) and note:
        status["extended_tweet"] = {"full_text": note, "entities": legacy.get("entities")}
    for ours, theirs, holder in (
        ("retweeted_status", "retweeted_status_result", legacy),
        ("quoted_status", "quoted_status_result", data),
    ):
        result = _dict(_dict(holder.get(theirs)).get("result"))
        inner = _status(result, depth + 1) if result and depth < 2 else None
        if inner is not None:
            status[ours] = inner
    return status


def _user(data: dict[str, Any]) -> dict[str, Any]:
    result = _dict(_dict(_dict(data.get("core")).get("user_results")).get("result"))
    names = {**_dict(result.get("legacy")), **_dict(result.get("core"))}
    return {
        "id_str": str(result.get("rest_id") or "") or _dict(data.get("legacy")).get("user_id_str"),
        "name": names.get("name"),
        "screen_name": names.get("screen_name"),
    }


def _mapped(data: dict[str, Any], envelope: dict[str, Any], site: str) -> Tweet:
    found: dict[str, Any] = {}
    used = set()
    for field, path in _paths().get(site, _usual_paths()):
        if found.get(field) is None:
            value = _at(data, path)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != "":
                found[field] = value
                used.add(path.partition(".")[0])
    extra = _plain(data, used)
    if "html" in found:
        found["text"] = _text_of(str(found.pop("html")))
    if site == "facebook.com":
        _facebook(data, found)
    if site == "linkedin.com":
        _linkedin(found, extra)
    if site in _paths() and "text" not in found and ("posted_at" in found or "id" in found):
        found["text"] = ""  # a picture or a video without words
    for name, ours in (
        ("username", "author_username"),
        ("code", "code"),
        ("thread", "thread_id"),
        ("place", "place"),
    ):
        if name in found:
            extra[ours] = found.pop(name)
    for name in ("comments", "shares"):
        if name in found:
            extra[name] = found.pop(name)
    if str(found.get("reply_to", "0")) == "0":
        found.pop("reply_to", None)
    likes = whole_number(found.pop("like", None))
    if "url" not in found and envelope.get("source_platform_url"):
        extra["source_platform_url"] = envelope["source_platform_url"]
    return Tweet(found, extra, {"like": likes} if likes else {})


def _plain(data: dict[str, Any], used: set[str]) -> dict[str, Any]:
    """The values of an object that are no objects or lists themselves."""
    return {
        name: value
        for name, value in data.items()
        if name not in used and isinstance(value, (str, int, float, bool)) and value != ""
    }


def _facebook(data: dict[str, Any], found: dict[str, Any]) -> None:
    """The time stands somewhere in the sections of a page; the group in the address."""
    if "posted_at" not in found:
        time = _deep(data, "creation_time")
        if time is not None:
            found["posted_at"] = time
    match = re.search(r"/groups/([^/?]+)", str(found.get("url", "")))
    if match is not None:
        found["group_id"] = match[1]


def _deep(value: object, name: str) -> int | None:
    level = [value]
    for _ in range(24):
        following: list[object] = []
        for one in level:
            if isinstance(one, dict):
                if isinstance(one.get(name), int):
                    return int(one[name])
                following += one.values()
            elif isinstance(one, list):
                following += one
        level = following
    return None


def _linkedin(found: dict[str, Any], extra: dict[str, Any]) -> None:
    """The page gives no time but "18h"; the number of an activity holds it, in milliseconds."""
    match = _ACTIVITY.search(str(found.get("id", "")))
    if match is not None:
        found["id"] = match[1]
        found["posted_at"] = (int(match[1]) >> 22) / 1000
        extra["time_from"] = "id"


def _text_of(html: str) -> str:
    tree = LexborHTMLParser(_BREAK.sub("\n", html))
    return tree.body.text(deep=True, separator="") if tree.body is not None else ""


@cache
def _paths() -> dict[str, list[tuple[str, str]]]:
    paths: dict[str, list[tuple[str, str]]] = {}
    for row in rows("platform_paths"):
        paths.setdefault(row["platform"], []).append((row["field"], row["path"]))
    return paths


@cache
def _usual_paths() -> list[tuple[str, str]]:
    return [(field, name) for field, names in usual_names().items() for name in names]


def _at(value: object, path: str) -> object:
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


READER = Reader(
    name=NAME,
    platform="other",
    about="Zeeschuimer NDJSON of Instagram, TikTok, X, Threads and others; also 4CAT's",
    keeps="texts, ids, times, authors, replies, counts, and the plain values of the platform's objects",
    loses="the nested rest of those objects: addresses of pictures and videos, layout, recommendations",
    score=score,
    read=read,
    files="zeeschuimer-export-*.ndjson",
)
