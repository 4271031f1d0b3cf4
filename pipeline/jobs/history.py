"""What the runs of a dataset did, one record each: the ledger read backwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pipeline.jobs.status import State, is_alive
from pipeline.storage.ledger import Ledger
from pipeline.storage.manifest import Books


class RunRecord(Struct, frozen=True, kw_only=True):
    """One run of one source, or one that the schedule had to skip; times are aware UTC."""

    source: str
    kind: str  # run, rerun or replay
    state: State | Literal["skipped"]  # skipped: its time came while the run before was not ended
    started: datetime  # of a skipped run: when it was due
    ended: datetime | None  # None: it is under way, or was killed
    seconds: float | None
    run_id: str | None
    version: int | None  # that it published
    files: int
    books: Books
    posts: int  # of the source after it
    error: str | None
    notes: tuple[str, ...]
    exit_code: int
    pid: int | None
    host: str | None


class _Event(Struct):
    """What this module reads of a line of the ledger."""

    event: str
    source: str
    started: datetime
    at: datetime
    kind: str = "run"
    state: str = ""
    run_id: str | None = None
    version: int | None = None
    files: int = 0
    books: Books = Books()
    posts: int = 0
    seconds: float = 0.0
    error: str | None = None
    notes: tuple[str, ...] = ()
    exit_code: int = 0
    pid: int | None = None
    host: str | None = None


def history(
    dataset: Path, source: str | None = None, most: int = 100, *, unchanged: bool = True
) -> list[RunRecord]:
    """The last runs, the newest first; of one source where it is named.

    `unchanged` false leaves out the runs that found nothing new.
    Raises `DatasetError` that names a line of the ledger which is no record.
    """
    runs: dict[tuple[str, datetime], _Event] = {}
    for event in _events(dataset):
        if source is None or event.source == source:
            runs[event.source, event.started] = event  # the end of a run stands behind its beginning
    found = (_record(event) for event in sorted(runs.values(), key=lambda event: event.started, reverse=True))
    chosen = (record for record in found if unchanged or record.state != "unchanged")
    return [record for record, _ in zip(chosen, range(most), strict=False)]


def causes(dataset: Path) -> dict[int, str]:
    """Why a version that no run published was: `forgotten` (people, posts) or `expired`, by its number."""
    events = (event for event in Ledger(dataset).events() if event.get("event") in {"forgotten", "expired"})
    return {event["published"]: event["event"] for event in events if event.get("published") is not None}


def _events(dataset: Path) -> Iterator[_Event]:
    for event in Ledger(dataset).events():
        if event.get("event") in _KINDS:
            known = _known({"started": event.get("due"), **event})
            if known is not None:
                yield known


_KINDS = frozenset({"started", "finished", "failed", "interrupted", "skipped"})


def _known(event: dict[str, Any]) -> _Event | None:
    try:
        return msgspec.convert(event, _Event)
    except msgspec.ValidationError:  # another program's line; the chain of hashes says whether it is whole
        return None


def _record(event: _Event) -> RunRecord:
    is_open = event.event == "started"
    seconds = event.seconds or (event.at - event.started).total_seconds()
    return RunRecord(
        source=event.source,
        kind=event.kind,
        state=_state(event),
        started=event.started,
        ended=None if is_open else event.at,
        seconds=None if is_open or event.event == "skipped" else seconds,
        run_id=event.run_id,
        version=event.version,
        files=event.files,
        books=event.books,
        posts=event.posts,
        error=event.error,
        notes=event.notes,
        exit_code=event.exit_code,
        pid=event.pid,
        host=event.host,
    )


def _state(event: _Event) -> State | Literal["skipped"]:
    if event.event == "skipped":
        return "skipped"
    if event.event == "started":
        return "running" if is_alive(event.pid, event.host) else "killed"
    if event.event == "finished":
        return "unchanged" if event.state == "unchanged" else "published"
    return "interrupted" if event.event == "interrupted" else "failed"
