"""The store under kill -9, a full disk, a second writer and busy readers: old version or new one, nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import storage_builders
from storage_builders import publish_next

import pipeline
from pipeline.errors import LockedError
from pipeline.storage.dataset import Dataset
from pipeline.storage.frames import load


class Publisher:
    """The process of `storage_builders` that forks publishers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        checkout = str(Path(pipeline.__file__).parent.parent)
        self._process = subprocess.Popen(
            [sys.executable, storage_builders.__file__, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": checkout},
        )

    def start(self, name: str, value: int) -> int:
        print(name, value, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def end(self) -> int:
        return int(self._process.stdout.readline())

    def run(self, name: str, value: int) -> int:
        self.start(name, value)
        return self.end()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    server = Publisher(tmp_path)
    yield server
    server.close()


def whole(root: Path, rows: int = 20) -> int:
    """The number of the current version, after looking at every row of it."""
    loaded = load(root)
    posts = loaded.posts(columns=["source", "post_id", "text"])
    assert posts.post_id.is_unique
    assert (posts.groupby("source", observed=True).size() == rows).all()
    assert (posts.groupby("source", observed=True).text.nunique() == 1).all()
    newest = posts.text.str.removeprefix("generation ").astype(int).max()
    assert newest == loaded.version
    assert len(loaded.places(columns=["post_id"])) == len(posts)
    return loaded.version


def damage(root: Path) -> list[str]:
    """What is wrong with any version that can be asked for."""
    dataset = Dataset(root)
    older = [sentence for number in dataset.versions()[:-1] for sentence in dataset.version(number).damage()]
    return older + dataset.current().verify()


def leftovers(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "versions").iterdir() if path.name.startswith("."))


def test_killed_before_every_change_to_the_disk(publisher):
    root = publisher.root
    for _ in range(4):
        publish_next(root)
    point, ended = 0, -signal.SIGKILL
    while ended:
        point += 1
        with Dataset(root).writer("mend"):
            pass
        assert leftovers(root) == []
        before = Dataset(root).current().number
        ended = publisher.run("die", point)
        assert ended in {0, -signal.SIGKILL}
        assert whole(root) in {before, before + 1}
        assert damage(root) == []
        if point % 4 == 0:  # and killed again while it clears what the first kill left
            before = Dataset(root).current().number
            publisher.run("die", point // 4)
            assert before <= whole(root) <= before + 1
    assert point > 40
    publish_next(root)
    assert leftovers(root) == []
    assert Dataset(root).current().verify() == []


def test_killed_at_random_moments(publisher):
    root, moments = publisher.root, random.Random(7)
    for _ in range(3):
        publish_next(root)
    told = root / "told"
    told.touch()
    for _ in range(25):
        before = told.stat().st_size
        child = publisher.start("times", 1000)
        while told.stat().st_size == before:
            time.sleep(0.002)
        time.sleep(moments.uniform(0.0, 0.04))
        os.kill(child, signal.SIGKILL)
        assert publisher.end() == -signal.SIGKILL
        assert whole(root) >= int(told.read_text().split()[-1])  # nothing acknowledged is lost
        assert damage(root) == []
    assert Dataset(root).current().verify() == []
    assert publish_next(root) == whole(root)
    assert leftovers(root) == []


@pytest.mark.parametrize("limit", [500, 3_000, 20_000, 100_000])
def test_a_full_disk_names_the_path_and_leaves_the_old_version(publisher, limit):
    root = publisher.root
    publish_next(root)
    files = {path: path.read_bytes() for path in sorted(root.rglob("*.parquet"))}
    publisher.run("limit", limit)
    message = (root / "message").read_text(encoding="utf-8")
    assert str(root) in message
    assert "the version before stands" in message
    assert whole(root) == 1
    assert {path: path.read_bytes() for path in sorted(root.rglob("*.parquet"))} == files
    assert leftovers(root) == []
    assert publish_next(root) == 2


def test_readers_see_whole_versions_while_a_writer_publishes(publisher):
    root = publisher.root
    for _ in range(3):
        publish_next(root)
    publisher.start("times", 100)
    reads = seen = 0
    deadline = 3 + 100
    while seen < deadline:
        seen = whole(root)
        folder = os.path.realpath(root / "current" / "posts")
        plain = pd.read_parquet(folder, columns=["source", "post_id", "text"])
        assert len(plain) == 60
        assert (plain.groupby("source", observed=True).text.nunique() == 1).all()
        reads += 2
        time.sleep(0.04)  # leave the writer its turn
    assert publisher.end() == 0
    assert reads >= 10


def test_a_second_writer_is_told_who_holds_the_lock(tmp_path):
    first, second = Dataset(tmp_path).writer("marsad run"), Dataset(tmp_path).writer("marsad rerun")
    with first, pytest.raises(LockedError) as refused, second:
        pass
    assert "marsad run" in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
    assert "since 20" in str(refused.value)
    assert refused.value.exit_code == 75
    with Dataset(tmp_path).writer("marsad rerun"):
        pass


def test_the_lock_ends_with_its_holder_though_a_forked_child_lives(tmp_path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys, time; from pathlib import Path; from pipeline.storage.dataset import Dataset\n"
            "with Dataset(Path(sys.argv[1])).writer('holder'):\n"
            "    child = os.fork()\n"
            "    if child: print(child, flush=True)\n"
            "    time.sleep(60)\n",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(pipeline.__file__).parent.parent)},
    )
    child = int(holder.stdout.readline())
    try:
        time.sleep(0.2)  # the child lets go as its first act
        with pytest.raises(LockedError), Dataset(tmp_path).writer("other"):
            pass
        holder.kill()
        holder.wait()
        os.kill(child, 0)
        with Dataset(tmp_path).writer("other"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
