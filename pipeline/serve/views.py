"""What the page shows, as plain records: all of it from the functions that the command line calls."""

# ruff: noqa: PLC0415  pandas comes with the first look at rejected rows
from __future__ import annotations

import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from pipeline.config import Config, Source, load
from pipeline.errors import ConfigError
from pipeline.jobs.history import RunRecord, history
from pipeline.jobs.progress import Running, running
from pipeline.jobs.schedule import scheduler
from pipeline.jobs.status import SourceStatus, status
from pipeline.serve.runs import Asked
from pipeline.storage.dataset import Dataset
from pipeline.storage.ledger import Ledger
from pipeline.storage.manifest import Books, SourceState

RECENT: Final = 3  # last runs of a source, told beside it


class Expectation(Struct, frozen=True):
    """One line of `expect:` and whether the rows meet it; None where there are none to judge."""

    told: str
    is_met: bool | None


class SourceView(Struct, frozen=True, kw_only=True):
    """One source as the page shows it."""

    now: SourceStatus
    reader: str
    files: tuple[str, ...]  # patterns
    expects: tuple[Expectation, ...]
    recent: tuple[RunRecord, ...]  # the newest first
    running: Running | None
    by: str | None  # who does that run
    rows_ahead: int | None  # about as many as that run will read, by what its files held before
    asked: Asked | None


class State(Struct, frozen=True, kw_only=True):
    """What the page asks for again and again."""

    dataset: str
    config: str
    version: int | None
    at: datetime
    scheduler: str | None  # the process that serves the timetable
    problem: str | None  # the configuration cannot be read; the page goes on with the one before
    sources: tuple[SourceView, ...]


class Configuration:
    """config.yaml as it is now: read again when it has changed, kept as it was where it is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.problem: str | None = None
        self._guard = threading.Lock()
        self._stamp = self._look()
        self._config = load(self.path)

    def __call__(self) -> Config:
        with self._guard:
            stamp = self._look()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._config = load(self.path)
                    self.problem = None
                except ConfigError as wrong:
                    self.problem = str(wrong)
            return self._config

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


class Memory:
    """The last runs of each source, read again when the ledger has grown: in a year it has 30,000 lines."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._stamp: tuple[Path, int, int] | None = None
        self._recent: dict[str, tuple[RunRecord, ...]] = {}

    def recent(self, dataset: Path) -> dict[str, tuple[RunRecord, ...]]:
        """The newest first."""
        with self._guard:
            stamp = self._look(dataset)
            if stamp is None or stamp != self._stamp:
                found: dict[str, list[RunRecord]] = {}
                for record in history(dataset, most=sys.maxsize):
                    kept = found.setdefault(record.source, [])
                    if len(kept) < RECENT:
                        kept.append(record)
                self._recent = {source: tuple(kept) for source, kept in found.items()}
                self._stamp = stamp
            return self._recent

    def _look(self, dataset: Path) -> tuple[Path, int, int] | None:
        path = Ledger(dataset).path
        try:
            found = path.stat()
        except OSError:
            return None
        return path, found.st_mtime_ns, found.st_size


def state(configuration: Configuration, asked: dict[str, Asked], memory: Memory) -> State:
    """Everything about the sources, as of now."""
    config = configuration()
    told = status(config)
    notes = {note.source: note for note in running(config.dataset)}
    serving = scheduler(config.dataset)
    recent = memory.recent(config.dataset)
    current = Dataset(config.dataset).current()
    held = current.manifest.sources if current else {}
    known = {source.name: source for source in config.sources}
    views = []
    for one in told.sources:
        source, note = known.get(one.source), notes.get(one.source)
        views.append(
            SourceView(
                now=one,
                reader=source.reader if source else "",
                files=tuple(source.files) if source else (),
                expects=_expectations(source, held.get(one.source)) if source else (),
                recent=recent.get(one.source, ()),
                running=note,
                by=None if note is None else _by(note, serving, asked.get(one.source)),
                rows_ahead=None if note is None else _rows_ahead(note, held.get(one.source)),
                asked=asked.get(one.source),
            )
        )
    return State(
        dataset=told.dataset,
        config=str(configuration.path),
        version=told.version,
        at=datetime.now(UTC),
        scheduler=serving,
        problem=configuration.problem,
        sources=tuple(views),
    )


def rejected(config: Config, source: str | None, reason: str | None, start: int, most: int) -> dict[str, Any]:
    """A page of the quarantine, and how many rows there are of each reason.

    `total` counts the rows of the wanted source and reason, `reasons` those of the source.
    """
    from pipeline.storage.frames import load as load_dataset

    current = Dataset(config.dataset).current()
    empty: dict[str, Any] = {"version": None, "total": 0, "reasons": {}, "start": start, "rows": []}
    if current is None or (source is not None and source not in current.manifest.sources):
        return empty
    table = load_dataset(config.dataset, current.number).rejected(source=source, format="arrow")
    reasons = table.column("reason").to_pylist()
    chosen = [at for at, found in enumerate(reasons) if reason is None or found == reason]
    shown = chosen[start : start + most]
    return {
        "version": current.number,
        "total": len(chosen),
        "reasons": dict(sorted(Counter(reasons).items())),
        "start": start,
        "rows": table.take(shown).to_pylist() if shown else [],
    }


def _by(note: Running, serving: str | None, asked: Asked | None) -> str:
    if asked is not None and asked.pid == note.pid:
        return "this page"
    if serving is not None and serving.startswith(f"process {note.pid} on {note.host} "):
        return "the scheduler"
    return f"process {note.pid} on {note.host}"


def _rows_ahead(note: Running, rows: SourceState | None) -> int | None:
    """Rows to expect in as many bytes; None for a source whose rows have no size yet."""
    known = rows.inputs if rows else ()
    size, read = sum(one.size for one in known), sum(one.books.read for one in known)
    return round(read / size * note.size) if size and read else None


def _expectations(source: Source, rows: SourceState | None) -> tuple[Expectation, ...]:
    expect = source.expect
    told = []
    if expect.min_posts is not None:
        is_met = None if rows is None else rows.posts >= expect.min_posts
        told.append(Expectation(f"at least {expect.min_posts:,} posts", is_met))
    books = sum((one.books for one in rows.inputs), Books()) if rows else Books()
    if books.read:
        share = books.rejected / books.read
        limit = f"at most {_percent(expect.max_rejected)} rejected: {_percent(share)}"
        told.append(Expectation(limit, share <= expect.max_rejected))
    elif "max_rejected" in expect.model_fields_set:
        told.append(Expectation(f"at most {_percent(expect.max_rejected)} rejected", None))
    return tuple(told)


def _percent(share: float) -> str:
    """
    >>> _percent(0.0482), _percent(0.5), _percent(0)
    ('4.8%', '50%', '0%')
    """
    return f"{share * 100:.2g}%"
