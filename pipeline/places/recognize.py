"""Which words of a post are names of places: gazetteer names in the tokens, judged by a linear score.

Matching alone is right for 9 to 22 of 100 names that it finds; the words beside a name decide.  `candidates`
finds names, `score` judges them by the tables that `cues` reads; here the two are put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pipeline.places.candidates import Match, Matcher, Node, Option, Ways
from pipeline.places.clitics import WAW, stems
from pipeline.places.cues import TYPE_CUES, WANTED, cue_words
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.keys import HAMZA, token_words
from pipeline.places.name_score import CHAIN, HOPELESS, IN_LIST, Context, Name
from pipeline.places.plugins import Guess
from pipeline.places.score import Around, Form, Judge
from pipeline.places.writing import words_beside
from pipeline.text import TokenBatch
from pipeline.text.tokens import ARABIC

ACCEPT: Final = 0.0  # logit
BORDER: Final = -2.5  # below, no second look
FORGET: Final = -8.0  # below, not even that
_TOLD: Final = 0.5  # log-odds from which words beside a name are worth telling


class Found(Struct, gc=False):
    """A name of the gazetteer in a post, and whether it is one there."""

    first: int  # tokens first .. last - 1: the name alone
    last: int
    strip: int
    places: tuple[int, ...]
    tier: int
    score: float  # logit
    cues: tuple[str, ...]
    language: str  # whose weights judge it: ar or en
    evidence: tuple[str, ...]
    name: Name


class Recognizer:
    """Names of one gazetteer, judged for one home; keeps what it has seen of words and names."""

    def __init__(self, gazetteer: Gazetteer, home: tuple[str, ...], prune: bool = True) -> None:
        self.gazetteer = gazetteer
        self.judge = Judge(gazetteer, home)
        self.matcher = Matcher(self.judge, prune)
        self.home = self.judge.home
        self.region = self.judge.region

    def options(self, tokens: TokenBatch) -> list[Ways | None]:
        """For every token, the ways to read it as the first word of a name; mostly none."""
        return self.matcher.options(tokens)

    def node(self, key: str, words: int = 1) -> Node:  # noqa: ARG002
        """What the gazetteer knows of a key, K0."""
        return self.matcher.node(key)

    def weight(self, found: Found, feature: str) -> float:
        """What a feature adds to the score of a name, in the language of the name."""
        return self.judge.weights[found.language].get(feature, 0.0)

    def lower_far(self, found: Sequence[Found], tokens: TokenBatch, post: int) -> None:
        """In a post about sport the names of far cities are those of clubs."""
        far = [one for one in found if one.name.is_far]
        if far and any(one.score > ACCEPT for one in far):
            words = tokens.surfaces[tokens.bounds[post] : tokens.bounds[post + 1]]
            if any(map(self.judge.cues.anywhere.get, words)):
                for one in far:
                    one.score += self.weight(one, "sport")
                    one.evidence += ("sport",)

    def candidates(
        self,
        tokens: TokenBatch,
        post: int,
        starts: Iterable[int],
        options: Sequence[Ways | None],
        keep_all: bool = False,
    ) -> list[Found]:
        """The names of the gazetteer that begin at one of the tokens `starts`, scored; they may overlap.

        Names that no context can save are left out, unless all are to be kept.
        """
        judge, matcher = self.judge, self.matcher
        surfaces, kinds, breaks, hashtag = tokens.surfaces, tokens.kinds, tokens.breaks, tokens.in_hashtag
        raw, origin, offsets = tokens.normalized.raw[post], tokens.normalized.origin, tokens.starts
        most_before, most_after = judge.most_beside["ar"].before, judge.most_beside["ar"].after
        nodes, dead = matcher.nodes, matcher.dead
        bound = tokens.bounds[post + 1]
        found: list[Found] = []
        for at in starts:
            ways = options[at]
            if ways is None:
                continue
            if kinds[at] == ARABIC:
                after = at + 1
                if ways.longer and after < bound and kinds[after] == ARABIC and not breaks[after]:
                    word = surfaces[after]
                    if HAMZA in word:
                        word = word.replace(HAMZA, "") or word
                    for option in ways.longer:
                        key = option.word + word
                        if (nodes.get(key) or matcher.node(key)) is not dead:
                            long = matcher.longer(tokens, at, ways.longer)
                            if long is not None:
                                form, end = long
                                if keep_all or not judge.is_hopeless(
                                    tokens, post, at, end, form.clitic, form.name
                                ):
                                    found.append(self._arabic(form, tokens, post, at, end))
                            break
                short = ways.short
                if short is None:
                    continue
                score = short.name.score
                if score <= 0.0 and not keep_all:
                    # the same as is_hopeless
                    if not breaks[at]:
                        before = surfaces[at - 1]
                        more = most_before.get(before)
                        score += judge.most_before("ar", before) if more is None else more
                        if short.clitic == "w" and before not in CHAIN:
                            score += IN_LIST
                    if after < bound:
                        word = surfaces[after]
                        more = most_after.get(word)
                        score += judge.most_after("ar", word) if more is None else more
                    if score < HOPELESS:
                        continue
                found.append(self._arabic(short, tokens, post, at, after))
                continue
            is_capital = raw[origin.item(offsets[at])].isupper()
            if not (is_capital or ways.options[0].small or hashtag[at]):
                continue
            found += [
                self._found(match, tokens, post)
                for match in matcher.latin(tokens, post, at, ways, is_capital)
                if keep_all or not judge.is_hopeless(tokens, post, match.start, match.end, "", match.name)
            ]
        return found

    def _arabic(self, form: Form, tokens: TokenBatch, post: int, at: int, end: int) -> Found:
        around, name = self.judge.arabic(form, tokens, post, at, end), form.name
        words = around.words
        return Found(
            at,
            end,
            form.strip,
            name.places,
            0,
            name.score + words + around.score,
            around.cues,
            "ar",
            around.features if -_TOLD < words < _TOLD else (*around.features, "words"),
            name,
        )

    def supported(
        self,
        tokens: TokenBatch,
        post: int,
        options: Sequence[Ways | None],
        guesses: Sequence[Guess],
    ) -> list[Found]:
        """All names of the post, those that other recognizers guess with their word for them."""
        first, bound = tokens.bounds[post], tokens.bounds[post + 1]
        starts = [at for at in range(first, bound) if options[at]]
        found = self.candidates(tokens, post, starts, options, keep_all=True)
        for guess in guesses:
            covered = [
                at
                for at in range(first, bound)
                if (span := tokens.normalized.span(tokens.starts[at], tokens.ends[at])).start < guess.end
                and guess.start < span.end
            ]
            if not covered:
                continue
            mine = [one for one in found if one.first in covered and one.last - 1 in covered]
            if not mine:
                similar = self._similar(tokens, post, covered)
                if similar is None:
                    continue
                mine = [similar]
                found.append(similar)
            for one in mine:
                one.score += guess.sure * self.weight(one, "recognizer")
                one.evidence += ("recognizer",)
        return [one for one in found if one.score > FORGET]

    def _similar(self, tokens: TokenBatch, post: int, covered: Sequence[int]) -> Found | None:
        """The name of the region that is spelled like the words of a guess."""
        first, last = covered[0], covered[-1] + 1
        named = self.matcher.variant(token_words(tokens, first, last))
        if named is None:
            return None
        match = Match(first, first, last, 0, "", *named)
        return self._found(match, tokens, post)

    def context(self, match: Match, tokens: TokenBatch, post: int) -> Context:
        """What stands around a match, part by part."""
        around = self._around(match, tokens, post)
        words = words_beside(tokens, match.start, match.end)
        return Context(around.features, around.cues, words + around.tags)

    def _around(self, match: Match, tokens: TokenBatch, post: int) -> Around:
        if match.form is not None:
            return self.judge.arabic(match.form, tokens, post, match.at, match.end)
        return self.judge.latin(tokens, post, match.start, match.at, match.end, match.name, match.tier)

    def _found(self, match: Match, tokens: TokenBatch, post: int) -> Found:
        around, name = self._around(match, tokens, post), match.name
        words = around.words
        return Found(
            match.start,
            match.end,
            match.strip,
            name.places,
            match.tier,
            name.score + words + around.score,
            around.cues,
            name.language,
            around.features if -_TOLD < words < _TOLD else (*around.features, "words"),
            name,
        )


@lru_cache(maxsize=8)
def recognizer(gazetteer: Gazetteer, home: tuple[str, ...]) -> Recognizer:
    """The recognizer of a gazetteer and a home, with what it has seen."""
    return Recognizer(gazetteer, home)


def select(found: list[Found]) -> list[Found]:
    """Of names that overlap, the accepted one, then the longer, then the likelier; in order."""
    chosen: list[Found] = []
    crowd: list[Found] = []  # names that overlap
    last = -1
    for one in found if _in_order(found) else sorted(found, key=lambda f: f.first):
        if one.first >= last:
            chosen += _best(crowd) if len(crowd) > 1 else crowd
            crowd, last = [one], one.last
        else:
            crowd.append(one)
            last = max(last, one.last)
    chosen += _best(crowd) if len(crowd) > 1 else crowd
    return chosen


def _in_order(found: Sequence[Found]) -> bool:
    last = -1
    for one in found:
        if one.first < last:
            return False
        last = one.first
    return True


def _best(found: Sequence[Found]) -> list[Found]:
    chosen: list[Found] = []
    taken: set[int] = set()  # tokens
    for one in sorted(found, key=lambda f: (f.score <= ACCEPT, f.first - f.last, -f.score, f.first)):
        words = range(one.first, one.last)
        if taken.isdisjoint(words):
            taken.update(words)
            chosen.append(one)
    return sorted(chosen, key=lambda f: f.first)


__all__ = [
    "ACCEPT",
    "BORDER",
    "TYPE_CUES",
    "WANTED",
    "WAW",
    "Found",
    "Name",
    "Option",
    "Recognizer",
    "cue_words",
    "recognizer",
    "select",
    "stems",
]
