"""How alike two spellings of a name are, in one script or across Arabic and Latin.

A name becomes a row of sounds: consonants by their class in the table `romanization`, and vowels.  The
likeness is an edit distance in which short vowels cost little, and next to nothing where the other name is
in Arabic script, which does not write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

from pipeline.places.keys import ARTICLE, TEH_AS_HEH, is_absolute, is_arabic, latin_words, readings, spelling

_ALEF, _WAW, _YEH = "\N{ARABIC LETTER ALEF}", "\N{ARABIC LETTER WAW}", "\N{ARABIC LETTER YEH}"
_AYN: Final = "\N{ARABIC LETTER AIN}"  # no sound in Latin script, but the letters beside it are two
_LONG: Final = {_ALEF: "A", _WAW: "W", _YEH: "Y", _AYN: _AYN}
_SHORT: Final = frozenset("aeiou")
_VOWEL_PAIRS: Final = {
    "ae": 0.1, "ei": 0.1, "ai": 0.15, "ou": 0.05, "uw": 0.1, "ow": 0.1, "iy": 0.05, "ey": 0.1, "ay": 0.2,
    "ao": 0.3, "au": 0.25, "eu": 0.25, "eo": 0.3, "iu": 0.25, "io": 0.3, "aw": 0.4,
    "Aa": 0.0, "Ae": 0.1, "Ai": 0.25, "Ao": 0.2, "Au": 0.35, "Wo": 0.0, "Wu": 0.0, "Ww": 0.0, "Wa": 0.4,
    "Yy": 0.0, "Yi": 0.0, "Ye": 0.05, "Ya": 0.3, "AY": 0.5, "AW": 0.6, "WY": 0.6,
}  # fmt: skip
_NEAR_CONSONANTS: Final = {
    "kg": 0.5, "gj": 0.5, "kx": 0.6, "dz": 0.3, "ts": 0.6, "s$": 0.6, "dt": 0.6, "sz": 0.5, "bf": 0.7,
    "hx": 0.6, "nm": 0.7, "j$": 0.6, "gr": 0.6, "td": 0.6,
}  # letters that dialects and transcriptions exchange  # fmt: skip
_LATIN_GAP: Final = {**dict.fromkeys("aeiou", 0.25), "y": 0.3, "w": 0.35, "h": 0.4}
_ACROSS_GAP: Final = {
    **dict.fromkeys("aeiou", 0.03), "A": 0.25, "W": 0.4, "Y": 0.4, "y": 0.4, "w": 0.4, "h": 0.4,
}  # fmt: skip
_ARABIC_GAP: Final = {"A": 0.3, "W": 0.5, "Y": 0.5, "h": 0.5}


@lru_cache(maxsize=1 << 14)
def sounds(form: str) -> tuple[str, ...]:
    """The sounds of a folded name, in each way that it can be read.

    >>> sounds("khirbat al naqus"), sounds("خربه الناقوس")
    (('xirbatnakus',), ('xrbtnAkWs',))
    """
    words = form.split(" ")
    if is_arabic(words[0]):
        heard = "".join(_arabic(word, is_absolute(words, at)) for at, word in enumerate(words))
        return (_single(heard).replace(_AYN, ""),)
    ways = (_single("".join(map(_latin, latin_words(way)))) for way in readings(words))
    return tuple(dict.fromkeys(ways))


def likeness(one: str, other: str) -> float:
    """0..1, of two folded names; 1 where they sound the same.

    >>> likeness("kherbet elnaqus", "خربه الناقوس") > 0.95
    True
    """
    scripts = {is_arabic(one), is_arabic(other)}
    gap = _ACROSS_GAP if len(scripts) == 2 else _ARABIC_GAP if scripts == {True} else _LATIN_GAP
    return max(_likeness(left, right, gap) for left in sounds(one) for right in sounds(other))


def _likeness(one: str, other: str, gap: dict[str, float]) -> float:
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    costs = _pair_costs()
    before = [0.0]
    for char in other:
        before.append(before[-1] + gap.get(char, 1.0))
    for char in one:
        own = gap.get(char, 1.0)
        row = [before[0] + own]
        for at, facing in enumerate(other):
            change = 0.0 if char == facing else costs.get((char, facing), 1.0)
            row.append(min(before[at] + change, before[at + 1] + own, row[at] + gap.get(facing, 1.0)))
        before = row
    return max(0.0, 1.0 - before[-1] / max(_weight(one), _weight(other)))


def _weight(sound: str) -> float:
    return sum(0.5 if char in _SHORT else 1.0 for char in sound)


@cache
def _pair_costs() -> dict[tuple[str, str], float]:
    pairs = {**_VOWEL_PAIRS, **_NEAR_CONSONANTS}
    both = {(pair[0], pair[1]): cost for pair, cost in pairs.items()}
    return both | {(right, left): cost for (left, right), cost in both.items()}


def _latin(word: str) -> str:
    table = spelling()
    for letters, canonical in table.digraphs:
        word = word.replace(letters, canonical)
    own_h = word.endswith("h'")
    word = word.translate(table.letters)
    if own_h:
        return word
    return word[:-1] if word.endswith("h") and word[-2:-1] in _SHORT else word


def _arabic(word: str, is_last: bool) -> str:
    table = spelling()
    if word.startswith(ARTICLE) and len(word) > 3:
        word = word[2:]
    if word[0] == _ALEF and len(word) > 1:
        word = word[1:]  # it bears a short vowel
    ending = ""
    if word.endswith(TEH_AS_HEH) and len(word) > 2:
        word, ending = word[:-1], "a" if is_last else "t"
    body = "".join(
        _LONG.get(letter) or table.skeleton.get(ord(letter), letter if letter.isascii() else "")
        for letter in word
    )
    return body + ending


def _single(sound: str) -> str:
    kept: list[str] = []
    for char in sound:
        if not kept or kept[-1] != char:
            kept.append(char)
    return "".join(kept)


def best_likeness(query: str, forms: Sequence[str]) -> float:
    """The likeness to the most similar of the forms; 0 where there is none."""
    return max((likeness(query, form) for form in forms), default=0.0)
