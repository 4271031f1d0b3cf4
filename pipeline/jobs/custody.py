"""From a row to the bytes that it was read from, and whether these are still the same (Berkeley Protocol).

The chain is: the export as it was first met (ledger), its hash, the place in it, the reader, the settings and
tables, the versions that hold the row.  Looking checks it now: the export against its hash, the published
files against theirs, the ledger against its chain.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from pipeline import readers
from pipeline.config import Config, Source, key_file
from pipeline.errors import DatasetError, ExportError
from pipeline.jobs.books import Tally
from pipeline.jobs.fetching import export_path
from pipeline.jobs.gate import Gate
from pipeline.jobs.intake import choose_readers, reading_of, rows_of
from pipeline.jobs.keys import open_ring
from pipeline.records import Post, Rejection
from pipeline.storage.dataset import Dataset, Version
from pipeline.storage.ledger import Ledger
from pipeline.storage.manifest import Input, SourceState
from pipeline.storage.trace import files_of, holders, mentions_of, post_ids, rows_of_export

MOST: Final = 20  # parts of a changed export that are named


class Export(Struct, frozen=True, kw_only=True):
    """The file that a row was read from, then and now."""

    file: str
    locator: str
    reader: str
    sha256: str  # when it was read
    size: int | None  # bytes, when it was read
    first_seen: datetime | None  # UTC; by the ledger, else when its rows were first published
    first_seen_by: str  # ledger, manifest, or unknown
    state: str  # whole, changed, gone: now
    sha256_now: str | None
    size_now: int | None
    changed: tuple[str, ...] = ()  # recorded parts that are not what they were, each with its place


class Mention(Struct, frozen=True, kw_only=True):
    """A place or date that was read in the post, and the rule that read it."""

    table: str
    mention: str
    surface: str
    value: str  # place_id or EDTF
    rule: str


class Holder(Struct, frozen=True, kw_only=True):
    """A version that holds the post."""

    version: int
    created: datetime
    run_id: str
    file_sha256: str  # of the export, by the row in this version
    current: bool


class Earlier(Struct, frozen=True, kw_only=True):
    """An earlier text of the post, from an export before."""

    edited_at: str | None
    file: str
    text_sha256: str


class Custody(Struct, frozen=True, kw_only=True):
    """The whole chain of one post.  `wrong` is empty where every link of it holds."""

    post_id: str
    source: str
    export: Export
    run_id: str
    zone: str | None
    authors: str | None
    code_version: str
    tables_digest: str
    gazetteer_digest: str
    settings: dict[str, Any]
    published: datetime
    versions: tuple[Holder, ...]
    mentions: tuple[Mention, ...]
    history: tuple[Earlier, ...]
    tables: dict[str, str] = field(default_factory=dict)  # published file of the source -> SHA-256
    wrong: tuple[str, ...] = ()
    raw: bytes | None = None  # on request


def custody(config: Config, post_id: str, *, raw: bool = False) -> Custody:
    """The chain of a post of the dataset, checked now.

    Raises `DatasetError` where no version on disk holds the post.
    """
    dataset = Dataset(config.dataset)
    current = dataset.current()
    damaged: list[str] = []
    found = list(holders(dataset, post_id, damaged))
    if not found or current is None:
        told = "; ".join(damaged) or "ids are in the column post_id of posts"
        raise DatasetError(f"no post {post_id!r} in {config.dataset}; {told}")
    version, source, row = found[-1]
    state = version.manifest.sources[source]
    wrong = list(dict.fromkeys([*damaged, *version.verify([source]), *current.verify([source])]))
    wrong += Ledger(dataset.root).verify()
    export = _export(config, version, source, row, dataset)
    if export.state != "whole":
        wrong.append(_told(export))
    return Custody(
        post_id=post_id,
        source=source,
        export=export,
        run_id=row["run_id"],
        zone=state.zone,
        authors=state.settings.get("authors"),
        code_version=state.code_version,
        tables_digest=state.tables_digest,
        gazetteer_digest=state.gazetteer_digest,
        settings=state.settings,
        published=state.published,
        versions=tuple(_holder(one, its, current.number) for one, _, its in found),
        mentions=tuple(_mentions(mentions_of(version, source, post_id))),
        history=tuple(_history(row["extra"])),
        tables={f"{table}/{file.name}": file.sha256 for table, file in files_of(state)},
        wrong=tuple(wrong),
        raw=_raw(config, export) if raw else None,
    )


def _holder(version: Version, row: dict[str, Any], current: int) -> Holder:
    return Holder(
        version=version.number,
        created=version.manifest.created,
        run_id=row["run_id"],
        file_sha256=row["file_sha256"],
        current=version.number == current,
    )


def _mentions(rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Mention]:
    for table, row in rows:
        yield Mention(
            table=table,
            mention=row["mention"],
            surface=row["surface"],
            value=row["place_id" if table == "places" else "edtf"],
            rule=row["rule"],
        )


def _history(extra: str | None) -> Iterator[Earlier]:
    for one in json.loads(extra).get("history", []) if extra else []:
        digest = hashlib.sha256(one["text"].encode()).hexdigest()
        yield Earlier(edited_at=one["edited_at"], file=one["file"], text_sha256=digest)


def _export(config: Config, version: Version, source: str, row: dict[str, Any], dataset: Dataset) -> Export:
    """The export of a row, looked at now."""
    state = version.manifest.sources[source]
    recorded = _recorded(state, row["file"], row["file_sha256"])
    first, by = _first_seen(dataset, row["file"], row["file_sha256"])
    path = export_path(config, row["file"])
    facts = {
        "file": row["file"],
        "locator": row["locator"],
        "reader": row["reader"],
        "sha256": row["file_sha256"],
        "size": recorded.size if recorded else None,
        "first_seen": first,
        "first_seen_by": by,
    }
    if not path.is_file():
        return Export(**facts, state="gone", sha256_now=None, size_now=None)
    now, size = readers.fingerprint(path), path.stat().st_size
    if now == row["file_sha256"]:
        return Export(**facts, state="whole", sha256_now=now, size_now=size)
    changed = tuple(_changed(config, version, source, row, path))
    return Export(**facts, state="changed", sha256_now=now, size_now=size, changed=changed)


def _recorded(state: SourceState, name: str, sha256: str) -> Input | None:
    return next((one for one in state.inputs if one.name == name and one.sha256 == sha256), None)


def _first_seen(dataset: Dataset, name: str, sha256: str) -> tuple[datetime | None, str]:
    for event in Ledger(dataset.root).events():
        for one in event.get("inputs") or ():
            if one["sha256"] == sha256 and one["name"] == name:
                return datetime.fromisoformat(event["at"]), "ledger"
    published = [
        state.published
        for number in dataset.versions()
        for state in dataset.version(number).manifest.sources.values()
        if _recorded(state, name, sha256)
    ]
    return (min(published), "manifest") if published else (None, "unknown")


def _changed(config: Config, version: Version, source: str, row: dict[str, Any], path: Path) -> Iterator[str]:
    """Which recorded parts of an export are not what they were, and where; read again as it was read."""
    name, sha256 = row["file"], row["file_sha256"]
    configured = next((one for one in config.sources if one.name == source), None)
    if configured is None:
        yield f"source {source} is not configured any more: its parts cannot be read again"
        return
    then = {
        (row["locator"], table): row["raw"] if table == "rejected" else _compared(row)
        for table, row in rows_of_export(version, source, name, sha256, _COMPARED)
    }
    known = post_ids(version, source)
    told = []
    for at, table, post_id, here in _read_again(config, version, configured, name, path):
        recorded = then.pop((at, table), None)
        if recorded is None and post_id in known:
            continue  # its row was read from another export
        if recorded != here:
            told.append(f"{at}: {'not what was recorded' if recorded else 'nothing was recorded of this'}")
    told += [f"{at}: what was recorded is not there any more" for at, _ in sorted(then)]
    if not told:
        yield "in no part that a row of this version was read from"
    yield from told[:MOST]
    if len(told) > MOST:
        yield f"and {len(told) - MOST:,} more"


def _read_again(
    config: Config, version: Version, source: Source, name: str, path: Path
) -> Iterator[tuple[str, str, str, str]]:
    """Place, table, post_id and what is compared of every row of an export as it is now."""
    state = version.manifest.sources[source.name]
    ring = open_ring(key_file())
    key = ring.find(state.settings.get("key_id")) or ring.current
    gate = Gate(source, None if source.authors == "keep" else key, None, datetime.now(UTC))
    export = readers.Export(path, name, readers.fingerprint(path), limits=config.limits.as_readers)
    try:
        choice = choose_readers([export], source.reader, tuple(source.columns.values()))[name]
        for item in rows_of(choice, reading_of(source), Tally()):
            if isinstance(item, Post):
                post = gate.protected([item])[0]
                facts = {name: getattr(post, name, None) for name in _COMPARED} | {
                    "author_key": post.author_id
                }
                yield item.origin.locator, "posts", post.post_id, _compared(facts)
            elif isinstance(item, Rejection):
                yield item.origin.locator, "rejected", "", gate.refused([item])[0].raw
    except ExportError as refused:
        yield "whole file", "rejected", "", str(refused)


_COMPARED: Final = (
    "post_id",
    "text",
    "posted_at",
    "edited_at",
    "author_key",
    "group_name",
    "reply_to",
    "forwarded_from",
    "views",
)  # of a post: what must be the same when it is read again


def _compared(row: dict[str, Any]) -> str:
    told = "\0".join(str(row[name]) for name in _COMPARED)
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", told)


def _raw(config: Config, export: Export) -> bytes | None:
    path = export_path(config, export.file)
    if export.state == "gone":
        return None
    try:
        return readers.locate(path, export.locator, config.limits.as_readers)
    except (ExportError, OSError, ValueError):
        return None


def _told(export: Export) -> str:
    if export.state == "gone":
        return f"{export.file}: the export is not there any more; put it back from the archive"
    where = "; ".join(export.changed)
    return (
        f"{export.file}: its bytes are not those that were read (SHA-256 was {export.sha256}, is "
        f"{export.sha256_now}): {where}"
    )


def lines(found: Custody) -> Iterator[str]:
    """What a person reads."""
    export = found.export
    yield f"post       {found.post_id}"
    yield f"source     {found.source}, run {found.run_id}, published {found.published:%Y-%m-%d %H:%M:%S} UTC"
    yield f"export     {export.file}"
    size = "size not recorded" if export.size is None else f"{export.size:,} bytes"
    yield f"  SHA-256  {export.sha256}, {size}"
    seen = "not known" if export.first_seen is None else f"{export.first_seen:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  seen     first {seen} (by the {export.first_seen_by})"
    yield f"  now      {export.state}"
    for part in export.changed:
        yield f"           {part}"
    yield f"  place    {export.locator}"
    yield f"reader     {export.reader}, marsad {found.code_version}, zone {found.zone or 'not declared'}"
    yield f"tables     {found.tables_digest}, gazetteer {found.gazetteer_digest}"
    for one in found.mentions:
        yield f"  {one.table:<8} {one.surface} -> {one.value} ({one.rule})"
    for then in found.history:
        edited = then.edited_at or "never"
        yield f"earlier    {then.file}, edited {edited}, text SHA-256 {then.text_sha256[:16]}"
    held = ", ".join(f"{one.version}{' (current)' if one.current else ''}" for one in found.versions)
    yield f"versions   {held}"
    for name, digest in found.tables.items():
        yield f"  file     {name} {digest}"
    for sentence in found.wrong:
        yield f"WRONG      {sentence}"
    if not found.wrong:
        yield "checked    export, published files and ledger: every byte is as recorded"
