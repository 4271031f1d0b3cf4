"""The samples from their files to the dataset, by the real command, as a newcomer runs it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import pipeline


def marsad(*words: str, at: Path, cache: Path, **kwargs) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "MARSAD_CACHE": str(cache),
        "MARSAD_KEY_FILE": str(cache / "key"),
        "NO_COLOR": "1",
    }
    command = [sys.executable, "-m", "pipeline", *words]
    return subprocess.run(
        command,
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
        **kwargs,
    )


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, root: Path, cache: Path) -> Path:
    """A folder with the samples and the configuration in it, run once."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(root / "samples", folder / "samples")
    shutil.copy(root / "config.yaml", folder)
    done = marsad("run", at=folder, cache=cache)
    assert done.returncode == 0, done.stderr + done.stdout
    assert 'pipeline.load("data")' in done.stdout
    return folder


@pytest.fixture(scope="module")
def expected(root: Path) -> dict[str, dict[str, int]]:
    return json.loads((root / "samples" / "expected.json").read_text(encoding="utf-8"))


def test_every_sample_post_is_there_exactly_once(workplace, expected):
    loaded = pipeline.load(workplace / "data")
    posts = loaded.posts()
    assert posts.post_id.is_unique
    counts = posts.groupby("source", observed=True).size().to_dict()
    assert counts == {source: numbers["posts"] for source, numbers in expected.items()}
    assert posts.fault.isna().all()
    rejected = loaded.rejected().groupby("source", observed=True).size().to_dict()
    assert rejected == {source: n["rejected"] for source, n in expected.items() if n["rejected"]}


def test_plain_parquet_without_any_package_of_ours(workplace):
    loaded = pipeline.load(workplace / "data")
    for table, ours in (("posts", loaded.posts()), ("places", loaded.places()), ("dates", loaded.dates())):
        plain = pd.read_parquet(os.path.realpath(workplace / "data" / "current" / table))
        assert len(plain) == len(ours)
        assert list(plain.columns) == list(ours.columns)


def test_every_mention_points_into_its_post(workplace):
    loaded = pipeline.load(workplace / "data")
    texts = loaded.posts().set_index("post_id").text
    for mentions in (loaded.places(), loaded.dates()):
        assert len(mentions) > 100
        assert mentions.mention.is_unique
        for row in mentions.itertuples():
            assert texts[row.post_id][row.start : row.end] == row.surface


def test_nothing_new_publishes_nothing(workplace, cache):
    before = pipeline.load(workplace / "data").version
    assert marsad("run", at=workplace, cache=cache).returncode == 0
    assert pipeline.load(workplace / "data").version == before


def test_rerun_touches_one_source_only(workplace, cache):
    before = fingerprints((workplace / "data" / "current").resolve())
    rows = pipeline.load(workplace / "data").posts(source="hama_whatsapp")
    assert marsad("rerun", "hama_whatsapp", at=workplace, cache=cache).returncode == 0
    after = fingerprints((workplace / "data" / "current").resolve())
    others = {name: mark for name, mark in before.items() if "hama_whatsapp" not in name}
    assert {name: mark for name, mark in after.items() if "hama_whatsapp" not in name} == others
    again = pipeline.load(workplace / "data").posts(source="hama_whatsapp")
    pd.testing.assert_frame_equal(again, rows)


def test_two_datasets_from_the_same_input_are_the_same_bytes(workplace, root, cache, tmp_path):
    shutil.copytree(root / "samples", tmp_path / "samples")
    shutil.copy(root / "config.yaml", tmp_path)
    assert marsad("run", at=tmp_path, cache=cache).returncode == 0
    ours = fingerprints((workplace / "data" / "current").resolve())
    assert fingerprints((tmp_path / "data" / "current").resolve()) == ours


def test_rejected_rows_are_listed_with_reason_and_place(workplace, cache, expected):
    done = marsad("rejected", "--json", at=workplace, cache=cache)
    assert done.returncode == 0
    listed = json.loads(done.stdout)["rejected"]
    assert len(listed) == sum(numbers["rejected"] for numbers in expected.values())
    assert all(row["reason"] and row["locator"] and row["file"] for row in listed)


def test_status_says_what_stands_there(workplace, cache, expected):
    status = json.loads(marsad("status", "--json", at=workplace, cache=cache).stdout)
    assert {row["source"]: row["posts"] for row in status["sources"]} == {
        source: numbers["posts"] for source, numbers in expected.items()
    }
    assert status["version"] == pipeline.load(workplace / "data").version


def test_annotate_answers_the_first_line_before_the_last_is_asked(workplace, cache):
    environment = {**os.environ, "MARSAD_CACHE": str(cache)}
    command = [sys.executable, "-m", "pipeline", "annotate"]
    with subprocess.Popen(
        command,
        cwd=workplace,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, text in enumerate(["قصف على خربة الناقوس أمس", "صباح الخير"]):
            line = {
                "id": number,
                "text": text,
                "published_at": "2016-02-17T10:00:00",
                "zone": "Asia/Damascus",
            }
            process.stdin.write(json.dumps(line, ensure_ascii=False) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["id"] == number
            assert [mention["surface"] for mention in answer["places"]] == ["خربة الناقوس"] * (number == 0)
            assert [mention["date_from"] for mention in answer["dates"]] == ["2016-02-16"] * (number == 0)
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait(30) == 0
