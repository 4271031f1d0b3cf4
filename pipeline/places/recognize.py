"""Which words of a post are names of places: gazetteer names in the tokens, judged by a linear score.

Matching alone is right for 9 to 22 of 100 names that it finds; the words beside a name decide.  `candidates`
finds names, `score` judges them by the tables that `cues` reads; here the two are put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pipeline.places.candidates import Match, Matcher, Node, Option
from pipeline.places.clitics import WAW, stems
from pipeline.places.cues import TYPE_CUES, WANTED, cue_words
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.keys import token_words
from pipeline.places.plugins import Guess
from pipeline.places.score import Context, Judge, Name, beside
from pipeline.text import TokenBatch

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

    def options(self, tokens: TokenBatch) -> list[tuple[Option, ...]]:
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
        if any(one.name.is_far and one.score > ACCEPT for one in found):
            words = tokens.surfaces[tokens.bounds[post] : tokens.bounds[post + 1]]
            if any(map(self.judge.cues.anywhere.get, words)):
                for one in found:
                    if one.name.is_far:
                        one.score += self.weight(one, "sport")
                        one.evidence += ("sport",)

    def candidates(
        self,
        tokens: TokenBatch,
        post: int,
        starts: Iterable[int],
        options: Sequence[tuple[Option, ...]],
        keep_all: bool = False,
    ) -> list[Found]:
        """The names of the gazetteer that begin at one of the tokens `starts`, scored; they may overlap.

        Names that no context can save are left out, unless all are to be kept.
        """
        judge, matcher = self.judge, self.matcher
        found: list[Found] = []
        for at in starts:
            ways = options[at]
            if len(ways) == 1 and matcher.is_dead_end(tokens, at, tokens.bounds[post + 1], ways[0]):
                continue
            for match in matcher.matches(tokens, post, at, ways):
                name = match.name
                if (
                    keep_all
                    or name.score > 0.0
                    or not judge.is_hopeless(tokens, post, match.start, match.end, match.clitic, name)
                ):
                    found.append(self._found(match, self.context(match, tokens, post)))
        return found

    def supported(
        self,
        tokens: TokenBatch,
        post: int,
        options: Sequence[tuple[Option, ...]],
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
        return self._found(match, self.context(match, tokens, post))

    def context(self, match: Match, tokens: TokenBatch, post: int) -> Context:
        """What stands around a match."""
        name = match.name
        if name.language == "ar":
            return self.judge.arabic(tokens, post, match.at, match.end, match.strip, match.clitic, name)
        return self.judge.latin(tokens, post, match.start, match.at, match.end, name, match.tier)

    def _found(self, match: Match, context: Context) -> Found:
        name = match.name
        language = name.language
        words = beside(self.judge.neighbors[language], context.neighbors)
        score = name.score + words
        table = self.judge.weights[language]
        for feature in context.features:
            score += table.get(feature, 0.0)
        evidence = context.features if -_TOLD < words < _TOLD else (*context.features, "words")
        return Found(
            match.start,
            match.end,
            match.strip,
            name.places,
            match.tier,
            score,
            context.cues,
            language,
            evidence,
            name,
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
