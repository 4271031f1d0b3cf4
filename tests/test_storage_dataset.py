"""Versions on disk: what a publish touches, what is pruned, what damage is found, what is put right."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from storage_builders import START, annotated, publish

import pipeline
from pipeline.errors import BooksError, DatasetError
from pipeline.storage.dataset import Dataset
from pipeline.storage.manifest import SCHEMA_VERSION, TABLE_NAMES, Books, Input
from pipeline.storage.schema import TABLES


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two sources, one version each."""
    dataset = Dataset(tmp_path / "data")
    with dataset.writer("test") as writer:
        publish(writer, [[annotated("1")]], source="ghab")
        publish(writer, [[annotated("1", source="hama")]], source="hama")
    return dataset


def test_nothing_published_yet(tmp_path):
    dataset = Dataset(tmp_path / "data")
    assert dataset.current() is None
    assert dataset.versions() == []
    with pytest.raises(DatasetError, match="no such version"):
        dataset.version(1)
    with dataset.writer("test") as writer:
        assert writer.base is None
    assert dataset.current() is None


def test_a_version_says_what_it_holds(dataset):
    version = dataset.current()
    assert version.number == 2
    assert (dataset.root / "current").readlink() == Path("versions/000002")
    assert list(version.manifest.sources) == ["ghab", "hama"]
    state = version.manifest.sources["ghab"]
    assert (state.posts, state.places, state.dates, state.rejected) == (1, 1, 1, 0)
    assert state.published == START
    assert [path.name for path in version.files("posts")] == ["ghab-r1-000.parquet", "hama-r1-000.parquet"]
    assert [path.name for path in version.files("rejected", "hama")] == ["hama-r1-000.parquet"]
    with pytest.raises(DatasetError, match="ghab, hama"):
        version.files("posts", "homs")


def test_every_file_has_the_schema_and_its_notes(dataset):
    for table in TABLES:
        for path in dataset.current().files(table):
            assert pq.read_schema(path).equals(TABLES[table], check_metadata=True)
    assert tuple(TABLES) == TABLE_NAMES


def test_a_publish_leaves_other_sources_the_same_files(dataset):
    before = dataset.current()
    with dataset.writer("test") as writer:
        publish(writer, [[annotated("2")]], run_id="r2")
    after = dataset.current()
    for table in TABLE_NAMES:
        old, new = before.files(table, "hama")[0], after.files(table, "hama")[0]
        assert old.stat().st_ino == new.stat().st_ino
        assert old.name == new.name
    assert before.verify() == after.verify() == []
    assert pq.read_table(before.files("posts", "ghab")[0]).num_rows == 1
    assert after.manifest.sources["hama"] == before.manifest.sources["hama"]


def test_inputs_and_settings_come_back_as_they_were_given(dataset):
    inputs = tuple(
        Input(name=name, sha256="0" * 64, size=9, reader="telegram_json", books=Books(read=1, duplicate=1))
        for name in ("b.json", "a.json")
    )
    with dataset.writer("test") as writer:
        stage = writer.stage("ghab", "r2", keep_rows=True)
        writer.publish(
            "ghab",
            stage.finish(),
            inputs,
            at=START,
            code_version="2",
            tables_digest="t2",
            gazetteer_digest="g2",
            zone="Asia/Damascus",
            settings={"authors": "pseudonym"},
        )
    state = dataset.current().manifest.sources["ghab"]
    assert state.inputs == inputs[::-1]
    assert (state.zone, state.settings, state.code_version) == (
        "Asia/Damascus",
        {"authors": "pseudonym"},
        "2",
    )


def test_a_stage_that_is_not_published_leaves_nothing(dataset):
    before = sorted(dataset.root.rglob("*"))
    with dataset.writer("test") as writer:
        writer.stage("ghab", "r2", keep_rows=True).finish()
        abandoned = writer.stage("hama", "r2", keep_rows=False)
        abandoned.abandon()
        abandoned.abandon()
        assert len(sorted(dataset.root.rglob("*"))) > len(before)
    assert sorted(dataset.root.rglob("*")) == before


def test_a_failure_in_the_middle_leaves_nothing(dataset):
    before = sorted(dataset.root.rglob("*"))
    with pytest.raises(ZeroDivisionError), dataset.writer("test") as writer:
        assert writer.stage("ghab", "r2", keep_rows=True).folder.exists() / 0
    assert sorted(dataset.root.rglob("*")) == before


@pytest.mark.parametrize("name", ["_ghab", ".ghab", "-x", "a/b", "a.b", "", "a b"])
def test_names_that_readers_would_overlook_or_that_leave_the_folder_are_refused(dataset, name):
    with dataset.writer("test") as writer, pytest.raises(ValueError, match="letter or digit first"):
        writer.stage(name, "r1", keep_rows=True)


@pytest.mark.parametrize("name", ["ghab_2", "الغاب", "7-days"])
def test_names_that_are_fine(tmp_path, name):
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("1", source=name)]], source=name)
    assert list(Dataset(tmp_path).current().manifest.sources) == [name]


def test_prune_goes_by_the_time_since_a_version_was_replaced(tmp_path):
    dataset = Dataset(tmp_path)
    with dataset.writer("test") as writer:
        for hours in (0, 1, 2, 3):
            publish(writer, [], at=START + timedelta(hours=hours))
        assert dataset.versions() == [1, 2, 3, 4]  # many, but young
        publish(writer, [], at=START + timedelta(days=30))
        assert dataset.versions() == [4, 5]  # 4 was current until just now
        publish(writer, [], at=START + timedelta(days=30, hours=23))
        publish(writer, [], at=START + timedelta(days=30, hours=24))
        assert dataset.versions() == [4, 5, 6, 7]
        publish(writer, [], at=START + timedelta(days=31, hours=1))
        assert dataset.versions() == [5, 6, 7, 8]
        assert writer.prune(START + timedelta(days=31, hours=1), keep=timedelta(0)) == []
        assert writer.prune(START + timedelta(days=90)) == [5, 6]
        assert writer.prune(START + timedelta(days=900)) == []
    assert dataset.versions() == [7, 8]
    with pytest.raises(DatasetError, match="pruned"):
        dataset.version(5)


def test_a_clock_that_went_back_prunes_nothing(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        for days in (900, 5, 0, 0.5):
            publish(writer, [], at=START + timedelta(days=days))
    assert Dataset(tmp_path).versions() == [1, 2, 3, 4]


def test_a_flipped_byte_is_found_and_named(dataset):
    path = dataset.current().files("places", "hama")[0]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert dataset.current().damage() == []
    assert [str(path) in sentence for sentence in dataset.current().verify()] == [True]


def test_a_cut_and_a_missing_file_are_found_at_once(dataset):
    version = dataset.current()
    cut, gone = version.files("posts", "ghab")[0], version.files("dates", "hama")[0]
    os.truncate(cut, 100)
    gone.unlink()
    assert len(version.damage()) == 2
    assert str(cut) in version.damage()[0]
    assert "is not there" in version.damage()[1]


def test_a_newer_dataset_is_refused_and_left_alone(dataset):
    path = dataset.current().path / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "schema_version": SCHEMA_VERSION + 1, "sources": "unheard of"}))
    before = sorted(dataset.root.rglob("*"))
    with pytest.raises(DatasetError, match="newer marsad"):
        dataset.current()
    with pytest.raises(DatasetError, match="newer marsad"), dataset.writer("test"):
        pass
    assert sorted(dataset.root.rglob("*")) == before


def test_a_damaged_manifest_is_named(dataset):
    path = dataset.current().path / "manifest.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DatasetError, match="damaged manifest") as found:
        dataset.current()
    assert str(path) in str(found.value)


def test_a_whole_version_without_a_pointer_is_taken_up(dataset):
    (dataset.root / "current").unlink()
    (dataset.root / "current").symlink_to("versions/000001")
    with dataset.writer("test") as writer:
        assert writer.base.number == 2
    assert dataset.current().number == 2


def test_a_lost_pointer_is_put_right(dataset):
    (dataset.root / "current").unlink()
    with dataset.writer("test") as writer:
        assert writer.base.number == 2


def test_a_pointer_to_nothing_is_said_and_put_right(dataset):
    shutil.rmtree(dataset.root / "versions" / "000002")
    with pytest.raises(DatasetError, match="which is not there"):
        dataset.current()
    with dataset.writer("test") as writer:
        assert writer.base.number == 1


def test_a_broken_version_without_a_pointer_is_set_aside(dataset):
    left = dataset.root / "versions" / "000003"
    shutil.copytree(dataset.current().path, left)
    (left / "manifest.json").write_text((left / "manifest.json").read_text()[:50])
    (dataset.root / "versions" / ".stage-ghab").mkdir()
    with dataset.writer("test") as writer:
        assert writer.base.number == 2
        publish(writer, [[annotated("2")]], run_id="r2")
    there = sorted(path.name for path in (dataset.root / "versions").iterdir())
    assert there == ["000001", "000002", "000003", "broken-000003"]


def test_a_dataset_copied_without_links_can_be_read(dataset, tmp_path):
    copy = tmp_path / "stick"
    shutil.copytree(dataset.root, copy, symlinks=False)
    assert not (copy / "current").is_symlink()
    assert Dataset(copy).current().verify() == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DatasetError, match="data") as refused, Dataset(tmp_path / "data").writer("test"):
        pass
    assert str(tmp_path / "data") in str(refused.value)


def test_books_that_do_not_balance_name_the_file():
    Books(read=4, written=1, duplicate=1, rejected=1, nonposts=1).check("june.json")
    with pytest.raises(BooksError, match=r"june\.json: 5 rows read, 1 accounted for"):
        Books(read=5, written=1).check("june.json")
    assert Books(read=1, written=1) + Books(read=2, nonposts=2) == Books(read=3, written=1, nonposts=2)


def test_what_a_run_without_work_imports_is_light():
    code = (
        "import sys, pipeline.storage.dataset, pipeline.storage.ledger\n"
        "print([name for name in ('pyarrow', 'pandas') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(pipeline.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_a_flipped_bit_in_the_ids_stops_the_run(dataset):
    path = dataset.current().files("ids", "ghab")[0]
    raw = bytearray(path.read_bytes())
    raw[3] ^= 4
    path.write_bytes(raw)
    with dataset.writer("test") as writer, pytest.raises(DatasetError, match="rerun the source") as found:
        publish(writer, [[annotated("1")]], run_id="r2")
    assert str(path) in str(found.value)


def test_earlier_rows_that_cannot_be_read_are_named_and_a_rerun_does_without_them(dataset):
    path = dataset.current().files("posts", "ghab")[0]
    raw = path.read_bytes()
    path.write_bytes(raw[:4] + b"\xff" * (len(raw) - 8) + raw[-4:])
    with dataset.writer("test") as writer:
        with pytest.raises(DatasetError, match="rerun the source") as found:
            publish(writer, [[annotated("1", "an edit", edited=5)]], run_id="r2")
        assert str(path) in str(found.value)
    with dataset.writer("test") as writer:
        publish(writer, [[annotated("1")]], run_id="r2", keep_rows=False)
    assert dataset.current().verify() == []
