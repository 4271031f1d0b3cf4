"""Rows that are older than their source keeps them, taken out of all versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from pipeline.config import Source
from pipeline.jobs.status import process
from pipeline.storage.dataset import Dataset, Writer
from pipeline.storage.doomed import Doomed, Gone
from pipeline.storage.forget import find, take_out
from pipeline.storage.ledger import Ledger


def cutoff(days: int | None, now: datetime) -> datetime | None:
    """The start of the first day, in UTC, that is kept; None where all are.

    >>> cutoff(365, datetime(2026, 3, 5, 18, tzinfo=UTC)).isoformat()
    '2025-03-05T00:00:00+00:00'
    """
    if days is None:
        return None
    return datetime.combine(now.astimezone(UTC).date() - timedelta(days=days), time(), UTC)


def overdue(dataset: Dataset, sources: Sequence[Source], now: datetime) -> Gone:
    """What is older than its source keeps it; nothing is written."""
    doomed = _doomed(dataset, sources, now)
    return find(dataset, doomed) if doomed else Gone(versions={})


def expire(dataset: Dataset, writer: Writer, sources: Sequence[Source], now: datetime) -> Gone:
    """Take out of all versions what is older than its source keeps it; the ledger tells what went.

    Raises `DatasetError` where the disk refuses, or a file of some version cannot be read.
    """
    doomed = _doomed(dataset, sources, now)
    gone = take_out(dataset, writer, doomed, at=now) if doomed else Gone(versions={})
    if gone.versions:
        Ledger(dataset.root).append(
            {
                "event": "expired",
                "at": now.isoformat(),
                "rows": gone.rows,
                "versions": sorted(gone.versions),
                "published": gone.published,
                **process(),
            }
        )
    return gone


def _doomed(dataset: Dataset, sources: Sequence[Source], now: datetime) -> dict[str, Doomed]:
    current = dataset.current()
    doomed = {}
    for source in sources:
        state = current.manifest.sources.get(source.name) if current else None
        if state is None:
            continue
        before = cutoff(source.retention.posts, now)
        refused = cutoff(source.retention.rejected, now)
        if before is not None or refused is not None:
            rejected = None if refused is None else _old(_runs(dataset), state.published, refused)
            doomed[source.name] = Doomed(before=before, rejected=rejected)
    return doomed


def _runs(dataset: Dataset) -> dict[str, datetime]:
    """When each run was first begun, by its id."""
    begun: dict[str, datetime] = {}
    for event in Ledger(dataset.root).events():
        run_id, at = event.get("run_id"), event.get("started")
        if isinstance(run_id, str) and isinstance(at, str):
            begun.setdefault(run_id, datetime.fromisoformat(at))
    return begun


def _old(
    begun: Mapping[str, datetime], published: datetime, refused: datetime
) -> Callable[[dict[str, Any]], bool]:
    """Whether a row was refused before a time; of an unknown run, when its source was published."""
    return lambda row: begun.get(row["run_id"], published) < refused
