"""How time, memory and bytes grow with the posts: `marsad run` over exports of several sizes, and a model.

The model is a straight line, figure = a + b * posts, laid through the sizes that were measured (least squares
of the relative error).  How far each size lies from the line is told with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from msgspec import Struct

from benchmarks.corpus import SEED
from benchmarks.corpus import posts as invent
from benchmarks.speed_map import family, memory_of, write_export
from pipeline.records import Post

SIZES: Final = (10_000, 100_000, 1_000_000)
BILLION: Final = 1_000_000_000
PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "scale.md"
_BEGIN: Final = "<!-- measured: begin -->"
_END: Final = "<!-- measured: end -->"
_CHUNK: Final = 100_000  # posts
_TICK: Final = os.sysconf("SC_CLK_TCK")


class Measured(Struct, frozen=True):
    """One run."""

    posts: int
    seconds: float  # by the clock on the wall, start and publishing included
    cpu: float  # seconds of all processes
    coordinator: float  # of these, of the process that reads and publishes
    peak: float  # MB of all processes together; pages that they share count once
    export: int  # bytes
    dataset: int  # bytes of the version


def measure(sizes: Sequence[int] = SIZES, workers: int = 2) -> list[Measured]:
    """Run each size in a folder of its own, which is thrown away."""
    return [_measure(size, workers) for size in sizes]


def _measure(count: int, workers: int) -> Measured:
    with TemporaryDirectory() as folder:
        export = Path(folder, "result.json")
        write_export(export, _invented(count))
        config = Path(folder, "config.yaml")
        config.write_text(
            f"dataset: data\nengine: {{kind: processes, workers: {workers}}}\nsources:\n"
            "  - {name: invented, files: result.json, zone: Asia/Damascus, home: SY, authors: drop}\n",
            encoding="utf-8",
        )
        begin = time.perf_counter()
        words = [sys.executable, "-m", "pipeline", "run", "--config", str(config), "--json"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
            seen: dict[int, float] = {}
            peaks = [0.0]
            watcher = threading.Thread(target=_watch, args=(run, seen, peaks), daemon=True)
            watcher.start()
            _, told = run.communicate()
            seconds = time.perf_counter() - begin
            watcher.join()
        if run.returncode != 0:
            raise RuntimeError(f"marsad run ended with {run.returncode}: {told.decode(errors='replace')}")
        version = Path(folder, "data", "versions", "000001")
        stored = sum(path.stat().st_size for path in version.rglob("*") if path.is_file())
        own = seen.get(run.pid, 0.0)
        total = sum(seen.values())
        return Measured(count, seconds, total, own, max(peaks), export.stat().st_size, stored)


def _invented(count: int) -> Iterator[Post]:
    """Posts a chunk at a time, so that this program needs no memory for them."""
    for at in range(0, count, _CHUNK):
        yield from invent(min(_CHUNK, count - at), SEED + at)


def _watch(run: subprocess.Popen[bytes], seen: dict[int, float], peaks: list[float]) -> None:
    """Note what the processes of a run have used, five times a second; nothing without /proc."""
    while run.poll() is None and Path("/proc").exists():
        processes = family(run.pid)
        seen.update({pid: used for pid in processes if (used := cpu_of(pid)) is not None})
        peaks.append(sum(map(memory_of, processes)) / 1024)
        time.sleep(0.2)


def cpu_of(pid: int) -> float | None:
    """CPU seconds of a process so far; None where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    own = fields.rpartition(")")[2].split()[11:13]
    return sum(map(int, own)) / _TICK


def line_through(sizes: Sequence[float], figures: Sequence[float]) -> tuple[float, float]:
    """The a and b of figure = a + b * posts that fit best, by relative error.

    >>> a, b = line_through([10, 100, 1000], [3, 12, 102])
    >>> round(a, 6), round(b, 6)
    (2.0, 0.1)
    """
    weights = 1 / np.asarray(figures, dtype=float)
    columns = np.column_stack([weights, np.asarray(sizes, dtype=float) * weights])
    solved, *_ = np.linalg.lstsq(columns, np.ones(len(figures)), rcond=None)
    return float(solved[0]), float(solved[1])


def lines_of(measured: Sequence[Measured]) -> list[list[str]]:
    """The table of the runs; the first line is its head."""
    head = ["posts", "wall s", "CPU s", "CPU s of the coordinator", "peak MB", "export MB", "dataset MB"]
    rows = [
        [
            f"{one.posts:,}", f"{one.seconds:,.1f}", f"{one.cpu:,.1f}", f"{one.coordinator:,.1f}",
            f"{one.peak:,.0f}", f"{one.export / 1e6:,.1f}", f"{one.dataset / 1e6:,.1f}",
        ]
        for one in measured
    ]  # fmt: skip
    return [head, *rows]


def model(measured: Sequence[Measured]) -> list[list[str]]:
    """The lines through the runs, how far the runs are from them, and where they lead."""
    sizes = [one.posts for one in measured]
    columns: Mapping[str, tuple[list[float], float, str]] = {
        "CPU": ([one.cpu for one in measured], 3600, "core-hours"),
        "CPU of the coordinator": ([one.coordinator for one in measured], 3600, "core-hours"),
        "wall, two cores": ([one.seconds for one in measured], 3600, "hours"),
        "export": ([one.export / 1e6 for one in measured], 1e6, "TB"),
        "dataset": ([one.dataset / 1e6 for one in measured], 1e6, "TB"),
    }
    rows = [["figure", "a", "b for a million posts", "farthest run", "a billion posts"]]
    for name, (figures, divisor, unit) in columns.items():
        a, b = line_through(sizes, figures)
        off = max(abs(a + b * size - told) / told for size, told in zip(sizes, figures, strict=True))
        own = "MB" if unit == "TB" else "s"
        whole = (a + b * BILLION) / divisor
        rows.append([name, f"{a:,.1f} {own}", f"{b * 1e6:,.1f} {own}", f"{off:.0%}", f"{whole:,.1f} {unit}"])
    return rows


def store(measured: Sequence[Measured], page: Path = PAGE) -> None:
    """Put the two tables into the page, in the place of those that stand there."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, found, after = rest.partition(_END)
    if not found:
        raise ValueError(f"{page}: has no {_BEGIN} and {_END}")
    tables = f"{_markdown(lines_of(measured))}\n\n{_markdown(model(measured))}"
    page.write_text(f"{before}{_BEGIN}\n\n{tables}\n\n{_END}{after}", encoding="utf-8")


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = lines
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])
