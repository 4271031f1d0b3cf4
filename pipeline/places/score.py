"""The score of a name in a post: log-odds that the words name a place there, a sum over weighted features.

`name_score` judges the name by itself; here the words beside it, hashtags and clitics are added.  Every
feature has a weight in the tables that `cues` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pipeline.places.clitics import AIN, WAW
from pipeline.places.cues import EDGE, TYPE_CUES, WANTED, priors, word_counts
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.keys import ALEF, ARTICLE, HAMZA, LAM, TEH_AS_HEH, is_arabic, spelling, token_words
from pipeline.places.name_score import FATHER_OF, Name, NameJudge, beside
from pipeline.places.writing import (
    head_words,
    is_capital,
    is_capital_article,
    is_function_word,
    shape_of,
    words_beside,
    written,
)
from pipeline.text import TokenBatch

YEH: Final = "\N{ARABIC LETTER YEH}"
MAX_SIDES: Final = 1 << 16
NOTHING: Final = ""  # stands for the neighbor of a name in memory, since a text may hold EDGE
OFTEN: Final = 12  # a word that stood so often outside every place is a common one
_PHRASE_BEFORE: Final = TYPE_CUES | {"direction", "part"}
_PHRASE_AFTER: Final = frozenset({"direction", "unit"})
_NISBA: Final = YEH + TEH_AS_HEH
_PLURAL: Final = ALEF + "\N{ARABIC LETTER TEH}"
_COLOR: Final = 7  # letters of a color with the article, such as al-hamra with its hamza
_ALI: Final = AIN + LAM + YEH
_ABU_ALI: Final = f"{FATHER_OF} {_ALI}"  # stands for the second of these words
_OF_PEOPLE: Final = frozenset({"given", "person"})
_WEAK_CUES: Final = frozenset({"preposition", "other", "people", "organisation"})
_DASHES: Final = frozenset({"-", "\N{EN DASH}", "\N{EM DASH}", "\N{HORIZONTAL BAR}"})
_BEHIND_DATELINE: Final = _DASHES | {":"}
_SURNAME_ARTICLES: Final = frozenset({"al", "el"})
_NUN: Final = "\N{ARABIC LETTER NOON}"
_ENDINGS: Final = (ALEF, ALEF + _NUN, YEH + _NUN, WAW + _NUN, _PLURAL, TEH_AS_HEH)
NEVER_WORD: Final = -6.0  # the prior of a form that is a word and hardly ever a place
_LETTER_CUES: Final = frozenset({"preposition", "other", "people"})  # such words bear clitics, too


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


class Judge(NameJudge):
    """Scores names of one gazetteer for one home, by themselves and where they stand."""

    def __init__(self, gazetteer: Gazetteer, home: Sequence[str]) -> None:
        super().__init__(gazetteer, home)
        self._lefts: dict[tuple[Form, str], Side] = {}
        self._rights: dict[tuple[Form, str], Side] = {}

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
                    if self.cues.before.get(word) in TYPE_CUES:
                        features.append("clitic_type")  # it says what the next name is
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
