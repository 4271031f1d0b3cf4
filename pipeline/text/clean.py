"""Text for people to read: the same letters, without what cannot be seen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from pipeline.text.fold import ARABIC_BLOCKS, Table, apply, codes_of, inside, table_of, text_of

_TATWEEL: Final = "\N{ARABIC TATWEEL}"
_KEPT_CONTROLS: Final = {"\n", "\t"}
_KEPT_FORMATS: Final = (
    (0x0600, 0x0606),
    (0x06DD, 0x06DE),
    (0x0890, 0x0892),
    (0x08E2, 0x08E3),
    (0x200C, 0x200E),
)
_EMOJI_TAGS: Final = ((0xE0020, 0xE0080),)
_WORD_SIGNS: Final = ((0xFDFA, 0xFE00),)  # honorifics and the basmala, shown as one sign


def clean_batch(texts: Sequence[str]) -> list[str]:
    """Display-safe text: invisible signs and tatweel gone, presentation forms undone, no letter changed.

    Kept are harakat, hamza, Persian and Kurdish letters, digits, punctuation, elongation, emoji, the
    zero-width joiner and non-joiner, line breaks (as line feeds), and the tatweel of the Hijri
    abbreviation (a heh with tatweel at the end of a word).  The result is in NFC.

    >>> clean_batch(["العـــربية", "1445 هـ"])
    ['العربية', '1445 هـ']
    """
    joined = "\n".join((*texts, ""))
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1, out=starts[1:])
    codes, origin = apply(_cleaning(), codes_of(joined))
    text = text_of(codes)
    if _TATWEEL in text:
        kept = codes != ord(_TATWEEL)
        kept[[at for at in map(re.Match.start, _HIJRI_TATWEEL.finditer(text)) if not _marked(text, at)]] = (
            True
        )
        codes, origin = codes[kept], origin[kept]
        text = text_of(codes)
    bounds = np.searchsorted(origin, starts).tolist()
    cleaned = [text[start : end - 1] for start, end in pairwise(bounds)]
    if "\r" in joined or not unicodedata.is_normalized("NFC", text):
        return [
            unicodedata.normalize("NFC", post.replace("\r\n", "\n").replace("\r", "\n")) for post in cleaned
        ]
    return cleaned


def _marked(text: str, at: int) -> bool:
    """Whether a combining mark of any script stands on a letter."""
    return at + 1 < len(text) and unicodedata.combining(text[at + 1]) != 0


# A heh, one tatweel, and then no letter, mark or further tatweel.
_HIJRI_TATWEEL: Final = re.compile(
    "(?<=\N{ARABIC LETTER HEH})\N{ARABIC TATWEEL}"
    "(?![\\w\N{ARABIC FATHATAN}-\N{ARABIC WAVY HAMZA BELOW}\N{ARABIC LETTER SUPERSCRIPT ALEF}])"
)


@cache
def _cleaning() -> Table:
    """What `clean_batch` changes, code point by code point, but for tatweel and carriage returns."""
    blocks = (
        (0x00, 0xA1),
        (0xAD, 0xAE),
        (0x0600, 0x0700),
        (0x0870, 0x0900),
        (0x1680, 0x1681),
        (0x180E, 0x180F),
    )
    astral = (
        (0x110BD, 0x110CE),
        (0x13430, 0x13440),
        (0x1BCA0, 0x1BCA4),
        (0x1D173, 0x1D17B),
        (0xE0001, 0xE0002),
    )
    changes: dict[int, str] = {}
    for first, last in (*blocks, (0x2000, 0x2070), (0x3000, 0x3001), (0xFB50, 0x10000), *astral):
        for code in range(first, last):
            char = chr(code)
            cleaned = _clean(char)
            if cleaned != char:
                changes[code] = cleaned
    return table_of(changes)


def _clean(char: str) -> str:
    code, category = ord(char), unicodedata.category(char)
    if char == "\r":
        return char
    if category == "Cc" and char not in _KEPT_CONTROLS:
        return " " if char.isspace() else ""
    if category in {"Zl", "Zp"}:
        return "\n"
    if category == "Zs":
        return " "
    if category == "Cf" and not inside(code, _KEPT_FORMATS) and not inside(code, _EMOJI_TAGS):
        return ""
    if code >= 0xFB50 and inside(code, ARABIC_BLOCKS) and not inside(code, _WORD_SIGNS):
        letters = unicodedata.normalize("NFKC", char)
        lone = len(letters) > 1 and letters[0] in {" ", _TATWEEL} and unicodedata.combining(letters[1])
        return letters[1:] if lone else letters
    return char
