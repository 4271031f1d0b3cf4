"""Which words of a batch of posts speak for a language."""

from __future__ import annotations

import re
from functools import cache
from itertools import repeat
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.data import rows
from pipeline.text import TokenBatch, normalize_batch
from pipeline.text.fold import codes_of

_ALEF, _LAM = ord("\N{ARABIC LETTER ALEF}"), ord("\N{ARABIC LETTER LAM}")
_HEH = ord("\N{ARABIC LETTER HEH}")
# Single letters that stand glued before the article: and, by, like, so.
_WAW, _BEH = ord("\N{ARABIC LETTER WAW}"), ord("\N{ARABIC LETTER BEH}")
_KAF, _FEH = ord("\N{ARABIC LETTER KAF}"), ord("\N{ARABIC LETTER FEH}")


class Words(Struct, frozen=True):
    """What the words of n posts say; each array has the shape (n,)."""

    hits: dict[str, NDArray[np.float64]]  # language to the number of its frequent words
    latin: NDArray[np.int64]  # words in Latin letters
    arabic: NDArray[np.int64]  # words in Arabic letters
    lower: NDArray[np.int64]  # Latin words of three letters or more that are written in lower case
    article: NDArray[np.int64]  # words with the Arabic article
    double_heh: NDArray[np.int64]  # long words with two hehs, as Kurdish is written on Arabic keyboards
    chat_digits: NDArray[np.float64]  # Latin words in which a digit stands for an Arabic letter


def count_words(tokens: TokenBatch, post_of: NDArray[np.int64], tags_count: NDArray[np.bool_]) -> Words:
    """The words of every post; those of hashtags only where `tags_count` says so."""
    size, normalized = len(tokens.normalized), tokens.normalized
    tagged = np.frombuffer(tokens.in_hashtag, np.uint8) > 0
    used = ~tagged | tags_count[post_of]
    starts = np.array(tokens.starts, np.int64)
    lengths = np.array(tokens.ends, np.int64) - starts
    codes = np.append(codes_of(normalized.text), np.zeros(3, np.uint32))
    first, second, third = codes[starts], codes[starts + 1], codes[starts + 2]
    is_arabic = used & (first >= 0x0620) & (first < 0x0780)
    is_latin = used & (((first >= 0x61) & (first <= 0x7A)) | ((first >= 0xC0) & (first < 0x250)))
    raw_at = normalized.raw_starts[post_of] + normalized.origin[starts]
    raw_codes = np.append(normalized.raw_codes, np.uint32(0))
    capital = _is_capital(raw_codes[raw_at]) | _is_capital(raw_codes[raw_at + 1])  # as in iPhone
    lower = is_latin & (lengths >= 3) & ~capital
    article = (first == _ALEF) & (second == _LAM) & (lengths > 3)
    glued = (first == _WAW) | (first == _BEH) | (first == _KAF) | (first == _FEH)
    article |= glued & (second == _ALEF) & (third == _LAM) & (lengths > 4)
    article |= (first == _LAM) & (second == _LAM) & (lengths > 4)
    heh = np.bincount(
        np.searchsorted(starts, np.flatnonzero(codes == _HEH), side="right") - 1, minlength=starts.size
    )
    double_heh = is_arabic & (heh >= 2) & (lengths >= 5)
    table = _table()
    known = np.fromiter(map(table.index.get, tokens.surfaces, repeat(0)), np.int64, len(tokens.surfaces))
    known[~used] = 0
    at = np.flatnonzero(known)
    hits = np.zeros((size, len(table.languages)))
    if at.size:
        posts = post_of[at]
        begins = np.flatnonzero(np.diff(posts, prepend=-1))
        hits[posts[begins]] = np.add.reduceat(table.weights[known[at]], begins)
    return Words(
        hits=dict(zip(table.languages, np.ascontiguousarray(hits.T), strict=True)),
        latin=np.bincount(post_of[is_latin], minlength=size),
        arabic=np.bincount(post_of[is_arabic], minlength=size),
        lower=np.bincount(post_of[lower], minlength=size),
        article=np.bincount(post_of[article & is_arabic], minlength=size),
        double_heh=np.bincount(post_of[double_heh], minlength=size),
        chat_digits=_chat_digits(tokens, post_of, is_latin, size),
    )


def _is_capital(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return (codes >= ord("A")) & (codes <= ord("Z"))


def function_languages(word: str) -> list[str]:
    """The languages of which a folded word is a function word.

    >>> function_languages("the"), function_languages("xyz")
    (['en'], [])
    """
    table = _table()
    weights = table.weights[table.index.get(word, 0)]
    return [language for language, weight in zip(table.languages, weights, strict=True) if weight > 0]


class _WordTable(Struct, frozen=True):
    languages: tuple[str, ...]
    index: dict[str, int]  # folded word to its row in `weights`
    weights: NDArray[np.float64]  # shape (words + 1, languages); row 0 is no word


@cache
def _table() -> _WordTable:
    listed = list(rows("function_words"))
    folded = normalize_batch([row["word"] for row in listed]).posts()
    spoken: dict[str, set[str]] = {}
    for word, row in zip(folded, listed, strict=True):
        spoken.setdefault(word, set()).update(row["languages"].split())
    languages = tuple(sorted({language for row in listed for language in row["languages"].split()}))
    index = {word: row for row, word in enumerate(sorted(spoken), start=1)}
    weights = np.zeros((len(index) + 1, len(languages)))
    for word, at in index.items():
        for language in spoken[word]:
            weights[at, languages.index(language)] = 1 / len(spoken[word])
    return _WordTable(languages, index, weights)


_CHAT_DIGITS: Final = frozenset("2356789")
_INSIDE: Final = re.compile(r"[a-z][235-9][a-z]")
_BEFORE: Final = re.compile(
    r"[235-9](?!(?:st|nd|rd|th|am|pm|k[mg]?|m|cm|mm|min|mins|hrs?|h|g|gb|mb|tb|x|s|sec|d|days?|w|"
    r"weeks?|months?|yrs?|years?|v|th|ft|lbs|usd|eur|ème|eme|er|e|p|b|c|f|a)$)[a-z]{2,}"
)
_AFTER: Final = re.compile(
    r"(?!(?:mp|ps|win|part|vol|page|ch|no|top|level|day|week|episode|ep|season|unit|gr|be|to|iphone|"
    r"phase|grade|year|group|class|type|version|model|room|article|section)[235-9])[a-z]{2,}[235-9]"
)
_NO_CHAT: Final = frozenset(("h2o", "b2b", "p2p", "w3c", "b2c", "f2f"))


def _chat_digits(
    tokens: TokenBatch, post_of: NDArray[np.int64], is_latin: NDArray[np.bool_], size: int
) -> NDArray[np.float64]:
    """Words such as "7abibi", "la7za" and "sa7"; those with the digit at the end count half."""
    score = np.zeros(size)
    surfaces, glued = tokens.surfaces, np.frombuffer(tokens.glued, np.uint8) > 0
    touches = np.zeros(glued.size, bool)
    touches[1:] = is_latin[:-1] & glued[1:]
    touches[:-1] |= is_latin[1:] & glued[1:]
    for at in np.flatnonzero(touches & ~is_latin).tolist():
        if surfaces[at] not in _CHAT_DIGITS:
            continue
        first, last = at, at + 1
        while glued[first] and surfaces[first - 1].isalnum():
            first -= 1
        while last < len(surfaces) and glued[last] and surfaces[last].isalnum():
            last += 1
        word = "".join(surfaces[first:last])
        if word in _NO_CHAT:
            continue
        if _INSIDE.search(word) or _BEFORE.fullmatch(word):
            score[post_of[at]] += 1
        elif _AFTER.fullmatch(word):
            score[post_of[at]] += 0.5
    return score
