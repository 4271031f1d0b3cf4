"""One language for each post: letters first, then words, then a detector."""

from __future__ import annotations

from functools import cache

import numpy as np
from msgspec import Struct

from pipeline.data import rows
from pipeline.language.detector import guess
from pipeline.language.letters import Letters, count_letters, other_script
from pipeline.language.verdicts import Verdicts, settle_arabic, settle_latin, settle_mixed
from pipeline.language.vocabulary import everyday_language
from pipeline.language.words import Words, count_words
from pipeline.records import Language
from pipeline.text import TokenBatch


class Readings(Struct, frozen=True):
    """The language of each post, and what was counted on the way."""

    languages: list[Language]
    letters: Letters
    words: Words


def read_languages(tokens: TokenBatch, detector: str = "langdetect", least: int = 0) -> Readings:
    """The language of every post, each read as a whole.

    What letters and function words leave open is asked further from `least` letters on; below, it stays at
    what its script alone says.
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
    if least:
        few = letters.total < least
        verdicts.settle(few & verdicts.plain, "ar", "script")
        verdicts.settle(few, "und", "script")
    _ask(verdicts, tokens, letters, detector)
    shares = np.maximum(letters.total, 1)
    languages = [
        Language(tag, confidence_of(method, count), method, arabic, latin)
        for tag, method, count, arabic, latin in zip(
            verdicts.tags.tolist(),
            verdicts.methods.tolist(),
            letters.total.tolist(),
            (letters.arabic / shares).tolist(),
            (letters.latin / shares).tolist(),
            strict=True,
        )
    ]
    return Readings(languages, letters, words)


def _ask(verdicts: Verdicts, tokens: TokenBatch, letters: Letters, detector: str) -> None:
    """Settle the posts that are still open: by everyday words, else by the detector, each text once."""
    arabic_keyboard = letters.of("ar") + letters.of("ar_shared") > 0
    from_persia = (letters.of("keheh_yeh") > 0) & ~arabic_keyboard
    answers: dict[tuple[str, str], str | None] = {}
    for post in verdicts.still_open():
        in_arabic, in_latin = bool(letters.mostly_arabic[post]), bool(letters.mostly_latin[post])
        if in_arabic or in_latin:
            tag = everyday_language(tokens, post, bool(letters.tags_count[post]), in_arabic)
            if tag is not None:
                verdicts.tags[post], verdicts.methods[post] = tag, "vocabulary"
                continue
        if verdicts.plain[post]:
            verdicts.tags[post], verdicts.methods[post] = "ar", "script"
            continue
        text = _words_only(tokens, letters, post)
        if in_arabic:
            script, unknown = "Perso" if from_persia[post] else "Arab", "und-Arab"
        elif in_latin:
            script, unknown = "Latn", "und"
        else:
            script, unknown = "Cyrl", "und"
            tag = other_script(text)
            if tag != "ru":
                verdicts.tags[post], verdicts.methods[post] = tag, "letters" if tag != "und" else "script"
                continue
        key = (text, script)
        if key not in answers:
            answers[key] = guess(text, script, detector)
        tag, method = answers[key] or unknown, detector
        if script == "Latn" and tag not in _OF_GROUPS and _is_name(text):
            tag, method = "und", "script"
        verdicts.tags[post], verdicts.methods[post] = tag, method


_OF_GROUPS = frozenset(
    ("ar-Latn", "en", "fr", "kmr", "tr")
)  # what groups of the region write in Latin letters


def _is_name(text: str) -> bool:
    """Whether a text is no more than a name, which tells no language: "Homs", "Deir Ezzor"."""
    words = text.split()
    return len(words) <= 3 and all(word[0].isupper() for word in words)


def _words_only(tokens: TokenBatch, letters: Letters, post: int) -> str:
    """The raw text of a post without what does not count, with single spaces."""
    normalized = tokens.normalized
    hidden = letters.hidden[normalized.raw_starts[post] : normalized.raw_starts[post + 1]].tolist()
    shown = (" " if out else char for char, out in zip(normalized.raw[post], hidden, strict=True))
    return " ".join("".join(shown).split())


def confidence_of(method: str, letters: int) -> float:
    """How often a method was right when measured, on posts of so many letters."""
    for least, confidence in _bands()[method]:
        if letters >= least:
            return confidence
    raise ValueError(f"language_confidence: no band of {method} for {letters} letters")


@cache
def _bands() -> dict[str, list[tuple[int, float]]]:
    """For each method its bands, the one of the longest posts first."""
    bands: dict[str, list[tuple[int, float]]] = {}
    for row in rows("language_confidence"):
        bands.setdefault(row["method"], []).append((int(row["letters_from"]), float(row["confidence"])))
    return {method: sorted(steps, reverse=True) for method, steps in bands.items()}
