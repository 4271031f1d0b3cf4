"""A dataset that an older marsad made is read, and carried over by the next publish."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import pipeline
from pipeline.config import load
from pipeline.jobs.run import Options, run
from pipeline.storage.dataset import Dataset
from pipeline.storage.manifest import SCHEMA_VERSION
from pipeline.storage.schema import TABLES

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(params=[1, 2])
def schema(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def golden(tmp_path: Path, cache: Path, schema: int) -> Path:
    shutil.copytree(GOLDEN / f"schema{schema}", tmp_path / "golden", symlinks=True)
    return tmp_path / "golden"


def test_rows_of_an_older_schema_are_read_with_nulls(golden: Path, schema: int) -> None:
    old = pipeline.load(golden / "dataset")
    current = Dataset(golden / "dataset").current()
    assert current.manifest.schema_version == schema
    assert current.verify() == []
    assert [path.name.split("-")[0] for path in current.files("posts")] == ["first", "second"]
    assert list(old.posts().columns) == TABLES["posts"].names
    assert len(old.posts()) == 4
    assert old.posts().emoji.isna().all() == (schema == 1)


def test_a_publish_carries_the_other_sources_over(golden: Path) -> None:
    before = pipeline.load(golden / "dataset")
    with (golden / "exports" / "b.jsonl").open("a", encoding="utf-8") as export:
        export.write('{"id": "9", "text": "Quiet 👍", "published_at": "2016-02-20T10:00:00Z"}\n')
    outcomes = list(run(load(golden / "config.yaml"), options=Options()))
    assert [outcome.state for outcome in outcomes] == ["unchanged", "published"], outcomes
    current = Dataset(golden / "dataset").current()
    assert current.manifest.schema_version == SCHEMA_VERSION
    assert current.verify() == []
    after = pipeline.load(golden / "dataset")
    for table in ("posts", "places", "dates", "rejected"):
        old = getattr(before, table)(source="first")
        new = getattr(after, table)(source="first")
        pd.testing.assert_frame_equal(old, new)
        plain = pd.read_parquet(current.path / table)
        assert list(plain.columns) == TABLES[table].names
    posts = after.posts(source="second").set_index("native_id")
    assert len(posts) == 3
    assert list(posts.emoji["9"]) == ["👍"]


def test_an_edit_in_a_source_of_an_older_format_finds_its_post(golden: Path) -> None:
    export = golden / "exports" / "b.jsonl"
    lines = export.read_text(encoding="utf-8").splitlines()
    before = pipeline.load(golden / "dataset").posts(source="second")
    edited = before.native_id[0]
    told = [
        line.replace('"text": "', '"text": "edited: ') if f'"{edited}"' in line else line for line in lines
    ]
    export.write_text("\n".join([*told, ""]), encoding="utf-8")
    assert told != lines
    outcomes = list(run(load(golden / "config.yaml"), options=Options()))
    assert [outcome.state for outcome in outcomes] == ["unchanged", "published"], outcomes
    after = pipeline.load(golden / "dataset").posts(source="second").set_index("native_id")
    assert sorted(after.index) == sorted(before.native_id)
    assert after.text[edited].startswith("edited: ")
    assert '"history"' in after.extra[edited]
    assert Dataset(golden / "dataset").current().verify() == []
