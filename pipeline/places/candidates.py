"""Names of the gazetteer in the tokens of posts: every way to read them, nothing refused yet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Final

from msgspec import Struct

from pipeline.places.clitics import MIN_STEM, stems
from pipeline.places.cues import common_words, priors, word_counts
from pipeline.places.gazetteer import MAX_WORDS, MIN_K1, MIN_K2
from pipeline.places.keys import (
    ALEF,
    APOSTROPHES,
    HAMZA,
    TEH_AS_HEH,
    is_arabic,
    is_article,
    k0,
    k1,
    k1_word,
    k2,
    spelling,
)
from pipeline.places.name_score import NEVER, Name
from pipeline.places.score import NEVER_WORD, OFTEN, Form, Judge
from pipeline.places.writing import head_words, is_capital, is_capital_article, is_function_word
from pipeline.text import TokenBatch
from pipeline.text.tokens import ARABIC

MAX_CACHED: Final = 200_000
NEVER_SMALL: Final = -3.0  # a prior at which a Latin word written small is not looked at
_WORDS_TOO: Final = frozenset({"an", "as", "at", "l", "er", "es"})  # articles, but words of Europe as well
_MIN_RESPELLED: Final = 5  # letters
_ENDINGS: Final = {ALEF: TEH_AS_HEH, TEH_AS_HEH: ALEF}
_MIN_POSSESSIVE: Final = 5
_POSSESSORS: Final = frozenset({"country", "governorate", "region"})
_STRIPPED: Final = 0.5  # what the reading of a letter as a clitic costs
_ABBREVIATED: Final = frozenset({"st", "ft", "mt"})


class Node(Struct, frozen=True, eq=False, gc=False):
    """What the gazetteer knows of the words read so far."""

    name: Name | None  # that they are
    more: int  # words that may still follow


class Option(Struct, frozen=True, eq=False, gc=False):
    """One way to read a token as the first word of a name."""

    word: str  # key letters of the stem
    strip: int  # folded letters before the span
    clitic: str  # "", w, b, l or k
    small: bool = True  # whether a Latin word is looked at where it is written small, too
    exact: bool = True  # whether the letters alone begin a name; else only a romanisation of one
    node: Node | None = None  # of an Arabic word: what the gazetteer knows of it


class Ways(Struct, frozen=True, eq=False, gc=False):
    """All ways to read a token as the first word of a name."""

    options: tuple[Option, ...]
    short: Form | None  # of an Arabic word: the name that it is by itself
    longer: tuple[Option, ...]  # of an Arabic word: those that can go on


class Match(Struct, frozen=True, eq=False, gc=False):
    """A name of the gazetteer at tokens at .. end - 1."""

    start: int  # token where its article begins
    at: int
    end: int
    strip: int
    clitic: str
    name: Name
    tier: int
    form: Form | None = None  # of an Arabic name


class Matcher:
    """Finds the names of one gazetteer; keeps what it has seen of words and names."""

    def __init__(self, judge: Judge, prune: bool = True) -> None:
        self._least = NEVER if prune else -math.inf  # of the score of a word that is looked at
        self.judge = judge
        self.gazetteer = judge.gazetteer
        self.nodes: dict[str, Node] = {}  # what was asked for
        self._tokens: dict[str, Ways | None] = {}
        self._forms: dict[tuple[Option, str], Form] = {}
        self.dead = Node(None, 0)  # of words that begin no name
        self._variants: dict[str, tuple[Name, int] | None] = {}

    def options(self, tokens: TokenBatch) -> list[Ways | None]:
        """For every token, the ways to read it as the first word of a name; mostly none."""
        surfaces, glued = tokens.surfaces, tokens.glued
        found = self._options(surfaces)
        for at in compress(range(1, len(surfaces) - 1), map(APOSTROPHES.__contains__, surfaces[1:])):
            if (
                glued[at]
                and glued[at + 1]
                and (surfaces[at + 1] != "s" or surfaces[at - 1] + "s" in spelling().heads)  # Ra's al-Ayn
            ):
                joined = self._joined(surfaces[at - 1], surfaces[at + 1])  # one word: Ma'arrat
                if joined and (joined.options[0].exact or not found[at - 1]):
                    found[at - 1] = joined
        return found

    def _options(self, surfaces: Sequence[str]) -> list[Ways | None]:
        known = self._tokens
        try:
            return list(map(known.__getitem__, surfaces))
        except KeyError:
            if len(known) > MAX_CACHED:
                known.clear()
            for surface in set(surfaces).difference(known):
                known[surface] = self._ways(self._read(surface), surface)
        return list(map(known.__getitem__, surfaces))

    def _joined(self, surface: str, rest: str) -> Ways | None:
        """The ways to read two tokens that an apostrophe parts."""
        key = f"{surface}'{rest}"  # no token holds an apostrophe
        if key not in self._tokens:
            self._tokens[key] = self._ways(self._read(surface + rest), surface)
        return self._tokens[key]

    def _ways(self, options: tuple[Option, ...], surface: str) -> Ways | None:
        if not options:
            return None
        short: Form | None = None
        best = -math.inf
        for option in options:
            name = option.node.name if option.node is not None else None
            if name is not None:
                score = name.score - (_STRIPPED if option.strip else 0.0)
                if score > best:
                    short, best = _form(option, name, surface), score
        return Ways(options, short, tuple([one for one in options if one.node is not None and one.node.more]))

    def _read(self, surface: str) -> tuple[Option, ...]:
        if is_arabic(surface):
            return self._read_arabic(surface)
        if not surface[0].isalpha() or surface in APOSTROPHES:
            return ()
        prior = priors().get(surface, 0.0)
        node = self.node(surface)
        if not node.name and not node.more and surface[-1] == "s" and len(surface) > _MIN_POSSESSIVE:
            bare = self.node(surface[:-1]).name  # Mexicos, as people write Mexico's
            if bare is not None and bare.kinds & _POSSESSORS:
                return (Option(surface[:-1], 0, "", False),)
        exact = bool(node.more or (node.name and node.name.score > self._least))
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

    def _read_arabic(self, surface: str) -> tuple[Option, ...]:
        read: list[Option] = []
        is_word = surface in word_counts()
        for stem, strip, clitic in stems(surface):
            letters = k0([stem])
            if len(letters) < MIN_STEM or (clitic == "a" and (read or is_word)):
                continue
            node = self.node(letters)
            if not (node.name or node.more) and not is_word and clitic != "a":
                letters = _respelled(letters)
                node = self.node(letters)
            if node.more or (node.name and node.name.score > self._least):
                read.append(Option(letters, strip, clitic, node=node))
        return tuple(read)

    def node(self, key: str) -> Node:
        """What the gazetteer knows of a key."""
        node = self.nodes.get(key)
        if node is None:
            places, more = self.gazetteer.entry(key)
            name = self.judge.name(key, places, 0) if places else None
            if len(self.nodes) > MAX_CACHED:
                self.nodes.clear()
            node = self.nodes[key] = Node(name, more) if name is not None or more else self.dead
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
                found = self.judge.name(key, places, tier), tier
                break
        if len(self._variants) > MAX_CACHED:
            self._variants.clear()
        self._variants[wanted] = found
        return found

    def _is_near(self, number: int) -> bool:
        return (
            self.gazetteer.kind(number) != "country" and self.gazetteer.country(number) in self.judge.region
        )

    def matches(self, tokens: TokenBatch, post: int, at: int, ways: Ways) -> list[Match]:
        """The longest name that begins at a token, and the one of its first word alone."""
        if tokens.kinds[at] == ARABIC:
            long = self.longer(tokens, at, ways.longer)
            found = [long, (ways.short, at + 1)] if long is not None else [(ways.short, at + 1)]
            return [
                Match(at, at, end, form.strip, form.clitic, form.name, 0, form)
                for form, end in found
                if form is not None
            ]
        capital = is_capital(tokens, post, at)
        if capital or ways.options[0].small or tokens.in_hashtag[at]:
            return self.latin(tokens, post, at, ways, capital)
        return []

    def longer(self, tokens: TokenBatch, at: int, options: Sequence[Option]) -> tuple[Form, int] | None:
        """The longest name of several Arabic words that begins at a token, and where it ends."""
        first = at + 1
        surfaces, kinds, bound = tokens.surfaces, tokens.kinds, len(tokens.surfaces)
        if first == bound or kinds[first] != ARABIC or not options or not goes_on(tokens, at, first):
            return None
        nodes = self.nodes
        best: tuple[int, float, Option, Name] | None = None
        for option in options:
            key = option.word
            end = first
            while True:
                word = surfaces[end]
                key += word if HAMZA not in word else word.replace(HAMZA, "") or word
                end += 1
                node = nodes.get(key) or self.node(key)
                if node.name is not None:
                    score = node.name.score - (_STRIPPED if option.strip else 0.0)
                    if best is None or end > best[0] or (end == best[0] and score > best[1]):
                        best = end, score, option, node.name
                if not (node.more and end < bound and kinds[end] == ARABIC and goes_on(tokens, at, end)):
                    break
        if best is None:
            return None
        end, _, option, name = best
        words = " ".join(surfaces[at:end])
        form = self._forms.get((option, words))
        if form is None or form.name is not name:
            if len(self._forms) > MAX_CACHED:
                self._forms.clear()
            form = self._forms[option, words] = _form(option, name, words)
        return form, end

    def latin(self, tokens: TokenBatch, post: int, at: int, ways: Ways, capital: bool) -> list[Match]:
        """`matches` of a Latin word that is looked at: for its capital, or as it is read small as well."""
        option = ways.options[0]
        bound = tokens.bounds[post + 1]
        best: tuple[int, Name, int] | None = None
        short: tuple[int, Name, int] | None = None
        node = self.nodes.get(option.word) or self.node(option.word)
        if not capital and not node.more and (node.name is None or not option.exact):
            return []
        single = (at + 1 if tokens.surfaces[at].startswith(option.word) else at + 3, [option.word])
        if node.name is not None and option.exact:
            short = best = (single[0], node.name, 0)
        runs: list[tuple[int, list[str]]] = [single]
        is_head = option.word in head_words()
        article = self._article_before(tokens, post, at)
        if node.more or (capital and (best is None or is_head or article)):
            more = node.more
            for end, words in _latin_runs(tokens, at, bound):
                if end <= single[0]:
                    continue
                runs.append((end, words))
                if more:
                    key = "".join(words)
                    node = self.nodes.get(key) or self.node(key)
                    more -= 1
                    if node.name is None or (
                        len(words[-1]) > 1
                        and is_function_word(words[-1])
                        and not is_capital(tokens, post, end - 1)
                    ):
                        continue  # Sarafand is not "Saraf and"
                    best = (end, node.name, 0)
        if capital and not self._is_article(tokens, at, bound):
            if best is None:
                best = self._similar(tokens, post, runs)
            elif is_head or article:
                longer = [pair for pair in runs if pair[0] >= best[0] + is_head]
                best = self._similar(tokens, post, longer) or best
        if best is None or _is_cut(tokens, at, best[0], bound):
            return []
        start = at - article
        end, name, tier = best
        found = [Match(start, at, end, 0, "", name, tier)]
        if short is not None and short[0] < end:
            found.append(Match(start, at, short[0], 0, "", short[1], 0))
        return found

    def _is_article(self, tokens: TokenBatch, at: int, bound: int) -> bool:
        return (
            tokens.surfaces[at] in spelling().articles
            and at + 1 < bound
            and goes_on(tokens, at, at + 1)
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
                and is_capital(tokens, post, end - 1)
                and not any(map(_parts_names, words[1:-1]))
            ):
                found = self.variant(words)
                if found is not None:
                    return end, *found
        return None

    def _article_before(self, tokens: TokenBatch, post: int, at: int) -> int:
        """The number of tokens of an Arabic article before a Latin name: 0, 1 or 2 (with a hyphen)."""
        if tokens.breaks[at]:
            return 0
        word = tokens.surfaces[at - 1]
        if word != "-" and word not in spelling().articles:
            return 0
        back = 2 if word == "-" and tokens.glued[at] and tokens.glued[at - 1] else 1
        article = at - back
        if article < tokens.bounds[post] or tokens.in_hashtag[at] == 1:
            return 0
        word = tokens.surfaces[article]
        if not is_article(word, tokens.surfaces[at]):
            return 0
        if back == 1 and tokens.glued[at]:
            return 0
        if back == 1 and word in _WORDS_TOO and not is_capital_article(tokens, post, article):
            return 0
        return back


def _form(option: Option, name: Name, words: str) -> Form:
    first = words.partition(" ")[0]
    return Form(
        name,
        option.strip,
        option.clitic,
        first[option.strip :],
        words,
        words.count(" ") + 1,
        words[-1] == ALEF,
    )


def _parts_names(word: str) -> bool:
    """Whether a word inside a run of words parts two names, as "and" does; an article does not."""
    return word in common_words() and word not in spelling().articles


def _respelled(letters: str) -> str:
    """With the other of the two letters that end a name in -a: Madaya is written with either.

    Not so a word that the tables know as one, or a common word with the ending of the accusative.
    """
    if (
        len(letters) < _MIN_RESPELLED
        or letters[-1] not in _ENDINGS
        or priors().get(letters, 0.0) <= NEVER_WORD
        or (letters[-1] == ALEF and word_counts().get(letters[:-1], 0) >= OFTEN)
    ):
        return ""
    return letters[:-1] + _ENDINGS[letters[-1]]


def goes_on(tokens: TokenBatch, at: int, end: int) -> bool:
    """Whether token `end` can belong to the name that begins at `at`: same line, same hashtag or none."""
    hashtag = tokens.in_hashtag
    return not tokens.breaks[end] and hashtag[end] != 1 and (hashtag[at] > 0) == (hashtag[end] > 0)


def _latin_runs(tokens: TokenBatch, at: int, bound: int) -> Iterator[tuple[int, list[str]]]:
    """(end, words) of every longer run of words from `at`, across apostrophes, hyphens and dots inside."""
    words = [tokens.surfaces[at]]
    end = at + 1
    while end < bound and len(words) < MAX_WORDS and goes_on(tokens, at, end):
        surface = tokens.surfaces[end]
        join = False
        if surface in APOSTROPHES or surface in "-.":
            if not (tokens.glued[end] and end + 1 < bound and goes_on(tokens, at, end + 1)):
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
