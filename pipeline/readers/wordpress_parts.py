"""Where WordPress themes put name, time and text of a comment or an article."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from pipeline.readers.interface import storable
from pipeline.readers.printed_times import Order, date_in, plain, read_time
from pipeline.readers.times import Clock, from_printed
from pipeline.readers.web_page import begin_of, classes_of, elements, line_of

Skip = Callable[[LexborNode], bool]
NO_CLOCK = Clock(None, None, "unknown", "unknown")

_BODIES = frozenset(
    [
        "comment-content",
        "comment-text",
        "comment_text",
        "commenttext",
        "comment_content",
        "commentcontent",
        "comment-entry",
        "comment__content",
        "comment__text",
        "comment-copy",
        "comment-inner-text",
        "wp-block-comment-content",
        "comment-message",
        "comment-msg",
        "comment_message",
        "comment-txt",
        "comment_txt",
        "comment-post",
        "comment-bodytext",
        "comment-detail-text",
        "the-comment",
        "commententry",
        "comment-excerpt",
    ]
)
_MAYBE_BODIES = frozenset(
    [
        "comment-body",
        "comment_body",
        "commentbody",
        "comment__body",
        "comment-inner",
        "content",
        "text",
        "message",
        "entry",
        "entry-content",
        "post-content",
        "body",
    ]
)
_META = re.compile(
    r"comment[-_]*(?:author|meta|metadata|meta-data|date|datepub|datetime|time|reply|replay|edit|number|num|count|"
    r"avatar|gravatar|awaiting|permalink|links?|actions?|tools|name|moderation|rating|karma|votes?|likes?|"
    r"controls?|buttons?|head|header|foot|footer|by|info|utility)s?(?:[-_].*)?"
    r"|commentmetadata|commentmeta|commentauthor|vcard|avatar.*|gravatar.*|reply|reply-?link|replytocom|says|said|"
    r"edit-?link|comment-edit-link|post-edit-link|meta|metadata|byline|date|time|timestamp|respond|permalink|"
    r"sharedaddy.*|sd-.*|jp-relatedposts|jp-post-flair|screen-reader-text|awaiting-moderation|moderation|cnum|"
    r"post-ratings.*|wp_ulike.*|cld-.*|addtoany.*|wpulike.*|wp-block-comment-(?:author-name|date|edit-link|"
    r"reply-link)|wp-block-avatar.*|children|postmetadata|entry-meta|entry-footer|navigation|nav-links|"
    r"addthis.*|social.*|share.*|related.*|yarpp.*"
)
_NAMES = (
    frozenset(("fn",)),
    frozenset(("wp-block-comment-author-name", "comment-author-name", "comment-author-link", "author-name")),
    frozenset(("commentauthor", "comment_author", "comment__author", "commenter", "commenter-name",
               "comment__meta__author", "comment-name", "comment_name", "author_name",
               "authorname", "comauth")),
    frozenset(("comment-author", "author", "comment-by", "nickname", "username", "name", "user")),
)  # fmt: skip
_DATES = re.compile(
    r"(?:comment|post|entry)?[-_]*(?:meta|metadata|meta-data|date|datepub|datetime|time|timestamp|permalink|"
    r"info|header|head|details?|utility|published|commentmetadata)s?|commentmetadata|comment-permalink|"
    r"comment__meta.*|date_comment|wp-block-comment-date|says|comment-author|vcard|postmetadata"
)
_CITED = frozenset(("blockquote", "q", "pre", "code"))
_ARTICLES = (
    "[itemprop=articleBody]", ".entry-content", ".post-content", ".entry-body", ".post-entry",
    ".post_content",
    ".storycontent", ".td-post-content", ".article-content", ".single-content", ".post-body", ".postcontent",
    ".wp-block-post-content", ".the-content", ".entry", ".posttext", ".post-text",
    ".post .content", ".hentry",
    "article", ".post",
)  # fmt: skip


def is_meta(node: LexborNode, owner: LexborNode | None) -> bool:
    """Whether an element is what a theme sets around a text, and not the text."""
    if owner is not None and node.mem_id == owner.mem_id:
        return True
    if (node.attributes.get("rel") or "") == "nofollow" and "replytocom" in (
        node.attributes.get("href") or ""
    ):
        return True
    if node.tag == "time":
        return True
    return any(_META.fullmatch(name) for name in classes_of(node))


def author_of(comment: LexborNode, skip: Skip) -> tuple[str | None, LexborNode | None]:
    """Name of who wrote a comment, and the element that holds it."""
    own = list(elements(comment, skip))
    for names in _NAMES:
        for node in own:
            if names & set(classes_of(node)) and (shown := _name(node)):
                return shown, node
    for node in own:
        if node.attributes.get("itemprop") in {"author", "creator"} and (shown := _name(node)):
            return shown, node
    for tags in (("cite",), ("b", "strong", "h3", "h4", "h5", "h6")):
        for node in own:
            if node.tag in tags and not _inside(node, comment) and (shown := _name(node)):
                return shown, node
    for node in own:
        if node.tag == "a" and (
            "url" in classes_of(node) or "external" in (node.attributes.get("rel") or "")
        ):
            shown = None if _inside(node, comment) else _name(node)
            if shown:
                return shown, node
    return None, None


def _inside(node: LexborNode, comment: LexborNode) -> bool:
    """Whether an element stands in the text of a comment: in a paragraph, a quotation or a known body."""
    above = node.parent
    while above is not None and above.mem_id != comment.mem_id:
        if above.tag == "p" and (above.child is None or above.child.mem_id != node.mem_id):
            return True
        if above.tag in _CITED or _BODIES & set(classes_of(above)):
            return True
        above = above.parent
    return False


def _name(node: LexborNode) -> str | None:
    """The name in an element, without picture, time and what is said of it."""

    def skip(below: LexborNode) -> bool:
        if below.tag in {"time", "small", "em"}:
            return True
        return any(
            re.fullmatch(
                r"says|said|(?:avatar|badge).*|.*(?:date|time|meta|reply|edit).*|screen-reader.*", each
            )
            for each in classes_of(below)
        )

    shown = line_of(node, skip)
    return shown if 0 < len(shown) <= 120 else None


def body_of(comment: LexborNode, skip: Skip, owner: LexborNode | None) -> LexborNode:
    """The element that holds the text of a comment; the comment itself where no part of it is only that."""
    own = list(elements(comment, skip))
    for node in own:
        if _BODIES & set(classes_of(node)) or node.attributes.get("itemprop") in {"text", "commentText"}:
            return node
    for node in own:
        if not _MAYBE_BODIES & set(classes_of(node)) or (owner is not None and _above(node, owner, comment)):
            continue
        if line_of(node, lambda below: skip(below) or is_meta(below, owner)):
            return node
    return comment


def _above(node: LexborNode, below: LexborNode, top: LexborNode) -> bool:
    at: LexborNode | None = below
    while at is not None and at.mem_id != top.mem_id:
        if at.mem_id == node.mem_id:
            return True
        at = at.parent
    return False


def date_texts(comment: LexborNode, skip: Skip, number: str | None) -> list[str]:
    """The texts of a comment that may say when it was written, the surest first."""
    sure: list[str] = []
    likely: list[str] = []
    for node in elements(comment, skip):
        if node.tag == "time" and node.attributes.get("datetime"):
            sure.append(node.attributes["datetime"] or "")
        if node.attributes.get("itemprop") in {"datePublished", "dateCreated", "commentTime"}:
            sure += [value for key in ("content", "datetime") if (value := node.attributes.get(key))]
        classes = classes_of(node)
        href = node.attributes.get("href") or ""
        own_link = node.tag == "a" and number is not None and re.search(rf"#\D*{number}$", href)
        if (
            own_link
            or node.tag in {"time", "small", "abbr"}
            or any(_DATES.fullmatch(name) for name in classes)
        ):
            if "title" in node.attributes and node.tag in {"abbr", "a", "span", "time"}:
                likely.append(node.attributes["title"] or "")
            likely.append(line_of(node))
    if not sure and not any(date_in(text) or any(numbers_in(text)) for text in likely):
        small = (node for node in elements(comment, skip) if node.tag in _SMALL and _has_number(node))
        likely += [text for node in small if len(text := line_of(node, skip)) <= 90]
    return [text[:300] for text in (*sure, *likely) if text.strip()]


_SMALL = frozenset(["span", "p", "div", "em", "i", "a", "h4", "h5", "h6", "li", "dt", "td"])


def _has_number(node: LexborNode) -> bool:
    """Whether words of the element itself hold a number."""
    child = node.child
    while child is not None:
        if child.tag == "-text" and any(map(str.isdigit, child.text_content or "")):
            return True
        child = child.next
    return False


def clock_in(texts: list[str], zone: ZoneInfo | None, order: Order | None, *, believed: bool) -> Clock:
    """The finest time that the texts say, of equally fine ones the first; without one `NO_CLOCK`.

    `believed`: whether an offset of zero is more than what older versions print for every site.
    """
    best = NO_CLOCK
    for text in texts:
        clock = _clock(text, zone, order, believed)
        if clock is None or clock.posted_local is None:
            continue
        if clock.time_precision in {"second", "minute"}:
            return clock
        if best.posted_local is None:
            best = clock
    return best


def _clock(text: str, zone: ZoneInfo | None, order: Order | None, believed: bool) -> Clock | None:
    bare = plain(text)
    if re.match(r"\d{4}-\d\d-\d\dT", bare):
        if not believed:
            bare = re.sub(r"(?:\+00:?00|Z)$", "", bare)
        try:
            return read_time(bare, zone)
        except ValueError:
            return None
    printed = date_in(bare)
    if printed is not None:
        return from_printed(printed, zone)
    for found in numbers_in(bare):
        try:
            return read_time(found, zone, None, order)
        except ValueError:
            continue
    return None


_NUMBERS = re.compile(
    r"(?<![\d/.-])(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})(?![\d/-])"
    r"(?:\D{1,14}?(\d{1,2}[:.]\d\d(?:[:.]\d\d)?"
    r"(?: ?(?:[ap]\.?m\.?(?!\w)|ص(?!\w)|م(?!\w)|صباح\w*|مساء\w*))?))?",
    re.IGNORECASE,
)


def numbers_in(text: str) -> Iterator[str]:
    """Dates in numbers, each with its time.

    >>> list(numbers_in("12/31/2015 at 8:07 pm (Edit)")), list(numbers_in("2016-01-03"))
    (['12/31/2015 8:07 pm'], ['2016-01-03'])
    """
    for match in _NUMBERS.finditer(plain(text)):
        yield f"{match[1]} {match[2]}" if match[2] else match[1]


def meta_content(tree: LexborHTMLParser, name: str) -> str | None:
    """What a `meta` element of this name or property says."""
    for key in ("property", "name", "itemprop"):
        for node in tree.css(f'meta[{key}="{name}"]'):
            if content := " ".join((node.attributes.get("content") or "").split()):
                return storable(content)
    return None


def title_of(tree: LexborHTMLParser) -> str | None:
    """The title of the article."""
    for selector in ("h1.entry-title", ".entry-title", "h1.post-title", ".post-title", "[itemprop=headline]"):
        for node in tree.css(selector):
            if shown := line_of(node):
                return shown
    told = meta_content(tree, "og:title")
    if told:
        return told
    for node in tree.css("title"):
        if words := " ".join((node.text() or "").split()):
            return storable(words)
    return None


def article_body(tree: LexborHTMLParser, skip: Skip) -> LexborNode | None:
    """The element that holds the text of the article: the first that has words, by the surest sign."""
    for selector in _ARTICLES:
        for node in tree.css(selector):
            if node.tag in {"body", "html"} or begin_of(node) is None:
                continue
            at: LexborNode | None = node
            while at is not None and not skip(at) and at.id != "comments":
                at = at.parent
            if at is None and line_of(node, skip):
                return node
    return None
