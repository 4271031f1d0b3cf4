"""Facebook's "Download your information" in JSON: an account's own posts and comments, in groups and out.

All its text was written byte by byte as if it were Latin-1; every string is put right by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.data import rows
from pipeline.readers.encodings import utf16_order
from pipeline.readers.fields import Posts
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.json_documents import first_objects, scanned
from pipeline.readers.mojibake import mend

NAME = "facebook_dyi"

_LISTS = (
    "group_posts", "group_comments", "comments", "status_updates", "app_posts", "wall_posts_sent_to_you",
    "posts", "activity_log_data",
)  # fmt: skip
_VERSIONED = re.compile(r"(?:" + "|".join(_LISTS) + r")(?:_v\d+)?")
_OPENING = re.compile(r'\s*\{\s*"(\w+)"\s*:\s*(?:\{\s*"(\w+)"\s*:\s*)?\[')
_ITEM = re.compile(r'\s*(?:\]|\{\s*"(?:timestamp|attachments|data|title|tags|media|label_values|fbid)")')
_ENGLISH = re.compile(
    r"(?P<author>.+?) (?:posted|commented|replied|shared|added|updated|created|wrote|was"
    r"|is|asked|uploaded|went|likes?)\b"
    r"(?:.*? (?:in|to the group:?|in the group:?|(?:photos?|videos?|files?|polls?|links?) to)"
    r" (?P<group>[^\n]+?))?\.?",
    re.DOTALL,
)
_USED = {"timestamp", "data", "attachments", "label_values", "fbid", "media", "title"}


def score(head: Head) -> Score:
    """By the name of the list at the beginning, or by items with a time and a post, a comment or labels."""
    order = utf16_order(head.start)
    text = head.start.decode(f"utf-16-{order}" if order else "utf-8", "replace").removeprefix("\ufeff")
    opening = _OPENING.match(text)
    if opening is not None and _VERSIONED.fullmatch(opening[2] or opening[1]):
        item = _ITEM.match(text, opening.end())
        if item is None:
            return NOT_MINE
        named = (
            opening[1].startswith(("group_", "wall_posts", "status_updates", "app_posts"))
            or "_v" in opening[1]
        )
        if named or re.search(r'"(?:post|comment)"\s*:', text):
            return Score(95, f"the list {opening[1]} of Facebook's download")
        return NOT_MINE
    if text.lstrip()[:1] != "[":
        return NOT_MINE
    for one in first_objects(head):
        if isinstance(one.get("timestamp"), int) and isinstance(one.get("label_values"), list):
            known = {str(mended(each.get("label"))).casefold() for each in _leaves(one["label_values"])}
            if known & _labels().keys() and any(
                _labels()[each] == "text" for each in known & _labels().keys()
            ):
                return Score(93, "label_values with a text, of Facebook's download")
        elif isinstance(one.get("timestamp"), int) and _is_post(one):
            return Score(92, "items with timestamp and post or attachments, of Facebook's download")
    return NOT_MINE


def _is_post(item: dict[str, Any]) -> bool:
    data = item.get("data")
    if isinstance(data, list) and any({"post", "comment"} & _dict(one).keys() for one in data):
        return True
    return isinstance(item.get("attachments"), list) and ("title" in item or isinstance(data, list))


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every item as a post or a comment, also without words; the group by the comment or the title."""
    posts = Posts(export, reading, NAME, READER.platform, times=tuple)
    head = peek(export)
    order = utf16_order(head.start)
    text = head.start.decode(f"utf-16-{order}" if order else "utf-8", "replace").removeprefix("\ufeff")
    opening = _OPENING.match(text)
    outer = opening is None and text.lstrip()[:1] == "["
    names = {each for each in (opening[1], opening[2]) if each} if opening is not None else set()
    comments = any("comment" in name for name in names) or (
        outer and head.name.startswith(("comments", "your_comments"))
    )
    for document in scanned(export, ("",) if outer else (*_LISTS, *sorted(names))):
        at = origin(export, NAME, document.locator)
        if document.problem is not None:
            yield refuse(reading.source, at, *document.problem, document.raw)
            continue
        item, was_wrong = mended_all(document.value)
        values, extra = _labeled(item) if "label_values" in item else _plain(item)
        values.setdefault("kind", "comment" if comments else "post")
        repaired = [*document.notes, *(["mojibake:latin-1"] if was_wrong else [])]
        if repaired:
            extra["repaired"] = repaired
        yield posts.post(values, extra, at, document.raw)


def _plain(item: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    extra = {name: value for name, value in item.items() if name not in _USED and value not in ([], {}, "")}
    values: dict[str, Any] = {"posted_at": item.get("timestamp")}
    texts = []
    for one in map(_dict, _list(item.get("data"))):
        comment = one.get("comment")
        if isinstance(comment, dict):
            values["kind"] = "comment"
            texts.append(comment.get("comment"))
            values["posted_at"] = values["posted_at"] or comment.get("timestamp")
            values["author_name"] = comment.get("author")
            values["group_name"] = comment.get("group")
        elif "post" in one:
            texts.append(one["post"])
        for name in ("update_timestamp", "updated_timestamp"):
            if one.get(name):
                values["edited_at"] = one[name]
        if one.get("backdated_timestamp"):
            extra["backdated_timestamp"] = one["backdated_timestamp"]
    values["text"] = "\n".join(text for text in texts if isinstance(text, str) and text)
    title = item.get("title")
    if title:
        extra["printed_title"] = title
    named = _ENGLISH.fullmatch(title) if isinstance(title, str) else None
    if named is not None:
        values["author_name"] = values.get("author_name") or named["author"]
        values["group_name"] = values.get("group_name") or named["group"]
    values["group_id"] = values.get("group_name")
    _attachments(item, values, extra)
    return values, extra


def _attachments(item: dict[str, Any], values: dict[str, Any], extra: dict[str, Any]) -> None:
    media, links, rest = [], [], []
    for group in map(_dict, _list(item.get("attachments"))):
        for one in map(_dict, _list(group.get("data"))):
            held, outside = _dict(one.get("media")), _dict(one.get("external_context"))
            if held:
                media.append(str(held.get("uri") or "media"))
                if held.get("description") and held["description"] != values["text"]:
                    extra.setdefault("media_descriptions", []).append(held["description"])
            if outside.get("url"):
                links.append(outside["url"])
            others = {key: value for key, value in one.items() if key not in {"media", "external_context"}}
            if others:
                rest.append(others)
    values["media"] = media
    if links:
        extra["links"] = links
    if rest:
        extra["attachments"] = rest


def _labeled(item: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An item of the newest downloads: parts with labels in the language of the account."""
    extra = {name: value for name, value in item.items() if name not in _USED and value not in ([], {}, "")}
    values: dict[str, Any] = {"posted_at": item.get("timestamp"), "media": _uris(item)}
    if item.get("fbid"):
        values["id"] = item["fbid"]
    others: dict[str, Any] = {}
    fields = {"text": "text", "group": "group_name", "author": "author_name", "link": "url"}
    for leaf in _leaves(item["label_values"]):
        label = str(leaf.get("label") or "")
        value = leaf.get("value") if leaf.get("value") not in (None, "") else leaf.get("href")
        field = fields.get(_labels().get(label.casefold(), ""))
        if field is not None and not values.get(field) and value is not None:
            values[field] = value
        elif value not in (None, ""):
            others[label] = value
    if "text" not in values:
        longest = max(
            (key for key in others if _wordy(others[key])), key=lambda key: len(others[key]), default=None
        )
        values["text"] = others.pop(longest) if longest is not None else ""
        if longest is not None:
            extra["text_label"] = longest
    if others:
        extra["labels"] = others
    values["group_id"] = values.get("group_name")
    return values, extra


def _wordy(value: object) -> bool:
    return isinstance(value, str) and " " in value.strip() and not value.startswith("http")


def _leaves(value: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The labels with a value, also those in lists inside (dict, vec)."""
    if depth > 8:
        return
    for one in map(_dict, _list(value)):
        if "label" in one and ("value" in one or "href" in one or "timestamp_value" in one):
            yield one
        for name in ("dict", "vec"):
            yield from _leaves(one.get(name), depth + 1)


def _uris(item: dict[str, Any]) -> list[str]:
    lists = [item.get("media"), *(_dict(one).get("media") for one in _list(item.get("label_values")))]
    return [str(one["uri"]) for held in lists for one in map(_dict, _list(held)) if one.get("uri")]


@cache
def _labels() -> dict[str, str]:
    return {row["label"].casefold(): row["field"] for row in rows("facebook_labels")}


def mended(text: object) -> object:
    """A string with its bytes read as UTF-8 where they are that; anything else as it is.

    >>> mended("\\u00d8\\u00ad\\u00d9\\u0084\\u00d8\\u00a8"), mended("é")
    ('حلب', 'é')
    """
    if not isinstance(text, str) or text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return mend(text)[0]


def mended_all(value: Any) -> tuple[Any, bool]:
    """The value with all of its strings put right, and whether there was one to put right."""
    if isinstance(value, str):
        text = mended(value)
        return text, text != value
    if isinstance(value, list):
        inside = [mended_all(one) for one in value]
        return [one for one, _ in inside], any(wrong for _, wrong in inside)
    if isinstance(value, dict):
        pairs = [(mended(name), *mended_all(one)) for name, one in value.items()]
        return {name: one for name, one, _ in pairs}, any(wrong for *_, wrong in pairs)
    return value, False


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


READER = Reader(
    name=NAME,
    platform="facebook",
    about='Facebook\'s "Download your information" in JSON, 2018 to today; also in its zip',
    keeps="texts put right letter by letter, groups as far as comments or English titles name them, times, "
    "edits, links, media names",
    loses="what others wrote in the group: the download holds the account's own posts and comments only",
    score=score,
    read=read,
    files="group_posts_and_comments.json, your_comments_in_groups.json, your_posts_1.json",
)
