"""Which language a post is written in."""

from __future__ import annotations

from functools import cache

import numpy as np

from pipeline.data import rows
from pipeline.language.detector import guess
from pipeline.language.letters import Letters, count_letters, other_script
from pipeline.language.verdicts import Verdicts, settle_arabic, settle_latin, settle_mixed
from pipeline.language.words import count_words
from pipeline.records import Language
from pipeline.text import TokenBatch

__all__ = ["detect"]


def detect(tokens: TokenBatch) -> list[Language]:
    """The language of every post of the batch, in order.

    Links, addresses and handles do not count, and hashtags only where there is next to nothing else.
    Letters decide where they can, then frequent words and the digits of Arabizi; only what is still open
    is put to langdetect.  `mul` is a post in Arabic and Latin script of which neither is a mere name;
    `und` a post without letters; `und-Arab` one in Arabic script whose language nobody here knows.
    The confidence is the share of right answers that its method gave when measured, not a likelihood.

    >>> from pipeline.text import find_marks, normalize_batch, tokenize
    >>> texts = ["قصف على المدينة", "Shelling in the city", "ئەمڕۆ باران دەبارێت", "👍 12"]
    >>> [language.tag for language in detect(tokenize(normalize_batch(texts), find_marks(texts)))]
    ['ar', 'en', 'ckb', 'und']
    """
    size = len(tokens.normalized)
    bounds = np.array(tokens.bounds, np.int64)
    post_of = np.repeat(np.arange(size, dtype=np.int64), bounds[1:] - bounds[:-1])
    letters = count_letters(tokens, post_of)
    words = count_words(tokens, post_of, letters.tags_count)
    verdicts = Verdicts.open(size)
    verdicts.settle(letters.total < 2, "und", "noletters")
    settle_mixed(verdicts, letters, words)
    settle_arabic(verdicts, letters, words)
    settle_latin(verdicts, letters, words)
    _ask(verdicts, tokens, letters)
    shares = np.maximum(letters.total, 1)
    return [
        Language(tag, _confidence(method, count), method, arabic, latin)
        for tag, method, count, arabic, latin in zip(
            verdicts.tags.tolist(),
            verdicts.methods.tolist(),
            letters.total.tolist(),
            (letters.arabic / shares).tolist(),
            (letters.latin / shares).tolist(),
            strict=True,
        )
    ]


def _ask(verdicts: Verdicts, tokens: TokenBatch, letters: Letters) -> None:
    """Put the posts that are still open to langdetect, each text once."""
    arabic_keyboard = letters.of("ar") + letters.of("ar_shared") > 0
    from_persia = (letters.of("keheh_yeh") > 0) & ~arabic_keyboard
    answers: dict[tuple[str, str], str | None] = {}
    for post in verdicts.still_open():
        text = _words_only(tokens, letters, post)
        if letters.mostly_arabic[post]:
            script, unknown = "Perso" if from_persia[post] else "Arab", "und-Arab"
        elif letters.mostly_latin[post]:
            script, unknown = "Latn", "und"
        else:
            script, unknown = "Cyrl", "und"
            tag = other_script(text)
            if tag != "ru":
                verdicts.tags[post], verdicts.methods[post] = tag, "letters" if tag != "und" else "script"
                continue
        key = (text, script)
        if key not in answers:
            answers[key] = guess(text, script)
        verdicts.tags[post], verdicts.methods[post] = answers[key] or unknown, "langdetect"


def _words_only(tokens: TokenBatch, letters: Letters, post: int) -> str:
    """The raw text of a post without what does not count, with single spaces."""
    normalized = tokens.normalized
    hidden = letters.hidden[normalized.raw_starts[post] : normalized.raw_starts[post + 1]].tolist()
    shown = (" " if out else char for char, out in zip(normalized.raw[post], hidden, strict=True))
    return " ".join("".join(shown).split())


def _confidence(method: str, letters: int) -> float:
    return next(confidence for least, confidence in _bands()[method] if letters >= least)


@cache
def _bands() -> dict[str, list[tuple[int, float]]]:
    """For each method its bands, the one of the longest posts first."""
    bands: dict[str, list[tuple[int, float]]] = {}
    for row in rows("language_confidence"):
        bands.setdefault(row["method"], []).append((int(row["letters_from"]), float(row["confidence"])))
    return {method: sorted(steps, reverse=True) for method, steps in bands.items()}
