"""Exports: read back by the programs that they are for, the same rows come out."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import resource
import sqlite3
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from export_builders import HARD, hard_dataset
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError, DatasetError
from pipeline.storage.export import ENDINGS, describe, export
from pipeline.storage.export.cells import harmless, risky, undo_harmless
from pipeline.storage.export.streams import stream, whole_file
from pipeline.storage.export.workbook import MOST_UNITS, write_xlsx
from pipeline.storage.frames import load
from pipeline.storage.query import Filters, filters
from pipeline.storage.schema import TABLES

ALL = Filters()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return hard_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def loaded(root):
    return load(root)


@pytest.fixture(scope="module")
def made(loaded, tmp_path_factory) -> dict[str, Path]:
    """Every format once, with the history where there can be one."""
    folder = tmp_path_factory.mktemp("exports")
    paths = {}
    for name, ending in ENDINGS.items():
        paths[name] = folder / ("csv" if name == "csv" else f"all.{ending}")
        is_map = name in {"geojson", "geoparquet"}
        tables = [] if is_map else list(TABLES)
        paths[name] = export(loaded, name, tables, paths[name], ALL, history=not is_map).files[0].path
    return paths


def rows_of(loaded, table: str) -> list[dict]:
    return loaded.rows(table, ALL).table().to_pylist()


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


# CSV


def test_csv_begins_with_the_mark_that_excel_looks_for_and_ends_lines_as_the_rfc_says(made):
    raw = made["csv"].read_bytes()
    assert raw.startswith(b'\xef\xbb\xbf"post_id","source",')
    assert raw.endswith(b"\r\n")


def test_csv_gives_every_text_back(loaded, made):
    expected = rows_of(loaded, "posts")
    found = csv_rows(made["csv"])
    assert [row["post_id"] for row in found] == [row["post_id"] for row in expected]
    texts = undo_harmless(pa.array([row["text"] for row in found])).to_pylist()
    assert texts == [row["text"].replace("\x00", "␀") for row in expected]
    assert [json.loads(row["hashtags"]) for row in found] == [row["hashtags"] for row in expected]
    assert [row["views"] for row in found] == [
        "" if n["views"] is None else str(n["views"]) for n in expected
    ]


def test_csv_is_the_same_in_pandas(loaded, made):
    found = pd.read_csv(made["csv"], dtype={"native_id": str}, parse_dates=["posted_at"])
    expected = loaded.posts()
    assert list(found.columns) == list(expected.columns)
    times = pd.to_datetime(found.posted_at, format="ISO8601", utc=True)
    assert times.equals(expected.posted_at.astype(times.dtype))
    places = pd.read_csv(made["csv"].with_name("places.csv"))
    assert places.lat.tolist() == loaded.places().lat.tolist()
    assert places.ambiguous.dtype == bool


def test_no_cell_of_a_csv_is_a_formula(made):
    dangerous = re.compile(r"[\s\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")
    for row in csv_rows(made["csv"]):
        for name, cell in row.items():
            if TABLES["posts"].field(name).type in {pa.int64(), pa.float64()}:
                continue
            assert not dangerous.match(cell), (name, cell)


def test_csv_keeps_an_unknown_text_apart_from_an_empty_one(made):
    raw = made["csv"].read_bytes().decode()
    line = next(line for line in raw.split("\r\n") if line.startswith('"telegram:ghab:17"'))
    assert HARD[17] == ""
    assert ',"","","",' in line
    assert line.endswith('"r1"')
    assert ",,," in line


def test_raw_csv_leaves_formulas(loaded, tmp_path):
    done = export(loaded, "csv", ["posts"], tmp_path / "raw.csv", ALL, raw=True)
    assert HARD[1] in [row["text"] for row in csv_rows(tmp_path / "raw.csv")]
    assert [note.what for note in done.notes if "apostrophe" in note.what] == []


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)))
def test_an_apostrophe_can_be_taken_off_again(texts):
    column = pa.array(texts, pa.string())
    assert undo_harmless(harmless(column)).equals(column)


@given(st.text(st.sampled_from("='+-@\t\r\n \u202e\ufeff\uff1dax\x00"), max_size=6))
def test_what_a_spreadsheet_may_run_is_marked_and_nothing_else(text):
    signs = "=+-@\uff1d"
    first = text.lstrip("'").lstrip(" \t\r\n\u202e\ufeff\x00")[:1]
    expected = text.lstrip("'")[:1] in set("\t\r\n\x00") or (first != "" and first in signs)
    assert risky(pa.array([text]))[0].as_py() == expected


# Excel


def sheets(path: Path) -> dict[str, pd.DataFrame]:
    return pd.read_excel(path, sheet_name=None, engine="calamine", dtype=object, keep_default_na=False)


def test_excel_gives_every_text_back(loaded, made):
    found = sheets(made["xlsx"])
    assert list(found) == ["posts", "places", "dates", "rejected", "history", "about"]
    expected = rows_of(loaded, "posts")
    assert found["posts"].post_id.tolist() == [row["post_id"] for row in expected]
    for cell, row in zip(found["posts"].text, expected, strict=True):
        text = row["text"]
        if len(text.encode("utf-16-le")) // 2 > MOST_UNITS:
            assert cell.startswith(text[:15_000])
            assert cell.endswith(f"[cut by marsad: {len(text):,} characters]")
            assert len(cell.encode("utf-16-le")) // 2 <= MOST_UNITS
        else:
            assert str(cell) == text


def test_excel_holds_numbers_times_and_days(loaded, made):
    found = sheets(made["xlsx"])
    posts, dates = found["posts"], found["dates"]
    assert str(posts.views[3]) == str(2**60)  # text: a number of Excel has 15 digits
    assert posts.views[4] == 4
    assert posts.posted_at[0].year == 2014
    old = dates[dates.edtf.astype(str) == "1812"].iloc[0]
    assert old.date_from == "1812-01-01"  # Excel knows no day before 1900
    assert found["places"].lat[0] == pytest.approx(loaded.places().lat[0])
    assert not found["places"].ambiguous[0]


def test_no_formula_and_no_link_is_in_a_workbook(made):
    with zipfile.ZipFile(made["xlsx"]) as book:
        parts = {name: book.read(name).decode() for name in book.namelist() if name.endswith(".xml")}
    assert not [name for name, part in parts.items() if re.search(r"<f>|<f |<hyperlink", part)]
    assert 'quotePrefix="1"' in parts["xl/styles.xml"]


def test_arabic_sheets_lie_from_right_to_left(made):
    with zipfile.ZipFile(made["xlsx"]) as book:
        posts, about = (book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (5, 6))
    assert 'rightToLeft="1"' in posts  # the history
    assert "rightToLeft" not in about


def test_what_a_workbook_cannot_hold_is_told(loaded, tmp_path):
    done = export(loaded, "xlsx", ["posts"], tmp_path / "a.xlsx", ALL)
    told = " ".join(note.what for note in done.notes)
    assert "6 cells were cut at Excel's limit of 32,767 characters" in told
    assert "with 40,000" in told
    assert sheets(tmp_path / "a.xlsx")["about"].astype(str).stack().str.contains("6 cells were cut").any()


def test_a_table_of_more_rows_than_a_sheet_goes_on_on_the_next(loaded, tmp_path):
    path = tmp_path / "b.xlsx"
    rows, notes = write_xlsx(path, [stream(loaded, "posts", ALL)], {}, lambda *_: None, most_rows=11)
    found = sheets(path)
    assert [name for name in found if name != "about"] == ["posts", "posts 2", "posts 3"]
    ids = [one for name in found if name != "about" for one in found[name].post_id]
    assert ids == loaded.posts().post_id.tolist()
    assert rows == {"posts": len(ids)}
    assert "stand on 3 sheets" in notes[0].what


# Maps


def test_geojson_is_what_rfc_7946_says(loaded, made):
    found = json.loads(made["geojson"].read_bytes())
    expected = rows_of(loaded, "places")
    assert found["type"] == "FeatureCollection"
    assert "crs" not in found
    assert len(found["features"]) == len(expected)
    for feature, row in zip(found["features"], expected, strict=True):
        assert feature["type"] == "Feature"
        assert feature["id"] == row["mention"]
        assert feature["geometry"] == {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
        assert feature["properties"]["name_ar"] == row["name_ar"]
        assert feature["properties"]["candidates"] == row["candidates"]
    west, south, east, north = found["bbox"]
    assert all(west <= f["geometry"]["coordinates"][0] <= east for f in found["features"])
    assert all(south <= f["geometry"]["coordinates"][1] <= north for f in found["features"])


def test_maps_open_in_geopandas(loaded, made):
    geopandas = pytest.importorskip("geopandas")
    places = loaded.geo()
    drawn = geopandas.read_parquet(made["geoparquet"])
    assert drawn.crs.equals("OGC:CRS84")
    assert drawn.geometry.to_crs(4326).geom_equals(places.geometry, align=False).all()
    assert drawn.surface.tolist() == places.surface.tolist()
    few = geopandas.read_parquet(made["geoparquet"], bbox=(36, 35, 37, 36))
    assert len(few) == len(loaded.places(bbox=(36, 35, 37, 36))) > 0
    listed = geopandas.GeoDataFrame.from_features(json.loads(made["geojson"].read_bytes()), crs=4326)
    assert listed.geometry.geom_equals(places.geometry, align=False).all()
    pyogrio = pytest.importorskip("pyogrio")
    info = pyogrio.read_info(made["geojson"])
    assert (info["driver"], info["features"], info["geometry_type"]) == ("GeoJSON", len(places), "Point")


def test_geoparquet_says_what_it_is(made):
    schema = pq.read_schema(made["geoparquet"])
    geo = json.loads(pq.read_metadata(made["geoparquet"]).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    column = geo["columns"][geo["primary_column"]]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert len(column["bbox"]) == 4
    assert schema.field("name_ar").metadata[b"note"] == b"its Arabic name"


def test_a_map_holds_places_only(loaded, tmp_path):
    for tables in (["posts"], ["places", "dates"]):
        with pytest.raises(ConfigError, match="holds places alone"):
            export(loaded, "geojson", tables, tmp_path / "a.geojson", ALL)


# Databases


def test_sqlite_holds_every_row_and_joins(loaded, made):
    with sqlite3.connect(made["sqlite"]) as base:
        texts = [text for (text,) in base.execute("select text from posts order by rowid")]
        assert texts == [row["text"] for row in rows_of(loaded, "posts")]
        counts = {name: base.execute(f"select count(*) from {name}").fetchone()[0] for name in TABLES}
        assert counts == {name: len(rows_of(loaded, name)) for name in TABLES}
        joined = base.execute(
            "select count(*) from places_in_posts where substr(text, start + 1, end - start) = surface"
        ).fetchone()[0]
        nul = sum("\x00" in row["surface"] for row in rows_of(loaded, "places"))
        assert joined == counts["places"] - nul  # SQLite's functions end at a NUL
        note = base.execute(
            "select note from columns where \"table\" = 'places' and \"column\" = 'lat'"
        ).fetchone()
        assert note == ("latitude, WGS 84 degrees",)
        written = base.execute("select sql from sqlite_master where name = 'posts'").fetchone()[0]
        assert "-- the post as exported" in written
        pairs = base.execute("select count(*) from places_with_dates").fetchone()[0]
        merged = loaded.places(["post_id"]).merge(loaded.dates(["post_id"]), on="post_id")
        assert pairs == len(merged)
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)


def test_duckdb_holds_every_row_with_native_types(loaded, made):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(made["duckdb"]), read_only=True) as base:
        for table in (*TABLES, "history"):
            expected = stream(loaded, table, ALL)
            kept = pa.Table.from_batches(list(expected.batches()), expected.schema).to_pylist()
            names = ", ".join(f'"{name}"' for name in expected.schema.names)
            found = base.sql(f"select {names} from {table}").to_arrow_table()
            assert found.cast(expected.schema).to_pylist() == kept
        types = dict(
            base.execute(
                "select column_name, data_type from duckdb_columns() where table_name='posts'"
            ).fetchall()
        )
        assert types["posted_at"] == "TIMESTAMP WITH TIME ZONE"
        assert types["hashtags"] == "VARCHAR[]"
        comment = "select comment from duckdb_columns() where table_name = 'places' and column_name = 'lat'"
        assert base.execute(comment).fetchone() == ("latitude, WGS 84 degrees",)
        views = {
            name
            for (name,) in base.execute("select view_name from duckdb_views() where not internal").fetchall()
        }
        assert views == {"places_in_posts", "dates_in_posts", "places_with_dates"}
        assert base.execute("select count(*) from places_in_posts").fetchone()[0] == len(loaded.places())


def test_views_are_there_only_with_their_tables(loaded, tmp_path):
    export(loaded, "sqlite", ["places"], tmp_path / "a.sqlite", ALL)
    with sqlite3.connect(tmp_path / "a.sqlite") as base:
        assert base.execute("select name from sqlite_master where type = 'view'").fetchall() == []


# History, filters, description


def test_former_texts_are_rows(made):
    rows = csv_rows(made["csv"].with_name("history.csv"))
    assert [(row["post_id"], row["revision"], row["edited_at"], row["text"]) for row in rows] == [
        ("telegram:ghab:0", "1", "", HARD[0])
    ]
    current = {row["post_id"]: row["text"] for row in csv_rows(made["csv"])}
    assert current["telegram:ghab:0"] == "قصف على حلب أمس"


@pytest.mark.parametrize("name", ["csv", "xlsx", "duckdb", "sqlite"])
def test_filters_choose_the_rows_of_all_tables(loaded, tmp_path, name):
    wanted = filters(source="ghab", place="حماه", since="2014-03-02")
    done = export(
        loaded, name, [], tmp_path / ("out" if name == "csv" else f"out.{name}"), wanted, history=True
    )
    rows = {table: count for file in done.files for table, count in file.rows.items()}
    chosen = {"source": "ghab", "place": "Hama", "since": "2014-03-02"}
    expected = {table: len(getattr(loaded, table)(**chosen)) for table in ("posts", "places", "dates")}
    assert rows == {**expected, "history": 0}
    assert 0 < rows["posts"] < len(loaded.posts())


@pytest.mark.parametrize("name", sorted(ENDINGS))
def test_no_rows_make_a_valid_file(loaded, tmp_path, name):
    tables = ["places"] if name in {"csv", "geojson", "geoparquet"} else []
    path = tmp_path / f"none.{ENDINGS[name]}"
    done = export(loaded, name, tables, path, filters(source="empty"))
    assert set(done.files[0].rows.values()) == {0}
    if name == "csv":
        assert csv_rows(path) == []
    elif name == "geojson":
        assert json.loads(path.read_bytes()) == {
            "type": "FeatureCollection",
            "name": "places",
            "features": [],
        }
    elif name == "geoparquet":
        assert pytest.importorskip("geopandas").read_parquet(path).empty
    elif name == "xlsx":
        assert [len(rows) for sheet, rows in sheets(path).items() if sheet != "about"] == [0, 0, 0]
    elif name == "sqlite":
        with sqlite3.connect(path) as base:
            assert base.execute("select * from places_in_posts").fetchall() == []
    else:
        with pytest.importorskip("duckdb").connect(str(path)) as base:
            assert base.execute("select * from places_in_posts").fetchall() == []


def is_package(package: dict, folder: Path) -> None:
    """The rules of Data Package 1 that a reader relies on."""
    assert re.fullmatch(r"[a-z0-9._/-]+", package["name"])
    names = [one["name"] for one in package["resources"]]
    assert len(set(names)) == len(names) > 0
    for one in package["resources"]:
        assert re.fullmatch(r"[a-z0-9._-]+", one["name"])
        assert not one["path"].startswith("/")
        assert ".." not in one["path"]
        raw = (folder / one["path"]).read_bytes()
        assert (len(raw), f"sha256:{hashlib.sha256(raw).hexdigest()}") == (one["bytes"], one["hash"])
        types = {"string", "integer", "number", "boolean", "datetime", "date", "array", "object"}
        assert {field["type"] for field in one["schema"]["fields"]} <= types
        fields = [field["name"] for field in one["schema"]["fields"]]
        assert set(one["schema"].get("primaryKey", [])) <= set(fields)
        for key in one["schema"].get("foreignKeys", []):
            assert key["reference"]["resource"] in names
    assert all(one["title"] for one in package["sources"])


def test_csv_files_are_described_beside_them(loaded, made):
    folder = made["csv"].parent
    package = json.loads((folder / "datapackage.json").read_bytes())
    is_package(package, folder)
    assert [one["path"] for one in package["resources"]] == [
        "posts.csv", "places.csv", "dates.csv", "rejected.csv", "history.csv"
    ]  # fmt: skip
    for one in package["resources"]:
        with (folder / one["path"]).open(encoding="utf-8-sig", newline="") as file:
            assert next(csv.reader(file)) == [field["name"] for field in one["schema"]["fields"]]
        assert one["marsad"]["rows"] == len(csv_rows(folder / one["path"]))
    assert "licenses" not in package


def test_a_version_is_described_beside_it(loaded, root):
    done = describe(loaded, root / "datapackage.json", licence="CC-BY-4.0")
    package = json.loads(done.files[0].path.read_bytes())
    is_package(package, root)
    assert package["licenses"] == [{"name": "CC-BY-4.0"}]
    assert package["version"] == str(loaded.version)
    rows = sum(one["marsad"]["rows"] for one in package["resources"] if one["marsad"]["table"] == "posts")
    assert rows == len(loaded.posts())
    with pytest.raises(ConfigError, match="must lie in the folder of the dataset"):
        describe(loaded, root.parent / "nowhere" / "datapackage.json")
    (root / "datapackage.json").unlink()


# Files


@pytest.mark.parametrize("name", sorted(ENDINGS))
def test_what_is_there_is_not_replaced_unless_asked(loaded, tmp_path, name):
    path = tmp_path / f"mine.{ENDINGS[name]}"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="--force replaces it"):
        export(loaded, name, ["places"], path, ALL)
    assert path.read_text() == "mine"
    export(loaded, name, ["places"], path, ALL, force=True)
    assert path.stat().st_size > 100
    assert names(tmp_path) == [path.name]


def test_a_folder_of_csv_with_one_file_of_ours_is_left_alone(loaded, tmp_path):
    (tmp_path / "dates.csv").write_text("mine")
    with pytest.raises(ConfigError, match=r"dates\.csv: is there already"):
        export(loaded, "csv", [], tmp_path, ALL)
    assert names(tmp_path) == ["dates.csv"]


@pytest.mark.parametrize("name", sorted(ENDINGS))
def test_nothing_is_left_of_an_export_that_fails(tmp_path, name):
    root = hard_dataset(tmp_path / "dataset")
    loaded = load(root)
    for path in loaded.files("places", "ghab"):
        raw = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(raw[:4] + b"\xff" * (len(raw) - 400) + raw[-396:])
    (tmp_path / "out").mkdir()
    with pytest.raises(DatasetError, match="is damaged"):
        export(loaded, name, ["places"], tmp_path / "out" / "a", ALL)
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("name", sorted(ENDINGS))
def test_a_full_disk_is_told_and_leaves_nothing(loaded, tmp_path, name):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        with pytest.raises(DatasetError, match=r"cannot be written: .*; make room"):
            export(loaded, name, ["places"], tmp_path / "a", ALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == []


def write_while_another_does(path: Path) -> None:
    with whole_file(path, force=False) as fresh:
        fresh.write_text("ours")
        path.write_text("theirs")


def test_a_name_taken_meanwhile_is_not_taken_over(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(ConfigError, match="is there already"):
        write_while_another_does(path)
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["a.csv"]


def test_wrong_calls_are_told(loaded, tmp_path):
    with pytest.raises(ConfigError, match="no format 'ods'; there are: csv, xlsx"):
        export(loaded, "ods", [], None, ALL)
    with pytest.raises(ConfigError, match="no table 'post'"):
        export(loaded, "csv", ["post"], None, ALL)
    with pytest.raises(ConfigError, match="no such folder"):
        export(loaded, "xlsx", [], tmp_path / "no" / "a.xlsx", ALL)
    with pytest.raises(DatasetError, match="rejected rows have no time"):
        export(loaded, "csv", ["rejected"], tmp_path / "a.csv", filters(since="2014-01-01"))


def test_memory_stays_flat_batch_by_batch(loaded):
    sizes = [len(batch) for batch in loaded.rows("posts", ALL).batches(rows=4)]
    assert max(sizes) <= 4
    assert sum(sizes) == len(loaded.posts())
