"""The ladder of times, and the readings that it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.readers.printed_times import long_date, read_time
from pipeline.readers.times import abbreviations, from_epoch, from_local

DAMASCUS = ZoneInfo("Asia/Damascus")

# printed, order, UTC in Asia/Damascus (None: local only), local, precision, source
READ = [
    (1704193200, None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "epoch"),
    ("1704193200", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "epoch"),
    (1704193200.5, None, "2024-01-02T11:00", "2024-01-02T14:00:00.500000", "second", "epoch"),
    (1704193200000, None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "epoch"),
    ("1704193200000000", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "epoch"),
    ("2024-01-02T13:00:00+02:00", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("2024-01-02T11:00:00.000Z", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("2024-01-02 11:00:00 UTC", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("2024-01-02 13:00:00 UTC+02:00", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("2024-01-02 13:00:00 EET", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("2024-01-02 14:00:00", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "declared"),
    ("2024/01/02 14:00", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "minute", "declared"),
    ("٢٠٢٤-٠١-٠٢ ١٤:٠٠", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "minute", "declared"),
    ("2024-01-02", None, "2024-01-01T21:00", "2024-01-02T00:00:00", "day", "declared"),
    ("20240102", None, "2024-01-01T21:00", "2024-01-02T00:00:00", "day", "declared"),
    ("20240102140000", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "declared"),
    ("Tue Jan 02 11:00:00 +0000 2024", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("Tue, 02 Jan 2024 11:00:00 GMT", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "second", "offset"),
    ("13/1/2024 2:00 PM", None, "2024-01-13T11:00", "2024-01-13T14:00:00", "minute", "declared"),
    ("1/13/24, 2:00 pm", None, "2024-01-13T11:00", "2024-01-13T14:00:00", "minute", "declared"),
    ("١٣/١/٢٠٢٤، ٢:٠٠ م", None, "2024-01-13T11:00", "2024-01-13T14:00:00", "minute", "declared"),
    ("2/1/2024 14:00", "dmy", "2024-01-02T11:00", "2024-01-02T14:00:00", "minute", "declared"),
    ("1/2/2024 14:00", "mdy", "2024-01-02T11:00", "2024-01-02T14:00:00", "minute", "declared"),
    ("January 2nd, 2024, 2:00 pm", None, "2024-01-02T11:00", "2024-01-02T14:00:00", "minute", "declared"),
    (
        "2 كانون الثاني 2024 الساعة 2:00 م",
        None,
        "2024-01-02T11:00",
        "2024-01-02T14:00:00",
        "minute",
        "declared",
    ),
]


@pytest.mark.parametrize("case", READ)
def test_read(case):
    printed, order, utc, local, precision, source = case
    clock = read_time(printed, DAMASCUS, None, order)
    assert clock.posted_at.replace(second=0, microsecond=0) == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert clock.posted_local == datetime.fromisoformat(local)
    assert (clock.time_precision, clock.zone_source) == (precision, source)


@pytest.mark.parametrize(
    "printed",
    ["", "yesterday", "10:00", "2024-13-01", "2024-02-30", "31/2/2024", "3/4/2024", "2024-01-02 25:00",
     "2024-01-02 10:61", "January 32nd, 2024", "at 8:07 pm", "1.2.3.4", "12/2024", "Sat Foo 06 18:20:30 +0000 2025"],
)  # fmt: skip
def test_no_time_is_made_of_other_words(printed):
    with pytest.raises(ValueError, match=r"time|day_order|month"):
        read_time(printed, DAMASCUS)


@pytest.mark.parametrize(
    "line",
    ["it was on January 3rd, 2016, 8:07 pm", "January 3rd", "8:07 pm", "January 3rd, 2016, we left at 8:07 pm",
     "3 Responses", "2016", "المنشور في 3 يناير 2016 الساعة 8:07 م كان", "May 2016", "3 2016"],
)  # fmt: skip
def test_lines_that_are_no_date(line):
    assert long_date(line) is None


@pytest.mark.parametrize(
    ("zone", "local", "note", "between"),
    [
        (
            "Europe/Berlin",
            "2024-10-27T02:30:00",
            "ambiguous",
            ["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"],
        ),
        (
            "Europe/Berlin",
            "2024-03-31T02:30:00",
            "nonexistent",
            ["2024-03-31T00:30:00Z", "2024-03-31T01:30:00Z"],
        ),
        ("Asia/Beirut", "2024-10-26T23:30:00", "ambiguous", ["2024-10-26T20:30:00Z", "2024-10-26T21:30:00Z"]),
        (
            "Asia/Damascus",
            "2021-10-28T23:30:00",
            "ambiguous",
            ["2021-10-28T20:30:00Z", "2021-10-28T21:30:00Z"],
        ),
        (
            "Africa/Cairo",
            "2024-04-26T00:30:00",
            "nonexistent",
            ["2024-04-25T21:30:00Z", "2024-04-25T22:30:00Z"],
        ),
    ],
)
def test_hours_that_come_twice_or_never(zone, local, note, between):
    clock = from_local(datetime.fromisoformat(local), ZoneInfo(zone), "minute")
    assert clock.extra == {"time_fold": note, "posted_between": between}
    assert f"{clock.posted_at:%Y-%m-%dT%H:%M:%SZ}" in between
    assert clock.posted_local == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("zone", "winter", "summer"),
    [
        ("Asia/Damascus", 2, 3), ("Asia/Amman", 2, 3), ("Asia/Beirut", 2, 3), ("Asia/Gaza", 2, 3), ("Europe/Berlin", 1, 2),
        ("Africa/Cairo", 2, 2), ("Asia/Baghdad", 3, 3), ("Europe/Istanbul", 3, 3), ("Asia/Riyadh", 3, 3),
        ("Europe/Kyiv", 2, 3), ("America/New_York", -5, -4), ("Asia/Tehran", 3.5, 4.5),
    ],
)  # fmt: skip
def test_winter_and_summer_of_2021(zone, winter, summer):
    for month, hours in ((1, winter), (7, summer)):
        local = datetime(2021, month, 15, 13)
        clock = from_local(local, ZoneInfo(zone), "minute")
        assert (local - clock.posted_at.replace(tzinfo=None)).total_seconds() == 3600 * hours
        assert from_epoch(clock.posted_at.timestamp(), ZoneInfo(zone)).posted_local == local


def test_without_a_zone_all_of_the_world_is_possible():
    clock = from_local(datetime(2024, 1, 2, 12), None, "minute")
    assert clock.extra["posted_between"] == ["2024-01-01T22:00:00Z", "2024-01-03T02:00:00Z"]
    assert (clock.posted_at, clock.zone_source) == (None, "unknown")


def test_every_abbreviation_has_an_offset_of_this_world():
    for offsets in abbreviations().values():
        assert offsets
        assert all(abs(offset.total_seconds()) <= 14 * 3600 for offset in offsets)
