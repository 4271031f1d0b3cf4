"""The words of a hashtag."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from pipeline.data import rows

_LOWER: Final = "a-zß-öø-ÿœışğ"
_UPPER: Final = "A-ZÀ-ÖØ-ÞŒİŞĞ"
_ARABIC: Final = "\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff\u0750-\u077f"
_YEAR: Final = r"(?:19|20)\d\d(?!\d)"
# Between a small letter and a capital (but not in iPhone); before the last of several capitals (UNHCRReport);
# before and after a year; between Arabic and Latin letters.
_PARTING: Final = re.compile(
    rf"(?<=[{_LOWER}][{_LOWER}])(?=[{_UPPER}])|(?<=[{_UPPER}][{_LOWER}])(?=[{_UPPER}])"
    rf"|(?<=[{_UPPER}])(?=[{_UPPER}][{_LOWER}]{{2}})"
    rf"|(?<=[^\W\d_]{{2}})(?={_YEAR})|(?<=(?:19|20)\d\d)(?<!\d\d\d\d\d)(?=[^\W\d_]{{2}})"
    rf"|(?<=[{_ARABIC}])(?=[{_LOWER}{_UPPER}])|(?<=[{_LOWER}{_UPPER}])(?=[{_ARABIC}])"
)


def hashtag_words(name: str) -> str:
    """A hashtag's name with single spaces where its words part: at low lines and in CamelCase.

    Words that are only written together cannot be told apart and stay so; no letter is changed.

    >>> [hashtag_words(name) for name in ("ريف_حماة", "SaveAleppo", "UNHCRReport2016", "iPhone", "YouTube")]
    ['ريف حماة', 'Save Aleppo', 'UNHCR Report 2016', 'iPhone', 'YouTube']
    """
    if "_" not in name and name.isascii() and (name.islower() or name.isupper()) and name.isalpha():
        return name
    words = name.replace("_", " ").split()
    return " ".join(_word(word) for word in words)


def _word(word: str) -> str:
    return word if word.lower() in _whole() else _PARTING.sub(" ", word)


@cache
def _whole() -> frozenset[str]:
    return frozenset(row["name"].lower() for row in rows("hashtag_whole"))
