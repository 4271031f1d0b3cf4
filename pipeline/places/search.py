"""A name in any spelling or script to the places that can bear it, the most similar first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pipeline.places.keys import is_arabic, k0, k1, k2, names_words, readings
from pipeline.places.names import clean_names
from pipeline.places.sounds import best_likeness

if TYPE_CHECKING:
    from pipeline.places.gazetteer import Gazetteer

TIERS: Final = ("letters", "romanisation", "skeleton", "near")
MARGINS: Final = (0.03, 0.03, 0.01, 0.01)  # by tier: as far below the best as a place may be
LEAST: Final = 0.82
ENOUGH: Final = 0.92  # above, no spelling that is one letter off is looked for
MIN_NEAR: Final = 5  # letters of a key that may be one letter off
_LETTERS: Final = "AUbtjxdrzs$gfklmnhwy"
_MOST: Final = 400  # places that are compared


def search(gazetteer: Gazetteer, name: str, countries: Collection[str] = ()) -> list[tuple[int, str, float]]:
    """(place, tier, similarity) of the places that the name can mean; those near the best one only.

    `countries` are ISO codes outside which nothing is looked for; none stands for the world.
    """
    scored: dict[int, tuple[float, int]] = {}
    for part in clean_names([name]) or [name]:
        words = names_words([part])[0]
        if words:
            for number, (likeness, tier) in _scored(gazetteer, words).items():
                if not countries or gazetteer.country(number) in countries:
                    scored[number] = max(scored.get(number, (0.0, 0)), (likeness, tier))
    if not scored:
        return []
    best = max(likeness for likeness, _ in scored.values())
    populations, curated = gazetteer.populations, gazetteer.curated
    kept = [
        (number, TIERS[tier], round(likeness, 3))
        for number, (likeness, tier) in scored.items()
        if likeness >= max(LEAST, best - MARGINS[tier])
    ]
    return sorted(kept, key=lambda one: (-one[2], -curated[one[0]], -populations[one[0]], one[0]))


def _scored(gazetteer: Gazetteer, words: list[str]) -> dict[int, tuple[float, int]]:
    """Likeness and tier by place."""
    query = " ".join(words)
    found = dict.fromkeys(gazetteer.names(k0(words)), (1.0, 0))
    ways = readings(words)
    spelled = [] if is_arabic(words[0]) else [k1(way) for way in ways]
    skeletons = [k2(way) for way in ways]
    for tier, keys in ((1, spelled), (2, skeletons)):
        _compare(gazetteer, query, _named(gazetteer, keys, tier), tier, found)
    if max((likeness for likeness, _ in found.values()), default=0.0) < ENOUGH:
        for tier, keys in ((1, spelled), (2, skeletons)):
            near = [other for key in keys if len(key) >= MIN_NEAR for other in _one_off(key)]
            _compare(gazetteer, query, _named(gazetteer, near, tier), 3, found)
    return found


def _named(gazetteer: Gazetteer, keys: Iterable[str], tier: int) -> list[int]:
    """Places that bear one of the keys, also those that are too short for running text."""
    numbers = {n for key in keys if key for t in (tier, tier + 2) for n in gazetteer.names(key, t)}
    return sorted(numbers)


def _compare(
    gazetteer: Gazetteer, query: str, numbers: Sequence[int], tier: int, found: dict[int, tuple[float, int]]
) -> None:
    for number in numbers[:_MOST]:
        if number not in found:
            found[number] = (min(0.999, best_likeness(query, gazetteer.forms(number))), tier)


def _one_off(key: str) -> Iterator[str]:
    """Keys with one letter more, less or another."""
    for at in range(len(key) + 1):
        head, tail = key[:at], key[at:]
        if tail:
            yield head + tail[1:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail and tail[0] != letter:
                yield head + letter + tail[1:]
