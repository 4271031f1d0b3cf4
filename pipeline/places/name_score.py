"""The score of a name by itself: log-odds that it names a place, before anything around it is looked at.

It is a sum over weighted features that is made once for each name.  Every feature has a weight in the tables
that `cues` reads; `score` adds what stands around the name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pipeline.places.clitics import BEH, WAW, stems
from pipeline.places.cues import (
    FACILITIES,
    NATURE,
    TYPE_CUES,
    Neighbors,
    cue_words,
    neighbor_words,
    priors,
    weights,
    word_counts,
    word_weights,
)
from pipeline.places.gazetteer import SETTLEMENTS, UNITS, Gazetteer
from pipeline.places.keys import ALEF, ARTICLE, is_arabic
from pipeline.text import TokenBatch

WELL_KNOWN: Final = 100_000  # inhabitants
SMALL: Final = 20_000
HAMLET: Final = 100
NEVER: Final = -8.0  # log-odds of a name by itself that no context mends
HOPELESS: Final = -3.5  # log-odds of a name with the words next to it: nothing else can mend it
ACRONYM: Final = 3  # letters: the US, the U.S.
MAX_CACHED: Final = 200_000  # words
IN_LIST: Final = 4.0  # in a list of villages the type word stands before the first
FATHER_OF: Final = ALEF + BEH + WAW  # abu: more often a man than a town
CHAIN: Final = frozenset({",", "/", "-", WAW, "and", "&", "+"})
_KIND_GROUPS: Final = (
    ("kind_country", frozenset({"country"})),
    ("kind_unit", UNITS),
    ("kind_city", frozenset({"city", "town"})),
    ("kind_village", frozenset({"village"})),
    ("kind_quarter", frozenset({"quarter"})),
    ("kind_nature", NATURE),
    ("kind_facility", FACILITIES),
)


class Name(Struct, frozen=True, eq=False, gc=False):
    """A name of the gazetteer and what can be said of it without its context."""

    key: str
    places: tuple[int, ...]
    features: tuple[tuple[str, float], ...]
    score: float  # their sum, weighted, with the ambiguity prior
    kinds: frozenset[str]
    is_far: bool  # only settlements, and none of them in the region of interest
    is_bare: bool  # only settlements of which nobody counted the inhabitants
    is_hamlet: bool  # only settlements of a few people or an unknown number, none of them in our tables
    is_word: bool  # seen outside of names in running text
    is_plain: bool  # a word of running text that only settlements bear that are not in our tables
    language: str  # whose weights judge it: ar or en
    place_sort: str  # home, region, elsewhere or known: how likely a group speaks of it


class Context(Struct, frozen=True, gc=False):
    """What stands around a name, for those who want every part of it."""

    features: tuple[str, ...]
    cues: tuple[str, ...]
    neighbors: tuple[tuple[str, str], ...]  # (side, word) of the table place_neighbors


class Most(Struct, frozen=True, gc=False):
    """What a word beside a name can add to its score at the most; of the words that were asked for."""

    before: dict[str, float]
    after: dict[str, float]


class NameJudge:
    """Scores names of one gazetteer for one home, each by itself."""

    def __init__(self, gazetteer: Gazetteer, home: Sequence[str]) -> None:
        self.gazetteer = gazetteer
        self.home = frozenset(home)
        self.region = self.home | frozenset(gazetteer.home)
        self.cues = cue_words()
        self.weights = weights()
        self.neighbors = neighbor_words()
        self._before: dict[str, str] = {}
        self._best_beside = {language: self._most(language) for language in self.neighbors}
        self.most_beside = {language: Most({}, {}) for language in self.neighbors}

    def _most(self, language: str) -> dict[str, float]:
        """The most that a word before a name can add to its score."""
        table, words = self.weights[language], self.neighbors[language].before
        most = dict(words)
        for word, cue in self.cues.before.items():
            extra = table.get("same_type", 0.0) if cue in TYPE_CUES else 0.0
            most[word] = words.get(word, 0.0) + table.get(f"before_{cue}", 0.0) + extra
        return most

    # -- a name by itself --

    def name(self, key: str, places: tuple[int, ...], tier: int) -> Name:
        """A name with these places, judged without its context."""
        gazetteer = self.gazetteer
        language = "ar" if is_arabic(key) else "en"
        kinds = {gazetteer.kind(number) for number in places}
        features: list[tuple[str, float]] = [("bias", 1.0)]
        features += [(feature, 1.0) for feature, group in _KIND_GROUPS if kinds & group]
        population = max(gazetteer.populations[number] for number in places)
        features.append(("population", math.log10(population + 1) / 7))
        features.append(("candidates", math.log(len(places)) / 3))
        features.append(("length", min(len(key), 12) / 12))
        is_curated = any(gazetteer.curated[number] for number in places)
        if is_curated:
            features.append(("curated", 1.0))
        if language == "ar":
            if key.startswith(ARTICLE):
                features.append(("article", 1.0))
            if len(key) > 5 and not is_curated and key.startswith(FATHER_OF):
                features.append(("kunya", 1.0))
        countries = {gazetteer.country(number) for number in places}
        sort = "known"
        if countries & self.home:
            sort = "home"
        elif countries & self.region:
            sort = "region"
        elif self.home and population < WELL_KNOWN and kinds <= SETTLEMENTS:
            sort = "elsewhere"
        if sort != "known":
            features.append((sort, 1.0))
        if tier:
            features.append((f"tier{tier}", 1.0))
        count = 0 if tier else word_counts().get(key, 0)
        is_small = kinds <= SETTLEMENTS and population < SMALL and not is_curated
        if count:
            features.append(("common" if is_small else "common_known", word_weights()[key]))
        if not tier and self._is_cue(key):
            features.append(("cue_word", 1.0))
        form_prior = 0.0 if tier else priors().get(key, 0.0)
        prior = min(form_prior, *(gazetteer.priors[number] for number in places))
        table, learned = self.weights[language], self.neighbors[language]
        score = sum(table.get(feature, 0.0) * value for feature, value in features) + prior
        for side, part in own_parts(key):
            score += learned.sides[side].get(part, 0.0)
        if prior:
            features.append(("prior", prior))
        is_far = bool(self.home) and kinds <= SETTLEMENTS and not countries & self.region
        is_bare = kinds <= SETTLEMENTS and not population
        is_hamlet = kinds <= SETTLEMENTS and population < HAMLET and not is_curated
        is_plain = bool(count and not is_curated and kinds <= SETTLEMENTS)
        return Name(
            key,
            places,
            tuple(features),
            score,
            frozenset(kinds),
            is_far,
            is_bare,
            is_hamlet,
            bool(count),
            is_plain,
            language,
            sort,
        )

    def _is_cue(self, key: str) -> bool:
        """Whether the name is itself a word that stands beside names: village, brigade, said."""
        return self.cues.before.get(key, self.cues.after.get(key, "")) not in {"", "preposition", "people"}

    # -- a name where it stands --

    def is_hopeless(  # noqa: PLR0917
        self, tokens: TokenBatch, post: int, first: int, last: int, clitic: str, name: Name
    ) -> bool:
        """Whether even the best that the words beside a name can say leaves it refused."""
        score = name.score
        if score > 0.0:
            return False
        most = self.most_beside[name.language]
        if len(name.key) <= ACRONYM and name.language == "en":
            score += self.weights["en"].get("acronym", 0.0)
        surfaces = tokens.surfaces
        if not tokens.breaks[first]:
            before = surfaces[first - 1]
            more = most.before.get(before)
            score += self.most_before(name.language, before) if more is None else more
            if clitic == "w" and before not in CHAIN:
                score += IN_LIST
        if last < tokens.bounds[post + 1]:
            after = surfaces[last]
            more = most.after.get(after)
            score += self.most_after(name.language, after) if more is None else more
        return score < HOPELESS

    def most_before(self, language: str, word: str) -> float:
        """The most that a word before a name can add to its score, itself or behind a clitic."""
        best, known = self._best_beside[language], self.most_beside[language].before
        most = best.get(word)
        if most is None and language == "ar":
            most = best.get(word[1:])
        if len(known) > MAX_CACHED:
            known.clear()
        known[word] = (IN_LIST if word in CHAIN else 0.0) + (most or 0.0)
        return known[word]

    def most_after(self, language: str, word: str) -> float:
        """The most that a word after a name can add to its score."""
        known = self.most_beside[language].after
        if len(known) > MAX_CACHED:
            known.clear()
        learned = max(self.neighbors[language].after.get(word, 0.0), 0.0)
        known[word] = learned + 1.0 + (3.0 if word in self.cues.after else 0.0)
        return known[word]

    def sum(self, name: Name, context: Context) -> float:
        """The score of a name in its context."""
        table, learned = self.weights[name.language], self.neighbors[name.language]
        score = name.score
        for feature in context.features:
            score += table.get(feature, 0.0)
        return score + beside(learned, context.neighbors)

    def before(self, word: str) -> str:
        """The cue of the word before an Arabic name; clitics on it are taken off."""
        cue = self._before.get(word)
        if cue is None:
            if len(self._before) > MAX_CACHED:
                self._before.clear()
            cue = self._before[word] = self._cue_before(word)
        return cue

    def _cue_before(self, word: str) -> str:
        known = self.cues.before
        if word not in known and len(word) > 3 and is_arabic(word):
            for stem, strip, _ in stems(word):
                if strip and stem in known:
                    return known[stem]
        return known.get(word, "")


def own_parts(key: str) -> tuple[tuple[str, str], ...]:
    """(side, letters) of a name itself in the table place_neighbors."""
    return ("form", key), ("ending", key[-2:])


def beside(learned: Neighbors, words: Sequence[tuple[str, str]]) -> float:
    """The sum of the learned weights of the words beside a name."""
    sides = learned.sides
    total = 0.0
    for side, word in words:
        total += sides[side].get(word, 0.0)
    return total
