"""The rows that were refused: listed, shown one by one, each with a short name of its own."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from msgspec import Struct

from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.records import Reason
from pipeline.storage.dataset import Dataset
from pipeline.storage.trace import tables


class Refused(Struct, frozen=True, kw_only=True):
    """One row of the quarantine."""

    row: str  # its short name: the same as long as the export, the place and the reason are
    source: str
    file: str
    file_sha256: str
    locator: str
    reader: str
    reason: str
    detail: str
    raw: str  # the row as exported, its first 4,096 characters
    run_id: str


def refused_rows(
    config: Config, source: str | None = None, reason: str | None = None
) -> tuple[int | None, list[Refused]]:
    """The version that is current, and its refused rows: of one source or all, of one reason or all.

    Raises `ConfigError` for an unknown source or reason.
    """
    check_reason(reason)
    if source is not None:
        config.select([source])
    current = Dataset(config.dataset).current()
    if current is None:
        return None, []
    found: list[Refused] = []
    turns: Counter[str] = Counter()
    for name in current.manifest.sources:
        if source not in {None, name}:
            continue
        for path in current.files("rejected", name):
            for rows in tables(path, None):
                found += [_refused(name, row, turns) for row in rows.to_pylist()]
    return current.number, [one for one in found if reason in {None, one.reason}]


def refused_row(config: Config, row: str) -> Refused:
    """One refused row by its short name, or by the beginning of it.

    Raises `ConfigError` where there is none, or several begin so.
    """
    _, rows = refused_rows(config)
    found = [one for one in rows if one.row.startswith(row)]
    exact = [one for one in found if one.row == row]
    if len(exact or found) != 1:
        what = "no rejected row is" if not found else f"{len(found)} rejected rows begin with"
        raise ConfigError(f"{what} {row!r}; marsad rejected list prints their names in its first column")
    return (exact or found)[0]


def check_reason(reason: str | None) -> None:
    """Raise `ConfigError` for a reason that there is not."""
    if reason is not None and reason not in set(Reason):
        raise ConfigError(f"{reason!r} is not a reason; allowed: {', '.join(Reason)}")


def _refused(source: str, row: dict[str, Any], turns: Counter[str]) -> Refused:
    told = "\0".join((source, row["file_sha256"], row["locator"], row["reason"]))
    name = hashlib.sha256(told.encode()).hexdigest()[:8]
    turns[name] += 1
    if turns[name] > 1:
        name = f"{name}-{turns[name]}"
    return Refused(**{**row, "row": name, "source": source})
