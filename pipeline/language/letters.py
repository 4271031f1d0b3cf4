"""Which letters a batch of posts is written in, counted over its code points."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cache
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.data import rows
from pipeline.text import TokenBatch
from pipeline.text.tokens import MASKED

GROUPS: Final = (
    "none",
    "latin",
    "tr",
    "tr_misread",
    "kmr",
    "fr",
    "az",
    "latin_other",
    "arabic",
    "ar",
    "ar_shared",
    "keheh_yeh",
    "pe_che",
    "ckb",
    "ckb_ug",
    "ur",
    "ps",
    "ug",
    "arab_other",
    "other",
)
_LATIN: Final = slice(1, 8)
_ARABIC: Final = slice(8, 19)
_WIDTH: Final = len(GROUPS)
_LEAST: Final = 4  # letters outside of hashtags, below which the hashtags' letters are counted too
_BODY, _TAG, _MASKED = range(3)
YEH_WITH_HAMZA: Final = 0x0626
_ENTITY: Final = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9A-Fa-f]{1,5});"
)  # left by exporters


class Letters(Struct, frozen=True):
    """Letters of n posts outside of links, addresses, handles, telephone numbers and HTML entities.

    Letters of hashtags count only in posts that hold next to no others (`tags_count`).
    """

    counts: NDArray[np.int64]  # shape (n, len(GROUPS))
    latin: NDArray[np.int64]  # shape (n,), as all below
    arabic: NDArray[np.int64]
    other: NDArray[np.int64]
    hamza_first: NDArray[np.int64]  # words that begin with a yeh with hamza
    tags_count: NDArray[np.bool_]
    hidden: NDArray[np.bool_]  # raw code points, shape (len(raw_codes),), that do not count

    @property
    def total(self) -> NDArray[np.int64]:
        """Letters of all scripts."""
        return self.latin + self.arabic + self.other

    @property
    def mostly_arabic(self) -> NDArray[np.bool_]:
        """Posts in which no script has more letters than the Arabic one."""
        return (self.arabic >= self.latin) & (self.arabic >= self.other)

    @property
    def mostly_latin(self) -> NDArray[np.bool_]:
        """Posts in which Latin has more letters than Arabic, and as many as the rest."""
        return (self.latin > self.arabic) & (self.latin >= self.other)

    def of(self, group: str) -> NDArray[np.int64]:
        """How many letters of a group each post holds."""
        return self.counts[:, GROUPS.index(group)]


def count_letters(tokens: TokenBatch, post_of: NDArray[np.int64]) -> Letters:
    """The letters of every post.  `post_of[k]` is the post that token k stands in."""
    normalized = tokens.normalized
    codes, size = normalized.raw_codes, len(normalized)
    region = _regions(tokens, post_of)
    groups = _groups().take(codes)
    groups[region == _MASKED] = 0
    post = np.repeat(np.arange(size, dtype=np.int32), np.diff(normalized.raw_starts))
    cells = (post * 2 + (region == _TAG)) * _WIDTH + groups
    both = np.bincount(cells, minlength=size * 2 * _WIDTH).reshape(size, 2, _WIDTH)
    body, tags = both[:, _BODY], both[:, _TAG]
    tags_count = body[:, 1:].sum(axis=1) < _LEAST
    counts = body + tags * tags_count[:, np.newaxis]
    first = np.flatnonzero(codes == YEH_WITH_HAMZA)
    starts = np.zeros(codes.size + 1, bool)
    starts[normalized.raw_starts] = True
    first = first[(groups[np.maximum(first, 1) - 1] == 0) | starts[first]]
    return Letters(
        counts=counts,
        latin=counts[:, _LATIN].sum(axis=1),
        arabic=counts[:, _ARABIC].sum(axis=1),
        other=counts[:, _WIDTH - 1],
        hamza_first=np.bincount(post[first], minlength=size),
        tags_count=tags_count,
        hidden=(region == _MASKED) | ((region == _TAG) & ~tags_count[post]),
    )


def _regions(tokens: TokenBatch, post_of: NDArray[np.int64]) -> NDArray[np.int8]:
    """For every raw code point: body, hashtag or masked."""
    normalized = tokens.normalized
    region = np.zeros(normalized.raw_codes.size, np.int8)
    opaque = np.flatnonzero(np.frombuffer(tokens.kinds, np.uint8) == MASKED).tolist()
    tagged = np.flatnonzero(np.frombuffer(tokens.in_hashtag, np.uint8)).tolist()
    for indices, value in ((opaque, _MASKED), (tagged, _TAG)):
        base = normalized.raw_starts[post_of[indices]]
        first = base + normalized.origin[[tokens.starts[index] for index in indices]]
        last = base + normalized.origin[[tokens.ends[index] - 1 for index in indices]] + 1
        for start, end in zip(first.tolist(), last.tolist(), strict=True):
            region[start:end] = value
    starts = normalized.raw_starts
    for at in np.flatnonzero(normalized.raw_codes == ord("&")).tolist():
        post = int(np.searchsorted(starts, at, side="right")) - 1
        entity = _ENTITY.match(normalized.raw[post], at - int(starts[post]))
        if entity is not None:
            region[at : at + entity.end() - entity.start()] = _MASKED
    return region


@cache
def _groups() -> NDArray[np.uint8]:
    """The group of every code point; 0 is no letter."""
    groups = np.zeros(0x110000, np.uint8)
    other = GROUPS.index("other")
    for first, last in ((0x4E00, 0xA000), (0x3400, 0x4DC0), (0xAC00, 0xD7A4), (0x20000, 0x33480)):
        groups[first:last] = other
    for first, last in ((0x0041, 0x3400), (0xA000, 0xAC00), (0xF900, 0x11000), (0x1E800, 0x1F000)):
        groups[first:last] = [other if chr(code).isalpha() else 0 for code in range(first, last)]
    latin, arabic = GROUPS.index("latin"), GROUPS.index("arabic")
    for group, blocks in (
        (latin, ((0x41, 0x2B0), (0x1E00, 0x1F00))),
        (arabic, ((0x0600, 0x0700), (0x0750, 0x0780), (0x0870, 0x0900), (0xFB50, 0xFE00), (0xFE70, 0xFF00))),
    ):
        for first, last in blocks:
            block = groups[first:last]
            block[block > 0] = group
    groups[0x0640] = 0  # tatweel
    listed = {
        letter: GROUPS.index(row["group"]) for row in rows("language_letters") for letter in row["letters"]
    }
    for letter, group in listed.items():
        groups[[ord(letter), ord(letter.upper()[0])]] = group
    groups[ord("I")] = latin  # upper() of the dotless i
    groups[ord("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}")] = GROUPS.index("tr")
    for code in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD)):
        if groups[code]:
            letter = unicodedata.normalize("NFKC", chr(code)).strip()[:1]
            groups[code] = listed.get(letter, arabic)
    return groups


def other_script(text: str) -> str:
    """The tag of the script of most letters that are neither Latin nor Arabic; `und` if unknown."""
    first, last, tags = _scripts()
    counts: dict[str, int] = {}
    for char in text:
        at = bisect_right(first, ord(char)) - 1
        if at >= 0 and ord(char) <= last[at] and char.isalpha():
            counts[tags[at]] = counts.get(tags[at], 0) + 1
    if "ja" in counts:
        return "ja"
    return max(counts, key=lambda tag: (counts[tag], tag), default="und")


@cache
def _scripts() -> tuple[list[int], list[int], list[str]]:
    table = sorted(
        (int(row["first"], 16), int(row["last"], 16), row["tag"]) for row in rows("language_scripts")
    )
    first, last, tags = zip(*table, strict=True)
    return list(first), list(last), list(tags)
