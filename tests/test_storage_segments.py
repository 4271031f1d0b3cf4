"""The parts of a source's tables: how many, in what order, and which of them a run writes again."""

from __future__ import annotations

import os
import warnings
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_builders import START, annotated, publish, rejection
from test_storage_upsert import model, posts_of, sights, stored

from pipeline.errors import DamageWarning, DatasetError
from pipeline.storage import segments, upsert
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load
from pipeline.storage.segments import TIER, Size, tiers, write_segment
from pipeline.storage.upsert import SIGHT, Ids, Log, settle


@pytest.fixture
def small(monkeypatch):
    """Segments of ten posts."""
    monkeypatch.setattr(segments, "SEGMENT_ROWS", 10)


@given(st.lists(st.integers(0, 4000), max_size=60))
def test_tiers_lose_nothing_keep_the_order_and_stay_few(sizes):
    most = 1000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SEGMENT_ROWS", most)
        parts = [(number, Size(min(size, most))) for number, size in enumerate(sizes)]
        joined = tiers(parts)
        rows = [sum(parts[number][1].rows for number in one) for one in joined]
        again = tiers([(number, Size(size)) for number, size in enumerate(rows)])
    assert [number for one in joined for number in one] == [n for n, size in parts if size.rows]
    assert again == [[number] for number in range(len(rows))]
    assert all(size <= most for size in rows)
    assert all(one >= TIER * two or one + two > most for one, two in pairwise(rows))
    assert len(rows) <= 2 * sum(rows) / most + 2 + np.log2(most)


def test_a_history_of_small_runs_leaves_few_segments():
    sizes: list[int] = []
    for _ in range(5000):
        sizes = [sum(one) for one in tiers([(size, Size(size)) for size in [*sizes, 1000]])]
        assert len(sizes) <= 60
    assert sum(sizes) == 5_000_000
    assert len(sizes) <= 40


@settings(max_examples=15, deadline=None)
@given(st.lists(sights, min_size=1, max_size=3), st.integers(1, 3))
def test_upserts_over_many_segments_equal_the_model(runs, rows):
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SEGMENT_ROWS", rows)
        root = Path(folder)
        with Dataset(root).writer("test") as writer:
            for number, run in enumerate(runs):
                result, _ = publish(writer, [posts_of(run)], run_id=f"r{number}")
                assert result.written + result.duplicate == len(run)
                assert result.kept + result.written == result.posts
        loaded = load(root)
        assert sorted(stored(root)) == sorted(model([sight for run in runs for sight in run]))
        assert list(loaded.places().post_id) == list(loaded.posts().post_id)
        assert Dataset(root).current().verify() == []
        sizes = [file.rows for file in Dataset(root).current().manifest.sources["ghab"].files["posts"]]
        assert max(sizes, default=0) <= rows


def names(dataset: Dataset, table: str = "posts") -> dict[str, int]:
    """The files of a table and their inodes."""
    return {path.name: path.stat().st_ino for path in dataset.current().files(table)}


def numbered(numbers, **more):
    return [annotated(str(number), f"text {number}", **more) for number in numbers]


def test_a_new_file_leaves_the_segments_of_before_alone(tmp_path, small):
    dataset = Dataset(tmp_path)
    with dataset.writer("test") as writer:
        publish(writer, [numbered(range(25))], run_id="r1")
        before = {table: names(dataset, table) for table in ("posts", "places", "dates", "ids", "rejected")}
        publish(writer, [numbered(range(25, 27))], run_id="r2")
    for table, known in before.items():
        now = names(dataset, table)
        kept = set(known) if table == "rejected" else set(sorted(known)[:2])
        assert {name: now.get(name) for name in kept} == {name: known[name] for name in kept}
    assert len(before["posts"]) == 3
    assert sorted(names(dataset)) == ["ghab-r1-000.parquet", "ghab-r1-001.parquet", "ghab-r2-000.parquet"]
    assert list(load(tmp_path).posts().native_id) == [str(number) for number in range(27)]


def test_an_edit_writes_its_segment_again_and_no_other(tmp_path, small):
    dataset = Dataset(tmp_path)
    with dataset.writer("test") as writer:
        publish(writer, [numbered(range(30))], run_id="r1")
        before = names(dataset)
        result, _ = publish(writer, [numbered([14], edited=60), numbered([3])], run_id="r2")
    assert (result.written, result.duplicate, result.replaced) == (1, 1, 1)
    after = names(dataset)
    assert sorted(after) == ["ghab-r1-000.parquet", "ghab-r1-002.parquet", "ghab-r2-000.parquet"]
    assert {after[name] for name in after if name in before} == {
        before[name] for name in before if name in after
    }
    rows = load(tmp_path).posts()
    assert list(rows.native_id) == [str(number) for number in range(30)]
    assert rows.edited_at.notna().sum() == 1


def test_what_was_seen_before_writes_nothing_again(tmp_path, small):
    dataset = Dataset(tmp_path)
    with dataset.writer("test") as writer:
        publish(writer, [numbered(range(30))], run_id="r1", rejections=[rejection("z.json")])
        before = {table: names(dataset, table) for table in ("posts", "places", "dates", "ids", "rejected")}
        publish(writer, [numbered(range(29, -1, -1))], run_id="r2")
    assert {table: names(dataset, table) for table in before} == before


def test_rows_of_a_segment_stand_by_time_and_mentions_with_them(tmp_path, small):
    from datetime import timedelta

    from msgspec.structs import replace

    posts = []
    for number in range(18):
        one = annotated(str(number), places=number % 3, dates=1)
        posted = None if number == 4 else one.post.posted_at - timedelta(hours=number)
        posts.append(replace(one, post=replace(one.post, posted_at=posted)))
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [posts], run_id="r1")
    for path, there in zip(Dataset(tmp_path).current().files("posts"), (10, 8), strict=True):
        rows = pd.read_parquet(path)
        assert len(rows) == there
        assert rows.posted_at.dropna().is_monotonic_increasing
        assert list(rows.posted_at.isna()) == [False] * (there - 1) + [there == 10]
        for table in ("places", "dates"):
            mentions = pd.read_parquet(path.parent.parent / table / path.name)
            order = [list(rows.post_id).index(post) for post in mentions.post_id]
            assert order == sorted(order)
            assert len(mentions) == sum(int(n) % 3 if table == "places" else 1 for n in rows.native_id)


def test_a_rerun_gives_one_clean_layout(tmp_path, small):
    seen = []
    for name, cuts in (("one", [range(30)]), ("many", [range(7), range(7, 18), range(18, 30)])):
        dataset = Dataset(tmp_path / name)
        with dataset.writer("test") as writer:
            for number, cut in enumerate(cuts):
                publish(writer, [numbered(cut)], run_id=f"r{number}")
            publish(writer, [numbered(range(30))], run_id="again", keep_rows=False)
        files = dataset.current().manifest.sources["ghab"].files
        seen.append({table: [(one.name, one.sha256) for one in files[table]] for table in files})
    assert seen[0] == seen[1]
    assert [name for name, _ in seen[0]["posts"]] == [f"ghab-again-{part:03}.parquet" for part in range(3)]


def test_posts_are_told_apart_though_they_share_64_bits(tmp_path):
    rows = np.zeros(6, SIGHT)
    rows["key"] = [5, 3, 5, 5, 9, 3]
    rows["check"] = [2, 1, 1, 3, 0, 2]
    (tmp_path / "ids").write_bytes(Ids.encode(rows))
    from pipeline.storage.durable import hash_file

    ids = Ids(tmp_path / "ids", 6, hash_file(tmp_path / "ids"))
    wanted = [(3, 0), (3, 1), (3, 2), (4, 1), (5, 1), (5, 2), (5, 3), (5, 4), (9, 0), (11, 0)]
    keys, checks = np.array([w[0] for w in wanted], np.uint64), np.array([w[1] for w in wanted], np.uint32)
    found = [int(ids.rest["row"][at]) if at >= 0 else None for at in ids.find(keys, checks)]
    assert found == [None, 1, 5, None, 2, 0, 3, None, 4, None]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=40))
def test_the_first_sight_of_every_post_is_found(posts):
    """Keys of few values, so that posts share them, and parts of few sights."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(upsert, "_PART", 4)
        patch.setattr(upsert, "_CHUNK", 3)
        rows = np.zeros(len(posts), SIGHT)
        rows["key"], rows["check"] = [post[0] for post in posts], [post[1] for post in posts]
        rows["text"] = range(len(posts))
        log = Log(Path(folder) / "sights")
        log.add(rows.tobytes())
        log.flush()
        settled = settle(log, [])
        log.close()
    firsts = {post: number for number, post in reversed(list(enumerate(posts)))}
    assert settled.first.tolist() == [firsts[post] for post in posts]
    later = {
        first: [n for n, post in enumerate(posts) if firsts[post] == first and n != first]
        for first in firsts.values()
    }
    assert settled.contests(0, len(posts)) == {first: rest for first, rest in sorted(later.items()) if rest}


def test_a_segment_written_without_rows_can_be_read(tmp_path):
    for name in ("posts", "places", "dates", "ids"):
        (tmp_path / name).mkdir()
    files = write_segment(tmp_path, "ghab-r1-000", "ghab", ())
    assert {name: file.rows for name, file in files.items()} == {
        "posts": 0,
        "places": 0,
        "dates": 0,
        "ids": 0,
    }
    assert pq.read_table(tmp_path / "posts" / "ghab-r1-000.parquet").num_rows == 0


@pytest.fixture
def damaged(tmp_path) -> Dataset:
    """Two versions; of the newer one a file of its own is cut."""
    dataset = Dataset(tmp_path / "data")
    with dataset.writer("test") as writer:
        publish(writer, [numbered(range(3))], run_id="r1")
        publish(writer, [numbered(range(40))], run_id="r2")
    os.truncate(dataset.current().files("posts")[-1], 100)
    return dataset


def test_a_damaged_version_is_not_read_but_the_one_before_and_that_is_told(damaged):
    with pytest.warns(DamageWarning, match=r"version 2 is damaged.*this is version 1"):
        loaded = load(damaged.root)
    assert (loaded.version, len(loaded.posts())) == (1, 3)
    with pytest.raises(DatasetError, match="version 2 is damaged"):
        load(damaged.root, 2)


def test_a_flipped_byte_is_known_once_it_was_verified(tmp_path):
    dataset = Dataset(tmp_path)
    with dataset.writer("test") as writer:
        publish(writer, [numbered(range(3))], run_id="r1")
        publish(writer, [numbered(range(40))], run_id="r2")
        path = dataset.current().files("places")[0]
        raw = path.read_bytes()
        path.write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert load(tmp_path).version == 2
            assert dataset.verify(dataset.version(1)) == []
        assert len(dataset.verify(dataset.current())) == 1
        with pytest.warns(DamageWarning, match="version 2"):
            assert load(tmp_path).version == 1
        publish(writer, [numbered(range(40))], run_id="r3", keep_rows=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(tmp_path).version == 3


def test_a_file_that_versions_share_is_damaged_in_all_of_them(tmp_path):
    dataset = Dataset(tmp_path)
    with dataset.writer("test") as writer:
        publish(writer, [[annotated("1")]], run_id="r1")
        publish(writer, [[annotated("1", source="hama")]], source="hama", run_id="r1", at=START)
    path = dataset.current().files("posts", "ghab")[0]
    raw = path.read_bytes()
    path.write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
    dataset.verify(dataset.current())
    with pytest.raises(DatasetError, match=r"version 2 is damaged.*version 1 is damaged"):
        load(tmp_path)
