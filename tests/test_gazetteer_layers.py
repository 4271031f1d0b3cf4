"""Layers of the gazetteer: made from small files of the real formats, kept whole, listed and removed."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Gazetteer as GazetteerConfig
from pipeline.errors import ConfigError
from pipeline.jobs.gazetteer import add_geonames, add_table, add_whosonfirst, added_notes, remove
from pipeline.places.fetch import Downloads
from pipeline.places.gazetteer import Gazetteer, open_gazetteer
from pipeline.places.index import KEPT_PACKS, write_pack
from pipeline.places.layers import Row, layers_in, read_note, read_rows
from pipeline.places.merge import merge
from pipeline.places.sources import default, geonames, table, whosonfirst

VILLAGES = [  # id, name, Arabic, other, lat, lon, placetype
    (900001, "Aleppo", "حلب", "Halab Governorate", 36.2, 37.6, "region"),
    (900003, "Tall Mithali", "تل مثالي", "Tell Missâli", 36.05, 37.25, "locality"),
    (900004, "Qaryat al `Ayn", "قرية العين المثالية", "Kariet el Aïn", 36.07, 37.31, "locality"),
]


def feature(place: tuple[int, str, str, str, float, float, str], **more: Any) -> dict[str, Any]:
    number, name, arabic, other, lat, lon, placetype = place
    properties = {
        "wof:id": number,
        "wof:name": name,
        "wof:placetype": placetype,
        "iso:country": "SY",
        "wof:country": "SY",
        "geom:latitude": lat,
        "geom:longitude": lon,
        "mz:is_current": -1,
        "wof:superseded_by": [],
        "name:ara_x_preferred": [arabic],
        "name:und_x_variant": [other],
        "wof:hierarchy": [{"country_id": 85632413, "region_id": 900001}],
        "gn:population": 120,
        **more,
    }
    return {"id": number, "type": "Feature", "properties": properties, "geometry": {"type": "Point"}}


def records() -> list[dict[str, Any]]:
    more = [
        feature((900005, "Gone", "ذاهبة", "Gone", 36.0, 37.0, "locality"), **{"wof:superseded_by": [900004]}),
        feature((900006, "Nowhere", "لا مكان", "Nowhere", 0.0, 0.0, "locality")),
        feature((900007, "Syria", "سوريا", "Syria", 35.0, 38.0, "country")),
    ]
    return [feature(village) for village in VILLAGES] + more


def checkout(folder: Path) -> Path:
    for record in records():
        digits = str(record["id"])
        path = folder / "data" / digits[:3] / digits[3:] / f"{digits}.geojson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    path.with_name(f"{digits}-alt-quattroshapes.geojson").write_text("{}", encoding="utf-8")
    return folder


def bundle(folder: Path) -> Path:
    path = folder / "whosonfirst-data-admin-sy-latest.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        archive.add(checkout(folder / "unpacked"), "whosonfirst-data-admin-sy-latest")
    return path


def zipped(folder: Path) -> Path:
    path = folder / "whosonfirst-data-admin-sy-master.zip"
    root = checkout(folder / "unpacked")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.geojson")):
            archive.write(file, file.relative_to(root))
    return path


def database(folder: Path, body: bool = True) -> Path:
    path = folder / "whosonfirst-data-admin-sy-latest.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE geojson (id INTEGER, body TEXT, source TEXT, is_alt INTEGER)")
        connection.execute(
            "CREATE TABLE spr (id INTEGER, name TEXT, placetype TEXT, country TEXT, latitude REAL, longitude REAL,"
            " is_current INTEGER, is_deprecated INTEGER, is_ceased INTEGER, is_superseded INTEGER)"
        )
        connection.execute("CREATE TABLE names (id INTEGER, language TEXT, privateuse TEXT, name TEXT)")
        for record in records():
            props = record["properties"]
            if body:
                connection.execute(
                    "INSERT INTO geojson VALUES (?, ?, '', 0)", (record["id"], json.dumps(record))
                )
            connection.execute(
                "INSERT INTO spr VALUES (?, ?, ?, ?, ?, ?, -1, 0, 0, ?)",
                (
                    record["id"], props["wof:name"], props["wof:placetype"], "SY", props["geom:latitude"],
                    props["geom:longitude"], int(bool(props["wof:superseded_by"])),
                ),
            )  # fmt: skip
            for key, use in (("name:ara_x_preferred", "preferred"), ("name:und_x_variant", "variant")):
                connection.execute(
                    "INSERT INTO names VALUES (?, ?, ?, ?)", (record["id"], key[5:8], use, props[key][0])
                )
    connection.close()
    return path


def spr_only(folder: Path) -> Path:
    return database(folder, body=False)


def as_table(folder: Path) -> Path:
    path = folder / "places.csv.gz"
    head = [
        "wof_id",
        "cc",
        "placetype",
        "name",
        "lat",
        "lon",
        "population",
        "region",
        "names_ar",
        "names_latin",
    ]
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for number, name, arabic, other, lat, lon, placetype in VILLAGES:
            writer.writerow(
                [number, "SY", placetype, name, lat, lon, 120, "Aleppo", arabic, f"{name}|{other}"]
            )
    return path


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path / "downloads", pause=0)


@pytest.mark.parametrize("form", [checkout, bundle, zipped, database, spr_only, as_table])
def test_whosonfirst_in_every_form(tmp_path: Path, downloads: Downloads, form: Any) -> None:
    folder = tmp_path / "layers"
    (note,) = add_whosonfirst(folder, ["sy"], downloads, origin=form(tmp_path))
    assert (note.name, note.rows, note.countries) == ("whosonfirst-sy", 3, ("SY",))
    assert "GeoNames" in note.attribution
    rows = {row.place_id: row for row in read_rows(layers_in(folder)[0])}
    assert set(rows) == {"wof:900001", "wof:900003", "wof:900004"}
    village = rows["wof:900003"]
    assert (village.kind, village.name_en, village.name_ar) == ("village", "Tall Mithali", "تل مثالي")
    assert set(village.names) == {"Tall Mithali", "تل مثالي", "Tell Missâli"}
    assert (village.lat, village.lon, village.source) == (36.05, 37.25, "Who's On First 900003")
    if form is not as_table:
        assert note.skipped["superseded or ceased"] == 1
        assert note.skipped["no coordinates"] == 1


def test_added_places_are_found_and_removed_ones_are_not(tmp_path: Path, downloads: Downloads) -> None:
    folder, cache = tmp_path / "layers", tmp_path / "cache"
    add_whosonfirst(folder, [], downloads, origin=as_table(tmp_path))
    used = GazetteerConfig().layer_files({"MARSAD_GAZETTEER": str(folder)})
    gazetteer = open_gazetteer(
        cache, ("SY",), [own(tmp_path, "name,lat,lon\nحاجز المثال,35.93,36.63\n"), *used]
    )
    place = gazetteer.lookup("Tel Mithaly")[0].place
    assert (place.place_id, place.admin1, place.country) == ("wof:900003", "Aleppo", "SY")
    assert gazetteer.lookup("تل المثالي")[0].place == place
    number = next(n for n in gazetteer.names("تلمثالي"))
    assert gazetteer.layer(number).title == "Who's On First"
    assert [m.place.place_id for m in gazetteer.lookup("Halab Governorate")] == ["sy-aleppo"]  # one row, ours
    place = gazetteer.lookup("حاجز المثال")[0].place  # its table tells no country: the neighbors do
    assert (place.country, place.admin1) == ("SY", "Idlib")
    assert remove(folder, ["whosonfirst"]) == ["whosonfirst-sy"]
    assert GazetteerConfig().layer_files({"MARSAD_GAZETTEER": str(folder)}) == ()


def test_layers_of_the_configuration(tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    for name in ("mine", "mine-2", "other"):
        add_table(folder, own(tmp_path), name)
    environment = {"MARSAD_GAZETTEER": str(folder)}

    def named(*layers: str) -> list[str]:
        return [
            path.name.partition(".")[0] for path in GazetteerConfig(layers=layers).layer_files(environment)
        ]

    assert named() == ["mine", "mine-2", "other"]
    assert named("mine") == ["mine", "mine-2"]
    assert named("default") == []
    with pytest.raises(ConfigError, match=r"'mne' was not added; did you mean 'mine'"):
        named("mne")


def own(folder: Path, text: str = "name;lat;lon\nحاجز المثال;35.7;36.3\n") -> Path:
    path = folder / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_own_places_with_the_heads_of_a_spreadsheet(tmp_path: Path) -> None:
    text = (
        "\ufeffالاسم,English Name,Latitude,LONG,Type,Governorate,Aliases,Notes\r\n"
        'حاجز المثال,Mithal Checkpoint,"35,7",36.3,Checkpoint,Idlib,حاجز مثال|The Mithal,x\r\n'
        "\r\n"
        "حي التجربة,,٣٥٫٨,36.4,حي,,,\r\n"
    )
    first, second = table.read(own(tmp_path, text))
    assert (first.kind, first.name_en, first.name_ar) == ("facility", "Mithal Checkpoint", "حاجز المثال")
    assert (first.lat, first.lon, first.admin1) == (35.7, 36.3, "Idlib")
    assert {"حاجز مثال", "The Mithal"} < set(first.names)
    assert (second.kind, second.lat, second.name_en) == ("quarter", 35.8, "")
    assert first.place_id != second.place_id
    assert first.place_id == table.read(own(tmp_path, text))[0].place_id


BAD_TABLES = [
    ("name,lat,lon\nx,,36\n", r"line 2: .*lat is ''"),
    ("name,lat,lon\nx,35,\n", r"line 2: .*lon is ''"),
    ("name,lat,lon\nA,35,36\nB,95,36\n", r"line 3: lat 95"),
    ("name,lat,lon\nA,0,0\n", r"line 2: lat 0, lon 0"),
    ("name,lat,lon\nA,35°38'N,36\n", r"line 2: .*lat is \"35°38'N\""),
    ("id,name,lat,lon\n1,A,35,36\n1,B,36,36\n", r"line 3: place_id '1' stands in line 2 already"),
    ("name,lat,lon\nA,35,36\nB,35\n", r"line 3: 2 cells, 3 expected; is the file cut off"),
    ('name,lat,lon\n"A,35,36\n', r"line 2: .*cut off"),
    ("name,lat,lon,kind\nA,35,36,pub\n", r"line 2: kind 'pub' is none of"),
    ("name,lat,lon,country\nA,35,36,Syria\n", r"line 2: country 'Syria'"),
    ("name,lat\nA,35\n", r"line 1: column lon missing"),
    ("lat,lon\n35,36\n", r"line 1: column name"),
    ("name,lat,latitude,lon\nA,35,35,36\n", r"line 1: lat, latitude are both lat"),
    ("name,lat,lon\n", r"no place in it"),
    ("", r"line 1"),
]


@pytest.mark.parametrize(("text", "message"), BAD_TABLES)
def test_a_bad_table_is_named_and_the_old_layer_stays(tmp_path: Path, text: str, message: str) -> None:
    folder = tmp_path / "layers"
    add_table(folder, own(tmp_path), "own")
    before = layers_in(folder)[0].read_bytes()
    with pytest.raises(ConfigError, match=message):
        add_table(folder, own(tmp_path, text), "own")
    assert [path.name for path in sorted(folder.iterdir())] == ["own.places.gz"]
    assert layers_in(folder)[0].read_bytes() == before


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("name,lat,lon\nاسم,35,36\n".encode("cp1256"), r"line 2: byte 13 is not UTF-8"),
        ("name,lat,lon\nاسم,35,36\n".encode("utf-16"), r"line 1: this is UTF-16"),
        (b"name,lat,lon\nA,35,\0\n", r"line 2: this is no text"),
    ],
)
def test_a_wrong_encoding_is_named(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=message):
        add_table(tmp_path / "layers", path)
    assert not (tmp_path / "layers").exists()


def test_every_mistake_of_a_table_is_told_at_once(tmp_path: Path) -> None:
    text = "name,lat,lon\n" + "A,x,1\n" * 25
    with pytest.raises(ConfigError) as told:
        table.read(own(tmp_path, text))
    assert str(told.value).count(": lat, lon, population") == 20
    assert "and 5 more" in str(told.value)


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


@pytest.mark.parametrize("form", [bundle, zipped, database, as_table])
def test_a_download_that_was_cut_off_is_refused(tmp_path: Path, downloads: Downloads, form: Any) -> None:
    folder = tmp_path / "layers"
    path = form(tmp_path)
    add_whosonfirst(folder, ["sy"], downloads, origin=path)
    before = layers_in(folder)[0].read_bytes()
    with pytest.raises(ConfigError, match=path.name):
        add_whosonfirst(folder, ["sy"], downloads, origin=cut(path))
    assert layers_in(folder)[0].read_bytes() == before


@pytest.mark.parametrize("name", ["nothing.zip", "nothing.db", "nothing.csv", "nothing"])
def test_an_origin_that_is_not_there(tmp_path: Path, downloads: Downloads, name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        add_whosonfirst(tmp_path / "layers", ["sy"], downloads, origin=tmp_path / name)


def test_a_country_that_the_origin_lacks(tmp_path: Path, downloads: Downloads) -> None:
    with pytest.raises(ConfigError, match="no place of LB"):
        add_whosonfirst(tmp_path / "layers", ["sy", "lb"], downloads, origin=as_table(tmp_path))
    assert layers_in(tmp_path / "layers") == []


# -- GeoNames


def dump_line(
    number: int, name: str, others: str, feature_code: str, lat: str = "36.05", **cells: str
) -> str:
    line = [""] * 19
    line[:4] = [str(number), name, name, others]
    line[4:9] = [lat, "37.25", "A" if feature_code.startswith("ADM") else "P", feature_code, "SY"]
    line[10], line[14] = "09", cells.get("population", "0")
    return "\t".join(line)


DUMP = "\n".join([
    dump_line(800001, "Aleppo Governorate", "Halab", "ADM1", lat="36.2"),
    dump_line(800002, "Tall Mithali", "Tell Missali,TLM", "PPL", population="12000"),
    dump_line(800003, "Old Ruin", "", "PPLH"),
    dump_line(800004, "Qanat Tajriba", "", "CNL", lat="36.06"),
])  # fmt: skip
NAMES = "\n".join([
    "1\t800002\tar\tتل مثال\t\t",
    "2\t800002\tar\tتل مثالي\t1\t",
    "3\t800002\ttr\tMisali Tepe\t\t",
    "4\t800002\tlink\thttps://example.org/x\t\t",
    "5\t999999\tar\tغير مطلوب\t\t",
])  # fmt: skip


def zip_of(path: Path, name: str, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme.txt", "no data")
        archive.writestr(name, text)
    return path


@pytest.mark.parametrize("form", ["zip", "txt", "folder"])
def test_geonames_with_alternate_names(tmp_path: Path, downloads: Downloads, form: str) -> None:
    names = zip_of(tmp_path / "alternatenames" / "SY.zip", "SY.txt", NAMES)
    if form == "txt":
        origin = tmp_path / "SY.txt"
        origin.write_text(DUMP, encoding="utf-8")
    else:
        origin = zip_of(tmp_path / "SY.zip", "SY.txt", DUMP)
    given = {"origin": tmp_path if form == "folder" else origin, "names": names if form == "txt" else None}
    (note,) = add_geonames(tmp_path / "layers", ["sy"], downloads, **given)
    assert (note.name, note.rows, note.licence) == ("geonames-sy", 3, "CC BY 4.0")
    assert note.skipped == {"feature class P": 1}
    rows = {row.place_id: row for row in read_rows(layers_in(tmp_path / "layers")[0])}
    town = rows["gn:800002"]
    assert (town.kind, town.name_ar, town.population) == ("town", "تل مثالي", 12000)
    assert set(town.names) == {"Tall Mithali", "Tell Missali", "تل مثالي", "تل مثال", "Misali Tepe"}
    assert (town.admin1, rows["gn:800001"].kind, rows["gn:800004"].kind) == (
        "Aleppo Governorate", "governorate", "river",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DUMP.rsplit("\t", 6)[0], r"SY\.txt line 4: 13 cells, 19 expected.*cut off"),
        (DUMP.replace("36.05", "north", 1), r"SY\.txt line 2: lat 'north'"),
        ("hello\n", r"SY\.txt line 1: 1 cells"),
        ("", r"no place in it"),
    ],
)
def test_a_bad_dump_is_named_by_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "SY.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        list(geonames.read(path, None, Counter()))


# -- layers as files


def small(folder: Path, *layers: Any) -> Gazetteer:
    """A gazetteer of these layers alone."""
    write_pack(
        folder,
        folder / "gazetteer-small",
        merge(layers),
        digest="",
        home=(),
        region=frozenset({"SY"}),
        notes=[],
    )
    return Gazetteer(folder / "gazetteer-small")


def test_one_place_in_three_layers_is_one_row(tmp_path: Path) -> None:
    mine = "id,name,name_en,lat,lon,kind,country\nm:1,تل مثالي,Tal Mithali,36.051,37.251,village,SY\n"
    dump = zip_of(tmp_path / "SY.zip", "SY.txt", DUMP)
    gazetteer = small(
        tmp_path,
        table.read(own(tmp_path, mine)),
        geonames.read(dump, None, Counter()),
        whosonfirst.read(as_table(tmp_path), [], Counter()),
    )
    for name in ("تل مثالي", "Tell Missali", "Tall Mithali", "Tal Mithali"):
        assert [match.place.place_id for match in gazetteer.lookup(name)] == ["m:1"], name
    place = gazetteer.lookup("تل مثالي")[0].place
    assert (place.lat, place.lon) == (36.051, 37.251)
    assert (place.population, place.admin1) == (12000, "Aleppo Governorate")


def village(place_id: str, name: str, lat: float, lon: float, **more: Any) -> Row:
    cells = {"kind": "village", "country": "SY", "source": "invented"} | more
    return Row(place_id=place_id, name_en=name, names=[name], lat=lat, lon=lon, **cells)


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        (village("a", "Mithal", 36.0, 37.0), village("b", "Mithal", 36.02, 37.0), 1),
        (village("a", "Mithal", 36.0, 37.0), village("b", "Mithal", 36.2, 37.0), 2),  # homonyms
        (village("a", "Mithal", 36.0, 37.0), village("b", "Tajriba", 36.0, 37.0), 2),
        (village("a", "Mithal", 36.0, 37.0), village("b", "Methaal", 36.01, 37.0), 1),  # by romanisation key
        (village("a", "Mithal", 36.0, 37.0), village("b", "Methaal", 36.04, 37.0), 2),
        (village("a", "Mithal", 36.0, 37.0), village("b", "Mithal", 36.0, 37.0, kind="dam"), 2),
        (village("a", "Mithal", 36.0, 37.0), village("b", "Mithal", 36.0, 37.0, country="LB"), 2),
        (
            village("a", "Mithal", 36.0, 37.0, refs=["gn:1"]),
            village("b", "Xyz", 36.1, 37.0, refs=["gn:1"]),
            1,
        ),
        (
            village("a", "Mithal", 36.0, 37.0, refs=["gn:1"]),
            village("b", "Xyz", 38.1, 37.0, refs=["gn:1"]),
            2,
        ),
    ],
)
def test_what_is_one_place(first: Row, second: Row, rows: int) -> None:
    found = merge([[first], [second]])
    assert [one.row.place_id for one in found] == ["a", "b"][:rows]
    if rows == 1:
        assert {" ".join(form) for form in found[0].forms} >= {"mithal"}
        assert found[0].layers == [0, 1]


def test_a_table_of_people_tells_its_own_places_apart(tmp_path: Path) -> None:
    text = "id,name,lat,lon,country\na,تل مثالي,36.0,37.0,SY\nb,تل مثالي,36.3,37.0,SY\nc,تل مثالي,36.001,37.0,SY\n"
    gazetteer = small(tmp_path, table.read(own(tmp_path, text)))
    assert {match.place.place_id for match in gazetteer.lookup("تل مثالي")} == {"a", "b", "c"}


def test_a_known_wrong_label_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(
        "wof_id,cc,placetype,name,lat,lon,names_ar,names_latin\n"
        "1243538269,SY,locality,Khirbat al `Arus,35.64814,36.32531,خربة العروس|خربة الناقوس,Khirbat an Nāqūs\n"
        "85681385,SY,region,United Nations Disengagement Observer Force,33.1,35.9,,\n",
        encoding="utf-8",
    )
    gazetteer = small(tmp_path, default.curated_rows(), whosonfirst.read(path, [], Counter()))
    assert [m.place.place_id for m in gazetteer.lookup("خربة الناقوس")] == ["sy-hama-khirbat-al-naqus"]
    assert "sy-hama-khirbat-al-naqus" not in {m.place.place_id for m in gazetteer.lookup("Khirbat al Arus")}
    assert gazetteer.lookup("United Nations Disengagement Observer Force") == []


def test_a_damaged_layer_is_named_and_can_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    add_table(folder, own(tmp_path), "own")
    (path,) = layers_in(folder)
    cut(path)
    with pytest.raises(ConfigError, match=r"marsad gazetteer remove own"):
        open_gazetteer(tmp_path / "cache", ("SY",), [path])
    assert not list((tmp_path / "cache").glob("gazetteer-*"))
    path.write_bytes(b"no gzip")
    ((_, broken),) = added_notes(folder)
    assert isinstance(broken, ConfigError)
    assert remove(folder, ["own"]) == ["own"]


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "geonames-sy"])
def test_a_bad_name_of_a_layer_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        add_table(tmp_path / "layers", own(tmp_path), name)
    assert layers_in(tmp_path / "layers") == []


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    first = add_table(tmp_path / "one", own(tmp_path), "own")
    second = add_table(tmp_path / "two", own(tmp_path), "own")
    assert first == second
    assert layers_in(tmp_path / "one")[0].read_bytes() == layers_in(tmp_path / "two")[0].read_bytes()
    assert read_note(layers_in(tmp_path / "one")[0]) == first


def test_old_packs_are_pruned(tmp_path: Path) -> None:
    row = Row(place_id="a", kind="village", names=["A"], name_en="A", lat=1, lon=1, source="x")
    for number in range(KEPT_PACKS + 3):
        write_pack(
            tmp_path, tmp_path / f"gazetteer-{number}", merge([[row]]),
            digest=str(number), home=(), region=frozenset(), notes=[],
        )  # fmt: skip
    left = {path.name for path in tmp_path.glob("gazetteer-*")}
    assert len(left) == KEPT_PACKS
    assert f"gazetteer-{KEPT_PACKS + 2}" in left
    assert Gazetteer(tmp_path / f"gazetteer-{KEPT_PACKS + 2}").place(0).place_id == "a"


def test_unpacked_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.places.sources.files.LARGEST_FILE", 1000)
    path = zip_of(tmp_path / "SY.zip", "SY.txt", DUMP + "\n" * 2000)
    with pytest.raises(ConfigError, match="bytes unpacked"):
        list(geonames.read(path, None, Counter()))


def test_names_are_cleaned_of_what_is_no_name(tmp_path: Path) -> None:
    record = feature((900010, "Hasaka (Al Haksa)", "هيت، عراق", "ORAT", 36.0, 37.0, "locality"))
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("900010.geojson", json.dumps(record))
    (row,) = whosonfirst.read(path, [], Counter())
    assert row.names == ["Hasaka", "Al Haksa", "هيت"]
    assert row.name_en == "Hasaka"
