"""Readers with the programs that analysts use, while sources are rerun in a loop."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from multiprocessing.synchronize import Semaphore
from pathlib import Path

from pipeline.config import load
from pipeline.jobs.run import Options, run
from tests.proof.report import Finding
from tests.proof.workplace import environment

SOURCES = ("north", "south", "west")
ROWS = 40
Rows = Iterable[tuple[str, str, str]]  # source, post_id, text


def soak(folder: Path, cache: Path, seconds: float, rounds: int = 0) -> list[Finding]:
    """A process reruns one source after the other, each time with other texts; the others read and look.

    For so many seconds, and until each of them has begun so many rounds, which it also ends.
    """
    _configure(folder)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    told = context.Queue()
    with environment(MARSAD_CACHE=str(cache), MARSAD_KEY_FILE=str(folder / "key")):
        for source in SOURCES:
            _rerun(folder, source, 0)
        readers = {name: read for name, read in READERS.items() if _installed(name)}
        begun = [context.Semaphore(0) for _ in ["writer", *readers]]
        writer = context.Process(target=_write, args=(folder, stop, told, begun[0]))
        crowd = [
            context.Process(target=_read, args=(name, folder / "data", stop, told, mine))
            for name, mine in zip(readers, begun[1:], strict=True)
        ]
        for process in [writer, *crowd]:
            process.start()
        time.sleep(seconds)
        for one in begun * rounds:
            one.acquire(timeout=60)  # of one that is slower the findings tell
        stop.set()
        answers = [told.get(timeout=120) for _ in [writer, *crowd]]
        for process in [writer, *crowd]:
            process.join()
    found = {finding.what: finding for finding in answers}
    skipped = [Finding(f"reads: {name}", skipped="not installed") for name in READERS if name not in readers]
    return [found.pop("reruns meanwhile"), *(found[what] for what in sorted(found)), *skipped]


def _configure(folder: Path) -> None:
    lines = "\n".join(
        f"  - {{name: {name}, files: {name}.jsonl, reader: jsonl, group: {name}, zone: UTC, authors: drop, "
        "columns: {id: id, text: text, posted_at: at}}"
        for name in SOURCES
    )
    (folder / "config.yaml").write_text(f"engine: {{kind: serial}}\nsources:\n{lines}\n", encoding="utf-8")


def _rerun(folder: Path, source: str, generation: int) -> str | None:
    """Take in the texts of a generation; what is wrong with the run."""
    rows = (
        {"id": number, "text": f"قصف على حماة generation {generation}", "at": "2014-03-05T12:00:00Z"}
        for number in range(ROWS)
    )
    export = folder / f"{source}.jsonl"
    export.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (outcome,) = run(load(folder / "config.yaml", {}), [source], Options(kind="rerun"))
    return None if outcome.state == "published" else f"{outcome.state}: {outcome.error}"


def _write(folder: Path, stop: object, told: multiprocessing.Queue[Finding], begun: Semaphore) -> None:
    finding = Finding("reruns meanwhile")
    while not stop.is_set():  # type: ignore[attr-defined]
        begun.release()
        generation = finding.points // len(SOURCES) + 1
        wrong = _rerun(folder, SOURCES[finding.points % len(SOURCES)], generation)
        finding.points += 1
        if wrong:
            finding.wrong += 1
            finding.note(wrong)
    told.put(finding)


def _read(
    name: str, root: Path, stop: object, told: multiprocessing.Queue[Finding], begun: Semaphore
) -> None:
    """`wrong`: a read that gave what was never published.  `lost`: a read that failed."""
    finding = Finding(f"reads: {name}")
    newest = 0
    while not stop.is_set():  # type: ignore[attr-defined]
        begun.release()
        finding.points += 1
        try:
            rows = list(READERS[name](root))
        except Exception as failed:  # noqa: BLE001  whatever it is, it is a finding
            finding.lost += 1
            finding.note(f"{type(failed).__name__}: {str(failed)[:200]}")
            continue
        wrong = mistakes(rows)
        generation = max((int(text.rpartition(" ")[2]) for *_, text in rows), default=0)
        if not wrong and generation < newest:
            wrong = f"generation {generation} after {newest}"
        newest = max(newest, generation)
        if wrong:
            finding.wrong += 1
            finding.note(wrong)
    told.put(finding)


def mistakes(rows: list[tuple[str, str, str]]) -> str:
    """What is wrong with what a reader saw; empty where nothing is.

    >>> mistakes([("north", "a", "text 1"), ("north", "a", "text 1")])
    "posts by source: {'north': 2}"
    """
    counts = Counter(source for source, *_ in rows)
    if counts != dict.fromkeys(SOURCES, ROWS):
        return f"posts by source: {dict(counts)}"
    if len({post for _, post, _ in rows}) != len(rows):
        return "a post stands twice"
    if len({(source, text) for source, _, text in rows}) != len(SOURCES):
        return "a source is of two generations"
    return ""


def _by_marsad(root: Path) -> Rows:
    from pipeline.storage.frames import load as load_dataset

    return load_dataset(root).posts(columns=COLUMNS).itertuples(index=False, name=None)


def _by_pandas(root: Path) -> Rows:
    import pandas as pd

    read = pd.read_parquet(os.path.realpath(root / "current" / "posts"), columns=COLUMNS)
    return read.itertuples(index=False, name=None)


def _by_polars(root: Path) -> Rows:
    import polars as pl

    return pl.read_parquet(
        os.path.realpath(root / "current" / "posts") + "/*.parquet", columns=COLUMNS
    ).rows()


def _by_duckdb(root: Path) -> Rows:
    import duckdb

    posts = os.path.realpath(root / "current" / "posts")
    query = f"select source, post_id, text from read_parquet('{posts}/*.parquet')"
    return duckdb.connect().execute(query).fetchall()


COLUMNS = ["source", "post_id", "text"]
READERS: dict[str, Callable[[Path], Rows]] = {
    "pipeline.load": _by_marsad,
    "pandas": _by_pandas,
    "polars": _by_polars,
    "duckdb": _by_duckdb,
}


def _installed(name: str) -> bool:
    return name == "pipeline.load" or importlib.util.find_spec(name) is not None
