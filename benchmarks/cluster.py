"""What a Dask cluster of two workers costs beside two processes of our own, start and end left out."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice

import msgspec

from benchmarks.corpus import posts as invent
from benchmarks.quality import HOME
from benchmarks.scale import cpu_of
from benchmarks.speed_map import family
from pipeline.annotate import Settings
from pipeline.config import cache_folder
from pipeline.jobs.engine import BATCH_SIZE, Batch, Engine, Processes, annotator
from pipeline.jobs.engine_dask import Cluster
from pipeline.records import Group, Post

_WARM = 8  # batches


def measure(count: int) -> list[list[str]]:
    """A table: seconds on the wall, CPU seconds of all processes, and the ratio to the first engine."""
    settings = Settings(str(cache_folder()))
    posts = invent(count)
    engines: dict[str, Engine] = {
        "processes": Processes(partial(annotator, settings), 2),
        "dask": Cluster(settings, None, 2),
    }
    rows = [["engine", "posts", "wall s", "CPU s", "CPU against processes"]]
    digests = set()
    first = 0.0
    for name, engine in engines.items():
        try:
            wall, cpu, digest = _clocked(engine, posts)
        finally:
            engine.close()
        first = first or cpu
        digests.add(digest)
        rows.append([name, f"{count:,}", f"{wall:.1f}", f"{cpu:.1f}", f"{cpu / first:.2f}"])
    assert len(digests) == 1, "the engines gave different columns"
    return rows


def _clocked(engine: Engine, posts: list[Post]) -> tuple[float, float, str]:
    list(engine.map(islice(_batches(posts), _WARM)))
    begin, used = time.perf_counter(), _cpu()
    seen = hashlib.sha256()
    for encoded in engine.map(_batches(posts)):
        seen.update(msgspec.msgpack.encode(encoded))
    return time.perf_counter() - begin, _cpu() - used, seen.hexdigest()


def _batches(posts: list[Post]) -> Iterator[Batch]:
    for at in range(0, len(posts), BATCH_SIZE):
        yield Batch("run", Group(HOME[:1]), posts[at : at + BATCH_SIZE])


def _cpu() -> float:
    """CPU seconds of this process and of all that it started and that live."""
    return sum(cpu_of(pid) or 0.0 for pid in family(os.getpid()))
