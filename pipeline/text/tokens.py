"""Words, numbers and signs of a batch of folded posts."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import chain
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.records import Span
from pipeline.text.fold import ARABIC_BLOCKS, CODE_POINTS, LATIN_BLOCKS, codes_of, text_of
from pipeline.text.marks import Marks
from pipeline.text.normalize import NormalizedBatch

# Stands for a URL, an e-mail address, an @handle or a telephone number.
OPAQUE: Final = "\N{OBJECT REPLACEMENT CHARACTER}"

# What a token is made of, in `TokenBatch.kinds`; no token is of the first kind.
_SPACE, ARABIC, LATIN, LETTER, DIGIT, SIGN, MASKED = range(7)
_LINE_BREAKS: Final = (0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)


class TokenBatch(Struct, frozen=True):
    """The tokens of n posts, in order, as parallel lists over the whole batch.

    A token is a longest run of one class (Arabic letters, Latin letters, other letters, digits), or one
    other visible code point by itself; spaces and the closing line feeds are no tokens.  So "ma'arrat" is
    three tokens, "ك2" and "3rd" are two.  A URL, an e-mail address, an @handle or a telephone number is one
    token with the surface OPAQUE.  The words of a hashtag are ordinary tokens (`#` and `_` fold to spaces,
    and a capital within a Latin word begins the next one: #SaveAleppo is two); `in_hashtag` says where.  What
    folds to nothing (vowel marks, tatweel, format signs) does not part two tokens: they are glued across it.
    """

    normalized: NormalizedBatch
    surfaces: list[str]  # folded
    starts: list[int]  # in normalized.text
    ends: list[int]
    bounds: list[int]  # tokens of post i are bounds[i] .. bounds[i + 1] - 1; length n + 1
    in_hashtag: bytearray  # one byte a token; 0 no, 1 first word of a hashtag, 2 further word of it
    glued: bytearray  # one byte a token; 1 where nothing stands between it and the token before
    breaks: (
        bytearray  # one byte a token; 1 where a line break stands before it, or it is the first of its post
    )
    kinds: bytearray  # one byte a token: ARABIC, LATIN, LETTER (of another script), DIGIT, SIGN or MASKED


def tokenize(normalized: NormalizedBatch, marks: Marks) -> TokenBatch:
    """The tokens of a normalized batch, in one pass.

    >>> from pipeline.text import find_marks, normalize_batch
    >>> texts = ["في 3 آذار #ريف_إدلب @news"]
    >>> tokens = tokenize(normalize_batch(texts), find_marks(texts))
    >>> tokens.surfaces == ["في", "3", "اذار", "ريف", "ادلب", OPAQUE]
    True
    """
    codes = codes_of(normalized.text)
    classes = _classes().take(codes)
    # The code point of the raw posts, side by side with one place between them, that each letter is from.
    places = np.arange(len(normalized), dtype=np.int64) + normalized.raw_starts[:-1]
    raw_at = np.repeat(places, normalized.ends + 1 - normalized.starts)
    raw_at += normalized.origin
    opaque = _edges(marks.opaque_spans, places, raw_at)
    opens = np.empty(classes.size, bool)
    opens[:1] = True
    for start, end in opaque.tolist():
        classes[start:end] = MASKED
    np.not_equal(classes[1:], classes[:-1], out=opens[1:])
    opens |= classes == SIGN
    hashtags = _edges(marks.hashtag_spans, places, raw_at)
    if hashtags.size:
        opens[_inner_capitals(normalized, hashtags)] = True
    opens[opaque[:, 0][opaque[:, 0] < opaque[:, 1]]] = True
    edges = np.flatnonzero(opens)
    kinds = classes[edges]
    visible = kinds != _SPACE
    kinds = kinds[visible]
    starts = edges[visible]
    ends = np.append(edges[1:], classes.size)[visible]
    surfaces = _surfaces(codes[classes != _SPACE], ends - starts)
    for at in np.flatnonzero(kinds == MASKED).tolist():
        surfaces[at] = OPAQUE
    first = np.searchsorted(starts, normalized.starts)
    glued = np.zeros(starts.size, np.uint8)
    glued[1:] = starts[1:] == ends[:-1]
    return TokenBatch(
        normalized=normalized,
        surfaces=surfaces,
        starts=starts.tolist(),
        ends=ends.tolist(),
        bounds=[*first.tolist(), starts.size],
        in_hashtag=_in_hashtag(starts, hashtags),
        glued=bytearray(glued),
        breaks=_breaks(normalized, raw_at[starts], first),
        kinds=bytearray(kinds),
    )


def _surfaces(codes: NDArray[np.uint32], lengths: NDArray[np.int64]) -> list[str]:
    """The words of these lengths that stand side by side; cut by one split, not one by one."""
    if not lengths.size:
        return []
    spaced = np.full(codes.size + lengths.size, ord("\n"), np.uint32)
    letters = np.ones(spaced.size, bool)
    letters[np.cumsum(lengths + 1) - 1] = False
    spaced[letters] = codes
    return text_of(spaced[:-1]).split("\n")


def _edges(
    spans: list[tuple[Span, ...]], places: NDArray[np.int64], raw_at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Where spans of raw posts begin and end in the folded text; shape (number of spans, 2)."""
    counts = np.fromiter(map(len, spans), np.int64, len(spans))
    flat = [edge for span in chain.from_iterable(spans) for edge in (span.start, span.end)]
    raw = np.array(flat, np.int64).reshape(-1, 2) + np.repeat(places, counts)[:, np.newaxis]
    return np.searchsorted(raw_at, raw)


def _inner_capitals(normalized: NormalizedBatch, hashtags: NDArray[np.int64]) -> NDArray[np.int64]:
    """Letters that begin a further word of a hashtag by their capital alone: the A of #SaveAleppo."""
    inside = np.concatenate([np.arange(start, end) for start, end in hashtags.tolist()])
    post = np.searchsorted(normalized.starts, inside, side="right") - 1
    at = normalized.raw_starts[post] + normalized.origin[inside]
    raw = normalized.raw_codes
    codes, before, after = raw[at], raw[np.maximum(at - 1, 0)], raw[np.minimum(at + 1, raw.size - 1)]
    is_upper, upper_before = _is_between(codes, "A", "Z"), _is_between(before, "A", "Z")
    small_before, small_after = _is_between(before, "a", "z"), _is_between(after, "a", "z")
    scottish = (before == ord("c")) & (raw[np.maximum(at - 2, 0)] == ord("M"))  # McMurray is one word
    # Of a run of capitals the last begins a word where small letters follow it: #UNinSyria, #UNSyria.
    begins: NDArray[np.bool_] = is_upper & ~scottish & (small_before | (upper_before & small_after))
    return np.compress(begins, inside)


def _is_between(codes: NDArray[np.uint32], first: str, last: str) -> NDArray[np.bool_]:
    return (codes >= ord(first)) & (codes <= ord(last))


def _in_hashtag(starts: NDArray[np.int64], hashtags: NDArray[np.int64]) -> bytearray:
    tokens = np.searchsorted(starts, hashtags)
    steps = np.zeros(starts.size + 1, np.int8)
    np.add.at(steps, tokens[:, 0], 2)
    np.add.at(steps, tokens[:, 1], -2)
    inside = np.cumsum(steps[:-1], dtype=np.int8)
    inside[tokens[:, 0][tokens[:, 0] < tokens[:, 1]]] = 1
    return bytearray(inside.view(np.uint8))


def _breaks(normalized: NormalizedBatch, raw_at: NDArray[np.int64], first: NDArray[np.int64]) -> bytearray:
    breaks = np.zeros(raw_at.size + 1, np.uint8)
    codes = normalized.raw_codes
    at = np.flatnonzero(_is_line_break().take(np.minimum(codes, _LINE_BREAKS[-1] + 1)))
    at += np.searchsorted(normalized.raw_starts[1:], at, side="right")
    breaks[np.searchsorted(raw_at, at)] = 1
    breaks[first] = 1
    return bytearray(breaks[:-1])


@cache
def _is_line_break() -> NDArray[np.bool_]:
    flags = np.zeros(_LINE_BREAKS[-1] + 2, bool)
    flags[list(_LINE_BREAKS)] = True
    return flags


# Blocks that hold combining marks which folding keeps (Indic vowel signs, kana voicing and the like).
_MARK_BLOCKS: Final = (
    (0x0300, 0x3400),
    (0xA600, 0xAC00),
    (0xFB00, 0xFF00),
    (0x10000, 0x12000),
    (0x13430, 0x13460),
    (0x16100, 0x17000),
    (0x1BC00, 0x1F000),
)
_LAST_LETTER: Final = 0x33480  # no letters are assigned from here on, as of Unicode 17


@cache
def _classes() -> NDArray[np.uint8]:
    """The class of every code point that folded text can hold."""
    classes = np.full(CODE_POINTS, SIGN, np.uint8)
    letters = np.fromiter(map(str.isalpha, map(chr, range(_LAST_LETTER))), bool, _LAST_LETTER)
    classes[:_LAST_LETTER][letters] = LETTER
    for first, last in _MARK_BLOCKS:
        marks = [code for code in range(first, last) if unicodedata.category(chr(code)) in {"Mn", "Mc"}]
        classes[marks] = LETTER
    for script, blocks in ((ARABIC, ARABIC_BLOCKS), (LATIN, LATIN_BLOCKS)):
        for first, last in blocks:
            block = classes[first:last]
            block[letters[first:last]] = script
    classes[ord("0") : ord("9") + 1] = DIGIT
    classes[[ord(" "), ord("\n")]] = _SPACE
    return classes
