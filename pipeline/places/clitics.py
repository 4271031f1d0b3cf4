"""Clitics of Arabic words: and, so, with, to, like, and the dialect's on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.places.keys import ALEF, ARTICLE, LAM, spelling

WAW: Final = "\N{ARABIC LETTER WAW}"
FEH: Final = "\N{ARABIC LETTER FEH}"
BEH: Final = "\N{ARABIC LETTER BEH}"
KAF: Final = "\N{ARABIC LETTER KAF}"
AIN: Final = "\N{ARABIC LETTER AIN}"
MIN_STEM: Final = 2


def stems(surface: str) -> Iterator[tuple[str, int, str]]:
    """(stem, letters stripped, clitic) of every way to take clitics off an Arabic word, none first.

    >>> [(stem, strip) for stem, strip, _ in stems("وبحلب")]
    [('وبحلب', 0), ('بحلب', 1), ('حلب', 2)]
    """
    yield surface, 0, ""
    at = 0
    if surface[:1] in {WAW, FEH} and (len(surface) > MIN_STEM + 1 or surface[1:] in spelling().short_heads):
        at = 1
        yield surface[1:], 1, "w"
    rest = surface[at:]
    if len(rest) <= MIN_STEM:
        return
    if rest.startswith(LAM + LAM):
        yield ALEF + rest[1:], at + 1, "l"  # the second lam is the article's: lil-bab
        yield ARTICLE + rest[1:], at + 1, "l"  # the name has a lam of its own: lil-ladhiqiya
    if rest[0] in {BEH, LAM, KAF}:
        yield rest[1:], at + 1, {BEH: "b", LAM: "l", KAF: "k"}[rest[0]]
    elif rest[0] == AIN and rest.startswith(AIN + ARTICLE):
        yield rest[1:], at + 1, "b"
    elif rest[0] == AIN and len(rest) > MIN_STEM + 1:
        yield rest[1:], at + 1, "a"  # the dialect's on, before a name without article
