"""A saved web page as a tree whose elements know their bytes, and the words below an element.

Nothing of a page is run, rendered or fetched: scripts, styles and forms are never read, and every walk is
bounded by the page and not by the depth of its nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from msgspec import Struct
from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.errors import ExportError
from pipeline.readers.encodings import decode_line, detect, utf16_order
from pipeline.readers.interface import Export, Reading, storable
from pipeline.readers.opening import open_bytes, open_utf8

_PAGES = 4
"""A page may be this many times the limit of a record."""

_DEPTH = 3_000
"""Levels of a page; those of real ones are hundreds, also where tags are not closed."""

_AT = "data-marsad-at"
_OPENING = re.compile(
    rb"<(li|div|article|section|dl|dt|dd|tr|td|table|ol|ul|main|p|h[1-6]|blockquote)(?=[\s>])", re.IGNORECASE
)
_CHARSET = re.compile(rb"""<meta[^<>]*?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_SILENT = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "svg",
        "select",
        "textarea",
        "button",
        "form",
        "input",
        "head",
        "title",
    ]
)
_BLOCKS = frozenset(
    [
        "div",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "tr",
        "table",
        "section",
        "article",
        "header",
        "footer",
        "main",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "figure",
        "figcaption",
        "aside",
        "address",
    ]
)
_WIDE = frozenset(("p", "blockquote", "pre"))  # a blank line before and behind


class WebPage(Struct):
    """A page that was read."""

    raw: bytes  # UTF-8 where the file is UTF-16
    counted: str  # what a locator must say behind its bytes
    tree: LexborHTMLParser
    note: str | None  # what had to be mended in its bytes
    ended: bool  # whether the end of the page is there

    def span(self, node: LexborNode, until: int | None = None) -> tuple[int, int, bool]:
        """The bytes of an element, half-open, up to `until` at most, and whether its own end was found."""
        begin = begin_of(node)
        assert begin is not None
        tag = (node.tag or "").encode()
        depth = 0
        for match in re.compile(rb"<(/?)" + re.escape(tag) + rb"(?=[\s>])[^<>]*>?", re.IGNORECASE).finditer(
            self.raw, begin
        ):
            if until is not None and match.start() >= until:
                return begin, until, True
            depth += -1 if match[1] else 1
            if depth == 0:
                return begin, match.end(), True
        return begin, len(self.raw) if until is None else until, until is not None


def open_page(export: Export, reading: Reading) -> WebPage:
    """The page of an export.  Raises `ExportError` where it is larger than any page."""
    limit = _PAGES * export.limits.record_bytes
    with open_bytes(export) as file:
        order = utf16_order(file.read(1 << 12))
    with open_bytes(export) if order is None else open_utf8(export, order) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ExportError(
            f"{export.name}: a page over {limit:,} bytes; save its parts, or raise limits: record_bytes"
        )
    declared = _CHARSET.search(raw[:4096])
    encoding = reading.encoding
    if encoding is None and declared is not None and order is None:
        encoding = _known(declared[1].decode("ascii"))
        if encoding == "utf-8":
            encoding = None  # to be looked at: many a page was saved in another encoding than it says
    encoding = "utf-8" if order is not None else detect(export, encoding)
    marked = _OPENING.sub(lambda tag: b'<%s %s="%d" ' % (tag[1], _AT.encode(), tag.start()), raw)
    text, note = decode_line(marked, encoding)
    if too_deep(text):
        raise ExportError(
            f"{export.name}: elements nested deeper than {_DEPTH:,} levels; this is no usual page"
        )
    return WebPage(
        raw,
        "" if order is None else " as UTF-8",
        LexborHTMLParser(storable(text.replace("\0", ""))),
        note,
        b"</body" in raw[-4096:].lower() or b"</html" in raw[-4096:].lower(),
    )


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_UNCLOSED = frozenset(
    [
        "br",
        "hr",
        "img",
        "input",
        "meta",
        "link",
        "area",
        "base",
        "col",
        "embed",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "td",
        "tr",
        "th",
        "dd",
        "dt",
        "option",
        "thead",
        "tbody",
        "tfoot",
        "html",
        "body",
        "head",
        "colgroup",
    ]
)


def too_deep(markup: str) -> bool:
    """Whether elements are nested deeper than those of any page; a parser takes hours with such."""
    if markup.count("<") <= _DEPTH:
        return False
    depth = 0
    for match in _TAG.finditer(markup):
        if match[2].lower() not in _UNCLOSED:
            depth += -1 if match[1] else 1
            if depth > _DEPTH:
                return True
            depth = max(depth, 0)
    return False


def _known(name: str) -> str | None:
    try:
        return ("".encode(name) and None) or name.lower()
    except (LookupError, UnicodeError):
        return None


def begin_of(node: LexborNode) -> int | None:
    """The byte where an element begins; None for elements that are no block."""
    printed = node.attributes.get(_AT) or ""
    return int(printed) if printed.isdecimal() and len(printed) < 12 else None


def classes_of(node: LexborNode) -> list[str]:
    """The classes of an element, small letters."""
    return (node.attributes.get("class") or "").lower().split()


def elements(node: LexborNode, skip: Callable[[LexborNode], bool] | None = None) -> Iterator[LexborNode]:
    """The elements below a node in the order of the page; those to be skipped with all below them."""
    child = node.child
    while child is not None:
        down = None
        if child.is_element_node and (skip is None or not skip(child)):
            yield child
            down = child.child
        if down is not None:
            child = down
            continue
        child = _next(child, node)


def _next(child: LexborNode, top: LexborNode) -> LexborNode | None:
    """What follows a node and all below it, inside `top`."""
    at: LexborNode | None = child
    while at is not None:
        if at.next is not None:
            return at.next
        at = at.parent
        if at is None or at.mem_id == top.mem_id:
            return None
    return None


def words_of(
    node: LexborNode,
    skip: Callable[[LexborNode], bool] | None = None,
    links: list[str] | None = None,
    silent: Collection[str] = _SILENT,
) -> str:
    """The text below a node as a browser would lay it out: lines, and blank lines between paragraphs.

    Line ends of the file are blanks but in `pre`.  `links` is given the addresses that stand behind words.
    """
    parts: list[str] = []
    closing: list[tuple[int, str]] = []  # elements that are open, and what stands at their end
    plain = 0  # how many `pre` are open
    child = node.child
    while child is not None:
        tag = child.tag or ""
        down = None
        if tag == "-text":
            text = child.text_content or ""
            parts.append(text.replace("\r\n", "\n") if plain else re.sub(r"[ \t\r\n\f]+", " ", text))
        elif tag == "br":
            parts.append("\n")
        elif tag == "hr":
            parts.append("\n\n")
        elif tag == "img":
            if {"emoji", "wp-smiley"} & set(classes_of(child)):
                parts.append(child.attributes.get("alt") or "")
        elif child.is_element_node and tag not in silent and (skip is None or not skip(child)):
            mark = "\n\n" if tag in _WIDE else "\n" if tag in _BLOCKS else ""
            parts.append(mark)
            if tag == "a" and links is not None:
                href = (child.attributes.get("href") or "").strip()
                if href.startswith(("http://", "https://")) and href != (child.text() or "").strip():
                    links.append(storable(href))
            down = child.child
            if down is not None:
                plain += tag == "pre"
                closing.append((child.mem_id, mark + ("\0" if tag == "pre" else "")))
            else:
                parts.append(mark)
        if down is not None:
            child = down
            continue
        at: LexborNode | None = child
        child = None
        while at is not None:
            if at.next is not None:
                child = at.next
                break
            at = at.parent
            if at is None or at.mem_id == node.mem_id:
                break
            if closing:
                mark = closing.pop()[1]
                plain -= mark.endswith("\0")
                parts.append(mark.rstrip("\0"))
    text = "".join(parts)
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]+", " ", text)) if "\n" in text else text
    return storable(re.sub(r"\n{3,}", "\n\n", text).strip(" \n\t"))


def line_of(node: LexborNode, skip: Callable[[LexborNode], bool] | None = None) -> str:
    """The same in one line."""
    return " ".join(words_of(node, skip).split())
