"""When sources are due: cases, every local day once, and the trigger as APScheduler drives it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from cronsim import CronSimError
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.schedule_sweep import clock, differences, expected
from pipeline.jobs.schedule import LocalCronTrigger, last_time, next_times

ZONES = (
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Amman",
    "Asia/Damascus",
    "Asia/Baghdad",
    "Asia/Tehran",
    "Europe/Istanbul",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Havana",
    "America/Scoresbysund",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
)
TIMES = ("0 0", "30 0", "0 1", "30 1", "0 2", "30 2", "0 3", "30 23")


def cases() -> Iterator[dict[str, str]]:
    lines = (Path(__file__).parent / "cases" / "schedule.tsv").read_text(encoding="utf-8").splitlines()
    yield from csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t")


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case["label"])
def test_next_times(case):
    wanted = case["expect"].split()
    zone = ZoneInfo(case["zone"] or "UTC")
    found = next_times(case["cron"], case["zone"] or None, datetime.fromisoformat(case["after"]), len(wanted))
    assert [time.astimezone(zone).isoformat(timespec="minutes") for time in found] == wanted


@pytest.mark.parametrize("zone", ZONES)
def test_every_local_day_once(zone):
    assert differences(zone, clock(zone, 2020, 2035), TIMES, 2020, 2035) == []


@pytest.mark.parametrize("zone", ["Asia/Beirut", "Australia/Lord_Howe"])
def test_every_local_day_once_as_apscheduler_drives_the_trigger(zone):
    due = expected(clock(zone, 2025, 2027), 30, 0, date(2026, 1, 1), 365)
    trigger = LocalCronTrigger("30 0 * * *", zone)
    fired = [trigger.get_next_fire_time(None, due[0] - timedelta(minutes=1))]
    while len(fired) < 365:
        fired.append(trigger.get_next_fire_time(fired[-1], fired[-1] + timedelta(milliseconds=3)))
    assert fired == due


def test_the_oracle_sees_what_apscheduler_itself_loses():
    """The reason for a trigger of ours.  When this fails, APScheduler has healed: think again."""
    due = expected(clock("Asia/Beirut", 2026, 2026), 0, 0, date(2026, 3, 27), 4)
    trigger = CronTrigger.from_crontab("0 0 * * *", timezone=ZoneInfo("Asia/Beirut"))
    fired, last = [], None
    for _ in due:
        last = trigger.get_next_fire_time(last, last or due[0] - timedelta(minutes=1))
        fired.append(last.astimezone(UTC))
    assert fired != due


def test_missed_times_are_told_as_one():
    trigger = LocalCronTrigger("*/5 * * * *", "Asia/Damascus")
    month_ago = datetime(2026, 4, 1, tzinfo=UTC)
    now = datetime(2026, 5, 1, 10, 2, tzinfo=UTC)
    latest = trigger.get_next_fire_time(month_ago, now)
    assert latest == datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
    assert trigger.get_next_fire_time(latest, now) == datetime(2026, 5, 1, 10, 5, tzinfo=UTC)


def test_clock_put_back_repeats_nothing():
    trigger = LocalCronTrigger("0 6 * * *", "Asia/Damascus")
    fired = datetime(2026, 5, 2, 3, tzinfo=UTC)
    assert trigger.get_next_fire_time(fired, fired - timedelta(hours=5)) == fired + timedelta(days=1)


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "60 0 * * *", "0 24 * * *", "0 0 30 2 *", "0 0 * * FUNDAY", "@daily"]
)
def test_a_line_that_is_none(cron):
    with pytest.raises(CronSimError):
        next_times(cron, "Asia/Damascus", datetime(2026, 1, 1, tzinfo=UTC))


CRONS = st.builds(
    "{} {} * * {}".format,
    st.sampled_from(["0", "15", "30", "*/20", "5,50"]),
    st.sampled_from(["*", "*/6", "0", "1,2", "2-3", "23", "0-23"]),
    st.sampled_from(["*", "SUN", "MON-FRI"]),
)
MOMENTS = st.integers(0, 16 * 366 * 1440).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@settings(max_examples=150, deadline=None)
@given(CRONS, st.sampled_from(ZONES), MOMENTS)
def test_laws_of_any_line(cron, zone, moment):
    times = next_times(cron, zone, moment, 6)
    assert times == sorted(set(times))
    assert times[0] > moment
    assert next_times(cron, zone, times[2], 3) == times[3:]  # asking later changes nothing
    assert last_time(cron, zone, times[1]) == times[1]
    assert last_time(cron, zone, times[1] - timedelta(seconds=1)) == times[0]
