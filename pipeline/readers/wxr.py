"""WordPress's own export (WXR 1.0 to 1.2): posts, pages and comments of a whole site.

The file is cut into items and comments by their tags, outside of CDATA sections, and each is read alone with
the expat of the standard library: memory does not grow with the file, a spoiled record costs itself, and as
no record can hold a document type there are no entities to be declared, expanded or fetched.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any
from xml.parsers import expat

from msgspec import Struct
from selectolax.lexbor import LexborHTMLParser

from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, utf16_order
from pipeline.readers.files import peek
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
from pipeline.readers.opening import CHUNK, open_bytes, open_utf8
from pipeline.readers.printed_times import read_time
from pipeline.readers.times import Clock, from_local, from_printed, zone_named
from pipeline.readers.times import Printed as PrintedTime
from pipeline.readers.web_page import too_deep, words_of
from pipeline.readers.wordpress_html import site_of
from pipeline.readers.wordpress_parts import NO_CLOCK
from pipeline.records import NonPost, Origin, Post, Reason

NAME = "wxr"

_TOKEN = re.compile(rb"<!\[CDATA\[|\]\]>|<item(?=[\s>])|</item\s*>")
_COMMENT = re.compile(rb"<!\[CDATA\[(?:(?!<wp:comment>).)*?\]\]>|<wp:comment>|</wp:comment>", re.DOTALL)
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.:-]+)""")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ENTITY = re.compile(
    r"<!\[CDATA\[.*?\]\]>|&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)(\w{1,32};)?", re.DOTALL
)
_FIELD = re.compile(
    r"<([a-z]+:[a-z_]+|title|link|pubDate|guid)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[(.*?)\]\]>|(.*?))\s*</\1>",
    re.DOTALL,
)
_NEVER = "0000-00-00 00:00:00"
_NO_POSTS = frozenset(
    [
        "attachment",
        "nav_menu_item",
        "revision",
        "custom_css",
        "customize_changeset",
        "oembed_cache",
        "user_request",
        "wp_block",
        "wp_template",
        "wp_template_part",
        "wp_global_styles",
        "wp_navigation",
        "wp_font_family",
        "wp_font_face",
        "acf-field",
        "acf-field-group",
    ]
)


def score(head: Head) -> Score:
    """By the namespace of the export and its version."""
    start = head.start
    if order := utf16_order(start):
        start = start.decode(f"utf-16-{order}", "replace").encode("utf-8", "replace")
    if b"<rss" not in start:
        return NOT_MINE
    if b"wp:wxr_version" in start or b"wordpress.org/export/" in start:
        return Score(95, "namespace and version of WordPress's export")
    return Score(70, "posts of WordPress") if b"<wp:post_id>" in start else NOT_MINE


class _Piece(Struct, frozen=True):
    start: int  # byte
    raw: bytes
    problem: Reason | None = None


def read(export: Export, reading: Reading) -> Iterator[Item]:
    """Every post, page and comment; attachments, menus and settings of the site are non-posts."""
    head = peek(export)
    order = utf16_order(head.start)
    site = _Site(export, reading, head, order)
    with open_bytes(export) if order is None else open_utf8(export, order) as file:
        for piece in _pieces(file, export.limits.record_bytes):
            yield from site.items(piece)
    if site.empty and score(head).points == 0:
        raise ExportError(f"{export.name}: no item and no WordPress export in it; set another reader")


def _pieces(file: IO[bytes], limit: int) -> Iterator[_Piece]:
    """The items of the file, and what is lost where it ends early."""
    buffer, base, search = b"", 0, 0
    start: int | None = None
    quoted = ended = False
    while True:
        match = _TOKEN.search(buffer, search)
        if match is not None:
            token, search = match[0], match.end()
            if quoted:
                quoted = token != b"]]>"
            elif token == b"<![CDATA[":
                quoted = True
            elif token == b"<item":
                if start is not None:  # the item before has no end
                    yield _Piece(base + start, buffer[start : match.start()].rstrip(), Reason.BAD_ROW)
                start = match.start()
            elif token != b"]]>" and start is not None:
                yield _Piece(base + start, buffer[start : match.end()])
                start = None
            continue
        if start is not None and len(buffer) - start > limit:
            begun = _begun_again(buffer, start) if quoted else None  # a section that is not closed
            end = len(buffer) if begun is None else begun
            reason = Reason.TOO_LARGE if begun is None else Reason.BAD_ROW
            yield _Piece(base + start, buffer[start:end].rstrip(), reason)
            start, search, quoted = None, end, False
            continue
        keep = start if start is not None else max(0, len(buffer) - 64)
        piece = file.read(CHUNK)
        if not piece:
            break
        ended = ended or b"</rss>" in buffer[-64:] + piece or b"</channel>" in buffer[-64:] + piece
        search = max(len(buffer) - 16, search) - keep
        buffer, base = buffer[keep:] + piece, base + keep
        start = None if start is None else 0
    while start is not None:
        begun = _begun_again(buffer, start) if quoted else None
        if begun is None:
            yield _Piece(base + start, buffer[start:].rstrip(), Reason.TRUNCATED)
            return
        yield _Piece(base + start, buffer[start:begun].rstrip(), Reason.BAD_ROW)
        start, quoted = None, False
        for found in _TOKEN.finditer(buffer, begun):
            if found[0] == b"<item" and not quoted and start is None:
                start = found.start()
            elif found[0].startswith(b"</item") and not quoted and start is not None:
                yield _Piece(base + start, buffer[start : found.end()])
                start = None
            elif found[0] in {b"<![CDATA[", b"]]>"}:
                quoted = found[0] == b"<![CDATA["
    if not ended and base + len(buffer):
        yield _Piece(base + len(buffer), b"", Reason.TRUNCATED)


def _begun_again(buffer: bytes, start: int) -> int | None:
    """Where another item begins on a line of its own inside a section that was never closed."""
    match = re.compile(rb"</item>\s*(?=<item>)").search(buffer, start + 1)
    return None if match is None else match.end()


class _Site:
    """Makes posts of the records of one site."""

    def __init__(self, export: Export, reading: Reading, head: Head, order: str | None) -> None:
        self.empty = True
        self._export = export
        self._source = reading.source
        self._platform = reading.platform or "blog"
        self._counted = "" if order is None else " as UTF-8"
        self._zone = zone_named(reading.zone)
        start = head.start if order is None else head.start.decode(f"utf-16-{order}", "replace").encode()
        declared = _ENCODING.match(start.removeprefix(b"\xef\xbb\xbf"))
        self._encoding = "utf-8"
        if order is None and (reading.encoding or declared is not None):
            name = reading.encoding or (declared[1].decode("ascii") if declared else "utf-8")
            try:
                "".encode(name)
                self._encoding = "utf-8" if name.lower().replace("_", "-") in {"utf8", "utf-8"} else name
            except (LookupError, UnicodeError):
                self._encoding = "utf-8"
        before = start.partition(b"<item>")[0].decode(self._encoding, "replace")
        told = _loose(re.sub(r"<(wp:(?:author|category|tag|term))>.*?</\1>", "", before, flags=re.DOTALL))
        address = told.get("wp:base_blog_url") or told.get("link")
        self._name = storable(html.unescape(told.get("title", ""))) or None
        self._group = reading.group or site_of(address) or reading.source
        self._authors = {}
        for block in re.findall(r"<wp:author>(.*?)</wp:author>", before, re.DOTALL):
            author = _loose(block)
            if login := author.get("wp:author_login"):
                self._authors[login] = author.get("wp:author_display_name") or login

    def _at(self, start: int, end: int) -> Origin:
        return origin(self._export, NAME, f"bytes {start}-{end}{self._counted}")

    def items(self, piece: _Piece) -> Iterator[Item]:
        """An item and its comments."""
        at = self._at(piece.start, piece.start + len(piece.raw))
        if not piece.raw:
            yield refuse(
                self._source, at, Reason.TRUNCATED, "the file ends without its end; export it again", ""
            )
            return
        self.empty = False
        comments, rest = _comments(piece.raw)
        fields, notes = self._fields(rest)
        parent = fields.get("wp:post_id", "").strip() if fields is not None else ""
        if piece.problem is not None:
            detail = {
                Reason.TRUNCATED: "the file ends inside this item; export it again",
                Reason.TOO_LARGE: "an item over the limit; raise limits: record_bytes",
            }.get(piece.problem, "an item without its end; what could be read of its comments follows")
            yield refuse(self._source, at, piece.problem, detail, piece.raw)
        elif fields is None:
            yield refuse(
                self._source, at, Reason.BAD_ROW, "no XML, also after repair; export it again", piece.raw
            )
        else:
            yield self._post(fields, notes, at, piece.raw)
        for begin, end in comments:
            raw = piece.raw[begin:end]
            here = self._at(piece.start + begin, piece.start + end)
            found, notes = self._fields(raw)
            if found is None:
                detail = "a comment that is no XML, also after repair; export it again"
                yield refuse(self._source, here, Reason.BAD_ROW, detail, raw)
            else:
                title = None if fields is None else fields.get("title")
                yield self._comment(found, notes, parent, title, here, raw)

    def _fields(self, raw: bytes) -> tuple[dict[str, str] | None, list[str]]:
        """The elements right below the outer one, by name, and what had to be mended."""
        text, note = decode_line(raw, self._encoding)
        notes = [note] if note else []
        fields = _strict(text)
        if fields is not None:
            return fields, notes
        clean = _CONTROL.sub("", text)
        notes += ["control"] if clean != text else []
        fields = _strict(clean)
        if fields is not None:
            return fields, notes
        mended = _ENTITY.sub(_named_entity, clean)
        notes += ["entity"] if mended != clean else []
        fields = _strict(mended)
        if fields is not None:
            return fields, notes
        loose = _loose(mended.partition(">")[2])
        if not {"content:encoded", "wp:comment_content"} & loose.keys():
            return None, notes
        return loose, [*notes, "markup"]

    def _post(self, fields: dict[str, str], notes: list[str], at: Origin, raw: bytes) -> Item:
        kind = fields.get("wp:post_type", "post").strip() or "post"
        title = _words(fields.get("title", ""))
        if kind in _NO_POSTS:
            return NonPost(origin=at, what=f"{kind}: {title[:80]}")
        number = fields.get("wp:post_id", "").strip()
        if not number:
            detail = "an item without wp:post_id cannot be told apart; is it a feed and no export?"
            return refuse(self._source, at, Reason.NO_ID, detail, raw)
        try:
            clock = self._clock(fields, "wp:post_date", "wp:post_date_gmt", "pubDate")
        except ValueError as error:
            return refuse(self._source, at, Reason.BAD_TIME, str(error), raw)
        login = fields.get("dc:creator", "").strip()
        extra: dict[str, Any] = {"title": title} if title else {}
        for key, name in (("status", "wp:status"), ("url", "link"), ("excerpt", "excerpt:encoded")):
            if value := fields.get(name, "").strip():
                extra[key] = storable(value)
        if (above := fields.get("wp:post_parent", "0").strip()) not in {"", "0"}:
            extra["parent"] = above
        extra |= clock.extra
        author = self._authors.get(login, login)
        return self._made(
            "article" if kind == "post" else kind, number, login, author, clock,
            fields.get("content:encoded", ""), None, extra, notes, at,
        )  # fmt: skip

    def _comment(  # noqa: PLR0917
        self, fields: dict[str, str], notes: list[str], parent: str, title: str | None, at: Origin, raw: bytes
    ) -> Item:
        number = fields.get("wp:comment_id", "").strip()
        if not number:
            detail = "a comment without wp:comment_id cannot be told apart; export it again"
            return refuse(self._source, at, Reason.NO_ID, detail, raw)
        try:
            clock = self._clock(fields, "wp:comment_date", "wp:comment_date_gmt")
        except ValueError as error:
            return refuse(self._source, at, Reason.BAD_TIME, str(error), raw)
        kind = fields.get("wp:comment_type", "").strip() or "comment"
        extra: dict[str, Any] = {"approved": fields.get("wp:comment_approved", "").strip()}
        if title:
            extra["title"] = _words(title)
        for key, name in (
            ("author_url", "wp:comment_author_url"), ("email", "wp:comment_author_email"),
            ("ip", "wp:comment_author_IP"),
        ):  # fmt: skip
            if value := fields.get(name, "").strip():
                extra[key] = storable(value)
        above = fields.get("wp:comment_parent", "").strip()
        reply = f"comment-{above}" if above not in {"", "0"} else parent
        author = _words(fields.get("wp:comment_author", ""))
        extra |= clock.extra
        text = fields.get("wp:comment_content", "")
        return self._made(
            kind, f"comment-{number}", author, author, clock, text, reply or None, extra, notes, at
        )

    def _made(  # noqa: PLR0917
        self, kind: str, native: str, author_id: str, author: str, clock: Clock, markup: str,
        reply: str | None, extra: dict[str, Any], notes: list[str], at: Origin,
    ) -> Post:  # fmt: skip
        text, links = text_of(markup)
        if links:
            extra["links"] = links
        if notes:
            extra["repaired"] = notes
        prefix = f"{self._platform}:{self._group}:"
        return Post(
            post_id=prefix + native,
            source=self._source,
            platform=self._platform,
            group_id=self._group,
            group_name=self._name,
            native_id=native,
            kind=storable(kind),
            author_id=storable(author_id) or None,
            author_name=storable(author) or None,
            posted_at=clock.posted_at,
            posted_local=clock.posted_local,
            zone_source=clock.zone_source,
            time_precision=clock.time_precision,
            text=text,
            reply_to=None if reply is None else prefix + reply,
            extra=extra,
            origin=at,
        )

    def _clock(self, fields: dict[str, str], local: str, gmt: str, feed: str | None = None) -> Clock:
        """From the time in GMT, shown by the site's own clock; drafts have only the latter, or none."""
        here, there = fields.get(local, "").strip(), fields.get(gmt, "").strip()
        clock_here = read_time(here, None).posted_local if here and here != _NEVER else None
        if there and there != _NEVER:
            read = read_time(there, None).posted_local
            if read is not None:
                clock = from_printed(PrintedTime(read, timedelta(0)), self._zone)
                if self._zone is None and clock_here is not None and clock.posted_at is not None:
                    return Clock(clock.posted_at, clock_here, "offset", "second", clock.extra)
                return clock
        if clock_here is not None:
            return from_local(clock_here, self._zone, "second")
        printed = fields.get(feed, "").strip() if feed else ""
        if printed and "-0001" not in printed:
            return read_time(printed, self._zone)
        return NO_CLOCK


def text_of(markup: str) -> tuple[str, list[str]]:
    """The text of a post or comment as its page would show it, and the addresses behind its words.

    Where the writer set no paragraphs, WordPress makes them of line ends.

    >>> text_of("one &amp; two\\n\\n<b>three</b>")
    ('one & two\\n\\nthree', [])
    """
    if "<" not in markup and "&" not in markup:
        return storable(markup.replace("\r\n", "\n").strip()), []
    if "<p" not in markup and "<!-- wp:" not in markup:
        markup = re.sub(r"\r\n|\n|\r", "<br>", markup)
    links: list[str] = []
    if too_deep(markup):
        return storable(" ".join(re.sub("<[^<>]*>", " ", markup).split())), links
    body = LexborHTMLParser(storable(markup.replace("\0", ""))).body
    return ("" if body is None else words_of(body, None, links)), links


def _words(markup: str) -> str:
    return " ".join(text_of(markup)[0].split())


def _comments(raw: bytes) -> tuple[list[tuple[int, int]], bytes]:
    """Where the comments of an item are, and the item without them."""
    spans: list[tuple[int, int]] = []
    begun: int | None = None
    for match in _COMMENT.finditer(raw):
        if match[0] == b"<wp:comment>":
            if begun is not None:
                spans.append((begun, match.start()))
            begun = match.start()
        elif match[0] == b"</wp:comment>" and begun is not None:
            spans.append((begun, match.end()))
            begun = None
    rest, at = [], 0
    for begin, end in spans:
        rest.append(raw[at:begin])
        at = end
    rest.append(raw[at:])
    return spans, b"".join(rest)


def _strict(text: str) -> dict[str, str] | None:
    """The elements below the outer one, by name; None where it is no XML."""
    fields: dict[str, str] = {}
    stack: list[str] = []
    parts: list[str] = []

    def opened(name: str, _: dict[str, str]) -> None:
        stack.append(name)
        if len(stack) == 2:
            parts.clear()

    def closed(name: str) -> None:
        if len(stack) == 2 and name not in fields:
            fields[name] = "".join(parts)
        stack.pop()

    def words(data: str) -> None:
        if len(stack) > 1:
            parts.append(data)

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.CharacterDataHandler = words
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError:
        return None
    return fields


def _named_entity(match: re.Match[str]) -> str:
    """A named character for an entity that only HTML knows; a sign for one that is none."""
    if not match[0].startswith("&"):
        return match[0]
    meant = html.unescape(match[0])
    return meant if match[1] and meant != match[0] and meant not in "<>&" else "&amp;" + match[0][1:]


def _loose(text: str) -> dict[str, str]:
    """The same by looking for the tags, of what is no XML."""
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(text):
        fields.setdefault(
            match[1], match[2] if match[2] is not None else html.unescape(match[3]).removeprefix("<![CDATA[")
        )
    return fields


READER = Reader(
    name=NAME,
    platform="blog",
    about="WordPress's own export (WXR, Tools > Export), every version",
    keeps="posts, pages and comments with names, times in GMT, titles, addresses, whether a comment was "
    "approved (0, 1, spam, trash) or a post published, links; links from other blogs as kind pingback",
    loses="markup, categories, custom fields; attachments, menus, settings are non-posts",
    score=score,
    read=read,
    files="*.xml",
)
