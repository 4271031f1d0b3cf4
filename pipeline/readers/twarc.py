"""JSON lines of tweets as twarc and the programming interfaces of X write them, first and second version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.readers.fields import Posts
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.json_documents import Document, documents, first_objects
from pipeline.readers.tweets import PLATFORM, Includes, from_v1, from_v2
from pipeline.records import NonPost, Reason

NAME = "twarc"

_LISTS = ("data", "statuses")
_PAGE = re.compile(r'"(data|statuses)"\s*:\s*\[')
_BETWEEN = re.compile(r"[,\s]*")
_V2_SIGNS = {
    "public_metrics", "conversation_id", "edit_history_tweet_ids", "author_id", "referenced_tweets",
    "__twarc", "reply_settings", "possibly_sensitive", "edit_controls",
}  # fmt: skip
_V1_SIGNS = {
    "retweet_count",
    "favorite_count",
    "in_reply_to_status_id_str",
    "truncated",
    "id_str",
    "full_text",
}


def score(head: Head) -> Score:
    """By the first objects: pages, tweets of the second interface, statuses of the first."""
    objects = first_objects(head)
    for one in objects:
        kind = _kind(one)
        if kind == "page" and any(isinstance(row, dict) and _is_tweet(row) for row in _rows(one)):
            return Score(95, "a page of tweets: data or statuses")
        if kind in {"v1", "v2"}:
            return Score(95, f"tweets of X's programming interface, version {kind[1]}")
    if not objects and _begins_page(head.start):
        return Score(95, "a page of tweets: data or statuses")
    return NOT_MINE


def _begins_page(start: bytes) -> bool:
    """Whether a page that is longer than the head of the file holds tweets."""
    text = start.decode("utf-8", "replace").lstrip("\ufeff \r\n\t")
    if not text.startswith("{"):
        return False
    for page in _PAGE.finditer(text):
        try:
            first, _ = json.JSONDecoder(strict=False).raw_decode(text, text.index("{", page.end()))
        except (ValueError, RecursionError):
            continue
        if isinstance(first, dict) and _is_tweet(first):
            return True
    return "includes" in text[:200] and all(f'"{name}"' in text for name in ("users", "username"))


def _kind(record: dict[str, Any]) -> str | None:
    data = record.get("data")
    if isinstance(data, list) or isinstance(record.get("statuses"), list):
        return "page"
    if isinstance(data, dict) and _is_tweet(data) and not _foreign(record):
        return "page"
    if _foreign(record):
        return None
    if _is_v1(record):
        return "v1"
    return "v2" if _is_v2(record) else None


def _foreign(record: dict[str, Any]) -> bool:
    return "source_platform" in record or "__import_meta" in record


def _is_tweet(record: dict[str, Any]) -> bool:
    return _is_v1(record) or _is_v2(record)


def _is_v1(record: dict[str, Any]) -> bool:
    user = record.get("user")
    return (
        ("text" in record or "full_text" in record)
        and "created_at" in record
        and ("id_str" in record or "id" in record)
        and (isinstance(user, dict) or "user_id_str" in record)
        and len(_V1_SIGNS & record.keys()) > 1
    )


def _is_v2(record: dict[str, Any]) -> bool:
    return (
        "text" in record and "id" in record and bool(_V2_SIGNS & record.keys()) and "username" not in record
    )


def _rows(page: dict[str, Any]) -> list[Any]:
    for name in _LISTS:
        if isinstance(page.get(name), list):
            return list(page[name])
        if isinstance(page.get(name), dict):
            return [page[name]]
    return [page]


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every tweet of a page, a line or an array; notices of the interface and other objects are non-posts.

    Tweets that a page holds only because another one names them are in `extra` of that one, or non-posts.
    """
    tweets = _Tweets(export, reading)
    for document in documents(export, _LISTS):
        at = origin(export, NAME, document.locator)
        if document.problem is not None:
            left = document
            if document.problem[0] in {Reason.TRUNCATED, Reason.BAD_JSON}:
                for part in _salvaged(document):
                    if part.value is None:
                        left = part
                    else:
                        yield tweets.item(part, part.value)
            at = origin(export, NAME, left.locator)
            yield refuse(reading.source, at, *document.problem, left.raw)
            continue
        page = document.value
        if _kind(page) != "page":
            yield tweets.item(document, page)
            continue
        includes = Includes(page.get("includes"))
        named: set[str] = set()
        rows = _rows(page)
        for value, part in zip(rows, _parts(document, len(rows)), strict=True):
            yield tweets.item(part, value, includes)
            if isinstance(value, dict):
                named.add(str(value.get("id")))
                named |= {
                    str(one.get("id"))
                    for one in _list(value.get("referenced_tweets"))
                    if isinstance(one, dict)
                }
        if not rows:
            yield NonPost(origin=at, what="a page without tweets")
        for number in includes.tweets.keys() - named:
            yield NonPost(
                origin=at, what=f"tweet {number}: only included, an earlier version or named by others"
            )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


class _Tweets:
    """Makes items of the objects of one export."""

    def __init__(self, export: Export, reading: Reading) -> None:
        self._export = export
        self._source = reading.source
        self._posts = Posts(export, reading, NAME, PLATFORM, times=tuple)

    def item(self, part: Document, record: Any, includes: Includes | None = None) -> Item:
        at = origin(self._export, NAME, part.locator)
        if not isinstance(record, dict):
            return refuse(self._source, at, Reason.NOT_AN_OBJECT, f"{record!r:.60} is no tweet", part.raw)
        if _is_v1(record):
            tweet = from_v1(record)
        elif "text" in record or _is_v2(record):
            tweet = from_v2(record, includes or Includes(None))
        else:
            names = ", ".join(list(record)[:6])
            return NonPost(origin=at, what=f"no tweet but an object of {names or 'nothing'}")
        if part.notes:
            tweet.extra["repaired"] = list(part.notes)
        return self._posts.post(tweet.values, tweet.extra, at, part.raw, tweet.reactions)


class _Page(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"[]")
    statuses: msgspec.Raw = msgspec.Raw(b"[]")


def _parts(document: Document, count: int) -> list[Document]:
    """The bytes of each row of a page; the whole page for each where they are not to be told apart."""
    if document.start is None:
        return [document] * count
    try:
        page = msgspec.json.decode(document.raw, type=_Page)
        raw = bytes(page.data) if bytes(page.data) != b"[]" else bytes(page.statuses)
        slices = (
            [bytes(one) for one in msgspec.json.decode(raw, type=list[msgspec.Raw])]
            if raw[:1] == b"["
            else [raw]
        )
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [document] * count
    if len(slices) != count:
        return [document] * count
    at, parts = max(document.raw.find(raw), 0), []
    for one in slices:
        at = document.raw.index(one, at)
        start, end = document.start + at, document.start + at + len(one)
        parts.append(Document(one, f"bytes {start}-{end}", start, notes=document.notes))
        at += len(one)
    return parts


def _salvaged(document: Document) -> Iterator[Document]:
    """The whole tweets of a page that is cut off or broken, and what is left as a document without value."""
    if document.start is None:
        return
    try:
        text = document.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = document.raw[: error.start].decode("utf-8")
    page = _PAGE.search(text, 0, 20_000)
    if page is None:
        return
    decoder, at = json.JSONDecoder(strict=False), page.end()
    place = document.start + len(text[:at].encode())
    while True:
        behind = _BETWEEN.match(text, at)
        assert behind is not None
        place, at = place + behind.end() - at, behind.end()
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        if not isinstance(value, dict):
            break
        raw = text[at:end].encode("utf-8", "surrogatepass")
        yield Document(raw, f"bytes {place}-{place + len(raw)}", place, value)
        at, place = end, place + len(raw)
    rest = document.raw[place - document.start :]
    yield Document(rest, f"bytes {place}-{document.start + len(document.raw)}", place)


READER = Reader(
    name=NAME,
    platform=PLATFORM,
    about="tweets of X's programming interfaces as JSON lines, pages or an array: twarc 1 and 2, tweepy",
    keeps="whole texts of long tweets and retweets, authors, replies, quoted tweets, media, places, counts; "
    "edits under the id of the first version; the time by the id where the file has none",
    loses="profiles of users and annotations; of tweets that are only included, all but what quotes show",
    score=score,
    read=read,
    files="*.jsonl, *.json",
)
