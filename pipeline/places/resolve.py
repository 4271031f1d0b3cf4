"""Which of the places of one name a mention means.

Words beside the name say which kind is meant (the countryside of Hama is no town).  Named units and
countries draw the places inside them, places named together draw each other, the group's home and the
number of inhabitants come last.  What stays open stays open: the candidates keep their shares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pipeline.places.gazetteer import SETTLEMENTS, UNITS, Gazetteer, kilometres
from pipeline.places.recognize import WANTED, Found
from pipeline.records import Candidate

KIND_PRIOR: Final = {
    "country": 6.5, "governorate": 4.6, "region": 4.0, "river": 4.0, "sea": 4.5, "mountain": 3.2,
    "island": 3.5, "quarter": 2.0, "crossing": 3.0, "airport": 3.0, "camp": 2.6, "dam": 3.0, "facility": 2.4,
}  # fmt: skip
MOST_OF_UNIT: Final = 4.4  # districts count less than the governorate
LEAST_POPULATION: Final = 300  # of a settlement whose inhabitants nobody counted
NEAR_KM: Final = 30.0
WIDE_KM: Final = 150.0
NEAR_WEIGHT: Final = 5.0
WIDE_WEIGHT: Final = 1.0
INSIDE: Final = 1.6  # a named unit draws the places inside it
IN_COUNTRY: Final = 1.2
VOTE: Final = 1.0
HOME: Final = 2.6
REGION: Final = 1.0
CUE: Final = 2.5
SEAT: Final = 3.0  # a bare name is the town and not the unit that is named after it
SHARPNESS: Final = 1.6  # of the softmax; one step of the score, a tenfold population, is a factor of five
SURE_SHARE: Final = 0.65
ONE_SPOT_KM: Final = 15.0  # candidates this close leave no doubt that matters
_UNIT_CUES: Final = frozenset({"unit", "part"})
UNIT_KM: Final = 200.0  # a unit and the town that it is named after are not further apart
MOST_RIVALS: Final = 60
MOST_NEIGHBORS: Final = 16
FARTHEST_NEIGHBOR: Final = 256  # names between two
MOST_CANDIDATES: Final = 5
LEAST_SHARE: Final = 0.01
NO_SHARE: Final = 0.001  # too little to raise doubt


class Resolved(Struct, frozen=True):
    """The candidates of a mention with their shares, best first, and what decided."""

    candidates: tuple[tuple[int, float], ...]
    ambiguous: bool
    decided: str


class Alone(Struct, frozen=True, eq=False):
    """The places of one name before other names are asked; kept, and told apart by identity."""

    scores: dict[int, float]
    shares: dict[int, float]


class Setting(Struct, frozen=True):
    """Where the group lives, and the region of interest around it."""

    home: frozenset[str]
    region: frozenset[str]


def resolve(found: Sequence[Found], gazetteer: Gazetteer, setting: Setting) -> list[Resolved]:
    """One result for each name found, in order; names of one post decide together."""
    base = [_alone(one.places, one.cues, one.tier, gazetteer, setting) for one in found]
    if all(len(one.places) == 1 for one in found):
        return [_only(one.places[0]) for one in found]
    if len(found) == 1:
        return [_decided(base[0].scores, base[0].scores, gazetteer, found[0], "")]
    context = _Context(found, base, gazetteer)
    return [
        _only(one.places[0])
        if len(one.places) == 1
        else _decided(alone.scores, context.scores(number), gazetteer, one, context.reason(number))
        for number, (one, alone) in enumerate(zip(found, base, strict=True))
    ]


def candidates_of(resolved: Resolved, gazetteer: Gazetteer) -> tuple[Candidate, ...]:
    """The candidates as records."""
    return tuple(Candidate(gazetteer.place(number), share) for number, share in resolved.candidates)


@lru_cache(maxsize=1 << 14)
def _only(number: int) -> Resolved:
    return Resolved(((number, 1.0),), False, "only place of the name")


@lru_cache(maxsize=1 << 14)
def _alone(
    places: tuple[int, ...], cues: tuple[str, ...], tier: int, gazetteer: Gazetteer, setting: Setting
) -> Alone:
    """Score of each place of the name by itself: kind, inhabitants, home, and the words beside the name."""
    places = places[:MOST_RIVALS]
    kinds = [gazetteer.kind(number) for number in places]
    towns = [
        number
        for number, kind in zip(places, kinds, strict=True)
        if kind in SETTLEMENTS and kind != "quarter"
    ]
    wants = [WANTED[cue] for cue in cues if cue in WANTED]
    scores: dict[int, float] = {}
    for number, kind in zip(places, kinds, strict=True):
        score = KIND_PRIOR.get(kind)
        population = gazetteer.populations[number]
        if score is not None:
            score = max(score, math.log10(population + 1) - 2.5)
        else:
            score = math.log10(max(population, LEAST_POPULATION))
            if kind in UNITS:
                score = min(score - 0.6, MOST_OF_UNIT)
        country = gazetteer.country(number)
        if kind != "country":
            if country in setting.home:
                score += HOME
            elif country in setting.region:
                score += REGION
        if any(kind in wanted for wanted in wants):
            score += CUE
        elif kind not in UNITS or not any(_is_seat(town, number, kind, gazetteer) for town in towns):
            pass
        elif "part" in cues or not any("governorate" in wanted for wanted in wants):
            score -= SEAT
        else:
            score += 0.6 * CUE  # the countryside of a town that is no governorate: its district
        if kind in SETTLEMENTS and "governorate" in kinds and not _UNIT_CUES.isdisjoint(cues):
            score -= SEAT  # northern Hama is no town
        score -= 0.2 * tier
        scores[number] = score
    return Alone(scores, _shares(scores))


def _is_seat(town: int, unit: int, kind: str, gazetteer: Gazetteer) -> bool:
    """Whether a town of the same name lies in the unit, so that a bare name means the town."""
    if kind != "governorate":
        return gazetteer.country(town) == gazetteer.country(unit)
    return gazetteer.place(town).admin1 in {None, gazetteer.place(unit).name_en} and gazetteer.country(
        town
    ) == gazetteer.country(unit)


class _Context:
    """What the other names of a post say about each name."""

    def __init__(self, found: Sequence[Found], base: Sequence[Alone], gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._found = found
        self._base = base
        self._reasons: list[str] = [""] * len(found)

    def scores(self, number: int) -> dict[int, float]:
        """The scores of one name with the pull of the others added."""
        own = self._base[number].scores
        if len(own) == 1:
            return own
        others = self._neighbors(number)
        pulled: dict[int, float] = {}
        pulls: dict[int, tuple[float, float, float]] = {}
        gazetteer = self._gazetteer
        for place, score in own.items():
            near = inside = vote = 0.0
            for other in others:
                near_other, inside_other, vote_other = _pull(place, self._base[other], gazetteer)
                near += near_other
                inside = max(inside, inside_other)
                vote += vote_other
            near = min(near, NEAR_WEIGHT + WIDE_WEIGHT) if gazetteer.kind(place) != "country" else 0.0
            vote = VOTE * math.log1p(vote)
            pulled[place] = score + near + inside + vote
            pulls[place] = (near, inside, vote)
        best = max(pulled, key=lambda place: (pulled[place], -place))
        values = dict(zip(("co-mention", "containment", "country"), pulls[best], strict=True))
        top = max(values, key=lambda reason: values[reason])
        self._reasons[number] = top if values[top] > 0.5 else ""
        return pulled

    def _neighbors(self, number: int) -> list[int]:
        """The nearest names that can mean other places, nearest first; a far one says nothing."""
        found, own = self._found, self._found[number].places
        others: list[int] = []
        for distance in range(1, min(len(found), FARTHEST_NEIGHBOR)):
            pair = (number - distance, number + distance)
            others += [other for other in pair if 0 <= other < len(found) and found[other].places != own]
            if len(others) >= MOST_NEIGHBORS:
                break
        return others[:MOST_NEIGHBORS]

    def reason(self, number: int) -> str:
        """The strongest pull on the place that won."""
        return self._reasons[number]


@lru_cache(maxsize=1 << 17)
def _pull(place: int, other: Alone, gazetteer: Gazetteer) -> tuple[float, float, float]:
    """(nearness, containment, country vote) of another name for a place."""
    lat, lon = gazetteer.lats[place], gazetteer.lons[place]
    country = gazetteer.country(place)
    near = inside = vote = 0.0
    rivals = other.shares
    for rival, share in rivals.items():
        kind = gazetteer.kind(rival)
        if gazetteer.country(rival) == country:
            vote += share
        if kind == "country":
            if rival != place and gazetteer.country(rival) == country:
                inside = max(inside, IN_COUNTRY * share)
            continue
        if kind == "governorate":
            admin1 = gazetteer.place(place).admin1
            if admin1 and admin1 == gazetteer.place(rival).name_en and gazetteer.country(rival) == country:
                inside = max(inside, INSIDE * (share if share > 0.3 else 0.3))
            continue
        km = kilometres(lat, lon, gazetteer.lats[rival], gazetteer.lons[rival])
        if km < 4 * WIDE_KM and rival != place:
            pull = NEAR_WEIGHT * math.exp(-km / NEAR_KM) + WIDE_WEIGHT * math.exp(-km / WIDE_KM)
            near = max(near, pull / math.sqrt(len(rivals)))
    return near, inside, vote


def _shares(scores: dict[int, float]) -> dict[int, float]:
    best = max(scores.values())
    powers = {number: math.exp(SHARPNESS * (score - best)) for number, score in scores.items()}
    total = sum(powers.values())
    return {number: power / total for number, power in powers.items()}


def _decided(
    alone: dict[int, float], pulled: dict[int, float], gazetteer: Gazetteer, one: Found, reason: str
) -> Resolved:
    shares = _shares(pulled)
    ranked = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    best = ranked[0][0]
    doubt = sum(
        share
        for other, share in ranked[1:]
        if share > NO_SHARE
        and _apart(other, best, gazetteer) > ONE_SPOT_KM
        and not _is_unit_of(other, best, gazetteer)
    )
    kept = tuple(
        (number, math.floor(share * 10_000) / 10_000)
        for number, share in ranked[:MOST_CANDIDATES]
        if share >= LEAST_SHARE
    )
    return Resolved(kept, doubt > 1 - SURE_SHARE, _decision(alone, best, gazetteer, one, reason))


def _is_unit_of(unit: int, place: int, gazetteer: Gazetteer) -> bool:
    """Whether the one is the unit that is named after the other, so that both tell of one area."""
    return (
        (gazetteer.kind(unit) in UNITS) != (gazetteer.kind(place) in UNITS)
        and gazetteer.country(unit) == gazetteer.country(place)
        and _apart(unit, place, gazetteer) < UNIT_KM
    )


def _apart(one: int, other: int, gazetteer: Gazetteer) -> float:
    lats, lons = gazetteer.lats, gazetteer.lons
    return kilometres(lats[one], lons[one], lats[other], lons[other])


def _decision(alone: dict[int, float], best: int, gazetteer: Gazetteer, one: Found, reason: str) -> str:
    if reason and max(alone, key=lambda place: (alone[place], -place)) != best:
        return f"decided by {reason}"
    kind = gazetteer.kind(best)
    for cue in one.cues:
        if cue in WANTED and kind in WANTED[cue]:
            return f"decided by {cue} word"
    if reason:
        return f"decided by {reason}"
    if kind in SETTLEMENTS and any(gazetteer.kind(number) in UNITS for number in alone):
        return "decided by seat"
    return "decided by home and population"
