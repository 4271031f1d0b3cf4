"""Outages of the scheduler, simulated: what was due meanwhile is run once, and nothing twice.

Nothing sleeps here.  The timetable's own functions are asked at the moments at which a scheduler would ask
them, and an oracle that knows no cron says what was due (`benchmarks.schedule_sweep`).
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from benchmarks.schedule_sweep import Clock, clock
from pipeline.jobs.schedule import LocalCronTrigger
from tests.proof.report import Finding

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = ("restart", "sleep", "killed in a run")


def outages(count: int, seed: int = 7) -> Finding:
    """`count` outages: any zone, any half hour, from a minute to ten days between 2020 and 2035.

    wrong: a time of the oracle that no run followed, or a run too much.
    """
    finding = Finding("outages of the scheduler", points=count)
    chance = random.Random(seed)
    zones = sorted(available_timezones() - {"localtime"})
    for number in range(count):
        zone = chance.choice(zones)
        hour, minute = chance.randrange(24), chance.choice((0, 30))
        down = datetime(2020, 2, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(15 * 365 * 1440))
        up = down + timedelta(minutes=round(10 ** chance.uniform(0, 4.16)))
        kind = KINDS[number % len(KINDS)]
        year = down.year
        due = _due(clock(zone, year - 1, year + 1), hour * 60 + minute, down, up)
        runs, expected = _runs(LocalCronTrigger(f"{minute} {hour} * * *", zone), due, down, up, kind)
        if runs != expected:
            finding.wrong += 1
            finding.note(f"{kind}, {zone} {hour}:{minute:02}, {down} to {up}: {runs}, {expected} expected")
    return finding


def _due(shown: Clock, reading: int, down: datetime, up: datetime) -> list[datetime]:
    """Every due moment from three days before an outage to three days after it."""
    first = (down - timedelta(days=4) - EPOCH).days
    last = (up + timedelta(days=6) - EPOCH).days
    moments = {shown.first_moment(day * 1440 + reading) for day in range(first, last)}
    return [EPOCH + timedelta(minutes=moment) for moment in sorted(moments)]


def _runs(
    trigger: LocalCronTrigger, due: list[datetime], down: datetime, up: datetime, kind: str
) -> tuple[list[datetime], list[datetime]]:
    """When a source is run from the outage to three days after it: by the trigger, and by the oracle."""
    before = [moment for moment in due if moment < down]
    if kind == "killed in a run":  # the outage begins in the middle of a run, which is no finished one
        down, last = before[-1], before[-2]
        owed = True
    else:
        last = before[-1]
        owed = any(down <= moment <= up for moment in due)
    end = up + timedelta(days=3)
    expected = [up] * owed + [moment for moment in due if up < moment <= end]
    runs: list[datetime] = []
    if kind == "sleep":  # the process lives on: its trigger is asked with the time that it had told before
        at = trigger.get_next_fire_time(last, last + timedelta(seconds=1))
    else:
        at = trigger.first_time(last, up)
    while at is not None and max(at, up) <= end:
        now = max(at, up)  # what was due is run as soon as there is somebody to run it
        runs.append(now)
        at = trigger.get_next_fire_time(at, now)
        if at is not None and at <= now:  # coalesced: APScheduler runs what it missed once, and asks again
            at = trigger.get_next_fire_time(now, now)
    return runs, expected
