"""What the values of keys must be: each check gives the value back, or says what is allowed instead."""

from __future__ import annotations

import codecs
import re
import shlex
from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from pipeline.data import names as data_tables
from pipeline.data import rows
from pipeline.errors import ConfigError
from pipeline.readers import COLUMNS, READERS


def shown(value: Any) -> str:
    """A value for a message, not too long."""
    if value is None:
        return "an empty value"
    told = repr(value)
    return told if len(told) <= 80 else told[:77] + "..."


def _known(value: str, allowed: Iterable[str], what: str, list_all: bool = True) -> str:
    """`value` where it is among the allowed; else a mistake that names the nearest."""
    choices = list(allowed)
    if value in choices:
        return value
    listed = f"; allowed: {', '.join(choices)}" if list_all else ""
    raise mistake(f"{value!r} is not {what}{nearest(value, choices)}{listed}")


def nearest(value: str, allowed: Sequence[str]) -> str:
    lower = {word.lower(): word for word in reversed(allowed)}
    close = get_close_matches(value.lower(), lower, n=1, cutoff=0.55)
    return f"; did you mean {lower[close[0]]!r}?" if close else ""


def mistake(message: str) -> PydanticCustomError:
    return PydanticCustomError("marsad", "{message}", {"message": message})


def check_source_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value):  # readers of parquet skip files named _x or .x
        allowed = "allowed: letters A-Z and a-z, digits, _ and -, beginning with a letter or digit"
        raise mistake(f"{value!r} is not a source name; {allowed}")
    return value


def check_reader(value: str) -> str:
    return _known(value, ["auto", *sorted(READERS)], "a reader")


def check_zone(value: str) -> str:
    with suppress(OSError, ValueError, KeyError):
        return ZoneInfo(value).key
    zones = sorted(available_timezones())
    cities = {zone.rpartition("/")[2].lower(): zone for zone in reversed(zones)}
    close = get_close_matches(value.rpartition("/")[2].lower(), cities, n=1, cutoff=0.75)
    hint = f"; did you mean {cities[close[0]]!r}?" if close else nearest(value, zones)
    raise mistake(f"{value!r} is not a time zone{hint}; allowed: IANA names such as Asia/Damascus or UTC")


def check_cron(value: str) -> str:
    allowed = 'allowed: five fields "minute hour day month weekday", such as "15 */6 * * *"'
    if len(value.split()) != 5:
        raise mistake(f"{value!r} is not a cron line: {len(value.split())} fields; {allowed}")
    try:
        CronSim(value, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as refused:
        detail = str(refused)
        raise mistake(f"{value!r} is not a cron line: {detail[:1].lower()}{detail[1:]}; {allowed}") from None
    return value


def check_country(value: str) -> str:
    if value in _countries():
        return value
    by_name = {name.lower(): code for code, name in _countries().items()}
    code = by_name.get(value.lower()) or (value.upper() if value.upper() in _countries() else None)
    hint = f"; did you mean {code!r}?" if code else ""
    raise mistake(
        f"{value!r} is not a country{hint}; allowed: ISO 3166-1 alpha-2 codes in capitals, such as SY"
    )


def check_home(value: str) -> str:
    """A country, or a country and one of its governorates by the English name of our tables: SY/Idlib."""
    code, slash, unit = value.partition("/")
    check_country(code)
    if slash and unit not in (units := _governorates(code)):
        near = get_close_matches(unit, units, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(units) or 'none'}"
        raise mistake(f"{value!r}: {unit!r} is no governorate of {code}{hint}")
    return value


@cache
def _governorates(code: str) -> tuple[str, ...]:
    tables = [name for name in data_tables() if name == "places" or name.startswith("places_")]
    found = (row for table in tables for row in rows(table))
    return tuple(
        sorted({row["name_en"] for row in found if row["kind"] == "governorate" and row["country"] == code})
    )


def country(code: str) -> str:
    """The ISO 3166-1 alpha-2 code itself; `ConfigError` where it is none."""
    return _asked(check_country, code)


def home_name(name: str) -> str:
    """A country, or a country and its governorate (SY/Idlib), itself; `ConfigError` where there is none."""
    return _asked(check_home, name)


def reader_name(name: str) -> str:
    """The name of a reader, or auto, itself; `ConfigError` where there is none."""
    return _asked(check_reader, name)


def source_name(name: str) -> str:
    """A name that a source may have, itself; `ConfigError` where it may not."""
    return _asked(check_source_name, name)


def zone_name(name: str) -> str:
    """The IANA zone itself; `ConfigError` where there is none of that name."""
    return _asked(check_zone, name)


def _asked(check: Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except PydanticCustomError as refused:
        raise ConfigError(refused.message().replace("?;", "?")) from None


@cache
def _countries() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code to English name: the table that the IANA time zone database carries."""
    text = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: name for code, name, *_ in lines}


def check_encoding(value: str) -> str:
    try:
        codecs.lookup(value)
    except LookupError:
        allowed = "allowed: an encoding of Python, such as utf-8, utf-16, windows-1256"
        raise mistake(f"{value!r} is not an encoding; {allowed}") from None
    return value


def check_delimiter(value: str) -> str:
    named = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
    if value in named:
        return named[value]
    if len(value) != 1:
        allowed = f"allowed: one sign, or {', '.join(named)}"
        raise mistake(f"{value!r} is not a delimiter; {allowed}")
    return value


def check_columns(value: Any) -> Any:
    if isinstance(value, dict):
        wrong = [key for key in value if key not in COLUMNS]
        if wrong:
            told = ", ".join(f"{key!r} is not a column of ours{nearest(str(key), COLUMNS)}" for key in wrong)
            raise mistake(f"{told}; allowed: {', '.join(COLUMNS)}")
    return value


def check_time_format(value: str) -> str:
    if value not in ("epoch", "epoch_ms", "epoch_us") and not _reads_back(value):
        allowed = "allowed: epoch, epoch_ms, epoch_us, or strptime signs such as %Y-%m-%d %H:%M:%S"
        raise mistake(f"{value!r} is not a time format; {allowed}")
    return value


def _reads_back(pattern: str) -> bool:
    """Whether strptime knows the signs of a pattern."""
    try:
        datetime.strptime(datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).strftime(pattern), pattern)  # noqa: DTZ007  only tried
    except ValueError:
        return False
    return "%" in pattern


def fold(name: str) -> str:
    from pipeline.text import normalize  # noqa: PLC0415  heavy, and few configurations name feasts

    return normalize(name).text


_FEAST_DAY: Final = re.compile(r"(?:hijri |--|(\d{4})-)(\d\d)-(\d\d)")


def check_feast_name(value: str) -> str:
    if not any(map(str.isalpha, fold(value))):
        raise mistake(f"{value!r} has no letters; allowed: the words by which posts name a day")
    return value


def check_feast_day(value: str) -> str:
    """A day, a day of each year, or a Hijri day of each year."""
    told = _FEAST_DAY.fullmatch(value)
    if told is None:
        allowed = "allowed: 2011-04-29, --04-17 for each year, or hijri 10-01 (month, day)"
        raise mistake(f"{value!r} is not a day; {allowed}")
    year, month, number = int(told[1] or 2000), int(told[2]), int(told[3])  # 2000 has a 29 February
    longest = 30 if value.startswith("hijri") else monthrange(year, month)[1] if 1 <= month <= 12 else 0
    if not (1 <= month <= 12 and 1 <= number <= longest and year >= 1000):
        raise mistake(f"{value!r}: there is no such day")
    return value


def check_feasts(value: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for name in value:
        folded = " ".join(fold(name).split())
        if folded in seen:
            raise mistake(f"{name!r} and {seen[folded]!r} are the same words to us; allowed: each name once")
        seen[folded] = name
    return value


def as_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def as_words(value: Any) -> Any:
    """A command as a list of its words; a string is parted as a shell would, without being a shell."""
    return tuple(shlex.split(value)) if isinstance(value, str) else value


def check_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise mistake(f"{value!r} is not a web address; allowed: http:// or https:// and a host")
    return value


def is_url(pattern: str) -> bool:
    """Whether a pattern of files is of a store, such as s3://bucket/exports/*.json.

    >>> is_url("s3://bucket/a.json"), is_url("exports/*.json")
    (True, False)
    """
    return re.match(r"[a-z][a-z0-9+.-]+://", pattern) is not None


def check_files(value: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in filter(is_url, value):
        if "@" in pattern.partition("://")[2].partition("/")[0]:
            shown = pattern.partition("://")[0] + "://...@..."
            raise mistake(
                f"{shown} holds credentials; allowed: a URL without any, they come from the environment"
            )
    return value


def check_address(value: str) -> str:
    if not re.fullmatch(r"(tcp|tls|ws|wss)://[^\s/@]+:\d{1,5}", value):
        raise mistake(
            f"{value!r} is not the address of a Dask scheduler; allowed: tcp:// or tls://, host and port, "
            "such as tcp://10.0.0.5:8786"
        )
    return value


def in_folder(value: Any, info: ValidationInfo) -> Path:
    """An absolute path; a relative one counts from the configuration's folder."""
    if not isinstance(value, str | Path) or value == "":
        raise mistake(f"{shown(value)} is not a path")
    folder: Path = (info.context or {})["folder"]
    return (folder / Path(value).expanduser()).resolve()


def check_workers(value: Any) -> Any:
    if value == "auto" or (type(value) is int and 1 <= value <= 256):
        return value
    raise mistake(f"{value!r} is not a number of workers; allowed: auto, or 1 to 256")


def check_seconds(value: Any) -> Any:
    if type(value) in (int, float) and 1 <= value <= 86_400:
        return value
    raise mistake(f"{value!r} is not a time for a batch; allowed: 1 to 86400, in seconds")


def check_megabytes(value: Any) -> Any:
    if type(value) is int and 100 <= value <= 1_000_000:
        return value
    raise mistake(f"{value!r} is not a size of memory; allowed: 100 to 1000000, in megabytes")


def as_days(value: Any) -> Any:
    """A number of days, from 365d or 365."""
    written = re.fullmatch(r"([1-9][0-9]{0,4})d?", str(value)) if type(value) in (int, str) else None
    if written is None:
        raise mistake(f"{value!r} is not a time to keep rows; allowed: days, such as 365d")
    return int(written[1])


def as_masks(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(value)))


def check_layer(value: Any, info: ValidationInfo) -> str:
    """The absolute path of a table of places, or the name of an added layer."""
    if isinstance(value, str) and re.fullmatch(r"\w[\w-]*", value):
        return value
    return str(in_folder(value, info))
