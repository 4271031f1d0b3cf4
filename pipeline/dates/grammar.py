"""The rules of date_rules, compiled into one regular expression over classes of words."""

from __future__ import annotations

import re
from functools import cache
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
def grammar() -> Grammar:
    """The compiled grammar."""
    letters = lexicon().letters
    shapes = {row["shape"]: row["pattern"] for row in rows("date_shapes")}
    rules: dict[str, Rule] = {}
    choices: list[str] = []
    for row in rows("date_rules"):
        rules[row["rule"]] = Rule(
            row["rule"], RESOLVERS[row["resolver"]], row["kind"], _confidence(row["confidence"])
        )
        choices.append(f"(?P<{row['rule']}>{_compiled(row['pattern'], shapes, letters)})")
    return Grammar(re.compile("|".join(choices)), rules, letters)


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
    prefixes: tuple[str, ...]
    past: frozenset[str]


@cache
def cues() -> Cues:
    """Words that tell what is still to come."""
    table = list(rows("date_cues"))
    return Cues(
        frozenset(
            form
            for r in table
            if r["sense"] == "future" and r["form"] == "word"
            for form in _forms(r["word"], True)
        ),
        tuple(r["word"] for r in table if r["form"] == "prefix"),
        frozenset(r["word"] for r in table if r["sense"] == "past"),
    )
