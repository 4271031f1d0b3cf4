"""The run records: appended, chained, whole after a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.errors import DatasetError
from pipeline.storage.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "data")
    for run, end in (("r1", "finished"), ("r2", "failed"), ("r3", None)):
        ledger.append({"event": "started", "source": "ghab", "run_id": run, "at": "2026-01-01T00:00:00Z"})
        if end:
            ledger.append({"event": end, "source": "ghab", "run_id": run, "note": "سطر"})
    return ledger


def test_events_come_back_oldest_first(ledger):
    assert [(one["seq"], one["event"], one["run_id"]) for one in ledger.events()] == [
        (1, "started", "r1"),
        (2, "finished", "r1"),
        (3, "started", "r2"),
        (4, "failed", "r2"),
        (5, "started", "r3"),
    ]
    assert ledger.verify() == []


def test_a_run_that_was_killed_is_unfinished(ledger):
    assert [one["run_id"] for one in ledger.unfinished()] == ["r3"]
    ledger.append({"event": "interrupted", "source": "ghab", "run_id": "r3"})
    assert ledger.unfinished() == []


def test_no_ledger_yet(tmp_path):
    ledger = Ledger(tmp_path / "nowhere")
    assert list(ledger.events()) == ledger.unfinished() == ledger.verify() == []
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_a_torn_last_line_is_left_out_and_set_aside(ledger, cut):
    raw = ledger.path.read_bytes()
    ledger.path.write_bytes(raw[:-cut])
    assert len(list(ledger.events())) == 4
    ledger.append({"event": "started", "source": "ghab", "run_id": "r4"})
    assert [one["seq"] for one in ledger.events()] == [1, 2, 3, 4, 5]
    assert ledger.verify() == []
    torn = ledger.path.with_name("torn.jsonl").read_bytes()
    assert torn == raw.splitlines()[-1][: len(raw.splitlines()[-1]) + 1 - cut] + b"\n"


def test_a_torn_first_line_starts_the_chain_anew(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(b'{"seq":1,"prev')
    ledger.append({"event": "started"})
    assert [one["seq"] for one in ledger.events()] == [1]
    assert ledger.verify() == []


def test_lines_longer_than_any_buffer(tmp_path):
    ledger = Ledger(tmp_path)
    for size in (10, 200_000, 65_536, 3):
        ledger.append({"event": "finished", "note": "x" * size})
    assert [len(one["note"]) for one in ledger.events()] == [10, 200_000, 65_536, 3]
    assert ledger.verify() == []


def test_a_changed_dropped_or_added_line_is_found(ledger):
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    changed = lines[1].replace(b"finished", b"skipped!")
    for forged, line in (
        ([lines[0], changed, *lines[2:]], 3),
        ([lines[0], *lines[2:]], 2),
        ([*lines[:3], lines[2], *lines[3:]], 4),
        ([*lines[:3], b"{not json}\n", *lines[3:]], 4),
    ):
        ledger.path.write_bytes(b"".join(forged))
        assert f"line {line}" in ledger.verify()[0]


def test_a_damaged_line_is_named(ledger):
    ledger.path.write_bytes(b"{}\nnonsense\n")
    with pytest.raises(DatasetError, match="line 2 is damaged"):
        list(ledger.events())


def test_keys_of_the_ledger_are_refused(ledger):
    with pytest.raises(ValueError, match="seq"):
        ledger.append({"seq": 9})


def test_every_line_stands_for_itself(ledger):
    for line in ledger.path.read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["previous"]


def test_four_processes_append_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from pipeline.storage.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for number in range(25): ledger.append({'event': 'skipped', 'run_id': f'{sys.argv[2]}-{number}'})"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(pipeline.__file__).parent.parent)}
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], env=environment)
        for name in "abcd"
    ]
    assert [child.wait() for child in children] == [0, 0, 0, 0]
    events = list(Ledger(tmp_path).events())
    assert [one["seq"] for one in events] == list(range(1, 101))
    assert len({one["run_id"] for one in events}) == 100
    assert Ledger(tmp_path).verify() == []
