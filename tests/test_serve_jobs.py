"""What the page shows and does besides HTTP: progress of runs, pauses, history; and the commands for them."""

# ruff: noqa: F811  a fixture is imported by its name, and asked for by it
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_jobs_run import House, house  # noqa: F401
from test_schedule_serve import EVERY_SECOND, ONCE_A_YEAR, read_until, scheduler, the_rest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import ConfigError
from pipeline.jobs import progress
from pipeline.jobs.health import health
from pipeline.jobs.history import history
from pipeline.jobs.metrics import metrics
from pipeline.jobs.pause import Pause, pause, paused, resume
from pipeline.jobs.progress import Progress, Running, noting, running
from pipeline.jobs.run import Options, run
from pipeline.jobs.schedule import scheduler as serving
from pipeline.jobs.status import is_alive, process, status
from pipeline.storage.ledger import Ledger

AT = Progress("a", files=2, files_done=0, size=100, size_done=0, rows=7)


def gone() -> int:
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def note(pid: int, source: str = "a", host: str = "", at: datetime | None = None) -> Running:
    now = at or datetime.now(UTC)
    host = host or process()["host"]
    return Running(kind="run", pid=pid, host=host, started=now, at=now, **{**msgspec.structs.asdict(AT), "source": source})  # fmt: skip


def write(dataset: Path, one: Running) -> Path:
    folder = dataset / progress.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.source}-{one.pid}.json"
    path.write_bytes(msgspec.json.encode(one))
    return path


# Progress


def test_progress_is_there_while_it_runs_and_gone_afterwards(tmp_path: Path) -> None:
    told = []
    with noting(tmp_path, "rerun", told.append) as tell:
        assert running(tmp_path) == []
        tell(AT)
        (found,) = running(tmp_path)
        assert (found.source, found.kind, found.rows, found.pid) == ("a", "rerun", 7, os.getpid())
        tell(msgspec.structs.replace(AT, rows=8))  # too soon for another note, but the caller hears it
        assert running(tmp_path)[0].rows == 7
        tell(msgspec.structs.replace(AT, rows=9, files_done=2))  # the end is always noted
        assert running(tmp_path)[0].rows == 9
    assert running(tmp_path) == []
    assert [at.rows for at in told] == [7, 8, 9]
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_takes_its_note_away(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), noting(tmp_path, "run", None) as tell:  # noqa: PT012
        tell(AT)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_notes_of_dead_processes_are_passed_by_and_cleared_by_the_next_run_of_their_source(
    tmp_path: Path,
) -> None:
    dead = gone()
    stale, other = write(tmp_path, note(dead)), write(tmp_path, note(dead, "a-b"))
    write(tmp_path, note(os.getppid(), "z"))
    (tmp_path / progress.FOLDER / "x-1.json").write_text("{")
    assert [one.source for one in running(tmp_path)] == ["z"]
    with noting(tmp_path, "run", None) as tell:
        tell(AT)
        assert not stale.exists()
        assert other.exists()
        assert [one.source for one in running(tmp_path)] == ["a", "z"]
    assert [one.source for one in running(tmp_path)] == ["z"]


def test_a_note_of_another_machine_is_believed_for_ten_minutes(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    write(tmp_path, note(1, "near", "elsewhere", now - timedelta(minutes=9)))
    write(tmp_path, note(1, "late", "elsewhere", now - timedelta(minutes=11)))
    assert [one.source for one in running(tmp_path)] == ["near"]


def test_a_disk_that_takes_no_notes_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / progress.FOLDER).write_text("in the way")
    told = []
    with noting(tmp_path, "run", told.append) as tell:
        tell(AT)
    assert told == [AT]
    assert running(tmp_path) == []


def test_who_looks_while_notes_come_and_go_is_never_disturbed(tmp_path: Path) -> None:
    def come_and_go() -> None:
        for _ in range(500):
            with noting(tmp_path, "run", None) as tell:
                tell(AT)

    worker = threading.Thread(target=come_and_go)
    worker.start()
    counts = set()
    while worker.is_alive():
        counts.add(len(running(tmp_path)))
    worker.join()
    assert counts <= {0, 1}
    assert running(tmp_path) == []


def test_a_real_run_is_seen_by_others(house: House) -> None:
    seen = []
    list(run(house.config, ["a"], Options(watch=lambda _: seen.append(running(house.config.dataset)))))
    assert [one.source for one in seen[0]] == ["a"]
    assert seen[0][0].files == 1
    assert seen[-1][0].rows == 10
    assert running(house.config.dataset) == []
    assert not (house.config.dataset / progress.FOLDER).exists()


def test_a_dry_run_leaves_no_note(house: House) -> None:
    seen = []
    list(
        run(
            house.config, ["a"], Options(dry=True, watch=lambda _: seen.append(running(house.config.dataset)))
        )
    )
    assert seen
    assert not any(seen)


@pytest.mark.parametrize(
    ("pid", "expected"), [(os.getpid(), True), (0, False), (None, False), (2**70, False)]
)
def test_is_alive(pid: int | None, expected: bool) -> None:
    assert is_alive(pid, process()["host"]) is expected
    assert is_alive(pid, "elsewhere")


# Pause


def test_pause_and_resume(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    made = pause(tmp_path, "a", by="sara", why="نسخة جديدة", at=at)
    assert str(made) == "paused since 2026-03-01 12:00 UTC by sara: نسخة جديدة"
    assert pause(tmp_path, "a", by="other") == made
    pause(tmp_path, "a-b", at=at)
    assert paused(tmp_path) == {"a": made, "a-b": Pause(at)}
    assert resume(tmp_path, "a") == made
    assert resume(tmp_path, "a") is None
    assert list(paused(tmp_path)) == ["a-b"]


def test_a_pause_that_cannot_be_read_is_one(tmp_path: Path) -> None:
    pause(tmp_path, "a")
    (tmp_path / "paused" / "a.json").write_text("{")
    assert "it pauses still" in paused(tmp_path)["a"].why
    resume(tmp_path, "a")
    assert paused(tmp_path) == {}


def test_the_scheduler_leaves_a_paused_source_alone_until_it_is_resumed(tmp_path: Path) -> None:
    pause(tmp_path, "rests", why="new export")
    body = f"""
        sources = [Source("rests", {EVERY_SECOND!r}), Source("works", {EVERY_SECOND!r})]
        last, grace = today, 5
        def run(name):
            print_now(f"run {{name}}")
            return 0
    """
    with scheduler(tmp_path, body) as child:
        lines = read_until(child, "not run: rests") + read_until(child, "done: works")
        note = serving(tmp_path)
        assert note is not None
        assert note.startswith(f"process {child.pid} on ")
        resume(tmp_path, "rests")
        after = read_until(child, "run rests")
        child.send_signal(signal.SIGTERM)
        the_rest(child)
    assert "run rests" not in lines
    assert after[-1] == "run rests"
    assert any("new export; marsad resume rests" in line for line in lines)
    assert serving(tmp_path) is None


def test_a_missed_time_of_a_paused_source_is_not_caught_up(tmp_path: Path) -> None:
    pause(tmp_path, "rests")
    body = f"""
        sources = [Source("rests", {ONCE_A_YEAR!r})]
        last, grace = never, 5
        def run(name):
            print_now(f"run {{name}}")
            return 0
    """
    with scheduler(tmp_path, body) as child:
        lines = read_until(child, "not run: rests") + read_until(child, "next: rests")
        child.send_signal(signal.SIGTERM)
        assert "run rests" not in lines + the_rest(child)


def test_status_health_and_metrics_know_the_pause(house: House) -> None:
    house.more["a"] = ', schedule: "* * * * *"'
    config = house.config
    later = datetime.now(UTC) + timedelta(days=2)
    list(run(config, ["a"]))
    assert health(config, later).level == "bad"
    made = pause(config.dataset, "a", why="moving")
    found = status(config, later).sources[0]
    assert (found.paused, found.next_run) == (made, None)
    sign = next(sign for sign in health(config, later).signs if sign.what == "source a")
    assert (sign.level, sign.told) == ("warning", f"{made}; marsad resume a")
    assert 'marsad_paused{source="a"} 1' in metrics(status(config))
    assert 'marsad_next_run_timestamp_seconds{source="a"}' not in metrics(status(config))
    [outcome] = run(config, ["a"])  # by hand it runs
    assert outcome.state == "unchanged"


# History


def test_history_tells_every_run_once_the_newest_first(house: House) -> None:
    config = house.config
    list(run(config))
    list(run(config, ["a"]))
    list(run(config, ["a"], Options(kind="rerun")))
    found = history(config.dataset)
    assert [(one.source, one.kind, one.state) for one in found] == [
        ("a", "rerun", "published"),
        ("a", "run", "unchanged"),
        ("b", "run", "published"),
        ("a", "run", "published"),
    ]
    newest = found[0]
    assert (newest.books.read, newest.books.written, newest.posts, newest.version) == (10, 10, 10, 3)
    assert newest.ended is not None
    assert newest.seconds
    assert [one.source for one in history(config.dataset, "b")] == ["b"]
    assert len(history(config.dataset, unchanged=False)) == 3
    assert len(history(config.dataset, most=2)) == 2
    assert history(config.dataset, "z") == history(house.folder) == []


def test_history_tells_of_runs_without_an_end_and_of_lines_that_it_does_not_know(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    facts = {"event": "started", "kind": "run", "host": process()["host"]}
    for minute, (source, pid) in enumerate([("killed", gone()), ("runs", os.getpid())]):
        time = (at + timedelta(minutes=minute)).isoformat()
        ledger.append({**facts, "source": source, "pid": pid, "started": time, "at": time})
    ledger.append({"event": "forgotten", "sources": {"a": 1}})
    ledger.append({"event": "started", "source": 7})
    found = history(tmp_path)
    assert [(one.source, one.state, one.seconds) for one in found] == [("runs", "running", None), ("killed", "killed", None)]  # fmt: skip


def test_history_tells_of_runs_that_were_skipped(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    begun = {
        "event": "started",
        "source": "a",
        "kind": "run",
        "started": at.isoformat(),
        "at": at.isoformat(),
    }
    Ledger(tmp_path).append(begun)
    for minute in (5, 10):
        due, told = at + timedelta(minutes=minute), at + timedelta(minutes=minute, seconds=2)
        facts = {"event": "skipped", "source": "a", "at": told.isoformat(), "due": due.isoformat()}
        Ledger(tmp_path).append({**facts, "error": "its last run is still waiting or under way"})
    late, first, run_before = history(tmp_path)
    assert (late.state, late.started, late.seconds, late.run_id) == (
        "skipped",
        at + timedelta(minutes=10),
        None,
        None,
    )
    assert (first.state, first.error) == ("skipped", "its last run is still waiting or under way")
    assert run_before.state != "skipped"
    assert len(history(tmp_path, unchanged=False)) == 3


def test_a_failed_run_tells_its_error(house: House) -> None:
    list(run(house.config, ["a"]))
    house.more["a"] = ", expect: {min_posts: 99}"
    list(run(house.config, ["a"], Options(kind="rerun")))
    failed = history(house.config.dataset)[0]
    assert (failed.state, failed.exit_code) == ("failed", 1)
    assert "expect.min_posts is 99" in (failed.error or "")


def test_the_commands(house: House) -> None:
    list(run(house.config, ["a"]))

    def call(*words: str) -> Any:
        return CliRunner().invoke(app, [*words, "--config", str(house.folder / "config.yaml")])

    told = call("pause", "a", "--why", "نسخة\nجديدة").stdout
    assert told.startswith("a: paused since ")
    assert told.endswith(": نسخة جديدة\n")
    listed = call("status")
    assert "paused" in next(line for line in listed.stdout.splitlines() if line.startswith("a "))
    assert "marsad resume a" in listed.stderr
    assert call("resume", "a").stdout.startswith("a: was paused since")
    assert call("resume", "a").stdout == "a: was not paused\n"
    for words in (["pause", "../a"], ["resume", "../a"], ["history", "z"]):
        assert isinstance(call(*words).exception, ConfigError)
    runs = json.loads(call("history", "--json").stdout)["runs"]
    assert [one["source"] for one in runs] == ["a"]
    assert "published" in call("history", "a", "--most", "1").stdout
    assert "published" not in call("history", "b").stdout
