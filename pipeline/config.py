"""config.yaml to a frozen `Config`; the only place that reads YAML and the environment.

Every mistake of a file is told at once, each with its line, its key, the value, what is allowed and the
nearest allowed word.  The YAML is the plain part of YAML: no aliases, no tags, no key twice, and nothing
that reads as one thing and means another (`no` is a word, `12:30` is a word, `010` is a word; numbers are
decimal and only `true` and `false` are booleans).

Environment, all optional: `MARSAD_DATASET` (folder of the dataset instead of `dataset:`), `MARSAD_CACHE`
(folder of the compiled gazetteer), `MARSAD_GAZETTEER` (folder of the added gazetteer layers),
`MARSAD_KEY_FILE` (key of the pseudonyms), `MARSAD_MAIL_PASSWORD`.
"""

from __future__ import annotations

import codecs
import os
import re
import shlex
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from cronsim import CronSim, CronSimError
from msgspec import Struct
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from pipeline.annotate import REGION_OF_INTEREST
from pipeline.data import names as data_tables
from pipeline.data import rows
from pipeline.errors import ConfigError
from pipeline.places.layers import layer_name, layers_in
from pipeline.readers import COLUMNS, READERS, Limits
from pipeline.records import DateHabits, Group
from pipeline.text import normalize

SIZE_LIMIT: Final = 1_000_000  # bytes; a configuration is written by hand
DEPTH_LIMIT: Final = 20

Key = tuple[str | int, ...]  # ("sources", 0, "zone")


class Problem(Struct, frozen=True, order=True):
    """One mistake in a configuration."""

    line: int
    key: str  # "sources[0].zone"
    message: str


# What the keys may hold


def _known(value: str, allowed: Iterable[str], what: str, list_all: bool = True) -> str:
    """`value` where it is among the allowed; else a mistake that names the nearest."""
    choices = list(allowed)
    if value in choices:
        return value
    listed = f"; allowed: {', '.join(choices)}" if list_all else ""
    raise _mistake(f"{value!r} is not {what}{_nearest(value, choices)}{listed}")


def _nearest(value: str, allowed: Sequence[str]) -> str:
    lower = {word.lower(): word for word in reversed(allowed)}
    close = get_close_matches(value.lower(), lower, n=1, cutoff=0.55)
    return f"; did you mean {lower[close[0]]!r}?" if close else ""


def _mistake(message: str) -> PydanticCustomError:
    return PydanticCustomError("marsad", "{message}", {"message": message})


def _source_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value):  # readers of parquet skip files named _x or .x
        allowed = "allowed: letters A-Z and a-z, digits, _ and -, beginning with a letter or digit"
        raise _mistake(f"{value!r} is not a source name; {allowed}")
    return value


def _reader(value: str) -> str:
    return _known(value, ["auto", *sorted(READERS)], "a reader")


def _zone(value: str) -> str:
    with suppress(OSError, ValueError, KeyError):
        return ZoneInfo(value).key
    zones = sorted(available_timezones())
    cities = {zone.rpartition("/")[2].lower(): zone for zone in reversed(zones)}
    close = get_close_matches(value.rpartition("/")[2].lower(), cities, n=1, cutoff=0.75)
    hint = f"; did you mean {cities[close[0]]!r}?" if close else _nearest(value, zones)
    raise _mistake(f"{value!r} is not a time zone{hint}; allowed: IANA names such as Asia/Damascus or UTC")


def _cron(value: str) -> str:
    allowed = 'allowed: five fields "minute hour day month weekday", such as "15 */6 * * *"'
    if len(value.split()) != 5:
        raise _mistake(f"{value!r} is not a cron line: {len(value.split())} fields; {allowed}")
    try:
        CronSim(value, datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as refused:
        detail = str(refused)
        raise _mistake(f"{value!r} is not a cron line: {detail[:1].lower()}{detail[1:]}; {allowed}") from None
    return value


def _country(value: str) -> str:
    if value in _countries():
        return value
    by_name = {name.lower(): code for code, name in _countries().items()}
    code = by_name.get(value.lower()) or (value.upper() if value.upper() in _countries() else None)
    hint = f"; did you mean {code!r}?" if code else ""
    raise _mistake(
        f"{value!r} is not a country{hint}; allowed: ISO 3166-1 alpha-2 codes in capitals, such as SY"
    )


def _home(value: str) -> str:
    """A country, or a country and one of its governorates by the English name of our tables: SY/Idlib."""
    code, slash, unit = value.partition("/")
    _country(code)
    if slash and unit not in (units := _governorates(code)):
        near = get_close_matches(unit, units, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(units) or 'none'}"
        raise _mistake(f"{value!r}: {unit!r} is no governorate of {code}{hint}")
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
    try:
        return _country(code)
    except PydanticCustomError as refused:
        raise ConfigError(refused.message()) from None


def zone_name(name: str) -> str:
    """The IANA zone itself; `ConfigError` where there is none of that name."""
    try:
        return _zone(name)
    except PydanticCustomError as refused:
        raise ConfigError(refused.message()) from None


@cache
def _countries() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code to English name: the table that the IANA time zone database carries."""
    text = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: name for code, name, *_ in lines}


def _encoding(value: str) -> str:
    try:
        codecs.lookup(value)
    except LookupError:
        allowed = "allowed: an encoding of Python, such as utf-8, utf-16, windows-1256"
        raise _mistake(f"{value!r} is not an encoding; {allowed}") from None
    return value


def _delimiter(value: str) -> str:
    named = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
    if value in named:
        return named[value]
    if len(value) != 1:
        allowed = f"allowed: one sign, or {', '.join(named)}"
        raise _mistake(f"{value!r} is not a delimiter; {allowed}")
    return value


def _columns(value: Any) -> Any:
    if isinstance(value, dict):
        wrong = [key for key in value if key not in COLUMNS]
        if wrong:
            told = ", ".join(f"{key!r} is not a column of ours{_nearest(str(key), COLUMNS)}" for key in wrong)
            raise _mistake(f"{told}; allowed: {', '.join(COLUMNS)}")
    return value


def _time_format(value: str) -> str:
    if value not in ("epoch", "epoch_ms", "epoch_us") and not _reads_back(value):
        allowed = "allowed: epoch, epoch_ms, epoch_us, or strptime signs such as %Y-%m-%d %H:%M:%S"
        raise _mistake(f"{value!r} is not a time format; {allowed}")
    return value


def _reads_back(pattern: str) -> bool:
    """Whether strptime knows the signs of a pattern."""
    try:
        datetime.strptime(datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).strftime(pattern), pattern)  # noqa: DTZ007  only tried
    except ValueError:
        return False
    return "%" in pattern


_FEAST_DAY: Final = re.compile(r"(?:hijri |--|(\d{4})-)(\d\d)-(\d\d)")


def _feast_name(value: str) -> str:
    if not any(map(str.isalpha, normalize(value).text)):
        raise _mistake(f"{value!r} has no letters; allowed: the words by which posts name a day")
    return value


def _feast_day(value: str) -> str:
    """A day, a day of each year, or a Hijri day of each year."""
    told = _FEAST_DAY.fullmatch(value)
    if told is None:
        allowed = "allowed: 2011-04-29, --04-17 for each year, or hijri 10-01 (month, day)"
        raise _mistake(f"{value!r} is not a day; {allowed}")
    year, month, number = int(told[1] or 2000), int(told[2]), int(told[3])  # 2000 has a 29 February
    longest = 30 if value.startswith("hijri") else monthrange(year, month)[1] if 1 <= month <= 12 else 0
    if not (1 <= month <= 12 and 1 <= number <= longest and year >= 1000):
        raise _mistake(f"{value!r}: there is no such day")
    return value


def _feasts(value: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for name in value:
        folded = " ".join(normalize(name).text.split())
        if folded in seen:
            raise _mistake(f"{name!r} and {seen[folded]!r} are the same words to us; allowed: each name once")
        seen[folded] = name
    return value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _words(value: Any) -> Any:
    """A command as a list of its words; a string is parted as a shell would, without being a shell."""
    return tuple(shlex.split(value)) if isinstance(value, str) else value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise _mistake(f"{value!r} is not a web address; allowed: http:// or https:// and a host")
    return value


def _in_folder(value: Any, info: ValidationInfo) -> Path:
    """An absolute path; a relative one counts from the configuration's folder."""
    if not isinstance(value, str | Path) or value == "":
        raise _mistake(f"{_shown(value)} is not a path")
    folder: Path = (info.context or {})["folder"]
    return (folder / Path(value).expanduser()).resolve()


def _workers(value: Any) -> Any:
    if value == "auto" or (type(value) is int and 1 <= value <= 256):
        return value
    raise _mistake(f"{value!r} is not a number of workers; allowed: auto, or 1 to 256")


def _seconds(value: Any) -> Any:
    if type(value) in (int, float) and 1 <= value <= 86_400:
        return value
    raise _mistake(f"{value!r} is not a time for a batch; allowed: 1 to 86400, in seconds")


def _megabytes(value: Any) -> Any:
    if type(value) is int and 100 <= value <= 1_000_000:
        return value
    raise _mistake(f"{value!r} is not a size of memory; allowed: 100 to 1000000, in megabytes")


def _layer(value: Any, info: ValidationInfo) -> str:
    """The absolute path of a table of places, or the name of an added layer."""
    if isinstance(value, str) and re.fullmatch(r"\w[\w-]*", value):
        return value
    return str(_in_folder(value, info))


NO_LAYERS: Final = "default"  # the package's own places only
Text = Annotated[str, Field(strict=True, min_length=1)]
Layer = Annotated[str, BeforeValidator(_layer)]
Country = Annotated[Text, AfterValidator(_country)]
Home = Annotated[Text, AfterValidator(_home)]
Location = Annotated[Path, BeforeValidator(_in_folder)]
Share = Annotated[float, Field(ge=0, le=1)]
FeastName = Annotated[Text, AfterValidator(_feast_name)]
FeastDay = Annotated[Text, AfterValidator(_feast_day)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expect(_Model):
    """What a run of a source must meet."""

    min_posts: Annotated[int | None, Field(strict=True, ge=0)] = None  # fewer rows are not published
    max_rejected: Share = 0.5  # of the rows read; more are published with exit code 3
    max_shrink: Share = 0.5  # of the rows there were; a greater loss is not published


class Dates(_Model):
    """How a source writes its dates."""

    profile: Literal["precise", "recall"] = "precise"
    day_order: Literal["dmy", "mdy"] = "dmy"  # of 5/3/2015 in the posts, where both are possible
    feasts: Annotated[dict[FeastName, FeastDay], AfterValidator(_feasts)] = {}  # named days: words and day

    def over(self, usual: Dates) -> Dates:
        """What is said here; where nothing is, what `usual` says.  The feasts of both, ours first."""
        told = {name: getattr(self if name in self.model_fields_set else usual, name) for name in _DATES_KEYS}
        known = {normalize(name).text for name in self.feasts}
        more = {name: day for name, day in usual.feasts.items() if normalize(name).text not in known}
        return Dates(**told, feasts={**self.feasts, **more})

    @property
    def as_habits(self) -> DateHabits:
        return DateHabits(self.profile, self.day_order, tuple(self.feasts.items()))


_DATES_KEYS: Final = ("profile", "day_order")


class Source(_Model):
    """A named stream of exports."""

    name: Annotated[Text, AfterValidator(_source_name)]
    files: Annotated[tuple[Text, ...], BeforeValidator(_several), Field(min_length=1)]  # patterns
    reader: Annotated[Text, AfterValidator(_reader)] = "auto"
    zone: Annotated[Text, AfterValidator(_zone)] | None = None
    home: Annotated[tuple[Home, ...], BeforeValidator(_several)] = ()
    schedule: Annotated[Text, AfterValidator(_cron)] | None = None
    authors: Literal["keep", "pseudonym", "drop"] = "pseudonym"
    columns: Annotated[dict[str, Text], BeforeValidator(_columns)] = {}  # ours to theirs; tables only
    time_format: Annotated[Text, AfterValidator(_time_format)] | None = None
    day_order: Literal["auto", "dmy", "mdy"] = "auto"
    delimiter: Annotated[Text, AfterValidator(_delimiter)] | None = None
    encoding: Annotated[Text, AfterValidator(_encoding)] | None = None
    platform: Text | None = None
    group: Text | None = None
    dates: Dates = Dates()
    expect: Expect = Expect()

    @property
    def as_group(self) -> Group:
        """What the source says of its group beforehand."""
        return Group(self.home, self.dates.as_habits)


class Engine(_Model):
    """Where the work is done."""

    kind: Literal["serial", "processes"] = "processes"
    workers: Annotated[Literal["auto"] | int, BeforeValidator(_workers)] = "auto"
    batch_seconds: Annotated[float, BeforeValidator(_seconds)] = 60.0  # a worker that takes longer hangs
    worker_memory: Annotated[int, BeforeValidator(_megabytes)] = 2000  # MB beyond what each worker opens


class LanguageOptions(_Model):
    """How languages are told."""

    detector: Literal["langdetect", "lingua", "pycld2"] = (
        "langdetect"  # asked where letters and words are not
    )


class Gazetteer(_Model):
    """Region of interest and the user's own place tables."""

    home: Annotated[tuple[Country, ...], BeforeValidator(_several)] = REGION_OF_INTEREST
    layers: Annotated[tuple[Layer, ...], BeforeValidator(_several)] = ()
    folder: Location | None = None  # of the added layers

    def layer_files(self, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
        """The files of the layers that are used besides the package's own, tables first.

        All added layers are used, unless `layers` names some of them, or `default` for none.  Raises
        `ConfigError` where a named one was not added.
        """
        added = {layer_name(path): path for path in layers_in(self.folder or gazetteer_folder(environment))}
        tables = tuple(Path(layer) for layer in self.layers if Path(layer).is_absolute())
        named = [layer for layer in self.layers if not Path(layer).is_absolute()]
        if not named:
            return (*tables, *added.values())
        chosen: list[Path] = []
        for name in named:
            of_group = [path for own, path in added.items() if own == name or own.startswith(f"{name}-")]
            if not of_group and name != NO_LAYERS:
                known = [*added, NO_LAYERS]
                told = f"{name!r} was not added{_nearest(name, known)}"
                raise ConfigError(f"gazetteer.layers: {told}; added are: {', '.join(added) or 'none'}")
            chosen += of_group
        return (*tables, *dict.fromkeys(chosen))


class PlacesOptions(_Model):
    """How names of places are found."""

    recognizers: Annotated[
        tuple[Location, ...], BeforeValidator(_several)
    ] = ()  # folders of spaCy or transformers models, besides our own rules


class ReadingLimits(_Model):
    """What is taken from one export file at most; see `readers.Limits`."""

    archive_ratio: Annotated[int, Field(strict=True, ge=2)] = Limits().archive_ratio
    archive_members: Annotated[int, Field(strict=True, ge=1)] = Limits().archive_members
    archive_bytes: Annotated[int, Field(strict=True, ge=1 << 20)] = Limits().archive_bytes
    nesting: Annotated[int, Field(strict=True, ge=1, le=8)] = Limits().nesting
    record_bytes: Annotated[int, Field(strict=True, ge=1 << 12)] = Limits().record_bytes
    json_depth: Annotated[int, Field(strict=True, ge=4, le=500)] = Limits().json_depth

    @property
    def as_readers(self) -> Limits:
        """The same as the readers take them."""
        return Limits(**self.model_dump())


class Mail(_Model):
    """Where a mail about failed runs goes, and by which server."""

    to: Annotated[tuple[Text, ...], BeforeValidator(_several), Field(min_length=1)]
    sender: Text = "marsad@localhost"
    host: Text = "localhost"
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] = 25
    tls: bool = False  # STARTTLS
    user: Text | None = None

    @property
    def password(self) -> str | None:
        """From the environment, `MARSAD_MAIL_PASSWORD`; a configuration holds no secrets."""
        return os.environ.get("MARSAD_MAIL_PASSWORD")


class OnFailure(_Model):
    """Who is told of runs that failed."""

    command: Annotated[tuple[Text, ...], BeforeValidator(_words), Field(min_length=1)] | None = None
    webhook: Annotated[Text, AfterValidator(_url)] | None = None
    mail: Mail | None = None


class Config(_Model):
    """A whole configuration.  Paths are absolute."""

    dataset: Location = Field(default=Path("data"), validate_default=True)
    engine: Engine = Engine()
    gazetteer: Gazetteer = Gazetteer()
    language: LanguageOptions = LanguageOptions()
    places: PlacesOptions = PlacesOptions()
    limits: ReadingLimits = ReadingLimits()
    on_failure: OnFailure = OnFailure()
    metrics: Location | None = None  # OpenMetrics text file, written after each run
    dates: Dates = Dates()  # of every source that does not say otherwise; `load` merges it into them
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    _path: Path = Path("config.yaml")
    _lines: Mapping[Key, int] = {}

    @property
    def path(self) -> Path:
        """The file that this was read from, absolute."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder from which relative paths count."""
        return self._path.parent

    def select(self, names: Sequence[str]) -> list[Source]:
        """The sources of these names in the file's order; all of them where no name is given.

        Raises `ConfigError` that names every unknown one.
        """
        known = [source.name for source in self.sources]
        unknown = [f"{name!r}{_nearest(name, known)}" for name in names if name not in known]
        if unknown:
            message = f"no source {', '.join(unknown)}; the sources are: {', '.join(known)}"
            raise ConfigError(f"{self.path.name}: {message}".replace("?;", "?"))
        return [source for source in self.sources if not names or source.name in names]

    def where(self, source: Source, key: str) -> str:
        """`config.yaml:12: sources[0].files`, for messages about a value that proved wrong later."""
        index = self.sources.index(source)
        line = self._lines.get(("sources", index, key), 1)
        return f"{self.path.name}:{line}: sources[{index}].{key} ({source.name})"

    def find_files(self, source: Source) -> list[Path]:
        """The files of a source, sorted, each once.

        Raises `ConfigError` where one of its patterns matches no file.
        """
        found: set[Path] = set()
        problems = []
        for pattern in source.files:
            folder, rest = _split_pattern(self.folder, pattern)
            hidden = Path(rest).name.startswith(".")  # what syncing programs leave is not meant by a *
            named = folder.glob(rest) if folder.is_dir() else ()
            matches = {path for path in named if path.is_file() and (hidden or path.name[0] != ".")}
            found |= matches
            if not matches:
                problems.append(
                    f"{self.where(source, 'files')}: no file matches {pattern!r} in {_holding(folder)}"
                )
        if problems:
            raise ConfigError("\n".join(problems))
        return sorted(found)


def _split_pattern(folder: Path, pattern: str) -> tuple[Path, str]:
    """The folder in front of the first wildcard, and the rest of the pattern."""
    parts = Path(pattern).expanduser().parts
    plain = next((at for at, part in enumerate(parts) if set("*?[") & set(part)), len(parts) - 1)
    return folder.joinpath(*parts[:plain]), str(Path(*parts[plain:]))


def _holding(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder}, which is not a folder"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{folder} (files there: {', '.join(names[:5]) or 'none'}{more})"


# Reading a file


def load(path: str | Path = "config.yaml", environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in `path`.

    Raises `ConfigError` with one line for every mistake.
    """
    path = Path(path).absolute()
    text = _text(path)
    try:
        tree = _Tree(text)
    except yaml.MarkedYAMLError as refused:
        mark = refused.problem_mark or refused.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{path.name}:{line}: not YAML: {refused.problem or refused.context}") from None
    except yaml.YAMLError as refused:
        raise ConfigError(f"{path.name}:1: not YAML: {str(refused).splitlines()[0]}") from None
    problems = list(tree.problems)
    config = None
    try:
        config = Config.model_validate(tree.data, context={"folder": path.parent})
    except ValidationError as refused:
        # pydantic counts the good entries only: a list of bad ones is "too short" besides
        errors = [e for e in refused.errors(include_url=False) if e["type"] != "too_short" or not e["input"]]
        problems += [_problem(error, tree) for error in errors]
    problems += _twice(tree)
    problems += _no_columns(tree)
    if config is None or problems:
        raise ConfigError(_told(path, problems))
    usual = config.dates
    sources = tuple(one.model_copy(update={"dates": one.dates.over(usual)}) for one in config.sources)
    config = config.model_copy(update={"sources": sources})
    if environment.get("MARSAD_DATASET"):
        dataset = Path(environment["MARSAD_DATASET"]).expanduser().resolve()
        config = config.model_copy(update={"dataset": dataset})
    config._path = path
    config._lines = tree.lines
    return config


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the compiled gazetteer is kept: `MARSAD_CACHE`, else `marsad` in the user's cache folder."""
    if environment.get("MARSAD_CACHE"):
        return Path(environment["MARSAD_CACHE"]).expanduser().resolve()
    home = environment.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "marsad"


def gazetteer_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where added gazetteer layers are kept: `MARSAD_GAZETTEER`, else in the user's folder for data."""
    if environment.get("MARSAD_GAZETTEER"):
        return Path(environment["MARSAD_GAZETTEER"]).expanduser().resolve()
    home = environment.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(home) / "marsad" / "gazetteer"


def key_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the key of the pseudonyms is kept: `MARSAD_KEY_FILE`, else in the user's configuration folder."""
    if environment.get("MARSAD_KEY_FILE"):
        return Path(environment["MARSAD_KEY_FILE"]).expanduser().resolve()
    home = environment.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(home) / "marsad" / "pseudonym.key"


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise ConfigError(f"{path}: larger than {SIZE_LIMIT:,} bytes; this is not a configuration")
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"no configuration {path}; name one with --config FILE") from None
    except OSError as refused:
        raise ConfigError(f"configuration {path} cannot be read: {refused.strerror}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        line = raw[: refused.start].count(b"\n") + 1
        raise ConfigError(f"{path.name}:{line}: not UTF-8 text; save the file as UTF-8") from None


def _told(path: Path, problems: Iterable[Problem]) -> str:
    lines = [
        f"{path.name}:{at.line}: {at.key + ': ' if at.key else ''}{at.message}"
        for at in sorted(set(problems))
    ]
    return lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} mistakes in {path}:", *lines])


def _sources(tree: _Tree) -> Iterator[tuple[int, dict[str, Any]]]:
    sources = tree.data.get("sources") if isinstance(tree.data, dict) else None
    for index, source in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(source, dict):
            yield index, source


def _twice(tree: _Tree) -> Iterator[Problem]:
    """Two sources of one name; names that differ in case only would share files on some disks."""
    first: dict[str, int] = {}
    for index, source in _sources(tree):
        name = source.get("name")
        if isinstance(name, str):
            key: Key = ("sources", index, "name")
            if name.lower() in first:
                yield tree.problem(
                    key, f"{name!r} is the name of two sources, see line {first[name.lower()]}"
                )
            first.setdefault(name.lower(), tree.line(key))


def _no_columns(tree: _Tree) -> Iterator[Problem]:
    """A reader of tables that is not told which column is what."""
    for index, source in _sources(tree):
        name, columns = source.get("reader"), source.get("columns") or {}
        reader = READERS.get(name) if isinstance(name, str) else None
        if reader and reader.needs_columns and isinstance(columns, dict):
            missing = [key for key in ("text", "posted_at") if key not in columns]
            if missing == ["posted_at"] and "posted_date" in columns:
                continue
            if missing:
                what = (
                    f"the reader {name!r} needs {' and '.join(missing)}, such as columns: {{text: Message}}"
                )
                yield tree.problem(("sources", index, "columns"), what)


def _problem(error: ErrorDetails, tree: _Tree) -> Problem:
    key: Key = error["loc"]
    value, kind, limits = error["input"], error["type"], error.get("ctx", {})
    shown = _shown(value)
    message = error["msg"]
    if kind == "extra_forbidden":
        allowed = list(_model(key[:-1]).model_fields)
        name = str(key[-1])
        message = f"unknown key {name!r}{_nearest(name, allowed)}; allowed: {', '.join(allowed)}"
    elif kind == "missing":
        message = f"the key {key[-1]!r} is missing"
    elif kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(limits["expected"]))
        message = f"{shown} is not allowed{_nearest(str(value), allowed)}; allowed: {', '.join(allowed)}"
    elif kind == "string_type":
        quoted = f'; write it in quotes: "{value}"' if type(value) in (int, float) else ""
        message = f"{shown} is not text{quoted}"
    elif kind in ("string_too_short", "too_short"):
        message = f"{shown} is empty; at least one is needed"
    elif kind in ("model_type", "dict_type", "model_attributes_type"):
        inside = list(_model(key).model_fields) if kind != "dict_type" else list(COLUMNS)
        message = f"{shown} is not a set of keys and values; allowed keys: {', '.join(inside)}"
    elif kind in ("tuple_type", "list_type"):
        message = f"{shown} is not a list"
    elif kind in ("int_type", "int_parsing", "int_from_float"):
        message = f"{shown} is not a whole number"
    elif kind in ("float_type", "float_parsing"):
        message = f"{shown} is not a number; allowed: 0 to 1"
    elif kind in ("greater_than_equal", "less_than_equal"):
        message = f"{shown} is out of range; allowed: {'0 to 1' if key[-1] != 'min_posts' else '0 or more'}"
    return tree.problem(key, message)


def _shown(value: Any) -> str:
    if value is None:
        return "an empty value"
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _model(key: Key) -> type[BaseModel]:
    inner: dict[str | int, type[BaseModel]] = {
        "engine": Engine,
        "gazetteer": Gazetteer,
        "limits": ReadingLimits,
        "expect": Expect,
        "dates": Dates,
        "on_failure": OnFailure,
        "mail": Mail,
    }
    if not key:
        return Config
    return inner.get(key[-1], Source)


class _Tree:
    """Plain data out of YAML text, the line of every key, and what was wrong with the text."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self.lines: dict[Key, int] = {}
        self.data: Any = None
        loader = _Loader(text, self.problems)
        try:
            node = loader.get_single_node()
            self.data = {} if node is None else self._plain(node, ())
        finally:
            loader.dispose()

    def line(self, key: Key) -> int:
        """The line of the nearest part of the key that is written in the file."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def problem(self, key: Key, message: str) -> Problem:
        """A mistake at a key."""
        return Problem(self.line(key), self._name(key), message.replace("?;", "?"))

    def _name(self, key: Key) -> str:
        name = ""
        for part in key:
            name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
        if len(key) > 1 and key[0] == "sources" and isinstance(key[1], int) and isinstance(self.data, dict):
            source = self.data["sources"][key[1]]
            named = source.get("name") if isinstance(source, dict) else None
            name += f" ({named})" if isinstance(named, str) else ""
        return name

    def _plain(self, node: yaml.Node, key: Key) -> Any:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            plain: dict[str, Any] = {}
            for name_node, value_node in node.value:
                name = str(name_node.value) if isinstance(name_node, yaml.ScalarNode) else "?"
                line = name_node.start_mark.line + 1
                if not isinstance(name_node, yaml.ScalarNode):
                    self.problems.append(Problem(line, "", "a key must be one word"))
                elif name in plain:
                    at = self.lines[(*key, name)]
                    self.problems.append(Problem(line, name, f"the key {name!r} stands twice, see line {at}"))
                self.lines[(*key, name)] = line
                plain[name] = self._plain(value_node, (*key, name))
            return plain
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*key, index)) for index, child in enumerate(node.value)]
        return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    return text


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the plain scalars of YAML 1.2's core, and without aliases, anchors and tags."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  PyYAML's own shape

    def __init__(self, text: str, problems: list[Problem]) -> None:
        super().__init__(text)
        self._problems = problems
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            self._problems.append(
                Problem(line, "", f"the alias *{event.anchor} is not allowed; write the value out")
            )
            return yaml.ScalarNode("tag:yaml.org,2002:null", "", event.start_mark)  # type: ignore[arg-type]
        if getattr(event, "anchor", None):
            self._problems.append(Problem(line, "", f"the anchor &{event.anchor} is not allowed"))
            event.anchor = None
        if getattr(event, "tag", None):
            self._problems.append(
                Problem(line, "", f"the tag {event.tag} is not allowed; write the plain value")
            )
            event.tag = None
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise yaml.MarkedYAMLError(
                problem=f"deeper than {DEPTH_LIMIT} levels", problem_mark=event.start_mark
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|)\Z"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), ["t", "f"])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z"), list("-0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z"),
    list("-0123456789"),
)
