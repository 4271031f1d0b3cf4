"""The words of date_words, with glued letters, ready for look-up."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.data import rows
from pipeline.text import normalize

WAW: Final = "\N{ARABIC LETTER WAW}"
FEH: Final = "\N{ARABIC LETTER FEH}"
BEH: Final = "\N{ARABIC LETTER BEH}"
LAM: Final = "\N{ARABIC LETTER LAM}"
HEH: Final = "\N{ARABIC LETTER HEH}"  # ha- of dialect: this
AL: Final = "\N{ARABIC LETTER ALEF}\N{ARABIC LETTER LAM}"

Value = int | str | tuple[int, ...]

# Levels: how one token looks to the scan over a whole batch.
UNKNOWN, KNOWN, CORE, DIGITS, SIGN, QUOTE = "x", "k", "c", "d", "s", "q"


class Part(Struct, frozen=True):
    """A word, or a letter glued to it: class, value, and where in its token it begins."""

    kind: str
    value: Value
    skip: int = 0


class Lexicon(Struct, frozen=True):
    levels: dict[str, str]  # token -> one of the levels above; a token not in it is UNKNOWN
    words: dict[str, tuple[Part, ...]]
    phrases: dict[
        str, list[tuple[list[str], tuple[Part, ...]]]
    ]  # first token -> further tokens, longest first
    letters: dict[str, str]  # class -> its letter in the grammar


@lru_cache(maxsize=64)
def lexicon(feasts: tuple[tuple[str, str], ...] = ()) -> Lexicon:
    """The compiled tables, with named days of the user's own: see `DateHabits.feasts`.

    Raises `ValueError` for a day that is none of 2011-04-22, --04-17 and hijri 01-10.
    """
    classes = {row["class"]: row for row in rows("date_classes")}
    letters = {name: chr(0x100 + number) for number, name in enumerate(classes)}
    entries = [(row["surface"], row["class"], _value(row["value"])) for row in rows("date_words")]
    entries += _compounds(entries)
    entries = [*(_own_feast(name, day) for name, day in feasts), *entries]
    words: dict[str, tuple[Part, ...]] = {}
    phrases: dict[str, list[tuple[list[str], tuple[Part, ...]]]] = {}
    # Plain words first: a glued letter never takes a surface away from a word.
    for glue in (False, True):
        for surface, kind, value in entries:
            first, *further = surface.split(" ")
            for token, parts in _glued(first, kind, value, classes[kind]["clitics"] if glue else ""):
                if not further:
                    words.setdefault(token, parts)
                    continue
                known = phrases.setdefault(token, [])
                if all(further != other for other, _ in known):
                    known.append((further, parts))
    for known in phrases.values():
        known.sort(key=_longest_first)
    core = {name for name, row in classes.items() if row["core"] == "yes"}
    levels = {token: CORE if parts[-1].kind in core else KNOWN for token, parts in words.items()}
    for token, known in phrases.items():
        if any(parts[-1].kind in core for _, parts in known):
            levels[token] = CORE
        for further, _ in known:
            for other in (token, *further):
                levels.setdefault(other, KNOWN)
    levels |= {sign: SIGN for sign, parts in words.items() if parts[0].kind in ("slash", "dash", "dot")}
    levels["'"] = QUOTE
    for width in (1, 2, 3, 4):
        for number in range(10**width):
            levels[f"{number:0{width}d}"] = DIGITS
    levels |= {str(number): CORE for number in range(1700, 2100)}
    for token, known in phrases.items():  # "2moro": its digit is a digit first
        if token.isdigit():
            levels |= {further[0]: CORE for further, parts in known if parts[-1].kind in core}
    return Lexicon(levels, words, phrases, letters)


_OWN_DAY: Final = re.compile(r"(?:(hijri )|(--)|(\d{4})-)(\d\d)-(\d\d)")


def _own_feast(name: str, day: str) -> tuple[str, str, Value]:
    """A named day of the user as an entry of date_words.

    >>> _own_feast("Land Day", "--03-30")
    ('land day', 'feast', 'g03-30')
    """
    words = " ".join(normalize(name).text.split())
    match = _OWN_DAY.fullmatch(day)
    if match is None or not words:
        raise ValueError(f"feast {name!r}: {day!r} is none of 2011-04-22, --04-17 and hijri 01-10")
    hijri, _, year, month, number = match.groups()
    kind = "h" if hijri else "g" if year is None else "x"
    return words, "feast", f"{kind}{month}-{number}" + (f"-{year}" if year else "")


def _value(cell: str) -> Value:
    return (
        int(cell) if (cell.removeprefix("-").isdigit() and not cell.startswith("0")) or cell == "0" else cell
    )


def _longest_first(phrase: tuple[list[str], tuple[Part, ...]]) -> int:
    return -len(phrase[0])


def _glued(word: str, kind: str, value: Value, clitics: str) -> list[tuple[str, tuple[Part, ...]]]:
    """A word and its forms with wa-, fa-, bi-, li-, ha- before it; li- swallows the alef of the article."""
    found: list[tuple[str, tuple[Part, ...]]] = [(word, (Part(kind, value),))]
    if not clitics or word.isascii():
        return found
    glue = {"w": (WAW, "and"), "f": (FEH, ""), "b": (BEH, "bi"), "l": (LAM, "li"), "h": (HEH, "this")}
    if not word.startswith(AL):
        clitics = clitics.replace("h", "")
    if len(word) <= 2:  # two letters with one before them are another word
        clitics = clitics.replace("b", "").replace("l", "").replace("f", "")
    leads: list[tuple[tuple[str, str], ...]] = [(glue[letter],) for letter in clitics]
    leads += [
        (glue[outer], glue[inner])
        for outer in "wfbl"
        for inner in "blh"
        if (inner == "h" or outer in "wf")
        if outer in clitics and inner in clitics
    ]
    for lead in leads:
        body = word
        if lead[-1][0] == LAM and word.startswith(AL):
            body = LAM + word[2:]
        parts = [Part(name, 0, place) for place, (_, name) in enumerate(lead) if name]
        skip = len(lead)
        found.append(("".join(letter for letter, _ in lead) + body, (*parts, Part(kind, value, skip))))
    return found


def _compounds(entries: list[tuple[str, str, Value]]) -> list[tuple[str, str, Value]]:
    """Ordinals and numbers above ten, put together from their words."""
    words = [
        Word(s, k, v)
        for s, k, v in entries
        if k in ("ordinal", "ordinalone", "number") and isinstance(v, int)
    ]
    arabic = [word for word in words if not word.surface.isascii()]
    latin = [word for word in words if word.surface.isascii()]
    teens = sorted({w.surface.removeprefix(AL) for w in arabic if w.kind == "number" and w.value == 10})
    made: list[tuple[str, str, Value]] = []
    for one in arabic:
        if one.value >= 10 or (one.kind == "number" and one.surface.startswith(AL)):
            continue
        kind = "number" if one.kind == "number" else "ordinal"
        made += [(f"{one.surface} {ten}", kind, 10 + one.value) for ten in teens]
        tens = [
            w
            for w in arabic
            if w.kind == kind and w.value >= 20 and w.surface.startswith(AL) == (kind == "ordinal")
        ]
        made += [(f"{one.surface} {WAW}{ten.surface}", kind, ten.value + one.value) for ten in tens]
    for ten, one in product([w for w in latin if w.kind == "number" and w.value in (20, 30)], latin):
        if one.value < 10:
            made += [
                (f"{ten.surface}{joint}{one.surface}", one.kind, ten.value + one.value)
                for joint in (" ", " - ")
            ]
    return made


class Word(NamedTuple):
    """A word that stands for a number."""

    surface: str
    kind: str
    value: int
