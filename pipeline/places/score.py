"""The score of a name in a post: log-odds that the words name a place there, a sum over weighted features.

What can be said of a name without its context is summed once (`Judge.name`); the words beside it, hashtags
and clitics are added where it stands.  Every feature has a weight in the tables that `cues` reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pipeline.places.clitics import AIN, BEH, WAW, stems
from pipeline.places.cues import (
    FACILITIES,
    FUNCTION_WORD,
    NATURE,
    SIDES,
    TYPE_CUES,
    WANTED,
    Neighbors,
    cue_words,
    neighbor_words,
    priors,
    weights,
    word_counts,
)
from pipeline.places.gazetteer import SETTLEMENTS, UNITS, Gazetteer
from pipeline.places.keys import ALEF, ARTICLE, HAMZA, LAM, TEH_AS_HEH, is_arabic, spelling, token_words
from pipeline.text import TokenBatch

YEH: Final = "\N{ARABIC LETTER YEH}"
WELL_KNOWN: Final = 100_000  # inhabitants
SMALL: Final = 20_000
HAMLET: Final = 100
EDGE: Final = "|"  # stands for the neighbor of a name where the line or the post ends
NEVER: Final = -8.0  # log-odds of a name by itself that no context mends
HOPELESS: Final = -3.5  # log-odds of a name with the words next to it: nothing else can mend it
MAX_CACHED: Final = 200_000  # words
COMMON: Final = 8.0  # scale of the logarithm of a count
OFTEN: Final = 12  # a word that stood so often outside every place is a common one
_PHRASE_BEFORE: Final = TYPE_CUES | {"direction", "part"}
_PHRASE_AFTER: Final = frozenset({"direction", "unit"})
_FATHER_OF: Final = ALEF + BEH + WAW  # abu: more often a man than a town
_NISBA: Final = YEH + TEH_AS_HEH
_PLURAL: Final = ALEF + "\N{ARABIC LETTER TEH}"
_COLOR: Final = 7  # letters of a color with the article, such as al-hamra with its hamza
_ALI: Final = AIN + LAM + YEH
_OF_PEOPLE: Final = frozenset({"given", "person"})
_WEAK_CUES: Final = frozenset({"preposition", "other", "people", "organisation"})
_DASHES: Final = frozenset({"-", "\N{EN DASH}", "\N{EM DASH}", "\N{HORIZONTAL BAR}"})
_CHAIN: Final = frozenset({",", "/", "-", WAW, "and", "&", "+"})
_KIND_GROUPS: Final = (
    ("kind_country", frozenset({"country"})),
    ("kind_unit", UNITS),
    ("kind_city", frozenset({"city", "town"})),
    ("kind_village", frozenset({"village"})),
    ("kind_quarter", frozenset({"quarter"})),
    ("kind_nature", NATURE),
    ("kind_facility", FACILITIES),
)


class Name(Struct, frozen=True, gc=False):
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
    """What stands around a name."""

    features: tuple[str, ...]
    cues: tuple[str, ...]
    neighbors: tuple[tuple[str, str], ...]  # (side, word) of the table place_neighbors


class Judge:
    """Scores names of one gazetteer for one home."""

    def __init__(self, gazetteer: Gazetteer, home: Sequence[str]) -> None:
        self.gazetteer = gazetteer
        self.home = frozenset(home)
        self.region = self.home | frozenset(gazetteer.home)
        self.cues = cue_words()
        self.weights = weights()
        self.neighbors = neighbor_words()
        self._before: dict[str, str] = {}
        self._best_beside = {language: self._most(language) for language in self.neighbors}

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
            if len(key) > 5 and not is_curated and key.startswith(_FATHER_OF):
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
        count = word_counts().get(key, 0)
        is_small = kinds <= SETTLEMENTS and population < SMALL and not is_curated
        if count and not tier:
            features.append(("common" if is_small else "common_known", math.log1p(count) / COMMON))
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
        is_plain = bool(count and not tier and not is_curated and kinds <= SETTLEMENTS)
        return Name(
            key,
            places,
            tuple(features),
            score,
            frozenset(kinds),
            is_far,
            is_bare,
            is_hamlet,
            bool(count and not tier),
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
        language = name.language
        surfaces = tokens.surfaces
        if first > tokens.bounds[post] and not tokens.breaks[first]:
            before = surfaces[first - 1]
            if clitic == "w" or before in _CHAIN:
                score += 4.0  # in a list of villages the type word stands before the first
            most = self._best_beside[language].get(before)
            if most is None and language == "ar":
                most = self._best_beside[language].get(before[1:])  # behind a clitic
            score += most or 0.0
        if last < tokens.bounds[post + 1]:
            after = self.neighbors[language].after.get(surfaces[last], 0.0)
            score += (after if after > 0.0 else 0.0) + 1.0
            if surfaces[last] in self.cues.after:
                score += 3.0
        return score < HOPELESS

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

    def arabic(  # noqa: PLR0917
        self, tokens: TokenBatch, post: int, at: int, end: int, strip: int, clitic: str, name: Name
    ) -> Context:
        """What stands around an Arabic name at tokens at .. end - 1."""
        first, bound = tokens.bounds[post], tokens.bounds[post + 1]
        surfaces = tokens.surfaces
        features: list[str] = []
        cues: list[str] = []
        stem = surfaces[at][strip:]
        if at > first and not tokens.breaks[at]:
            before = surfaces[at - 1]
            cue = self.before(before)
            if (
                before == _ALI
                and at - 1 > first
                and not tokens.breaks[at - 1]
                and self.before(surfaces[at - 2]) in _OF_PEOPLE
            ):
                cue = "given"  # Abu Ali; as it is folded, "on" is written the same way
            agrees = strip == 0 and end == at + 1 and _agree(before, stem)
            if agrees and cue in {"", "action"}:
                features.append("agreeing")  # reads as its adjective: a Turkish drone, the Levant Front
            elif cue:
                features.append(f"before_{cue}")
                cues.append(cue)
                if cue in TYPE_CUES and name.kinds & WANTED[cue]:
                    features.append("same_type")
                elif cue == "other" and strip == 0 and end == at + 1 and _qualifies(before, stem, name):
                    features.append("agreeing_plain")
            elif strip == 0 and end == at + 1 and _qualifies(before, stem, name):
                features.append("agreeing_plain")  # a new poem, the red car
            elif strip == 0 and stem.startswith(ARTICLE) and _is_definite(before):
                features.append("before_definite")  # reads as its adjective: the man, the short one
                if name.is_hamlet:
                    features.append("hamlet_definite")
        else:
            features.append("start")
        if end < bound and not tokens.breaks[end]:
            following = surfaces[end]
            cue = self.cues.after.get(following, "")
            if cue and is_arabic(following):
                features.append(f"after_{cue}")
            elif at == first and (following == ":" or following in _DASHES):
                features.append("dateline")
            elif self.cues.before.get(following) == "given":
                features.append("after_given")
            elif end == at + 1 and stem.startswith(ARTICLE) and following.startswith(ARTICLE):
                features.append("after_definite")
        if surfaces[end - 1][-1] == ALEF and _has_tanwin(tokens, post, end - 1):
            features.append("tanwin")  # an adverb: always, and not the town of Duma
        if name.is_hamlet and end == at + 1 and (not cues or cues[0] in _WEAK_CUES):
            # a plain word that is a hamlet somewhere, too: nothing here says that a place is meant
            features.append("hamlet_with_clitic" if clitic else "hamlet_in" if cues else "hamlet_alone")
        if name.is_plain and (not cues or cues[0] in _WEAK_CUES):
            features.append("plain_word")
        if clitic:
            features.append(f"clitic_{clitic}")
            if word_counts().get(surfaces[at], 0) >= OFTEN:
                features.append("clitic_common")  # the whole is a word: completely, soon
        if end - at == 1:
            if name.is_bare:
                features.append("single_unknown")
        else:
            features.append("several_words")
            if is_function_word(stem):
                features.append("function_word_first")
            counts = word_counts()
            if all(counts.get(word, 0) >= OFTEN for word in surfaces[at:end]):
                features.append("common_words")
        words = _words_beside(tokens, post, at, end)
        if tokens.in_hashtag[at]:
            words = (*words, *self._hashtag(tokens, at, end, first, bound, name, features))
        return Context(tuple(features), tuple(cues), words)

    def latin(  # noqa: PLR0917
        self, tokens: TokenBatch, post: int, start: int, at: int, end: int, name: Name, tier: int
    ) -> Context:
        """What stands around a Latin name at tokens at .. end - 1; its article begins at `start`."""
        first, bound = tokens.bounds[post], tokens.bounds[post + 1]
        surfaces = tokens.surfaces
        features: list[str] = []
        cues: list[str] = []
        if start < at:
            features.append("article")
        before = start - 1
        if before >= first and surfaces[before] == "the":
            before -= 1
            features.append("the")
        if before >= first and not tokens.breaks[start]:
            word = surfaces[before]
            if word == "." and before > first and tokens.glued[before]:
                word = surfaces[before - 1]  # Mr. Houston
                cue = "person" if self.cues.before.get(word) == "person" else ""
            else:
                cue = self.cues.before.get(word, "")
            if cue == "of" and before > first:
                kind = self.cues.before.get(surfaces[before - 1], "")
                cue = kind if kind in TYPE_CUES else "preposition"
            if cue == "given" and not is_capital(tokens, post, before):
                cue = ""
            if cue:
                features.append(f"before_{cue}")
                cues.append(cue)
                if cue in TYPE_CUES and name.kinds & WANTED[cue]:
                    features.append("same_type")
            elif surfaces[before][0].isalpha() and is_capital(tokens, post, before):
                features.append("before_capital" if before > first else "before_capital_start")
                if start < at:
                    features.append("article_after_capital")  # the second part of a longer name
                if tier and start < at:
                    features.append("surname")  # Mahmoud al-Halabi
        else:
            features.append("start")
        if end < bound and not tokens.breaks[end]:
            following = surfaces[end]
            cue = self.cues.after.get(following, "")
            if cue == "organisation" and not is_capital(tokens, post, end):
                cue = ""  # shelling in Aleppo today
            if cue:
                features.append(f"after_{cue}")
                cues.append(cue)
            elif following[0].isalpha() and is_capital(tokens, post, end):
                features.append("after_capital")
                if following[-1] == "s" and len(following) > 4:
                    features.append("after_capital_plural")  # a firm: London Metals
            elif following == "," and end + 1 < bound and is_capital(tokens, post, end + 1):
                features.append("after_comma_capital")
            elif start == first and (
                following == ":"
                or (following in _DASHES and not tokens.glued[end])
                or (following == "(" and written(tokens, post, start, end).isupper())
            ):
                features.append("dateline")
        if name.is_hamlet and not cues:
            features.append("hamlet_alone")
        features += _shape(tokens, post, start, at, end, first)
        if letters_of(tokens, post, start, end) <= 3:
            is_upper = written(tokens, post, start, end).isupper()
            if is_upper and ("." in written(tokens, post, start, end) or "the" in features):
                features.append("acronym")
            features.append("short" if is_upper else "short_lower")
        if end - at == 1:
            if name.is_bare:
                features.append("single_unknown")
            if is_head_word(surfaces[at]) and end < bound and not tokens.breaks[end]:
                more = end + (surfaces[end] == "-")
                if more < bound and (is_capital(tokens, post, more) or surfaces[more] in spelling().articles):
                    features.append("bare_head")  # Bab in Bab al-Salam
        else:
            features.append("several_words")
            if is_function_word(surfaces[at]):
                features.append("function_word_first")
            counts = word_counts()
            if min(counts.get(surfaces[word], 0) for word in range(at, end)) >= OFTEN:
                features.append("common_words")
        words = _words_beside(tokens, post, start, end)
        if tokens.in_hashtag[start]:
            words = (*words, *self._hashtag(tokens, start, end, first, bound, name, features))
        return Context(tuple(features), tuple(cues), words)

    def _hashtag(  # noqa: PLR0917
        self,
        tokens: TokenBatch,
        at: int,
        end: int,
        first: int,
        bound: int,
        name: Name,
        features: list[str],
    ) -> list[tuple[str, str]]:
        """Add the features of a name in a hashtag; the other words of the hashtag."""
        start, stop = at, end
        while start > first and tokens.in_hashtag[start] == 2:
            start -= 1
        while stop < bound and tokens.in_hashtag[stop] == 2:
            stop += 1
        if start > first and tokens.in_hashtag[start - 1]:
            features.append("after_hashtag")
        if stop < bound and tokens.in_hashtag[stop]:
            features.append("before_hashtag")
        if start == at and stop == end:
            features.append("hashtag")
            return []
        others = [*tokens.surfaces[start:at], *tokens.surfaces[end:stop]]
        before, after = self.cues.before, self.cues.after
        if all(before.get(word) in _PHRASE_BEFORE or after.get(word) in _PHRASE_AFTER for word in others):
            features.append("hashtag")
            return []
        features.append("in_hashtag")
        features.append(f"in_hashtag_{'country' if 'country' in name.kinds else name.place_sort}")
        return [("tag", word) for word in others]


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


def _words_beside(tokens: TokenBatch, post: int, at: int, end: int) -> tuple[tuple[str, str], ...]:
    surfaces, breaks = tokens.surfaces, tokens.breaks
    first, bound = tokens.bounds[post], tokens.bounds[post + 1]
    before = before2 = after = after2 = EDGE
    if at > first and not breaks[at]:
        before = surfaces[at - 1]
        if at - 1 > first and not breaks[at - 1]:
            before2 = surfaces[at - 2]
    if end < bound and not breaks[end]:
        after = surfaces[end]
        if end + 1 < bound and not breaks[end + 1]:
            after2 = surfaces[end + 1]
    return (SIDES[0], before2), (SIDES[1], before), (SIDES[2], after), (SIDES[3], after2)


def _shape(  # noqa: PLR0917
    tokens: TokenBatch, post: int, start: int, at: int, end: int, first: int
) -> list[str]:
    """How a Latin name is written: small, in capitals, with a word such as Tell at its head."""
    features: list[str] = []
    text = written(tokens, post, start, end)
    capital = text[:1].isupper() or text[:1].isdigit() or not text[0].isalpha()
    if not capital and not (tokens.glued[at] and at > first and tokens.surfaces[at - 1] == "-"):
        features.append("lower_case")
    if text.isupper() and sum(map(str.isalpha, text)) > 1:
        features.append("all_capitals")
    if end - at > 1 and token_words(tokens, at, end)[0] in spelling().heads:
        features.append("head_word")
    return features


def written(tokens: TokenBatch, post: int, first: int, last: int) -> str:
    """Tokens first .. last - 1 as they stand in the post."""
    raw = tokens.normalized.raw[post]
    return tokens.normalized.span(tokens.starts[first], tokens.ends[last - 1]).of(raw)


def letters_of(tokens: TokenBatch, post: int, first: int, last: int) -> int:
    """The number of letters of tokens first .. last - 1."""
    return sum(map(str.isalpha, written(tokens, post, first, last)))


def is_capital(tokens: TokenBatch, post: int, at: int) -> bool:
    """Whether a token begins with a capital letter as it was written."""
    return tokens.normalized.raw[post][int(tokens.normalized.origin[tokens.starts[at]])].isupper()


def is_function_word(word: str) -> bool:
    """Whether a word is of the grammar alone, and begins no name as a word joined to it either."""
    return priors().get(word, 0.0) <= FUNCTION_WORD and word not in spelling().joined_heads


def is_head_word(word: str) -> bool:
    """Whether a Latin word begins names of several words: Tell, Kafr, Bab, Abu."""
    return word in spelling().heads or word in spelling().heads.values()


def _agree(word: str, name: str) -> bool:
    """Whether a name reads as the feminine adjective of the word before it: both definite or both not."""
    return (
        name.endswith(_NISBA)
        and len(word) > 2
        and (word[-1] == TEH_AS_HEH or word.endswith(_PLURAL))
        and _is_definite(word) == name.startswith(ARTICLE)
    )


def _qualifies(word: str, stem: str, name: Name) -> bool:
    """Whether a name reads as the plain feminine adjective of the word before it: a new poem, the red car.

    Names of our tables that are no words of running text do so only where they are built like a color.
    """
    is_color = stem.endswith((ALEF, ALEF + HAMZA)) and stem.startswith(ARTICLE) and len(stem) == _COLOR
    return (
        len(word) > 2
        and (word[-1] == TEH_AS_HEH or word.endswith(_PLURAL))
        and (is_color or (stem[-1] == TEH_AS_HEH and (name.is_word or name.is_hamlet)))
        and _is_definite(word) == stem.startswith(ARTICLE)
    )


def _has_tanwin(tokens: TokenBatch, post: int, at: int) -> bool:
    span = tokens.normalized.span(tokens.starts[at], tokens.ends[at])
    raw = tokens.normalized.raw[post]
    return "\N{ARABIC FATHATAN}" in raw[span.end - 2 : span.end + 1]


def _is_definite(word: str) -> bool:
    return len(word) > 3 and ARTICLE in word[:4]
