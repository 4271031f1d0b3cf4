"""Analysts' own places: a table as spreadsheets write it, with head names as people write them.

Only a name and a point are needed.  Whatever is wrong with the table is told with file and line, all rows
at once, and nothing of it is used.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError
from pipeline.places.keys import is_arabic
from pipeline.places.layers import KINDS, Row

TITLE: Final = "own places"
HEADS: Final = {
    "place_id": "place_id id uid code pcode p_code",
    "name": "name place place_name title label الاسم اسم المكان",
    "name_ar": "name_ar ar arabic arabic_name name_arabic الاسم_بالعربية العربية",
    "name_en": "name_en en english english_name name_english latin name_latin الاسم_بالانكليزية الانجليزية",
    "kind": "kind type feature category class النوع نوع",
    "lat": "lat latitude y خط_العرض العرض",
    "lon": "lon lng long longitude x خط_الطول الطول",
    "country": "country cc country_code iso iso2 البلد الدولة",
    "admin1": "admin1 governorate province state region المحافظة محافظة",
    "admin2": "admin2 district county المنطقة منطقة",
    "parent": "parent in within part_of belongs_to",
    "names": "names other_names also aliases alias alternative_names alternate_names alt_names اسماء_اخرى",
    "also_en": "also_en",
    "also_ar": "also_ar",
    "population": "population pop inhabitants السكان",
    "prior": "prior",
    "source": "source reference المصدر",
}
KIND_WORDS: Final = {
    "quarter": "neighborhood neighbourhood suburb حي حارة",
    "village": "hamlet locality settlement place قرية مزرعة",
    "town": "بلدة",
    "city": "مدينة",
    "governorate": "province state محافظة",
    "district": "county منطقة قضاء",
    "subdistrict": "nahiya ناحية",
    "crossing": "border border_crossing معبر",
    "airport": "airbase airfield مطار",
    "camp": "refugee_camp idp_camp مخيم",
    "dam": "سد",
    "river": "stream نهر",
    "mountain": "hill mount جبل تلة",
    "sea": "lake بحر بحيرة",
    "region": "area إقليم",
    "facility": "checkpoint base barracks bridge hospital school factory mosque church prison post point "
    "roundabout square market junction حاجز جسر مشفى مستشفى مدرسة معمل مسجد سجن نقطة قاعدة",
}
MOST_MISTAKES: Final = 20  # that a message lists


def read(path: Path, layer: str = "") -> list[Row]:
    """The places of a table in UTF-8, its cells parted by commas, semicolons or tabs.

    Raises `ConfigError` that names the file and the line of every mistake.
    """
    layer = layer or path.name
    lines = _lines(path)
    delimiter = max("\t;,", key=lines[0].count) if lines else ","
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    mistakes: list[str] = []
    rows: list[Row] = []
    seen: dict[str, int] = {}
    try:
        head = next(reader, [])
        columns = _columns(head, path)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{path} line {reader.line_num}"
            try:
                row = _row(_cells(cells, columns, head), layer)
            except ValueError as wrong:
                mistakes.append(f"{where}: {wrong}")
                continue
            if row.place_id in seen:
                first = seen[row.place_id]
                mistakes.append(f"{where}: place_id {row.place_id!r} stands in line {first} already")
            seen[row.place_id] = reader.line_num
            rows.append(row)
    except csv.Error as wrong:
        mistakes.append(f"{path} line {reader.line_num}: {wrong}; is the file cut off?")
    if mistakes:
        more = len(mistakes) - MOST_MISTAKES
        told = mistakes[:MOST_MISTAKES] + ([f"and {more} more"] if more > 0 else [])
        raise ConfigError("\n".join(f"gazetteer layer {line}" for line in told))
    if not rows:
        raise ConfigError(f"gazetteer layer {path}: there is no place in it")
    return rows


def _lines(path: Path) -> list[str]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"gazetteer layer {path}: cannot be read ({error.strerror})") from error
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise ConfigError(f"gazetteer layer {path} line 1: this is UTF-16, not UTF-8; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"gazetteer layer {path} line {line}: byte {error.start} is not UTF-8; save it as UTF-8"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ConfigError(f"gazetteer layer {path} line {line}: this is no text; save it as CSV in UTF-8")
    return text.splitlines(keepends=True)


def _columns(head: list[str], path: Path) -> list[str]:
    """Our name of every column of the table; empty for those that are not read."""
    known = {word: column for column, words in HEADS.items() for word in words.split()}
    columns = [known.get("_".join(cell.strip().lower().split()).replace("-", "_"), "") for cell in head]
    for column in filter(None, columns):
        if columns.count(column) > 1:
            twice = ", ".join(cell for cell, own in zip(head, columns, strict=True) if own == column)
            raise ConfigError(f"gazetteer layer {path} line 1: {twice} are both {column}; leave one")
    missing = [column for column in ("lat", "lon") if column not in columns]
    if not {"name", "name_ar", "name_en"} & set(columns):
        missing.insert(0, "name, name_ar or name_en")
    if missing:
        told = f"columns there: {', '.join(head) or 'none'}; known ones: {', '.join(HEADS)}"
        raise ConfigError(f"gazetteer layer {path} line 1: column {', '.join(missing)} missing; {told}")
    return columns


def _cells(cells: list[str], columns: list[str], head: list[str]) -> dict[str, str]:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, {len(head)} expected; is the file cut off?")
    found = dict.fromkeys(HEADS, "")
    for column, cell in zip(columns, cells, strict=True):
        if column:
            found[column] = cell.strip()
    return found


def _row(cells: dict[str, str], layer: str) -> Row:
    names = [
        name.strip()
        for column in ("name", "name_en", "name_ar", "names", "also_en", "also_ar")
        for name in cells[column].replace(";", "|").split("|")
        if name.strip()
    ]
    if not (cells["name"] or cells["name_en"] or cells["name_ar"]):
        raise ValueError("a place needs name, name_en or name_ar")
    lat, lon = _degrees(cells["lat"], "lat", 90), _degrees(cells["lon"], "lon", 180)
    if lat == 0 == lon:
        raise ValueError("lat 0, lon 0 stands for no point")
    place_id = cells["place_id"]
    if not place_id:
        told = f"{names[0]}\0{lat}\0{lon}".encode("utf-8", "replace")
        place_id = f"{layer.partition('.')[0]}:{hashlib.sha256(told).hexdigest()[:10]}"
    return Row(
        place_id=place_id,
        kind=_kind(cells["kind"]),
        name_en=cells["name_en"] or next((name for name in names if not is_arabic(name)), ""),
        name_ar=cells["name_ar"] or next((name for name in names if is_arabic(name)), ""),
        names=names,
        lat=lat,
        lon=lon,
        country=_country(cells["country"]),
        admin1=cells["admin1"],
        admin2=cells["admin2"] or cells["parent"],
        population=int(_decimal(cells["population"] or "0", "population")),
        prior=_decimal(cells["prior"] or "0", "prior"),
        curated=True,
        source=cells["source"] or layer,
    )


def _kind(word: str) -> str:
    plain = "_".join(word.lower().split())
    if plain in KINDS:
        return plain
    named = {synonym: kind for kind, words in KIND_WORDS.items() for synonym in words.split()}
    if not plain:
        return "village"
    if plain not in named:
        raise ValueError(f"kind {word!r} is none of {', '.join(KINDS)}")
    return named[plain]


def _country(word: str) -> str:
    if word and not (len(word) == 2 and word.isascii() and word.isalpha()):
        raise ValueError(f"country {word!r} is no ISO 3166-1 alpha-2 code, such as SY")
    return word.upper()


def _degrees(cell: str, column: str, most: int) -> float:
    value = _decimal(cell, column)
    if not abs(value) <= most:
        raise ValueError(f"{column} {cell} is no point in WGS 84 degrees")
    return value


def _decimal(cell: str, column: str) -> float:
    point = "\N{ARABIC DECIMAL SEPARATOR}"
    try:
        return float(cell.replace(",", ".").replace(point, ".") if cell.count(",") < 2 else cell)
    except ValueError:
        raise ValueError(f"lat, lon, population and prior are numbers; {column} is {cell!r}") from None
