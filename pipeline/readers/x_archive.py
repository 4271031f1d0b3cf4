"""The archive that an account downloads of itself: tweets.js and its parts, tweet.js, and older ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.errors import ExportError
from pipeline.readers.fields import Posts
from pipeline.readers.files import sibling
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.json_documents import scanned
from pipeline.readers.tweets import PLATFORM, from_v1
from pipeline.records import NonPost

NAME = "x_archive"

_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:window\s*\.\s*YTD\s*\.\s*(?P<kind>\w+)\s*\.\s*part\d+"
    rb"|Grailbird\s*\.\s*data\s*\.\s*tweets_\w+)\s*=\s*\["
)
_KINDS = {b"tweet", b"tweets", b"community_tweet", b"community_tweets", b"deleted_tweets", b"deleted_tweet"}
_PART = re.compile(r"(?P<stem>[\w-]*tweets?)(?:-part(?P<number>\d+))?\.js")
_WRAPPERS = ("tweet", "communityTweet", "deletedTweet")


def score(head: Head) -> Score:
    """By the assignment at the beginning: window.YTD.tweets.part0, or Grailbird.data in old archives."""
    match = _START.match(head.start)
    if match is None or (match["kind"] is not None and match["kind"] not in _KINDS):
        return NOT_MINE
    return Score(97, "window.YTD or Grailbird.data, and tweets")


def missing(names: Sequence[str], linked: Sequence[str]) -> list[str]:
    """The parts before the last that is there, as far as they are not there.

    >>> missing(["tweets.js", "tweets-part3.js"], [])
    ['tweets-part1.js', 'tweets-part2.js']
    """
    there: dict[str, set[int]] = {}
    for name in [*names, *linked]:
        match = _PART.fullmatch(name)
        if match is not None:
            there.setdefault(match["stem"], set()).add(int(match["number"] or 0))
    return [
        f"{stem}-part{number}.js" if number else f"{stem}.js"
        for stem, numbers in sorted(there.items())
        for number in range(max(numbers))
        if number not in numbers
    ]


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every tweet; its author is the account, whose name stands in account.js beside it."""
    owner = _owner(export)
    posts = Posts(export, reading, NAME, PLATFORM, times=tuple)
    for document in scanned(export, ("",)):
        at = origin(export, NAME, document.locator)
        if document.problem is not None:
            yield refuse(reading.source, at, *document.problem, document.raw)
            continue
        record, deleted = _tweet(document.value)
        if not {"full_text", "text"} & record.keys():
            names = ", ".join(list(document.value)[:4])
            yield NonPost(origin=at, what=f"no tweet but an object of {names or 'nothing'}")
            continue
        tweet = from_v1(record)
        for field, value in owner.items():
            tweet.values[field] = tweet.values[field] or value
        text = str(tweet.values["text"])
        if tweet.values["forwarded_from"] is None and (named := _RETWEET.match(text)):
            tweet.values["forwarded_from"] = named[1]
            if text.endswith("\N{HORIZONTAL ELLIPSIS}"):
                tweet.extra["text_truncated"] = True
        if deleted:
            tweet.extra["deleted"] = True
        if document.notes:
            tweet.extra["repaired"] = list(document.notes)
        yield posts.post(tweet.values, tweet.extra, at, document.raw, tweet.reactions)


_RETWEET = re.compile(r"RT @(\w{1,20}): ")


def _tweet(value: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The tweet itself, which has had a wrapping since 2019."""
    for name in _WRAPPERS:
        inner = value.get(name)
        if isinstance(inner, dict):
            return inner, name == "deletedTweet" or "deleted_at" in inner
    return value, False


def _owner(export: Export) -> dict[str, Any]:
    if "account.js" not in export.siblings:
        return {}
    try:
        for document in scanned(sibling(export, "account.js"), ("",)):
            account = (document.value or {}).get("account")
            if isinstance(account, dict):
                return {
                    "author_id": account.get("accountId"),
                    "author_name": account.get("accountDisplayName") or account.get("username"),
                }
    except (ExportError, OSError):
        return {}
    return {}


READER = Reader(
    name=NAME,
    platform=PLATFORM,
    about="archive of an X account: tweets.js and its parts, tweet.js, monthly files of old ones; zipped too",
    keeps="the account's own tweets with replies, media, links behind t.co, counts; the name from account.js",
    loses="ends of retweets, which the archive cuts at 140 characters, and of long notes (note-tweet.js)",
    score=score,
    read=read,
    files="tweets.js, tweets-part1.js, tweet.js",
    missing=missing,
)
