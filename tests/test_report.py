"""What stands in the report, as the page unpacks it; and the commands that write it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_builders import HOSTILE, dataset, gold
from storage_builders import annotated, publish
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ConfigError, DatasetError
from pipeline.report import Health, content, csp, page
from pipeline.report.content import LONGEST, folds, outlines
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import Loaded, load
from pipeline.text.normalize import normalize


def unpacked(document: str) -> dict[str, Any]:
    packed = re.search(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', document)
    assert packed
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


@pytest.fixture(scope="module")
def loaded(root, toolkit, tmp_path_factory) -> Loaded:
    texts = gold(root, 60)
    return dataset(tmp_path_factory.mktemp("data"), {"a": texts[:25], "b": texts[25:], "c": HOSTILE}, toolkit)


def test_every_mention_points_at_its_words(loaded):
    found = unpacked(page(loaded))
    frames = {"mentions": loaded.places(), "dates": loaded.dates()}
    assert len(found["posts"]["id"]) == len(loaded.posts())
    for table, frame in frames.items():
        mentions = found[table]
        told = [
            (found["posts"]["id"][post], start, found["posts"]["text"][post][start:end])
            for post, start, end in zip(mentions["post"], mentions["start"], mentions["end"], strict=True)
        ]
        assert told
        assert sorted(told) == sorted(zip(frame["post_id"], frame["start"], frame["surface"], strict=True))


def test_places_dates_and_times_are_those_of_the_dataset(loaded):
    found = unpacked(page(loaded))
    words = found["words"]
    names = [words[found["places"]["name"][place]] for place in found["mentions"]["place"]]
    assert sorted(names) == sorted(loaded.places()["name"])
    assert sorted(words[number] for number in found["dates"]["edtf"]) == sorted(loaded.dates()["edtf"])
    days = [
        None if day is None else f"{datetime.fromtimestamp(day * 86400, UTC):%Y-%m-%d}"
        for day in found["dates"]["from"]
    ]
    expected = [None if pd.isna(day) else f"{day:%Y-%m-%d}" for day in loaded.dates()["date_from"]]
    assert sorted(days, key=str) == sorted(expected, key=str)
    times = [None if time is None else time * 60 for time in found["posts"]["time"]]
    posted = [None if pd.isna(time) else int(time.timestamp()) for time in loaded.posts()["posted_at"]]
    assert sorted(times, key=str) == sorted(posted, key=str)
    assert None in times


def test_the_same_version_gives_the_same_bytes_and_another_order_of_posts_the_same_sample(loaded):
    assert page(loaded, most=20) == page(loaded, most=20)
    found = unpacked(page(loaded, most=20))
    assert (len(found["posts"]["id"]), found["facts"]["total"]) == (20, len(loaded.posts()))
    whole = unpacked(page(loaded))["posts"]["id"]
    assert [post for post in whole if post in found["posts"]["id"]] == found["posts"]["id"]
    more = unpacked(page(loaded, most=30))["posts"]["id"]
    assert set(found["posts"]["id"]) < set(more)
    kept = set(found["posts"]["id"])
    assert len(found["mentions"]["post"]) == loaded.places()["post_id"].isin(kept).sum()
    assert len(found["dates"]["post"]) == loaded.dates()["post_id"].isin(kept).sum()


def test_only_the_sources_that_were_asked_for(loaded):
    found = unpacked(page(loaded, sources=["b"]))
    assert [source["name"] for source in found["sources"]] == ["b"]
    assert found["posts"]["id"] == loaded.posts(source="b")["post_id"].tolist()
    with pytest.raises(DatasetError, match="nobody"):
        page(loaded, sources=["nobody"])


def test_a_page_that_would_be_too_large_shows_fewer_posts(loaded, monkeypatch):
    whole = len(page(loaded).encode())
    monkeypatch.setattr("pipeline.report.LARGEST", whole - 1500)
    document = page(loaded)
    found = unpacked(document)
    assert len(document.encode()) <= whole - 1500
    assert 1 < len(found["posts"]["id"]) < found["facts"]["total"]


def test_a_long_post_is_cut_and_says_so(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("1", "حماة " * 2000)]])
    posts = unpacked(page(load(tmp_path)))["posts"]
    assert (len(posts["text"][0]), posts["cut"]) == (LONGEST, [10_000 - LONGEST])


def test_no_text_of_a_post_stands_in_the_html(loaded):
    document = page(loaded, title="</title><script>alert(1)</script>")
    assert "</title><script>alert" not in document
    assert "&lt;/title&gt;&lt;script&gt;alert(1)" in document
    assert "window.taken" not in document
    assert document.count("<script") == 3


def test_the_policy_allows_nothing_but_our_own_scripts(loaded):
    policy = csp(page(loaded))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert not re.search(r"unsafe|https?:|\*|connect-src", policy)
    with pytest.raises(ValueError, match="no policy"):
        csp("<html></html>")


def test_health_of_sources(loaded):
    told = Health(source="a", state="failed", error="disk full", incomplete=("x.zip: partial",))
    sources = {source["name"]: source for source in unpacked(page(loaded, health=[told]))["sources"]}
    assert sources["a"]["state"] == "failed"
    assert sources["a"]["problems"] == ["x.zip: partial", "disk full"]
    assert sources["b"]["problems"] == []
    assert sources["b"]["published"] == "2026-01-01 00:00 UTC"


def test_without_the_library_the_message_names_the_extra(loaded, monkeypatch):
    from pipeline import report

    report._library.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'marsad[report]'")):
        page(loaded)


def test_search_folds_letters_as_the_matching_does():
    for text in ("إدلب", "حماة", "الغوطة", "ÉLAN", "٢٠١٥"):
        assert "".join(folds().get(letter, letter) for letter in text) == normalize(text).text


def test_outlines_hold_the_places_of_the_region():
    shapes = {land["properties"]["code"]: land["geometry"]["coordinates"] for land in outlines()["land"]}
    assert {"SY", "LB", "IQ", "TR", "JO", "IL", "PS", "EG", "DE", "US"} <= set(shapes)
    for code, inside in {
        "SY": (36.75, 35.13),
        "IQ": (44.36, 33.31),
        "LB": (36.2, 34.0),
        "TR": (32.85, 39.93),
    }.items():
        holders = [
            land
            for land, polygons in shapes.items()
            if any(_holds(polygon[0], inside) for polygon in polygons)
        ]
        assert holders == [code]
    rings = [ring for polygons in shapes.values() for polygon in polygons for ring in polygon]
    assert all(ring[0] == ring[-1] and len(ring) >= 4 for ring in rings)
    assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for ring in rings for lon, lat in ring)
    assert len(outlines()["borders"]["coordinates"]) > 100


def _holds(ring: list[list[float]], point: tuple[float, float]) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def test_candidates_are_told_only_where_there_is_a_choice():
    words = content.Words()
    one = {"name": "Hama", "country": "SY", "score": 0.7}
    assert content._candidates([one], words) == 0
    assert content._candidates([one, {**one, "name": "Ham", "country": "LB", "score": 0.2}], words) == [
        0,
        1,
        70,
        2,
        3,
        20,
        0,
    ]
    assert content._candidates([one] * 9, words)[-1] == 3


def configured(folder: Path) -> Path:
    message = {"id": 1, "type": "message", "date": "2015-07-27T09:02:05", "date_unixtime": "1437976925", "from": "a",
               "from_id": "user1", "text": "قصف على حماة أمس", "text_entities": []}  # fmt: skip
    export = {"name": "g", "type": "private_group", "id": 5, "messages": [message]}
    (folder / "x.json").write_text(json.dumps(export), encoding="utf-8")
    config = folder / "config.yaml"
    config.write_text(
        "engine: {kind: serial}\nsources:\n  - {name: a, files: x.json, zone: Asia/Damascus, home: SY}\n"
    )
    return config


@pytest.fixture
def house(tmp_path, cache, monkeypatch) -> Path:
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    monkeypatch.setenv("MARSAD_KEY_FILE", str(tmp_path / "key"))
    return configured(tmp_path)


def test_the_command_writes_one_file(house):
    out = house.parent / "r.html"
    call = CliRunner()
    none_yet = call.invoke(app, ["report", "--config", str(house), "--out", str(out)])
    assert isinstance(none_yet.exception, DatasetError)
    assert not out.exists()
    assert call.invoke(app, ["run", "--config", str(house)]).exit_code == 0
    told = call.invoke(app, ["report", "a", "--config", str(house), "--out", str(out), "--json"])
    assert json.loads(told.stdout) == {"report": str(out), "bytes": out.stat().st_size}
    found = unpacked(out.read_text(encoding="utf-8"))
    assert found["posts"]["text"] == ["قصف على حماة أمس"]
    assert found["sources"][0]["state"] == "published"
    nowhere = call.invoke(
        app, ["report", "--config", str(house), "--out", str(house.parent / "no" / "r.html")]
    )
    assert isinstance(nowhere.exception, ConfigError)


def test_the_demonstration_reads_the_samples_and_nothing_of_the_user(tmp_path, cache, root, monkeypatch):
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    monkeypatch.delenv("MARSAD_KEY_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    before = sorted((root / "data").iterdir()) if (root / "data").exists() else None
    call = [sys.executable, "-m", "pipeline", "demo", "--no-open", "--keep", str(tmp_path / "demo")]
    done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=tmp_path)
    out = Path(done.stdout.strip())
    assert out == (tmp_path / "demo" / "report.html").resolve()
    expected = json.loads((root / "samples" / "expected.json").read_text(encoding="utf-8"))
    assert expected
    found = unpacked(out.read_text(encoding="utf-8"))
    assert len(found["sources"]) == 10
    assert len(found["posts"]["id"]) == found["facts"]["total"] > 700
    assert (tmp_path / "demo" / "pseudonym.key").exists()
    assert not (tmp_path / "home" / ".config").exists()
    assert before == (sorted((root / "data").iterdir()) if (root / "data").exists() else None)


def test_without_a_checkout_the_demonstration_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.cli.report.__file__", str(tmp_path / "a" / "b" / "c" / "report.py"))
    told = CliRunner().invoke(app, ["demo", "--no-open"])
    assert isinstance(told.exception, ConfigError)
    assert "clone the repository" in str(told.exception)
