"""A real cluster, of processes of this machine, gives the same bytes as one process, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from deadly_work import open_annotator
from test_jobs_engine import HOME, batches, ids_of, post, stored

from pipeline.annotate import Settings
from pipeline.config import load
from pipeline.errors import ClusterError, ConfigError
from pipeline.jobs import engine_dask
from pipeline.jobs.check import check
from pipeline.jobs.engine import Limits, Processes, Serial, annotator
from pipeline.jobs.engine_dask import Cluster
from pipeline.jobs.engine_dask_worker import Answer, Opening, facts, packed, receive, work
from pipeline.jobs.run import run
from pipeline.places.gazetteer import has_pack, open_pack

pytest.importorskip("distributed")

POSTS = [
    post(number, "" if number % 3 else f"من حمص إلى إدلب يوم {number % 28 + 1} آذار") for number in range(600)
]
IDS = [one.post_id for one in POSTS]
HERE = Path(__file__).parent


class Dask:
    """A scheduler and two workers, each started by the program `dask`, on ports of this machine."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"  # of the workers; empty at first
        where = folder / "scheduler.json"
        path = os.pathsep.join([str(HERE.parent), str(HERE)])
        self._environment = {
            **os.environ,
            "MARSAD_CACHE": str(self.cache),
            "PYTHONPATH": path,
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
            "DASK_TEMPORARY_DIRECTORY": str(folder),
        }
        common = ["--scheduler-file", str(where), "--no-dashboard"]
        self.processes = [self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *common)]
        more = ["--nthreads", "1", "--host", "127.0.0.1", "--preload", str(HERE / "deadly_dask.py")]
        self.processes += [self._start("worker", *common, *more) for _ in range(2)]
        until = time.monotonic() + 60
        while not where.exists():
            assert time.monotonic() < until, "the scheduler does not start"
            time.sleep(0.05)
        self.address = msgspec.json.decode(where.read_bytes())["address"]

    def _start(self, what: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", what, *words],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def end(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    cluster = Dask(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.end()


@pytest.fixture
def settings(cache: Path, toolkit) -> Settings:
    return Settings(str(cache), HOME)


@pytest.fixture
def opened() -> Iterator[list[Cluster]]:
    clusters: list[Cluster] = []
    yield clusters
    for cluster in clusters:
        cluster.close()
        cluster.close()


def test_the_same_bytes_over_tcp_with_workers_that_have_no_gazetteer(
    tmp_path: Path, settings, toolkit, dask, opened
) -> None:
    """The cache that the settings name is not on the machines of the workers: it is sent to them once."""
    elsewhere = tmp_path / "not-there"
    cluster = Cluster(settings, dask.address, 1)
    opened.append(cluster)
    hidden = msgspec.structs.replace(settings, pack=toolkit.gazetteer.digest, cache=str(elsewhere))
    cluster._opening = lambda: msgspec.msgpack.encode(Opening(facts(), hidden, Limits()))  # type: ignore[method-assign]
    files, faults = stored(tmp_path / "dask", cluster, POSTS, 50)
    assert faults == {}
    assert files == stored(tmp_path / "serial", Serial(partial(annotator, settings)), POSTS, 70)[0]
    assert has_pack(dask.cache, toolkit.gazetteer.digest)
    assert not [path for path in dask.cache.iterdir() if path.name.startswith(".")]


def test_a_deadly_post_is_the_same_fault_as_on_one_machine(tmp_path: Path, settings, dask, opened) -> None:
    posts = [post(123, "exit") if one.post_id == "x:g:123" else one for one in POSTS]
    cluster = Cluster(settings, dask.address, 1)
    opened.append(cluster)
    here = Processes(partial(open_annotator, settings), 1)
    try:
        expected = stored(tmp_path / "here", here, posts, 50)
    finally:
        here.close()
    assert stored(tmp_path / "dask", cluster, posts, 50) == expected
    assert expected[1] == {"x:g:123": "june.json, line 1: its worker ended with exit code 7"}
    assert len(cluster._client.nthreads()) == 2  # no worker of Dask died of it


def test_workers_that_are_killed_lose_nothing(settings, opened) -> None:
    cluster = Cluster(settings, None, 2)
    opened.append(cluster)
    ids: list[str] = []
    for at, encoded in enumerate(cluster.map(batches(POSTS, 20))):
        ids += ids_of(encoded)
        assert encoded.faults == 0
        if at in (2, 12):
            pids = cluster._client.run(os.getpid)
            os.kill(next(iter(pids.values())), signal.SIGKILL)
    assert ids == IDS


def test_what_dask_gives_up_is_done_here(settings, opened) -> None:
    """Where its workers are killed again and again, Dask takes the task for the culprit."""
    import dask as dask_settings

    with dask_settings.config.set({"distributed.scheduler.allowed-failures": 0}):
        cluster = Cluster(settings, None, 1)
        opened.append(cluster)
        cluster.prepare()
    ids: list[str] = []
    for at, encoded in enumerate(cluster.map(batches(POSTS[:200], 20))):
        ids += ids_of(encoded)
        if at == 1:
            os.kill(next(iter(cluster._client.run(os.getpid).values())), signal.SIGKILL)
    assert ids == IDS[:200]


def test_a_run_on_a_cluster_publishes_the_same_files(tmp_path: Path, root: Path, dask) -> None:
    made = {}
    for name, engine in (("here", "{kind: serial}"), ("dask", f"{{kind: dask, address: '{dask.address}'}}")):
        path = tmp_path / f"{name}.yaml"
        files = root / "samples" / "ghab_telegram" / "*.json"
        path.write_text(
            f"dataset: {name}\nengine: {engine}\nsources:\n"
            f"  - {{name: ghab, files: '{files}', zone: Asia/Damascus, authors: drop}}\n"
        )
        if name == "dask":
            told = {one.what: one.told for one in check(load(path, {}))}
            assert told["engine"] == f"2 workers with 2 threads at {dask.address}"
        outcomes = list(run(load(path, {})))
        assert [one.state for one in outcomes] == ["published"], outcomes
        made[name] = {
            file.relative_to(tmp_path / name / "versions"): file.read_bytes()
            for file in sorted((tmp_path / name / "versions").rglob("*.parquet"))
        }
    assert made["here"] == made["dask"] != {}


def test_who_does_not_answer_is_told(settings) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = Cluster(settings, f"tcp://127.0.0.1:{port}", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_dask, "CONNECT_SECONDS", 0.5)
        with pytest.raises(ConfigError, match=f"tcp://127.0.0.1:{port}: nobody answers there"):
            cluster.prepare()


def test_a_cluster_without_workers_ends_the_run(settings, opened) -> None:
    cluster = Cluster(settings, None, 1)
    opened.append(cluster)
    cluster.prepare()
    cluster._local.scale(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_dask, "LONELY_SECONDS", 0.5)
        with pytest.raises(ClusterError, match="no worker for"):
            list(cluster.map(batches(POSTS, 20)))


def test_a_worker_of_another_program_is_refused(settings) -> None:
    other = Opening(facts() | {"marsad": "0.0.1", "python": "3.9"}, settings, Limits())
    answer = msgspec.msgpack.decode(work(msgspec.msgpack.encode(other), b""), type=Answer)
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert answer.refused is not None
    assert "marsad" in answer.refused
    assert f"python {here} there, 3.9 here" in answer.refused
    unknown = msgspec.msgpack.encode({"facts": {}, "something": "new"})
    assert "code" in (msgspec.msgpack.decode(work(unknown, b""), type=Answer).refused or "")


def test_nothing_is_raised_out_of_a_task(settings) -> None:
    """Dask would log its arguments, which are posts."""
    answer = msgspec.msgpack.decode(work(b"\xc1", "سر".encode()), type=Answer)
    assert answer.refused
    assert "سر" not in answer.refused


def test_a_gazetteer_is_kept_once_and_is_the_same(
    tmp_path: Path, cache: Path, toolkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARSAD_CACHE", str(tmp_path))
    digest = toolkit.gazetteer.digest
    sent = packed(cache, digest)
    receive(digest, sent)
    receive(digest, sent)
    assert len(list(tmp_path.iterdir())) == 1
    assert len(open_pack(tmp_path, digest)) == len(toolkit.gazetteer)


@pytest.mark.parametrize("address", ["10.0.0.5:8786", "http://a:1", "tcp://user:secret@a:1", "tcp://a"])
def test_addresses_that_are_none(tmp_path: Path, address: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"engine: {{kind: dask, address: '{address}'}}\nsources:\n  - {{name: a, files: a.json}}\n"
    )
    with pytest.raises(ConfigError, match="is not the address of a Dask scheduler"):
        load(path, {})
