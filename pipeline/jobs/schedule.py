"""Runs each source on its timetable.  The only module that knows APScheduler.

APScheduler keeps the time; the timetable itself is ours.  A cron line that names its hours means the clock on
the wall of the source's zone: every local day it fires once, also where the clock is put forward over that
time (then at the first moment after the gap) or put back to it (then on the first pass).  APScheduler's own
cron trigger loses or doubles such days, see docs/decisions.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, NoReturn, Protocol
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.executors.base import BaseExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim

from pipeline.errors import ConfigError, DatasetError, LockedError, Stopped
from pipeline.jobs.pause import paused
from pipeline.jobs.status import is_alive
from pipeline.storage.ledger import Ledger

LOCK = ".schedule.lock"
LOCKED = LockedError.exit_code
RETRY = timedelta(minutes=1)  # until the next attempt when somebody else writes the dataset
PULSE = 30.0  # seconds; a machine that slept or got a new clock is noticed within this time

_log = logging.getLogger(__name__)


class Scheduled(Protocol):
    """What is asked of a source: its name, its cron line and the zone in which the line is meant."""

    @property
    def name(self) -> str: ...
    @property
    def schedule(self) -> str | None: ...
    @property
    def zone(self) -> str | None: ...


class Timetable(Protocol):
    """What is asked of a configuration."""

    @property
    def dataset(self) -> Path: ...
    @property
    def sources(self) -> Sequence[Scheduled]: ...


def next_times(cron: str, zone: str | None, after: datetime, n: int = 1) -> list[datetime]:
    """The next `n` times, in UTC, at which `cron` fires later than `after`; `zone` None is UTC.

    A line that names its hours fires when the local clock first shows each of its times or jumps past it.  A
    line for every hour follows elapsed time: the hour that autumn brings twice has its runs twice, the hour
    that spring leaves out has none.  Fewer than `n` where the line has no more days within fifty years.

    Raises `cronsim.CronSimError` for a line that is none.

    >>> before = datetime(2026, 3, 28, 12, tzinfo=UTC)  # Beirut has no 00:30 on 29 March 2026
    >>> [str(time) for time in next_times("30 0 * * *", "Asia/Beirut", before, n=2)]
    ['2026-03-28 22:00:00+00:00', '2026-03-29 21:30:00+00:00']
    """
    return list(islice(_times_after(cron, ZoneInfo(zone or "UTC"), after), n))


def last_time(cron: str, zone: str | None, before: datetime) -> datetime | None:
    """The last time, in UTC, at which `cron` fired at or before `before`; None where it never did.

    >>> str(last_time("30 0 * * *", "Asia/Beirut", datetime(2026, 3, 29, 12, tzinfo=UTC)))
    '2026-03-28 22:00:00+00:00'
    """
    place = ZoneInfo(zone or "UTC")
    start = before.astimezone(place) + timedelta(days=1)  # a clock put back showed later times before
    if _follows_elapsed_time(cron):
        times = (time.astimezone(UTC) for time in CronSim(_with_seconds(cron), start, reverse=True))
    else:
        times = (
            _first_moment(time, place) for time in CronSim(cron, start.replace(tzinfo=None), reverse=True)
        )
    return next((time for time in times if time <= before), None)


def _times_after(cron: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    start = after.astimezone(zone)
    latest = after
    if _follows_elapsed_time(cron):
        times = (time.astimezone(UTC) for time in CronSim(_with_seconds(cron), start))
    else:
        times = (_first_moment(time, zone) for time in CronSim(cron, start.replace(tzinfo=None)))
    for time in times:
        if time > latest:  # several times in one gap are one
            latest = time
            yield time


def _first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock of `zone` first shows `wall` or jumps past it."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    while moment.astimezone(zone).replace(tzinfo=None) != wall:  # the clock never shows it
        wall += timedelta(minutes=1)
        moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment


def _follows_elapsed_time(cron: str) -> bool:
    """Whether a line is for every hour of the day."""
    hours: set[int] = CronSim(cron, datetime(2000, 1, 1)).hours  # noqa: DTZ001  any clock reading will do
    return len(hours) == 24


def _with_seconds(cron: str) -> str:
    """A six-field line, which cronsim reads in elapsed time only."""
    return cron if len(cron.split()) == 6 else f"0 {cron}"


class LocalCronTrigger(BaseTrigger):  # type: ignore[misc]
    """Tells APScheduler when a cron line fires next in the zone of a source.

    Times missed since `previous_fire_time` are told as one, the latest.
    """

    def __init__(self, cron: str, zone: str | None) -> None:
        self.cron = cron
        self.zone = zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        if previous_fire_time is not None:
            missed = last_time(self.cron, self.zone, now)
            if missed is not None and missed > previous_fire_time:
                return missed
        after = max(now, previous_fire_time) if previous_fire_time else now
        return next(iter(next_times(self.cron, self.zone, after)), None)

    def first_time(self, last: datetime | None, now: datetime) -> datetime | None:
        """When a scheduler that starts at `now` runs a source; the past says that it is due.

        `last`: when the last finished run of the source started; None where it has had none.
        """
        missed = last_time(self.cron, self.zone, now)
        if missed is None or (last is not None and last >= missed):
            return self.get_next_fire_time(None, now)
        return missed

    def __str__(self) -> str:
        return f"{self.cron!r} in {self.zone or 'UTC'}"


def print_now(line: str) -> None:
    """Print a line for whoever watches, also through a pipe."""
    print(line, flush=True)


def serve(
    config: Timetable,
    run_source: Callable[[str], int],
    last_run: Callable[[str], datetime | None],
    say: Callable[[str], object] = print_now,
    grace: float = 8.0,
) -> int:
    """Run every source that has a `schedule` on its timetable until a signal; returns the exit code.

    `run_source` runs one source by name and returns an exit code of `marsad run`; it is called in the calling
    thread, one source at a time, and not for a source that is paused.  `last_run` tells when the last
    finished run of a source started, or None: a source that missed its time since then is run once at the
    start.  A run that fails is logged, and the
    schedule goes on; one that finds the dataset locked is tried again every minute.

    SIGTERM and SIGINT let a run under way finish within `grace` seconds, and then the code is 0.  A run that
    takes longer is stopped by `Stopped` raised in it, at once after a second signal: 143 or 130.  Must be
    called in the main thread.

    Raises `ConfigError` where no source has a schedule, and `LockedError` that names the holder where another
    scheduler serves the dataset.
    """
    sources = [source for source in config.sources if source.schedule is not None]
    if not sources:
        raise ConfigError(
            'nothing to schedule: give at least one source a line such as schedule: "15 */6 * * *"'
        )
    with _only_scheduler(config.dataset):
        return _Service(config.dataset, sources, run_source, say, grace).serve(last_run)


class _Desk(BaseExecutor):  # type: ignore[misc]
    """Passes jobs that are due to the main thread, where signals arrive and worker processes may start."""

    def __init__(self) -> None:
        super().__init__()
        self.due: SimpleQueue[str | None] = SimpleQueue()  # names of sources; None: look up from waiting

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:  # noqa: ARG002  APScheduler's signature
        self.due.put(job.id)

    def done(self, name: str) -> None:
        self._run_job_success(name, [])


class _Service:
    """One `serve`: the scheduler, the desk, and what a signal has to know."""

    def __init__(
        self,
        dataset: Path,
        sources: Sequence[Scheduled],
        run_source: Callable[[str], int],
        say: Callable[[str], object],
        grace: float,
    ) -> None:
        self.dataset = dataset
        self.sources = sources
        self.zones = {source.name: source.zone for source in sources}
        self.run_source = run_source
        self.say = say
        self.grace = grace
        self.running: str | None = None
        self.signal: int | None = None
        self.desk = _Desk()
        self.scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self.desk},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def serve(self, last_run: Callable[[str], datetime | None]) -> int:
        self.scheduler.add_listener(self._tell_skipped, EVENT_JOB_MAX_INSTANCES)
        with _signals(self._stop, self._abandon):
            try:
                for source in self.sources:
                    self._add(source, last_run(source.name))
                self.scheduler.start()
                self._loop()
            except Stopped as stopped:
                broken_off, self.running = self.running, None
                self.say(f"stopped: the run of {broken_off} was broken off, nothing half done is visible")
                return stopped.exit_code
            finally:
                if self.scheduler.running:
                    self.scheduler.shutdown(wait=False)
        self.say("stopped: no run was broken off")
        return 0

    def _add(self, source: Scheduled, last: datetime | None) -> None:
        assert source.schedule is not None
        now = datetime.now(UTC)
        trigger = LocalCronTrigger(source.schedule, source.zone)
        first = trigger.first_time(last, now)
        if first is None:
            self.say(f"never: {source.name}, its schedule {source.schedule!r} has no day to come")
            return
        self.scheduler.add_job(_unused, trigger, id=source.name, name=source.name, next_run_time=first)
        self.say(f"{'missed' if first <= now else 'next'}: {self._when(source.name, first)}")

    def _loop(self) -> None:
        while self.signal is None:
            try:
                name = self.desk.due.get(timeout=PULSE)
            except Empty:
                self.scheduler.wakeup()
                continue
            if name is not None:
                self._run(name)

    def _run(self, name: str) -> None:
        rest = paused(self.dataset).get(name)
        if rest is not None:
            self.say(f"not run: {name}, {rest}; marsad resume {name}")
            self.desk.done(name)
            self._tell_next()
            return
        self.running = name
        if self.signal is not None:  # looked at last: from here on a signal finds that a run is under way
            self.running = None
            return
        try:
            code = self.run_source(name)
            self.running = None
        except Exception as error:  # noqa: BLE001  a schedule outlives any one run
            self.running = None
            _log.exception("run of %s failed", name)
            self.say(f"failed: {name}, {type(error).__name__}: {error}; the schedule goes on")
        else:
            self._tell(name, code)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.desk.done(name)
        self._tell_next()

    def _tell(self, name: str, code: int) -> None:
        if code == LOCKED:
            again = datetime.now(UTC) + RETRY
            job = self.scheduler.get_job(name)
            if job is not None and job.next_run_time > again:
                job.modify(next_run_time=again)
            self.say(f"locked: {name}, somebody else writes the dataset; tried again in a minute")
        elif code == 0:
            self.say(f"done: {name}")
        else:
            _log.error("run of %s ended with exit code %d", name, code)
            self.say(f"failed: {name}, exit code {code}; the schedule goes on")

    def _tell_next(self) -> None:
        jobs = sorted(self.scheduler.get_jobs(), key=lambda job: (job.next_run_time, job.id))
        if jobs and self.signal is None:
            self.say(f"next: {self._when(jobs[0].id, jobs[0].next_run_time)}")

    def _tell_skipped(self, event: Any) -> None:
        """A time that found the source's last run not ended: told, and recorded, so that no gap is silent."""
        why = "its last run is still waiting or under way"
        self.say(f"skipped: {event.job_id}, {why}")
        for due in event.scheduled_run_times:
            with suppress(DatasetError):  # a disk that refuses must not end the schedule
                Ledger(self.dataset).append(
                    {
                        "event": "skipped",
                        "source": event.job_id,
                        "at": datetime.now(UTC).isoformat(),
                        "due": due.astimezone(UTC).isoformat(),
                        "error": why,
                    }
                )

    def _when(self, name: str, time: datetime) -> str:
        zone = self.zones[name] or "UTC"
        local = time.astimezone(ZoneInfo(zone))
        return f"{name} at {local:%Y-%m-%d %H:%M:%S} {zone} ({time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  a signal handler's signature
        if self.signal is not None and self.running is not None:
            raise Stopped(number)
        self.signal = number
        self.desk.due.put(None)
        if self.running is not None:
            signal.setitimer(signal.ITIMER_REAL, self.grace)
            with suppress(RuntimeError):  # it came in the middle of a print, which bears no second
                self.say(f"stopping: {self.running} has {self.grace:g} s to finish")

    def _abandon(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  a signal handler's signature
        if self.running is not None and self.signal is not None:
            raise Stopped(self.signal)


def _unused() -> NoReturn:
    raise AssertionError("the desk passes names on; APScheduler itself calls nothing")


@contextmanager
def _signals(
    stop: Callable[[int, FrameType | None], None], abandon: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGALRM, abandon)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def scheduler(dataset: Path) -> str | None:
    """Which process serves the timetable of a dataset, for people; None where none does.

    Looks at the note in the lock's file and not at the lock: a look must keep no scheduler from starting.
    """
    try:
        note = (dataset / LOCK).read_text(errors="replace").strip()
    except OSError:
        return None
    found = re.fullmatch(r"process (\d+) on (.+) since .+", note)
    return note if found and is_alive(int(found[1]), found[2]) else None


@contextmanager
def _only_scheduler(dataset: Path) -> Iterator[None]:
    """Hold the scheduler's lock on a dataset; the kernel frees it when the process ends, however it ends."""
    dataset.mkdir(parents=True, exist_ok=True)
    lock = os.open(dataset / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode(errors="replace").strip() or "a process that is just starting"
            raise LockedError(f"another scheduler serves {dataset}: {holder}") from None
        os.ftruncate(lock, 0)
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        os.write(lock, f"process {os.getpid()} on {platform.node()} since {now}\n".encode())
        yield
    finally:
        os.close(lock)
