"""What happened to each source last, and what comes next: the manifest's rows and the ledger's runs."""

# ruff: noqa: PLC0415  APScheduler is imported where a source has a timetable
from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from pipeline.config import Config, Source
from pipeline.jobs.intake import gaps
from pipeline.jobs.pause import Pause, paused
from pipeline.storage.dataset import Dataset
from pipeline.storage.ledger import Ledger

State = Literal["never", "running", "killed", "published", "unchanged", "failed", "interrupted"]


class SourceStatus(Struct, frozen=True, kw_only=True):
    """One source, as `marsad status` tells it; times are aware UTC."""

    source: str
    last_run: datetime | None  # start of the last run
    state: State  # how that run ended; killed: it began, has no end, and its process is gone
    posts: int  # rows in the dataset now
    places: int
    dates: int
    rejected: int  # rows in the quarantine now
    files: int  # taken in
    next_run: datetime | None
    schedule: str | None
    zone: str | None
    run_id: str | None  # of the rows
    published: datetime | None  # when the rows became visible
    error: str | None  # of the last run
    configured: bool = True  # false: the dataset holds it, the configuration does not
    incomplete: tuple[str, ...] = ()  # files that are not whole and files that are missing, a sentence each
    paused: Pause | None = None  # the scheduler leaves it alone; then there is no next run


class Status(Struct, frozen=True, kw_only=True):
    """A dataset and its sources."""

    dataset: str
    version: int | None
    sources: tuple[SourceStatus, ...]


def status(config: Config, now: datetime | None = None) -> Status:
    """Every source of the configuration, in its order, and then those that only the dataset knows."""
    now = now or datetime.now(UTC)
    version = Dataset(config.dataset).current()
    held = version.manifest.sources if version else {}
    last = _last_events(config.dataset)
    sources = {source.name: source for source in config.sources}
    resting = paused(config.dataset)
    told = []
    for name in [*sources, *(name for name in held if name not in sources)]:
        source, rows, event = sources.get(name), held.get(name), last.get(name, {})
        told.append(
            SourceStatus(
                source=name,
                last_run=_time(event.get("started")),
                state=_state(event),
                posts=rows.posts if rows else 0,
                places=rows.places if rows else 0,
                dates=rows.dates if rows else 0,
                rejected=rows.rejected if rows else 0,
                files=len(rows.inputs) if rows else 0,
                next_run=_next_run(source, now) if source and name not in resting else None,
                schedule=source.schedule if source else None,
                zone=source.zone if source else None,
                run_id=rows.run_id if rows else None,
                published=rows.published if rows else None,
                error=event.get("error"),
                incomplete=gaps(rows.inputs, rows.missing) if rows else (),
                configured=source is not None,
                paused=resting.get(name),
            )
        )
    number = version.number if version else None
    return Status(dataset=str(config.dataset), version=number, sources=tuple(told))


def last_run(dataset: Path, source: str) -> datetime | None:
    """When the last run of a source that came to its end started; None where there was none."""
    ended = [
        event
        for event in Ledger(dataset).events()
        if event.get("source") == source and event.get("event") == "finished"
    ]
    return _time(ended[-1].get("started")) if ended else None


def process() -> dict[str, Any]:
    """What a run records of the process that does it."""
    return {"pid": os.getpid(), "host": socket.gethostname()}


def _last_events(dataset: Path) -> dict[str, dict[str, Any]]:
    events = (event for event in Ledger(dataset).events() if event.get("event") != "skipped")
    return {str(event.get("source")): event for event in events}


def _state(event: dict[str, Any]) -> State:
    kind = event.get("event")
    if kind is None:
        return "never"
    if kind == "started":
        return "running" if is_alive(event.get("pid"), event.get("host")) else "killed"
    if kind == "finished":
        return "unchanged" if event.get("state") == "unchanged" else "published"
    return "interrupted" if kind == "interrupted" else "failed"


def is_alive(pid: int | None, host: str | None) -> bool:
    """Whether the process of a run is there; on another machine that cannot be seen and is believed."""
    if host != socket.gethostname():
        return True
    try:
        os.kill(pid or 0, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return bool(pid)  # 0 would be this process's own group


def _next_run(source: Source, now: datetime) -> datetime | None:
    if source.schedule is None:
        return None
    from pipeline.jobs.schedule import next_times

    return next(iter(next_times(source.schedule, source.zone, now)), None)


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
