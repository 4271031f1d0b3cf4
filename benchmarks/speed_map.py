"""Where the time of a whole run goes: from the bytes of an export to published parquet, stage by stage.

Invented posts are written as Telegram Desktop writes them.  One process of its own reads, annotates and
publishes the file and clocks each stage on the way; then it does the least that any program must do with the
same file, which is the floor.  At last `marsad run` takes the file with two processes.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import msgspec
import pyarrow.parquet as pq
from msgspec import Struct

from benchmarks.corpus import posts as invent
from benchmarks.quality import HOME, open_toolkit
from pipeline import readers
from pipeline.annotate import Toolkit, annotate
from pipeline.jobs.engine import BATCH_SIZE
from pipeline.records import Group, Post
from pipeline.storage.dataset import Dataset
from pipeline.storage.rows import encode

POSTS: Final = 200_000
ZONE: Final = "Asia/Damascus"
SOURCE: Final = "invented"
_AT: Final = datetime(2024, 1, 1, tzinfo=UTC)
STAGES: Final = {  # what `pipeline.annotate` calls, and the line of the map that it belongs to
    "normalize_batch": "normalize",
    "clean_batch": "normalize",
    "find_marks": "normalize",
    "tokenize": "normalize",
    "detect_with_segments": "language",
    "find_places": "places",
    "find_dates": "dates",
}
LINES: Final = ("read", "normalize", "language", "places", "dates", "records", "tables", "parquet")


class Figures(Struct, frozen=True):
    """What was measured; times are microseconds a post, memory is in MB."""

    posts: int
    stages: dict[str, float]  # by LINES: CPU time on one core
    floor: float  # CPU time to parse the same JSON and to write the same columns
    peak: float  # of the process that did all stages
    wall: float  # seconds of `marsad run` with two processes, start and publishing included
    wall_peak: float  # of all its processes together; pages that they share count once

    @property
    def sum(self) -> float:
        """CPU microseconds a post from file to published parquet."""
        return sum(self.stages.values())


def measure(count: int = POSTS) -> Figures:
    """Clock the whole way of `count` invented posts."""
    with TemporaryDirectory() as folder:
        export = Path(folder, "result.json")
        write_export(export, invent(count))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            stages, floor, peak = pool.submit(_clocked, export).result()
        wall, wall_peak = _run(export)
    parts = {name: stages[name] / count * 1e6 for name in LINES}
    return Figures(count, parts, floor / count * 1e6, peak, wall, wall_peak)


def write_export(path: Path, posts: Iterable[Post]) -> None:
    """Write posts as Telegram Desktop exports a group: one space for each level, letters as they are."""
    with path.open("wb") as out:
        out.write(b'{\n "name": "invented",\n "type": "public_supergroup",\n "id": 1,\n "messages": [')
        for number, post in enumerate(posts):
            assert post.posted_at is not None
            assert post.posted_local is not None
            message = {
                "id": number + 1,
                "type": "message",
                "date": post.posted_local.isoformat(),
                "date_unixtime": str(int(post.posted_at.timestamp())),
                "from": f"member {number % 900}",
                "from_id": f"user{number % 900}",
                "text": post.text,
                "text_entities": [{"type": "plain", "text": post.text}],
            }
            plain = msgspec.json.format(msgspec.json.encode(message), indent=1)
            out.write((b",\n  " if number else b"\n  ") + plain.replace(b"\n", b"\n  "))
        out.write(b"\n ]\n}")


class Clocks:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys((*LINES, "annotate"), 0.0)

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.seconds[name] += time.process_time() - begin

    def clocked(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function; its time goes to `name`."""

        def timed(*values: Any) -> Any:
            with self.on(name):
                return work(*values)

        return timed


def _clocked(path: Path) -> tuple[dict[str, float], float, float]:
    """Seconds by stage, seconds of the floor, and the peak of memory before the floor."""
    from benchmarks.speed import peak_here

    clocks = Clocks()
    data = path.parent / "data"
    toolkit = open_toolkit()
    annotate(invent(BATCH_SIZE), toolkit, Group(HOME[:1]))  # opens the tables
    files = publish(path, data, toolkit, clocks)
    seconds = clocks.seconds
    seconds["records"] = seconds["annotate"] - sum(seconds[name] for name in set(STAGES.values()))
    peak = peak_here()
    return seconds, floor(path, files), peak


def publish(path: Path, data: Path, toolkit: Toolkit, clocks: Clocks) -> list[Path]:
    """Read, annotate and publish an export in this process; the parquet files of its source."""
    heart = sys.modules["pipeline.annotate"]
    with ExitStack() as stack:
        for name, line in STAGES.items():
            stack.enter_context(patch.object(heart, name, clocks.clocked(line, getattr(heart, name))))
        writer = stack.enter_context(Dataset(data).writer("benchmark"))
        stage = writer.stage(SOURCE, "run", keep_rows=False)
        posts = _posts(path)
        while True:
            with clocks.on("read"):
                batch = list(islice(posts, BATCH_SIZE))
            if not batch:
                break
            with clocks.on("annotate"):
                annotated = annotate(batch, toolkit, Group(HOME[:1]))
            with clocks.on("tables"):
                encoded = encode(annotated, "run")
            with clocks.on("parquet"):
                stage.add(encoded)
        with clocks.on("parquet"):
            version = writer.publish(
                SOURCE,
                stage.finish(),
                (),
                at=_AT,
                code_version="",
                tables_digest="",
                gazetteer_digest="",
            )
        return [version.files(table, SOURCE)[0] for table in ("posts", "places", "dates")]


def _posts(path: Path) -> Iterator[Post]:
    export = readers.Export(path, path.name, readers.fingerprint(path))
    choice = readers.choose(export)
    for item in readers.read(choice, readers.Reading(source=SOURCE, zone=ZONE)):
        assert isinstance(item, Post)
        yield item


class _Message(Struct, gc=False):
    """What any program must take from a message."""

    id: int
    date_unixtime: str
    from_: str = msgspec.field(name="from")
    from_id: str
    text: str


class _Chat(Struct, gc=False):
    name: str
    messages: list[_Message]


def floor(path: Path, files: Sequence[Path]) -> float:
    """CPU seconds to parse the export and to write its finished columns, and nothing else."""
    tables = [pq.read_table(file) for file in files]
    begin = time.process_time()
    chat = msgspec.json.decode(path.read_bytes(), type=_Chat)
    for number, table in enumerate(tables):
        pq.write_table(table, path.with_name(f"floor{number}.parquet"), compression="zstd")
    seconds = time.process_time() - begin
    assert len(chat.messages) == len(tables[0])
    return seconds


def _run(export: Path) -> tuple[float, float]:
    """Wall seconds and memory of `marsad run` over the export, with two processes."""
    config = export.with_name("config.yaml")
    config.write_text(
        "dataset: published\nengine: {kind: processes, workers: 2}\nsources:\n"
        f"  - {{name: {SOURCE}, files: {export.name}, zone: {ZONE}, home: SY, authors: drop}}\n",
        encoding="utf-8",
    )
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pipeline", "run", "--config", str(config), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        peaks = [0.0]
        watcher = threading.Thread(target=_watch, args=(run, peaks), daemon=True)
        watcher.start()
        _, told = run.communicate()
        seconds = time.perf_counter() - begin
        watcher.join()
    if run.returncode != 0:
        raise RuntimeError(f"marsad run ended with {run.returncode}: {told.decode(errors='replace')}")
    return seconds, max(peaks)


def _watch(run: subprocess.Popen[bytes], peaks: list[float]) -> None:
    """Note the memory of a process and of all that it started, ten times a second; nothing without /proc."""
    while run.poll() is None and Path("/proc").exists():
        peaks.append(sum(map(memory_of, family(run.pid))) / 1024)
        time.sleep(0.1)


def family(first: int) -> list[int]:
    """The ids of a process and of all that it has started."""
    found, at = [first], 0
    while at < len(found):
        for task in Path(f"/proc/{found[at]}/task").glob("*/children"):
            try:
                found += map(int, task.read_text(encoding="ascii").split())
            except OSError:  # ended meanwhile
                continue
        at += 1
    return found


def memory_of(process: int) -> int:
    """Kilobytes of a process; a page that several share counts for each in part."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def flame(count: int) -> str:
    """A text tree of where the time of reading, annotating and publishing goes.

    Raises `ModuleNotFoundError` that says what to install where pyinstrument is missing.
    """
    try:
        profilers = import_module("pyinstrument")
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("the flame graph needs: pip install 'marsad[bench]'") from missing
    with TemporaryDirectory() as folder:
        export = Path(folder, "result.json")
        write_export(export, invent(count))
        toolkit = open_toolkit()
        annotate(invent(BATCH_SIZE), toolkit, Group(HOME[:1]))
        profiler = profilers.Profiler(interval=0.0005)
        with profiler:
            publish(export, Path(folder, "data"), toolkit, Clocks())
        return str(profiler.output_text(unicode=True, color=False, show_all=False))
