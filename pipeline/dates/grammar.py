"""The rules of date_rules, compiled into one regular expression over classes of words."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final, Literal

from msgspec import Struct

from pipeline.data import rows
from pipeline.dates.lexicon import BEH, FEH, LAM, WAW, lexicon
from pipeline.dates.resolve import RESOLVERS, Resolver

_NAME: Final = re.compile(r"[a-z]+|[A-Z]+")
Confidence = Literal["high", "medium", "low"]


class Rule(Struct, frozen=True):
    name: str
    resolve: Resolver
    kind: str
    confidence: Confidence


class Grammar(Struct, frozen=True):
    pattern: re.Pattern[str]  # over one letter a word; the name of the group that matched is the rule
    rules: dict[str, Rule]
    letters: dict[str, str]  # class -> letter


@cache
def grammar(recall: bool = False) -> Grammar:
    """The compiled grammar, with or without the rules of the profile "recall"."""
    letters = lexicon().letters
    shapes = {row["shape"]: row["pattern"] for row in rows("date_shapes")}
    rules: dict[str, Rule] = {}
    choices: list[str] = []
    for row in rows("date_rules"):
        if row["profile"] == "recall" and not recall:
            continue
        rules[row["rule"]] = Rule(
            row["rule"], RESOLVERS[row["resolver"]], row["kind"], _confidence(row["confidence"])
        )
        choices.append(f"(?P<{row['rule']}>{_compiled(row['pattern'], shapes, letters)})")
    return Grammar(re.compile("|".join(choices)), rules, letters)


@lru_cache(maxsize=1 << 14)
def next_match(letters: str, place: int, recall: bool = False) -> tuple[str, int, int] | None:
    """The rule that matches first from `place` on, and where; None where none does.

    Posts say the same few shapes of dates again and again: among 3,200 real tweets two of three look-ups are
    answered from memory, and more the longer a run lasts.
    """
    match = grammar(recall).pattern.search(letters, place)
    if match is None:
        return None
    assert match.lastgroup is not None
    return match.lastgroup, match.start(), match.end()


def _confidence(cell: str) -> Confidence:
    if cell not in ("high", "medium", "low"):
        raise ValueError(f"date_rules: confidence {cell!r}, not one of high, medium, low")
    return cell  # type: ignore[return-value]  # mypy does not narrow str to a Literal by `in`


def _compiled(pattern: str, shapes: dict[str, str], letters: dict[str, str]) -> str:
    def expand(name: re.Match[str]) -> str:
        word = name.group()
        return f"(?:{_compiled(shapes[word], shapes, letters)})" if word.isupper() else letters[word]

    plain = re.sub(r"\((?!\?)", "(?:", pattern)
    plain = plain.replace("*", "{0,4}").replace("+", "{1,8}")  # bounded, so that no text takes quadratic time
    return _NAME.sub(expand, plain).replace(" ", "")


class Veto(Struct, frozen=True):
    rules: frozenset[str]  # empty for all
    spares_dated: bool


@cache
def vetoes() -> dict[str, dict[str, list[Veto]]]:
    """Place (before, near_before, after, raw) -> word -> what it forbids."""
    found: dict[str, dict[str, list[Veto]]] = {"before": {}, "near_before": {}, "after": {}, "raw": {}}
    for row in rows("date_vetoes"):
        named = frozenset() if row["rules"] == "*" else frozenset(row["rules"].split())
        for word in _forms(row["word"], row["place"] != "raw"):
            found[row["place"]].setdefault(word, []).append(Veto(named, row["spares"] == "undated"))
    return found


def _forms(word: str, glue: bool) -> list[str]:
    """A word of a table, and with the letters that may be glued to it."""
    return (
        [word, *(letter + word for letter in (WAW, FEH, BEH, LAM))] if glue and not word.isascii() else [word]
    )


class Cues(Struct, frozen=True):
    future: frozenset[str]
    prefixes: tuple[str, ...]  # of longer words: a future of the verb
    past: frozenset[str]
    no_future: frozenset[str]  # begin like a future and are none
    no_prefixes: tuple[str, ...]

    pairs: frozenset[tuple[str, str]]  # two words of a future
    suffixes: tuple[str, ...]  # of longer words: a past of the verb
    no_past: frozenset[str]
    passive: frozenset[str]  # a word with such a suffix behind one of these tells no tense

    def tense(self, word: str, following: str, before: str = "") -> int:
        """1 for a word of what is to come, -1 of what has happened, 0 for any other."""
        if word in self.future or (word, following) in self.pairs:
            return 1
        if word in self.past:
            return 0 if before in self.passive else -1
        if len(word) > 4 and word.endswith(self.suffixes) and word not in self.no_past:
            return 0 if before in self.passive else -1
        if len(word) < 4 or not word.startswith(self.prefixes) or word in self.no_future:
            return 0
        return 0 if word.startswith(self.no_prefixes) else 1


@cache
def cues() -> Cues:
    """Words that tell what is still to come."""
    table = list(rows("date_cues"))

    def words(sense: str, form: str) -> list[str]:
        return [row["word"] for row in table if (row["sense"], row["form"]) == (sense, form)]

    future = frozenset(form for word in words("future", "word") for form in _forms(word, True))
    past = frozenset(form for word in words("past", "word") for form in _forms(word, True))
    return Cues(
        future,
        tuple(words("future", "prefix")),
        past - future,
        frozenset(words("no_future", "word")),
        tuple(words("no_future", "prefix")),
        frozenset((one, two) for one, two in (word.split() for word in words("future", "pair"))),
        tuple(words("past", "suffix")),
        frozenset(words("no_past", "word")),
        frozenset(words("no_past", "lead")),
    )


@cache
def neighbors() -> dict[str, frozenset[str]]:
    """Kind of neighbor -> the words that have it, see the table date_neighbors."""
    found: dict[str, set[str]] = {}
    for row in rows("date_neighbors"):
        found.setdefault(row["kind"], set()).add(row["word"])
    return {kind: frozenset(words) for kind, words in found.items()}
