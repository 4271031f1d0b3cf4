"""The score of a name in a post: log-odds that the words name a place there, a sum over weighted features.

What can be said of a name without its context is summed once (`Judge.name`); the words beside it, hashtags
and clitics are added where it stands.  Every feature has a weight in the tables that `cues` reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

from msgspec import Struct

from pipeline.places.clitics import AIN, BEH, WAW, stems
from pipeline.places.cues import (
    EDGE,
    FACILITIES,
    FUNCTION_WORD,
    NATURE,
    SIDES,
    TYPE_CUES,
    WANTED,
    Neighbors,
    common_words,
    cue_words,
    neighbor_words,
    priors,
    weights,
    word_counts,
)
from pipeline.places.gazetteer import SETTLEMENTS, UNITS, Gazetteer
from pipeline.places.keys import (
    ALEF,
    ARTICLE,
    HAMZA,
    LAM,
    TEH_AS_HEH,
    is_arabic,
    is_article,
    spelling,
    token_words,
)
from pipeline.text import TokenBatch

YEH: Final = "\N{ARABIC LETTER YEH}"
WELL_KNOWN: Final = 100_000  # inhabitants
SMALL: Final = 20_000
HAMLET: Final = 100
NEVER: Final = -8.0  # log-odds of a name by itself that no context mends
HOPELESS: Final = -3.5  # log-odds of a name with the words next to it: nothing else can mend it
MAX_CACHED: Final = 200_000  # words
MAX_SIDES: Final = 1 << 16
NOTHING: Final = ""  # stands for the neighbor of a name in memory, since a text may hold EDGE
IN_LIST: Final = 4.0  # in a list of villages the type word stands before the first
COMMON: Final = 8.0  # scale of the logarithm of a count
OFTEN: Final = 12  # a word that stood so often outside every place is a common one
_PHRASE_BEFORE: Final = TYPE_CUES | {"direction", "part"}
_PHRASE_AFTER: Final = frozenset({"direction", "unit"})
_FATHER_OF: Final = ALEF + BEH + WAW  # abu: more often a man than a town
_NISBA: Final = YEH + TEH_AS_HEH
_PLURAL: Final = ALEF + "\N{ARABIC LETTER TEH}"
_COLOR: Final = 7  # letters of a color with the article, such as al-hamra with its hamza
_ALI: Final = AIN + LAM + YEH
_ABU_ALI: Final = f"{_FATHER_OF} {_ALI}"  # stands for the second of these words
_OF_PEOPLE: Final = frozenset({"given", "person"})
_WEAK_CUES: Final = frozenset({"preposition", "other", "people", "organisation"})
_DASHES: Final = frozenset({"-", "\N{EN DASH}", "\N{EM DASH}", "\N{HORIZONTAL BAR}"})
_SENTENCE_ENDS: Final = frozenset({".", "!", "?", ":", ";", '"', "\N{HORIZONTAL ELLIPSIS}"})
_BEHIND_DATELINE: Final = _DASHES | {":"}
_SURNAME_ARTICLES: Final = frozenset({"al", "el"})
_NUN: Final = "\N{ARABIC LETTER NOON}"
_ENDINGS: Final = (ALEF, ALEF + _NUN, YEH + _NUN, WAW + _NUN, _PLURAL, TEH_AS_HEH)
NEVER_WORD: Final = -6.0  # the prior of a form that is a word and hardly ever a place
_LETTER_CUES: Final = frozenset({"preposition", "other", "people"})  # such words bear clitics, too
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


class Form(Struct, frozen=True, eq=False, gc=False):
    """Arabic words of a text, read as a name; kept, and told apart by identity."""

    name: Name
    strip: int  # folded letters before the span
    clitic: str  # "", w, b, l, k or a
    stem: str  # the first word without its clitics
    words: str  # all of them, with spaces
    count: int  # of them
    has_alef: bool  # whether the last one ends in alef


class Side(Struct, frozen=True, eq=False, gc=False):
    """What the word on one side of a name says."""

    features: tuple[str, ...]
    own: tuple[str, ...]  # features of the name itself behind such a word
    cues: tuple[str, ...]
    score: float  # weights of all these features
    word: float  # learned weight of the word


class Around(Struct, frozen=True, eq=False, gc=False):
    """What stands around a name, summed."""

    features: tuple[str, ...]
    cues: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]  # other words of its hashtag: ("tag", word)
    score: float  # weights of the features
    words: float  # learned weights of the words beside the name and in its hashtag


class Context(Struct, frozen=True, gc=False):
    """What stands around a name, for those who want every part of it."""

    features: tuple[str, ...]
    cues: tuple[str, ...]
    neighbors: tuple[tuple[str, str], ...]  # (side, word) of the table place_neighbors


class Most(Struct, frozen=True, gc=False):
    """What a word beside a name can add to its score at the most; of the words that were asked for."""

    before: dict[str, float]
    after: dict[str, float]


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
        self._lefts: dict[tuple[Form, str], Side] = {}
        self._rights: dict[tuple[Form, str], Side] = {}
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
        most = self.most_beside[name.language]
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

    def arabic(self, form: Form, tokens: TokenBatch, post: int, at: int, end: int) -> Around:
        """What stands around an Arabic name at tokens at .. end - 1."""
        surfaces, breaks = tokens.surfaces, tokens.breaks
        name = form.name
        learned = self.neighbors["ar"]
        before2, after2 = learned.edge_before2, learned.edge_after2
        before = after = NOTHING
        if not breaks[at]:
            before = surfaces[at - 1]
            if not breaks[at - 1]:
                word = surfaces[at - 2]
                before2 = learned.before2.get(word, 0.0)
                if before == _ALI and self.before(word) in _OF_PEOPLE:
                    before = _ABU_ALI
        if end < len(surfaces) and not breaks[end]:
            after = surfaces[end]
            if end + 1 < len(surfaces) and not breaks[end + 1]:
                after2 = learned.after2.get(surfaces[end + 1], 0.0)
        left = self._lefts.get((form, before)) or self._left(form, before)
        right = self._rights.get((form, after)) or self._right(form, after)
        features = left.features + right.features if right.features else left.features
        score = left.score + right.score
        if after in _BEHIND_DATELINE and at == tokens.bounds[post]:
            features += ("dateline",)
            score += self.weights["ar"].get("dateline", 0.0)
        if form.has_alef and _has_tanwin(tokens, post, end - 1):
            features += ("tanwin",)  # an adverb: always, and not the town of Duma
            score += self.weights["ar"].get("tanwin", 0.0)
        features += left.own
        words = before2 + left.word + right.word + after2
        if not tokens.in_hashtag[at]:
            return Around(features, left.cues, (), score, words)
        more, tags = self._hashtag(tokens, post, at, end, name)
        table = self.weights["ar"]
        for feature in more:
            score += table.get(feature, 0.0)
        return Around(features + more, left.cues, tags, score, words + beside(learned, tags))

    def _left(self, form: Form, before: str) -> Side:
        """What the word before an Arabic name says, and what the name itself says behind it."""
        name, stem = form.name, form.stem
        is_single = form.count == 1
        is_bare = is_single and form.strip == 0
        features: list[str] = []
        cues: list[str] = []
        word = EDGE
        if before:
            cue = "given" if before == _ABU_ALI else self.before(before)
            word = _ALI if before == _ABU_ALI else before
            agrees = is_bare and _agree(word, stem)
            if agrees and cue in {"", "action"}:
                features.append("agreeing")  # reads as its adjective: a Turkish drone, the Levant Front
            elif cue:
                features.append(f"before_{cue}")
                cues.append(cue)
                if cue in TYPE_CUES and name.kinds & WANTED[cue]:
                    features.append("same_type")
                elif cue == "other" and is_bare and _qualifies(word, stem, name):
                    features.append("agreeing_plain")
            elif is_bare and _qualifies(word, stem, name):
                features.append("agreeing_plain")  # a new poem, the red car
            elif form.strip == 0 and stem.startswith(ARTICLE) and _is_definite(word):
                features.append("before_definite")  # reads as its adjective: the man, the short one
                if name.is_hamlet:
                    features.append("hamlet_definite")
        else:
            features.append("start")
        own = self._own(form, cues)
        learned, table = self.neighbors["ar"].before.get(word, 0.0), self.weights["ar"]
        score = sum([table.get(feature, 0.0) for feature in (*features, *own)])
        if len(self._lefts) >= MAX_SIDES:
            self._lefts.clear()
        side = Side(tuple(features), tuple(own), tuple(cues), score, learned)
        self._lefts[form, before] = side
        return side

    def _own(self, form: Form, cues: Sequence[str]) -> list[str]:
        """What an Arabic name itself says, behind a word with these cues."""
        name, clitic = form.name, form.clitic
        features: list[str] = []
        is_single = form.count == 1
        is_weak = not cues or cues[0] in _WEAK_CUES
        if name.is_hamlet and is_single and is_weak:
            # a plain word that is a hamlet somewhere, too: nothing here says that a place is meant
            features.append("hamlet_with_clitic" if clitic else "hamlet_in" if cues else "hamlet_alone")
        if name.is_plain and is_weak:
            features.append("plain_word")
        counts = word_counts()
        if clitic:
            features.append(f"clitic_{clitic}")
            if is_single:
                word = form.words
                count = max([counts.get(stem, 0) for stem in _uninflected(word)])
                if (
                    count >= OFTEN
                    or priors().get(word, 0.0) <= NEVER_WORD
                    or self.cues.before.get(word, "preposition") not in _LETTER_CUES
                ):
                    features.append("clitic_common")  # the whole is a word: completely, soon, valley
                elif count:
                    features.append("clitic_word")
        if is_single:
            if name.is_bare:
                features.append("single_unknown")
        else:
            features.append("several_words")
            if is_function_word(form.stem):
                features.append("function_word_first")
            if all(counts.get(word, 0) >= OFTEN for word in form.words.split(" ")):
                features.append("common_words")
        return features

    def _right(self, form: Form, after: str) -> Side:
        """What the word after an Arabic name says; what stands behind a dateline is left out."""
        features: list[str] = []
        if after:
            cue = self.cues.after.get(after, "")
            if cue and is_arabic(after):
                features.append(f"after_{cue}")
            elif self.cues.before.get(after) == "given":
                features.append("after_given")
            elif _is_nisba(after):
                features.append("after_nisba")  # a man: of Baghdad; or an adjective
            elif form.count == 1 and form.stem.startswith(ARTICLE) and after.startswith(ARTICLE):
                features.append("after_definite")
        learned, table = self.neighbors["ar"].after.get(after or EDGE, 0.0), self.weights["ar"]
        score = sum([table.get(feature, 0.0) for feature in features])
        if len(self._rights) >= MAX_SIDES:
            self._rights.clear()
        side = self._rights[form, after] = Side(tuple(features), (), (), score, learned)
        return side

    def latin(  # noqa: PLR0917
        self, tokens: TokenBatch, post: int, start: int, at: int, end: int, name: Name, tier: int
    ) -> Around:
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
                if start < at and (tier or (end == at + 1 and surfaces[at][-1] == "i")):
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
            elif _is_surname(tokens, post, end, bound):
                features.append("before_surname")  # Abu Bakr al-Baghdadi
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
        shape = shape_of(written(tokens, post, start, end))
        if shape.is_small and not (tokens.glued[at] and at > first and surfaces[at - 1] == "-"):
            features.append("lower_case")
        if shape.is_upper and shape.letters > 1:
            features.append("all_capitals")
        if end - at > 1 and token_words(tokens, at, end)[0] in spelling().heads:
            features.append("head_word")
        if shape.letters <= 3:
            if shape.is_upper and (shape.has_dot or "the" in features):
                features.append("acronym")
            features.append("short" if shape.is_upper else "short_lower")
        if end - at == 1:
            if name.is_bare:
                features.append("single_unknown")
            if surfaces[at] in head_words() and end < bound and not tokens.breaks[end]:
                more = end + (surfaces[end] == "-")
                if more < bound and (is_capital(tokens, post, more) or surfaces[more] in spelling().articles):
                    features.append("bare_head")  # Bab in Bab al-Salam
        else:
            features.append("several_words")
            if is_function_word(surfaces[at]) and not is_capital_article(tokens, post, at):
                features.append("function_word_first")
            counts = word_counts()
            if min([counts.get(word, 0) for word in surfaces[at:end]]) >= OFTEN:
                features.append("common_words")
        learned, table = self.neighbors["en"], self.weights["en"]
        words = beside(learned, words_beside(tokens, start, end))
        tags: tuple[tuple[str, str], ...] = ()
        if tokens.in_hashtag[start]:
            said, tags = self._hashtag(tokens, post, start, end, name)
            features += said
            words += beside(learned, tags)
        score = sum([table.get(feature, 0.0) for feature in features])
        return Around(tuple(features), tuple(cues), tags, score, words)

    def _hashtag(
        self, tokens: TokenBatch, post: int, at: int, end: int, name: Name
    ) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The features of a name in a hashtag, and the other words of the hashtag."""
        first, bound, in_hashtag = tokens.bounds[post], tokens.bounds[post + 1], tokens.in_hashtag
        features: tuple[str, ...] = ()
        start, stop = at, end
        while start > first and in_hashtag[start] == 2:
            start -= 1
        while stop < bound and in_hashtag[stop] == 2:
            stop += 1
        if start > first and in_hashtag[start - 1]:
            features = ("after_hashtag",)
        if stop < bound and in_hashtag[stop]:
            features += ("before_hashtag",)
        if start == at and stop == end:
            return (*features, "hashtag"), ()
        others = tokens.surfaces[start:at] + tokens.surfaces[end:stop]
        before, after = self.cues.before, self.cues.after
        if all(before.get(word) in _PHRASE_BEFORE or after.get(word) in _PHRASE_AFTER for word in others):
            return (*features, "hashtag"), ()
        sort = name.place_sort
        if "country" in name.kinds and (sort != "home" or name.language == "ar"):
            sort = "country"
        features += ("in_hashtag", f"in_hashtag_{sort}")
        return features, tuple([("tag", word) for word in others])


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


def _uninflected(word: str) -> list[str]:
    """An Arabic word, and what is left of it without an ending that inflects it: two barrels, a statement."""
    return [word, *(word[: -len(end)] for end in _ENDINGS if word.endswith(end) and len(word) > len(end) + 2)]


def _is_nisba(word: str) -> bool:
    """Whether an Arabic word is built like an adjective of origin with the article: al-Baghdadi."""
    return len(word) > 5 and word[-1] == YEH and word.startswith(ARTICLE)


def _is_surname(tokens: TokenBatch, post: int, at: int, bound: int) -> bool:
    """Whether a Latin name of origin begins at a token: al-Baghdadi; not an adjective such as al-Gharbi."""
    if tokens.surfaces[at] not in _SURNAME_ARTICLES:
        return False
    at += 1
    at += at < bound and tokens.surfaces[at] == "-"
    if at >= bound or tokens.breaks[at]:
        return False
    word = tokens.surfaces[at]
    return (
        len(word) > 4
        and word[-1] == "i"
        and word not in spelling().modifiers
        and is_capital(tokens, post, at)
    )


def _has_tanwin(tokens: TokenBatch, post: int, at: int) -> bool:
    span = tokens.normalized.span(tokens.starts[at], tokens.ends[at])
    raw = tokens.normalized.raw[post]
    return "\N{ARABIC FATHATAN}" in raw[span.end - 2 : span.end + 1]


def _is_definite(word: str) -> bool:
    return len(word) > 3 and ARTICLE in word[:4]
