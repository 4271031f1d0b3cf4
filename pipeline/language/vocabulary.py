"""Everyday words, for the posts that letters and function words leave open."""

from __future__ import annotations

from functools import cache
from typing import Final

from pipeline.data import rows
from pipeline.text import TokenBatch, normalize_batch

_ARABIC_SCRIPT: Final = frozenset(("ar", "ckb", "fa", "ur"))


def everyday_language(tokens: TokenBatch, post: int, hashtags_count: bool, arabic: bool) -> str | None:
    """The language of most everyday words of a post, None where they do not decide.

    A word of several languages counts for each by its share; the best language needs half a word, half as
    much again as the next one, and one word in six.

    >>> from pipeline.text import find_marks, tokenize
    >>> texts = ["the insurance", "مدرسه"]
    >>> tokens = tokenize(normalize_batch(texts), find_marks(texts))
    >>> [everyday_language(tokens, post, False, post == 1) for post in (0, 1)]
    ['en', None]
    """
    words = joined_words(tokens, post, hashtags_count)
    known = _known()
    scores: dict[str, float] = {}
    for word in words:
        for language in known.get(word, ()):
            if (language in _ARABIC_SCRIPT) == arabic:
                scores[language] = scores.get(language, 0.0) + 1 / len(known[word])
    if not scores:
        return None
    best, *others = sorted(scores, key=lambda language: (-scores[language], language))
    enough = scores[best] >= max(0.5, len(words) / 6)
    return best if enough and (not others or scores[best] >= 1.5 * scores[others[0]]) else None


def joined_words(tokens: TokenBatch, post: int, hashtags_count: bool) -> list[str]:
    """The folded words of a post, digits glued to letters included, as Arabizi is written."""
    words: list[str] = []
    for at in range(tokens.bounds[post], tokens.bounds[post + 1]):
        surface = tokens.surfaces[at]
        if not surface.isalnum() or (tokens.in_hashtag[at] and not hashtags_count):
            continue
        if words and tokens.glued[at] and tokens.surfaces[at - 1].isalnum():
            words[-1] += surface
        else:
            words.append(surface)
    return words


def languages_of(word: str) -> tuple[str, ...]:
    """The languages that list a folded word; none where no table has it."""
    return _known().get(word, ())


@cache
def _known() -> dict[str, tuple[str, ...]]:
    """Folded word of two letters or more to its languages."""
    known: dict[str, set[str]] = {}
    for table, column in (("vocabulary", "language"), ("function_words", "languages")):
        for row in rows(table):
            words = (row.get("words") or row["word"]).split()
            for word in normalize_batch(words).posts():
                if len(word) > 1:
                    known.setdefault(word, set()).update(row[column].split())
    return {word: tuple(sorted(languages)) for word, languages in known.items()}


@cache
def words_of(language: str) -> tuple[str, ...]:
    """All listed words of a language, as they are written."""
    found = dict.fromkeys(
        word for row in rows("vocabulary") if row["language"] == language for word in row["words"].split()
    )
    found |= dict.fromkeys(
        row["word"] for row in rows("function_words") if language in row["languages"].split()
    )
    return tuple(found)
