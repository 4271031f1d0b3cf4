"""How words of a post are written: capitals, articles, single letters; and what kind of words they are."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from msgspec import Struct

from pipeline.places.cues import EDGE, FUNCTION_WORD, SIDES, common_words, priors
from pipeline.places.keys import is_article, spelling
from pipeline.text import TokenBatch

_SENTENCE_ENDS: Final = frozenset({".", "!", "?", ":", ";", '"', "\N{HORIZONTAL ELLIPSIS}"})


def words_beside(tokens: TokenBatch, at: int, end: int) -> tuple[tuple[str, str], ...]:
    """(side, word) of the two words before and the two after tokens at .. end - 1."""
    surfaces, breaks, bound = tokens.surfaces, tokens.breaks, len(tokens.surfaces)
    before = before2 = after = after2 = EDGE
    if not breaks[at]:
        before = surfaces[at - 1]
        if not breaks[at - 1]:
            before2 = surfaces[at - 2]
    if end < bound and not breaks[end]:
        after = surfaces[end]
        if end + 1 < bound and not breaks[end + 1]:
            after2 = surfaces[end + 1]
    return (SIDES[0], before2), (SIDES[1], before), (SIDES[2], after), (SIDES[3], after2)


class Shape(Struct, frozen=True, gc=False):
    """How Latin words are written."""

    is_small: bool  # begins with a small letter
    is_upper: bool
    letters: int
    has_dot: bool


@lru_cache(maxsize=1 << 15)
def shape_of(text: str) -> Shape:
    """How Latin words are written."""
    first = text[0]
    is_small = first.isalpha() and not first.isupper() and not first.isdigit()
    return Shape(is_small, text.isupper(), sum(map(str.isalpha, text)), "." in text)


def written(tokens: TokenBatch, post: int, first: int, last: int) -> str:
    """Tokens first .. last - 1 as they stand in the post."""
    normalized = tokens.normalized
    origin = normalized.origin
    start, end = origin.item(tokens.starts[first]), origin.item(tokens.ends[last - 1] - 1)
    return normalized.raw[post][start : end + 1]


def is_capital(tokens: TokenBatch, post: int, at: int) -> bool:
    """Whether a token begins with a capital letter as it was written."""
    normalized = tokens.normalized
    return normalized.raw[post][normalized.origin.item(tokens.starts[at])].isupper()


def is_capital_article(tokens: TokenBatch, post: int, at: int) -> bool:
    """Whether a token is an Arabic article written with a capital inside a sentence: As Sawda, At Tall.

    At the head of a sentence it is a word of English.
    """
    if at + 1 >= tokens.bounds[post + 1] or not is_article(tokens.surfaces[at], tokens.surfaces[at + 1]):
        return False
    before = at - 1
    return (
        before >= tokens.bounds[post]
        and not tokens.breaks[at]
        and not tokens.breaks[at + 1]
        and tokens.surfaces[before] not in _SENTENCE_ENDS
        and is_capital(tokens, post, at)
        and is_capital(tokens, post, at + 1)
        and not is_capital_word(tokens, post, before)
    )


def is_capital_word(tokens: TokenBatch, post: int, at: int) -> bool:
    """Whether a token is a word with a capital letter that mostly is written small: of a headline."""
    return tokens.surfaces[at] in common_words() and is_capital(tokens, post, at)


def is_function_word(word: str) -> bool:
    """Whether a word is of the grammar alone, and begins no name as a word joined to it either."""
    return priors().get(word, 0.0) <= FUNCTION_WORD and word not in spelling().joined_heads


@cache
def head_words() -> frozenset[str]:
    """Latin words that begin names of several words: Tell, Kafr, Bab, Abu."""
    return frozenset(spelling().heads) | frozenset(spelling().heads.values())
