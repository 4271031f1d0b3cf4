"""Tweets to the named values of a post: objects of the first and the second programming interface of X."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from pipeline.readers.fields import whole_number

PLATFORM = "x"

_ENTITY = re.compile("&(amp|lt|gt|quot|#39);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#39": "'"}
_FIRST_TIMED_ID = 29_700_859_247  # from the 4th of November 2010 on, an id holds the time of its tweet
_EPOCH_OF_IDS = 1_288_834_974_657  # milliseconds
_ID = re.compile(r"\d{1,20}")


class Tweet(Struct, frozen=True):
    """What `fields.Posts` takes."""

    values: dict[str, Any]
    extra: dict[str, Any]
    reactions: dict[str, int]


def unescaped(text: str) -> str:
    """The text without the entities that X writes, taken out once.

    >>> unescaped("a &amp;amp; b &lt;3 &copy;")
    'a &amp; b <3 &copy;'
    """
    return _ENTITY.sub(lambda match: _ENTITIES[match[1]], text) if "&" in text else text


def time_of_id(number: str) -> float | None:
    """Seconds since 1970 by the id of a tweet; None for the ids before November 2010, which hold no time.

    >>> time_of_id("1380242611781386245")
    1617910456.973
    """
    value = int(number) if _ID.fullmatch(number) else 0
    return ((value >> 22) + _EPOCH_OF_IDS) / 1000 if value > _FIRST_TIMED_ID else None


def number_of(record: Mapping[str, Any], name: str = "id") -> str | None:
    """The id of an object, by its text where both are there."""
    value = record.get(f"{name}_str") or record.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip() or None


def from_v1(record: dict[str, Any]) -> Tweet:
    """A status of the first interface, also as the archive of an account or the web page has it."""
    long = _dict(record.get("extended_tweet"))
    original = _dict(record.get("retweeted_status"))
    text, printed = _v1_text(record), None
    extra = _rest(record, _V1_USED)
    source_name = _dict(original.get("user")).get("screen_name")
    if original and isinstance(text, str) and text.rstrip().endswith("\N{HORIZONTAL ELLIPSIS}"):
        whole = _v1_text(original)
        if isinstance(whole, str):
            printed, text = text, f"RT @{source_name}: {whole}" if source_name else whole
    elif record.get("truncated") is True and not long and "full_text" not in record:
        extra["text_truncated"] = True
    if printed is not None:
        extra["text_printed"] = printed
    user = _dict(record.get("user"))
    number = number_of(record)
    values: dict[str, Any] = {
        "text": text,
        "posted_at": record.get("created_at") or record.get("timestamp_ms"),
        "id": number,
        "author_id": number_of(user) or record.get("user_id_str"),
        "author_name": user.get("name") or user.get("screen_name"),
        "reply_to": number_of(record, "in_reply_to_status_id"),
        "forwarded_from": source_name,
        "media": _v1_media(record, long),
    }
    _links(extra, [_dict(holder.get("entities")) for holder in (record, long, original)])
    if user.get("screen_name"):
        extra["author_username"] = user["screen_name"]
    if original:
        extra["retweeted_id"] = number_of(original)
    quoted = _dict(record.get("quoted_status"))
    if quoted:
        extra["quoted"] = _brief(number_of(quoted), _v1_text(quoted), quoted.get("created_at"))
    _edits(values, extra, _dict(_dict(record.get("edit_info")).get("edit")).get("initialTweetId"))
    likes = whole_number(record.get("favorite_count"))
    return _finished(values, extra, likes, number)


_V1_USED = {
    "text", "full_text", "extended_tweet", "created_at", "timestamp_ms", "id", "id_str", "user",
    "retweeted_status", "quoted_status", "in_reply_to_status_id", "in_reply_to_status_id_str",
    "favorite_count", "entities", "extended_entities", "display_text_range", "truncated",
    "user_id_str",
}  # fmt: skip


def _v1_text(record: dict[str, Any]) -> object:
    text = _dict(record.get("extended_tweet")).get("full_text")
    if text is None:
        text = record.get("full_text")
    if text is None:
        text = record.get("text")
    return unescaped(text) if isinstance(text, str) else text


def _v1_media(record: dict[str, Any], long: dict[str, Any]) -> list[str]:
    for holder in (long, record):
        for name in ("extended_entities", "entities"):
            media = _list(_dict(holder.get(name)).get("media"))
            if media:
                return [
                    str(one.get("media_url_https") or one.get("media_url") or one.get("type"))
                    for one in map(_dict, media)
                ]
    return []


class Includes:
    """What a page of the second interface holds beside its tweets: users, media, places and other tweets."""

    def __init__(self, value: object) -> None:
        held = _dict(value)
        self.users = _by(held.get("users"), "id")
        self.media = _by(held.get("media"), "media_key")
        self.places = _by(held.get("places"), "id")
        self.tweets = _by(held.get("tweets"), "id")


def from_v2(record: dict[str, Any], includes: Includes) -> Tweet:
    """A tweet of the second interface, in its page or flattened."""
    text = _v2_text(record)
    extra = _rest(record, _V2_USED)
    values: dict[str, Any] = {}
    for reference in map(_dict, _list(record.get("referenced_tweets"))):
        kind, target = reference.get("type"), str(reference.get("id") or "")
        known = {**includes.tweets.get(target, {}), **reference}
        if kind == "replied_to":
            values["reply_to"] = target
        elif kind == "retweeted":
            author = _v2_author(known, includes)
            values["forwarded_from"] = author.get("username") or known.get("author_id")
            extra["retweeted_id"] = target
            whole = _v2_text(known)
            if isinstance(whole, str) and isinstance(text, str) and text != whole:
                extra["text_printed"] = text
                text = f"RT @{author['username']}: {whole}" if author.get("username") else whole
        elif kind == "quoted":
            extra["quoted"] = _brief(target, _v2_text(known), known.get("created_at"))
    author = _v2_author(record, includes)
    number = number_of(record)
    metrics = {**_dict(record.get("public_metrics"))}
    values |= {
        "text": text,
        "posted_at": record.get("created_at"),
        "id": number,
        "author_id": record.get("author_id") or author.get("id"),
        "author_name": author.get("name") or author.get("username"),
        "media": _v2_media(record, includes),
        "views": metrics.pop("impression_count", None),
    }
    likes = whole_number(metrics.pop("like_count", None))
    extra |= metrics
    if author.get("username"):
        extra["author_username"] = author["username"]
    _links(extra, [_dict(record.get("entities"))])
    geo = _dict(record.get("geo"))
    if geo:
        extra["geo"] = {**geo, **includes.places.get(str(geo.get("place_id")), {})}
    history = _list(record.get("edit_history_tweet_ids"))
    _edits(values, extra, history[0] if history else None)
    return _finished(values, extra, likes, number)


_V2_USED = {
    "text", "note_tweet", "created_at", "id", "author_id", "author", "author_user",
    "public_metrics", "referenced_tweets", "entities", "attachments", "edit_history_tweet_ids",
    "geo", "in_reply_to_user", "__twarc", "matching_rules", "context_annotations", "type",
}  # fmt: skip


def _v2_text(record: dict[str, Any]) -> object:
    text = _dict(record.get("note_tweet")).get("text") or record.get("text")
    return unescaped(text) if isinstance(text, str) else text


def _v2_author(record: dict[str, Any], includes: Includes) -> dict[str, Any]:
    return (
        _dict(record.get("author"))
        or _dict(record.get("author_user"))
        or includes.users.get(str(record.get("author_id")), {})
    )


def _v2_media(record: dict[str, Any], includes: Includes) -> list[str]:
    attached = _dict(record.get("attachments"))
    named = _list(attached.get("media_keys"))
    held = [one for one in map(_dict, [*_list(attached.get("media")), *named]) if one]
    keys = [key for key in named if isinstance(key, str)]
    found = held or [includes.media.get(key, {"type": key}) for key in keys]
    return [
        str(one.get("url") or one.get("preview_image_url") or one.get("type") or one.get("media_key"))
        for one in found
    ]


def _links(extra: dict[str, Any], entities: list[dict[str, Any]]) -> None:
    """What the short links of the text lead to."""
    links = [one.get("expanded_url") for each in entities for one in map(_dict, _list(each.get("urls")))]
    known = list(dict.fromkeys(link for link in links if isinstance(link, str) and link))
    if known:
        extra["links"] = known


def _edits(values: dict[str, Any], extra: dict[str, Any], first: object) -> None:
    """An edit is a new tweet: all of them are kept under the id of the first one."""
    if isinstance(first, (str, int)) and str(first) != values["id"] and _ID.fullmatch(str(first)):
        extra["tweet_id"] = values["id"]
        values["edited_at"] = values["posted_at"]
        values["id"] = str(first)
        began = time_of_id(str(first))
        if began is not None:
            values["posted_at"] = began


def _finished(values: dict[str, Any], extra: dict[str, Any], likes: int | None, number: str | None) -> Tweet:
    if values["posted_at"] in (None, "") and number is not None:
        values["posted_at"] = time_of_id(number)
        extra["time_from"] = "id"
    if number is None:
        values.pop("id")
    return Tweet(values, extra, {"like": likes} if likes else {})


def _brief(number: str | None, text: object, time: object) -> dict[str, Any]:
    known = {"id": number, "text": text, "created_at": time}
    return {name: value for name, value in known.items() if value is not None}


def _rest(record: dict[str, Any], used: set[str]) -> dict[str, Any]:
    return {
        name: value
        for name, value in record.items()
        if name not in used and value is not None and value not in ([], {}, "")
    }


def _by(value: object, name: str) -> dict[str, dict[str, Any]]:
    return {str(one.get(name)): one for one in map(_dict, _list(value))}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
