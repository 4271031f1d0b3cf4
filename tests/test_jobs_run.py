"""Runs over real files: what is new is taken in once, what is wrong is told, what is there stays."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import load
from pipeline.errors import ConfigError, LockedError, Stopped
from pipeline.jobs.run import Options, Outcome, Progress, exit_code, run
from pipeline.jobs.status import last_run, status
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset
from pipeline.storage.ledger import Ledger

RERUN = Options(kind="rerun")


def message(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    at = datetime(2014, 3, 5, 12, tzinfo=UTC) + timedelta(minutes=number)
    return {
        "id": number,
        "type": "message",
        "date": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(int(at.timestamp())),
        "from": "أبو أحمد",
        "from_id": f"user{number % 3}",
        "text": text or f"قصف أمس على مدينة حماة رقم {number}",
        "text_entities": [],
        **more,
    }


def export(path: Path, messages: list[dict[str, Any]], group: int = 77) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"name": "أخبار", "type": "private_supergroup", "id": group, "messages": messages}
    path.write_text(json.dumps(whole, ensure_ascii=False, indent=1), encoding="utf-8")


class House:
    """A folder with a configuration of the sources `a` and `b`, and what runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.more: dict[str, str] = {}
        export(folder / "a" / "one.json", [message(number) for number in range(10)])
        export(folder / "b" / "one.json", [message(number) for number in range(5)], group=78)

    @property
    def config(self):
        sources = "".join(
            f"  - {{name: {name}, files: {name}/*.json, zone: Asia/Damascus, home: SY{self.more.get(name, '')}}}\n"
            for name in ("a", "b")
        )
        path = self.folder / "config.yaml"
        path.write_text(
            f"engine: {{kind: serial}}\ngazetteer: {{home: [SY, LB, IQ, TR]}}\nsources:\n{sources}",
            encoding="utf-8",
        )
        return load(path)

    def run(self, *names: str, options: Options = Options()) -> list[Outcome]:  # noqa: B008
        return list(run(self.config, names, options))

    @property
    def version(self) -> int | None:
        current = Dataset(self.folder / "data").current()
        return current.number if current else None

    def ids(self, source: str) -> list[str]:
        return list(load_dataset(self.folder / "data").posts(source=source)["native_id"])

    def bytes_of(self, source: str) -> dict[str, str]:
        """SHA-256 of every file of a source in the current version."""
        current = Dataset(self.folder / "data").current()
        assert current is not None
        paths = [current.files(table, source)[0] for table in ("posts", "places", "dates", "rejected")]
        return {
            f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
        }

    def events(self) -> list[tuple[str, str]]:
        return [(event["source"], event["event"]) for event in Ledger(self.folder / "data").events()]


@pytest.fixture
def house(tmp_path: Path, cache: Path, toolkit: object, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("MARSAD_CACHE", str(cache))
    monkeypatch.setenv("MARSAD_KEY_FILE", str(tmp_path / "secret" / "key"))
    monkeypatch.delenv("MARSAD_DATASET", raising=False)
    return House(tmp_path)


def test_a_first_run(house: House) -> None:
    first, second = house.run()
    assert (first.state, first.posts, first.version) == ("published", 10, 1)
    assert (second.state, second.posts, second.version) == ("published", 5, 2)
    assert first.books.read == first.books.written == 10
    assert first.places >= 10
    assert first.dates >= 10
    assert house.ids("a") == [str(number) for number in range(10)]
    assert house.events() == [("a", "started"), ("a", "finished"), ("b", "started"), ("b", "finished")]


def test_nothing_new_publishes_nothing(house: House) -> None:
    house.run()
    before = house.version, house.bytes_of("a")
    assert [outcome.state for outcome in house.run()] == ["unchanged", "unchanged"]
    assert (house.version, house.bytes_of("a")) == before
    assert house.events()[-1] == ("b", "finished")  # that it ran is recorded all the same


def test_a_new_file_and_a_changed_one(house: House) -> None:
    house.run()
    export(house.folder / "a" / "two.json", [message(number) for number in range(8, 14)])
    export(house.folder / "a" / "one.json", [message(number) for number in range(11)])
    (outcome,) = house.run("a")
    assert (outcome.files, outcome.books.read) == (2, 17)
    assert outcome.books.written + outcome.books.duplicate == 17
    assert sorted(map(int, house.ids("a"))) == list(range(14))
    state = Dataset(house.folder / "data").current().manifest.sources["a"]
    assert [known.name for known in state.inputs] == ["a/one.json", "a/two.json"]


def test_rerun_is_the_same_bytes_and_leaves_the_others(house: House) -> None:
    house.run()
    a, b = house.bytes_of("a"), house.bytes_of("b")
    (outcome,) = house.run("a", options=RERUN)
    assert (outcome.state, outcome.version) == ("published", 3)
    assert (house.bytes_of("a"), house.bytes_of("b")) == (a, b)


def test_rerun_replaces_rows(house: House) -> None:
    house.run()
    b = house.bytes_of("b")
    export(house.folder / "a" / "one.json", [message(number, "في حمص") for number in range(3, 10)])
    house.run("a", options=RERUN)
    posts = load_dataset(house.folder / "data").posts(source="a")
    assert list(posts["native_id"]) == [str(number) for number in range(3, 10)]
    assert set(posts["text"]) == {"في حمص"}
    assert house.bytes_of("b") == b


def test_a_broken_record_is_kept_apart_and_its_neighbors_are_there(house: House) -> None:
    broken = message(4)
    del broken["date"], broken["date_unixtime"]
    messages = [message(number) if number != 4 else broken for number in range(10)]
    export(house.folder / "a" / "one.json", messages)
    outcome = house.run("a")[0]
    assert (outcome.books.read, outcome.books.written, outcome.books.rejected) == (10, 9, 1)
    assert outcome.exit_code == 0
    (row,) = load_dataset(house.folder / "data").rejected(source="a", format="arrow").to_pylist()
    assert row["reason"] in ("no_time", "bad_time")
    assert "رقم 4" in row["raw"]
    assert row["file"] == "a/one.json"
    assert [int(number) for number in house.ids("a")] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert house.run("a")[0].state == "unchanged"


def test_too_many_rejected_is_published_with_code_3(house: House) -> None:
    house.more["a"] = ", expect: {max_rejected: 0.05}"
    broken = message(4)
    del broken["date"], broken["date_unixtime"]
    export(house.folder / "a" / "one.json", [message(1), message(2), broken])
    (outcome,) = house.run("a")
    assert (outcome.state, outcome.exit_code, outcome.posts) == ("published", 3, 2)


def test_a_source_that_shrinks_keeps_its_rows(house: House) -> None:
    house.run()
    before = house.version, house.bytes_of("a")
    export(house.folder / "a" / "one.json", [message(1)])
    (outcome,) = house.run("a", options=RERUN)
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert "max_shrink" in str(outcome.error)
    assert (house.version, house.bytes_of("a")) == before
    assert house.events()[-1] == ("a", "failed")
    (forced,) = house.run("a", options=Options(kind="rerun", force=True))
    assert (forced.state, forced.posts) == ("published", 1)


def test_fewer_posts_than_expected_are_not_published(house: House) -> None:
    house.more["a"] = ", expect: {min_posts: 11}"
    outcome = house.run()[0]
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert "min_posts" in str(outcome.error)
    assert Dataset(house.folder / "data").current().manifest.sources.keys() == {"b"}


def test_one_bad_source_does_not_stop_the_others(house: House) -> None:
    (house.folder / "a" / "one.json").write_bytes(b"\x00\x01 this is no export")
    outcomes = house.run()
    assert [outcome.state for outcome in outcomes] == ["failed", "published"]
    assert "a/one.json" in str(outcomes[0].error)
    assert exit_code(outcomes) == 1


def test_a_pattern_that_never_matched_stops_all_before_anything_is_begun(house: House) -> None:
    (house.folder / "a" / "one.json").unlink()
    with pytest.raises(ConfigError, match=r"sources\[0\]\.files \(a\): no file matches 'a/\*\.json'"):
        house.run()
    assert house.version is None
    assert house.events() == []


def test_files_that_vanished_fail_their_source_and_keep_its_rows(house: House) -> None:
    house.run()
    (house.folder / "a" / "one.json").unlink()
    outcomes = house.run()
    assert [(outcome.state, outcome.exit_code) for outcome in outcomes] == [("failed", 2), ("unchanged", 0)]
    assert "'a/*.json'" in str(outcomes[0].error)
    assert exit_code(outcomes) == 2
    assert house.ids("a") == [str(number) for number in range(10)]


def test_an_unknown_source(house: House) -> None:
    with pytest.raises(ConfigError, match="no source 'c'"):
        house.run("c")


def test_a_dry_run_writes_nothing(house: House) -> None:
    (outcome, _) = house.run(options=Options(dry=True))
    assert (outcome.state, outcome.books.written, outcome.books.read) == ("tried", 10, 10)
    assert outcome.places >= 10
    assert not (house.folder / "data").exists()


def test_a_file_that_changes_while_it_is_read_is_left_for_later(house: House) -> None:
    big = house.folder / "a" / "two.json"
    export(big, [message(number) for number in range(700)])
    changed = []

    def watch(at: Progress) -> None:
        if at.files_done == 1 and not changed:  # one.json is done, two.json comes
            changed.append(big)
        elif changed == [big] and at.rows > 500:
            export(big, [message(number) for number in range(701)])
            changed.append(big)

    (outcome,) = house.run("a", options=Options(watch=watch))
    assert len(changed) == 2
    assert (outcome.state, outcome.posts, outcome.files) == ("published", 10, 1)
    assert "two.json changed while it was read" in outcome.notes[0]
    (later,) = house.run("a")
    assert (later.state, later.posts) == ("published", 701)


def test_a_stop_leaves_nothing_half_done(house: House) -> None:
    house.run("b")
    before = house.version

    def stop(_at: Progress) -> None:
        raise Stopped(15)

    with pytest.raises(Stopped):
        house.run("a", options=Options(watch=stop))
    assert house.version == before
    assert house.events()[-1] == ("a", "interrupted")
    assert house.run("a")[0].state == "published"


def test_who_comes_second_is_told_who_is_first(house: House) -> None:
    with Dataset(house.folder / "data").writer("a test"), pytest.raises(LockedError, match="a test"):
        house.run()


def test_settings_that_changed_since_are_told(house: House) -> None:
    house.run()
    house.more["a"] = ", authors: drop"
    (outcome,) = house.run("a")
    assert outcome.state == "unchanged"
    assert "marsad rerun a" in outcome.notes[0]
    (again,) = house.run("a", options=RERUN)
    assert again.run_id != outcome.run_id


def test_authors(house: House) -> None:
    def keys(authors: str) -> tuple[set[Any], set[Any]]:
        house.more["a"] = f", authors: {authors}"
        house.run("a", options=RERUN)
        posts = load_dataset(house.folder / "data").posts(source="a", format="arrow").to_pylist()
        return {post["author_key"] for post in posts}, {post["author_name"] for post in posts}

    assert keys("keep") == ({"user0", "user1", "user2"}, {"أبو أحمد"})
    hidden, names = keys("pseudonym")
    assert len(hidden) == 3
    assert all(len(key) == 32 for key in hidden)
    assert names == {None}
    assert keys("pseudonym") == (hidden, {None})
    assert keys("drop") == ({None}, {None})


def test_status(house: House) -> None:
    house.more["b"] = ', schedule: "15 */6 * * *"'
    assert [one.state for one in status(house.config).sources] == ["never", "never"]
    house.run("a")
    (house.folder / "b" / "one.json").write_bytes(b"")
    house.run("b")
    now = datetime(2026, 1, 1, 0, 0, tzinfo=UTC)
    found = status(house.config, now)
    a, b = found.sources
    assert (found.version, a.state, a.posts, a.next_run) == (1, "published", 10, None)
    assert (b.state, b.posts, b.last_run is not None) == ("failed", 0, True)
    assert b.next_run is not None
    assert b.next_run - now < timedelta(hours=6)
    assert b.error
    assert last_run(house.folder / "data", "b") is None
    assert last_run(house.folder / "data", "a") == a.last_run


def test_a_run_whose_process_is_gone_is_called_killed(house: House, dead_process: int) -> None:
    house.run("a")
    event = {"event": "started", "at": "2026-01-01T00:00:00+00:00", "source": "a", "run_id": "x"}
    last = list(Ledger(house.folder / "data").events())[-1]
    Ledger(house.folder / "data").append({**event, "host": last["host"], "pid": dead_process})
    assert status(house.config).sources[0].state == "killed"


@pytest.fixture
def dead_process() -> int:
    """The id of a process that has ended."""
    import subprocess
    import sys

    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid
