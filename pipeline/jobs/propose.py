"""A source that reads some files, proposed: what `marsad new` asks about and writes."""

# ruff: noqa: PLC0415  places are opened when texts are there
from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline import readers
from pipeline.config import Config, source_name
from pipeline.errors import ConfigError, ExportError
from pipeline.jobs.inspect import Inspection, export_of, inspect
from pipeline.readers.exporter_zone import ExporterZone, Pair, pairs_in
from pipeline.records import Group, NonPost, Post, Rejection

if TYPE_CHECKING:
    from pipeline.annotate import Toolkit

_SAMPLED: Final = 3_000  # posts whose clocks are looked at
_TEXTS: Final = 300  # posts whose places are looked at
OFTEN: Final = ("hourly", "daily", "weekly", "never")


class OrderOpenError(ExportError):
    """The files do not tell whether day or month comes first."""


class Advice(Struct, frozen=True):
    """A value that is proposed, and why."""

    value: str | None
    why: str


class Proposal(Struct, frozen=True, kw_only=True):
    """Everything that the block of a source may say."""

    name: str
    files: tuple[str, ...]  # patterns, from the configuration's folder
    reader: str = "auto"
    recognized: str = ""  # for a comment: "telegram_json: chat type and from_id of Telegram Desktop"
    zone: str | None = None
    home: str | None = None
    schedule: str | None = None
    authors: str = "pseudonym"
    columns: dict[str, str] = {}
    time_format: str | None = None
    day_order: str = "auto"
    platform: str | None = None
    group: str | None = None
    min_posts: int = 0
    max_rejected: float = 0.02


class Found(Struct, frozen=True):
    """What the files of a new source hold."""

    inspections: tuple[Inspection, ...]
    reading: readers.Reading  # with the columns and the format of times that read them
    reader: str  # auto, or the one that must be named
    zones: tuple[str, ...]  # that fit all pairs of clock and UTC in them; none where there are no pairs
    texts: tuple[str, ...]

    @property
    def posts(self) -> int:
        return sum(one.posts for one in self.inspections)

    @property
    def rejected(self) -> int:
        return sum(one.rejected for one in self.inspections)

    @property
    def needs_zone(self) -> bool:
        """Whether times are there that mean nothing without a zone."""
        return any("unknown" in one.zone_sources for one in self.inspections)


def look(paths: Sequence[Path], reading: readers.Reading, reader: str = "auto") -> Found:
    """Read the files, without a zone, as a run would.

    Raises `ExportError` where one of them cannot be read, or they are not of one kind; `OrderOpenError` where
    their times could be day first or month first.
    """
    inspections = []
    for path in paths:
        found = inspect(path, reading, reader)
        open_ = [told for told in _told(found) if "set day_order" in told]
        if reading.day_order == "auto" and open_:
            raise OrderOpenError(open_[0].partition("; set day_order")[0])
        if found.problem is not None or found.reader is None:
            raise ExportError(found.problem or f"{path}: no reader knows it")
        if not found.posts:
            told = f"; {found.refused[0].detail}" if found.refused else ""
            raise ExportError(f"{path}: there is no post in it{told}")
        inspections.append(found)
        if not reading.columns and found.columns:
            reading = _with(reading, found)
    kinds = {found.reader for found in inspections if found.reader is not None and "+" not in found.reader}
    if reading.columns and len(kinds) > 1:
        raise ExportError(
            f"these files are not of one kind ({', '.join(sorted(kinds))}): make a source of each"
        )
    named = reader
    if reader == "auto" and len(kinds) == 1 and reading.columns:
        (named,) = kinds
    return Found(tuple(inspections), reading, named, *_evidence(paths, reading, named))


def _told(found: Inspection) -> Iterator[str]:
    """What is wrong with a file and with its rows."""
    yield found.problem or ""
    yield from (one.detail for one in found.refused)


def _with(reading: readers.Reading, found: Inspection) -> readers.Reading:
    return replace(reading, columns=found.columns, time_format=reading.time_format or found.time_format)


def _evidence(
    paths: Sequence[Path], reading: readers.Reading, reader: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The zones that fit the clocks of the files, and some of their texts."""
    pairs: list[Pair] = []
    texts: list[str] = []
    for path in paths:
        choice = readers.choose(export_of(path), reader, tuple(reading.columns.values()))
        for part, one in choice.parts:
            if one.name == "telegram_json":
                pairs += pairs_in(part)
        for item in islice(readers.read(choice, reading), _SAMPLED):
            if isinstance(item, NonPost | Rejection):
                continue
            if item.text.strip() and len(texts) < _TEXTS:
                texts.append(item.text[:2_000])
            pairs += _pair(item)
    zone = ExporterZone(pairs)
    apart = any(local != local_utc for local, local_utc in _clocks(pairs))
    return (zone.names if zone.known and apart else ()), tuple(texts)


def _pair(post: Post) -> Iterator[Pair]:
    if post.zone_source == "offset" and post.posted_at is not None and post.posted_local is not None:
        yield post.posted_local.replace(microsecond=0), math.floor(post.posted_at.timestamp())


def _clocks(pairs: Sequence[Pair]) -> Iterator[tuple[datetime, datetime]]:
    for local, seconds in pairs:
        yield local, datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


# What is proposed


def patterns(paths: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Patterns that find these files from the configuration's folder; with a `*` where they are all there is.

    Files of one folder and one ending become `folder/*.json` where the folder holds no other of that ending.
    """
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        whole = path.resolve()
        groups.setdefault((whole.parent, whole.suffix), []).append(whole)
    found = []
    for (parent, suffix), members in groups.items():
        all_there = {one for one in parent.glob(f"*{suffix}") if one.is_file() and one.name[0] != "."}
        if len(members) > 1 and suffix and all_there == set(members):
            found.append(f"{_from(parent, folder)}*{suffix}")
        else:
            found += [f"{_from(one.parent, folder)}{_plain(one.name)}" for one in sorted(set(members))]
    return tuple(found)


def _from(parent: Path, folder: Path) -> str:
    folder = folder.resolve()
    shown = parent.relative_to(folder) if parent.is_relative_to(folder) else parent
    return "" if shown == Path() else f"{_plain(shown.as_posix())}/"


def _plain(name: str) -> str:
    """A name as a pattern that means only itself.

    >>> _plain("chat [2016]?.txt")
    'chat [[]2016][?].txt'
    """
    return re.sub(r"([*?\[])", r"[\1]", name)


def zone_for(found: Found, config: Config | None, home: str | None) -> Advice:
    """The zone of the group's clocks: by the export, else by the other sources, else by the country."""
    near = [*_zones_of((home or "").partition("/")[0])]
    if config is not None:
        near += [zone for country in config.gazetteer.home for zone in _zones_of(country)]
    fits = [zone for zone in near if zone in found.zones]
    if fits:
        return Advice(fits[0], "the clocks in the export and UTC beside them fit it")
    if len(found.zones) == 1:
        return Advice(found.zones[0], "of all zones only this one fits the clocks in the export")
    if found.zones:
        several = f"{', '.join(found.zones[:4])}{' ...' if len(found.zones) > 4 else ''}"
        return Advice(None, f"the clocks in the export fit {several}")
    used = {source.zone for source in config.sources} - {None} if config is not None else set()
    if len(used) == 1:
        return Advice(used.pop(), "all other sources have it; the export does not tell")
    if home and (own := _zones_of(home.partition("/")[0])):
        return Advice(own[0], f"the zone of {home.partition('/')[0]}; the export does not tell")
    return Advice(None, "the export does not tell")


def _zones_of(country: str) -> tuple[str, ...]:
    """The zones of a country, as the time zone database lists them; none for an empty code."""
    text = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(zone for code, _, zone, *_ in lines if code == country)


def home_for(found: Found, config: Config | None, toolkit: Toolkit) -> Advice:
    """The country that most posts with places name; else that of the other sources."""
    from pipeline.annotate import annotate, text_post

    posts = [text_post(number, text, None, "UTC") for number, text in enumerate(found.texts)]
    counted: Counter[str] = Counter()
    with_places = 0
    for annotated in annotate(posts, toolkit, Group()):
        named = {place.place.country for place in annotated.places if place.place.country}
        with_places += bool(named)
        counted.update(named)
    for country, count in sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:1]:
        if count >= 5 and 2 * count > with_places:
            return Advice(country, f"{count} of {with_places} posts that name places name one there")
    homes = {source.home for source in config.sources} if config is not None else set()
    if len(homes) == 1 and len(one := homes.pop()) == 1:
        return Advice(one[0], "all other sources have it; the posts do not tell")
    return Advice(None, "the posts do not tell")


def cron(often: str, config: Config | None) -> str | None:
    """A cron line for `hourly`, `daily`, `weekly` at a minute that no other source has; any other as it is.

    >>> cron("daily", None), cron("never", None), cron("5 */6 * * *", None)
    ('0 4 * * *', None, '5 */6 * * *')
    """
    if often == "never":
        return None
    rest = {"hourly": "* * * *", "daily": "4 * * *", "weekly": "4 * * 0"}.get(often)
    if rest is None:
        return often
    taken = (
        Counter(source.schedule.split()[0] for source in config.sources if source.schedule)
        if config
        else Counter[str]()
    )
    return f"{min(range(0, 60, 5), key=lambda minute: taken[str(minute)])} {rest}"


def expectations(posts: int, read: int, rejected: int) -> tuple[int, float]:
    """The least posts and the largest share of rejected rows that a run of these files should have.

    Half of the posts that are there, and twice the share that is rejected now, at least 0.02.

    >>> expectations(144, 150, 0), expectations(1234, 1300, 60), expectations(3, 4, 1)
    ((70, 0.02), (600, 0.1), (1, 0.5))
    """
    half = posts // 2
    step = 10 ** max(len(str(half)) - 1, 0)
    share = rejected / read if read else 0.0
    return half // step * step, min(1.0, max(0.02, math.ceil(200 * share) / 100))


# The block


def block(proposal: Proposal) -> str:
    """The lines of the source for `sources:`, without indentation before the dash.

    >>> print(block(Proposal(name="north", files=("exports/*.json",), zone="Asia/Damascus")))
    - name: north
      files: exports/*.json
      zone: Asia/Damascus
      authors: pseudonym
      expect: {min_posts: 0, max_rejected: 0.02}
    """
    lines = [f"- name: {quoted(proposal.name)}"]
    if proposal.reader != "auto":
        lines.append(f"  reader: {proposal.reader}")
    several = [quoted(pattern) for pattern in proposal.files]
    lines.append(f"  files: {several[0] if len(several) == 1 else '[' + ', '.join(several) + ']'}")
    if proposal.recognized:
        lines[-1] += f"  # {proposal.recognized}"
    for key in ("zone", "home", "schedule", "time_format", "platform", "group"):
        value = getattr(proposal, key)
        if value is not None:
            lines.append(f"  {key}: {quoted(value)}")
    if proposal.day_order != "auto":
        lines.append(f"  day_order: {proposal.day_order}")
    lines.append(f"  authors: {proposal.authors}")
    if proposal.columns:
        lines.append("  columns:")
        lines += [f"    {ours}: {quoted(theirs)}" for ours, theirs in proposal.columns.items()]
    lines.append(f"  expect: {{min_posts: {proposal.min_posts}, max_rejected: {proposal.max_rejected:g}}}")
    return "\n".join(lines)


def quoted(text: str) -> str:
    """A text as YAML that means exactly it: plain where it can be, else in double quotes.

    >>> quoted("exports/*.json"), quoted("no: 1"), quoted("true"), quoted("نص"), quoted("a\\u2028b")
    ('exports/*.json', '"no: 1"', '"true"', '"نص"', '"a\\\\u2028b"')
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./*+-]*", text) and text not in {"true", "false", "null"}:
        return text
    dumped = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in dumped)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def check_name(name: str, config: Config | None) -> None:
    """Raise `ConfigError` where a source cannot have the name, or one of the same letters is there."""
    source_name(name)
    for source in config.sources if config is not None else ():
        if source.name.lower() == name.lower():
            raise ConfigError(
                f"{name!r}: the configuration has a source {source.name!r} already; take another name"
            )
