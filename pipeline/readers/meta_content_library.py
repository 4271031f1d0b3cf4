"""CSV of the Meta Content Library: posts and comments of Facebook, Instagram and Threads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.errors import ExportError
from pipeline.readers.csv_rows import Rows
from pipeline.readers.fields import Posts, whole_number
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score
from pipeline.readers.named_rows import NamedRow, named_rows
from pipeline.readers.table import head_names
from pipeline.records import Rejection

NAME = "meta_content_library"

_COUNTS = "statistics."
_REACTIONS = ("like", "love", "wow", "haha", "sad", "angry", "care")
_FACEBOOK = (
    "surface.id",
    "surface.name",
    "surface.type",
    "statistics.love_count",
    "statistics.reaction_count",
)
_COMMENT = ("parent_id", "parent_comment_id", "comment_owner.id", "post_id")
_TEXTS = ("text", "caption")
_USED = {
    "id", "text", "caption", "creation_time", "modified_time", "mcl_url", "content_type", "multimedia",
    "post_owner.id", "post_owner.name", "owner.id", "owner.name", "comment_owner.id", "comment_owner.name",
    "surface.id", "surface.name", "statistics.views", "parent_id", "parent_comment_id",
}  # fmt: skip


def score(head: Head) -> Score:
    """By the names with a dot that no other table has."""
    names = set(head_names(head))
    if "id" not in names or "creation_time" not in names:
        return NOT_MINE
    own = [name for name in names if name.startswith(("post_owner.", "surface.", "comment_owner.", _COUNTS))]
    if len(own) > 1 or "mcl_url" in names:
        return Score(95, "creation_time, post_owner and statistics of the Meta Content Library")
    return NOT_MINE


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post, or as a comment where the table is one of comments."""
    rows = Rows(export, reading)
    text = next((name for name in _TEXTS if name in rows.head), None)
    if text is None or "creation_time" not in rows.head:
        raise ExportError(
            f"{export.name}: no column text; the Content Library leaves it out unless it is asked for: "
            f"download the posts again with id, text and creation_time"
        )
    platform = "facebook" if set(_FACEBOOK) & set(rows.head) else "instagram"
    kind = "comment" if set(_COMMENT) & set(rows.head) else "post"
    posts = Posts(export, reading, NAME, platform, times=tuple)
    needed = [text, "creation_time"]
    for row in named_rows(export, reading, NAME, rows, needed):
        if isinstance(row, Rejection):
            yield row
            continue
        values, extra, reactions = _values(row, text)
        yield posts.post(values | {"kind": kind}, extra, row.at, row.raw, reactions)


def _values(row: NamedRow, text: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    number = row.get("id")
    values: dict[str, Any] = {
        "text": row.cells[text],
        "posted_at": _zoned(row.get("creation_time")),
        "edited_at": _zoned(row.get("modified_time")) or None,
        "url": row.get("mcl_url"),
        "author_id": row.get("comment_owner.id", "owner.id", "post_owner.id"),
        "author_name": row.get("comment_owner.name", "owner.name", "post_owner.name", "post_owner.username"),
        "group_id": row.get("surface.id", "post_owner.id"),
        "group_name": row.get("surface.name", "post_owner.name"),
        "views": row.get("statistics.views"),
    }
    if number:
        values["id"] = f"mcl:{number}"  # a number of the library, not the platform's
    parent = row.get("parent_id", "parent_comment_id")
    if parent:
        values["reply_to"] = f"mcl:{parent}"
    kind = row.get("content_type").casefold()
    if kind and kind not in {"status", "statuses", "links", "text"}:
        values["media"] = kind
    if values["edited_at"] == values["posted_at"]:
        values["edited_at"] = None
    extra = row.rest(_USED)
    if row.get("multimedia") not in {"", "[]"}:
        extra["multimedia"] = row.get("multimedia")
    reactions = {}
    for name in _REACTIONS:
        for column in (f"{_COUNTS}{name}_count", f"{_COUNTS}{name}s"):
            count = whole_number(extra.pop(column, None))
            if count:
                reactions[name] = count
    return values, extra, reactions


def _zoned(printed: str) -> str:
    """The library's times are UTC, also where it writes none.

    >>> _zoned("2024-05-01 10:00:00"), _zoned("2024-05-01T10:00:00+00:00")
    ('2024-05-01 10:00:00Z', '2024-05-01T10:00:00+00:00')
    """
    return f"{printed}Z" if len(printed) == 19 else printed


READER = Reader(
    name=NAME,
    platform="facebook",
    about="Meta Content Library CSV: posts and comments of Facebook, Instagram and Threads",
    keeps="texts, page, group or account, times in UTC, reactions, counts, all other columns",
    loses="nothing of a row; ids are the library's own, not those of the platform",
    score=score,
    read=read,
    files="*.csv",
)
