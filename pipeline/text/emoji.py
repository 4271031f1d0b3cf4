"""Emoji of a batch of raw posts, each a whole sequence."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipeline.data import rows
from pipeline.text.fold import CODE_POINTS

_KEYCAP, _SELECTOR, _TEXT_SELECTOR, _JOINER = "\u20e3", "\ufe0f", "\ufe0e", "\N{ZERO WIDTH JOINER}"
_FLAG_LETTERS = (0x1F1E6, 0x1F1FF)
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_TAGS = "\U000e0020-\U000e007f"


def find_emoji(joined: str, codes: NDArray[np.uint32]) -> list[tuple[int, int]]:
    """Where emoji stand in a text, sorted and disjoint; `codes` are the code points of the text.

    A sequence is one emoji: joined families, skin tones, flags of countries and of regions, keycaps.  A sign
    that is text by nature (an arrow, the copyright sign) is one only with the emoji selector behind it.

    >>> from pipeline.text.fold import codes_of
    >>> text = "👨‍👩‍👧 1️⃣ 🇸🇾👍🏽 ©"
    >>> [text[start:end] for start, end in find_emoji(text, codes_of(text))]
    ['👨\u200d👩\u200d👧', '1️⃣', '🇸🇾', '👍🏽']
    """
    found: list[tuple[int, int]] = []
    done = 0
    for at in np.flatnonzero(_may_begin().take(codes)).tolist():
        if at < done:
            continue
        first = at
        if joined[at] == _KEYCAP:  # told by its end, which is rarer than digits
            first = at - 2 if joined[at - 1 : at] == _SELECTOR else at - 1
        match = _sequence().match(joined, first) if first >= done else None
        if match is not None:
            done = match.end()
            found.append((first, done))
    return found


@cache
def _may_begin() -> NDArray[np.bool_]:
    flags = np.zeros(CODE_POINTS, bool)
    for row in rows("emoji"):
        flags[int(row["first"], 16) : int(row["last"], 16) + 1] = True
    flags[_FLAG_LETTERS[0] : _FLAG_LETTERS[1] + 1] = True
    flags[ord(_KEYCAP)] = True
    return flags


@cache
def _sequence() -> re.Pattern[str]:
    """UTS #51, ED-17 of the emoji sequences, with the selector optional where people leave it out."""
    ranges: dict[str, str] = {"always": "", "selected": ""}
    for row in rows("emoji"):
        first, last = chr(int(row["first"], 16)), chr(int(row["last"], 16))
        ranges[row["shown"]] += f"{first}-{last}"
    dressed = rf"(?:{_SELECTOR}|[{_SKIN_TONES}]|(?!{_TEXT_SELECTOR}))(?:[{_TAGS}]+)?"
    first = rf"(?:[{ranges['always']}]{dressed}|[{ranges['selected']}]{_SELECTOR})"
    further = rf"[{ranges['always']}{ranges['selected']}]{dressed}"
    flag = f"[{chr(_FLAG_LETTERS[0])}-{chr(_FLAG_LETTERS[1])}]{{2}}"
    return re.compile(rf"[0-9#*]{_SELECTOR}?{_KEYCAP}|{flag}|{first}(?:{_JOINER}{further})*")
