"""places.tsv is well formed, and its places lie where their countries are."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict

import pytest

from pipeline.data import rows

HEAD = ["place_id", "kind", "name_en", "name_ar", "also_en", "also_ar", "lat", "lon"]
HEAD += ["country", "admin1", "admin2", "population", "prior", "source"]
SETTLED = {"city", "town", "village", "quarter", "camp"}
BUILT = {"crossing", "airport", "dam", "facility"}
NATURAL = {"region", "river", "mountain", "sea", "island"}
ADMIN = {"country", "governorate", "district", "subdistrict"}
BOXES = {  # south, west, north, east; a little wider than the country
    "SY": (32.2, 35.5, 37.4, 42.5),
    "LB": (33.0, 35.0, 34.8, 36.8),
    "IQ": (29.0, 38.7, 37.5, 48.7),
    "TR": (35.8, 25.5, 42.2, 45.0),
    "JO": (29.1, 34.9, 33.5, 39.4),
    "PS": (31.2, 34.1, 32.6, 35.6),
    "IL": (29.4, 34.2, 33.4, 35.9),
    "EG": (21.9, 24.6, 31.8, 37.0),
}
PLACES = list(rows("places"))
BY_ID = {row["place_id"]: row for row in PLACES}


def kilometers(one: dict[str, str], other: dict[str, str]) -> float:
    south, west, north, east = (
        math.radians(float(row[axis])) for row in (one, other) for axis in ("lat", "lon")
    )
    return 6371 * math.hypot(north - south, (east - west) * math.cos((north + south) / 2))


def names(row: dict[str, str], language: str) -> list[str]:
    return [name for name in [row[f"name_{language}"], *row[f"also_{language}"].split("|")] if name]


def test_head_is_as_agreed() -> None:
    assert list(PLACES[0]) == HEAD


def test_there_is_enough() -> None:
    assert len(PLACES) > 1000
    assert sum(row["kind"] == "governorate" and row["country"] == "SY" for row in PLACES) == 14
    assert sum(row["kind"] == "district" for row in PLACES) >= 60


@pytest.mark.parametrize(
    ("place_id", "lat", "lon"),
    [
        ("sy-hama-khirbat-al-naqus", 35.648, 36.325),
        ("sy-hama-al-mansura", 35.650, 36.351),
        ("sy-hama-tel-wasit", 35.663, 36.343),
        ("sy-idlib-jisr-al-shughur", 35.814, 36.318),
        ("sy-aleppo-kobani", 36.891, 38.354),
        ("sy-aleppo-al-zahraa", 36.361, 37.011),
        ("sy-deir-ez-zor-deir-ez-zor", 35.336, 40.141),
        ("iq-nineveh-mosul", 36.34, 43.13),
        ("lb-baalbek-hermel-arsal", 34.179, 36.421),
    ],
)
def test_known_places(place_id: str, lat: float, lon: float) -> None:
    row = BY_ID[place_id]
    assert abs(float(row["lat"]) - lat) < 0.02
    assert abs(float(row["lon"]) - lon) < 0.02


def test_ids_are_unique_and_readable() -> None:
    assert len(BY_ID) == len(PLACES)
    assert all(re.fullmatch(r"[a-z]{2}(-[a-z0-9]+)*", place_id) for place_id in BY_ID)


def test_cells() -> None:
    for row in PLACES:
        assert row["kind"] in ADMIN | SETTLED | BUILT | NATURAL, row
        assert row["name_en"] or row["name_ar"], row
        assert row["source"], row
        assert re.fullmatch("[A-Z]{2}", row["country"]), row
        assert row["population"] == "" or int(row["population"]) > 0, row
        assert row["prior"] == "" or -3 <= float(row["prior"]) < 0, row


def test_names_are_in_their_own_script_and_listed_once() -> None:
    for row in PLACES:
        for language, script in (
            ("ar", "[\N{ARABIC LETTER HAMZA}-\N{ARABIC LETTER YEH BARREE}]"),
            ("en", "[A-Za-z]"),
        ):
            listed = names(row, language)
            assert len(set(listed)) == len(listed), row
            assert all(name == name.strip() and re.search(script, name) for name in listed), row


def test_places_lie_in_their_country() -> None:
    for row in PLACES:
        if row["country"] in BOXES and row["kind"] not in {"region", "sea"}:
            south, west, north, east = BOXES[row["country"]]
            assert south <= float(row["lat"]) <= north, row
            assert west <= float(row["lon"]) <= east, row


def test_divisions_are_named_as_in_the_table() -> None:
    governorates = {(row["country"], row["name_en"]) for row in PLACES if row["kind"] == "governorate"}
    districts = {
        (row["country"], row["admin1"], row["name_en"]) for row in PLACES if row["kind"] == "district"
    }
    for row in PLACES:
        if row["admin1"]:
            assert (row["country"], row["admin1"]) in governorates, row
        if row["admin2"] and row["country"] == "SY" and row["admin1"] != "Damascus":
            assert (row["country"], row["admin1"], row["admin2"]) in districts, row


def test_no_place_is_there_twice() -> None:
    """No two rows of one Arabic name within 3 km; a division and its seat share a name, and that is right."""
    by_name = defaultdict(list)
    for row in PLACES:
        if row["kind"] not in ADMIN:
            for name in names(row, "ar"):
                by_name[name].append(row)
    for name, bearers in by_name.items():
        for index, one in enumerate(bearers):
            for other in bearers[index + 1 :]:
                assert kilometers(one, other) > 3, (name, one["place_id"], other["place_id"])


def test_villages_are_not_far_from_their_district() -> None:
    districts = {(row["admin1"], row["name_en"]): row for row in PLACES if row["kind"] == "district"}
    for row in PLACES:
        if row["kind"] in {"village", "town"} and (row["admin1"], row["admin2"]) in districts:
            assert kilometers(row, districts[row["admin1"], row["admin2"]]) < 130, row


@pytest.mark.parametrize("table", ["places_divisions", "places_world"])
def test_the_other_tables_are_formed_alike(table: str) -> None:
    found = list(rows(table))
    assert list(found[0]) == HEAD
    ids = [row["place_id"] for row in found]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & set(BY_ID)
    for row in found:
        assert row["kind"] in ADMIN | SETTLED | NATURAL, row
        assert row["name_en"], row
        assert row["source"], row
        assert row["prior"] == "" or -3 <= float(row["prior"]) < 0, row


def test_every_neighbor_has_its_first_level_divisions() -> None:
    found = [*PLACES, *rows("places_divisions")]
    counts = Counter(row["country"] for row in found if row["kind"] == "governorate")
    least = {
        "SY": 14,
        "LB": 8,
        "IQ": 18,
        "TR": 70,
        "JO": 12,
        "PS": 2,
        "IL": 5,
        "EG": 27,
        "SA": 13,
        "YE": 21,
        "LY": 19,
    }
    assert {code: count for code, count in least.items() if counts[code] < count} == {}


def test_mistakes_of_public_gazetteers_name_their_place() -> None:
    for row in rows("gazetteer_mistakes"):
        assert re.fullmatch(r"(wof|gn):\d+", row["ref"]), row
        assert row["name"], row
        assert row["source"], row


def test_states_lie_in_themselves() -> None:
    """The mean of the cities of New York, weighted by inhabitants, lies in New Jersey."""
    row = next(row for row in rows("places_provinces") if row["place_id"] == "us:NY")
    assert 42 < float(row["lat"]) < 44
    assert -77 < float(row["lon"]) < -74.5
