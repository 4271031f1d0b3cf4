"""Forgotten people and posts: gone from every version, kept out for good, whatever is killed on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from storage_builders import CHANGES
from test_jobs_run import RERUN, House, export, house, message  # noqa: F401  a fixture

from pipeline.config import key_file, load
from pipeline.errors import ConfigError, LockedError
from pipeline.jobs.forget import forget, is_pending
from pipeline.jobs.keys import open_ring, rotate
from pipeline.jobs.people import pseudonym
from pipeline.jobs.suppression import list_file, open_suppression, spellings, values
from pipeline.jobs.tidy import tidy
from pipeline.records import Origin, Reason, Rejection
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset
from pipeline.storage.ledger import Ledger
from pipeline.storage.trace import tables

TABLES = ("posts", "places", "dates", "rejected")


def broken(number: int, **more: Any) -> dict[str, Any]:
    row = message(number, **more)
    del row["date"], row["date_unixtime"]
    return row


def everything(folder: Path) -> dict[int, dict[str, list[dict[str, Any]]]]:
    """All rows of all versions on disk."""
    dataset = Dataset(folder / "data")
    return {
        number: {
            table: [
                {**row, "source": str(row["source"])}
                for path in dataset.version(number).files(table)
                for rows in tables(path, None)
                for row in rows.to_pylist()
            ]
            for table in TABLES
        }
        for number in dataset.versions()
    }


def ids(rows: list[dict[str, Any]], source: str = "a") -> set[str]:
    return {row["post_id"] for row in rows if row["source"] == source}


def is_whole(folder: Path) -> None:
    dataset = Dataset(folder / "data")
    for number in dataset.versions():
        assert dataset.version(number).verify() == []
        for name, state in dataset.version(number).manifest.sources.items():
            frame = load_dataset(folder / "data", number).posts(source=name)
            assert len(frame) == state.posts
    assert Ledger(folder / "data").verify() == []
    left = [path.name for path in (folder / "data" / "versions").iterdir() if not path.name.isdigit()]
    assert left == []


def key_of(author: str) -> str:
    key = pseudonym(open_ring(key_file()).current, "telegram", author, None)
    assert key is not None
    return key


@pytest.fixture
def several(house: House) -> House:  # noqa: F811
    """Three versions of `a` with a refused row and an edit, and one of `b`."""
    export(house.folder / "a" / "one.json", [*(message(number) for number in range(10)), broken(33)])
    house.run()
    edit = {"edited": "2014-03-06T00:00:00", "edited_unixtime": "1394064000"}
    later = [
        message(3, "صار في قصف على حلب", **edit),
        *(message(number) for number in range(8, 14)),
        message(20, reply_to_message_id=3),
    ]
    export(house.folder / "a" / "two.json", later)
    house.run("a")
    house.run("a", options=RERUN)
    return house


@pytest.mark.parametrize("by", ["author_key", "id"])
def test_an_author_is_gone_from_every_version(several: House, by: str) -> None:
    before = everything(several.folder)
    others = several.bytes_of("b")
    author = key_of("user0")
    assert any(row["author_key"] == author for row in before[1]["posts"])
    done = forget(several.config, author if by == "author_key" else "user0", ["a"])
    assert (done.whom, done.kept_out > 0, set(done.versions)) == ("author", True, set(before) - {0})
    after = everything(several.folder)
    assert done.published == max(after) == max(before) + 1
    theirs = {
        row["post_id"] for rows in before.values() for row in rows["posts"] if row["author_key"] == author
    }
    theirs = {post_id for post_id in theirs if ":77:" in post_id}
    assert len(theirs) == 5  # 0, 3, 6, 9 and 12
    for number, version in after.items():
        assert not [row for row in version["rejected"] if row["source"] == "a"]
        for table in ("posts", "places", "dates"):
            was = before[min(number, max(before))][table]
            assert [row for row in was if row["post_id"] not in theirs] == version[table]
    assert several.bytes_of("b") == others
    is_whole(several.folder)
    assert done.rows["a"]["posts"] == 5
    assert done.rows["a"]["rejected"] == 1
    assert done.exports == ("a/one.json", "a/two.json")


def test_what_was_forgotten_is_kept_out(several: House) -> None:
    author = key_of("user0")
    forget(several.config, author, ["a"])
    for options in (RERUN, replace(RERUN, kind="replay")):
        (outcome,) = several.run("a", options=options)
        assert not any(
            row["author_key"] == author
            for row in everything(several.folder)[several.version]["posts"]
            if row["source"] == "a"
        )
    (outcome,) = several.run("a", options=RERUN)
    books = outcome.books
    assert books.forgotten == 8  # 0, 3, 6, 9, and 33 without a time; 3, 9 and 12 of the later export
    books.check("a")
    assert outcome.notes == (f"{books.forgotten:,} rows were forgotten and were kept out",)
    export(several.folder / "a" / "three.json", [message(number) for number in range(40, 46)])
    (outcome,) = several.run("a")
    assert (outcome.books.written, outcome.books.forgotten) == (4, 2)
    is_whole(several.folder)


def test_a_post_is_gone_with_its_history_and_stays_out(several: House) -> None:
    before = everything(several.folder)
    post_id = next(row["post_id"] for row in before[several.version]["posts"] if row["native_id"] == "3")
    assert any('"history"' in (row["extra"] or "") for row in before[several.version]["posts"])
    done = forget(several.config, post_id)
    assert (done.whom, done.replies, done.rows["a"]["posts"]) == ("post", 1, 1)
    assert done.exports == ("a/one.json", "a/two.json")  # the later one has the edit
    for version in everything(several.folder).values():
        assert not any(post_id == row["post_id"] for table in TABLES[:3] for row in version[table])
        assert "صار في قصف" not in json.dumps(version, ensure_ascii=False, default=str)
    replies = [
        row for row in everything(several.folder)[several.version]["posts"] if row["native_id"] == "20"
    ]
    assert replies[0]["reply_to"] == post_id  # an id, no content
    (outcome,) = several.run("a", options=RERUN)
    assert outcome.books.forgotten == 2
    is_whole(several.folder)


def test_the_row_of_a_post_that_was_refused_goes_with_it(house: House) -> None:  # noqa: F811
    text = "قصف أمس على مدينة حماة وريفها الشمالي"
    one = house.folder / "a" / "one.json"
    export(one, [message(1, text), broken(1, text=text), broken(2)])
    house.run("a")
    done = forget(house.config, "telegram:77:1")
    assert done.rows["a"] == {"posts": 1, "places": done.rows["a"]["places"], "dates": 1, "rejected": 1}
    (left,) = everything(house.folder)[house.version]["rejected"]
    assert json.loads(left["raw"])["id"] == 2
    (outcome,) = house.run("a", options=RERUN)
    assert (outcome.books.forgotten, outcome.books.rejected) == (2, 1)


def test_a_dry_run_changes_nothing(several: House) -> None:
    before = several.bytes_of("a"), several.version, sorted(several.folder.rglob("*"))
    done = forget(several.config, "user0", dry=True)
    assert done.dry
    assert done.rows["a"]["posts"] == 5
    assert done.rows["b"]["posts"] == 2
    assert (several.bytes_of("a"), several.version, sorted(several.folder.rglob("*"))) == before


def test_nobody_of_that_name_is_told_and_kept_out(several: House) -> None:
    version = several.version
    done = forget(several.config, "user999")
    assert (done.rows, done.versions, done.published) == ({}, (), None)
    assert "no row on disk" in done.notes[0]
    assert several.version == version
    export(several.folder / "a" / "new.json", [message(50, from_id="user999"), message(51)])
    (outcome,) = several.run("a")
    assert (outcome.books.written, outcome.books.forgotten) == (1, 1)


def test_authors_that_are_kept_are_found_by_their_names(house: House) -> None:  # noqa: F811
    house.more["a"] = ", authors: keep"
    house.run()
    done = forget(house.config, "user1", ["a"])
    assert done.rows["a"]["posts"] == 3
    assert forget(house.config, "أبو أحمد", ["a"]).rows["a"]["posts"] == 7  # all are called so


def test_the_list_and_the_ledger_name_nobody(several: House) -> None:
    forget(several.config, "user0")
    told = list_file(key_file()).read_text()
    (event,) = [one for one in Ledger(several.folder / "data").events() if one["event"] == "forgotten"]
    for hidden in ("user0", key_of("user0")):
        assert hidden not in told
        assert hidden not in json.dumps(event)
    assert event["rows"]["a"]["posts"] == 5
    assert list_file(key_file()).stat().st_mode & 0o777 == 0o600
    assert not is_pending(several.folder / "data")


def test_an_unknown_source_or_an_empty_name(house: House) -> None:  # noqa: F811
    house.run()
    with pytest.raises(ConfigError, match="no source 'c'"):
        forget(house.config, "user0", ["c"])
    with pytest.raises(ConfigError, match="whom"):
        forget(house.config, " ")


def test_somebody_else_writes(several: House) -> None:
    with Dataset(several.folder / "data").writer("test"), pytest.raises(LockedError):
        forget(several.config, "user0")
    assert not list_file(key_file()).exists()
    assert any(row["native_id"] == "0" for row in everything(several.folder)[1]["posts"])
    assert forget(several.config, "user0").rows["a"]["posts"] == 5


def test_a_broken_version_that_lies_about_goes_too(several: House) -> None:
    aside = several.folder / "data" / "versions" / "broken-000099"
    aside.mkdir()
    done = forget(several.config, "telegram:77:1")
    assert not aside.exists()
    assert any("broken-000099" in note for note in done.notes)


def test_a_forget_that_is_killed_anywhere_is_finished_by_the_next_run(several: House, tmp_path: Path) -> None:
    """Before the note nothing was promised and nothing is gone; from the note on, all is gone and kept out."""
    config = several.config
    store, saved = several.folder / "data", tmp_path / "saved"
    before = rows_left(store)
    subprocess.run(["cp", "-a", store, saved], check=True)  # hard links stay links
    states = set()
    for left in (1, 3, 6, 20, 45, 70):
        child = os.fork()
        if child == 0:
            _die_at(left)
            try:
                forget(config, "user0", ["a"])
            finally:
                os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        promised = is_pending(store)
        states.add((ended, promised))
        dataset = Dataset(store)
        with dataset.writer("test") as writer:
            tidy(config, dataset, [], lambda: writer)
        after = rows_left(store)
        if promised or ended == 0:
            assert not any(after.values())
            assert set(before) <= set(after)
            assert list_file(key_file()).exists()
        else:
            assert after == before or not any(after.values())
        is_whole(several.folder)
        shutil.rmtree(store)
        subprocess.run(["cp", "-a", saved, store], check=True)
        list_file(key_file()).unlink(missing_ok=True)
    assert {(-signal.SIGKILL, False), (-signal.SIGKILL, True)} <= states


def rows_left(store: Path) -> dict[int, int]:
    """How many posts of the author each version holds."""
    dataset, author = Dataset(store), key_of("user0")
    return {
        number: sum(
            rows["author_key"].to_pylist().count(author)
            for path in dataset.version(number).files("posts", "a")
            for rows in tables(path, ["author_key"])
        )
        for number in dataset.versions()
    }


def _die_at(left: int) -> None:
    def count(event: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if event in CHANGES and not (event == "open" and not _is_writing(args)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _is_writing(args: tuple[object, ...]) -> bool:
    flags = args[2] if len(args) > 2 else 0
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def test_older_keys_find_people_too(several: House) -> None:
    old = open_ring(key_file()).current
    rotate(key_file())
    several.run("b", options=RERUN)  # under the new key, `a` is under the old one
    done = forget(several.config, "user0")
    assert (done.rows["a"]["posts"], done.rows["b"]["posts"]) == (5, 2)
    (outcome,) = several.run("a", options=RERUN)
    assert outcome.books.forgotten == 8
    suppression = open_suppression(key_file(), open_ring(key_file()))
    assert suppression.has("author", str(pseudonym(old, "telegram", "user0", None)))


@pytest.mark.parametrize(
    ("named", "written"),
    [
        ("+963944123456", "+963 944 123 456"),
        ("+90 532 123 45 67", "+90 532 123 45 67"),
        ("@radar", "radar"),
        ("Omar", "Omar"),
        ("+1 (202) 555-0199", "+12025550199"),
    ],
)
def test_names_as_exports_write_them(named: str, written: str) -> None:
    assert written in spellings(named)


@pytest.mark.parametrize(
    ("raw", "inside"),
    [
        ('{"id": 5, "from": "أبو أحمد", "from_id": "user7"}', "user7"),
        ("7;Omar Ali;hello", "Omar Ali"),
        ("3/5/14, 12:00 - Omar Ali: hello", "Omar Ali"),
        ("[05/03/14, 12:00:00] +963 944 123 456: hello", "+963 944 123 456"),
    ],
)
def test_what_may_be_a_name_in_a_raw_row(raw: str, inside: str) -> None:
    assert inside in set(values(raw))


def test_a_refused_row_of_others_stays(house: House) -> None:  # noqa: F811
    house.run()
    forget(house.config, "user0")
    suppression = open_suppression(key_file(), open_ring(key_file()))
    origin = Origin("x", "", "line 1", "telegram_json")
    for raw, held in (('{"from_id": "user0"}', True), ('{"from_id": "user01"}', False), ("", False)):
        row = Rejection(source="a", origin=origin, reason=Reason.NO_ID, detail="", raw=raw)
        assert suppression.holds_row(row, ["telegram"]) is held


def test_the_time_of_the_new_version_is_told(several: House) -> None:
    at = datetime.now(UTC) + timedelta(minutes=1)
    done = forget(several.config, "user0", now=at)
    assert done.published is not None
    assert Dataset(several.folder / "data").version(done.published).manifest.created == at


def test_a_dataset_of_an_older_marsad(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARSAD_KEY_FILE", str(tmp_path / "key"))
    shutil.copytree(root / "tests" / "golden" / "schema1", tmp_path / "golden", symlinks=True)
    config = load(tmp_path / "golden" / "config.yaml")
    dataset = Dataset(config.dataset)
    (number,) = dataset.versions()
    posts = load_dataset(dataset.root).posts(source="first")
    post_id = posts["post_id"][0]
    done = forget(config, post_id)
    assert done.rows["first"]["posts"] == 1
    assert number in dataset.versions()
    for one in dataset.versions():
        assert dataset.version(one).verify() == []
        assert list(load_dataset(dataset.root, one).posts(source="first")["post_id"]) == list(
            posts["post_id"][1:]
        )
    assert dataset.version(number).manifest.schema_version < dataset.current().manifest.schema_version
