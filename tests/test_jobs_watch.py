"""Health, metrics, and who is told of a failure."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipeline.config import Config, load
from pipeline.jobs.health import health
from pipeline.jobs.metrics import metrics, write_metrics
from pipeline.jobs.notify import notify
from pipeline.jobs.run import Outcome, run
from pipeline.jobs.status import status
from pipeline.storage.dataset import Dataset

FAILED = Outcome(source="a", kind="run", state="failed", error="a.jsonl: cannot be read", exit_code=1)
WELL = Outcome(source="b", kind="run", state="published")


def config_of(folder: Path, more: str = "", schedule: str = "") -> Config:
    (folder / "a.jsonl").write_text(
        '{"id": "1", "text": "x", "at": "2016-02-01T10:00:00Z"}\n', encoding="utf-8"
    )
    (folder / "config.yaml").write_text(
        f"engine: {{kind: serial}}\n{more}\nsources:\n  - name: a\n    files: a.jsonl\n    platform: t\n    group: g\n"
        f"    authors: drop\n    columns: {{id: id, text: text, posted_at: at}}\n{schedule}",
        encoding="utf-8",
    )
    return load(folder / "config.yaml")


def levels(config: Config, now: datetime | None = None) -> dict[str, str]:
    return {sign.what: sign.level for sign in health(config, now).signs}


def test_health_before_and_after_a_run(tmp_path: Path, cache: Path) -> None:
    config = config_of(tmp_path, schedule="    schedule: '0 * * * *'\n")
    assert levels(config) == {"source a": "warning", "dataset": "warning", "ledger": "well", "disk": "well"}
    assert health(config).exit_code == 0
    list(run(config))
    assert set(levels(config).values()) == {"well"}
    later = datetime.now(UTC) + timedelta(hours=3)
    assert levels(config, later)["source a"] == "bad"
    assert health(config, later).exit_code == 1


def test_health_names_a_failed_run_and_damage(tmp_path: Path, cache: Path) -> None:
    config = config_of(tmp_path)
    list(run(config))
    (tmp_path / "a.jsonl").unlink()
    list(run(config))
    found = health(config)
    assert {sign.what for sign in found.signs if sign.level == "bad"} == {"source a"}
    path = Dataset(config.dataset).current().files("posts", "a")[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert levels(config)["dataset"] == "bad"
    ledger = config.dataset / "ledger" / "runs.jsonl"
    ledger.write_text(ledger.read_text().replace('"finished"', '"finishes"', 1))
    assert levels(config)["ledger"] == "bad"


def test_metrics_are_open_metrics(tmp_path: Path, cache: Path) -> None:
    config = config_of(tmp_path, schedule="    schedule: '0 * * * *'\n")
    list(run(config))
    text = metrics(status(config))
    lines = text.splitlines()
    assert lines[-1] == "# EOF"
    assert 'marsad_posts{source="a"} 1' in lines
    assert 'marsad_last_run_ok{source="a"} 1' in lines
    assert "marsad_dataset_version 1" in lines
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    write_metrics(tmp_path / "m.prom", status(config))
    assert (tmp_path / "m.prom").read_text() == text
    assert [path.name for path in tmp_path.iterdir() if "m.prom" in path.name] == ["m.prom"]


@contextmanager
def web_server(code: int) -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """As much of SMTP as one mail needs."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline().strip():
                if line.upper() == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    data = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        data.append(part.decode())
                    mails.append("".join(data))
                self.wfile.write(b"221 bye\r\n" if line.upper() == b"QUIT" else b"250 ok\r\n")
                if line.upper() == b"QUIT":
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], mails
    finally:
        server.shutdown()
        server.server_close()


def test_all_hooks_are_called_for_failures_only(tmp_path: Path) -> None:
    out = tmp_path / "told.json"
    script = (
        f"import sys,pathlib; pathlib.Path({str(out)!r}).write_text(sys.stdin.read()+' '.join(sys.argv[1:]))"
    )
    with web_server(200) as (url, bodies), mail_server() as (port, mails):
        config = config_of(
            tmp_path,
            "on_failure:\n"
            f"  command: [{json.dumps(sys.executable)}, '-c', {json.dumps(script)}]\n"
            f"  webhook: {url}\n"
            f"  mail: {{to: ops@example.org, host: 127.0.0.1, port: {port}}}\n",
        )
        assert notify(config.on_failure, "data", [WELL]) == []
        assert not out.exists()
        assert notify(config.on_failure, "data", [FAILED, WELL]) == []
    told = json.loads(bodies[0])
    assert [one["source"] for one in told["failed"]] == ["a"]
    assert out.read_text().endswith("}a")
    assert "a.jsonl: cannot be read" in mails[0]
    assert len(bodies) == len(mails) == 1


def test_a_hook_that_fails_is_told_and_the_others_are_called(tmp_path: Path) -> None:
    with web_server(500) as (url, bodies):
        config = config_of(
            tmp_path, f"on_failure:\n  command: 'no-such-command-here --now'\n  webhook: {url}\n"
        )
        wrong = notify(config.on_failure, "data", [FAILED])
    assert len(bodies) == 1
    assert [line.split(":")[0] for line in wrong] == ["on_failure.command", "on_failure.webhook"]


@pytest.mark.parametrize(
    "more", ["on_failure: {webhook: ftp://x}", "on_failure: {mail: {}}", "on_failure: {sms: 1}"]
)
def test_wrong_hooks_are_refused(tmp_path: Path, more: str) -> None:
    with pytest.raises(Exception, match="on_failure"):
        config_of(tmp_path, more)
