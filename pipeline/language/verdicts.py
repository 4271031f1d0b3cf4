"""What letters and words decide about the posts of a batch, rule by rule, for all posts at once.

A rule settles the posts that it is sure of; what one rule has settled no later rule changes.  The weights
are judgments that were checked on labeled posts: a letter that only one language writes weighs most, an
article or a function word about half as much, and what a keyboard shows in every word counts three times
at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.language.letters import Letters
from pipeline.language.words import Words

Flags = NDArray[np.bool_]
Scores = dict[str, NDArray[np.float64]]


class Verdicts(Struct):
    """Tag and method of every post so far; arrays of strings, shape (n,)."""

    tags: NDArray[Any]
    methods: NDArray[Any]
    is_open: Flags  # not yet decided
    plain: Flags  # no letter that Arabic lacks: Arabic, unless everyday words say otherwise

    @classmethod
    def open(cls, size: int) -> Verdicts:
        """Nothing decided yet."""
        return cls(
            np.full(size, "", object), np.full(size, "", object), np.ones(size, bool), np.zeros(size, bool)
        )

    def settle(self, where: Flags, tag: str, method: str) -> None:
        """Decide those posts of `where` that are still open."""
        now = where & self.is_open
        if now.any():
            self.tags[now] = tag
            self.methods[now] = method
            self.is_open &= ~now

    def still_open(self) -> list[int]:
        """The posts without a verdict."""
        still: list[int] = np.flatnonzero(self.is_open).tolist()
        return still


def settle_mixed(verdicts: Verdicts, letters: Letters, words: Words) -> None:
    """Arabic and Latin script, each with three letters and a share that is no mere name or abbreviation.

    An Arabic word in a Latin post always counts.  Latin words in an Arabic post count when one of them
    is in lower case or plain English, or there are three: brands and abbreviations are written in capitals.
    An English sentence counts in a post of any length.  Of other scripts it takes ten letters and a share of
    one in seven.
    """
    smaller = np.minimum(letters.arabic, letters.latin)
    enough = (smaller >= 3) & (smaller >= 0.06 * letters.total)
    more_latin = letters.latin > letters.arabic
    no_name = (words.lower >= 1) | (words.latin >= 3) | (words.hits["en"] >= 1)
    verdicts.settle(enough & (more_latin | no_name), "mul", "mixed")
    sentence = (letters.latin >= 15) & (words.lower >= 3) & (words.hits["en"] >= 2)
    verdicts.settle(sentence & (letters.arabic > letters.latin), "mul", "mixed")
    third = np.minimum(np.maximum(letters.arabic, letters.latin), letters.other)
    verdicts.settle((third >= 10) & (third >= 0.15 * letters.total), "mul", "mixed")


def settle_arabic(verdicts: Verdicts, letters: Letters, words: Words) -> None:
    """Posts that are mostly in Arabic script: Arabic, Persian, Urdu, Kurdish, or none that we know."""
    here, count, of, hits = letters.mostly_arabic, letters.arabic, letters.of, words.hits
    certain = 3.0 * of("ar") + 2.5 * words.article

    def written_with(group: str, share: float) -> Flags:
        found = of(group)
        flags: Flags = here & (found >= np.maximum(1, share * count)) & (certain < 3 * found)
        return flags

    verdicts.settle(written_with("arab_other", 0.02), "und-Arab", "letters")
    verdicts.settle(written_with("ps", 0.015) & (of("ckb") == 0), "ps", "letters")
    verdicts.settle(written_with("ug", 0.03), "ug", "letters")
    _settle_neighbors(verdicts, letters, words, here & (certain == 0))
    # Letters of a language in a long text without its words: a neighbor of it that nobody here knows.
    for tag, own in (("ckb", of("ckb_ug") < 0.05 * count), ("ur", True)):
        stranger = (words.arabic >= 8) & (hits[tag] < 0.06 * words.arabic) & own
        verdicts.settle(written_with(tag, 0.01) & stranger, "und-Arab", "words")
    uyghur = (letters.hamza_first >= 1) & (of("keheh_yeh") + of("ckb") == 0) & (of("ar_shared") >= 2)
    verdicts.settle(written_with("ckb_ug", 0.05) & uyghur & (hits["ckb"] == 0), "ug", "letters")
    verdicts.settle(written_with("ckb", 0.01) | written_with("ckb_ug", 0.05), "ckb", "letters")
    verdicts.settle(written_with("ur", 0.02), "ur", "letters")
    foreign = sum(map(of, ("keheh_yeh", "pe_che", "ckb", "ckb_ug", "ur")), start=letters.hamza_first)
    rivals = np.maximum.reduce([hits["fa"], hits["ur"], hits["ckb"]])
    verdicts.settle(here & (foreign == 0) & (of("ar") >= 1) & (rivals == 0), "ar", "letters")
    eastern = np.minimum(of("keheh_yeh"), 3)
    # Kurdish writes a yeh with hamza before a vowel that begins a word; nobody else with a Persian keyboard.
    begins = letters.hamza_first * np.where(of("keheh_yeh") > 0, 4.0, 2.0)
    kurdish = 2.0 * of("ckb") + 1.0 * of("ckb_ug") + begins + 2.0 * words.double_heh
    scores: Scores = {
        "ar": certain + 0.6 * np.minimum(of("ar_shared"), 3) + 1.5 * hits["ar"],
        "ckb": kurdish + 1.5 * hits["ckb"],
        "fa": 1.2 * eastern + 0.8 * of("pe_che") + 1.5 * hits["fa"],
        "ur": 0.6 * eastern + 2.0 * of("ur") + 2.0 * hits["ur"],
    }
    for tag, score in scores.items():
        verdicts.settle(here & (score >= 2) & (score >= 2 * _rival(scores, tag) + 1), tag, "words")
    verdicts.plain = here & (foreign == 0) & (rivals <= hits["ar"])


_ARABIC_SCRIPT = frozenset(("ar", "ckb", "fa", "ur", "hac", "pnb", "skr", "bal", "brh", "glk", "mzn", "ps"))
_NEIGHBORS = ("pnb", "skr", "bal", "brh", "glk", "mzn", "ps")  # of Urdu, Persian and Pashto


def _settle_neighbors(verdicts: Verdicts, letters: Letters, words: Words, here: Flags) -> None:
    """Languages that share the letters of Persian, Urdu and Kurdish and are told from them by their words."""
    of, hits = letters.of, words.hits
    kurdish = here & (of("ckb") + of("ckb_ug") >= 0.04 * letters.arabic)
    gorani = (hits["hac"] >= 0.5) & (hits["hac"] >= 0.4 * hits["ckb"])
    verdicts.settle(kurdish & gorani, "hac", "words")
    known = np.maximum.reduce([hits["fa"], hits["ur"], hits["ckb"], hits["ar"]])
    best = np.maximum.reduce([hits[tag] for tag in _NEIGHBORS])
    enough = here & ~kurdish & (best >= 1.5) & (best >= known) & (best >= 0.08 * words.arabic)
    for tag in _NEIGHBORS:
        verdicts.settle(enough & (hits[tag] == best), tag, "words")


def settle_latin(verdicts: Verdicts, letters: Letters, words: Words) -> None:
    """Posts that are mostly in Latin script: Arabizi, English, French, Turkish and others."""
    here, of = letters.mostly_latin, letters.of
    count = np.maximum(words.latin, 1)
    scores: Scores = {tag: hits for tag, hits in words.hits.items() if tag not in _ARABIC_SCRIPT}
    scores["ar-Latn"] = scores["ar-Latn"] + 2 * words.chat_digits
    scores["az"] = scores["az"] + 3 * of("az")
    scores["fr"] = scores["fr"] + of("fr") * (scores["fr"] > 0)
    scores["kmr"] = scores["kmr"] + 1.5 * of("kmr") * (scores["kmr"] > 0)
    misread = of("tr_misread") * (of("latin_other") == 0)  # Icelandic, which has them too, has others as well
    scores["tr"] = scores["tr"] + 1.5 * of("tr") + misread
    chat = here & (words.chat_digits >= 1) & (scores["ar-Latn"] >= 2 * scores["en"])
    verdicts.settle(chat, "ar-Latn", "arabizi")
    marked = sum(map(of, ("tr", "kmr", "fr", "az")), start=of("latin_other"))
    for tag, score in scores.items():
        rival = _rival(scores, tag)
        sure = (score >= 1) & (score >= 0.06 * count) & (score >= 1.5 * rival)
        sure |= (score >= count) & (rival == 0)
        if tag == "kmr":
            sure &= of("kmr") > 0
        if tag == "en":
            sure &= marked <= 0.03 * letters.latin
        verdicts.settle(here & sure, tag, "arabizi" if tag == "ar-Latn" else "words")
    verdicts.settle(here & (scores["ar-Latn"] > _rival(scores, "ar-Latn")), "ar-Latn", "arabizi")


def _rival(scores: Scores, tag: str) -> NDArray[np.float64]:
    """The best score of another language, post by post."""
    best: NDArray[np.float64] = np.maximum.reduce([score for other, score in scores.items() if other != tag])
    return best
