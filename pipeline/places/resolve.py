"""Which of the places of one name a mention means.

Words beside the name say which kind is meant (the countryside of Hama is no town).  Named units and
countries draw the places inside them, places named together draw each other, the group's home and the
number of inhabitants come last.  What stays open stays open: the candidates keep their shares.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from operator import add
from typing import Final, NamedTuple, TypeVar

from msgspec import Struct

from pipeline.places.cues import WANTED
from pipeline.places.gazetteer import SETTLEMENTS, UNITS, Gazetteer, kilometres
from pipeline.records import Candidate

KIND_PRIOR: Final = {
    "country": 6.5, "governorate": 4.6, "region": 4.0, "river": 4.0, "sea": 4.5, "mountain": 3.2,
    "island": 3.5, "quarter": 2.6, "crossing": 3.0, "airport": 3.0, "camp": 2.6, "dam": 3.0, "facility": 2.4,
}  # fmt: skip
MOST_OF_UNIT: Final = 4.4  # districts count less than the governorate
LEAST_POPULATION: Final = 300  # of a settlement whose inhabitants nobody counted
LEAST_OF_CITY: Final = 15_000  # of one that our tables call a city
SCALES: Final = (
    (8.0, 0.3 / 8**2),
    (30.0, 0.4 / 30**2),
    (150.0, 0.2 / 150**2),
)  # km; of places named together
BY_CHANCE: Final = 1e-5
NEARNESS: Final = 0.8
WIDEST_KM: Final = 600.0  # further off, places say nothing of one another but by their country
STEPS: Final = 4
DEGREE_KM: Final = 111.2  # of latitude
MOST_POINTS: Final = 24  # places of a neighbor that are asked
CLEAR: Final = 6.0  # a margin of scores, e^9.6, that leaves nothing to share
CLEAR_SHARE: Final = 0.999
PULLS: Final = ("co-mention", "containment", "country")
OPEN: Final = 1.5  # a margin of scores that leaves doubt
INSIDE: Final = 2.4  # a named unit draws the places inside it
HOLDS: Final = 3.0  # and a named place its unit, whose own point tells little
IN_COUNTRY: Final = 1.2
VOTE: Final = 1.0
HOME: Final = 2.6
HOME_UNIT: Final = 1.5  # more, where the governorate is told as well
CURATED: Final = 0.35  # our tables, and the user's, hold what people write of
WHOLE: Final = 0.8  # a name that has the type word in it
WHOLE_UNIT: Final = 5.0  # Rif Dimashq is not the countryside of the city
VILLAGE_POPULATION: Final = (
    800  # where the words say that the place is small, it is not the town of that name
)
REGION: Final = 1.0
CUE: Final = 2.5
CITY_CUE: Final = 1.9  # a city that is called a village, as people do
SEAT: Final = 3.0  # a bare name is the town and not the unit that is named after it
SHARPNESS: Final = 1.6  # of the softmax; one step of the score, a tenfold population, is a factor of five
SURE_SHARE: Final = 0.65
ONE_SPOT_KM: Final = 15.0  # candidates this close leave no doubt that matters
LEVELS: Final = {"governorate": "1", "district": "2", "subdistrict": "3"}
_UNIT_CUES: Final = frozenset({"unit", "part"})
UNIT_KM: Final = 200.0  # a unit and the town that it is named after are not further apart
MOST_RIVALS: Final = 60
MOST_NEIGHBORS: Final = 16
FARTHEST_NEIGHBOR: Final = 256  # names between two
MOST_CANDIDATES: Final = 5
LEAST_SHARE: Final = 0.01
MOST_SEEN: Final = 1 << 14
MOST_SETS: Final = 1 << 13
NO_SHARE: Final = 0.001  # too little to raise doubt


class Resolved(Struct, frozen=True, gc=False):
    """The candidates of a mention with their shares, best first, and what decided."""

    candidates: tuple[tuple[int, float], ...]
    ambiguous: bool
    decided: str


class Asked(Struct, frozen=True, gc=False):
    """A name that was found, and the words beside it that tell which of its places is meant."""

    places: tuple[int, ...]
    cues: tuple[str, ...] = ()
    tier: int = 0
    whole: tuple[int, ...] = ()  # of the places those that bear the type word in their name, if others do not


class Spot(NamedTuple):
    """A place as the resolver needs it."""

    number: int
    lat: float
    lon: float
    country: str
    parents: tuple[str, ...]  # units that it lies in: level and English name, "1Hama", "2Hama"
    unit: str  # what it is itself, if it is a unit
    is_country: bool
    across: float  # km of a degree of longitude there


class Crowd(Struct, frozen=True, eq=False, gc=False):
    """What a name says of where the post is, by the shares of its places."""

    points: tuple[tuple[int, float, float, float], ...]  # number, lat, lon, share: what lies somewhere
    votes: dict[str, float]  # by country
    units: dict[tuple[str, str], float]  # governorates and districts, by country and name
    inside: dict[tuple[str, str], float]  # what lies in one, by that
    countries: dict[str, float]


class Alone(Struct, frozen=True, eq=False, gc=False):
    """The places of one name before other names are asked; kept, and told apart by identity."""

    spots: tuple[Spot, ...]
    scores: list[float]  # of each spot
    reasons: list[tuple[tuple[str, float], ...]]  # what each score is made of
    best: int  # which spot has the highest score
    has_unit: bool  # whether one of the places of the name is a unit
    crowd: Crowd


Key = tuple[int, tuple[str, ...], int]


class Setting(Struct, frozen=True, eq=False):
    """Where the group lives, and the region of interest around it."""

    home: frozenset[str]
    region: frozenset[str]
    units: frozenset[tuple[str, str]] = frozenset()  # (country, English name) of home governorates
    countries: tuple[str, ...] = ()  # of the home, as they were told
    seen: dict[Key, tuple[Asked, Alone]] = {}  # see _kept
    single: dict[Key, tuple[Asked, Resolved]] = {}
    together: dict[tuple[Key, ...], tuple[Sequence[Asked], list[Resolved]]] = {}  # of several names in a post


@lru_cache(maxsize=64)
def _setting(home: tuple[str, ...], gazetteer: Gazetteer) -> Setting:
    countries = tuple(dict.fromkeys(place.partition("/")[0] for place in home))
    units = frozenset((place.partition("/")[0], place.partition("/")[2]) for place in home if "/" in place)
    return Setting(frozenset(countries), frozenset((*countries, *gazetteer.home)), units, countries)


def setting_of(home: Sequence[str], gazetteer: Gazetteer) -> Setting:
    """What a home tells: ISO countries, or a country and a governorate ("SY/Idlib")."""
    return _setting(tuple(home), gazetteer)


def resolve(found: Sequence[Asked], gazetteer: Gazetteer, setting: Setting) -> list[Resolved]:
    """One result for each name found, in order; names of one post decide together.

    Only the post itself and its group's home are asked: other posts of a thread or a batch would make an
    answer depend on what else was exported.
    """
    if all(len(one.places) == 1 for one in found):
        return [_only(one.places[0]) for one in found]
    if len(found) == 1:
        return [_kept(setting.single, _alone_decided, found[0], gazetteer, setting)]
    if any(one.whole for one in found):
        return _together(found, gazetteer, setting)
    key = tuple([(id(one.places), one.cues, one.tier) for one in found])
    known = setting.together.get(key)
    if known is None:
        if len(setting.together) >= MOST_SETS:
            setting.together.clear()
        known = setting.together[key] = found, _together(found, gazetteer, setting)
    return known[1]


def _together(found: Sequence[Asked], gazetteer: Gazetteer, setting: Setting) -> list[Resolved]:
    """The names of one post decide together."""
    base = [_kept(setting.seen, _alone, one, gazetteer, setting) for one in found]
    context = Context(found, base, gazetteer)
    return [
        _only(one.places[0]) if len(one.places) == 1 else _decided(number, one, context)
        for number, one in enumerate(found)
    ]


def reasons_of(
    found: Sequence[Asked], gazetteer: Gazetteer, setting: Setting
) -> list[list[tuple[int, float, tuple[tuple[str, float], ...]]]]:
    """For each name its places, best first, with their scores and what each score is made of."""
    base = [_alone(one, gazetteer, setting) for one in found]
    context = Context(found, base, gazetteer)
    told: list[list[tuple[int, float, tuple[tuple[str, float], ...]]]] = []
    for number, alone in enumerate(base):
        places = []
        for at, spot in enumerate(alone.spots):
            pulls = tuple(zip(PULLS, context.parts(number, at), strict=True))
            places.append((spot.number, context.scores[number][at], (*alone.reasons[at], *pulls)))
        told.append(sorted(places, key=lambda place: (-place[1], place[0])))
    return told


def candidates_of(resolved: Resolved, gazetteer: Gazetteer) -> tuple[Candidate, ...]:
    """The candidates as records."""
    return _candidates(resolved.candidates, gazetteer)


@lru_cache(maxsize=1 << 15)
def _candidates(ranked: tuple[tuple[int, float], ...], gazetteer: Gazetteer) -> tuple[Candidate, ...]:
    return tuple(Candidate(gazetteer.place(number), share) for number, share in ranked)


@lru_cache(maxsize=1 << 14)
def _only(number: int) -> Resolved:
    return Resolved(((number, 1.0),), False, "only place of the name")


@lru_cache(maxsize=1 << 14)
def _alone_decided(one: Asked, gazetteer: Gazetteer, setting: Setting) -> Resolved:
    return _decided(0, one, Context([one], [_alone(one, gazetteer, setting)], gazetteer))


Known = TypeVar("Known")


def _kept(
    store: dict[Key, tuple[Asked, Known]],
    make: Callable[[Asked, Gazetteer, Setting], Known],
    one: Asked,
    gazetteer: Gazetteer,
    setting: Setting,
) -> Known:
    """What `make` says, found again by the identity of the places: hundreds of numbers are slow to compare.

    What is kept holds the places, so that no other tuple can take their identity.
    """
    if one.whole:
        return make(one, gazetteer, setting)
    key = id(one.places), one.cues, one.tier
    known = store.get(key)
    if known is None:
        if len(store) >= MOST_SEEN:
            store.clear()
        known = store[key] = one, make(one, gazetteer, setting)
    return known[1]


@lru_cache(maxsize=1 << 14)
def _alone(one: Asked, gazetteer: Gazetteer, setting: Setting) -> Alone:
    """Score of each place of the name by itself: kind, inhabitants, home, and the words beside the name."""
    places, cues = one.places, one.cues
    if len(places) > MOST_RIVALS:
        places = tuple(sorted(places, key=lambda number: _rank(number, gazetteer, setting)))[:MOST_RIVALS]
    kinds = {number: gazetteer.kind(number) for number in places}
    towns = [number for number, kind in kinds.items() if kind in SETTLEMENTS and kind != "quarter"]
    wants = [WANTED[cue] for cue in cues if cue in WANTED]
    of_unit = any("governorate" in wanted for wanted in wants)
    has_governorate = "governorate" in kinds.values()
    reasons: list[tuple[tuple[str, float], ...]] = []
    for number, kind in kinds.items():
        parts = [_prominence(number, kind, "small" in cues, gazetteer)]
        country = gazetteer.country(number)
        if kind != "country":
            if country in setting.home:
                parts.append(("home", HOME))
            elif country in setting.region:
                parts.append(("region", REGION))
            if setting.units and (country, gazetteer.place(number).admin1) in setting.units:
                parts.append(("home governorate", HOME_UNIT))
        if gazetteer.curated[number] and kind in SETTLEMENTS:
            parts.append(("well known here", CURATED))
        if any(kind in wanted for wanted in wants):
            parts.append(("type word", CUE))
        elif kind == "city" and "village" in cues:
            parts.append(("type word", CITY_CUE))
        elif kind in UNITS and any(_is_seat(town, number, kind, gazetteer) for town in towns):
            if "part" in cues or not of_unit:
                parts.append(("a town bears the name", -SEAT))
            else:
                parts.append(("countryside", 0.6 * CUE))  # of a town that is no governorate: its district
        if kind in SETTLEMENTS and has_governorate and not _UNIT_CUES.isdisjoint(cues):
            parts.append(("a governorate bears the name", -SEAT))  # northern Hama is no town
        if number in one.whole:
            parts.append(("whole name", WHOLE_UNIT if kind in UNITS else WHOLE))
        if one.tier:
            parts.append(("spelling", -0.2 * one.tier))
        reasons.append(tuple(parts))
    scores = [sum(value for _, value in parts) for parts in reasons]
    spots = tuple(_spot(number, gazetteer) for number in kinds)
    has_unit = any(gazetteer.kind(number) in UNITS for number in one.places)
    return Alone(spots, scores, reasons, _best(spots, scores), has_unit, _crowd(spots, _shares(scores)))


def _spot(number: int, gazetteer: Gazetteer) -> Spot:
    place, kind = gazetteer.place(number), gazetteer.kind(number)
    level = LEVELS.get(kind, "")
    above = (("1", place.admin1), ("2", place.admin2))
    return Spot(
        number,
        gazetteer.lats[number],
        gazetteer.lons[number],
        gazetteer.country(number),
        tuple(rank + name for rank, name in above if name and (not level or rank < level)),
        level + (place.name_en or "") if level else "",
        kind == "country",
        DEGREE_KM * math.cos(math.radians(gazetteer.lats[number])),
    )


def _best(spots: Sequence[Spot], scores: Sequence[float]) -> int:
    """Which place has the highest score; of equal ones that with the lowest number."""
    first = max(scores)
    if scores.count(first) == 1:
        return scores.index(first)
    return min((at for at, score in enumerate(scores) if score == first), key=lambda at: spots[at].number)


def _crowd(spots: Sequence[Spot], shares: Sequence[float]) -> Crowd:
    votes: dict[str, float] = defaultdict(float)
    units: dict[tuple[str, str], float] = {}
    inside: dict[tuple[str, str], float] = defaultdict(float)
    countries: dict[str, float] = {}
    points: list[tuple[int, float, float, float]] = []
    for spot, share in zip(spots, shares, strict=True):
        if share < LEAST_SHARE:
            continue
        votes[spot.country] += share
        if spot.is_country:
            countries[spot.country] = share
        elif spot.unit:
            units[spot.country, spot.unit] = max(share, 0.3) if spot.unit[0] == "1" else share
        else:
            for parent in spot.parents:
                inside[spot.country, parent] += share
            points.append((spot.number, spot.lat, spot.lon, share))
    points.sort(key=lambda point: (-point[3], point[0]))
    return Crowd(tuple(points[:MOST_POINTS]), dict(votes), units, dict(inside), countries)


def _rank(number: int, gazetteer: Gazetteer, setting: Setting) -> tuple[int, int, int]:
    country = gazetteer.country(number)
    return (
        0 if country in setting.home else 1 if country in setting.region else 2,
        -gazetteer.populations[number],
        number,
    )


def _prominence(number: int, kind: str, is_small: bool, gazetteer: Gazetteer) -> tuple[str, float]:
    population = gazetteer.populations[number]
    prior = KIND_PRIOR.get(kind)
    if prior is not None:
        return "kind", max(prior, math.log10(population + 1) - 2.5)
    if is_small and kind in SETTLEMENTS:
        population = min(population, VILLAGE_POPULATION)
    least = LEAST_OF_CITY if kind == "city" and not is_small else LEAST_POPULATION
    score = math.log10(max(population, least))
    return "population", min(score - 0.6, MOST_OF_UNIT) if kind in UNITS else score


def _is_seat(town: int, unit: int, kind: str, gazetteer: Gazetteer) -> bool:
    """Whether a town of the same name lies in the unit, so that a bare name means the town."""
    if kind != "governorate":
        return gazetteer.country(town) == gazetteer.country(unit)
    return gazetteer.place(town).admin1 in {None, gazetteer.place(unit).name_en} and gazetteer.country(
        town
    ) == gazetteer.country(unit)


class Context:
    """What the other names of a post say about each name.

    Twice: at first every name speaks for all of its places by their own shares, then those that stay in
    doubt hear what the others have become.
    """

    def __init__(self, found: Sequence[Asked], base: Sequence[Alone], gazetteer: Gazetteer) -> None:
        self.found = found
        self.base = base
        self.gazetteer = gazetteer
        self.scores = [one.scores for one in base]  # of each name, of each of its places
        self.pulls: list[list[Pulls]] = [[] for _ in base]  # of each name, of each of its neighbors
        neighbors: list[list[int]] = []  # of each name
        for number, alone in enumerate(base):
            beside = self._neighbors(number) if len(alone.spots) > 1 else []
            neighbors.append(beside)
            if beside:
                pulls = self.pulls[number] = [_pull(alone, base[at].crowd) for at in beside]
                self.scores[number] = _pulled(alone.scores, pulls)
        again = [number for number, pulls in enumerate(self.pulls) if pulls and self._is_open(number)]
        if again:
            first, crowds = list(self.pulls), dict[int, Crowd]()
            asked = {at for number in again for at in neighbors[number]}
            for at in asked:
                if first[at]:
                    crowds[at] = _crowd(base[at].spots, _shares(self.scores[at]))
            for number in again:
                alone = base[number]
                pulls = self.pulls[number] = [
                    _pull_of(alone, crowds[at]) if at in crowds else first[number][place]
                    for place, at in enumerate(neighbors[number])
                ]
                self.scores[number] = _pulled(alone.scores, pulls)

    def _is_open(self, number: int) -> bool:
        scores = self.scores[number]
        first = max(scores)
        return sum([first - score < OPEN for score in scores]) > 1

    def _neighbors(self, number: int) -> list[int]:
        """The nearest names that can mean other places, nearest first; a far one says nothing."""
        found, own = self.found, self.found[number].places
        others: list[int] = []
        for distance in range(1, min(len(found), FARTHEST_NEIGHBOR)):
            pair = (number - distance, number + distance)
            others += [other for other in pair if 0 <= other < len(found) and found[other].places != own]
            if len(others) >= MOST_NEIGHBORS:
                break
        return others[:MOST_NEIGHBORS]

    def parts(self, number: int, at: int) -> tuple[float, float, float]:
        """What co-mention, containment and country add to the place `at` of a name."""
        pulls = self.pulls[number]
        if len(pulls) == 1:
            only = pulls[0]
            return only.near[at], only.inside[at], VOTE * math.log1p(only.vote[at])
        vote = VOTE * math.log1p(sum([pull.vote[at] for pull in pulls]))
        inside = max([pull.inside[at] for pull in pulls], default=0.0)
        return sum([pull.near[at] for pull in pulls]), inside, vote

    def reason(self, number: int, at: int) -> str:
        """The strongest pull on a place of a name; empty where none is strong."""
        values = self.parts(number, at)
        strongest = max(values)
        return PULLS[values.index(strongest)] if strongest > 0.5 else ""


class Pulls(Struct, frozen=True, eq=False, gc=False):
    """What one name says for each place of another: nearness, containment, country vote, and all together."""

    near: list[float]
    inside: list[float]
    vote: list[float]
    total: list[float]


def _pulled(scores: Sequence[float], pulls: Sequence[Pulls]) -> list[float]:
    """The scores with the pulls of the neighbors."""
    if len(pulls) == 1:
        return list(map(add, scores, pulls[0].total))
    near = list(map(sum, zip(*[pull.near for pull in pulls], strict=True)))
    inside = list(map(max, zip(*[pull.inside for pull in pulls], strict=True)))
    vote = list(map(sum, zip(*[pull.vote for pull in pulls], strict=True)))
    return [
        score + one + two + VOTE * math.log1p(three)
        for score, one, two, three in zip(scores, near, inside, vote, strict=True)
    ]


@lru_cache(maxsize=1 << 14)
def _pull(one: Alone, other: Crowd) -> Pulls:
    """What a name by itself says for each place of another name."""
    return _pull_of(one, other)


def _pull_of(one: Alone, other: Crowd) -> Pulls:
    """What a name says for each place of another name."""
    nears: list[float] = []
    insides: list[float] = []
    of_country: list[float] = []
    totals: list[float] = []
    votes, units, countries, points = other.votes, other.units, other.countries, other.points
    densities, steps, sqrt, log1p = _densities(), STEPS, math.sqrt, math.log1p
    for number, lat, lon, country, parents, unit, is_country, across in one.spots:
        near = inside = 0.0
        vote = votes.get(country, 0.0)
        if unit:
            inside = IN_COUNTRY * countries.get(country, 0.0) if countries else 0.0
            inside = max(inside, HOLDS * other.inside.get((country, unit), 0.0))
        elif not is_country:
            if countries:
                inside = IN_COUNTRY * countries.get(country, 0.0)
            if units:
                for parent in parents:
                    named = INSIDE * units.get((country, parent), 0.0)
                    inside = max(inside, named)
            density = 0.0
            for rival, rival_lat, rival_lon, share in points:
                down = DEGREE_KM * (lat - rival_lat)
                if -WIDEST_KM < down < WIDEST_KM and rival != number:
                    right = across * (lon - rival_lon)
                    if -WIDEST_KM < right < WIDEST_KM:
                        density += share * densities[int(steps * sqrt(down * down + right * right))]
            if density:
                near = NEARNESS * log1p(density / BY_CHANCE)
        nears.append(near)
        insides.append(inside)
        of_country.append(vote)
        totals.append(near + inside + VOTE * log1p(vote) if vote else near + inside)
    return Pulls(nears, insides, of_country, totals)


@cache
def _densities() -> tuple[float, ...]:
    """How likely two places named together lie so far apart, per square kilometer, by 1 / STEPS km."""
    return tuple(
        sum(weight * math.exp(-step / STEPS / scale) for scale, weight in SCALES)
        for step in range(int(STEPS * WIDEST_KM * 1.5))
    )


def _shares(scores: Sequence[float]) -> list[float]:
    best = max(scores)
    powers = [math.exp(SHARPNESS * (score - best)) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def _decided(number: int, one: Asked, context: Context) -> Resolved:
    alone, scores, gazetteer = context.base[number], context.scores[number], context.gazetteer
    best = alone.best if scores is alone.scores else _best(alone.spots, scores)
    place = alone.spots[best].number
    reason = context.reason(number, best) if context.pulls[number] else ""
    decided = _decision(best != alone.best, place, one, reason, alone.has_unit, gazetteer)
    first = scores[best]
    near = [at for at, score in enumerate(scores) if first - score <= CLEAR]
    if len(near) == 1:
        return _clear(place, decided)
    shares, spots = _shares(scores), alone.spots
    if len(near) < len(scores):
        near = [at for at, share in enumerate(shares) if share > NO_SHARE]
    ranked = sorted([(-shares[at], spots[at].number) for at in near])
    doubt = 0.0
    if 1.0 - shares[best] > 1.0 - SURE_SHARE:
        doubt = -sum(
            share
            for share, other in ranked
            if other != place
            and -share > NO_SHARE
            and _apart(other, place, gazetteer) > ONE_SPOT_KM
            and not _is_unit_of(other, place, gazetteer)
        )
    kept = tuple(
        (number, math.floor(-share * 10_000) / 10_000)
        for share, number in ranked[:MOST_CANDIDATES]
        if -share >= LEAST_SHARE
    )
    return Resolved(kept, doubt > 1 - SURE_SHARE, decided)


@lru_cache(maxsize=1 << 14)
def _clear(best: int, decided: str) -> Resolved:
    """A place that no other comes near."""
    return Resolved(((best, CLEAR_SHARE),), False, decided)


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


def _decision(  # noqa: PLR0917
    is_turned: bool, best: int, one: Asked, reason: str, has_unit: bool, gazetteer: Gazetteer
) -> str:
    """What decided, in words; `is_turned` where the other names of the post did."""
    if reason and is_turned:
        return f"decided by {reason}"
    kind = gazetteer.kind(best)
    for cue in one.cues:
        if cue in WANTED and kind in WANTED[cue]:
            return f"decided by {cue} word"
    if reason:
        return f"decided by {reason}"
    if has_unit and kind in SETTLEMENTS:
        return "decided by seat"
    return "decided by home and population"
