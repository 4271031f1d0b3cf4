"""Two writers at once, a disk that is full, and clocks that jump."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pipeline.errors import LockedError
from pipeline.storage.dataset import Dataset
from tests.proof.kills import finish, judge
from tests.proof.report import Finding
from tests.proof.workplace import Workplace
from tests.storage_builders import START, annotated, publish


def two_writers(root: Path, loops: int) -> Finding:
    """Two processes publish, each its own source, as often as they can get the lock."""
    finding = Finding("publishes of two writers at once", points=2 * loops)
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    both = [context.Process(target=_rival, args=(root, name, loops, told)) for name in ("a", "b")]
    for process in both:
        process.start()
    for _ in both:
        wrong, worst = told.get(timeout=600)
        finding.lost += wrong
        if worst > 1.0:
            finding.wrong += 1
            finding.note(f"it took {worst:.1f} s to say that somebody else writes")
    for process in both:
        process.join()
    version = Dataset(root).current()
    assert version is not None
    if version.number != 2 * loops:
        finding.lost += abs(version.number - 2 * loops)
        finding.note(f"{version.number} versions")
    finding.wrong += len(version.verify())
    return finding


def _rival(root: Path, name: str, loops: int, told: multiprocessing.Queue[tuple[int, float]]) -> None:
    lost, worst = 0, 0.0
    for loop in range(loops):
        while True:
            asked = time.monotonic()
            try:
                with Dataset(root).writer(name) as writer:
                    mine = writer.base.manifest.sources.get(name) if writer.base else None
                    lost += (mine.run_id if mine else None) != (f"r{loop - 1}" if loop else None)
                    posts = [annotated(f"{name}-{n}", f"{loop}", source=name) for n in range(3)]
                    publish(writer, [posts], source=name, run_id=f"r{loop}", keep_rows=False)
                break
            except LockedError:
                worst = max(worst, time.monotonic() - asked)
                time.sleep(0.001)
    told.put((lost, worst))


def clock_jumps(root: Path, publishes: int, seed: int = 7) -> Finding:
    """A clock that jumps a day back or forth between publishes: versions count on and stay whole."""
    finding = Finding("publishes under a jumping clock", points=publishes)
    jumps = random.Random(seed)
    at = START
    for number in range(1, publishes + 1):
        at += timedelta(hours=jumps.uniform(-26, 26))
        with Dataset(root).writer("test") as writer:
            posts = [annotated(f"{n}", f"{number}") for n in range(3)]
            publish(writer, [posts], run_id=f"r{number}", keep_rows=False, at=at)
        kept = Dataset(root).versions()
        version = Dataset(root).current()
        assert version is not None
        if version.number != number or version.verify():
            finding.wrong += 1
            finding.note(f"publish {number}: version {version.number}, {version.verify()}")
        if number > 1 and number - 1 not in kept:
            finding.lost += 1
            finding.note(f"publish {number}: the version before is gone")
    return finding


def full_disk(place: Workplace, folder: Path) -> Finding:
    """A run on a small disk that is full but for some kilobytes; then with room."""
    finding = Finding("runs on a full disk")
    if os.geteuid() != 0:
        finding.skipped = "needs root, to mount a small tmpfs"
        return finding
    place.fresh()
    with _tmpfs(folder, place.dataset) as refused:
        if refused:
            finding.skipped = refused
            return finding
        kept = place.kept / "data"
        for free in (0, 4, 16, 40, 80, 120, 160, 200, 260, 320, 400, 500):  # kilobytes
            for old in place.dataset.iterdir():
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
            shutil.copytree(kept, place.dataset, symlinks=True, dirs_exist_ok=True)
            ballast = place.dataset.parent / "data" / "ballast"
            room = shutil.disk_usage(place.dataset).free
            ballast.write_bytes(b"\0" * max(room - free * 1024, 0))
            code, said = place.run()
            finding.points += 1
            where = f"{free} kB free: exit code {code}"
            ballast.unlink()
            judge(place, finding, where, acknowledged=code == 0)
            if code != 0 and (
                code != 1 or str(place.dataset) not in said.replace("\n", "") or "Traceback" in said
            ):
                finding.wrong += 1
                finding.note(f"{where}: {said.strip()[-300:]}")
            finish(place, finding, where)
    return finding


@contextmanager
def _tmpfs(folder: Path, at: Path) -> Iterator[str]:
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(at)]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    if tried.returncode:
        yield "a tmpfs cannot be mounted here: " + tried.stderr.strip()
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", str(at)], check=True)
