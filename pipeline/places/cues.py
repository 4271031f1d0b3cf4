"""Tables of words that tell whether a name is a place where it stands, each read once.

`place_cues` are classes of words set by hand, `place_neighbors` weights of single words that were learned,
`place_weights` the weights of features, `place_ambiguous` forms that are words or people as well,
`place_words` how often a word stood in labelled texts without naming a place, and how often for one.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

from msgspec import Struct

from pipeline.data import rows
from pipeline.places.keys import k0
from pipeline.text import normalize

LANGUAGES: Final = ("ar", "en")
SIDES: Final = ("before2", "before", "after", "after2", "tag", "ending", "form")
EDGE: Final = "|"  # stands for the neighbor of a name where the line or the post ends
FUNCTION_WORD: Final = -9.0  # prior
NATURE: Final = frozenset({"region", "river", "mountain", "sea", "island"})
TYPE_CUES: Final = frozenset({"city", "village", "quarter", "unit", "district", "nature", "facility"})
COMMON: Final = 8.0  # scale of the logarithm of a count
FACILITIES: Final = frozenset({"crossing", "airport", "camp", "dam", "facility"})
WANTED: Final = {
    "city": frozenset({"city", "town"}),
    "village": frozenset({"village", "town"}),
    "quarter": frozenset({"quarter"}),
    "unit": frozenset({"governorate", "region"}),
    "part": frozenset({"governorate"}),
    "district": frozenset({"district", "subdistrict", "region", "governorate"}),
    "nature": NATURE,
    "facility": FACILITIES,
}  # kinds of places that a cue word beside a name means


class Cues(Struct, frozen=True):
    """The table `place_cues`: class of a word by the side of the name on which it stands."""

    before: dict[str, str]
    after: dict[str, str]
    anywhere: dict[str, str]


class Neighbors(Struct, frozen=True):
    """The rows of `place_neighbors` of one language: log-odds that a word adds, by where it stands.

    Sides: before2, before, after and after2 are words beside the name, tag other words of its hashtag,
    ending the last two letters of the name, form the name itself, K0.
    """

    sides: dict[str, dict[str, float]]
    before: dict[str, float]
    after: dict[str, float]
    before2: dict[str, float]
    after2: dict[str, float]
    edge_before2: float  # of the end of a line or post
    edge_after2: float


@cache
def cue_words() -> Cues:
    """Classes of words beside names."""
    sides: dict[str, dict[str, str]] = {"before": {}, "after": {}, "anywhere": {}}
    for row in rows("place_cues"):
        sides[row["side"]].setdefault(row["word"], row["cue"])
    return Cues(**sides)


@cache
def neighbor_words() -> dict[str, Neighbors]:
    """Learned weights of words beside names, by language."""
    table: dict[str, dict[str, dict[str, float]]] = {
        language: {side: {} for side in SIDES} for language in LANGUAGES
    }
    for row in rows("place_neighbors"):
        table[row["lang"]][row["side"]][row["word"]] = float(row["weight"])
    return {
        language: Neighbors(
            sides,
            sides["before"],
            sides["after"],
            sides["before2"],
            sides["after2"],
            sides["before2"].get(EDGE, 0.0),
            sides["after2"].get(EDGE, 0.0),
        )
        for language, sides in table.items()
    }


@cache
def weights() -> dict[str, dict[str, float]]:
    """Feature weights by language."""
    table: dict[str, dict[str, float]] = {language: {} for language in LANGUAGES}
    for row in rows("place_weights"):
        table[row["lang"]][row["feature"]] = float(row["weight"])
    return table


@cache
def priors() -> dict[str, float]:
    """Log-odds that a form, by K0, is a place where it stands: below zero for words and names of people."""
    table: dict[str, float] = {}
    for row in rows("function_words"):
        if {"ar", "en"} & set(row["languages"].split()):
            table[form_key(row["word"])] = FUNCTION_WORD
    for row in rows("place_ambiguous"):
        key = form_key(row["form"])
        table[key] = min(float(row["prior"]), table.get(key, 0.0))
    return table


def form_key(form: str) -> str:
    """K0 of a form in any spelling."""
    return k0(normalize(form).text.split())


@cache
def common_words() -> frozenset[str]:
    """Latin words that are never read as a variant spelling of a place."""
    return frozenset(row["word"] for row in rows("place_common"))


@cache
def word_counts() -> dict[str, int]:
    """How often a word, or two words written together, stood in labelled texts outside every place."""
    return {row["word"]: int(row["count"]) for row in rows("place_words")}


@cache
def word_weights() -> dict[str, float]:
    """How much more often a word stood outside places than in their names, see `commonness`."""
    return {row["word"]: commonness(int(row["count"]), int(row["named"])) for row in rows("place_words")}


def commonness(count: int, named: int) -> float:
    """How common a word is that stood `count` times outside of places and `named` times for one.

    The logarithm of their ratio, never below zero, scaled so that it mostly is below one.

    >>> commonness(0, 0), commonness(3, 9)
    (0.0, 0.0)
    >>> commonness(54, 0) > commonness(54, 1) > commonness(54, 9)
    True
    """
    return max(math.log1p(count) - math.log1p(named), 0.0) / COMMON
