"""The export that the map of the time is measured on is read back whole, and every clocked stage is there."""

from __future__ import annotations

import sys

import pyarrow.parquet as pq
import pytest

from benchmarks import speed_map
from benchmarks.corpus import posts as invent
from pipeline import readers
from pipeline.records import Post


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "result.json"
    speed_map.write_export(path, invent(40))
    return path


def test_export_is_telegrams_and_keeps_texts_and_times(export):
    choice = readers.choose(readers.Export(export, export.name, ""))
    items = list(readers.read(choice, readers.Reading(source="invented", zone=speed_map.ZONE)))
    assert all(isinstance(item, Post) for item in items)
    assert {item.origin.reader for item in items} == {"telegram_json"}
    invented = invent(40)
    assert [item.text for item in items] == [post.text for post in invented]
    assert [item.posted_at for item in items] == [post.posted_at for post in invented]


def test_every_stage_is_clocked_and_nothing_stays_patched(export, tmp_path, toolkit):
    heart = sys.modules["pipeline.annotate"]
    before = [getattr(heart, name) for name in speed_map.STAGES]
    clocks = speed_map.Clocks()
    files = speed_map.publish(export, tmp_path / "data", toolkit, clocks)
    assert [getattr(heart, name) for name in speed_map.STAGES] == before
    assert [name for name in speed_map.LINES if name != "records" and clocks.seconds[name] <= 0] == []
    assert pq.read_metadata(files[0]).num_rows == 40


def testfloor_parses_and_writes_the_same_rows(export, tmp_path, toolkit):
    files = speed_map.publish(export, tmp_path / "data", toolkit, speed_map.Clocks())
    assert speed_map.floor(export, files) > 0
    written = pq.read_table(tmp_path / "floor0.parquet")["text"].to_pylist()
    assert sorted(written) == sorted(post.text for post in invent(40))
