"""A real `marsad serve` in a process of its own, over a small house of sources, and a plain HTTP client for it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_jobs_run import export, message

SCRIPT = "<script>document.title = 'broken'</script> \N{RIGHT-TO-LEFT OVERRIDE}قصف على حماة"


class House:
    """Sources `a` (one of its ten rows is rejected) and `b`, both run; `c` never was."""

    def __init__(self, folder: Path, cache: Path, root: Path) -> None:
        self.folder = folder
        self.dataset = folder / "data"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MARSAD_")},
            "MARSAD_CACHE": str(cache),
            "MARSAD_GAZETTEER": str(folder / "layers"),
            "MARSAD_KEY_FILE": str(folder / "secret" / "key"),
            "XDG_CONFIG_HOME": str(folder / "home"),
            "PYTHONPATH": str(root),
        }
        broken = message(7, SCRIPT)
        del broken["date"], broken["date_unixtime"]
        export(
            folder / "a" / "one.json", [broken if number == 7 else message(number) for number in range(10)]
        )
        export(folder / "b" / "one.json", [message(number) for number in range(5)], group=78)
        export(folder / "c" / "one.json", [message(number) for number in range(3)], group=79)
        sources = [
            '  - {name: a, files: a/*.json, zone: Asia/Damascus, home: SY, schedule: "0 0 1 1 *", expect: {min_posts: 5}}',
            "  - {name: b, files: b/*.json, zone: Asia/Damascus, home: SY}",
            "  - {name: c, files: c/*.json, zone: Asia/Damascus, home: SY}",
        ]
        text = "\n".join(
            ["engine: {kind: serial}", "gazetteer: {home: [SY, LB, IQ, TR]}", "sources:", *sources]
        )
        (folder / "config.yaml").write_text(text + "\n", encoding="utf-8")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`marsad WORDS` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *words],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip

    @contextmanager
    def serving(self, *words: str, **environment: str) -> Iterator[Server]:
        """`marsad serve` on a free port until the end of the block."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "serve", "--port", "0", *words],
            cwd=self.folder, env={**self.environment, **environment}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            address = process.stderr.readline().strip()
            assert address.startswith("http://"), address + process.stderr.read()
            yield Server(address, process)
        finally:
            process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 0


class Server:
    """Where a server is, and what it answers."""

    def __init__(self, address: str, process: subprocess.Popen[str]) -> None:
        self.address = address
        self.process = process
        self.port = int(address.rstrip("/").rpartition(":")[2])
        self.host = f"127.0.0.1:{self.port}"
        self.cookie = ""
        self.proof = ""

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of an answer to exactly these headers (Host is ours where it is not given)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            sent = {"Host": self.host, **(headers or {})}
            if body is not None:
                sent.setdefault("Content-Length", str(len(body.encode())))
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body.encode() if body is not None else None)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read().decode()
        finally:
            connection.close()

    def json(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        status, _, text = self.ask("GET", path, headers)
        assert status == 200, text
        return json.loads(text)

    def enter(self) -> dict[str, str]:
        """The headers of a page of ours: a session, its proof and where it comes from."""
        _, headers, _ = self.ask("GET", "/")
        cookie = headers["set-cookie"].partition(";")[0]
        proof = self.json("/api/state", {"Cookie": cookie})["proof"]
        return {"Cookie": cookie, "X-Marsad-Proof": proof, "Origin": f"http://{self.host}"}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, cache: Path, toolkit: object, root: Path) -> House:
    """One house for all tests of a session; who changes it puts it back."""
    house = House(tmp_path_factory.mktemp("serve"), cache, root)
    done = house.call("run", "a", "b")
    assert done.returncode == 0, done.stderr
    return house
