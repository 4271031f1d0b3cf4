"""Which of the names that a gazetteer lists for a place are worth finding, and in which form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from pipeline.places.keys import is_arabic

ARAB: Final = frozenset("SY IQ LB JO PS EG YE LY SA KW AE QA BH OM SD TN DZ MA MR SO".split())  # noqa: SIM905
_OTHER_LETTERS: Final = re.compile("[^\u0621-\u063a\u0641-\u0652\u0670\\s\\d-]")  # no letters of Arabic
_BRACKETS: Final = re.compile(r"\s*[(\[]([^)\]]*)[)\]]\s*")
_PARTS: Final = re.compile(r"\s*[/;\u061b]\s*|\s+[-\u2013]\s+")
_AFTER_COMMA: Final = re.compile(r"\s*[,\u060c].*", re.DOTALL)
_LONGEST: Final = 60


def clean_names(names: Iterable[str]) -> list[str]:
    """The names one by one: those in brackets or after a slash apart, what follows a comma left out.

    >>> clean_names(["Hasaka (Al Haksa)", "هيت، عراق", "Tell Abiad / Gire Spi", "ORAT"])
    ['Hasaka', 'Al Haksa', 'هيت', 'Tell Abiad', 'Gire Spi']
    """
    return list(dict.fromkeys(name for raw in names for name in _parts(raw) if is_usable(name)))


def _parts(raw: str) -> Iterator[str]:
    inside = _BRACKETS.findall(raw) if "(" in raw or "[" in raw else []
    bare = _BRACKETS.sub(" ", raw) if inside else raw
    for text in (bare, *inside):
        for part in _PARTS.split(text):
            name = _AFTER_COMMA.sub("", part).strip(" \t-_.'\"")
            if 1 < len(name) <= _LONGEST:
                yield name


def is_usable(name: str) -> bool:
    """Whether a name is a word in Arabic or Latin script, and not a code such as LON or SYDAM."""
    if len(name) < 2:
        return False
    if is_arabic(name):
        return True
    first = next((char for char in name if char.isalpha()), "")
    if not first or not unicodedata.name(first, "").startswith(("LATIN", "MODIFIER")):
        return False
    return not (name.isupper() or name.islower())


def is_pure_arabic(name: str) -> bool:
    """Whether a name is written with letters of Arabic only, not of Persian, Urdu or Kurdish.

    >>> is_pure_arabic("كركوك"), is_pure_arabic("کرکوک")
    (True, False)
    """
    return is_arabic(name) and not _OTHER_LETTERS.search(name)


def main_arabic(names: Iterable[str]) -> str:
    """The first name in letters of Arabic, else the first in Arabic script, else an empty string."""
    arabic = [name for name in names if is_arabic(name)]
    return next(filter(is_pure_arabic, arabic), arabic[0] if arabic else "")
