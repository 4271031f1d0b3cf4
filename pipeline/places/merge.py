"""The layers of the gazetteer become one list: what tells of the same place becomes one row.

The earlier layer wins names and point; names are united.  Two rows are one place where one names the
other's id, or where they share a name by its key, are of one sort, and lie near each other.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from pipeline.data import rows as table_rows
from pipeline.places.keys import is_arabic, k0, k1, names_words
from pipeline.places.layers import SETTLEMENTS, UNITS, Row
from pipeline.places.names import clean_names

NEAR_KM: Final = 5.0
ESTIMATE_KM: Final = 12.0  # to a point that we estimated
SAME_LAYER_KM: Final = 1.5  # a layer knows its own villages apart
UNIT_KM: Final = 120.0
SAME_ID_KM: Final = 30.0
SPELLED_KM: Final = 3.0  # where only the romanisation key is the same
AROUND_KM: Final = 15.0  # as far as neighbors tell the governorate
_CELL: Final = 0.25  # degrees


class Merged(Struct):
    """A place and what is known of it from all layers."""

    row: Row
    forms: list[list[str]]  # the folded words of its names, each once
    layers: list[int]  # numbers of the layers that know it, the first is that of `row`


def merge(layers: Sequence[Iterable[Row]]) -> list[Merged]:
    """The places of all layers, the first layer's first."""
    gathered = [(number, row) for number, layer in enumerate(layers) for row in layer]
    wrong = _wrong_names()
    for _, row in gathered:
        dropped = {name for ref in row.refs for name in wrong.get(ref, ())}
        row.names = [name for name in dict.fromkeys(row.names) if name and name not in dropped]
        row.name_en = row.name_en if row.name_en not in dropped else ""
        row.name_ar = row.name_ar if row.name_ar not in dropped else ""
    return _Merger(_with_words([(number, row) for number, row in gathered if row.names])).merged()


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


def _wrong_names() -> dict[str, set[str]]:
    """Names that a layer gives a place wrongly, by the id that the place has there."""
    table: dict[str, set[str]] = defaultdict(set)
    for row in table_rows("gazetteer_mistakes"):
        table[row["ref"]].add(row["name"])
    return table


def _with_words(gathered: Sequence[tuple[int, Row]]) -> list[tuple[int, Row, list[list[str]]]]:
    """The rows with the folded words of their names; the same words are kept once for all rows."""
    distinct = list(dict.fromkeys(name for _, row in gathered for name in row.names))
    words = dict(zip(distinct, names_words(distinct), strict=True))
    out = []
    for layer, row in gathered:
        forms = {" ".join(words[name]): words[name] for name in row.names if words[name]}
        out.append((layer, row, list(forms.values())))
    return out


class _Merger:
    def __init__(self, gathered: list[tuple[int, Row, list[list[str]]]]) -> None:
        self.kept: list[Merged] = []
        self._by_name: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._by_ref: dict[str, list[int]] = defaultdict(list)
        self._by_id: dict[str, int] = {}
        self._codes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._labels: dict[tuple[str, str, str], int] = {}  # (kind, country, name in its layer) -> kept
        for layer, row, forms in gathered:
            self._add(layer, row, forms)

    def _add(self, layer: int, row: Row, forms: list[list[str]]) -> None:
        sort = _sort(row.kind)
        letters = sorted({k0(form) for form in forms} - {""})
        spelled = sorted({k1(form) for form in forms if not is_arabic(form[0])} - {""})
        number = self._same(layer, row, sort, letters, spelled)
        if number is None:
            number = len(self.kept)
            self.kept.append(Merged(row, forms, [layer]))
            self._by_id.setdefault(row.place_id, number)
        else:
            self._unite(self.kept[number], layer, row, forms)
        if row.kind in UNITS:
            self._labels.setdefault((row.kind, row.country, row.name_en), number)
        for key in letters:
            self._index(sort, row.country, key, number)
        for key in spelled:
            self._index(sort, row.country, f"1{key}", number)
        for ref in row.refs:
            if number not in self._by_ref[ref]:
                self._by_ref[ref].append(number)

    def _index(self, sort: str, country: str, key: str, number: int) -> None:
        listed = self._by_name[sort, country, key]
        if number not in listed:
            listed.append(number)

    def _same(self, layer: int, row: Row, sort: str, letters: list[str], spelled: list[str]) -> int | None:
        """The kept place that this row tells of; None where it is a new one."""
        known = self._by_id.get(row.place_id)
        if known is not None:
            return known
        best: tuple[float, int] | None = None
        for ref in row.refs:
            for number in self._by_ref.get(ref, ()):
                km = self._apart(row, number)
                if km < SAME_ID_KM and _sort(self.kept[number].row.kind) == sort:
                    best = min(best or (km, number), (km, number))
        if best is not None:
            return best[1]
        for keys, tier in ((letters, ""), (spelled, "1")):
            for key in keys:
                for number in self._by_name.get((sort, row.country, tier + key), ()):
                    km = self._apart(row, number)
                    if km < self._limit(layer, row, number, bool(tier)):
                        best = min(best or (km, number), (km, number))
            if best is not None:
                return best[1]
        return None

    def _limit(self, layer: int, row: Row, number: int, is_spelled: bool) -> float:
        other = self.kept[number]
        if layer in other.layers:
            return 0.0 if row.curated or is_spelled else SAME_LAYER_KM
        if row.kind == "country":
            return math.inf
        if row.kind in UNITS:
            return UNIT_KM if row.kind == other.row.kind else 0.0
        if is_spelled:
            return SPELLED_KM
        if row.curated:
            return SPELLED_KM  # two lists that people made: what is not the same spot is meant to be two
        return ESTIMATE_KM if "estimate" in other.row.source else NEAR_KM

    def _apart(self, row: Row, number: int) -> float:
        other = self.kept[number].row
        return kilometres(row.lat, row.lon, other.lat, other.lon)

    def _unite(self, first: Merged, layer: int, row: Row, forms: list[list[str]]) -> None:
        kept = first.row
        if first.layers[0] == layer and row.kind in SETTLEMENTS and row.population > kept.population:
            kept.kind = row.kind
        kept.population = kept.population or row.population
        kept.name_ar = kept.name_ar or row.name_ar
        kept.name_en = kept.name_en or row.name_en
        kept.code = kept.code or row.code
        if row.code and kept.admin1:
            self._codes[row.country, row.code][kept.admin1] += 1
        if not kept.admin1:
            kept.admin1, kept.admin2 = row.admin1, kept.admin2 or row.admin2
        known = {" ".join(form) for form in first.forms}
        first.forms += [form for form in forms if " ".join(form) not in known]
        if layer not in first.layers:
            first.layers.append(layer)

    def merged(self) -> list[Merged]:
        """The places, each with its units by the names that our tables have for them."""
        for one in self.kept:
            row = one.row
            if row.admin1:
                row.admin1 = self._unit("governorate", row.country, row.admin1)
            if row.admin2 and not row.curated:
                row.admin2 = self._unit("district", row.country, row.admin2)
            if row.code and row.admin1:
                self._codes[row.country, row.code][row.admin1] += 1
            if row.kind == "governorate" and not row.admin1:
                row.admin1 = row.name_en or row.name_ar
        for one in self.kept:  # GeoNames has numbers for units; the merged places tell their names
            row = one.row
            if row.code and not row.admin1 and (row.country, row.code) in self._codes:
                row.admin1 = self._codes[row.country, row.code].most_common(1)[0][0]
        _fill_from_neighbors([one.row for one in self.kept])
        return self.kept

    def _unit(self, kind: str, country: str, label: str) -> str:
        number = self._labels.get((kind, country, label))
        if number is None and (cleaned := clean_names([label])):
            number = self._labels.get((kind, country, cleaned[0]))
        if number is None:
            return label
        row = self.kept[number].row
        return row.name_en or row.name_ar


def _sort(kind: str) -> str:
    return "settlement" if kind in SETTLEMENTS or kind == "camp" else kind


def _fill_from_neighbors(rows: Sequence[Row]) -> None:
    """Country and governorate of the nearest three settlements, where a row's own layer does not tell."""
    told: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in rows:
        if row.kind in SETTLEMENTS and row.country and row.admin1:
            told[_cell(row)].append(row)
    missing = [row for row in rows if row.kind not in UNITS and not (row.country and row.admin1)]
    found = []
    for row in missing:
        if row.kind in {"country", "region", "sea", "river"} or (row.curated and row.country):
            continue
        y, x = _cell(row)
        around = [
            (kilometres(row.lat, row.lon, other.lat, other.lon), other.place_id, other)
            for near_y in (y - 1, y, y + 1)
            for near_x in (x - 1, x, x + 1)
            for other in told.get((near_y, near_x), ())
            if row.country in {"", other.country}
        ]
        nearest = [other for km, _, other in sorted(around, key=lambda one: one[:2])[:3] if km < AROUND_KM]
        if nearest:
            votes = Counter((other.country, other.admin1) for other in nearest)
            found.append((row, votes.most_common(1)[0][0]))
    for row, (country, admin1) in found:
        row.country, row.admin1 = row.country or country, row.admin1 or admin1


def _cell(row: Row) -> tuple[int, int]:
    return math.floor(row.lat / _CELL), math.floor(row.lon / _CELL)
