"""The command itself, as an operator and a machine call it: output, messages, exit codes, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from test_jobs_run import export, message

from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load as load_dataset


class Shell:
    """A folder in which `marsad` is called."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MARSAD_")},
            "MARSAD_CACHE": str(cache),
            "MARSAD_GAZETTEER": str(folder / "layers"),
            "MARSAD_KEY_FILE": str(folder / "secret" / "key"),
            "COLUMNS": "200",
        }
        broken = message(7)
        del broken["date"], broken["date_unixtime"]
        export(
            folder / "a" / "one.json", [broken if number == 7 else message(number) for number in range(10)]
        )
        self.configure()

    def configure(self, engine: str = "{kind: serial}", more: str = "") -> None:
        source = f"{{name: a, files: a/*.json, zone: Asia/Damascus, home: SY{more}}}"
        text = f"engine: {engine}\ngazetteer: {{home: [SY, LB, IQ, TR]}}\nsources:\n  - {source}\n"
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **more,
        )

    def call(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        with self.start(*words, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(stdin, timeout=120)
        return process.returncode, out, err


@pytest.fixture
def shell(tmp_path: Path, cache: Path, toolkit: object, root: Path) -> Shell:
    shell = Shell(tmp_path, cache)
    shell.environment["PYTHONPATH"] = str(root)
    return shell


def test_run_status_rejected(shell: Shell) -> None:
    code, out, err = shell.call("run")
    assert code == 0, err
    head, row, _, notebook = out.splitlines()
    numbers = dict(zip(head.split(), row.split(), strict=True))
    assert (numbers["source"], numbers["state"]) == ("a", "published")
    counts = {name: int(numbers[name]) for name in ("read", "written", "duplicate", "rejected", "service")}
    assert counts == {"read": 10, "written": 9, "duplicate": 0, "rejected": 1, "service": 0}
    assert notebook == 'import pipeline; d = pipeline.load("data")'

    code, out, _ = shell.call("status", "--json")
    told = json.loads(out)
    assert code == 0
    assert told.keys() == {"dataset", "version", "sources"}
    assert told["version"] == 1
    (source,) = told["sources"]
    assert (source["source"], source["state"], source["posts"], source["rejected"]) == (
        "a",
        "published",
        9,
        1,
    )
    assert {"last_run", "next_run"} <= source.keys()

    code, out, _ = shell.call("rejected", "a", "--json")
    (row_json,) = json.loads(out)["rejected"]
    assert (code, row_json["file"], "رقم 7" in row_json["raw"]) == (0, "a/one.json", True)
    assert shell.call("rejected", "--reason", "bad_json")[2] == "0 rejected rows\n"
    code, _, err = shell.call("rejected", "--reason", "bad_jsn")
    assert code == 2
    assert "bad_json" in err


def test_a_second_run_imports_nothing_heavy(shell: Shell) -> None:
    assert shell.call("run")[0] == 0
    program = (
        "import sys; from pipeline.cli import app; app(['run', '--json'], standalone_mode=False)\n"
        "heavy = {'pandas', 'pyarrow', 'langdetect', 'apscheduler'} & sys.modules.keys()\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    environment = shell.environment
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sources"][0]["state"] == "unchanged"
    assert Dataset(shell.folder / "data").versions() == [1]


def test_messages_instead_of_tracebacks(shell: Shell) -> None:
    for words, expected in [
        (["run", "b"], "no source 'b'"),
        (["run", "--config", "other.yaml"], "other.yaml"),
        (["rerun", "b"], "no source 'b'"),
        (["explain", "x", "--zone", "Nowhere"], "Nowhere"),
        (["explain", "x", "--home", "ZZ"], "'ZZ'"),
        (["explain", "x", "--published-at", "yesterday"], "'yesterday'"),
        (["schedule"], "schedule"),
    ]:
        code, out, err = shell.call(*words)
        assert (code, out) == (2, ""), words
        assert expected in err
        assert "Traceback" not in err
    code, _, err = shell.call("rnu")
    assert code == 2
    assert "No such command" in err


def test_wrong_configuration(shell: Shell) -> None:
    shell.configure(more=", zoen: UTC, schedule: daily")
    code, out, err = shell.call("run")
    assert (code, out) == (2, "")
    assert "sources[0].zoen" in err
    assert "did you mean 'zone'" in err
    assert "sources[0].schedule" in err
    shell.configure(more=", expect: {min_posts: 100}")
    (shell.folder / "a" / "one.json").unlink()
    for command in ("run", "check"):
        code, _, err = shell.call(command)
        assert code == 2
        assert "'a/*.json'" in err
        assert str(shell.folder / "a") in err


def test_the_schema_is_for_editors(tmp_path: Path, shell: Shell) -> None:
    code, out, _ = shell.call("check", "--schema")
    told = json.loads(out)
    assert code == 0
    assert told["required"] == ["sources"]
    assert told["additionalProperties"] is False
    assert {"zone", "files", "reader"} <= told["$defs"]["Source"]["properties"].keys()


def test_check(shell: Shell) -> None:
    code, out, _ = shell.call("check")
    assert code == 0
    assert "telegram_json" in out
    assert not (shell.folder / "data").exists()


def test_annotate_answers_before_the_input_ends(shell: Shell) -> None:
    with shell.start("annotate", "--home", "SY", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(line: str) -> dict[str, Any]:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        text = "قصف أمس على مدينة حماة"
        given = {"id": "x1", "text": text, "published_at": "2014-03-05T23:30:00Z", "zone": "Asia/Damascus"}
        answer = ask(json.dumps(given))
        assert answer["id"] == "x1"
        for mention in [*answer["places"], *answer["dates"]]:
            assert text[mention["start"] : mention["end"]] == mention["surface"]
        assert "حماة" in [mention["surface"] for mention in answer["places"]]
        assert "2014-03-05" in [mention["date_from"] for mention in answer["dates"]]
        for bad in ("no json", "[]", '{"id": 5}', '{"id": 5, "text": null}'):
            answer = ask(bad)
            assert answer["id"] in (None, 5)
            assert answer["error"]
            assert (answer["places"], answer["dates"]) == ([], [])
        assert ask('{"id": {"a": [1]}, "text": ""}')["id"] == {"a": [1]}
        assert "error" in ask('{"id": 1, "text": "x", "published_at": "soon"}')
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_annotate_keeps_the_order_of_many_lines(shell: Shell) -> None:
    lines = [json.dumps({"id": number, "text": f"في حماة {number}"}) for number in range(1200)]
    lines[600] = "{"
    code, out, err = shell.call("annotate", stdin="\n".join(lines))
    assert code == 0
    ids = [json.loads(line)["id"] for line in out.splitlines()]
    assert ids == [None if number == 600 else number for number in range(1200)]
    assert "1 of 1,200 lines" in err


def test_explain_and_lookup(shell: Shell) -> None:
    words = ["قصف أمس على مدينة حماة", "--published-at", "2014-03-05T12:00", "--zone", "Asia/Damascus"]
    code, out, _ = shell.call("explain", *words)
    assert code == 0
    for expected in ("حماه", "Hama", "2014-03-04", "language"):
        assert expected in out
    code, out, _ = shell.call("gazetteer", "lookup", "حماة", "--json")
    assert code == 0
    assert any(one["place"]["country"] == "SY" for one in json.loads(out))
    assert shell.call("gazetteer", "lookup", "qwertzuiop")[0] == 1


def test_rerun_and_dry_run(shell: Shell) -> None:
    code, out, _ = shell.call("run", "--dry-run", "--json")
    assert (code, json.loads(out)["sources"][0]["state"]) == (0, "tried")
    assert not (shell.folder / "data").exists()
    assert shell.call("run")[0] == 0
    code, out, _ = shell.call("rerun", "a", "--json")
    assert (code, json.loads(out)["sources"][0]["version"]) == (0, 2)


def test_locked(shell: Shell) -> None:
    with Dataset(shell.folder / "data").writer("a test"):
        code, out, err = shell.call("run")
    assert (code, out) == (75, "")
    assert "a test" in err


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_killed_run_is_finished_by_the_next(shell: Shell) -> None:
    """With worker processes, whole from the reading to the publishing."""
    export(shell.folder / "a" / "two.json", [message(number) for number in range(10, 7500)])
    shell.configure("{kind: processes, workers: 2}")
    stage = shell.folder / "data" / "versions" / ".stage-a"
    for moment in (0.0, 0.7):
        with shell.start("run") as process:
            wait_for(stage, process)
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert Dataset(shell.folder / "data").current() is None
        code, out, _ = shell.call("status", "--json")
        assert json.loads(out)["sources"][0]["state"] == "killed"
    code, _, err = shell.call("run")
    assert code == 0, err
    ids = Counter(load_dataset(shell.folder / "data").posts()["native_id"])
    assert ids == Counter(str(number) for number in range(7500) if number != 7)
    assert not stage.exists()
    assert [path.name for path in (shell.folder / "data" / "versions").iterdir()] == ["000001"]
    ran = {path.name: path.read_bytes() for path in (shell.folder / "data" / "current").glob("*/*.parquet")}
    shell.configure("{kind: serial}")
    assert shell.call("rerun", "a")[0] == 0
    again = {path.name: path.read_bytes() for path in (shell.folder / "data" / "current").glob("*/*.parquet")}
    assert ran == again


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_a_run_cleanly(shell: Shell, number: signal.Signals, expected: int) -> None:
    """To the run and its workers at once, as a terminal and systemd send it."""
    export(shell.folder / "a" / "two.json", [message(number) for number in range(10, 7500)])
    shell.configure("{kind: processes, workers: 2}")
    with shell.start("run", start_new_session=True) as process:
        wait_for(shell.folder / "data" / "versions" / ".stage-a", process)
        time.sleep(0.5)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == expected
    assert "Traceback" not in err
    assert "stopped by signal" in err
    assert list((shell.folder / "data" / "versions").iterdir()) == []
    _, out, _ = shell.call("status", "--json")
    assert json.loads(out)["sources"][0]["state"] == "interrupted"


def test_logs_are_json_and_hold_no_content(shell: Shell) -> None:
    code, _, err = shell.call("run", "--log-json")
    assert code == 0
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["event"] for line in lines] == ["started", "finished"]
    assert {line["source"] for line in lines} == {"a"}
    assert all(line["run"] and line["level"] and line["timestamp"] for line in lines)
    for secret in ("قصف", "أبو أحمد", "user1"):
        assert secret not in err
        assert secret not in (shell.folder / "data" / "ledger" / "runs.jsonl").read_text(encoding="utf-8")
