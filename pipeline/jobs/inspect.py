"""What a file is and what a run would make of it, before anything is configured; and a row's own bytes."""

# ruff: noqa: PLC0415  language tables are opened when texts are there
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline import readers
from pipeline.config import Config
from pipeline.errors import DatasetError, ExportError
from pipeline.jobs.books import Tally
from pipeline.jobs.fetching import export_path
from pipeline.jobs.intake import rows_of
from pipeline.readers.choosing import SURE, ranking
from pipeline.readers.csv_rows import Rows
from pipeline.readers.encodings import detect, utf16_order
from pipeline.readers.fields import usual_columns
from pipeline.readers.files import parts
from pipeline.readers.guessing import guess
from pipeline.records import NonPost, Post
from pipeline.storage.frames import load

SHOWN: Final = 3  # posts
_SAMPLED: Final = 2_000  # posts whose language is looked at: the first of them, then every hundredth


class Refused(Struct, frozen=True):
    """Rows that would be rejected for one reason."""

    reason: str
    count: int
    locator: str  # of the first
    detail: str  # of the first


class Inspection(Struct, frozen=True, kw_only=True):
    """What `marsad inspect` tells of a file."""

    file: str
    size: int  # bytes on disk
    inside: tuple[str, ...]  # what is read: the file itself, or members of the archive, each with its reader
    reader: str | None  # None: none is sure
    why: str
    others: tuple[str, ...]  # readers that could be meant as well, with their points
    encoding: str | None
    posts: int = 0
    nonposts: int = 0
    rejected: int = 0
    ids_twice: int = 0  # posts whose id came before in the file
    first: datetime | None = None  # UTC, else the clock of the file
    last: datetime | None = None
    zone_sources: dict[str, int] = field(default_factory=dict)
    authors: int = 0
    groups: tuple[str, ...] = ()
    languages: dict[str, int] = field(default_factory=dict)  # of a sample of the texts
    repaired: dict[str, int] = field(default_factory=dict)
    samples: tuple[Post, ...] = ()
    refused: tuple[Refused, ...] = ()
    missing: tuple[str, ...] = ()  # pages and parts
    columns: dict[str, str] = field(default_factory=dict)  # a mapping that would do, for tables
    time_format: str | None = None  # of its times, where these are in no usual form
    problem: str | None = None  # why it cannot be read as it is
    config: str = ""  # a configuration to paste


def inspect(path: Path, reading: readers.Reading, reader: str = "auto") -> Inspection:
    """Look at a file with the settings of `reading`; nothing is written.

    Raises `ExportError` where the file cannot be opened at all.
    """
    export = export_of(path)
    try:
        size = path.stat().st_size
        inside, _ = parts(export)
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not inside:
        raise ExportError(f"{path}: an archive without a file that could hold posts")
    head = readers.peek(inside[0])
    ranked = [(one.name, score) for one, score in ranking(readers.READERS, head) if score.points > 0]
    found = Inspection(
        file=path.name,
        size=size,
        inside=tuple(_shown(part) for part in inside),
        reader=None,
        why="",
        others=tuple(f"{name} {score.points} ({score.why})" for name, score in ranked[:3]),
        encoding=_encoding(inside[0], reading.encoding),
    )
    columns = dict(reading.columns)
    try:
        choice = readers.choose(export, reader, tuple(columns.values()))
    except ExportError as refused:
        guessed = None if columns else guess(inside[0], reading)
        found = replace(found, columns=columns or ({} if guessed is None else guessed.columns))
        if reader != "auto" or guessed is None or any(score.points >= SURE for _, score in ranked):
            return replace(found, problem=str(refused))
        choice = readers.choose(export, guessed.reader)
        why = "no reader knows it; read as a table by the columns that look like text and time"
        choice = replace(choice, why=why)
        reading = replace(reading, time_format=reading.time_format or guessed.time_format)
        return _read(found, choice, replace(reading, columns=guessed.columns), path)
    named = [readers.READERS[name] for name in choice.name.split("+") if name in readers.READERS]
    if not columns and any(one.needs_columns or one.takes_columns for one in named):
        usual = _usual(inside[0], reading)
        guessed = None if usual else guess(inside[0], reading)
        if usual and any(one.needs_columns for one in named):
            columns = usual
        elif guessed is not None and (any(one.needs_columns for one in named) or not _knows(choice, reading)):
            columns = guessed.columns
            reading = replace(reading, time_format=reading.time_format or guessed.time_format)
    return _read(found, choice, replace(reading, columns=columns), path)


def _knows(choice: readers.Choice, reading: readers.Reading) -> bool:
    """Whether the reader finds posts by the usual names alone."""
    try:
        return any(isinstance(item, Post) for item in islice(readers.read(choice, reading), 50))
    except ExportError:
        return False


def _read(found: Inspection, choice: readers.Choice, reading: readers.Reading, path: Path) -> Inspection:
    tally = Tally()
    count = _Count()
    for item in rows_of(choice, reading, tally):
        count.take(item)
    found = replace(
        found,
        reader=choice.name,
        why=choice.why,
        inside=tuple(f"{name} ({reader})" for name, reader in readers.read_as(choice)),
        others=tuple(other for other in found.others if other.split(" ")[0] not in choice.name.split("+")),
        nonposts=tally.nonposts,
        missing=_missing(choice, path),
        columns=reading.columns,
        time_format=reading.time_format,
        problem=tally.refused,
    )
    return count.into(replace(found, config=configuration(path, choice, reading)))


class _Count:
    """What is counted of the rows while they pass."""

    def __init__(self) -> None:
        self.posts = self.rejected = self.twice = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.zones: Counter[str] = Counter()
        self.authors: set[int] = set()
        self.ids: set[int] = set()
        self.groups: dict[str, None] = {}  # in the order in which they come
        self.texts: list[str] = []
        self.repaired: Counter[str] = Counter()
        self.samples: list[Post] = []
        self.refused: dict[str, Refused] = {}

    def take(self, item: readers.Item) -> None:
        if isinstance(item, Post):
            self._post(item)
        elif not isinstance(item, NonPost):
            self.rejected += 1
            told = self.refused.get(item.reason, Refused(item.reason, 0, item.origin.locator, item.detail))
            self.refused[item.reason] = replace(told, count=told.count + 1)

    def _post(self, post: Post) -> None:
        self.posts += 1
        time = post.posted_at.replace(tzinfo=None) if post.posted_at is not None else post.posted_local
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)
        self.zones[post.zone_source] += 1
        author = post.author_id or post.author_name
        if author is not None:
            self.authors.add(hash(author))
        identity = hash(post.post_id)
        self.twice += identity in self.ids
        self.ids.add(identity)
        if len(self.groups) < 20 and (post.group_name or post.group_id != post.source):
            self.groups[post.group_name or post.group_id] = None
        self.repaired.update(note.partition(":")[0] for note in post.extra.get("repaired", ()))
        if post.text.strip():
            if self.posts <= _SAMPLED or self.posts % 100 == 0:
                self.texts.append(post.text[:2_000])
            if len(self.samples) < SHOWN:
                self.samples.append(post)

    def into(self, found: Inspection) -> Inspection:
        return replace(
            found,
            posts=self.posts,
            rejected=self.rejected,
            ids_twice=self.twice,
            first=self.first,
            last=self.last,
            zone_sources=dict(sorted(self.zones.items())),
            authors=len(self.authors),
            groups=tuple(self.groups),
            languages=_languages(self.texts),
            repaired=dict(sorted(self.repaired.items())),
            samples=tuple(self.samples),
            refused=tuple(sorted(self.refused.values(), key=lambda one: (-one.count, one.reason))),
        )


def _languages(texts: Sequence[str]) -> dict[str, int]:
    from pipeline.language import detect as detect_languages
    from pipeline.text import find_marks, normalize_batch, tokenize

    counted: Counter[str] = Counter()
    for start in range(0, len(texts), 500):
        batch = list(texts[start : start + 500])
        found = detect_languages(tokenize(normalize_batch(batch), find_marks(batch)))
        counted.update(language.tag for language in found)
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def export_of(path: Path) -> readers.Export:
    """A file as the readers take it, with the names of what stands beside it."""
    beside = tuple(sorted(one.name for one in path.parent.iterdir() if one.is_file())[:10_000])
    return readers.Export(path, path.name, readers.fingerprint(path), siblings=beside)


def _shown(part: readers.Export) -> str:
    return part.name if part.member is None else f"{part.name}/{part.member}"


def _encoding(part: readers.Export, declared: str | None) -> str:
    order = utf16_order(readers.peek(part).start)
    return f"utf-16-{order}" if order else detect(part, declared)


def _missing(choice: readers.Choice, path: Path) -> tuple[str, ...]:
    """Pages and parts that are not there, by the names in the folder and the links of this file."""
    files = readers.read_as(choice)
    if len(choice.parts) == 1 and choice.parts[0][0].member is None:
        reader = choice.parts[0][1]
        files = [(name, reader.name) for name in sorted(one.name for one in path.parent.iterdir())]
    return tuple(readers.missing_files(files, choice.links))


def _head(part: readers.Export, reading: readers.Reading) -> Rows | None:
    start = readers.peek(part).start.lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] in {b"{", b"[", b"<", b""}:
        return None
    try:
        return Rows(part, reading)
    except ExportError:
        return None


def _usual(part: readers.Export, reading: readers.Reading) -> dict[str, str]:
    rows = _head(part, reading)
    columns = {} if rows is None else usual_columns(rows.head)
    return columns if {"text", "posted_at"} <= columns.keys() else {}


def configuration(path: Path, choice: readers.Choice, reading: readers.Reading) -> str:
    """A configuration that reads this file and its set, to paste; YAML, strings in double quotes.

    >>> from pipeline.readers import Choice, Export
    >>> at = Path("exports/result.json")
    >>> choice = Choice(Export(at, "x", ""), "telegram_json", ())
    >>> print(configuration(at, choice, readers.Reading(source="x")))
    sources:
      - name: exports
        reader: telegram_json
        files: "exports/result.json"
        # zone: Asia/Damascus   # for times without an offset
    """
    lines = ["sources:", f"  - name: {_name(path)}"]
    lines.append(f"    reader: {choice.name if '+' not in choice.name else 'auto'}")
    lines.append(f"    files: {json.dumps(_pattern(path, choice), ensure_ascii=False)}")
    zone = reading.zone
    lines.append(f"    zone: {zone}" if zone else "    # zone: Asia/Damascus   # for times without an offset")
    for key in ("group", "platform", "encoding", "delimiter", "time_format"):
        value = getattr(reading, key)
        if value is not None:
            lines.append(f"    {key}: {json.dumps(value, ensure_ascii=False)}")
    if reading.day_order != "auto":
        lines.append(f"    day_order: {reading.day_order}")
    if reading.columns:
        lines.append("    columns:")
        lines += [
            f"      {ours}: {json.dumps(name, ensure_ascii=False)}" for ours, name in reading.columns.items()
        ]
    return "\n".join(lines)


def _name(path: Path) -> str:
    for word in (path.stem.partition(".")[0], path.parent.name):
        name = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")
        if name and not re.fullmatch(r"(?:messages|data|export|tweets|results?|chat|posts)?_?\d*", name):
            return name[:40]
    return "my_group"


def _pattern(path: Path, choice: readers.Choice) -> str:
    """The file, or the pattern of its set where it is one page of several."""
    named = re.fullmatch(r"(.*?)\d*(\.[a-z]+)", path.name)
    if choice.links and named is not None:
        path = path.with_name(f"{named[1]}*{named[2]}")
    shown = path.as_posix()
    return re.sub(r"([\[\]])", r"[\1]", shown) if "[" in shown else shown


def told(found: Inspection) -> Iterator[str]:
    """The lines that a person reads."""
    yield f"file       {found.file}, {found.size:,} bytes, {found.encoding or 'encoding not known'}"
    if len(found.inside) > 1 or found.inside != (f"{found.file} ({found.reader})",):
        for name in found.inside[:20]:
            yield f"  inside   {name}"
        if len(found.inside) > 20:
            yield f"           and {len(found.inside) - 20} more"
    yield f"format     {found.reader or 'not known'}{': ' + found.why if found.why else ''}"
    for other in found.others:
        yield f"  or       {other}"
    if found.reader is not None:
        yield (
            f"rows       {found.posts:,} posts, {found.nonposts:,} of the exporter's own, "
            f"{found.rejected:,} would be rejected"
        )
        if found.ids_twice:
            yield f"           {found.ids_twice:,} posts have the id of an earlier one"
        if found.first is not None and found.last is not None:
            zones = ", ".join(f"{name} {count:,}" for name, count in found.zone_sources.items())
            yield f"times      {found.first} to {found.last} (zone: {zones})"
        yield f"authors    {found.authors:,}"
        if found.groups:
            yield f"groups     {', '.join(found.groups[:5])}{' ...' if len(found.groups) > 5 else ''}"
        languages = ", ".join(f"{tag} {count:,}" for tag, count in list(found.languages.items())[:8])
        yield f"languages  {languages or 'no texts'}"
        if found.repaired:
            yield f"repaired   {', '.join(f'{name} {count:,}' for name, count in found.repaired.items())}"
    for post in found.samples:
        when = post.posted_at or post.posted_local or "no time"
        yield f"  post     {when}  {' '.join(post.text.split())[:140]}"
    for refused in found.refused:
        yield f"  rejected {refused.count:,} x {refused.reason}: {refused.detail[:200]} ({refused.locator})"
    for name in found.missing:
        yield f"  missing  {name}"
    if found.problem is not None:
        yield f"problem    {found.problem}"
        if found.columns:
            yield f"           columns that may do: {json.dumps(found.columns, ensure_ascii=False)}"


def source_bytes(config: Config, post_id: str) -> tuple[str, bytes]:
    """Where a post of the dataset was read, in words, and the bytes that it was read from.

    Raises `DatasetError` where there is no such post, its file is gone, or it is not any more what it was.
    """
    row = _row(config, post_id)
    path = export_path(config, row["file"])
    where = f"{row['file']}, {row['locator']} (source {row['source']}, reader {row['reader']})"
    if not path.is_file():
        raise DatasetError(f"{where}: the file is not there any more; put it back at {path}")
    now = readers.fingerprint(path)
    if now != row["file_sha256"]:
        raise DatasetError(
            f"{where}: the file has changed since it was read (SHA-256 was {row['file_sha256'][:12]}..., is "
            f"{now[:12]}...); run the source again, or put the old file back"
        )
    return where, readers.locate(path, row["locator"], config.limits.as_readers)


def _row(config: Config, post_id: str) -> dict[str, Any]:
    names = ["post_id", "source", "file", "file_sha256", "locator", "reader"]
    loaded = load(config.dataset)
    for source in loaded.sources:
        table = loaded.posts(columns=names, source=source, format="arrow")
        ids = table.column("post_id").to_pylist()
        if post_id in ids:
            found: dict[str, Any] = table.slice(ids.index(post_id), 1).to_pylist()[0]
            return found
    raise DatasetError(f"no post {post_id!r} in {config.dataset}; ids are in the column post_id of posts")
