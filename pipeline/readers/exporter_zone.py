"""The zone of the computer that exported, out of pairs of its clock and UTC: a sister export has both.

Telegram's JSON since 2022 holds for each message what the clock of the exporting computer showed and the
seconds since 1970.  Every zone of the IANA list that fits all of them is kept; a time is read where all
that are left agree on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pipeline.readers.interface import Export
from pipeline.readers.opening import CHUNK, open_bytes

Pair = tuple[datetime, int]  # naive clock reading, seconds since 1970

_PAIR = re.compile(rb'"date"\s*:\s*"([0-9T:-]{19})"\s*,\s*"date_unixtime"\s*:\s*"(\d{1,11})"')
_APART = 6 * 3600  # seconds; one pair of each such stretch tells all that the others could
_TAKEN = 20_000


class ExporterZone:
    """The zones that fit some pairs of clock and UTC."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = list(pairs)
        self._zones = [zone for zone in _zones() if all(_fits(pair, zone) for pair in self._pairs)]
        self._known: dict[datetime, datetime | None] = {}

    @property
    def known(self) -> bool:
        """Whether there was a pair, and a zone that fits all of them."""
        return bool(self._pairs) and bool(self._zones)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the zones that fit all pairs, in the order of the alphabet."""
        return tuple(zone.key for zone in self._zones)

    def allows(self, zone: ZoneInfo) -> bool:
        """Whether a zone fits all pairs."""
        return all(_fits(pair, zone) for pair in self._pairs)

    def at(self, local: datetime) -> datetime | None:
        """The aware UTC time of a clock reading; None where the zones that are left disagree, or the hour
        comes twice or never."""
        quarter = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0)
        if quarter not in self._known:
            self._known[quarter] = self._agreed(quarter)
        agreed = self._known[quarter]
        return None if agreed is None else agreed + (local - quarter)

    def _agreed(self, local: datetime) -> datetime | None:
        offsets: set[timedelta | None] = set()
        for zone in self._zones:
            aware = local.replace(tzinfo=zone)
            offsets |= {aware.utcoffset(), aware.replace(fold=1).utcoffset()}
            if len(offsets) > 1:
                return None
        (offset,) = offsets or {None}
        return None if offset is None else (local - offset).replace(tzinfo=UTC)


def pairs_in(export: Export) -> list[Pair]:
    """Pairs of clock and UTC from a Telegram JSON export, few but of all its times."""
    found: dict[int, Pair] = {}
    rest = b""
    with open_bytes(export) as file:
        while piece := file.read(CHUNK):
            buffer = rest + piece
            for local, unix in _PAIR.findall(buffer):
                seconds = int(unix)
                stretch = seconds // _APART
                if stretch not in found and len(found) < _TAKEN:
                    try:
                        found[stretch] = datetime.fromisoformat(local.decode()), seconds
                    except ValueError:
                        continue
            rest = buffer[-128:]
    return [found[stretch] for stretch in sorted(found)]


@cache
def _zones() -> tuple[ZoneInfo, ...]:
    """Every zone that people live in; without the fixed ones, where no clock is ever changed."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return tuple(ZoneInfo(name) for name in names if not name.startswith(("posix/", "right/", "SystemV/")))


def _fits(pair: Pair, zone: ZoneInfo) -> bool:
    local, seconds = pair
    return datetime.fromtimestamp(seconds, zone).replace(tzinfo=None) == local
