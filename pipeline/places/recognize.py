"""Which words of a post are names of places: gazetteer names in the tokens, judged by a linear score.

Matching alone is right for 9 to 22 of 100 names that it finds; the words beside a name decide.  Every
feature has a weight in the table `place_weights`, whose `source` says whether it was learned or set.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Final

from msgspec import Struct

from pipeline.data import rows
from pipeline.places.gazetteer import MAX_WORDS, MIN_K1, MIN_K2, SETTLEMENTS, UNITS, Gazetteer
from pipeline.places.keys import (
    ALEF,
    APOSTROPHES,
    ARTICLE,
    HAMZA,
    LAM,
    TEH_AS_HEH,
    is_arabic,
    is_article,
    k0,
    k1,
    k1_word,
    k2,
    spelling,
    token_words,
)
from pipeline.text import TokenBatch, normalize

WAW: Final = "\N{ARABIC LETTER WAW}"
FEH: Final = "\N{ARABIC LETTER FEH}"
BEH: Final = "\N{ARABIC LETTER BEH}"
KAF: Final = "\N{ARABIC LETTER KAF}"
AIN: Final = "\N{ARABIC LETTER AIN}"
NATURE: Final = frozenset({"region", "river", "mountain", "sea", "island"})
TYPE_CUES: Final = frozenset({"city", "village", "quarter", "unit", "district", "nature", "facility"})
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
_PHRASE_BEFORE: Final = TYPE_CUES | {"direction", "part"}
_PHRASE_AFTER: Final = frozenset({"direction", "unit"})
MAX_CACHED: Final = 200_000
ACCEPT: Final = 0.0  # logit
BORDER: Final = -2.5  # below, no second look
WELL_KNOWN: Final = 100_000  # inhabitants
_MIN_STEM: Final = 2
_FATHER_OF: Final = ALEF + BEH + WAW  # abu: more often a man than a town
FUNCTION_WORD: Final = -9.0  # prior
NEVER_SMALL: Final = -3.0  # a prior at which a Latin word written small is not looked at
_WORDS_TOO: Final = frozenset({"an", "as", "at", "l", "er", "es"})  # articles, but words of Europe as well
_NISBA: Final = "\N{ARABIC LETTER YEH}" + TEH_AS_HEH
_PLURAL: Final = ALEF + "\N{ARABIC LETTER TEH}"
_ABBREVIATED: Final = frozenset({"st", "ft", "mt"})


class Option(Struct, frozen=True):
    """One way to read a token as the first word of a name."""

    word: str  # key letters of the stem
    strip: int  # folded letters before the span
    clitic: str  # "", w, b, l or k
    small: bool = True  # whether a Latin word is looked at where it is written small, too
    exact: bool = True  # whether the letters alone begin a name; else only a romanisation of one


class Name(Struct, frozen=True):
    """A name of the gazetteer and what can be said of it without its context."""

    places: tuple[int, ...]
    features: tuple[tuple[str, float], ...]
    score: float  # their sum, weighted, with the ambiguity prior
    kinds: frozenset[str]
    is_far: bool  # only settlements, and none of them in the region of interest


class Node(Struct, frozen=True):
    """What the gazetteer knows of the words read so far."""

    name: Name | None  # that they are
    more: int  # words that may still follow


class Found(Struct):
    """A name of the gazetteer in a post, and whether it is one there."""

    first: int  # tokens first .. last - 1
    last: int
    strip: int
    places: tuple[int, ...]
    tier: int
    score: float  # logit
    cues: tuple[str, ...]
    language: str  # whose weights judge it: ar or en
    evidence: tuple[str, ...]
    name: Name


class Cues(Struct, frozen=True):
    """The table `place_cues`."""

    before: dict[str, str]
    after: dict[str, str]
    anywhere: dict[str, str]


@cache
def cue_words() -> Cues:
    """The table, read once."""
    sides: dict[str, dict[str, str]] = {"before": {}, "after": {}, "anywhere": {}}
    for row in rows("place_cues"):
        sides[row["side"]].setdefault(row["word"], row["cue"])
    return Cues(**sides)


@cache
def weights() -> dict[str, dict[str, float]]:
    """Feature weights by language."""
    table: dict[str, dict[str, float]] = {"ar": {}, "en": {}}
    for row in rows("place_weights"):
        table[row["lang"]][row["feature"]] = float(row["weight"])
    return table


@cache
def priors() -> dict[str, float]:
    """Log-odds that a form, by K0, is a place where it stands: below zero for words and names of people."""
    table: dict[str, float] = {}
    for row in rows("function_words"):
        if {"ar", "en"} & set(row["languages"].split()):
            table[_key(row["word"])] = FUNCTION_WORD
    for row in rows("place_ambiguous"):
        key = _key(row["form"])
        table[key] = min(float(row["prior"]), table.get(key, 0.0))
    return table


def _key(form: str) -> str:
    return k0(normalize(form).text.split())


@cache
def common_words() -> frozenset[str]:
    """Latin words that are never read as a variant spelling of a place."""
    return frozenset(row["word"] for row in rows("place_common"))


def stems(surface: str) -> Iterator[tuple[str, int, str]]:
    """(stem, letters stripped, clitic) of every way to take clitics off an Arabic word, none first.

    >>> [(stem, strip) for stem, strip, _ in stems("وبحلب")]
    [('وبحلب', 0), ('بحلب', 1), ('حلب', 2)]
    """
    yield surface, 0, ""
    at = 0
    if surface[:1] in {WAW, FEH} and (len(surface) > _MIN_STEM + 1 or surface[1:] in spelling().joined_heads):
        at = 1
        yield surface[1:], 1, "w"
    rest = surface[at:]
    if len(rest) <= _MIN_STEM:
        return
    if rest.startswith(LAM + LAM):
        yield ALEF + rest[1:], at + 1, "l"  # the second lam is the article's: lil-bab
        yield ARTICLE + rest[1:], at + 1, "l"  # the name has a lam of its own: lil-ladhiqiya
    if rest[0] in {BEH, LAM, KAF}:
        yield rest[1:], at + 1, {BEH: "b", LAM: "l", KAF: "k"}[rest[0]]
    elif rest[0] == AIN and rest.startswith(AIN + ARTICLE):
        yield rest[1:], at + 1, "b"


class Recognizer:
    """Names of one gazetteer, judged for one home; keeps what it has seen of words and names."""

    def __init__(self, gazetteer: Gazetteer, home: tuple[str, ...]) -> None:
        self.gazetteer = gazetteer
        self.home = frozenset(home)
        self.region = self.home | frozenset(gazetteer.home)
        self._tokens: dict[str, tuple[Option, ...]] = {}
        self._nodes: dict[str, Node] = {}
        self._variants: dict[str, tuple[Name, int] | None] = {}
        self._cues = cue_words()
        self._weights = weights()

    # -- words and names, cached --

    def options(self, tokens: TokenBatch) -> list[tuple[Option, ...]]:
        """For every token, the ways to read it as the first word of a name; mostly none."""
        surfaces, glued = tokens.surfaces, tokens.glued
        found = self._options(surfaces)
        for at in range(1, len(surfaces) - 1):
            if surfaces[at] in APOSTROPHES and glued[at] and glued[at + 1] and surfaces[at + 1] != "s":
                joined = self._options([surfaces[at - 1] + surfaces[at + 1]])[0]  # one word: Ma'arrat
                if joined and (joined[0].exact or not found[at - 1]):
                    found[at - 1] = joined
        return found

    def _options(self, surfaces: Sequence[str]) -> list[tuple[Option, ...]]:
        known = self._tokens
        found = list(map(known.get, surfaces))
        if None in found:
            if len(known) > MAX_CACHED:
                known.clear()
            for surface in set(surfaces):
                if surface not in known:
                    known[surface] = self._read(surface)
            return [known[surface] for surface in surfaces]
        return found  # type: ignore[return-value]

    def _read(self, surface: str) -> tuple[Option, ...]:
        if is_arabic(surface):
            read = []
            for stem, strip, clitic in stems(surface):
                letters = k0([stem])
                if len(letters) < _MIN_STEM:
                    continue
                node = self.node(letters, 1)
                hopeless = node.more == 0 and priors().get(letters, 0.0) <= FUNCTION_WORD
                if (node.name or node.more) and not hopeless:
                    read.append(Option(letters, strip, clitic))
            return tuple(read)
        if not surface[0].isalpha() or surface in APOSTROPHES:
            return ()
        prior = priors().get(surface, 0.0)
        node = self.node(surface, 1)
        exact = bool(node.more or (node.name and prior > FUNCTION_WORD))
        similar = False
        if not exact and len(surface) > 2 and surface not in common_words():
            gazetteer = self.gazetteer
            for word in (surface, spelling().heads.get(surface, surface)):
                key = k1_word(word)
                known = gazetteer.more(key, 1) or gazetteer.names(key, 1) or gazetteer.names(k2([word]), 2)
                similar = similar or bool(known)
        if not exact and not similar:
            return ()
        usual = surface in common_words() and surface not in spelling().articles
        small = exact and prior > NEVER_SMALL and not usual
        return (Option(surface, 0, "", small, exact),)

    def node(self, key: str, words: int) -> Node:
        """What the gazetteer knows of a key that so many words make."""
        node = self._nodes.get(key)
        if node is None:
            places = self.gazetteer.names(key)
            name = self._judge(key, places, 0, words) if places else None
            if len(self._nodes) > MAX_CACHED:
                self._nodes.clear()
            node = self._nodes[key] = Node(name, self.gazetteer.more(key))
        return node

    def variant(self, words: Sequence[str]) -> tuple[Name, int] | None:
        """The name of the region that is spelled like these Latin words, and its tier; None where none is."""
        wanted = " ".join(words)
        if wanted in self._variants:
            return self._variants[wanted]
        found: tuple[Name, int] | None = None
        least = MIN_K2 if len(words) > 1 else MIN_K2 + 2
        for tier, key, shortest in ((1, k1(words), MIN_K1), (2, k2(words), least)):
            places = self.gazetteer.names(key, tier) if len(key) >= shortest else ()
            places = tuple(number for number in places if self._is_near(number))
            if places:
                found = self._judge(key, places, tier, len(words)), tier
                break
        if len(self._variants) > MAX_CACHED:
            self._variants.clear()
        self._variants[wanted] = found
        return found

    def _is_near(self, number: int) -> bool:
        return self.gazetteer.kind(number) != "country" and self.gazetteer.country(number) in self.region

    def _judge(self, key: str, places: tuple[int, ...], tier: int, words: int) -> Name:
        gazetteer = self.gazetteer
        arabic = is_arabic(key)
        kinds = {gazetteer.kind(number) for number in places}
        features: list[tuple[str, float]] = [("bias", 1.0)]
        for feature, group in _KIND_GROUPS:
            if kinds & group:
                features.append((feature, 1.0))
        population = max(gazetteer.populations[number] for number in places)
        features.append(("population", math.log10(population + 1) / 7))
        features.append(("candidates", math.log(len(places)) / 3))
        features.append(("length", min(len(key), 12) / 12))
        if words > 1:
            features.append(("several_words", 1.0))
        if arabic and key.startswith(ARTICLE):
            features.append(("article", 1.0))
        if any(gazetteer.curated[number] for number in places):
            features.append(("curated", 1.0))
        elif arabic and words > 1 and key.startswith(_FATHER_OF):
            features.append(("kunya", 1.0))
        countries = {self.gazetteer.country(number) for number in places}
        if countries & self.home:
            features.append(("home", 1.0))
        elif countries & self.region:
            features.append(("region", 1.0))
        elif self.home and population < WELL_KNOWN and kinds <= SETTLEMENTS:
            features.append(("elsewhere", 1.0))
        if tier:
            features.append((f"tier{tier}", 1.0))
        form_prior = 0.0 if tier else priors().get(key, 0.0)
        prior = min(form_prior, *(gazetteer.priors[number] for number in places))
        table = self._weights["ar" if arabic else "en"]
        score = sum(table.get(feature, 0.0) * value for feature, value in features) + prior
        if prior:
            features.append(("prior", prior))
        is_far = bool(self.home) and kinds <= SETTLEMENTS and not countries & self.region
        return Name(places, tuple(features), score, frozenset(kinds), is_far)

    def weight(self, found: Found, feature: str) -> float:
        """What a feature adds to the score of a name, in the language of the name."""
        return self._weights[found.language].get(feature, 0.0)

    def lower_far(self, found: Sequence[Found], tokens: TokenBatch, post: int) -> None:
        """In a post about sport the names of far cities are those of clubs."""
        if any(one.name.is_far and one.score > ACCEPT for one in found):
            words = tokens.surfaces[tokens.bounds[post] : tokens.bounds[post + 1]]
            if any(map(self._cues.anywhere.get, words)):
                for one in found:
                    if one.name.is_far:
                        one.score += self.weight(one, "sport")
                        one.evidence += ("sport",)

    # -- a batch --

    def candidates(
        self, tokens: TokenBatch, post: int, starts: Iterable[int], options: Sequence[tuple[Option, ...]]
    ) -> list[Found]:
        """Every name of the gazetteer that begins at one of the tokens `starts`, scored; they may overlap."""
        found: list[Found] = []
        for at in starts:
            if is_arabic(tokens.surfaces[at]):
                found += self._arabic(tokens, post, at, options[at])
            elif (capital := _capital(tokens, post, at)) or options[at][0].small or tokens.in_hashtag[at]:
                found += self._latin(tokens, post, at, options[at][0], capital)
        return found

    def _arabic(self, tokens: TokenBatch, post: int, at: int, options: tuple[Option, ...]) -> list[Found]:
        best: tuple[int, Option, Name] | None = None
        short: tuple[int, Option, Name] | None = None
        bound = tokens.bounds[post + 1]
        surfaces = tokens.surfaces
        for option in options:
            key = option.word
            end = at + 1
            node = self._nodes.get(key) or self.node(key, 1)
            if node.name is not None and best is None:
                short = best = (end, option, node.name)
            while node.more and end < bound and is_arabic(surfaces[end]) and _goes_on(tokens, at, end):
                word = surfaces[end]
                key += word.replace(HAMZA, "") or word
                end += 1
                node = self._nodes.get(key) or self.node(key, end - at)
                if node.name is not None and (best is None or end > best[0]):
                    best = (end, option, node.name)
        if best is None:
            return []
        found = self._score_arabic(tokens, post, at, best)
        if short is None or short is best:
            return [found]
        return [found, self._score_arabic(tokens, post, at, short)]

    def _latin(self, tokens: TokenBatch, post: int, at: int, option: Option, capital: bool) -> list[Found]:
        bound = tokens.bounds[post + 1]
        best: tuple[int, Name, int] | None = None
        short: tuple[int, Name, int] | None = None
        node = self._nodes.get(option.word) or self.node(option.word, 1)
        single = (at + 1 if option.word == tokens.surfaces[at] else at + 3, [option.word])
        if node.name is not None and option.exact:
            short = best = (single[0], node.name, 0)
        runs: list[tuple[int, list[str]]] = [single]
        if node.more or (capital and (best is None or self._article_before(tokens, post, at))):
            more, key = node.more, option.word
            for end, words in _latin_runs(tokens, at, bound):
                if end <= single[0]:
                    continue
                runs.append((end, words))
                key = "".join(words)
                if more:
                    node = self._nodes.get(key) or self.node(key, len(words))
                    more -= 1
                    if node.name is not None:
                        best = (end, node.name, 0)
        if capital and not self._is_article(tokens, at, bound):
            if best is None:
                best = self._similar(tokens, post, runs)
            elif self._article_before(tokens, post, at):
                longer = [pair for pair in runs if pair[0] >= best[0]]
                best = self._similar(tokens, post, longer) or best
        if best is None or _is_cut(tokens, at, best[0], bound):
            return []
        found = self._score_latin(tokens, post, at, best)
        if short is None or short[0] == best[0]:
            return [found]
        return [found, self._score_latin(tokens, post, at, short)]

    def _is_article(self, tokens: TokenBatch, at: int, bound: int) -> bool:
        return (
            tokens.surfaces[at] in spelling().articles
            and at + 1 < bound
            and _goes_on(tokens, at, at + 1)
            and (tokens.surfaces[at + 1] == "-" or is_article(tokens.surfaces[at], tokens.surfaces[at + 1]))
        )

    def _similar(
        self, tokens: TokenBatch, post: int, runs: Sequence[tuple[int, list[str]]]
    ) -> tuple[int, Name, int] | None:
        """The longest name of the region that is spelled alike; it ends in a capitalized, uncommon word."""
        for end, words in reversed(runs):
            word = words[-1]
            if (
                word not in common_words()
                and word not in spelling().articles
                and _capital(tokens, post, end - 1)
            ):
                found = self.variant(words)
                if found is not None:
                    return end, *found
        return None

    # -- the score --

    def _score_arabic(self, tokens: TokenBatch, post: int, at: int, match: tuple[int, Option, Name]) -> Found:
        end, option, name = match
        first, bound = tokens.bounds[post], tokens.bounds[post + 1]
        surfaces = tokens.surfaces
        features: list[str] = []
        cues: list[str] = []
        if at > first and not tokens.breaks[at]:
            cue = self._before(surfaces[at - 1])
            agrees = option.strip == 0 and end == at + 1 and _agree(surfaces[at - 1], option.word)
            if agrees and cue in {"", "action"}:
                features.append("agreeing")  # reads as its adjective: a Turkish drone, the Levant Front
            elif cue:
                features.append(f"before_{cue}")
                cues.append(cue)
                if cue in TYPE_CUES and name.kinds & WANTED[cue]:
                    features.append("same_type")
            elif option.strip == 0 and option.word.startswith(ARTICLE) and _is_definite(surfaces[at - 1]):
                features.append("before_definite")  # reads as its adjective: the man, the short one
        else:
            features.append("start")
        if end < bound and not tokens.breaks[end]:
            following = surfaces[end]
            cue = self._cues.after.get(following, "")
            if cue and is_arabic(following):
                features.append(f"after_{cue}")
            elif following == ":" and at == first:
                features.append("dateline")
            elif self._cues.before.get(following) == "given":
                features.append("after_given")
        if surfaces[end - 1][-1] == ALEF and _has_tanwin(tokens, post, end - 1):
            features.append("tanwin")  # an adverb: always, and not the town of Duma
        if option.clitic:
            features.append(f"clitic_{option.clitic}")
        if end - at > 1 and _is_function_word(option.word):
            features.append("function_word_first")
        features += self._hashtag(tokens, at, end, first, bound)
        score = self._sum(name, features, "ar")
        if end > at + 1 and self._cues.before.get(surfaces[at][option.strip :]) == "unit":
            while (
                end < bound
                and self._cues.after.get(surfaces[end]) == "direction"
                and _goes_on(tokens, at, end)
            ):
                end += 1  # the western countryside of Hama is one phrase
        return Found(at, end, option.strip, name.places, 0, score, tuple(cues), "ar", tuple(features), name)

    def _score_latin(self, tokens: TokenBatch, post: int, at: int, match: tuple[int, Name, int]) -> Found:
        end, name, tier = match
        first, bound = tokens.bounds[post], tokens.bounds[post + 1]
        surfaces = tokens.surfaces
        start = at - self._article_before(tokens, post, at)
        features: list[str] = []
        cues: list[str] = []
        at_word = start
        if start < at:
            features.append("article")
        before = start - 1
        if before >= first and surfaces[before] == "the":
            before -= 1
            features.append("the")
        if before >= first and not tokens.breaks[at_word]:
            cue = self._cues.before.get(surfaces[before], "")
            if cue == "of" and before > first:
                kind = self._cues.before.get(surfaces[before - 1], "")
                if kind in TYPE_CUES:
                    cue = kind
                else:
                    cue = "preposition"
            if cue:
                features.append(f"before_{cue}")
                cues.append(cue)
                if cue in TYPE_CUES and name.kinds & WANTED[cue]:
                    features.append("same_type")
            elif surfaces[before][0].isalpha() and _capital(tokens, post, before):
                features.append("before_capital" if before > first else "before_capital_start")
                if tier and start < at:
                    features.append("surname")  # Mahmoud al-Halabi
        else:
            features.append("start")
        if end < bound and not tokens.breaks[end]:
            following = surfaces[end]
            cue = self._cues.after.get(following, "")
            if cue:
                features.append(f"after_{cue}")
                cues.append(cue)
            elif following[0].isalpha() and _capital(tokens, post, end):
                features.append("after_capital")
            elif following == "," and end + 1 < bound and _capital(tokens, post, end + 1):
                features.append("after_comma_capital")
            elif following == ":" and start == first:
                features.append("dateline")
        raw = tokens.normalized.raw[post]
        written = tokens.normalized.span(tokens.starts[start], tokens.ends[end - 1]).of(raw)
        capital = written[:1].isupper() or written[:1].isdigit() or not written[0].isalpha()
        letters = sum(map(str.isalpha, written))
        if not capital and not (tokens.glued[at] and at > first and surfaces[at - 1] == "-"):
            features.append("lower_case")
        if written.isupper() and letters > 1:
            features.append("all_capitals")
        if end - at > 1 and token_words(tokens, at, end)[0] in spelling().heads:
            features.append("head_word")
        if letters <= 3 and written.isupper() and ("." in written or "the" in features):
            features.append("acronym")
        if letters <= 3:
            features.append("short" if written.isupper() else "short_lower")
        if end - at > 1 and _is_function_word(surfaces[at]):
            features.append("function_word_first")
        features += self._hashtag(tokens, start, end, first, bound)
        score = self._sum(name, features, "en")
        if end > at + 1 and self._cues.after.get(surfaces[end - 1]) == "unit":
            while (
                start > first
                and _goes_on(tokens, start, start - 1 + (tokens.in_hashtag[start] == 1))
                and (self._cues.before.get(surfaces[start - 1]) in {"direction", "part"})
            ):
                start -= 1  # western Hama countryside
        return Found(start, end, 0, name.places, tier, score, tuple(cues), "en", tuple(features), name)

    def _article_before(self, tokens: TokenBatch, post: int, at: int) -> int:
        """The number of tokens of an Arabic article before a Latin name: 0, 1 or 2 (with a hyphen)."""
        back = 2 if at and tokens.surfaces[at - 1] == "-" and tokens.glued[at] and tokens.glued[at - 1] else 1
        article = at - back
        if article < tokens.bounds[post] or tokens.breaks[at] or tokens.in_hashtag[at] == 1:
            return 0
        word = tokens.surfaces[article]
        if not is_article(word, tokens.surfaces[at]):
            return 0
        if back == 1 and (word in _WORDS_TOO or tokens.glued[at]):
            return 0
        return back

    def _before(self, word: str) -> str:
        """The cue of the word before an Arabic name; clitics on it are taken off."""
        cue = self._cues.before.get(word)
        if cue is None and len(word) > 3 and is_arabic(word):
            for stem, strip, _ in stems(word):
                if strip and stem in self._cues.before:
                    return self._cues.before[stem]
        return cue or ""

    def _hashtag(self, tokens: TokenBatch, at: int, end: int, first: int, bound: int) -> list[str]:
        if not tokens.in_hashtag[at]:
            return []
        start = at
        while start > first and tokens.in_hashtag[start] == 2:
            start -= 1
        stop = end
        while stop < bound and tokens.in_hashtag[stop] == 2:
            stop += 1
        if start == at and stop == end:
            return ["hashtag"]
        others = [*tokens.surfaces[start:at], *tokens.surfaces[end:stop]]
        before, after = self._cues.before, self._cues.after
        is_phrase = all(
            before.get(word) in _PHRASE_BEFORE or after.get(word) in _PHRASE_AFTER for word in others
        )
        return ["hashtag" if is_phrase else "in_hashtag"]

    def _sum(self, name: Name, features: Sequence[str], language: str) -> float:
        table = self._weights[language]
        return name.score + sum(table.get(feature, 0.0) for feature in features)


_KIND_GROUPS: Final = (
    ("kind_country", frozenset({"country"})),
    ("kind_unit", UNITS),
    ("kind_city", frozenset({"city", "town"})),
    ("kind_village", frozenset({"village"})),
    ("kind_quarter", frozenset({"quarter"})),
    ("kind_nature", NATURE),
    ("kind_facility", FACILITIES),
)


@lru_cache(maxsize=8)
def recognizer(gazetteer: Gazetteer, home: tuple[str, ...]) -> Recognizer:
    """The recognizer of a gazetteer and a home, with what it has seen."""
    return Recognizer(gazetteer, home)


def select(found: list[Found]) -> list[Found]:
    """Of names that overlap, the accepted one, then the longer, then the likelier; in order."""
    if len(found) < 2:
        return found
    chosen: list[Found] = []
    taken: set[int] = set()  # tokens
    for one in sorted(found, key=lambda f: (f.score <= ACCEPT, f.first - f.last, -f.score, f.first)):
        words = range(one.first, one.last)
        if taken.isdisjoint(words):
            taken.update(words)
            chosen.append(one)
    return sorted(chosen, key=lambda f: f.first)


def _goes_on(tokens: TokenBatch, at: int, end: int) -> bool:
    """Whether token `end` can belong to the name that begins at `at`: same line, same hashtag or none."""
    hashtag = tokens.in_hashtag
    return not tokens.breaks[end] and hashtag[end] != 1 and (hashtag[at] > 0) == (hashtag[end] > 0)


def _latin_runs(tokens: TokenBatch, at: int, bound: int) -> Iterator[tuple[int, list[str]]]:
    """(end, words) of every longer run of words from `at`, across apostrophes, hyphens and dots inside."""
    words = [tokens.surfaces[at]]
    end = at + 1
    while end < bound and len(words) < MAX_WORDS and _goes_on(tokens, at, end):
        surface = tokens.surfaces[end]
        join = False
        if surface in APOSTROPHES or surface in "-.":
            if not (tokens.glued[end] and end + 1 < bound and _goes_on(tokens, at, end + 1)):
                return
            join = surface != "-" and tokens.glued[end + 1] == 1
            if not tokens.glued[end + 1] and not (surface == "." and words[-1] in _ABBREVIATED):
                return
            end += 1
            surface = tokens.surfaces[end]
        if not surface[0].isalnum() or is_arabic(surface):
            return
        words = [*words[:-1], words[-1] + surface] if join else [*words, surface]
        end += 1
        yield end, words


def _is_cut(tokens: TokenBatch, at: int, end: int, bound: int) -> bool:
    """Whether a digit that is written without a space makes it a part of a word: gama3a."""
    before = tokens.glued[at] and tokens.surfaces[at - 1][-1].isdigit()
    return bool(before or (end < bound and tokens.glued[end] and tokens.surfaces[end][0].isdigit()))


def _agree(word: str, name: str) -> bool:
    """Whether a name reads as the feminine adjective of the word before it: both definite or both not."""
    return (
        name.endswith(_NISBA)
        and len(word) > 2
        and (word[-1] == TEH_AS_HEH or word.endswith(_PLURAL))
        and _is_definite(word) == name.startswith(ARTICLE)
    )


def _has_tanwin(tokens: TokenBatch, post: int, at: int) -> bool:
    span = tokens.normalized.span(tokens.starts[at], tokens.ends[at])
    raw = tokens.normalized.raw[post]
    return "\N{ARABIC FATHATAN}" in raw[span.end - 2 : span.end + 1]


def _is_function_word(word: str) -> bool:
    return priors().get(word, 0.0) <= FUNCTION_WORD and word not in spelling().joined_heads


def _is_definite(word: str) -> bool:
    return len(word) > 3 and ARTICLE in word[:4]


def _capital(tokens: TokenBatch, post: int, at: int) -> bool:
    return tokens.normalized.raw[post][int(tokens.normalized.origin[tokens.starts[at]])].isupper()
