"""The ladder of times: epoch, then an offset in the file, then a declared zone, then an interval.

Nothing is guessed.  Where no zone is known, `posted_local` is kept as printed, `posted_at` stays None and
`extra["posted_between"]` holds the two UTC times between which it must lie.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from pipeline.data import rows
from pipeline.errors import ExportError
from pipeline.records import TimePrecision, ZoneSource


class Clock(Struct, frozen=True):
    """When something was posted, and how that is known.  The names are those of `Post`."""

    posted_at: datetime | None  # aware UTC
    posted_local: datetime | None  # naive
    zone_source: ZoneSource
    time_precision: TimePrecision
    extra: dict[str, Any] = field(default_factory=dict)  # posted_between, time_fold, time_suspect


class Printed(Struct, frozen=True):
    """A clock reading as a file prints it, and what it says about its zone."""

    local: datetime  # naive
    offset: timedelta | None = None
    abbreviation: str | None = None
    precision: TimePrecision = "second"


FIRST = datetime(1970, 1, 2, 23, 59, 59)  # noqa: DTZ001  naive on purpose; exporters write "never" as 1970-01-01
LAST = datetime(2100, 12, 31, 23, 59, 59)  # noqa: DTZ001
_FIRST_SECOND = int(FIRST.replace(tzinfo=UTC).timestamp())
_LAST_SECOND = int(LAST.replace(tzinfo=UTC).timestamp())


@cache
def zone_named(name: str | None) -> ZoneInfo | None:
    """The zone of an IANA name, None for None.  Raises `ExportError` that names the zone."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ExportError(f"zone {name!r} is unknown; use an IANA name such as Asia/Damascus") from None


def from_epoch(seconds: float, zone: ZoneInfo | None, local: datetime | None = None) -> Clock:
    """From seconds since 1970.  `local` is the file's own clock reading, used where no zone is declared.

    >>> from_epoch(1704193200, ZoneInfo("Asia/Damascus")).posted_local
    datetime.datetime(2024, 1, 2, 14, 0)
    """
    if not _FIRST_SECOND < seconds <= _LAST_SECOND:
        return suspect(seconds)
    posted_at = datetime.fromtimestamp(seconds, UTC)
    if zone is not None:
        aware = datetime.fromtimestamp(seconds, zone)
        local = datetime.combine(aware, aware.time())  # as replace(tzinfo=None), in a third of its time
    elif local is None:
        local = posted_at.replace(tzinfo=None)
    return Clock(posted_at, local, "epoch", "second")


def from_number(number: float, zone: ZoneInfo | None, unit: str | None = None) -> Clock:
    """From an epoch in seconds, milliseconds, microseconds or nanoseconds, told apart by its size.

    `unit` is epoch, epoch_ms or epoch_us where the configuration says so.
    """
    if not abs(number) < 1e20:  # NaN and the infinite too
        return suspect(str(number))
    if unit is None:
        size = abs(number)
        scale = 1 if size < 1e11 else 1_000 if size < 1e14 else 1_000_000 if size < 1e17 else 1_000_000_000
    else:
        scale = {"epoch": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}[unit]
    return from_epoch(number / scale if scale > 1 else number, zone)


def from_printed(printed: Printed, zone: ZoneInfo | None) -> Clock:
    """From a clock reading, by the best that is known about its zone.

    An abbreviation that means several zones is believed where the declared zone uses it at that time.
    """
    local, precision = printed.local, printed.precision
    if not FIRST < local <= LAST:
        return suspect(local.isoformat())
    if printed.offset is not None:
        return _from_offset(local, printed.offset, zone, precision)
    if printed.abbreviation is not None:
        offsets = abbreviations().get(printed.abbreviation.upper(), ())
        if len(offsets) == 1:
            return _from_offset(local, offsets[0], zone, precision)
        if zone is not None and printed.abbreviation.upper() in _names_at(local, zone):
            return from_local(local, zone, precision)
        extra: dict[str, Any] = {"zone_printed": printed.abbreviation}
        between = [local - offset for offset in offsets] or [local - WIDEST, local + WIDEST]
        return Clock(None, local, "unknown", precision, extra | {"posted_between": _iso(between)})
    return from_local(local, zone, precision)


WIDEST = timedelta(hours=14)


def from_local(local: datetime, zone: ZoneInfo | None, precision: TimePrecision) -> Clock:
    """From a naive reading in the declared zone.

    An hour that the clocks show twice is read as the first of the two and noted as `time_fold`, with both
    in `posted_between`; so is an hour that they skip.
    """
    if not FIRST < local <= LAST:
        return suspect(local.isoformat())
    if zone is None:
        between = _iso([local - WIDEST, local + WIDEST])
        return Clock(None, local, "unknown", precision, {"posted_between": between})
    aware = local.replace(tzinfo=zone)
    before, after = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    posted_at = (local - before).replace(tzinfo=UTC)
    if before == after:
        return Clock(posted_at, local, "declared", precision)
    note = "ambiguous" if before > after else "nonexistent"
    extra = {"time_fold": note, "posted_between": _iso([local - before, local - after])}
    return Clock(posted_at, local, "declared", precision, extra)


def suspect(value: object) -> Clock:
    """A time that cannot be one of a post: before 1970-01-03, after 2100, or the year 0000."""
    kept = value if isinstance(value, (int, float, str)) else str(value)
    return Clock(None, None, "unknown", "unknown", {"time_suspect": kept})


@cache
def abbreviations() -> dict[str, tuple[timedelta, ...]]:
    """Zone abbreviation -> the offsets that it is used for."""
    return {
        row["abbreviation"]: tuple(offset_of(offset) for offset in row["offsets"].split())
        for row in rows("zone_abbreviations")
    }


def offset_of(text: str) -> timedelta:
    """A printed offset.

    >>> offset_of("-0330")
    datetime.timedelta(days=-1, seconds=73800)
    """
    if text in {"Z", "z"}:
        return timedelta(0)
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    away = timedelta(hours=hours, minutes=minutes)
    return -away if text[0] in "-\N{MINUS SIGN}" else away


def _from_offset(
    local: datetime, offset: timedelta, zone: ZoneInfo | None, precision: TimePrecision
) -> Clock:
    posted_at = (local - offset).replace(tzinfo=UTC)
    if zone is not None:
        local = posted_at.astimezone(zone).replace(tzinfo=None)
    return Clock(posted_at, local, "offset", precision)


def _names_at(local: datetime, zone: ZoneInfo) -> set[str | None]:
    aware = local.replace(tzinfo=zone)
    return {aware.tzname(), aware.replace(fold=1).tzname()}


def _iso(times: list[datetime]) -> list[str]:
    return [f"{min(times).isoformat()}Z", f"{max(times).isoformat()}Z"]
