"""GeoNames: the dump of a country and its alternate names, as https://download.geonames.org has them.

Both are tab-separated without a head row; https://download.geonames.org/export/dump/readme.txt tells the
columns and the feature codes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError
from pipeline.places.keys import is_arabic
from pipeline.places.layers import Row, kind_of_settlement
from pipeline.places.names import clean_names, main_arabic
from pipeline.places.sources.files import members

TITLE: Final = "GeoNames"
LICENCE: Final = "CC BY 4.0"
ATTRIBUTION: Final = "Data from GeoNames (https://www.geonames.org), CC BY 4.0."
DUMP: Final = "https://download.geonames.org/export/dump/{}.zip"
NAMES: Final = "https://download.geonames.org/export/dump/alternatenames/{}.zip"
KINDS: Final = {
    "PPLX": "quarter", "STLMT": "village",
    "ADM1": "governorate", "ADM2": "district", "ADM3": "subdistrict",
    "RGN": "region", "RGNE": "region", "RGNH": "region", "AREA": "region", "OAS": "region",
    "PLN": "region", "VAL": "region", "DSRT": "region", "PLAT": "region", "UPLD": "region",
    "MT": "mountain", "MTS": "mountain", "HLL": "mountain", "HLLS": "mountain", "PK": "mountain",
    "RDGE": "mountain", "ISL": "island", "ISLS": "island", "PEN": "region", "CAPE": "region",
    "STM": "river", "STMI": "river", "WAD": "river", "CNL": "river",
    "LK": "sea", "LKI": "sea", "LKS": "sea", "RSV": "sea", "SEA": "sea", "GULF": "sea", "BAY": "sea",
    "AIRP": "airport", "AIRB": "airport", "AIRF": "airport", "AIRH": "airport",
    "DAM": "dam", "CSTM": "crossing", "CMPRF": "camp", "CMPLA": "camp",
    "BDG": "facility", "HSP": "facility", "PRN": "facility", "INSM": "facility", "PS": "facility",
    "OILR": "facility", "OILF": "facility", "GASF": "facility", "PRT": "facility", "FT": "facility",
}  # fmt: skip
HISTORICAL: Final = frozenset({"PPLH", "PPLCH"})
NO_NAMES: Final = frozenset({
    "link", "wkdt", "post", "iata", "icao", "faac", "tcid", "unlc", "abbr", "phon", "piny", "fr_1793",
})  # what stands for a language where the name is a code or a link  # fmt: skip
_COLUMNS: Final = 19
_LEAST_NAME_COLUMNS: Final = 4


def read(dump: Path, names: Path | None, skipped: Counter[str]) -> Iterator[Row]:
    """The places of a country's dump with their alternate names: files as they are, or in a zip.

    Counts in `skipped` why rows were left out.  Raises `ConfigError` that names file and line of a row that
    is not of the format, which is what a download that was cut off leaves.
    """
    wanted: set[str] = set()
    kept: list[list[str]] = []
    for where, cells in _lines(dump, _COLUMNS):
        kind = KINDS.get(cells[7])
        if kind is None and (cells[6] != "P" or cells[7] in HISTORICAL):
            skipped[f"feature {cells[6]}.{cells[7]}" if cells[6] == "A" else f"feature class {cells[6]}"] += 1
            continue
        if _point(cells[4], cells[5]) is None:
            raise ConfigError(f"{where}: lat {cells[4]!r}, lon {cells[5]!r} is no point in WGS 84 degrees")
        wanted.add(cells[0])
        kept.append(cells)
    if not kept:
        raise ConfigError(f"{dump}: there is no place in it; is it a dump of GeoNames?")
    alternates = _alternates(names, wanted) if names is not None else {}
    units = {
        (cells[7], cells[10], cells[11] if cells[7] == "ADM2" else ""): cells[1]
        for cells in kept
        if cells[7] in {"ADM1", "ADM2"}
    }
    for cells in kept:
        point = _point(cells[4], cells[5])
        arabic, others = alternates.get(cells[0], ([], []))
        usable = clean_names([cells[1], cells[2], *arabic, *others, *cells[3].split(",")])
        shown = clean_names([cells[1]])
        if not usable or point is None:
            skipped["no name in Arabic or Latin script"] += 1
            continue
        population = int(cells[14]) if cells[14].isdigit() else 0
        kind = KINDS.get(cells[7]) or kind_of_settlement(population)
        yield Row(
            place_id=f"gn:{cells[0]}",
            kind=kind,
            name_en=next((one for one in [*shown, *usable] if not is_arabic(one)), ""),
            name_ar=main_arabic(clean_names(arabic)) or main_arabic(usable),
            names=usable,
            lat=point[0],
            lon=point[1],
            country=cells[8],
            admin1="" if kind == "governorate" else units.get(("ADM1", cells[10], ""), ""),
            admin2="" if kind == "district" else units.get(("ADM2", cells[10], cells[11]), ""),
            population=population,
            source=f"GeoNames {cells[0]}",
            code=cells[10],
            refs=[f"gn:{cells[0]}"],
        )


def _alternates(path: Path, wanted: set[str]) -> dict[str, tuple[list[str], list[str]]]:
    """(Arabic names, the preferred first; other names) of the places that are wanted."""
    preferred: dict[str, list[str]] = defaultdict(list)
    arabic: dict[str, list[str]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for _, cells in _lines(path, _LEAST_NAME_COLUMNS):
        number, language, name = cells[1:4]
        if number not in wanted or language in NO_NAMES:
            continue
        if language == "ar":
            (preferred if cells[4:5] == ["1"] else arabic)[number].append(name)
        else:
            others[number].append(name)
    numbers = sorted({*preferred, *arabic, *others})
    return {number: (preferred[number] + arabic[number], others[number]) for number in numbers}


def _lines(path: Path, least: int) -> Iterator[tuple[str, list[str]]]:
    """(file and line, cells) of every row of the data file in `path`."""
    for name, raw in members(path, (".txt",)):
        if name.lower().endswith(("readme.txt", "isolanguagecodes.txt", "iso-languagecodes.txt")):
            continue
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as wrong:
            at = raw[: wrong.start].count(b"\n") + 1
            raise ConfigError(f"{name} line {at}: not UTF-8") from wrong
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            cells = line.rstrip("\r").split("\t")
            if len(cells) < least or not cells[0].isdigit():
                raise ConfigError(
                    f"{name} line {number}: {len(cells)} cells, {least} expected; is it a dump of GeoNames, "
                    "and was its download cut off?"
                )
            yield f"{name} line {number}", cells


def _point(lat: str, lon: str) -> tuple[float, float] | None:
    try:
        point = (float(lat), float(lon))
    except ValueError:
        return None
    return point if abs(point[0]) <= 90 and abs(point[1]) <= 180 else None
