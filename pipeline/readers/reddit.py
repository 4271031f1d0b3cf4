"""Reddit's dumps, one object a line: comments (RC_2016-01.zst), submissions (RS_...), since Pushshift.

The archives are zstandard with a window of 2 GB, which `opening` unpacks.  Numbers and texts changed over the
years: `created_utc` is a number or a string, `edited` false or a time, a removed text a word in brackets.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from pipeline.readers.fields import whole_number
from pipeline.readers.files import peek
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, refuse, storable
from pipeline.readers.json_rows import JsonRow, first_objects, json_rows, utf8_start
from pipeline.readers.times import from_epoch, zone_named
from pipeline.records import Post, Reason, Rejection

NAME = "reddit"

_LISTING = re.compile(rb'\{\s*"kind"\s*:\s*"Listing".{1,400}?"children"\s*:', re.DOTALL)
_GONE = {
    "[deleted]": "deleted by its author",
    "[removed]": "removed by moderators",
    "[removed by reddit]": "removed by Reddit",
}
_KEPT = (
    "link_id", "score", "ups", "downs", "controversiality", "gilded", "num_comments", "upvote_ratio",
    "over_18",
    "distinguished", "stickied", "author_flair_text", "link_flair_text", "url", "permalink", "domain",
    "is_self", "subreddit_id", "retrieved_on", "retrieved_utc", "retrieved_2nd_on", "_meta",
    "removed_by_category", "is_submitter", "crosspost_parent", "locked", "archived", "updated_on",
    "updated_utc",
)  # fmt: skip
"""What goes to `extra`; the rest is how Reddit paints it (colors, flairs, awards, previews)."""


def score(head: Head) -> Score:
    """By the fields that Reddit's records have together."""
    found = [_record(each) for each in _shape(head.start)[1]]
    kinds = {_kind(each) for each in found}
    if not found or None in kinds:
        return NOT_MINE
    return Score(95, "subreddit, created_utc and body or selftext of Reddit")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every comment and submission, those that were deleted too."""
    name, _ = _shape(peek(export).start)
    for row in json_rows(export, reading, NAME, None if name is None else (name,)):
        yield row if isinstance(row, Rejection) else _item(row, reading)


def _shape(start: bytes) -> tuple[str | None, list[dict[str, Any]]]:
    """The list that holds the records, None where each is a line of its own, and the first of them."""
    begin = utf8_start(start)
    if _LISTING.match(begin):
        objects = first_objects(b"{" + begin[begin.index(b'"children"') :], 5)[1]
        return "children", objects
    by_line, objects, name = first_objects(start, 5)
    return (None if by_line or not objects else name), objects


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """The record itself, also inside `{"kind": "t1", "data": {...}}` of the programming interface."""
    data = row.get("data")
    return data if isinstance(data, dict) and row.get("kind") in {"t1", "t3"} else row


def _kind(record: dict[str, Any]) -> str | None:
    if "subreddit" not in record or not {"created_utc", "created"} & record.keys():
        return None
    if "body" in record and {"link_id", "parent_id"} & record.keys():
        return "comment"
    return "post" if "title" in record and {"selftext", "is_self", "url", "domain"} & record.keys() else None


def _item(row: JsonRow, reading: Reading) -> Item:
    record, source = _record(row.record), reading.source
    kind = _kind(record)
    if kind is None:
        detail = "no comment and no submission: subreddit, created_utc or the text is missing"
        return refuse(source, row.at, Reason.NO_TEXT, detail, row.raw)
    number = record.get("id")
    if not isinstance(number, (str, int)) or isinstance(number, bool) or number == "":
        detail = f"id is {number!r:.60}; without it the record cannot be told apart"
        return refuse(source, row.at, Reason.NO_ID, detail, row.raw)
    seconds = _seconds(record.get("created_utc", record.get("created")))
    if seconds is None:
        detail = f"created_utc is {record.get('created_utc')!r:.60}; no time is made up: correct the record"
        return refuse(source, row.at, Reason.BAD_TIME, detail, row.raw)
    clock = from_epoch(seconds, zone_named(reading.zone))
    body = record.get("body" if kind == "comment" else "selftext")
    text = html.unescape(body) if isinstance(body, str) else ""
    extra: dict[str, Any] = {name: value for name in _KEPT if not _dull(value := record.get(name))}
    if kind == "post":
        title = html.unescape(str(record.get("title") or ""))
        extra["title"] = storable(title)
        text = f"{title}\n\n{text}" if text else title
    state = _GONE.get((body if isinstance(body, str) else "").strip().casefold().replace(" ", " "))
    if state:
        extra["state"] = state
    edited = _seconds(record.get("edited"))
    edited_at = from_epoch(edited, None).posted_at if edited else None
    if record.get("edited") is True:
        extra["edited"] = True
    if row.notes:
        extra["repaired"] = row.notes
    author = record.get("author")
    name = (
        storable(author) if isinstance(author, str) and author not in {"[deleted]", "[removed]", ""} else None
    )
    full = record.get("author_fullname")
    group = storable(str(record["subreddit"])) or reading.group or source
    prefix = f"{reading.platform or 'reddit'}:{group}:"
    native = str(number)
    native = native if native[:3] in {"t1_", "t3_"} else ("t1_" if kind == "comment" else "t3_") + native
    parent = record.get("parent_id") or record.get("link_id")
    return Post(
        post_id=prefix + native,
        source=source,
        platform=reading.platform or "reddit",
        group_id=group,
        group_name=group,
        native_id=native,
        kind=kind,
        author_id=storable(full) if isinstance(full, str) and name else name,
        author_name=name,
        posted_at=clock.posted_at,
        posted_local=clock.posted_local,
        zone_source=clock.zone_source,
        time_precision=clock.time_precision,
        edited_at=edited_at,
        text=storable(text),
        reply_to=_parent(parent, prefix) if kind == "comment" else None,
        views=whole_number(record.get("view_count")),
        extra=extra | clock.extra,
        origin=row.at,
    )


def _dull(value: object) -> bool:
    return value is None or value is False or value == ""


def _parent(parent: object, prefix: str) -> str | None:
    """The comment or submission that is answered; Pushshift wrote some as a number in base 10."""
    if isinstance(parent, int) and not isinstance(parent, bool):
        parent = f"t1_{_base36(parent)}"
    if not isinstance(parent, str) or not parent:
        return None
    return prefix + storable(parent)


def _base36(number: int) -> str:
    """Reddit's way to write a number.

    >>> _base36(1412)
    '138'
    """
    digits = ""
    while number > 0:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def _seconds(value: object) -> float | None:
    """An epoch as a number or a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if abs(seconds) < 1e13 else None


READER = Reader(
    name=NAME,
    platform="reddit",
    about="Reddit dumps: RC_*.zst and RS_*.zst of Pushshift and Arctic Shift, also unpacked or as a list",
    keeps="comments and submissions with subreddit, author, time, edit, score, what they answer; what was "
    "deleted or removed (its text is then a word in brackets, see state)",
    loses="how Reddit paints a record: colors, awards, previews, flair pictures",
    score=score,
    read=read,
    files="RC_*.zst, RS_*.zst, *.ndjson",
)
