"""What each code point becomes in folded text, as a function and as a table for whole batches."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.data import rows

CODE_POINTS: Final = 0x110000
ARABIC_BLOCKS: Final = (
    (0x0600, 0x0700),
    (0x0750, 0x0780),
    (0x0870, 0x0900),
    (0xFB50, 0xFE00),
    (0xFE70, 0xFF00),
    (0x10EC0, 0x10F00),
)
LATIN_BLOCKS: Final = ((0x41, 0x250), (0x250, 0x2B0), (0x1E00, 0x1F00), (0x2C60, 0x2C80), (0xA720, 0xA800))

# Every code point that can change lies in one of these; a test looks at all the others.
CHANGING: Final = (
    (0x0000, 0x3400),
    (0xA620, 0xAC00),
    (0xF900, 0x12000),
    (0x13430, 0x13460),
    (0x16100, 0x16140),
    (0x16A00, 0x16F00),
    (0x1BCA0, 0x1BCA4),
    (0x1CC00, 0x1CE00),
    (0x1D100, 0x1D800),
    (0x1E000, 0x1EF00),
    (0x1F100, 0x1F300),
    (0x1FBF0, 0x1FBFA),
    (0x2F800, 0x2FA20),
    (0xE0000, 0xE0200),
)
_ACCENTS: Final = ((0x0300, 0x0370), (0x1AB0, 0x1B00), (0x1DC0, 0x1E00), (0xFE20, 0xFE30))
_UNSEEN_MARKS: Final = ((0x0591, 0x05C8), (0x180B, 0x1810), (0xFE00, 0xFE10), (0xE0100, 0xE01F0))
_LONE_MARKS: Final = ((0xFC5E, 0xFC64), (0xFE70, 0xFE80))  # NFKC seats them on a space or a tatweel
_LINE_BREAKS_AND_TABS: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"


def inside(code: int, blocks: tuple[tuple[int, int], ...]) -> bool:
    """Whether `code` lies in one of the half-open ranges.

    >>> inside(0x0627, ARABIC_BLOCKS), inside(0x0700, ARABIC_BLOCKS)
    (True, False)
    """
    return any(first <= code < last for first, last in blocks)


@cache
def fold(char: str) -> str:
    """What one code point folds to: nothing, itself, one other or several; each of those folds to itself.

    Three have a say: our table of deviations, then pyarabic for the Arabic block, then Unicode
    (compatibility forms, digits, case, accents).

    >>> [fold(char) for char in "إA٣"]
    ['ا', 'a', '3']
    """
    known = _deviations().get(char)
    if known is not None:
        return known
    canonical = unicodedata.normalize("NFC", char)
    if canonical != char:  # another code point for the same thing, such as the Kelvin sign
        return "".join(map(fold, canonical))
    if 0x0600 <= ord(char) < 0x0700 or 0xFEF5 <= ord(char) <= 0xFEFC:
        folded = by_pyarabic(char)
        if folded != char:
            return folded
    return _by_unicode(char)


def by_pyarabic(text: str) -> str:
    """pyarabic's own view of Arabic text.  Each of these looks at one letter at a time.

    `normalize_searchtext` is not asked: it turns alef maksura into alef (pyarabic issue 39), where
    `normalize_spellerrors` makes it yeh.
    """
    from pyarabic import araby, normalize, trans  # noqa: PLC0415  10 ms that a reader of exports need not pay

    text = araby.strip_diacritics(text)
    text = araby.strip_tatweel(text)
    text = araby.normalize_ligature(text)
    text = araby.normalize_hamza(text, method="tasheel")
    text = normalize.normalize_spellerrors(text)
    text = araby.normalize_alef(text)
    return str(trans.normalize_digits(text))


@cache
def _deviations() -> dict[str, str]:
    return {chr(int(row["code"], 16)): _from_hex(row["ours"]) for row in rows("fold")}


def _from_hex(codes: str) -> str:
    return "".join(chr(int(code, 16)) for code in codes.split())


def _by_unicode(char: str) -> str:
    category = unicodedata.category(char)
    code = ord(char)
    if category in {"Cs", "Cn", "Co"}:
        return char
    if category == "Cc":
        return " " if char in _LINE_BREAKS_AND_TABS else ""
    if category[0] == "Z":
        return " "
    if category == "Cf":
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Mn" and (
        inside(code, ARABIC_BLOCKS) or inside(code, _ACCENTS) or inside(code, _UNSEEN_MARKS)
    ):
        return ""
    letters = unicodedata.normalize("NFKC", char).casefold()
    if inside(code, _LONE_MARKS):
        letters = letters.replace(" ", "")
    parts = unicodedata.normalize("NFKD", letters)
    if not parts.isascii():
        bare = "".join(part for part in parts if not inside(ord(part), _ACCENTS))
        if bare != parts:
            letters = unicodedata.normalize("NFC", bare)
    return letters if letters == char else "".join(map(fold, letters))


class Table(Struct, frozen=True):
    """A map from code points to code points, laid out for numpy.

    `one[c]` is the code point for `c`, or DELETED, or MANY; then `many` says what stands for it.
    """

    one: NDArray[np.uint32]  # shape (CODE_POINTS,)
    many: dict[int, NDArray[np.uint32]]


DELETED: Final = 0xFFFFFFFF
MANY: Final = 0xFFFFFFFE


def table_of(changes: dict[int, str]) -> Table:
    """The table of a map from code points to strings; what is not named stays."""
    one = np.arange(CODE_POINTS, dtype=np.uint32)
    many: dict[int, NDArray[np.uint32]] = {}
    for code, text in changes.items():
        if len(text) == 1:
            one[code] = ord(text)
        elif text:
            one[code] = MANY
            many[code] = codes_of(text)
        else:
            one[code] = DELETED
    return Table(one, many)


@cache
def folding() -> Table:
    """`fold` for every code point."""
    return table_of({ord(char): folded for char in _changing() if (folded := fold(char)) != char})


def _changing() -> list[str]:
    """Code points that may change, cheaply told from the many that cannot."""
    category, normalize = unicodedata.category, unicodedata.normalize
    plain = {
        "Lo",
        "So",
        "Po",
        "Mc",
        "Sm",
        "Cn",
        "Co",
        "Cs",
        "Lm",
        "Ll",
        "No",
        "Nl",
        "Sk",
        "Sc",
        "Ps",
        "Pe",
    }
    return [
        char
        for first, last in CHANGING
        for char in map(chr, range(first, last))
        if char in _deviations()
        or category(char) not in plain
        or normalize("NFKD", char) != char
        or char.casefold() != char
        or 0x0600 <= ord(char) < 0x0700
    ]


def codes_of(text: str) -> NDArray[np.uint32]:
    """The code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: NDArray[np.uint32]) -> str:
    """The text of code points, lone surrogates included."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def apply(table: Table, codes: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """The mapped code points, and for each the index in `codes` that it came from."""
    mapped = table.one.take(codes)
    kept = mapped != DELETED
    origin = np.flatnonzero(kept).astype(np.int32)
    mapped = mapped[kept]
    expand = np.flatnonzero(mapped == MANY)
    if not expand.size:
        return mapped, origin
    pieces: list[NDArray[np.uint32]] = []
    sources: list[NDArray[np.int32]] = []
    done = 0
    for at in expand.tolist():
        source = int(origin[at])
        letters = table.many[int(codes[source])]
        pieces += (mapped[done:at], letters)
        sources += (origin[done:at], np.full(letters.size, source, np.int32))
        done = at + 1
    pieces.append(mapped[done:])
    sources.append(origin[done:])
    return np.concatenate(pieces), np.concatenate(sources)
