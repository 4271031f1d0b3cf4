"""The compiled gazetteer: what it holds, how layers are merged, and what is said of a bad row."""

from __future__ import annotations

import csv
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.places import find_places
from pipeline.places.gazetteer import Gazetteer, open_gazetteer
from pipeline.text import find_marks, normalize_batch, tokenize

COLUMNS = ("place_id", "kind", "name_en", "name_ar", "lat", "lon", "country", "source")
HOME = ("SY", "LB", "IQ", "TR")


@pytest.fixture(scope="session")
def gazetteer(toolkit) -> Gazetteer:
    return toolkit.gazetteer


def layer(path: Path, *rows: dict[str, str], sep: str = ",") -> Path:
    lines = [sep.join(COLUMNS), *(sep.join(row.get(column, "") for column in COLUMNS) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


CHECKPOINT = {
    "place_id": "my:1",
    "kind": "facility",
    "name_en": "Abu Zurayq Checkpoint",
    "name_ar": "حاجز أبو زريق",
    "lat": "35.7",
    "lon": "36.3",
    "country": "SY",
}


@pytest.mark.parametrize(
    ("name", "place_id"),
    [
        ("كفرنبل", "sy-idlib-kafr-nabl"),
        ("Kfar Nabel", "sy-idlib-kafr-nabl"),
        ("Khirbet al-Naqous", "sy-hama-khirbat-al-naqus"),
        ("خربة الناقوس", "sy-hama-khirbat-al-naqus"),
        ("Khan Sheikhoun", "sy-idlib-khan-shaykhun"),
        ("Germany", "de"),
        ("اليابان", "iso:JP"),
    ],
)
def test_lookup_in_any_spelling(gazetteer: Gazetteer, name: str, place_id: str) -> None:
    assert gazetteer.lookup(name)[0].place.place_id == place_id


def names() -> list[dict[str, str]]:
    lines = (Path(__file__).parent / "cases" / "lookup.tsv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t"))


@pytest.mark.parametrize("case", names(), ids=lambda case: case["name"])
def test_lookup(gazetteer: Gazetteer, case: dict[str, str]) -> None:
    found = gazetteer.lookup(case["name"])
    first = [match.place.place_id for match in found if match.similarity == found[0].similarity]
    assert (case["found"] in first) if case["found"] else not found
    assert all(0 < match.similarity <= 1 for match in found)
    assert [match.similarity for match in found] == sorted((m.similarity for m in found), reverse=True)


def test_lookup_in_one_country(gazetteer: Gazetteer) -> None:
    everywhere = gazetteer.lookup("المنصورة", limit=50)
    syrian = gazetteer.lookup("المنصورة", limit=50, countries=["SY"])
    assert {match.place.country for match in syrian} == {"SY"}
    assert len(syrian) < len(everywhere)
    assert len(gazetteer.lookup("المنصورة", limit=1)) == 1


def test_areas_have_centroids(gazetteer: Gazetteer) -> None:
    kinds = {gazetteer.lookup(name)[0].place.coordinate_kind for name in ("Syria", "سهل الغاب", "ريف دمشق")}
    assert kinds == {"centroid"}
    assert gazetteer.lookup("كفرنبل")[0].place.coordinate_kind == "point"


@given(st.text(max_size=25))
def test_lookup_takes_any_text(gazetteer: Gazetteer, name: str) -> None:
    assert len(gazetteer.lookup(name, limit=3)) <= 3


@pytest.mark.parametrize("name", ["", "   ", "!!", "qqqqqqq", "لا يوجد مكان كهذا"])
def test_lookup_of_nothing(gazetteer: Gazetteer, name: str) -> None:
    assert gazetteer.lookup(name) == []


def test_every_place_reads_back(gazetteer: Gazetteer) -> None:
    for number in range(0, len(gazetteer), 97):
        place = gazetteer.place(number)
        assert place.place_id
        assert place.name
        assert abs(place.lat) <= 90
        assert abs(place.lon) <= 180
        assert place.source


def test_ids_are_unique(gazetteer: Gazetteer) -> None:
    ids = [gazetteer.place(number).place_id for number in range(len(gazetteer))]
    assert len(set(ids)) == len(ids)


def test_layers_of_one_place_are_merged(gazetteer: Gazetteer) -> None:
    found = gazetteer.lookup("خان شيخون")
    assert [match.place.feature in {"city", "town"} for match in found].count(True) == 1
    assert found[0].place.population > 0  # the inhabitants come from the layer below


def test_admin_names_reach_merged_layers(gazetteer: Gazetteer) -> None:
    places = [gazetteer.place(number) for number in range(len(gazetteer))]
    syrian = [place for place in places if place.country == "SY" and place.place_id.startswith("gn:")]
    assert sum(place.admin1 is not None for place in syrian) > 0.9 * len(syrian)


def test_reopening_gives_the_same(gazetteer: Gazetteer, cache: Path) -> None:
    again = open_gazetteer(cache, HOME)
    assert again.digest == gazetteer.digest
    assert again.lookup("حلب") == gazetteer.lookup("حلب")


def test_a_layer_of_the_user_comes_first(tmp_path: Path) -> None:
    own = layer(
        tmp_path / "own.csv",
        CHECKPOINT,
        {
            **CHECKPOINT,
            "place_id": "sy",
            "kind": "country",
            "name_en": "Syria",
            "name_ar": "سوريا",
            "lat": "35.1",
        },
    )
    gazetteer = open_gazetteer(tmp_path / "cache", ("SY",), [own])
    assert gazetteer.lookup("حاجز أبو زريق")[0].place.place_id == "my:1"
    assert gazetteer.lookup("Syria")[0].place.lat == 35.1
    text = "إطلاق نار قرب حاجز أبو زريق"
    mention = find_places(tokenize(normalize_batch([text]), find_marks([text])), gazetteer, ("SY",))[0][0]
    assert mention.place.place_id == "my:1"
    assert mention.place.source == "own.csv"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lat": ""}, "line 2.*numbers"),
        ({"lat": "135"}, "line 2.*WGS 84"),
        ({"kind": "pub"}, "line 2.*'pub'.*village"),
        ({"name_en": "", "name_ar": ""}, "line 2.*name, name_en or name_ar"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    own = layer(tmp_path / "own.csv", {**CHECKPOINT, **change})
    with pytest.raises(ConfigError, match=message):
        open_gazetteer(tmp_path / "cache", ("SY",), [own])
    assert not list((tmp_path / "cache").glob("gazetteer-*"))


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_bytes("اسم".encode("cp1256"))
    for path, message in ((tmp_path / "none.csv", "cannot be read"), (wrong, "UTF-8")):
        with pytest.raises(ConfigError, match=message):
            open_gazetteer(tmp_path / "cache", ("SY",), [path])
    twice = layer(tmp_path / "twice.csv", CHECKPOINT, CHECKPOINT)
    with pytest.raises(ConfigError, match=r"line 3.*line 2 already"):
        open_gazetteer(tmp_path / "cache", ("SY",), [twice])


def test_workers_share_one_folder(cache: Path, gazetteer: Gazetteer) -> None:
    with get_context("spawn").Pool(2) as pool:
        digests = pool.starmap(_digest_in_worker, [(str(cache),)] * 2)
    assert digests == [gazetteer.digest] * 2


def _digest_in_worker(cache: str) -> str:
    return open_gazetteer(Path(cache), HOME).digest
