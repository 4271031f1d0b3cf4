"""What raw posts hold besides words: hashtags, @handles, links, addresses, emoji, telephone numbers."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Final, TypeVar

from msgspec import Struct

from pipeline.data import rows
from pipeline.records import Span
from pipeline.text.emoji import find_emoji
from pipeline.text.fold import codes_of
from pipeline.text.hashtags import hashtag_words
from pipeline.text.phones import find_phones

T = TypeVar("T")


class Marks(Struct, frozen=True):
    """What a batch holds besides words, post by post, in order; each list has one entry a post."""

    hashtags: list[tuple[str, ...]]  # without the sign, as written
    hashtag_words: list[tuple[str, ...]]  # the same, with spaces where the words part
    mentions: list[tuple[str, ...]]  # @handles without the sign
    urls: list[tuple[str, ...]]
    emoji: list[tuple[str, ...]]  # each a whole sequence
    phone_spans: list[tuple[Span, ...]]  # raw
    hashtag_spans: list[tuple[Span, ...]]  # raw, with the sign
    opaque_spans: list[tuple[Span, ...]]  # raw: URLs, e-mail addresses, @handles, phones; sorted, disjoint


def find_marks(texts: Sequence[str]) -> Marks:
    """Hashtags, @handles, links, emoji and telephone numbers of every post, in one scan over the batch.

    A link ends before punctuation that closes its sentence and before Arabic letters glued to it.  What
    stands inside a link is part of it, so a fragment is no hashtag; an e-mail address is no handle.

    >>> marks = find_marks(["قصف على #ريف_إدلب https://t.me/news/12. عبر @local_news 👍🏽"])
    >>> marks.hashtags, marks.urls, marks.mentions, marks.emoji
    ([('ريف_إدلب',)], [('https://t.me/news/12',)], [('local_news',)], [('👍🏽',)])
    >>> marks.hashtag_words
    [('ريف إدلب',)]
    """
    joined = "\n".join((*texts, ""))
    codes = codes_of(joined)
    links = _links(joined) if "." in joined or "://" in joined else []
    handles = list(_handles(joined, links)) if "@" in joined else []
    opaque = sorted([*links, *((start, end) for start, end, _ in handles)]) if handles else links
    phones = [phone for phone in find_phones(joined, codes) if not _overlaps(opaque, phone)]
    opaque = sorted([*opaque, *phones]) if phones else opaque
    tags = list(_hashtags(joined, opaque)) if "#" in joined else []
    names = [joined[start + 1 : end] for start, end in tags]
    tag_starts = [start for start, _ in tags]
    signs = [(start, joined[start:end]) for start, end in find_emoji(joined, codes)]
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    return Marks(
        hashtags=_by_post(starts, list(zip(tag_starts, names, strict=True))),
        hashtag_words=_by_post(starts, list(zip(tag_starts, map(hashtag_words, names), strict=True))),
        mentions=_by_post(starts, [(start, name) for start, _, name in handles if name]),
        urls=_by_post(starts, [(start, joined[start:end]) for start, end in links]),
        emoji=_by_post(starts, signs),
        phone_spans=_spans(starts, phones),
        hashtag_spans=_spans(starts, tags),
        opaque_spans=_spans(starts, opaque),
    )


def _overlaps(spans: list[tuple[int, int]], span: tuple[int, int]) -> bool:
    """Whether a span shares a code point with one of the sorted, disjoint `spans`."""
    index = bisect_right(spans, (span[1] - 1, len(spans) and spans[-1][1]))
    return index > 0 and span[0] < spans[index - 1][1]


def _by_post(starts: list[int], items: list[tuple[int, T]]) -> list[tuple[T, ...]]:
    """Items, each with its place in the joined texts, in one tuple a post."""
    found: list[tuple[T, ...]] = [()] * (len(starts) - 1)
    index, count = 0, len(items)
    while index < count:
        post = bisect_right(starts, items[index][0]) - 1
        first, end = index, starts[post + 1]
        while index < count and items[index][0] < end:
            index += 1
        found[post] = tuple([item for _, item in items[first:index]])
    return found


def _spans(starts: list[int], edges: list[tuple[int, int]]) -> list[tuple[Span, ...]]:
    """Spans of the joined texts, counted from the start of their own post, in one tuple a post."""
    found: list[tuple[Span, ...]] = [()] * (len(starts) - 1)
    index, count = 0, len(edges)
    while index < count:
        post = bisect_right(starts, edges[index][0]) - 1
        first, base, end = index, starts[post], starts[post + 1]
        while index < count and edges[index][0] < end:
            index += 1
        found[post] = tuple([Span(start - base, stop - base) for start, stop in edges[first:index]])
    return found


_ARABIC_MARKS: Final = (
    "\N{ARABIC SIGN SALLALLAHOU ALAYHE WASSALLAM}-\N{ARABIC SMALL KASRA}"
    "\N{ARABIC FATHATAN}-\N{ARABIC WAVY HAMZA BELOW}"
    "\N{ARABIC LETTER SUPERSCRIPT ALEF}"
)
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"

# A path may hold unescaped letters (ar.wikipedia.org/wiki/...), but only right after a delimiter: letters
# glued to ASCII are the next word of the post.
_PATH: Final = r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]"
_BODY: Final = re.compile(
    rf"{_PATH}*(?:(?<=[/=_(\-+])(?:(?![\x00-\x7f])[\w{_ARABIC_MARKS}{_JOINERS}])+{_PATH}*)*"
)
_NATIVE_HOST: Final = re.compile(r"(?![\x00-\x7f])[\w.\-]+")
_SCHEME: Final = re.compile(r"(?:https?|hxxps?|ftp|tg)\Z", re.IGNORECASE)
_HOST_BACKWARDS: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?")
_CLOSING: Final = ".,;:!?'*([&#=+-~"
_LONGEST_HOST: Final = 253  # RFC 1035


def _links(joined: str) -> list[tuple[int, int]]:
    """Sorted and disjoint: links with a scheme, then those of www., then bare hosts of known endings."""
    links: list[tuple[int, int]] = []
    at = joined.find("://")
    while at >= 0:
        scheme = _SCHEME.search(joined, max(0, at - 5), at)
        end = at + 3
        if scheme is not None:
            end = _end_of_link(joined, at + 3)
            if end > at + 3:
                links.append((scheme.start(), end))
        at = joined.find("://", end)
    for further in (_www(joined), _bare_hosts(joined)):
        free = [link for link in further if not _is_covered(links, link[0])]
        if free:
            links = list(_disjoint([*links, *free]))
    return links


def _www(joined: str) -> Iterator[tuple[int, int]]:
    for www in ("www.", "Www.", "WWW."):
        at = joined.find(www)
        while at >= 0:
            end = at + 4
            if not _goes_on(joined, at):
                end = _end_of_link(joined, at + 4)
                if end > at + 4:
                    yield at, end
            at = joined.find(www, max(end, at + 4))


def _bare_hosts(joined: str) -> Iterator[tuple[int, int]]:
    done = 0
    for ending in _bare_host().finditer(joined):
        dot = ending.start()
        # Backwards from the dot, so that a long post costs no more than a long host name.
        name = (
            _HOST_BACKWARDS.match(joined[max(done, dot - _LONGEST_HOST) : dot][::-1]) if dot > done else None
        )
        if name is not None and not _goes_on(joined, dot - name.end()):
            done = _end_of_link(joined, ending.end())
            yield dot - name.end(), done


def _goes_on(joined: str, at: int) -> bool:
    """Whether a name that begins at `at` is only the rest of a longer one, an address or a path."""
    before = joined[at - 1 : at]
    return before != "" and before.isascii() and (before.isalnum() or before in "@/_-.#")


def _end_of_link(joined: str, start: int) -> int:
    native = _NATIVE_HOST.match(joined, start)
    body = _BODY.match(joined, native.end() if native else start)
    end = body.end() if body else start
    spare = {
        close: joined.count(close, start, end) - joined.count(open_, start, end)
        for open_, close in ("()", "[]")
    }
    while end > start:
        last = joined[end - 1]
        if last in spare:
            if spare[last] <= 0:
                break
            spare[last] -= 1
        elif last not in _CLOSING:
            break
        end -= 1
    return end


@cache
def _bare_host() -> re.Pattern[str]:
    """Where a host without a scheme may end."""
    alone: list[str] = []
    with_path: list[str] = []
    for row in rows("link_endings"):
        (alone if row["needs_path"] == "no" else with_path).append(re.escape(row["ending"]))
    free, path = "|".join(alone), "|".join(with_path)
    return re.compile(
        rf"\.(?:(?i:(?:{free})(?:\.[a-z]{{2}})?)|(?i:{path})(?=/[\w+@]))(?![A-Za-z0-9_\-@]|\.[A-Za-z])"
    )


def _disjoint(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    done = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= done:
            yield start, end
            done = end


_HANDLE: Final = re.compile(
    r"@(?:(?:[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_]{4,})(?:@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+)?"
    r"|\N{FIRST STRONG ISOLATE}(?P<isolated>[^\N{POP DIRECTIONAL ISOLATE}\n]{1,80})"
    r"\N{POP DIRECTIONAL ISOLATE}"
    rf"|(?![\x00-\x7f])[^\W\d][\w{_ARABIC_MARKS}]*)"
)
_MAIL_NAME: Final = re.compile(r"[A-Za-z0-9._%+\-]+\Z")
_MAIL_HOST: Final = re.compile(r"@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}")
_LONGEST_NAME: Final = 64  # RFC 5321


def _handles(joined: str, links: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """(start, end, name) of e-mail addresses, with an empty name, and of handles; outside of links."""
    done = 0
    at = joined.find("@")
    while at >= 0:
        if at >= done and not _is_covered(links, at):
            following = bisect_right(links, (at, at))
            limit = (
                links[following][0] if following < len(links) else len(joined)
            )  # a link may be glued to it
            name = _MAIL_NAME.search(joined, max(done, at - _LONGEST_NAME), at)
            if name is not None:
                host = _MAIL_HOST.match(joined, at, limit)
                if host is not None and not _is_covered(links, name.start()):
                    yield name.start(), host.end(), ""
                    done = host.end()
            elif joined[at - 1 : at] not in {"@", "/", "&"}:
                handle = _HANDLE.match(joined, at, limit)
                if handle is not None:
                    yield at, handle.end(), handle["isolated"] or handle[0][1:]
                    done = handle.end()
        at = joined.find("@", at + 1)


_HAS_LETTER: Final = re.compile(r"[\d_]*[^\W\d_]")
_TAG_NAME: Final = rf"(?=[\d_]*[^\W\d_])[\w{_ARABIC_MARKS}{_JOINERS}]+"
_TAG: Final = re.compile(rf"#(?<![A-Za-z0-9_&/]#){_TAG_NAME}(?:#{_TAG_NAME})*")


def _hashtags(joined: str, opaque: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for match in _TAG.finditer(joined):
        start, end = match.span()
        if opaque:
            following = bisect_right(opaque, (start, start))
            if following and start < opaque[following - 1][1]:
                continue
            if following < len(opaque):
                end = min(end, opaque[following][0])  # a link glued to the tag
        for name in joined[start + 1 : end].split("#"):
            tag = name.rstrip(_JOINERS)
            if _HAS_LETTER.match(tag):
                yield start, start + 1 + len(tag)
            start += 1 + len(name)


def _is_covered(links: list[tuple[int, int]], at: int) -> bool:
    index = bisect_right(links, (at, len(links) and links[-1][1]))
    return index > 0 and at < links[index - 1][1]
