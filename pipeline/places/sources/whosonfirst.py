"""Who's On First: the SQLite distributions of a country, checkouts and bundles of its GeoJSON, and tables.

A record is one GeoJSON feature; its properties are described at https://whosonfirst.org/docs/properties/.
Records that were superseded, deprecated or have ceased are left out, and so are alternative geometries.
"""

from __future__ import annotations

import csv
import gzip
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from pipeline.errors import ConfigError
from pipeline.places.keys import is_arabic
from pipeline.places.layers import Row, kind_of_settlement
from pipeline.places.names import clean_names, is_pure_arabic, main_arabic
from pipeline.places.sources.files import members

TITLE: Final = "Who's On First"
LICENCE: Final = "CC BY 4.0 and compatible licences by source"
ATTRIBUTION: Final = (
    "Data from Who's On First (https://whosonfirst.org/docs/licenses/), which contains data from GeoNames "
    "(CC BY 4.0), Quattroshapes (CC BY 2.0), Natural Earth (public domain) and others."
)
INVENTORY: Final = "https://data.geocode.earth/wof/dist/sqlite/inventory.json"
DISTRIBUTION: Final = "https://data.geocode.earth/wof/dist/sqlite/whosonfirst-data-admin-{}-latest.db.bz2"
KINDS: Final = {
    "region": "governorate",
    "macroregion": "region",
    "county": "district",
    "macrocounty": "district",
    "localadmin": "subdistrict",
    "borough": "quarter",
    "macrohood": "quarter",
    "neighbourhood": "quarter",
    "microhood": "quarter",
    "campus": "facility",
}  # locality by its inhabitants; a country has its names from CLDR; other placetypes are left out
NEEDED: Final = ("wof_id", "cc", "placetype", "name", "lat", "lon")
_AIRPORT: Final = ("airport", "airbase", "air base", "airfield", "heliport", "airstrip")
_ENDED: Final = frozenset({"", "uuuu", "..", "open"})


def read(path: Path, countries: Iterable[str], skipped: Counter[str]) -> Iterator[Row]:
    """The places in a folder, bundle, SQLite distribution or table; `countries` keeps some, none keeps all.

    Counts in `skipped` why records were left out.  Raises `ConfigError` that names the file, and where there
    is one the line, for what cannot be read.
    """
    wanted = frozenset(country.upper() for country in countries)
    name = path.name.lower()
    if name.endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz")):
        found = _table(path, skipped)
    elif name.endswith((".db", ".sqlite", ".sqlite3")):
        found = _database(path, skipped)
    else:
        found = _geojson(path, skipped)
    for row in found:
        if not wanted or row.country in wanted:
            yield row
        else:
            skipped["another country"] += 1


# -- a table ------------------------------------------------------------------------------------


def _table(path: Path, skipped: Counter[str]) -> Iterator[Row]:
    opened = gzip.open if path.name.endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
            head = lines.readline()
            reader = csv.reader(lines, delimiter="\t" if "\t" in head else ",", strict=True)
            columns = next(csv.reader([head], delimiter="\t" if "\t" in head else ","), [])
            missing = [column for column in NEEDED if column not in columns]
            if missing:
                raise ConfigError(f"{path}: column {', '.join(missing)} missing; this is no table of places")
            for cells in reader:
                where = f"{path} line {reader.line_num + 1}"
                if len(cells) != len(columns):
                    raise ConfigError(f"{where}: {len(cells)} cells, {len(columns)} expected; cut off?")
                row = _table_row(dict(zip(columns, cells, strict=True)), where, skipped)
                if row is not None:
                    yield row
    except UnicodeDecodeError as wrong:
        raise ConfigError(f"{path}: byte {wrong.start} is not UTF-8") from wrong
    except (OSError, EOFError, csv.Error) as wrong:
        raise ConfigError(f"{path} cannot be read to its end: {wrong}") from wrong


def _table_row(cells: dict[str, str], where: str, skipped: Counter[str]) -> Row | None:
    point = _point(cells["lat"], cells["lon"])
    if point is None:
        raise ConfigError(
            f"{where}: lat {cells['lat']!r}, lon {cells['lon']!r} is no point in WGS 84 degrees"
        )
    listed = cells.get("names_ar", "").split("|") + cells.get("names_latin", "").split("|")
    return _row(
        cells["wof_id"], cells["placetype"], [cells["name"], *listed], point, country=cells["cc"],
        population=_number(cells.get("population")), geonames=cells.get("geonames_id", ""),
        admin1=cells.get("region", ""), admin2=cells.get("county", ""), skipped=skipped,
    )  # fmt: skip


# -- GeoJSON ------------------------------------------------------------------------------------


class _Feature(msgspec.Struct):
    properties: dict[str, Any]


def _geojson(path: Path, skipped: Counter[str]) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(_Feature)
    records = []
    for name, raw in members(path, (".geojson",)):
        if "-alt-" in name:
            continue
        try:
            records.append(_slim(decoder.decode(raw).properties))
        except msgspec.MsgspecError as wrong:
            raise ConfigError(f"{name}: not a GeoJSON feature ({wrong})") from wrong
    if not records:
        raise ConfigError(f"{path}: no .geojson file of Who's On First in it")
    yield from _rows(records, skipped)


def _slim(properties: dict[str, Any]) -> dict[str, Any]:
    """What is read of a record: shapes and labels of hundreds of languages would fill the memory."""
    return {key: value for key, value in properties.items() if key in _READ or key.startswith("name:")}


_READ: Final = frozenset({
    "wof:id", "wof:name", "wof:placetype", "wof:country", "iso:country", "wof:hierarchy", "wof:superseded_by",
    "wof:population", "gn:population", "gn:geonameid", "wof:concordances", "geom:latitude", "geom:longitude",
    "lbl:latitude", "lbl:longitude", "mz:is_current", "edtf:cessation", "edtf:deprecated", "src:geom",
})  # fmt: skip


def _rows(records: list[dict[str, Any]], skipped: Counter[str]) -> Iterator[Row]:
    units = {
        record["wof:id"]: str(record.get("wof:name") or "")
        for record in records
        if record.get("wof:placetype") in {"region", "county"} and "wof:id" in record
    }
    for record in sorted(records, key=lambda one: int(one.get("wof:id", 0))):
        if (
            record.get("wof:superseded_by")
            or record.get("mz:is_current") == 0
            or str(record.get("edtf:deprecated", "")) not in _ENDED
            or str(record.get("edtf:cessation", "")) not in _ENDED
        ):
            skipped["superseded or ceased"] += 1
            continue
        point = _point(
            record.get("lbl:latitude") or record.get("geom:latitude"),
            record.get("lbl:longitude") or record.get("geom:longitude"),
        )
        if point is None or point == (0.0, 0.0):
            skipped["no coordinates"] += 1
            continue
        names = [str(record.get("wof:name") or "")]
        arabic: list[str] = []
        for key in sorted(key for key in record if key.startswith("name:")):
            listed = [str(name) for name in record[key] or ()]
            names += listed
            if key.startswith("name:ara"):
                arabic = listed + arabic if key.endswith("preferred") else arabic + listed
        above: Mapping[str, Any] = next(iter(record.get("wof:hierarchy") or ()), {})
        geonames = record.get("gn:geonameid") or (record.get("wof:concordances") or {}).get("gn:id") or ""
        row = _row(
            str(record["wof:id"]), str(record.get("wof:placetype", "")), names, point,
            name_ar=main_arabic(clean_names(arabic)),
            country=str(record.get("iso:country") or record.get("wof:country") or ""),
            population=_number(record.get("wof:population") or record.get("gn:population")),
            geonames=str(geonames), admin1=units.get(above.get("region_id"), ""),
            admin2=units.get(above.get("county_id"), ""), skipped=skipped,
        )  # fmt: skip
        if row is not None:
            yield row


# -- SQLite -------------------------------------------------------------------------------------


def _database(path: Path, skipped: Counter[str]) -> Iterator[Row]:
    """The tables `geojson`, or where it is empty `spr` and `names`."""
    if not path.is_file():
        raise ConfigError(f"{path} is not there")
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as wrong:
        raise ConfigError(f"{path} cannot be opened: {wrong}") from wrong
    try:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        records = []
        if "geojson" in tables:
            columns = {row[1] for row in database.execute("PRAGMA table_info(geojson)")}
            where = " WHERE is_alt = 0" if "is_alt" in columns else ""
            decoder = msgspec.json.Decoder(_Feature)
            for (body,) in database.execute(f"SELECT body FROM geojson{where}"):  # noqa: S608  no input in it
                records.append(_slim(decoder.decode(body).properties))
        if not records and {"spr", "names"} <= tables:
            records = _spr_records(database)
    except (sqlite3.Error, msgspec.MsgspecError) as wrong:
        raise ConfigError(f"{path} is not a whole SQLite distribution of Who's On First: {wrong}") from wrong
    finally:
        database.close()
    if not records:
        raise ConfigError(f"{path}: no table geojson or spr with places in it")
    yield from _rows(records, skipped)


def _spr_records(database: sqlite3.Connection) -> list[dict[str, Any]]:
    records: dict[int, dict[str, Any]] = {}
    query = (
        "SELECT id, name, placetype, country, latitude, longitude, is_current, is_deprecated, is_ceased, "
        "is_superseded FROM spr"
    )
    for number, name, placetype, country, lat, lon, current, *ended in database.execute(query):
        records[number] = {
            "wof:id": number, "wof:name": name, "wof:placetype": placetype, "wof:country": country,
            "geom:latitude": lat, "geom:longitude": lon,
            "mz:is_current": 0 if current == 0 or 1 in ended else -1,
        }  # fmt: skip
    for number, language, use, name in database.execute("SELECT id, language, privateuse, name FROM names"):
        if number in records:
            records[number].setdefault(f"name:{language}_x_{use or 'variant'}", []).append(name)
    return list(records.values())


# -- what they share ----------------------------------------------------------------------------


def _row(
    number: str,
    placetype: str,
    names: list[str],
    point: tuple[float, float],
    *,
    name_ar: str = "",
    country: str,
    population: int,
    geonames: str,
    admin1: str,
    admin2: str,
    skipped: Counter[str],
) -> Row | None:
    if placetype == "locality":
        kind = kind_of_settlement(population)
    elif placetype in KINDS:
        kind = KINDS[placetype]
    else:
        skipped[f"placetype {placetype}"] += 1
        return None
    if kind == "facility" and any(word in names[0].lower() for word in _AIRPORT):
        kind = "airport"
    usable = clean_names(names)
    arabic = [one for one in usable if is_arabic(one)]
    latin = [one for one in usable if not is_arabic(one)]
    shown = clean_names(names[:1])
    if not usable:
        skipped["no name in Arabic or Latin script"] += 1
        return None
    unit = kind in {"governorate", "district", "subdistrict"}
    return Row(
        place_id=f"wof:{number}",
        kind=kind,
        name_en=next((one for one in shown if not is_arabic(one)), latin[0] if latin else ""),
        name_ar=name_ar or next(filter(is_pure_arabic, arabic), arabic[0] if arabic else ""),
        names=usable,
        lat=point[0],
        lon=point[1],
        country=country.upper(),
        admin1="" if kind == "governorate" else admin1,
        admin2="" if unit else admin2,
        population=population,
        source=f"Who's On First {number}",
        refs=[f"wof:{number}", *([f"gn:{geonames}"] if geonames.isdigit() else [])],
    )


def _point(lat: Any, lon: Any) -> tuple[float, float] | None:
    try:
        point = (float(lat), float(lon))
    except (TypeError, ValueError):
        return None
    return point if abs(point[0]) <= 90 and abs(point[1]) <= 180 else None


def _number(value: Any) -> int:
    try:
        return max(0, int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return 0
