"""CrowdTangle's CSV of Facebook pages, profiles and groups, and of Instagram accounts, 2017 to 2024."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from pipeline.errors import ExportError
from pipeline.readers.csv_rows import Rows
from pipeline.readers.fields import Posts, whole_number
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.table import head_names
from pipeline.records import Reason

NAME = "crowdtangle"

_LOST_DIGITS = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")

_REACTIONS = ("Likes", "Love", "Wow", "Haha", "Sad", "Angry", "Care", "Thankful")
_COUNTS = (
    "Comments", "Shares", "Total Interactions", "Post Views", "Total Views", "Total Views For All Crossposts",
    "Likes at Posting", "Followers at Posting", "Members at Posting", "Size at Posting", "Views",
)  # fmt: skip
_OWNERS = ("Page Name", "Group Name", "Account", "Profile Name", "Name")
_TIMES = ("Post Created", "Created")  # up to 2020 it was called Created
_TEXTS = ("Message", "Description")  # of Instagram the caption is the description
_SIGNS = {
    "Facebook Id", "Likes at Posting", "Followers at Posting", "Members at Posting", "Size at Posting",
    "Total Interactions", "Overperforming Score", "Video Share Status", "Total Views For All Crossposts",
    "Final Link", "Link Text", "Image Text", "Sponsor Id", "Page Admin Top Country", "Post Created Date",
}  # fmt: skip


class _Layout(Struct, frozen=True):
    """Where the columns stand; layouts of 2017, 2019 and 2021, of pages, groups and Instagram."""

    place: dict[str, int]
    owner: str
    created: str
    text: str
    instagram: bool


def _layout(head: list[str]) -> _Layout | None:
    place = {_name(name): at for at, name in reversed(list(enumerate(head)))}
    owner = next((name for name in _OWNERS if name in place), None)
    created = next((name for name in (*_TIMES, "Post Created Date") if name in place), None)
    instagram = owner == "Account" and "Message" not in place
    text = next((name for name in _TEXTS if name in place), None)
    if owner is None or created is None or text is None or (text == "Description" and not instagram):
        return None
    return _Layout(place, owner, created, text, instagram)


def _name(column: str) -> str:
    """A column's name as CrowdTangle wrote it last.

    >>> _name("Total Views for all Crossposts"), _name(" URL ")
    ('Total Views For All Crossposts', 'URL')
    """
    column = column.strip()
    return _BY_LETTERS.get(column.casefold(), column)


_BY_LETTERS = {
    name.casefold(): name
    for name in (*_OWNERS, *_TIMES, *_TEXTS, *_REACTIONS, *_COUNTS, *_SIGNS, "URL", "User Name", "Type")
}


def score(head: Head) -> Score:
    """By the names that no other table has together."""
    layout = _layout(head_names(head))
    if layout is None:
        return NOT_MINE
    signs = sum(name in layout.place for name in _SIGNS)
    if layout.created == "Post Created" and layout.owner in {"Page Name", "Group Name"}:
        points = 95 if "URL" in layout.place or signs > 1 else 60
    elif signs > 1:
        points = 95
    else:
        return NOT_MINE
    return Score(points, f"columns {layout.created!r} and {layout.owner!r}")


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every row as a post of its page, group or account; all that is no field of a post goes to `extra`."""
    rows = Rows(export, reading)
    layout = _layout(rows.head)
    if layout is None:
        raise ExportError(
            f"{export.name}: no CrowdTangle export of posts: it has Post Created, Message (of Instagram "
            f"Description) and Page Name, Group Name or Account; set reader to table and name its columns"
        )
    posts = Posts(
        export,
        reading,
        NAME,
        "instagram" if layout.instagram else READER.platform,
        times=lambda: (_time(row.cells, layout) for row in rows),
    )
    needed = max(layout.place[layout.created], layout.place[layout.text])
    for row in rows:
        at = origin(export, NAME, row.locator)
        if row.problem is not None:
            yield refuse(reading.source, at, Reason.BAD_ROW, row.problem, row.raw)
            continue
        if len(row.cells) <= needed:
            detail = f"{len(row.cells)} cells where the head has {len(rows.head)}; complete the row"
            yield refuse(reading.source, at, Reason.BAD_ROW, detail, row.raw)
            continue
        values, extra, reactions = _values(row.cells, layout)
        more = [cell for cell in row.cells[len(rows.head) :] if cell.strip()]
        if more:
            extra["more_cells"] = more
        if row.notes:
            extra["repaired"] = list(row.notes)
        yield posts.post(values, extra, at, row.raw, reactions)


def _time(cells: list[str], layout: _Layout) -> str:
    printed = _cell(cells, layout.place, layout.created)
    if layout.created == "Post Created Date":
        return f"{printed} {_cell(cells, layout.place, 'Post Created Time')}".strip()
    return printed


def _values(cells: list[str], layout: _Layout) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    place = layout.place
    name, user, number, url = (
        _cell(cells, place, column) for column in (layout.owner, "User Name", "Facebook Id", "URL")
    )
    if _LOST_DIGITS.fullmatch(number):  # a spreadsheet has rounded it
        number = ""
    values: dict[str, Any] = {
        "text": cells[place[layout.text]],
        "posted_at": _time(cells, layout),
        "group_id": number or user or name,
        "group_name": name,
        "kind": "post",
    }
    if url:
        values["url"], values["id"] = url, post_number(url)
    if layout.owner != "Group Name":  # the page is the author; of a group's posts the author is not told
        values["author_id"], values["author_name"] = number or user, name
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
    values["views"] = extra.get("post_views") or extra.get("total_views") or extra.pop("views", None)
    used = {layout.owner, layout.created, layout.text, "Facebook Id", "URL", *_REACTIONS, *_COUNTS}
    for column, at in place.items():
        if column not in used and at < len(cells) and cells[at].strip():
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
    about="CrowdTangle CSV of Facebook pages and groups and of Instagram accounts, all layouts since 2017",
    keeps="messages and captions, page, group or account, times with their zone, reactions, counts, links, "
    "all other columns",
    loses="authors of group posts and comments: CrowdTangle does not export them",
    score=score,
    read=read,
    files="*.csv",
)
