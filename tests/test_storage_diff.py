"""What differs between versions, and going back to one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from storage_builders import START, annotated, publish, rejection

from pipeline.errors import DatasetError
from pipeline.storage.dataset import Dataset
from pipeline.storage.diff import diff
from pipeline.storage.frames import load


def two_versions(root: Path) -> Dataset:
    """Version 1 and 2: of `ghab`, post 1 stays, 2 is edited, 3 is gone, 4 is new; version 3 adds `sahel`."""
    with Dataset(root).writer("test") as writer:
        publish(writer, [[annotated("1"), annotated("2"), annotated("3")]], rejections=[rejection()])
        publish(
            writer,
            [[annotated("1"), annotated("2", "قصف على حلب اليوم", dates=0), annotated("4")]],
            run_id="r2",
            keep_rows=False,
            at=START + timedelta(hours=1),
        )
        publish(
            writer,
            [[annotated("9", source="sahel")]],
            source="sahel",
            run_id="s1",
            at=START + timedelta(hours=2),
        )
    return Dataset(root)


def test_rows_added_changed_and_gone(tmp_path: Path) -> None:
    dataset = two_versions(tmp_path)
    (ghab,) = diff(dataset.version(1), dataset.version(2))
    assert ghab.counts["posts"] == {"added": 1, "changed": 1, "gone": 1}
    assert ghab.counts["dates"] == {"added": 1, "changed": 0, "gone": 2}
    assert ghab.counts["rejected"] == {"added": 0, "changed": 0, "gone": 1}
    told = {(row.table, row.kind, row.key): row for row in ghab.rows}
    edited = told["posts", "changed", "telegram:77:2"]
    assert edited.columns == ("text", "text_clean", "text_normalized")
    assert (edited.old, edited.new) == ("قصف على حماة أمس", "قصف على حلب اليوم")
    assert ("dates", "gone", "telegram:77:2 1 4 day") in told
    assert not ghab.is_same


def test_a_version_is_like_itself_and_other_sources_are_untouched(tmp_path: Path) -> None:
    dataset = two_versions(tmp_path)
    for one in diff(dataset.version(2), dataset.version(2)):
        assert one.is_same
        assert one.causes == ()
        assert one.rows == ()
    ghab, sahel = diff(dataset.version(2), dataset.version(3))
    assert ghab.is_same
    assert sahel.causes == ("the source is new",)
    assert sahel.counts["posts"] == {"added": 1, "changed": 0, "gone": 0}
    _, gone = diff(dataset.version(3), dataset.version(1))
    assert gone.causes == ("the source is gone",)
    assert gone.counts["places"]["gone"] == 1


def test_a_mention_more_is_one_row_more(tmp_path: Path) -> None:
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("1", places=1)]])
        publish(writer, [[annotated("1", places=2)]], run_id="r2", keep_rows=False)
    dataset = Dataset(tmp_path)
    (one,) = diff(dataset.version(1), dataset.version(2))
    assert one.counts["places"] == {"added": 1, "changed": 0, "gone": 0}
    assert one.counts["posts"] == {"added": 0, "changed": 0, "gone": 0}


def test_the_list_is_capped_and_the_count_is_not(tmp_path: Path) -> None:
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("0")]])
        publish(writer, [[annotated(str(number)) for number in range(50)]], run_id="r2", keep_rows=False)
    dataset = Dataset(tmp_path)
    (one,) = diff(dataset.version(1), dataset.version(2), most=10)
    assert one.counts["posts"]["added"] == 49
    assert sum(row.table == "posts" for row in one.rows) == 10


def test_going_back_to_a_version_is_a_new_version(tmp_path: Path) -> None:
    dataset = two_versions(tmp_path)
    with dataset.writer("test") as writer:
        back = writer.restore(dataset.version(1), at=START + timedelta(hours=3))
    assert back.number == 4
    assert dataset.versions() == [1, 2, 3, 4]
    assert back.verify() == []
    assert back.manifest.sources == dataset.version(1).manifest.sources
    assert list(load(tmp_path).posts().native_id) == ["1", "2", "3"]
    assert all(one.is_same for one in diff(dataset.version(1), back))


def test_going_back_with_one_source_leaves_the_others(tmp_path: Path) -> None:
    dataset = two_versions(tmp_path)
    with dataset.writer("test") as writer:
        back = writer.restore(dataset.version(1), "ghab", at=START + timedelta(hours=3))
    assert list(back.manifest.sources) == ["ghab", "sahel"]
    assert sorted(load(tmp_path).posts().native_id) == ["1", "2", "3", "9"]


def test_a_damaged_version_is_not_restored(tmp_path: Path) -> None:
    dataset = two_versions(tmp_path)
    path = dataset.version(1).files("posts", "ghab")[0]
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(raw)
    with dataset.writer("test") as writer:
        with pytest.raises(DatasetError, match="its bytes are not the published ones"):
            writer.restore(dataset.version(1), at=START)
        with pytest.raises(DatasetError, match=r"no source 'nobody'.*ghab"):
            writer.restore(dataset.version(2), "nobody", at=START)
    assert dataset.versions() == [1, 2, 3]
    assert not list((tmp_path / "versions").glob(".stage*"))
