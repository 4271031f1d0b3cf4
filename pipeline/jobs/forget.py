"""Somebody, or one post, is forgotten: out of all versions, and kept out of every later run.

In this order, so that a kill at any place loses nothing: a note in the dataset of what is to be done, the
list beside the key, the rows, the ledger, the note away.  A note that is found is finished by the next run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from pipeline import readers
from pipeline.config import Config, key_file
from pipeline.errors import ConfigError
from pipeline.jobs.keys import Ring, open_ring
from pipeline.jobs.people import pseudonym
from pipeline.jobs.status import process
from pipeline.jobs.suppression import Entry, entry, ids_in, list_file, names_of, suppress, values
from pipeline.storage.dataset import Dataset, Writer
from pipeline.storage.doomed import About, Doomed, Gone, about, platforms
from pipeline.storage.durable import sync_folder, telling
from pipeline.storage.forget import find, take_out
from pipeline.storage.ledger import Ledger

NOTE: Final = ".forget"  # in the folder of the dataset, while rows are taken out
_LEAST_TEXT: Final = 20  # code points of a post by which a refused row is known to hold it
_LEAST_NAME: Final = 5  # code points of a name that is looked for inside a refused row

Whom = Literal["author", "post"]


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be taken out, as the note in the dataset has it while that is done."""

    whom: Whom
    sources: tuple[str, ...]
    ids: tuple[str, ...] = ()  # post_id
    authors: tuple[str, ...] = ()  # what may stand in author_key or author_name
    names: tuple[str, ...] = ()  # as they may stand in refused rows
    native: tuple[tuple[str, str], ...] = ()  # source, id of the platform
    texts: tuple[str, ...] = ()  # beginnings
    entries: tuple[Entry, ...] = ()  # for the list; they tell nothing without the key


class Forgetting(Struct, frozen=True, kw_only=True):
    """What `forget` did, or with a dry run would do."""

    whom: Whom
    dry: bool
    rows: dict[str, dict[str, int]]  # by source and table, the most that one version held
    versions: tuple[int, ...]  # that were made anew
    published: int | None  # the version that replaces the current one
    kept_out: int  # entries on the list that later runs ask
    replies: int  # posts of others that point to the posts by id; they stay as they are
    forwards: int  # posts of others that were forwarded from the author; they stay as they are
    exports: tuple[str, ...]  # files that still hold the posts
    notes: tuple[str, ...]  # what cannot be reached, and what else to do


def forget(
    config: Config,
    target: str,
    sources: Sequence[str] = (),
    *,
    dry: bool = False,
    now: datetime | None = None,
) -> Forgetting:
    """Take a post or all posts of an author out of the dataset, and keep them out.

    `target`: a `post_id`; an `author_key`; or a name, handle, number or id as the exports have it, which is
    hashed as the source hashes it.  Of the named sources, or of all.
    Raises `ConfigError` for an unknown source or an empty target, `LockedError` where somebody else writes.
    """
    if not target.strip():
        raise ConfigError("whom? name a post_id, an author_key, or a name, handle or number of an author")
    dataset = Dataset(config.dataset)
    current = dataset.current()
    known = list(current.manifest.sources) if current else []
    unknown = [name for name in sources if name not in known]
    if unknown:
        config.select(unknown)  # says which there are
    chosen = tuple(sources) or tuple(dict.fromkeys([*known, *(source.name for source in config.sources)]))
    ring = open_ring(key_file())
    wanted, told = _wanted(config, dataset, target, chosen, ring)
    if dry:
        gone = find(dataset, _doomed(wanted, ring, config))
        return _report(config, wanted, gone, told, dry=True)
    if current is None:
        suppress(key_file(), wanted.entries)
        return _report(config, wanted, Gone(versions={}), told, dry=False)
    with dataset.writer("marsad forget") as writer:
        with telling(dataset.root / NOTE, "note what is forgotten"):
            _write_note(dataset.root / NOTE, wanted)
        gone = finish(config, dataset, writer, now=now)
    return _report(config, wanted, gone, told, dry=False)


def is_pending(dataset: Path) -> bool:
    """Whether a killed `forget` waits to be finished."""
    return (dataset / NOTE).exists()


def finish(config: Config, dataset: Dataset, writer: Writer, *, now: datetime | None = None) -> Gone:
    """Do what the note in the dataset says; afterwards it is gone, and the ledger tells what was done.

    Raises `DatasetError` where the disk refuses, or a file of some version cannot be read; the note stays.
    """
    at = now or datetime.now(UTC)
    note = dataset.root / NOTE
    try:
        wanted = msgspec.json.decode(note.read_bytes(), type=Wanted)
    except msgspec.DecodeError:  # killed while it was written: nothing was taken out, and nobody was told so
        note.unlink()
        return Gone(versions={})
    suppress(key_file(), wanted.entries)
    gone = take_out(dataset, writer, _doomed(wanted, open_ring(key_file()), config), at=at)
    Ledger(dataset.root).append(
        {
            "event": "forgotten",
            "at": at.isoformat(),
            "whom": wanted.whom,
            "marks": [" ".join(one) for one in wanted.entries[:1]],
            "rows": gone.rows,
            "versions": sorted(gone.versions),
            "published": gone.published,
            **process(),
        }
    )
    note.unlink()
    sync_folder(dataset.root)
    return gone


def _write_note(path: Path, wanted: Wanted) -> None:
    draft = path.with_name(f"{NOTE}-new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(wanted))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def _wanted(
    config: Config, dataset: Dataset, target: str, sources: tuple[str, ...], ring: Ring
) -> tuple[Wanted, About]:
    """Whether a post or an author is meant, and all that follows from it."""
    by_id = {name: Doomed(ids=frozenset([target])) for name in sources}
    told = about(dataset, by_id)
    if told.files:
        texts = tuple(sorted(text[:200] for text in told.texts if len(text) >= _LEAST_TEXT))
        entries = [entry("post", target, ring.current)]
        entries += [entry("native", " ".join(pair), ring.current) for pair in sorted(told.native)]
        wanted = Wanted(
            whom="post",
            sources=sources,
            ids=(target,),
            native=tuple(sorted(told.native)),
            texts=texts,
            entries=tuple(entries),
        )
        return wanted, told
    names = {
        name
        for key in ring.keys
        for platform in sorted(_platforms(config) | platforms(dataset))
        for name in names_of(key, platform, target)
    }
    authors = tuple(sorted({target, *names}))
    entries = [entry("author", name, ring.current) for name in authors]
    if target.count(":") >= 2:  # a post that is not there, or not any more
        entries.append(entry("post", target, ring.current))
    wanted = Wanted(whom="author", sources=sources, authors=authors, names=(target,), entries=tuple(entries))
    told = about(dataset, {name: Doomed(authors=frozenset(authors)) for name in sources})
    return wanted, told


def _platforms(config: Config) -> frozenset[str]:
    return frozenset(
        [
            *(reader.platform for reader in readers.READERS.values()),
            *(source.platform for source in config.sources if source.platform),
        ]
    )


def _doomed(wanted: Wanted, ring: Ring, config: Config) -> Mapping[str, Doomed]:
    return {
        name: Doomed(
            ids=frozenset(wanted.ids),
            authors=frozenset(wanted.authors),
            rejected=_refused(wanted, name, ring, sorted(_platforms(config))),
        )
        for name in wanted.sources
    }


def _refused(
    wanted: Wanted, source: str, ring: Ring, platforms: Sequence[str]
) -> Callable[[dict[str, Any]], bool]:
    """Whether a row of `rejected` holds the post, or names the author."""
    native = {own for name, own in wanted.native if name == source}
    texts = {form for text in wanted.texts for form in _forms(text)}
    authors = frozenset(wanted.authors)
    inside = {form for name in wanted.names if len(name) >= _LEAST_NAME for form in _forms(name)}

    def goes(row: dict[str, Any]) -> bool:
        raw = f"{row['raw'] or ''}\n{row['detail'] or ''}"
        if any(form in raw for form in (*texts, *inside)) or (native and not native.isdisjoint(ids_in(raw))):
            return True
        return bool(authors) and any(
            name in authors
            for value in values(raw)
            for key in ring.keys
            for platform in platforms
            for name in (value, pseudonym(key, platform, value, None), pseudonym(key, platform, None, value))
        )

    return goes


def _forms(text: str) -> tuple[str, ...]:
    """A text as it may stand in a raw row: plain, and escaped as JSON has it."""
    return text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _report(config: Config, wanted: Wanted, gone: Gone, told: About, *, dry: bool) -> Forgetting:
    notes = []
    if not gone.versions:
        notes.append("no row on disk is by this author or of this id")
        if wanted.whom == "author":
            notes.append(
                "authors with an id are found by their id or their author_key, not by the name they show"
            )
            dropped = [
                one.name for one in config.sources if one.authors == "drop" and one.name in wanted.sources
            ]
            if dropped:
                notes.append(f"{', '.join(dropped)}: authors are dropped, so their rows cannot be told apart")
    if told.files:
        notes.append("the exports themselves still hold it: marsad never changes them")
    notes.append("backups, exported tables, reports and notebooks made before are out of reach")
    if gone.set_aside:
        notes.append(f"broken versions that lay about were deleted: {', '.join(gone.set_aside)}")
    if not dry:
        notes.append(f"later runs keep it out by the list {list_file(key_file())}: back it up with the key")
    return Forgetting(
        whom=wanted.whom,
        dry=dry,
        rows=gone.rows,
        versions=tuple(sorted(gone.versions)),
        published=gone.published,
        kept_out=len(wanted.entries),
        replies=told.replies,
        forwards=told.forwards,
        exports=told.files,
        notes=tuple(notes),
    )


def lines(done: Forgetting) -> list[str]:
    """What a person reads."""
    verb = "would go" if done.dry else "are gone"
    told = [
        f"{source}: {', '.join(f'{count:,} {table}' for table, count in tables.items() if count)} {verb}"
        for source, tables in done.rows.items()
    ]
    if done.versions:
        told.append(f"versions {'to be ' if done.dry else ''}made anew: {', '.join(map(str, done.versions))}")
    if done.published is not None:
        told.append(f"the current version is now {done.published}")
    for count, what in (
        (done.replies, "replies point to it by id"),
        (done.forwards, "posts were forwarded from it"),
    ):
        if count:
            told.append(f"{count:,} {what}; they are of others and stay")
    told += [f"still in the export {name}" for name in done.exports]
    return [*told, *done.notes]
