"""Which sight of a post becomes its row: a table of cases, and the same rule as a few lines of dict code."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_builders import annotated, publish, rejection

from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load

Sight = tuple[str, str, int | None, str]  # native id, text, edited, file


def stored(root: Path) -> list[tuple[str, str, int | None, str, list[tuple[str, int | None, str]]]]:
    """The rows in their order: native id, text, edited (seconds), file, history."""
    posts = load(root).posts(format="arrow").to_pylist()
    rows = []
    for post in posts:
        history = json.loads(post["extra"])["history"] if post["extra"] else []
        rows.append(
            (
                post["native_id"],
                post["text"],
                seconds(post["edited_at"] and post["edited_at"].isoformat(), post["posted_at"]),
                post["file"],
                [(h["text"], seconds(h["edited_at"], post["posted_at"]), h["file"]) for h in history],
            )
        )
    return rows


def seconds(edited_at, posted_at) -> int | None:
    from datetime import datetime

    return (
        None if edited_at is None else round((datetime.fromisoformat(edited_at) - posted_at).total_seconds())
    )


def posts_of(sights):
    return [annotated(native, text, edited=edited, file=file) for native, text, edited, file in sights]


def model(sights: list[Sight]):
    """The rule of `upsert`, sight by sight."""
    rows: dict[str, list] = {}
    for native, text, edited, file in sights:
        rank = edited or 0
        if native not in rows:
            rows[native] = [(text, edited, file), []]
            continue
        (now, now_edited, _), history = row = rows[native]
        if text == now:
            if rank > (now_edited or 0):
                row[0] = (text, edited, file)
        elif not any(old == text and (old_edited or 0) >= rank for old, old_edited, _ in history):
            if rank >= (now_edited or 0):
                history.append(row[0])
                row[0] = (text, edited, file)
            else:
                history.append((text, edited, file))
            history.sort(key=lambda version: version[1] or 0)
    return [(native, *row, history) for native, (row, history) in rows.items()]


sights = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from("xyz"), st.sampled_from([None, 1, 2]), st.sampled_from("12")
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(sights, min_size=1, max_size=3), st.integers(1, 5))
def test_upserts_equal_the_model_however_they_are_cut_into_runs_and_batches(runs, batch):
    with TemporaryDirectory() as folder:
        root = Path(folder)
        earlier = 0
        with Dataset(root).writer("test") as writer:
            for number, run in enumerate(runs):
                posts = iter(posts_of(run))
                batches = iter(lambda posts=posts: list(islice(posts, batch)), [])
                result, _ = publish(writer, batches, run_id=f"r{number}")
                assert result.written + result.duplicate == len(run)
                assert result.kept + result.replaced == earlier
                assert result.kept + result.written == result.posts
                books = result.by_file.values()
                assert sum(book.written for book in books) == result.written
                assert {name: book.written + book.duplicate for name, book in result.by_file.items()} == {
                    name: sum(s[3] == name for s in run) for name in sorted({s[3] for s in run})
                }
                earlier = result.posts
        loaded = load(root)
        assert stored(root) == model([sight for run in runs for sight in run])
        assert list(loaded.places().post_id) == list(loaded.posts().post_id)
        assert Dataset(root).current().verify() == []


@settings(max_examples=12, deadline=None)
@given(sights, st.randoms(use_true_random=False))
def test_reading_again_what_was_read_changes_nothing_in_any_order(run, order):
    again = list(run)
    order.shuffle(again)
    assert model([*run, *again]) == model(run)
    with TemporaryDirectory() as folder, Dataset(Path(folder)).writer("test") as writer:
        publish(writer, [posts_of(run)], run_id="r1")
        before = stored(Path(folder))
        result, _ = publish(writer, [posts_of(again)], run_id="r2")
        assert (result.written, result.duplicate) == (0, len(run))
        assert stored(Path(folder)) == before


CASES: dict[str, tuple[list[Sight], list]] = {
    "the same twice in one file": (
        [("1", "x", None, "a"), ("1", "x", None, "a")],
        [("1", "x", None, "a", [])],
    ),
    "an edit in a later export": (
        [("1", "x", None, "a"), ("1", "y", 60, "b")],
        [("1", "y", 60, "b", [("x", None, "a")])],
    ),
    "the edit is read first": (
        [("1", "y", 60, "b"), ("1", "x", None, "a")],
        [("1", "y", 60, "b", [("x", None, "a")])],
    ),
    "three texts, the middle one last": (
        [("1", "x", None, "a"), ("1", "z", 90, "c"), ("1", "y", 60, "b")],
        [("1", "z", 90, "c", [("x", None, "a"), ("y", 60, "b")])],
    ),
    "another text, and the platform tells of no edit": (
        [("1", "x", None, "a"), ("1", "y", None, "b")],
        [("1", "y", None, "b", [("x", None, "a")])],
    ),
    "edited, but not in its text": (
        [("1", "x", None, "a"), ("1", "x", 60, "b")],
        [("1", "x", 60, "b", [])],
    ),
    "edited again, but not in its text": (
        [("1", "x", None, "a"), ("1", "y", 60, "b"), ("1", "y", 90, "c")],
        [("1", "y", 90, "c", [("x", None, "a")])],
    ),
    "the text before the edit is read again": (
        [("1", "x", None, "a"), ("1", "y", None, "b"), ("1", "x", None, "c")],
        [("1", "y", None, "b", [("x", None, "a")])],
    ),
    "rows stay where they were seen first": (
        [("1", "x", None, "a"), ("2", "x", None, "a"), ("1", "y", 60, "b")],
        [("1", "y", 60, "b", [("x", None, "a")]), ("2", "x", None, "a", [])],
    ),
}


@pytest.mark.parametrize("cut", [False, True], ids=["one run", "a run each"])
@pytest.mark.parametrize("case", CASES)
def test_cases(tmp_path, case, cut):
    sights, expected = CASES[case]
    with Dataset(tmp_path).writer("test") as writer:
        for number, run in enumerate([[one] for one in sights] if cut else [sights]):
            publish(writer, [posts_of(run)], run_id=f"r{number}")
    assert stored(tmp_path) == expected


def test_what_the_export_held_besides_stays_beside_the_history(tmp_path):
    old = annotated("1", "x", extra={"pinned": True, "history": "a field of the export"})
    new = annotated("1", "y", edited=5, extra={"pinned": False})
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[old]], run_id="r1")
        first = json.loads(load(tmp_path).posts().extra[0])
        publish(writer, [[new]], run_id="r2")
    assert first == {"pinned": True, "export_history": "a field of the export"}
    extra = json.loads(load(tmp_path).posts().extra[0])
    assert extra["pinned"] is False
    assert [version["text"] for version in extra["history"]] == ["x"]


def test_mentions_of_a_text_that_lost_are_gone(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("1", places=3, dates=2), annotated("2", places=0, dates=1)]], run_id="r1")
        publish(writer, [[annotated("1", "other words", edited=9, places=1, dates=0)]], run_id="r2")
    loaded = load(tmp_path)
    assert list(loaded.places().mention) == ["telegram:77:1/p0"]
    assert list(loaded.dates().mention) == ["telegram:77:2/d0"]


def test_a_rerun_replaces_all_rows_and_rejections(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [[annotated("1"), annotated("2")]], rejections=[rejection()])
        result, _ = publish(
            writer, [[annotated("2"), annotated("3")]], run_id="r2", keep_rows=False, rejections=[]
        )
    assert (result.written, result.replaced, result.kept, result.quarantined) == (2, 2, 0, 0)
    assert list(load(tmp_path).posts().native_id) == ["2", "3"]


def test_rejections_stay_until_their_file_is_read_again(tmp_path):
    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [], rejections=[rejection("a.json"), rejection("b.json"), rejection("a.json")])
        result, version = publish(
            writer,
            [[annotated("1", file="a.json")]],
            run_id="r2",
            rejections=[rejection("a.json", detail="still no id")],
            drop_files=frozenset({"a.json"}),
        )
    rejected = load(tmp_path).rejected()
    assert list(zip(rejected.file, rejected.detail, strict=True)) == [
        ("b.json", "no id"),
        ("a.json", "still no id"),
    ]
    assert result.rejected == 1
    assert result.by_file["a.json"].rejected == 1
    assert version.manifest.sources["ghab"].rejected == 2


def test_the_same_bytes_whatever_the_batches(tmp_path):
    posts = [annotated(str(n), f"text {n}", places=n % 3, dates=n % 2) for n in range(5000)]
    seen = []
    for name, size in (("one", 5000), ("many", 333)):
        with Dataset(tmp_path / name).writer("test") as writer:
            publish(writer, (posts[at : at + size] for at in range(0, len(posts), size)))
        state = Dataset(tmp_path / name).current().manifest.sources["ghab"]
        seen.append({table: [file.sha256 for file in files] for table, files in state.files.items()})
    assert seen[0] == seen[1]


def test_a_large_upsert_keeps_every_mention_with_its_post(tmp_path):
    def posts(edited=None):
        return [
            annotated(str(n), f"text {n} {edited}", edited=edited, places=n % 4, dates=n % 3)
            for n in range(6000)
        ]

    with Dataset(tmp_path).writer("test") as writer:
        publish(writer, [posts()], run_id="r1")
        edits = posts(edited=7)[::-2]  # newest first, as many exporters write
        result, _ = publish(writer, (edits[at : at + 500] for at in range(0, 3000, 500)), run_id="r2")
    assert (result.written, result.replaced, result.kept) == (3000, 3000, 3000)
    loaded = load(tmp_path)
    frame = loaded.posts()
    assert list(frame.native_id) == [str(n) for n in range(6000)]
    assert (frame.run_id == ["r2" if n % 2 else "r1" for n in range(6000)]).all()
    assert (frame.text.str.endswith("7") == (frame.run_id == "r2")).all()
    for table, each in ((loaded.places(), 4), (loaded.dates(), 3)):
        counts = table.groupby("post_id").size()
        assert counts.to_dict() == {f"telegram:77:{n}": n % each for n in range(6000) if n % each}
        order = table.post_id.str.rsplit(":", n=1).str[1].astype(int)
        assert order.is_monotonic_increasing
        assert table.mention.is_unique


def test_a_batch_of_another_source_is_refused(tmp_path):
    from pipeline.storage.rows import encode

    with Dataset(tmp_path).writer("test") as writer:
        stage = writer.stage("ghab", "r1", keep_rows=True)
        with pytest.raises(ValueError, match="hama"):
            stage.add(encode([annotated("1", source="hama")], "r1"))
        with pytest.raises(ValueError, match="staged already"):
            writer.stage("ghab", "r1", keep_rows=True)
