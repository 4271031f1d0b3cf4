"""Rows taken out of every version on disk: a person or a post that is forgotten, or rows beyond their term.

A version never changes, but for this.  The version that readers use is replaced by a new one without the
rows, in the one step of every publish.  Each older version is then made anew beside itself, whole and
synced, and changes places with the old one.  Who reads an older version in that moment is told that a file
is gone, as when it is pruned; nobody reads half of it.  All of it can be killed anywhere and done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.storage.dataset import Dataset, Version, Writer
from pipeline.storage.doomed import FRESH, Doomed, Gone, Search
from pipeline.storage.durable import link_file, sync_folder, telling, write_file
from pipeline.storage.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    TABLE_NAMES,
    Manifest,
    SourceState,
    encode_manifest,
)
from pipeline.storage.trace import files_of

if TYPE_CHECKING:
    pass


def find(dataset: Dataset, doomed: Mapping[str, Doomed]) -> Gone:
    """What `take_out` would take out; nothing is written."""
    return Search(dataset, doomed).gone()


def take_out(dataset: Dataset, writer: Writer, doomed: Mapping[str, Doomed], *, at: datetime) -> Gone:
    """Take rows out of all versions on disk; `doomed` is by source, `at` the time of the new version.

    Raises `DatasetError` where the disk refuses; then the rows may still be there, and a second call goes on.
    """
    folder = dataset.root / "versions"
    with telling(folder, "take rows out"):
        _resume(folder)
        search = Search(dataset, doomed)
        gone = search.gone()
        current = dataset.current()
        is_touched = current is not None and current.number in gone.versions
        if current is not None and is_touched and current.manifest.schema_version < SCHEMA_VERSION:
            current = writer.restore(current, at=at)  # the files of a version are of one schema
            search = Search(dataset, doomed)
            gone = search.gone()
        aside = sorted(path for path in folder.glob("broken-*"))
        published = None
        try:
            if current is not None and is_touched:
                published = _publish(writer, search, current, at).number
            for number in sorted(gone.versions):
                if number in dataset.versions():  # the publish may have pruned it
                    _exchange(folder, search, dataset.version(number))
            for path in aside:
                shutil.rmtree(path)
        finally:
            shutil.rmtree(folder / FRESH, ignore_errors=True)
        sync_folder(folder)
    return replace(gone, published=published, set_aside=tuple(path.name for path in aside))


def is_half_done(dataset: Dataset) -> bool:
    """Whether a killed call left a version without its place."""
    return any((dataset.root / "versions").glob(".clean-*"))


def resume(dataset: Dataset) -> None:
    """Put a version that was made anew into its place, after a kill in the middle; only under the lock."""
    folder = dataset.root / "versions"
    with telling(folder, "finish taking rows out"):
        _resume(folder)


def _resume(folder: Path) -> None:
    shutil.rmtree(folder / FRESH, ignore_errors=True)
    for fresh in sorted(folder.glob(".clean-*")):
        place = folder / fresh.name.removeprefix(".clean-")
        if place.exists():
            shutil.rmtree(fresh)
        else:
            fresh.rename(place)
    sync_folder(folder)


def _publish(writer: Writer, search: Search, current: Version, at: datetime) -> Version:
    changed = [name for name in current.manifest.sources if search.touches(current, name)]
    stage = current.path.parent / ".stage-@forget"  # no source has this name
    shutil.rmtree(stage, ignore_errors=True)
    try:
        _make_folders(stage)
        states = {name: search.state(current, name, stage) for name in changed}
        return writer.replace_sources(stage, states, at=at)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _exchange(folder: Path, search: Search, version: Version) -> None:
    """An older version, made anew beside itself; then the two change places."""
    fresh = folder / f".clean-{version.path.name}"
    shutil.rmtree(fresh, ignore_errors=True)
    _make_folders(fresh)
    states: dict[str, SourceState] = {}
    for name, state in version.manifest.sources.items():
        if search.touches(version, name):
            states[name] = search.state(version, name, fresh)
            continue
        states[name] = state
        for table, file in files_of(state):
            (fresh / table).mkdir(exist_ok=True)
            link_file(version.path / table / file.name, fresh / table / file.name)
    manifest: Manifest = replace(version.manifest, sources=states)
    for inside in sorted(fresh.iterdir()):
        sync_folder(inside)
    write_file(fresh / MANIFEST, encode_manifest(manifest))
    sync_folder(fresh)
    gone = folder / f".gone-{version.path.name}"
    shutil.rmtree(gone, ignore_errors=True)
    version.path.rename(gone)
    fresh.rename(version.path)
    sync_folder(folder)
    shutil.rmtree(gone)


def _make_folders(folder: Path) -> None:
    for table in TABLE_NAMES:
        (folder / table).mkdir(parents=True, exist_ok=True)
    (folder / "rejected").chmod(0o700)
