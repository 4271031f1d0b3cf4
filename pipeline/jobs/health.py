"""Whether the pipeline does what it should, for watchdogs: every source ran in time and well."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from pipeline.config import Config
from pipeline.errors import MarsadError
from pipeline.jobs.status import SourceStatus, status
from pipeline.storage.dataset import Dataset
from pipeline.storage.ledger import Ledger

LATE: Final = timedelta(hours=1)  # that a run may begin after its time, and take
LEAST_SPACE: Final = 512 << 20  # bytes free on the disk of the dataset

Level = Literal["well", "warning", "bad"]


class Sign(Struct, frozen=True):
    """One thing that was looked at."""

    what: str  # "source ghab_telegram", "dataset", "ledger", "disk"
    level: Level
    told: str


class Health(Struct, frozen=True):
    """All signs, the sources in the order of the configuration."""

    level: Level  # the worst of the signs
    at: datetime
    signs: tuple[Sign, ...]

    @property
    def exit_code(self) -> int:
        """0 while nothing is bad; a warning is no reason to wake somebody."""
        return 1 if self.level == "bad" else 0


def health(config: Config, now: datetime | None = None) -> Health:
    """Look at every source, the dataset, the ledger and the disk; changes nothing.

    A scheduled source is bad when its last run failed or did not begin within an hour of its time; one
    without a schedule only when its last run failed.  Reads sizes and the ledger, not the tables, so that a
    watchdog may call it every minute; `marsad verify` reads every byte.
    """
    now = now or datetime.now(UTC)
    signs = [*_sources(config, now), _dataset(config), _ledger(config), _disk(config.dataset)]
    order: list[Level] = ["well", "warning", "bad"]
    return Health(max((sign.level for sign in signs), key=order.index), now, tuple(signs))


def _sources(config: Config, now: datetime) -> list[Sign]:
    try:
        known = status(config, now).sources
    except MarsadError as refused:
        return [Sign("sources", "bad", str(refused))]
    return [_source(one, now) for one in known]


def _source(one: SourceStatus, now: datetime) -> Sign:
    what = f"source {one.source}"
    if not one.configured:
        return Sign(what, "warning", "the dataset holds it, the configuration does not")
    missed = _missed(one, now)
    if one.state in ("failed", "interrupted", "killed"):
        return Sign(what, "bad", f"its last run {_ENDS[one.state]}{f': {one.error}' if one.error else ''}")
    if missed is not None:
        return Sign(what, "bad", f"it should have run at {missed:%Y-%m-%d %H:%M} UTC; is the scheduler up?")
    if one.paused is not None:
        return Sign(what, "warning", f"{one.paused}; marsad resume {one.source}")
    if one.state == "never":
        return Sign(what, "warning", "it never ran")
    share = one.rejected / max(1, one.posts + one.rejected)
    if share > 0.5:
        return Sign(what, "warning", f"{one.rejected:,} rows are rejected, {one.posts:,} are posts")
    return Sign(what, "well", f"{one.state} {one.last_run:%Y-%m-%d %H:%M} UTC, {one.posts:,} posts")


_ENDS: Final = {
    "failed": "failed",
    "interrupted": "was broken off",
    "killed": "was killed before its end",
}


def _missed(one: SourceStatus, now: datetime) -> datetime | None:
    """The time of its schedule that a source has not kept; None where it kept the last."""
    if one.schedule is None or one.state == "running" or one.paused is not None:
        return None
    from pipeline.jobs.schedule import last_time  # noqa: PLC0415  APScheduler, for sources with a timetable

    due = last_time(one.schedule, one.zone, now - LATE)
    if due is None or one.last_run is None or one.last_run >= due:
        return None
    return due


def _dataset(config: Config) -> Sign:
    try:
        version = Dataset(config.dataset).current()
        if version is None:
            return Sign("dataset", "warning", f"{config.dataset}: nothing was published yet")
        damage = version.damage()
    except MarsadError as refused:
        return Sign("dataset", "bad", str(refused))
    if damage:
        return Sign("dataset", "bad", "; ".join(damage))
    return Sign("dataset", "well", f"version {version.number}")


def _ledger(config: Config) -> Sign:
    wrong = Ledger(config.dataset).verify()
    return (
        Sign("ledger", "bad", "; ".join(wrong[:3])) if wrong else Sign("ledger", "well", "its chain is whole")
    )


def _disk(dataset: Path) -> Sign:
    folder = dataset
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):.1f} GB free for {dataset}"
    if not os.access(folder, os.W_OK):
        return Sign("disk", "bad", f"{folder} cannot be written")
    return Sign("disk", "bad" if free < LEAST_SPACE else "well", told)
