"""`serve` in a process of its own: real scheduler, real signals, real locks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from pipeline.errors import ConfigError, LockedError
from pipeline.jobs.progress import running
from pipeline.jobs.schedule import serve
from pipeline.storage.dataset import Dataset
from pipeline.storage.ledger import Ledger

EVERY_SECOND = "* * * * * *"
ONCE_A_YEAR = "0 0 1 1 *"

CHILD = """
import sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from msgspec import Struct
from pipeline.errors import Stopped
from pipeline.jobs.schedule import print_now, serve

class Source(Struct):
    name: str
    schedule: str | None
    zone: str | None = "Asia/Damascus"

class Timetable(Struct):
    dataset: Path
    sources: list[Source]

now = datetime.now(UTC)
never = lambda name: None
today = lambda name: now
"""


class Source(Struct):
    name: str
    schedule: str | None
    zone: str | None = None


class Timetable(Struct):
    dataset: Path
    sources: list[Source]


@contextmanager
def scheduler(dataset: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """A process that serves `dataset`; `body` defines `sources`, `run`, `last` and `grace`."""
    program = f"""{CHILD}
{textwrap.dedent(body)}
sys.exit(serve(Timetable(Path({str(dataset)!r}), sources), run, last, grace=grace))
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def read_until(child: subprocess.Popen[str], beginning: str) -> list[str]:
    """The lines that the process prints, up to the first one that begins so."""
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(beginning):
            return lines
    raise AssertionError(f"no line begins with {beginning!r}: {lines}")


def the_rest(child: subprocess.Popen[str]) -> list[str]:
    """What the process prints until it ends.  `communicate` would lose the lines that are read ahead."""
    assert child.stdout is not None
    lines = child.stdout.read().splitlines()
    child.wait(timeout=20)
    return lines


def test_runs_on_time_one_at_a_time_and_goes_on_after_failures(tmp_path):
    body = f"""
        sources = [Source("good", {EVERY_SECOND!r}), Source("bad", {EVERY_SECOND!r}), Source("unscheduled", None)]
        last, grace = today, 5
        def run(name):
            print_now(f"begin {{name}}")
            time.sleep(0.1)
            print_now(f"end {{name}}")
            if name == "bad":
                raise OSError("no such export")
            return 0
    """
    with scheduler(tmp_path, body) as child:
        lines = (
            read_until(child, "failed: bad")
            + read_until(child, "done: good")
            + read_until(child, "failed: bad")
        )
        child.send_signal(signal.SIGTERM)
        rest = the_rest(child)
        assert child.returncode == 0
        assert rest[-1] == "stopped: no run was broken off"
    marks = [line for line in lines + rest if line.startswith(("begin", "end"))]
    assert [mark.split()[0] for mark in marks] == ["begin", "end"] * (len(marks) // 2)
    assert "failed: bad, OSError: no such export; the schedule goes on" in lines
    assert not any("unscheduled" in line for line in lines)
    upcoming = [line for line in lines if line.startswith("next: ")]
    assert all("Asia/Damascus (" in line and line.endswith(" UTC)") for line in upcoming)


def test_a_missed_time_is_caught_up_once_and_others_wait(tmp_path):
    body = f"""
        sources = [Source(name, {ONCE_A_YEAR!r}) for name in ("new", "slept", "fresh")]
        last = {{"new": None, "slept": now - timedelta(days=800), "fresh": now}}.get
        grace = 5
        def run(name):
            print_now(f"run {{name}}")
            return 3 if name == "new" else 0
    """
    with scheduler(tmp_path, body) as child:
        lines = read_until(child, "missed: slept") + read_until(child, "next: fresh")
        lines += read_until(child, "next: ") + read_until(child, "next: ")
        child.send_signal(signal.SIGINT)
        rest = the_rest(child)
        assert child.returncode == 0
    assert sorted(line for line in lines + rest if line.startswith("run")) == ["run new", "run slept"]
    assert "failed: new, exit code 3; the schedule goes on" in lines
    assert any(line.startswith("next: fresh at ") and " 00:00:00 Asia/Damascus (" in line for line in lines)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_run_that_does_not_finish_in_its_grace_is_stopped(tmp_path, number, code):
    body = f"""
        sources = [Source("long", {ONCE_A_YEAR!r}), Source("waiting", {ONCE_A_YEAR!r})]
        last, grace = never, 0.3
        def run(name):
            print_now(f"begin {{name}}")
            try:
                time.sleep(60)
            except Stopped:
                print_now(f"cleaned up {{name}}")
                raise
            return 0
    """
    with scheduler(tmp_path, body) as child:
        read_until(child, "begin")
        child.send_signal(number)
        rest = the_rest(child)
        assert child.returncode == code
    assert rest[0].startswith("stopping: ")
    assert rest[1].startswith("cleaned up ")
    assert len([line for line in rest if line.startswith("begin")]) == 0


def test_a_second_signal_does_not_wait(tmp_path):
    body = f"""
        sources, last, grace = [Source("long", {ONCE_A_YEAR!r})], never, 60
        def run(name):
            print_now("begin")
            time.sleep(60)
    """
    with scheduler(tmp_path, body) as child:
        read_until(child, "begin")
        child.send_signal(signal.SIGTERM)
        read_until(child, "stopping")
        child.send_signal(signal.SIGTERM)
        the_rest(child)
        assert child.returncode == 143


def test_a_run_may_finish_in_its_grace(tmp_path):
    body = f"""
        sources, last, grace = [Source("short", {ONCE_A_YEAR!r})], never, 60
        def run(name):
            print_now("begin")
            time.sleep(0.5)
            print_now("end")
            return 0
    """
    with scheduler(tmp_path, body) as child:
        read_until(child, "begin")
        child.send_signal(signal.SIGTERM)
        rest = the_rest(child)
        assert child.returncode == 0
    assert rest[1:] == ["end", "done: short", "stopped: no run was broken off"]


def test_a_locked_dataset_is_tried_again(tmp_path):
    body = f"""
        from pipeline.jobs import schedule
        sources, last, grace = [Source("busy", {ONCE_A_YEAR!r})], never, 5
        schedule.RETRY = timedelta(seconds=0.2)
        codes = iter([75, 75, 0])
        def run(name):
            return next(codes)
    """
    with scheduler(tmp_path, body) as child:
        lines = read_until(child, "done: busy")
        assert len([line for line in lines if line.startswith("locked: busy")]) == 2


def test_only_one_scheduler_a_dataset_and_a_dead_one_leaves_no_lock(tmp_path):
    body = f"""
        sources, last, grace = [Source("quiet", {ONCE_A_YEAR!r})], today, 5
        run = never
    """
    config = Timetable(tmp_path, [Source("quiet", ONCE_A_YEAR)])
    with scheduler(tmp_path, body) as child:
        read_until(child, "next: ")
        with pytest.raises(LockedError, match=f"process {child.pid} on .+ since .+ UTC") as refused:
            serve(config, lambda _: 0, lambda _: None)
        assert refused.value.exit_code == 75
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with scheduler(tmp_path, body) as child:
        read_until(child, "next: ")


def test_nothing_to_schedule(tmp_path):
    config = Timetable(tmp_path / "data", [Source("by_hand", None)])
    with pytest.raises(ConfigError, match="schedule"):
        serve(config, lambda _: 0, lambda _: None)
    assert not config.dataset.exists()


def test_the_command(tmp_path, root, cache, toolkit):
    """`marsad schedule` catches up a run of real samples and stops when asked."""
    assert toolkit is not None  # the gazetteer is compiled
    (tmp_path / "config.yaml").write_text(
        f"""
        dataset: data
        sources:
          - name: deir
            files: {root}/samples/deir_ezzor_jsonl/*.jsonl
            zone: Asia/Damascus
            schedule: "{ONCE_A_YEAR}"
        """,
        encoding="utf-8",
    )
    environment = {**os.environ, "MARSAD_CACHE": str(cache), "MARSAD_KEY_FILE": str(tmp_path / "key")}
    command = [sys.executable, "-m", "pipeline", "schedule", "--config", str(tmp_path / "config.yaml")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
        try:
            lines = read_until(child, "done: deir")
            second = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            child.send_signal(signal.SIGTERM)
            rest = the_rest(child)
        finally:
            child.kill()
    assert child.returncode == 0
    assert lines[0].startswith("missed: deir at ")
    assert rest[-1] == "stopped: no run was broken off"
    assert (tmp_path / "data" / "current" / "posts").is_dir()
    assert second.returncode == 75
    assert f"another scheduler serves {tmp_path / 'data'}: process {child.pid}" in second.stderr.replace(
        "\n", ""
    )


def test_a_real_run_is_broken_off_and_taken_up_again(tmp_path, cache, toolkit):
    """In the middle of a run with workers: no version, no half state; the next start catches it up."""
    assert toolkit is not None
    row = '{{"id": {0}, "text": "قصف على حماة {0}", "at": "2014-03-05T12:00:00Z"}}\n'
    export = tmp_path / "long.jsonl"
    export.write_text("".join(row.format(number) for number in range(60_000)), encoding="utf-8")
    (tmp_path / "config.yaml").write_text(
        f"""
        engine: {{workers: 1}}
        sources:
          - name: long
            files: long.jsonl
            reader: jsonl
            columns: {{id: id, text: text, posted_at: at}}
            group: long
            zone: UTC
            authors: drop
            schedule: "{ONCE_A_YEAR}"
        """,
        encoding="utf-8",
    )
    environment = {**os.environ, "MARSAD_CACHE": str(cache), "MARSAD_KEY_FILE": str(tmp_path / "key")}
    command = [sys.executable, "-m", "pipeline", "schedule", "--config", str(tmp_path / "config.yaml")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
        try:
            while not (rows := _rows_read(tmp_path / "data")):
                assert child.poll() is None
                time.sleep(0.01)
            child.send_signal(signal.SIGTERM)
            read_until(child, "stopping: long")
            child.send_signal(signal.SIGTERM)
            rest = the_rest(child)
        finally:
            child.kill()
    assert 0 < rows < 60_000
    assert child.returncode == 143
    assert rest[-1] == "stopped: the run of long was broken off, nothing half done is visible"
    assert Dataset(tmp_path / "data").current() is None
    assert list((tmp_path / "data" / "versions").iterdir()) == []
    assert not (tmp_path / "data" / "running").exists()
    assert [event["event"] for event in Ledger(tmp_path / "data").events()] == ["started", "interrupted"]
    export.write_text(row.format(1), encoding="utf-8")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
        try:
            lines = read_until(child, "done: long")
        finally:
            child.kill()
    assert lines[0].startswith("missed: long at ")
    assert Dataset(tmp_path / "data").current().manifest.sources["long"].posts == 1


def _rows_read(dataset: Path) -> int:
    return sum(note.rows for note in running(dataset))
