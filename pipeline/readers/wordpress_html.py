"""A WordPress page saved from the browser: the article and its comments, of the themes of twenty years.

What makes an element a comment is what every theme has from WordPress itself: an id such as `comment-12`
(also `li-comment-12`, `div-comment-12`), or the classes that `comment_class()` prints, or an item of a
`commentlist`.  Comments inside a comment are its answers.  Name and time are looked for around the text.

`datetime="2016-01-03T20:07:00+00:00"` of a WordPress before 5.3 is the clock of the site with a zone that is
always +00:00 (core ticket 20973): with such a page only the declared zone is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import Struct
from selectolax.lexbor import LexborNode

from pipeline.errors import ExportError
from pipeline.readers.blog_text import head_of
from pipeline.readers.encodings import utf16_order
from pipeline.readers.identity import Occurrences
from pipeline.readers.interface import NOT_MINE, Export, Head, Item, Reader, Reading, Score, origin, refuse
from pipeline.readers.printed_times import Order, decide_order, numbers_of
from pipeline.readers.times import Clock, zone_named
from pipeline.readers.web_page import WebPage, begin_of, classes_of, elements, line_of, open_page, words_of
from pipeline.readers.wordpress_parts import (
    article_body,
    author_of,
    body_of,
    clock_in,
    date_texts,
    is_meta,
    meta_content,
    numbers_in,
    title_of,
)
from pipeline.records import NonPost, Post, Reason

NAME = "wordpress_html"

_COMMENT_ID = re.compile(r"(?:[a-z]+[-_]){0,2}comment[-_]?(\d+)")
_HOLDERS = frozenset(
    ["li", "div", "article", "section", "dl", "dt", "dd", "tr", "td", "table", "p", "blockquote"]
)
_LISTS = frozenset(
    (
        "commentlist",
        "comment-list",
        "comments-list",
        "comment_list",
        "commentslist",
        "wp-block-comment-template",
    )
)
_CLASS = re.compile(r"depth-\d+|even|odd|alt|thread-\w+|byuser|bypostauthor|comment-author-.*")
_SIGNS = (
    b"wp-content/", b"wp-includes/", b'content="wordpress', b"api.w.org", b"wlwmanifest", b"xmlrpc.php",
    b"wp-embed", b"comment_post_id", b"wp-block-", b"wordpress.com",
)  # fmt: skip
_IDS = re.compile(rb"""\bid\s*=\s*["']?(?:[a-z]+[-_]){0,2}comment[-_]?\d+\b""")


def score(head: Head) -> Score:
    """By ids and classes of comments, and what WordPress writes into the head of a page."""
    start = head.start + head.end
    if order := utf16_order(head.start):
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    start = start.lower()
    if b"<" not in start[:1024] or b'class="message default' in start:
        return NOT_MINE
    signs = sum(sign in start for sign in _SIGNS)
    ids = len(_IDS.findall(start))
    listed = re.search(rb"""class\s*=\s*["'][^"'<>]*\b(?:commentlist|comment-list)\b""", start) is not None
    if ids and (signs or listed or ids > 1):
        return Score(95, "ids of WordPress comments")
    if ids or listed:
        return Score(80, "a list of comments")
    if signs > 1 and b"<html" in start:
        return Score(75, "what WordPress writes into a page")
    return Score(50, "one sign of WordPress") if signs and b"<html" in start else NOT_MINE


class _Comment(Struct):
    node: LexborNode
    begin: int
    number: str | None
    parent: int | None  # place in the list
    link: bool  # a pingback or trackback


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """The article, then its comments in the order of the page; links from elsewhere are non-posts.

    Raises `ExportError` where the page has neither an article nor a comment.
    """
    page = open_page(export, reading)
    comments = _comments(page)
    begins = {comment.begin for comment in comments}
    reader = _Reader(export, reading, page, begins)
    found = False
    for item in reader.items(comments):
        found = True
        yield item
    if not found:
        raise ExportError(
            f"{export.name}: no article and no comment of WordPress in this page; set another reader"
        )


def _comments(page: WebPage) -> list[_Comment]:
    """All comments in the order of the page, each with the one that it answers."""
    found: list[_Comment] = []
    owners: dict[int, int] = {}  # id of an element -> the comment that it belongs to
    known: set[str] = set()
    root = page.tree.root
    if root is None:
        return []
    for node in elements(root):
        above = node.parent
        owner = None if above is None else owners.get(above.mem_id)
        begin = begin_of(node)
        comment = None if begin is None else _comment(node, begin, owner, found)
        if comment is not None and comment.number in known:  # the same comment once more
            comment = None
        if comment is not None:
            owner = len(found)
            found.append(comment)
            if comment.number is not None:
                known.add(comment.number)
        if owner is not None:
            owners[node.mem_id] = owner
    return found


def _comment(node: LexborNode, begin: int, owner: int | None, found: list[_Comment]) -> _Comment | None:
    tag, classes = node.tag or "", classes_of(node)
    if tag not in _HOLDERS:
        return None
    around = None if owner is None else found[owner]
    link = bool({"pingback", "trackback", "pings"} & set(classes))
    number = _number(node.id)
    if number is not None:
        if around is not None and around.number == number:
            return None
        return _Comment(node, begin, number, owner, link)
    above = node.parent
    inside = set() if above is None else {*classes_of(above), (above.id or "").lower()}
    listed = tag == "li" and (bool(inside & _LISTS) or ("children" in inside and owner is not None))
    classed = (link or "comment" in classes) and (
        tag == "li" or any(_CLASS.fullmatch(name) for name in classes)
    )
    if not listed and not classed:
        return None
    for below in elements(node):
        number = _number(below.id) or (_number(below.attributes.get("name")) if below.tag == "a" else None)
        if number is not None:
            break
    if around is not None and around.number == number and (number is not None or not listed):
        return None
    if number is None and not words_of(node):
        return None
    return _Comment(node, begin, number, owner, link)


def _number(printed: str | None) -> str | None:
    match = _COMMENT_ID.fullmatch((printed or "").strip().lower())
    return None if match is None else match[1]


class _Reader:
    """Makes posts of one page."""

    def __init__(self, export: Export, reading: Reading, page: WebPage, begins: set[int]) -> None:
        self._export = export
        self._source = reading.source
        self._page = page
        self._begins = begins
        self._platform = reading.platform or "blog"
        self._zone: ZoneInfo | None = zone_named(reading.zone)
        self._declared = reading.day_order
        self._order: Order | None = None
        address = page_address(page)
        self._group = reading.group or site_of(address) or reading.source
        self._address = address
        generator = re.match(r"WordPress (\d+)\.(\d+)", meta_content(page.tree, "generator") or "")
        self._old = generator is not None and (int(generator[1]), int(generator[2])) < (5, 3)
        self._ids = Occurrences()
        self._title = title_of(page.tree)
        self._article: str | None = None

    def items(self, comments: list[_Comment]) -> Iterator[Item]:
        texts = [date_texts(comment.node, self._skip, comment.number) for comment in comments]
        dates = [found for each in texts for text in each for found in numbers_in(text)]
        self._order = decide_order([one for text in dates if (one := numbers_of(text))], self._declared)
        yield from self._the_article(comments)
        ids: list[str | None] = []
        for place, comment in enumerate(comments):
            until = comments[place + 1].begin if place + 1 < len(comments) else None
            begin, end, closed = self._page.span(comment.node, until)
            at = origin(self._export, NAME, f"bytes {begin}-{end}{self._page.counted}")
            if not closed and not self._page.ended:
                detail = f"the page ends at byte {end} inside a comment; save or copy it again"
                yield refuse(self._source, at, Reason.TRUNCATED, detail, self._page.raw[begin:end])
                ids.append(None)
                continue
            if comment.link:
                ids.append(None)
                what = f"pingback: {line_of(comment.node, self._skip)[:80]}"
                yield NonPost(origin=at, what=what)
                continue
            parent = None if comment.parent is None else ids[comment.parent]
            yield (post := self._comment(comment, texts[place], parent, at))
            ids.append(post.post_id)

    def _skip(self, node: LexborNode) -> bool:
        """Whether an element is another comment, or the form below them."""
        begin = begin_of(node)
        return (begin is not None and begin in self._begins) or node.id in {"respond", "commentform"}

    def _comment(self, comment: _Comment, dates: list[str], parent: str | None, at: Any) -> Post:
        name, owner = author_of(comment.node, self._skip)
        links: list[str] = []
        body = body_of(comment.node, self._skip, owner)

        def skip(node: LexborNode) -> bool:
            return self._skip(node) or is_meta(node, owner)

        text = words_of(body, skip, links)
        if not text and body is comment.node:
            text = words_of(body, self._skip)
        name, text, dated = head_of(name, text)
        clock = clock_in([*dates, *dated], self._zone, self._order, believed=not self._old)
        extra: dict[str, Any] = dict(clock.extra)
        if clock.posted_local is None and clock.posted_at is None and dates:
            extra["time_printed"] = dates[0][:100]
        if links:
            extra["links"] = links
        if self._title:
            extra["title"] = self._title
        native = None if comment.number is None else f"comment-{comment.number}"
        return self._post("comment", native, name, clock, text, parent or self._article, extra, at)

    def _the_article(self, comments: list[_Comment]) -> Iterator[Item]:
        number = post_number(self._page)
        body = article_body(self._page.tree, self._skip)
        words: list[str] = []
        text = ""
        if body is not None:

            def skip(node: LexborNode) -> bool:
                return self._skip(node) or node.id == "comments" or is_meta(node, None)

            text = words_of(body, skip, words)
        if body is None or begin_of(body) is None or not text:
            if number is not None:
                self._article = f"{self._platform}:{self._group}:{number}"
            return
        until = min((one.begin for one in comments if one.begin > (begin_of(body) or 0)), default=None)
        begin, end, _ = self._page.span(body, until)
        at = origin(self._export, NAME, f"bytes {begin}-{end}{self._page.counted}")
        name, texts = article_head(self._page, self._skip)
        clock = clock_in(texts, self._zone, self._order, believed=not self._old)
        extra: dict[str, Any] = {**clock.extra, "comments": len([one for one in comments if not one.link])}
        extra |= {"title": self._title} if self._title else {}
        extra |= {"links": words} if words else {}
        extra |= {"url": self._address} if self._address else {}
        post = self._post("article", number, name, clock, text, None, extra, at)
        self._article = post.post_id
        yield post

    def _post(  # noqa: PLR0917
        self, kind: str, native: str | None, name: str | None, clock: Clock, text: str,
        reply: str | None, extra: dict[str, Any], at: Any,
    ) -> Post:  # fmt: skip
        if self._page.note:
            extra["repaired"] = [self._page.note]
        identity = native or self._ids.next(name, clock.posted_local, text)
        return Post(
            post_id=f"{self._platform}:{self._group}:{identity}",
            source=self._source,
            platform=self._platform,
            group_id=self._group,
            native_id=native,
            kind=kind,
            author_id=name,
            author_name=name,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            text=text,
            reply_to=reply,
            extra=extra,
            origin=at,
        )


def page_address(page: WebPage) -> str | None:
    """The address of the page, as it says itself."""
    for node in page.tree.css('link[rel="canonical"]'):
        if href := (node.attributes.get("href") or "").strip():
            return href
    return meta_content(page.tree, "og:url")


def site_of(address: str | None) -> str | None:
    """The name of the site of an address, without www.

    >>> site_of("https://www.example.org/2016/01/post/")
    'example.org'
    """
    try:
        host = urlsplit(address or "").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


def post_number(page: WebPage) -> str | None:
    """The number of the article, by the form for comments, the classes of the page or its short link."""
    for node in page.tree.css('input[name="comment_post_ID"]'):
        if (value := (node.attributes.get("value") or "").strip()).isdecimal():
            return value
    body = page.tree.body
    for name in () if body is None else classes_of(body):
        if match := re.fullmatch(r"(?:postid|page-id)-(\d+)", name):
            return match[1]
    for node in page.tree.css('link[rel="shortlink"]'):
        if match := re.search(r"[?&]p(?:age_id)?=(\d+)", node.attributes.get("href") or ""):
            return match[1]
    for node in page.tree.css("[id^=post-]"):
        if match := re.fullmatch(r"post-(\d+)", node.id or ""):
            return match[1]
    return None


def article_head(page: WebPage, skip: Any) -> tuple[str | None, list[str]]:
    """Who wrote the article, and the texts that may say when."""
    texts = [
        content
        for name in ("article:published_time", "datePublished", "date")
        if (content := meta_content(page.tree, name))
    ]
    name = meta_content(page.tree, "author")
    root = page.tree.body
    if root is None:
        return name, texts
    for node in elements(root, skip):
        if node.id in {"comments", "respond", "secondary", "sidebar"}:
            break
        classes = set(classes_of(node))
        if node.tag == "small":
            texts.append(line_of(node))
        if node.tag in {"time", "abbr"}:
            texts += [value for key in ("datetime", "title") if (value := node.attributes.get(key))]
        if classes & {
            "entry-date",
            "date",
            "postmetadata",
            "entry-meta",
            "post-date",
            "posted-on",
            "postdate",
            "post-meta",
            "published",
            "entry-utility",
            "meta",
            "byline",
        }:
            texts.append(line_of(node))
        if name is None and classes & {"author", "fn", "byline", "post-author", "entry-author", "by-author"}:
            shown = re.sub(r"^(?:by|بقلم|كتبه|von|par|por)[: ]+", "", line_of(node), flags=re.IGNORECASE)
            name = shown if 0 < len(shown) <= 80 else None
    return name, texts


READER = Reader(
    name=NAME,
    platform="blog",
    about="a WordPress page with its comments, saved from the browser as HTML, of any usual theme",
    keeps="the article with title, author, date and address; every comment with its number, name, time, "
    "paragraphs, links and the comment that it answers",
    loses="comments on other pages of the same article (save each), links from other blogs (non-posts), "
    "pictures; set zone where the page does not print one",
    score=score,
    read=read,
    files="*.html, *.htm",
)
