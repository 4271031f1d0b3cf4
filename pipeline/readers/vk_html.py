"""Pages of VK: messages of its data archive, saved walls and discussions, and histories of browser add-ons.

The archive (vk.com/data_protection) is HTML in windows-1251, fifty messages a page (messages0.html,
messages50.html, ...), with local times in words: "5 мая 2022 в 1:30:12".  Walls and discussions hold the
epoch in an attribute `time` where the page was saved with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from selectolax.lexbor import LexborNode

from pipeline.errors import ExportError
from pipeline.readers.encodings import utf16_order
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import (
    NOT_MINE,
    Export,
    Head,
    Item,
    Reader,
    Reading,
    Score,
    origin,
    refuse,
    storable,
)
from pipeline.readers.printed_times import date_in, plain, read_time
from pipeline.readers.times import Clock, from_epoch, from_printed, zone_named
from pipeline.readers.web_page import WebPage, begin_of, classes_of, elements, line_of, open_page, words_of
from pipeline.readers.wordpress_parts import NO_CLOCK, title_of
from pipeline.records import Post, Reason

NAME = "vk_html"

_WALL_ID = re.compile(r"(?:post|reply|wpt|bp_post|comm|wall|topic)?_?(-?\d+_\d+)")
_WALL = frozenset(["post", "_post", "wall_item", "post_item", "wall_post", "page_post"])
_REPLY = frozenset(["reply", "_reply", "reply_item", "wall_reply", "bp_post", "bp_item"])
_NAMES = (
    "message__header",
    "post_author",
    "postheadertitle__authorname",
    "reply_author",
    "bp_author",
    "wi_author",
    "pi_author",
    "author",
    "from",
    "msg_author",
)
_TEXTS = (
    "wall_post_text", "wall_reply_text", "reply_text", "bp_text", "pi_text", "msg_body", "post_text",
    "wall_text",
    "wall_posttext", "msg_text", "kludges_text",
)  # fmt: skip
_DATES = frozenset(
    [
        "rel_date",
        "post_date",
        "reply_date",
        "bp_date",
        "wi_date",
        "post_link",
        "postheadersubtitle__item",
        "date",
        "msg_date",
        "item_date",
    ]
)
_BACKWARD = re.compile(r"at (\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]\.?m\.?)?) on (.+)", re.IGNORECASE)
_NUMBERS = re.compile(
    r"\d{4}[.-]\d\d[.-]\d\d \d{1,2}:\d\d(?::\d\d)?|\d{1,2}\.\d\d\.\d{4}(?:,| в| at)? \d{1,2}:\d\d(?::\d\d)?"
)
_PAGE = re.compile(r"messages(\d+)\.html")
_CHATS = 2_000_000_000
"""Numbers of chats begin here; those below are people."""
_SIGNS = (b"vk.com", b"vkontakte", b"windows-1251", b"userapi.com")


def score(head: Head) -> Score:
    """By the classes of messages, walls and discussions of VK."""
    start = head.start
    if order := utf16_order(start):
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    start = (start + head.end).lower()
    if b"message__header" in start and re.search(rb"""class=["']message["'][^<>]*data-id=""", start):
        return Score(95, "messages of VK's data archive")
    if re.search(rb"""class=["'][^"'<>]*\bmsg_item\b""", start) and b"msg_body" in start:
        return Score(85, "a history of VK messages")
    signs = sum(sign in start for sign in _SIGNS)
    parts = (b"wall_post_text", b"wall_reply_text", b"rel_date", b"bp_text", b"pi_text", b"page_wall_posts")
    found = sum(part in start for part in parts)
    if found and signs:
        return Score(90, "a wall or discussion of VK")
    return Score(50, "classes of VK's walls") if found > 1 else NOT_MINE


def missing(names: Sequence[str], linked: Sequence[str]) -> list[str]:
    """The pages of an archive between the first and the last that is there; fifty messages each.

    >>> missing(["messages0.html", "messages150.html"], [])
    ['messages50.html', 'messages100.html']
    """
    there = {int(match[1]) for name in (*names, *linked) if (match := _PAGE.fullmatch(name))}
    if not there or any(number % 50 for number in there):
        return []
    named = {int(match[1]) for name in names if (match := _PAGE.fullmatch(name))}
    return [f"messages{number}.html" for number in range(0, max(there) + 1, 50) if number not in named]


class _Found(Struct):
    node: LexborNode
    begin: int
    kind: str  # message, history, post, comment
    number: str | None
    parent: int | None


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every message, post and comment of the page, in its order.

    Raises `ExportError` where there is none.
    """
    page = open_page(export, reading)
    found = _items(page)
    if not found:
        raise ExportError(
            f"{export.name}: no message, post or comment of VK in this page; set another reader"
        )
    reader = _Reader(export, reading, page, found)
    for place in range(len(found)):
        yield reader.item(place)


def _items(page: WebPage) -> list[_Found]:
    found: list[_Found] = []
    owners: dict[int, int] = {}
    known: set[tuple[str, str]] = set()
    root = page.tree.root
    for node in elements(root) if root is not None else ():
        above = node.parent
        owner = None if above is None else owners.get(above.mem_id)
        kind, number = _kind(node)
        begin = begin_of(node)
        inside = owner is not None and found[owner].kind in {"message", "history"}
        if kind and begin is not None and not inside and (number is None or (kind, number) not in known):
            if number is not None and kind != "history":
                known.add((kind, number))
            if not (owner is not None and number is not None and found[owner].number == number):
                found.append(_Found(node, begin, kind, number, owner))
                owner = len(found) - 1
        if owner is not None:
            owners[node.mem_id] = owner
    return found


def _kind(node: LexborNode) -> tuple[str, str | None]:
    if node.tag not in {"div", "li", "article", "table", "tr"}:
        return "", None
    classes = set(classes_of(node))
    if "message" in classes and (number := node.attributes.get("data-id")):
        return "message", number.strip()
    if "msg_item" in classes:
        return "history", None  # their ids are not unique
    if not classes & (_WALL | _REPLY):
        return "", None
    for name in ("data-post-id", "id"):
        match = _WALL_ID.fullmatch((node.attributes.get(name) or "").strip())
        if match is not None:
            return ("comment" if classes & _REPLY else "post"), match[1]
    return "", None


class _Reader:
    """Makes posts of one page."""

    def __init__(self, export: Export, reading: Reading, page: WebPage, found: list[_Found]) -> None:
        self._export = export
        self._source = reading.source
        self._page = page
        self._found = found
        self._begins = {each.begin for each in found}
        self._platform = reading.platform or "vk"
        self._declared = reading.group
        folder = (export.member or export.name).replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
        self._folder = folder if re.fullmatch(r"-?\d+", folder) else None
        self._zone: ZoneInfo | None = zone_named(reading.zone)
        self._ids = Occurrences()
        self._posts: dict[int, str] = {}
        self._title = _title(page)

    def _skip(self, node: LexborNode) -> bool:
        begin = begin_of(node)
        return begin is not None and begin in self._begins

    def item(self, place: int) -> Item:
        """The post of one element."""
        each = self._found[place]
        until = self._found[place + 1].begin if place + 1 < len(self._found) else None
        begin, end, closed = self._page.span(each.node, until)
        at = origin(self._export, NAME, f"bytes {begin}-{end}{self._page.counted}")
        if not closed and not self._page.ended:
            detail = f"the page ends at byte {end} inside a message; save or copy it again"
            return refuse(self._source, at, Reason.TRUNCATED, detail, self._page.raw[begin:end])
        own = list(elements(each.node, self._skip))
        name, user, head = self._author(own)
        clock = self._clock(own, head)
        links: list[str] = []
        text = self._text(each, own, links)
        extra: dict[str, Any] = dict(clock.extra)
        if any("message-edited" in classes_of(node) for node in own):
            extra["edited"] = True
        if each.kind == "message" and self._folder and 0 < int(self._folder) < _CHATS:
            extra["chat_type"] = "personal_chat"
        media = tuple(
            line_of(node)
            for node in own
            if {"attachment__description", "attacment_type"} & set(classes_of(node))
        )
        links = [link for link in links if link != user]
        if links:
            extra["links"] = links
        if self._page.note:
            extra["repaired"] = [self._page.note]
        if clock is NO_CLOCK and head:
            extra["time_printed"] = head[:100]
        owner = each.number.partition("_")[0] if each.number and "_" in each.number else None
        group = self._declared or owner or self._folder or self._source
        identity = each.number or self._ids.next(user or name, clock.posted_local, text)
        prefix = f"{self._platform}:{group}:"
        self._posts[place] = prefix + identity
        return Post(
            post_id=prefix + identity,
            source=self._source,
            platform=self._platform,
            group_id=group,
            group_name=self._title,
            native_id=each.number,
            kind="comment" if each.kind == "comment" else "media" if media and not text else "post",
            author_id=_user(user) or name,
            author_name=name,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            text=text,
            reply_to=None if each.parent is None else self._posts.get(each.parent),
            media=tuple(shown for shown in media if shown),
            extra=extra,
            origin=at,
        )

    def _author(self, own: list[LexborNode]) -> tuple[str | None, str | None, str]:
        """Name, address and the line of the head, in which the time may stand."""
        for wanted in _NAMES:
            for node in own:
                if wanted not in classes_of(node):
                    continue
                head = line_of(node)
                link = node if node.tag == "a" else node.css_first("a[href]")
                bold = node.css_first("b")
                if link is not None and any(map(str.isalnum, shown := line_of(link))) and not date_in(shown):
                    return shown, link.attributes.get("href"), head
                if bold is not None and (shown := line_of(bold)):
                    return shown, None if link is None else link.attributes.get("href"), head
                return head.partition(",")[0].strip()[:120] or None, None, head
        return None, None, ""

    def _clock(self, own: list[LexborNode], head: str) -> Clock:
        texts = [head] if head else []
        for node in own:
            stamp = node.attributes.get("time") or node.attributes.get("data-date") or ""
            if re.fullmatch(r"\d{9,10}", stamp) and classes_of(node):
                return from_epoch(int(stamp), self._zone)
            if _DATES & set(classes_of(node)) or node.tag == "time":
                texts += [value for key in ("datetime", "title") if (value := node.attributes.get(key))]
                texts.append(line_of(node))
        if len(texts) < 2:
            texts += [line_of(node) for node in own if node.tag in {"span", "b", "a", "i", "small"}]
        for text in texts:
            bare = plain(text)
            bare = _BACKWARD.sub(r"\2 at \1", bare)
            if (printed := date_in(bare)) is not None:
                return from_printed(printed, self._zone)
            for match in _NUMBERS.finditer(bare):
                value = re.sub(r"(?:,| в| at) ", " ", match[0])
                try:
                    return read_time(value, self._zone, None, "dmy")
                except ValueError:
                    continue
        return NO_CLOCK

    def _text(self, each: _Found, own: list[LexborNode], links: list[str]) -> str:
        def skip(node: LexborNode) -> bool:
            return self._skip(node) or bool(_ASIDE & set(classes_of(node)))

        if each.kind == "message":  # the element behind the head
            for node in own:
                if "message__header" in classes_of(node):
                    behind = node.next
                    while behind is not None and not behind.is_element_node:
                        behind = behind.next
                    _links(own, links)
                    return "" if behind is None else words_of(behind, skip, links)
        for wanted in _TEXTS:
            for node in own:
                if wanted in classes_of(node):
                    return words_of(node, skip, links)
        return ""


_ASIDE = frozenset(
    ["kludges", "attacments", "attachments", "wall_post_more", "wall_reply_more", "pi_more", "medias_thumbs"]
)


def _links(own: list[LexborNode], links: list[str]) -> None:
    found = (
        (node.attributes.get("href") or "").strip() for node in own if "attachment__link" in classes_of(node)
    )
    links.extend(storable(href) for href in found if href)


def _user(address: str | None) -> str | None:
    """The number or short name of a person or group, of an address.

    >>> _user("https://vk.com/id123"), _user("/public45"), _user("https://vk.com/someone")
    ('123', '-45', 'someone')
    """
    name = (address or "").split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2]
    if match := re.fullmatch(r"id(\d+)", name):
        return match[1]
    if match := re.fullmatch(r"(?:public|club|event)(\d+)", name):
        return f"-{match[1]}"
    return storable(name) or None


def _title(page: WebPage) -> str | None:
    crumbs = [line_of(node) for node in page.tree.css(".ui_crumb")]
    return next((crumb for crumb in reversed(crumbs) if crumb), None) or title_of(page.tree)


READER = Reader(
    name=NAME,
    platform="vk",
    about="VK pages: messages of its data archive (windows-1251), saved walls with comments and discussions, "
    "histories that browser add-ons wrote",
    keeps="texts, names and addresses of authors, times, numbers, which post a comment is below, "
    "kinds of attachments",
    loses="pictures and files, likes; the zone where times are printed as words: set zone",
    score=score,
    read=read,
    files="messages0.html, messages50.html, ...; *.html",
    missing=missing,
)
