"""Versions of the dataset on disk: one writer, one atomic pointer, readers that never wait.

A publish writes the new files, forces them to the disk, hard-links the unchanged ones, renames the whole
folder into `versions/`, and swaps the link `current`.  A process that is killed anywhere leaves the old
version or the new one; the next writer clears what lies about, and sets the pointer on a version that was
whole but not yet pointed to.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from pipeline.errors import DatasetError, LockedError
from pipeline.storage.durable import (
    hash_file,
    link_file,
    point,
    replace_file,
    sync_folder,
    telling,
    write_file,
)
from pipeline.storage.manifest import (
    FOLDERS,
    MANIFEST,
    SCHEMA_VERSION,
    FileState,
    Input,
    Manifest,
    NewerError,
    Period,
    SourceState,
    decode_manifest,
    encode_manifest,
)

if TYPE_CHECKING:
    from pipeline.storage.stage import Stage, StageResult

KEEP: Final = timedelta(hours=24)  # a version that was replaced less than this ago may be read by somebody

_LOCKS_HELD: Final[set[int]] = set()  # descriptors that a forked child must close, or it would hold the lock


class Version:
    """One whole state of the dataset; its files never change."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.number = manifest.number

    def files(self, table: str, source: str | None = None) -> list[Path]:
        """The parquet files of a table: by source, and of each its segments in their order.

        Of one source only where `source` is given.  `table` may be "ids" as well, which is no parquet.
        Raises `DatasetError` that names the sources there are where `source` is none of them.
        """
        sources = self.manifest.sources
        if source is not None and source not in sources:
            raise DatasetError(
                f"no source {source!r} in version {self.number} of the dataset; "
                f"it has: {', '.join(sources) or 'none'}"
            )
        names = sources if source is None else [source]
        return [
            self.path / table / file.name for name in names for file in sources[name].files.get(table, ())
        ]

    def damage(self, sources: Sequence[str] | None = None) -> list[str]:
        """Files that are gone or of another size, a sentence each; quick, looks into no file."""
        wrong = []
        for path, expected in self._files(sources):
            try:
                size = path.stat().st_size
            except PermissionError:  # the quarantine is its owner's; others read the rest
                continue
            except FileNotFoundError:
                wrong.append(f"{path}: is not there")
            else:
                if size != expected.size:
                    wrong.append(f"{path}: {size:,} bytes, {expected.size:,} were published")
        return wrong

    def verify(self, sources: Sequence[str] | None = None) -> list[str]:
        """What is wrong with the files, a sentence each; empty when every byte is as published.

        Of all sources, or of those that are named.
        """
        wrong = self.damage(sources)
        for path, expected in self._files(sources):
            if path.exists() and hash_file(path) != expected.sha256:
                wrong.append(f"{path}: its bytes are not the published ones (SHA-256 differs)")
        return wrong

    def _files(self, sources: Sequence[str] | None) -> Iterator[tuple[Path, FileState]]:
        for name, state in self.manifest.sources.items():
            if sources is not None and name not in sources:
                continue
            for folder, files in state.files.items():
                for file in files:
                    yield self.path / folder / file.name, file


class Dataset:
    """A folder of versions.

    >>> Dataset(Path("nowhere")).current() is None
    True
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._versions = self.root / "versions"
        self._pointer = self.root / "current"
        self._notes = self.root / "damaged"  # what `verify` has found, by version

    def current(self) -> Version | None:
        """The version that `current` points to now; None where nothing was ever published."""
        path = Path(os.path.realpath(self._pointer))
        if not path.is_dir():
            if os.path.lexists(self._pointer):
                raise DatasetError(
                    f"{self._pointer}: points to {path}, which is not there; the next run points it to the "
                    "newest version that is"
                )
            return None
        return _open_version(path)

    def version(self, number: int) -> Version:
        """A version by number; `DatasetError` where it is not there (pruned, or never made)."""
        path = self._versions / _folder_name(number)
        if number not in self.versions():
            there = ", ".join(map(str, self.versions())) or "none"
            raise DatasetError(f"{path}: no such version (pruned, or never made); there are: {there}")
        return _open_version(path)

    def versions(self) -> list[int]:
        """Numbers of the published versions that are on disk, ascending."""
        current = self.current()
        return [] if current is None else [number for number in self._numbers() if number <= current.number]

    def readable(self) -> tuple[Version, list[str]]:
        """The newest version of which no damage is known, and a sentence for each newer one.

        Files that are gone or cut off are seen at once, other damage where `verify` has found and noted it.
        A file that several versions share is damaged in all of them.
        Raises `DatasetError` where nothing was published, no version is whole, or a newer program made it.
        """
        pointed = Path(os.path.realpath(self._pointer))
        if not pointed.is_dir():
            current = self.current()  # tells of a broken pointer
            assert current is None
            raise DatasetError(f"{self.root}: no dataset here yet; `marsad run` makes one")
        wrong: list[str] = []
        for number in reversed(self._numbers()):
            if _folder_name(number) > pointed.name:
                continue
            path = self._versions / _folder_name(number)
            try:
                version = _open_version(path)
                damage = [*version.damage(), *self._noted(version)]
            except NewerError:
                raise
            except DatasetError as told:
                damage = [str(told)]
            else:
                if not damage:
                    return version, wrong
            more = f" and {len(damage) - 2} more" if len(damage) > 2 else ""
            wrong.append(f"version {number} is damaged: {'; '.join(damage[:2])}{more}")
        raise DatasetError(f"{'; '.join(wrong)}; marsad repair SOURCE reads its exports again")

    def verify(self, version: Version) -> list[str]:
        """What is wrong with the files of a version, as `Version.verify`; noted for whoever reads it next."""
        wrong = version.verify()
        note = self._notes / f"{_folder_name(version.number)}.json"
        with suppress(OSError):  # a note for readers; whoever may only read the dataset leaves none
            if wrong:
                note.parent.mkdir(exist_ok=True)
                replace_file(note, json.dumps(wrong).encode())
            else:
                note.unlink(missing_ok=True)
        return wrong

    def _noted(self, version: Version) -> list[str]:
        """What `verify` has found wrong with files of a version, in it or in another that shares them."""
        found = []
        for note in sorted(self._notes.glob("*.json")):
            with suppress(OSError, ValueError):
                for sentence in json.loads(note.read_bytes()):
                    damaged = Path(sentence.partition(": ")[0])
                    here = version.path / damaged.parent.name / damaged.name
                    there = self._versions / note.stem / damaged.parent.name / damaged.name
                    if here.exists() and there.exists() and here.samefile(there):
                        found.append(sentence)
        return found

    @contextmanager
    def writer(self, who: str) -> Iterator[Writer]:
        """Hold the dataset for writing; leftovers of killed writers are cleared first.

        `who` tells the next one who holds it ("marsad run"); process id and time are added.
        Stages that were not published are thrown away at the end.
        Raises `LockedError` at once where somebody else writes; the kernel frees the lock when the
        process dies.  Raises `DatasetError` where the folder cannot be written or a newer program made it.
        """
        with telling(self.root, "open the dataset for writing"):
            if not self._versions.is_dir():
                self._versions.mkdir(parents=True, exist_ok=True)
                sync_folder(self.root.parent)
            lock = self._lock(who)
        try:
            with telling(self.root, "clear what a killed writer left"):
                self._recover()
            writer = Writer(self, self.current())
            try:
                yield writer
            finally:
                writer.close()
        finally:
            if lock in _LOCKS_HELD:  # a forked child has closed its own
                _LOCKS_HELD.remove(lock)
                os.close(lock)

    def _lock(self, who: str) -> int:
        """Take the lock and write into its file who has it; the file's time says since when."""
        path = self.root / ".lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(lock)
            os.close(lock)
            raise LockedError(f"{self.root}: is being written by {holder}; try later") from None
        except OSError as refused:
            os.close(lock)
            if refused.errno in {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise DatasetError(
                    f"{path}: this disk cannot lock files ({refused}); keep the dataset on a local disk"
                ) from refused
            raise
        _LOCKS_HELD.add(lock)
        with suppress(OSError):  # a note for others, which a full disk may refuse
            os.ftruncate(lock, 0)
            os.pwrite(lock, json.dumps({"who": who, "pid": os.getpid()}).encode(), 0)
        return lock

    def _recover(self) -> None:
        """Clear leftovers, and point to the newest whole version; only under the lock.

        A version that was never pointed to and is not whole, which no crash leaves, is set aside.
        """
        for left in sorted([*self._versions.glob(".stage-*"), *self._versions.glob(".gone-*")]):
            shutil.rmtree(left)
        current = self.current() if self._pointer.is_dir() else None
        for number in reversed(self._numbers()):
            if current is not None and number <= current.number:
                return
            path = self._versions / _folder_name(number)
            if _is_whole(path):
                sync_folder(self._versions)
                point(self._pointer, f"versions/{path.name}")
                sync_folder(self.root)
                return
            aside = path.with_name(f"broken-{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
        if current is None:
            self._pointer.unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        """Numbers of all versions on disk, those without a pointer yet included, ascending."""
        try:
            names = [path.name for path in self._versions.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())


class Writer:
    """The one writer of a dataset; `Dataset.writer` opens it."""

    def __init__(self, dataset: Dataset, base: Version | None) -> None:
        self.base = base  # the version that the next publish builds on
        self._dataset = dataset
        self._folder = dataset.root / "versions"
        self._stages: list[Stage] = []

    def stage(
        self,
        source: str,
        run_id: str,
        *,
        keep_rows: bool,
        drop_files: AbstractSet[str] = frozenset(),
        period: Period | None = None,
        grown: AbstractSet[str] = frozenset(),
    ) -> Stage:
        """A stage for the rows of one run of `source`.

        `keep_rows` true (run): earlier rows of the source stay, and the run's rows are upserted.  False
        (rerun): the run's rows replace all.  `drop_files` names inputs whose earlier rejections are
        superseded, because this run reads them again.  With `keep_rows`, the earlier rows of the days of
        `period`, by the source's clock, do not stay, nor do posts of the exports in `grown` that this run
        does not see again: such an export begins with the bytes that it had, so they are posts that its old
        end had cut off.
        Raises `ValueError` for a source or run id that cannot be part of a file name, and for a second
        stage of a source.
        """
        for name in (source, run_id):
            if not re.fullmatch(r"[^\W_][\w-]*", name):
                raise ValueError(f"{name!r}: letters, digits, _ and - only, and a letter or digit first")
        if any(stage.source == source and stage.folder.exists() for stage in self._stages):
            raise ValueError(f"source {source!r} is being staged already")
        state = None if self.base is None else self.base.manifest.sources.get(source)
        earlier = None
        from pipeline.storage.stage import Earlier, Stage  # noqa: PLC0415  Arrow, which few runs need

        if self.base is not None and state is not None and keep_rows:
            earlier = Earlier(self.base.path, state)
        folder = self._folder / f".stage-{source}"
        earlier_posts = 0 if state is None else state.posts
        try:
            stage = Stage(
                folder,
                source,
                run_id,
                earlier=earlier,
                earlier_posts=earlier_posts,
                drop_files=drop_files if keep_rows else None,
                period=period,
                grown=grown if keep_rows else frozenset(),
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._stages.append(stage)
        return stage

    def publish(
        self,
        source: str,
        result: StageResult,
        inputs: tuple[Input, ...],
        *,
        at: datetime,
        code_version: str,
        tables_digest: str,
        gazetteer_digest: str,
        zone: str | None = None,
        settings: dict[str, Any] | None = None,
        missing: tuple[str, ...] = (),
    ) -> Version:
        """Make the finished stage of `source` visible, in one step, beside the unchanged other sources.

        `result` is what the stage's `finish` gave.  `inputs` are all files that the source's rows are from,
        earlier ones included.  `at` is aware; it is the publishing time in the manifest and decides which
        old versions are pruned.
        Raises `DatasetError` where the disk refuses; then the version before stands.
        """
        stage = next((one for one in self._stages if one.result is result and one.source == source), None)
        if stage is None:
            raise ValueError(f"no finished stage of {source!r} with this result")
        if at.tzinfo is None:
            raise ValueError("the time of publishing must be aware")
        state = SourceState(
            run_id=result.run_id,
            inputs=tuple(sorted(inputs, key=lambda one: one.name)),
            files=result.files,
            posts=result.posts,
            places=result.places,
            dates=result.dates,
            rejected=result.quarantined,
            published=at.astimezone(UTC),
            code_version=code_version,
            tables_digest=tables_digest,
            gazetteer_digest=gazetteer_digest,
            zone=zone,
            settings=settings or {},
            missing=missing,
        )
        earlier = {} if self.base is None else self.base.manifest.sources
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            number=self._next_number(),
            created=at.astimezone(UTC),
            code_version=code_version,
            tables_digest=tables_digest,
            gazetteer_digest=gazetteer_digest,
            sources=dict(sorted({**earlier, source: state}.items())),
        )
        origins = {} if self.base is None else {other: self.base for other in earlier if other != source}
        return self._make_visible(stage.folder, manifest, origins, at)

    def restore(self, version: Version, source: str | None = None, *, at: datetime) -> Version:
        """Publish once more what `version` holds: of one source, the others as they are now, or of all.

        The dataset gets a new version; none is taken away.  Raises `DatasetError` where the source is not in
        `version`, its files there are damaged, or the disk refuses.
        """
        states = version.manifest.sources
        wanted = list(states) if source is None else [source]
        for name in wanted:
            version.files("posts", name)  # names the sources there are, where this is none of them
        damage = version.verify(wanted)
        if damage:
            raise DatasetError(f"version {version.number} is damaged: {'; '.join(damage)}")
        base = self.base or version
        kept = {} if source is None else {name: base for name in base.manifest.sources if name != source}
        origins = dict(sorted({**kept, **dict.fromkeys(wanted, version)}.items()))
        manifest = replace(
            base.manifest,
            schema_version=SCHEMA_VERSION,
            number=self._next_number(),
            created=at.astimezone(UTC),
            sources={name: origin.manifest.sources[name] for name, origin in origins.items()},
        )
        folder = self._folder / ".stage-@restored"  # no source has this name
        try:
            with telling(folder, "restore"):
                for table in FOLDERS:
                    (folder / table).mkdir(0o700 if table == "rejected" else 0o777, parents=True)
            return self._make_visible(folder, manifest, origins, at)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def replace_sources(self, folder: Path, states: Mapping[str, SourceState], *, at: datetime) -> Version:
        """Publish the current version with other files of some sources, which stand in `folder` by table.

        Raises `DatasetError` where the disk refuses; then the version before stands.
        """
        assert self.base is not None, "nothing was published yet"
        manifest = replace(
            self.base.manifest,
            number=self._next_number(),
            created=at.astimezone(UTC),
            sources={**self.base.manifest.sources, **states},
        )
        origins = {name: self.base for name in manifest.sources if name not in states}
        return self._make_visible(folder, manifest, origins, at)

    def _next_number(self) -> int:
        return max(self._dataset._numbers(), default=0) + 1

    def _make_visible(
        self, folder: Path, manifest: Manifest, origins: Mapping[str, Version], at: datetime
    ) -> Version:
        """Complete a folder with the files of the sources in `origins`, and let it be the current version."""
        path = self._folder / _folder_name(manifest.number)
        try:
            with telling(path, "publish"):
                manifest = _complete(folder, manifest, origins)
                folder.rename(path)
                sync_folder(self._folder)
                point(self._dataset.root / "current", f"versions/{path.name}")
        except BaseException:
            self._withdraw(path)
            raise
        self.base = Version(path, manifest)
        try:
            sync_folder(self._dataset.root)
        except OSError as refused:
            raise DatasetError(
                f"{self._dataset.root}: version {manifest.number} is published, but the disk does not "
                f"confirm it: {refused}; look at that disk"
            ) from refused
        with suppress(DatasetError):  # what cannot be removed now is tried again by the next publish
            self.prune(at)
        return self.base

    def prune(self, at: datetime, keep: timedelta = KEEP) -> list[int]:
        """Remove versions that were replaced more than `keep` before `at`; the numbers of those removed.

        What was current less than 24 hours ago stays whatever `keep` says, and so do the current version
        and the one before it.
        """
        current = self._dataset.current()
        numbers = [] if current is None else [n for n in self._dataset._numbers() if n <= current.number]
        removed = []
        for number, following in pairwise(numbers[:-1]):
            replaced = _open_version(self._folder / _folder_name(following)).manifest.created
            if at - replaced > max(keep, KEEP):
                with telling(self._folder / _folder_name(number), "remove an old version"):
                    _remove(self._folder / _folder_name(number))
                    (self._dataset._notes / f"{_folder_name(number)}.json").unlink(missing_ok=True)
                removed.append(number)
        return removed

    def close(self) -> None:
        """Throw away the stages that were not published."""
        for stage in self._stages:
            stage.abandon()

    def _withdraw(self, path: Path) -> None:
        """After a failed publish: a version without a pointer must not be taken up later."""
        self.base = self._dataset.current()
        if path.exists() and (self.base is None or self.base.path != path.resolve()):
            with suppress(OSError):
                _remove(path)


def _complete(folder: Path, manifest: Manifest, origins: Mapping[str, Version]) -> Manifest:
    """Make a folder a whole version, durable, under a name that nobody reads yet; its manifest.

    The files of the sources in `origins` are the same bytes as there, unless they are of an older schema.
    """
    states = dict(manifest.sources)
    for source, origin in origins.items():
        if origin.manifest.schema_version < SCHEMA_VERSION:
            from pipeline.storage.migrate import migrate  # noqa: PLC0415  Arrow, which few runs need here

            states[source] = migrate(origin.path, states[source], source, folder)
            continue
        for table, files in states[source].files.items():
            for file in files:
                link_file(origin.path / table / file.name, folder / table / file.name)
    manifest = replace(manifest, sources=states)
    for table in FOLDERS:
        sync_folder(folder / table)
    write_file(folder / MANIFEST, encode_manifest(manifest))
    sync_folder(folder)
    return manifest


def _open_version(path: Path) -> Version:
    try:
        raw = (path / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: is gone: it was pruned since, or never whole; open the dataset again"
        ) from None
    return Version(path, decode_manifest(raw, path / MANIFEST))


def _is_whole(path: Path) -> bool:
    """Whether a version that was never pointed to has all that its manifest tells of."""
    try:
        return not _open_version(path).damage()
    except NewerError:
        raise
    except DatasetError:
        return False


def _folder_name(number: int) -> str:
    """
    >>> _folder_name(42)
    '000042'
    """
    return f"{number:06}"


def _remove(path: Path) -> None:
    """Take a version out of sight in one step, then clear it away."""
    gone = path.with_name(f".gone-{path.name}")
    path.rename(gone)
    shutil.rmtree(gone)


def _holder(lock: int) -> str:
    """Who holds the lock, from its file."""
    since = datetime.fromtimestamp(int(os.fstat(lock).st_mtime), UTC)
    try:
        note = json.loads(os.pread(lock, 4096, 0))
        return f"{note['who']} (process {note['pid']}, since {since:%Y-%m-%d %H:%M:%S} UTC)"
    except (ValueError, KeyError, TypeError):
        return f"another process (since {since:%Y-%m-%d %H:%M:%S} UTC)"


def _close_locks() -> None:
    """In a forked child: let go of the parent's lock, so that it ends with the parent."""
    while _LOCKS_HELD:
        os.close(_LOCKS_HELD.pop())


os.register_at_fork(after_in_child=_close_locks)
