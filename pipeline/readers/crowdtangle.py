"""CrowdTangle's CSV of Facebook pages and groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.errors import ExportError
from pipeline.readers.csv_rows import Rows
from pipeline.readers.fields import Posts, whole_number
from pipeline.readers.interface import Export, Head, Item, Reader, Reading, origin, refuse
from pipeline.readers.table import head_names
from pipeline.records import Reason

NAME = "crowdtangle"

_REACTIONS = ("Likes", "Love", "Wow", "Haha", "Sad", "Angry", "Care")
_COUNTS = (
    "Comments", "Shares", "Total Interactions", "Post Views", "Total Views", "Total Views For All Crossposts",
    "Likes at Posting", "Followers at Posting", "Members at Posting", "Size at Posting",
)  # fmt: skip
_USED = {"Page Name", "Group Name", "Facebook Id", "Message", "Post Created", "URL", *_REACTIONS, *_COUNTS}


def score(head: Head) -> float:
    """By the names that no other table has together."""
    names = {name.strip() for name in head_names(head)}
    if "Post Created" not in names or not {"Page Name", "Group Name"} & names:
        return 0.0
    return 0.95 if {"Message", "URL"} <= names else 0.6


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post of its page or group; all that is not a field of a post goes to `extra`."""
    rows = Rows(export, reading)
    place = {name: at for at, name in reversed(list(enumerate(rows.head)))}
    missing = [name for name in ("Post Created", "Message", "URL") if name not in place]
    owner = next((name for name in ("Page Name", "Group Name") if name in place), None)
    if missing or owner is None:
        raise ExportError(
            f"{export.name}: no column {', '.join(map(repr, missing)) or 'Page Name or Group Name'}; "
            f"this is no CrowdTangle export of posts: set reader to table and name its columns"
        )
    posts = Posts(
        export,
        reading,
        NAME,
        READER.platform,
        times=lambda: (_cell(row.cells, place, "Post Created") for row in rows),
    )
    needed = max(place["Post Created"], place["Message"])
    for row in rows:
        at = origin(export, NAME, row.locator)
        if row.problem is not None:
            yield refuse(reading.source, at, Reason.BAD_ROW, row.problem, row.raw)
            continue
        if len(row.cells) <= needed:
            detail = f"{len(row.cells)} cells where the head has {len(rows.head)}; complete the row"
            yield refuse(reading.source, at, Reason.BAD_ROW, detail, row.raw)
            continue
        values, extra, reactions = _values(row.cells, place, owner)
        more = [cell for cell in row.cells[len(rows.head) :] if cell.strip()]
        if more:
            extra["more_cells"] = more
        if row.notes:
            extra["repaired"] = list(row.notes)
        yield posts.post(values, extra, at, row.raw, reactions)


def _values(
    cells: list[str], place: dict[str, int], owner: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    name, number, url = (_cell(cells, place, column) for column in (owner, "Facebook Id", "URL"))
    values: dict[str, Any] = {
        "text": cells[place["Message"]],
        "posted_at": _cell(cells, place, "Post Created"),
        "id": post_number(url),
        "url": url,
        "group_id": number or name,
        "group_name": name,
        "kind": "post",
    }
    if owner == "Page Name":  # the page is the author; of a group's posts the author is not told
        values["author_id"], values["author_name"] = number, name
    kind = _cell(cells, place, "Type")
    if kind and kind.casefold() not in {"status", "link"}:
        values["media"] = kind.casefold()
    reactions = {
        column.removesuffix("s").lower() if column == "Likes" else column.lower(): count
        for column in _REACTIONS
        if (count := whole_number(_cell(cells, place, column)))
    }
    extra: dict[str, Any] = {}
    for column in _COUNTS:
        printed = _cell(cells, place, column)
        if printed:
            count = whole_number(printed)
            extra[_key(column)] = printed if count is None else count
    values["views"] = extra.get("post_views") or extra.get("total_views")
    for column, at in place.items():
        if column not in _USED and at < len(cells) and cells[at].strip():
            extra[_key(column)] = cells[at]
    return values, extra, reactions


def post_number(url: str) -> str | None:
    """The native id: the last part of the post's address.

    >>> post_number("https://www.facebook.com/groups/12/permalink/345/")
    '345'
    >>> post_number("https://www.facebook.com/permalink.php?story_fbid=67&id=8")
    '67'
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    query = parse_qs(parts.query)
    for name in ("story_fbid", "fbid", "v"):
        if query.get(name):
            return query[name][0]
    tail = parts.path.rstrip("/").rpartition("/")[2]
    return tail or None


def _key(column: str) -> str:
    """`Total Interactions (weighted  -  Likes 1x ...)` differs from account to account: one name for it."""
    if column.startswith("Total Interactions (weighted"):
        return "total_interactions_weighted"
    return re.sub(r"\W+", "_", column.casefold()).strip("_")


def _cell(cells: list[str], place: dict[str, int], column: str) -> str:
    at = place.get(column)
    return cells[at].strip() if at is not None and at < len(cells) else ""


READER = Reader(
    name=NAME,
    platform="facebook",
    about="CrowdTangle CSV of Facebook pages and groups",
    keeps="messages, page or group, times with their zone, reactions, counts, links, all other columns",
    loses="authors of group posts and comments: CrowdTangle does not export them",
    score=score,
    read=read,
)
