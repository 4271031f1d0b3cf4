"""What stands inside one message of Telegram Desktop's web pages: text, links, media, polls, reactions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.readers.interface import storable
from pipeline.readers.web_page import too_deep


def parsed(markup: str | bytes) -> LexborNode:
    """The body of a piece of markup; nothing in it is fetched or run."""
    text = markup if isinstance(markup, str) else markup.decode("utf-8", "replace")
    if too_deep(text):
        text = ""  # a message without its body, which is refused
    body = LexborHTMLParser(storable(text)).body
    assert body is not None
    return body


def child_of(node: LexborNode, *classes: str) -> LexborNode | None:
    """The first child element that has all of these classes."""
    child = node.child
    while child is not None:
        if child.is_element_node:
            names = (child.attributes.get("class") or "").split()
            if all(name in names for name in classes) and ("userpic_wrap" not in names):
                return child
        child = child.next
    return None


_SILENT = frozenset(("script", "style", "template", "noscript", "iframe", "object"))


def _walk(node: LexborNode, parts: list[str], links: list[str] | None, without: str | None = None) -> None:
    """Texts and line breaks below a node, in order; where a link's address is not its text, the address."""
    above: list[tuple[LexborNode, int]] = []  # open elements, and how many parts there were before each
    child = node.child
    while child is not None or above:
        if child is None:
            element, begun = above.pop()
            if element.tag == "a" and links is not None:
                href = element.attributes.get("href") or ""
                shown = "".join(parts[begun:]).strip()
                if "://" in href and href != shown and not href.startswith("https://t.me/" + shown[1:]):
                    links.append(storable(href))
            child = element.next
            continue
        tag = child.tag
        if tag == "-text":
            parts.append(child.text_content or "")
        elif tag == "br":
            parts.append("\0")
        elif child.is_element_node and tag not in _SILENT:
            names = (child.attributes.get("class") or "").split()
            if without is None or without not in names:
                above.append((child, len(parts)))
                child = child.child
                continue
        child = child.next


def text_of(node: LexborNode) -> tuple[str, list[str]]:
    """The text of a message, and the addresses behind its words.

    Line breaks of the text are `<br>`; those of the file itself belong to the layout.
    """
    parts: list[str] = []
    links: list[str] = []
    _walk(node, parts, links)
    text = "".join(parts).strip(" \n\r\t")
    if "\n" in text:
        text = re.sub(r"[ \t\r]*\n[ \n\t\r]*", " ", text)
    return storable(text.replace("\0", "\n")), links


def words_of(node: LexborNode, without: str | None = None) -> str:
    """All that stands below a node, in one line."""
    parts: list[str] = []
    _walk(node, parts, None, without)
    return storable(" ".join("".join(parts).replace("\0", " ").split()))


def person(name: str) -> tuple[str | None, str | None]:
    """Name and the bot through which it was sent; a deleted account has no name."""
    name, _, bot = name.partition(" via @")
    return (None if name in {"", "Deleted Account", "Deleted"} else name), bot or None


def reply_target(link: LexborNode) -> str | None:
    """The number of the message that a link leads to, on this page or another."""
    match = re.search(r"#go_to_message(-?\d+)$", link.attributes.get("href") or "")
    return None if match is None else match[1]


def media_of(content: LexborNode) -> tuple[tuple[str, ...], str | None, dict[str, Any]]:
    """Paths or kinds of what is attached, the kind, and what the page says of it."""
    wrap = child_of(content, "media_wrap")
    inner = None if wrap is None else wrap.child
    while inner is not None and not inner.is_element_node:
        inner = inner.next
    if inner is None:
        return (), None, {}
    names = (inner.attributes.get("class") or "").split()
    kind = next((name.removeprefix("media_") for name in names if name.startswith("media_")), None)
    if kind is None:
        kind = next((name.removesuffix("_wrap") for name in names if name.endswith("_wrap")), "file")
    if kind == "poll":
        return (), kind, {"poll": _poll(inner)}
    href = inner.attributes.get("href") or ""
    extra: dict[str, Any] = {}
    told = {part: words for part in ("title", "description", "status") for words in _described(inner, part)}
    if told:
        extra["contact_information" if kind == "contact" else "media"] = told
    if kind in {"location", "live_location", "venue"}:
        extra |= _place(href, told)
    local = href and "://" not in href
    return ((storable(href) if local else kind,), kind, extra)


def _described(media: LexborNode, part: str) -> Iterator[str]:
    for node in media.css(f"div.{part}"):
        if words := words_of(node):
            yield words


def _place(href: str, told: dict[str, str]) -> dict[str, Any]:
    """Coordinates of a location, from its link to a map."""
    try:
        query = parse_qs(urlsplit(href).query)
    except ValueError:
        return {}
    for value in (*query.get("q", ()), *query.get("ll", ()), told.get("status", "")):
        match = re.fullmatch(r"\s*(-?\d{1,2}(?:\.\d+)?),\s*(-?\d{1,3}(?:\.\d+)?)\s*", value)
        if match:
            return {"location_information": {"latitude": float(match[1]), "longitude": float(match[2])}}
    return {}


def _poll(media: LexborNode) -> list[str]:
    question = [words_of(node) for node in media.css("div.question")]
    return question + [
        words_of(node, without="details").removeprefix("- ") for node in media.css("div.answer")
    ]


def reactions_of(body: LexborNode) -> dict[str, int]:
    """How often each reaction was given."""
    counted: dict[str, int] = {}
    for reaction in body.css(".reactions .reaction"):
        shown = reaction.css_first(".emoji")
        if shown is None:
            continue
        name = words_of(shown) or "custom_emoji"
        number = reaction.css_first(".count")
        digits = "" if number is None else words_of(number)
        count = int(digits) if digits.isdecimal() else max(1, len(reaction.css(".userpic")))
        counted[name] = counted.get(name, 0) + count
    return counted
