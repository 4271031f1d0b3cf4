"""Does every local day fire exactly once?  An oracle that knows no cron, and a sweep over all zones.

The promise: a line such as "30 2 * * *" fires, for every local day, at the first moment at which the clock of
the zone shows 02:30 of that day or jumps past it.  The oracle says that in so many words: it walks the zone's
offset hour by hour, and looks where the latest clock reading so far first reaches the one that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.jobs.schedule import next_times

HALF_HOURS = tuple(f"{minute} {hour}" for hour in range(24) for minute in (0, 30))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Struct, frozen=True):
    """The clock of one zone over some years: pieces of constant offset, all in whole minutes since 1970."""

    starts: NDArray[np.int64]  # UTC at which a piece begins
    offsets: NDArray[np.int64]  # added to UTC, it gives the clock reading
    reached: NDArray[np.int64]  # the latest clock reading shown by the end of the piece or before

    def first_moment(self, reading: int) -> int:
        """UTC at which the clock first shows `reading` or jumps past it."""
        piece = int(np.searchsorted(self.reached, reading, side="left"))
        return max(int(self.starts[piece]), reading - int(self.offsets[piece]))

    def changes(self) -> list[int]:
        """UTC of every change of the offset."""
        return [int(start) for start in self.starts[1:]]


class Finding(Struct, frozen=True):
    """A line that fired otherwise than the oracle says."""

    zone: str
    cron: str
    missing: list[str]
    extra: list[str]


def clock(zone: str, first_year: int, last_year: int) -> Clock:
    """Walk the clock of a zone, with a month to spare on both sides."""
    place = ZoneInfo(zone)
    begin = _minutes(datetime(first_year, 1, 1, tzinfo=UTC)) - 31 * 1440
    end = _minutes(datetime(last_year + 1, 1, 1, tzinfo=UTC)) + 31 * 1440
    starts, offsets = [begin], [_offset(place, begin)]
    for hour in range(begin + 60, end, 60):
        offset = _offset(place, hour)
        if offset != offsets[-1]:
            before = offsets[-1]
            starts.append(
                next(minute for minute in range(hour - 59, hour + 1) if _offset(place, minute) != before)
            )
            offsets.append(offset)
    ends = np.array([*starts[1:], end], dtype=np.int64)
    shown = ends + np.array(offsets, dtype=np.int64) - 1
    return Clock(
        np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64), np.maximum.accumulate(shown)
    )


def expected(seen: Clock, minute: int, hour: int, first_day: date, days: int) -> list[datetime]:
    """When a daily line fires for each of `days` local days from `first_day` on; one time a day."""
    first = (first_day - _EPOCH.date()).days * 1440 + hour * 60 + minute
    moments = (seen.first_moment(first + 1440 * day) for day in range(days))
    return [_EPOCH + timedelta(minutes=moment) for moment in moments]


def stretches(seen: Clock, first_year: int, last_year: int) -> Iterator[tuple[date, int]]:
    """(first local day, number of days) around every change of the clock within the years."""
    for change in seen.changes():
        day = (_EPOCH + timedelta(minutes=change)).date()
        if first_year <= day.year <= last_year:
            yield day - timedelta(days=2), 5


def differences(
    zone: str, seen: Clock, times: tuple[str, ...], first_year: int, last_year: int
) -> list[Finding]:
    """Where `next_times` and the oracle differ around the changes of a zone's clock."""
    found = []
    for first_day, days in stretches(seen, first_year, last_year):
        for time in times:
            found += _compare(zone, seen, time, first_day, days)
    return found


def sweep(first_year: int = 2020, last_year: int = 2035) -> tuple[int, list[Finding]]:
    """All zones and half-hours around every change, and one walk over all the years.

    Returns the number of zones whose clocks differ from each other, and what was found wrong.
    """
    clocks: dict[bytes, tuple[str, Clock]] = {}
    for zone in sorted(available_timezones()):
        seen = clock(zone, first_year, last_year)
        clocks.setdefault(seen.starts.tobytes() + seen.offsets.tobytes(), (zone, seen))
    found = []
    first_day = date(first_year, 1, 1)
    days = (date(last_year + 1, 1, 1) - first_day).days
    for zone, seen in clocks.values():
        found += differences(zone, seen, HALF_HOURS, first_year, last_year)
        found += _compare(zone, seen, "30 0", first_day, days)
    return len(clocks), found


def _compare(zone: str, seen: Clock, time: str, first_day: date, days: int) -> list[Finding]:
    minute, hour = map(int, time.split())
    due = expected(seen, minute, hour, first_day, days)
    fired = next_times(f"{time} * * *", zone, due[0] - timedelta(minutes=1), days)
    if fired == due:
        return []
    missing, extra = sorted(set(due) - set(fired)), sorted(set(fired) - set(due))
    return [
        Finding(zone, f"{time} * * *", [str(moment) for moment in missing], [str(moment) for moment in extra])
    ]


def _minutes(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds()) // 60


def _offset(zone: ZoneInfo, minute: int) -> int:
    moment = (_EPOCH + timedelta(minutes=minute)).astimezone(zone)
    offset = moment.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // 60
