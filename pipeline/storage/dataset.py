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
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipeline.errors import DatasetError, LockedError
from pipeline.storage.durable import (
    point,
    replace_file,
    sync_folder,
    telling,
)
from pipeline.storage.manifest import (
    NewerError,
)
from pipeline.storage.version import Version, folder_name, is_whole, open_version
from pipeline.storage.writer import Writer

__all__ = ["Dataset", "Version", "Writer"]

_LOCKS_HELD: Final[set[int]] = set()  # descriptors that a forked child must close, or it would hold the lock


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
        return open_version(path)

    def version(self, number: int) -> Version:
        """A version by number; `DatasetError` where it is not there (pruned, or never made)."""
        path = self._versions / folder_name(number)
        if number not in self.versions():
            there = ", ".join(map(str, self.versions())) or "none"
            raise DatasetError(f"{path}: no such version (pruned, or never made); there are: {there}")
        return open_version(path)

    def versions(self) -> list[int]:
        """Numbers of the published versions that are on disk, ascending."""
        current = self.current()
        return (
            []
            if current is None
            else [number for number in self.numbers_on_disk() if number <= current.number]
        )

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
        for number in reversed(self.numbers_on_disk()):
            if folder_name(number) > pointed.name:
                continue
            path = self._versions / folder_name(number)
            try:
                version = open_version(path)
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
        note = self.note_of(version.number)
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

    def note_of(self, number: int) -> Path:
        """Where the damage that `verify` has found in a version is noted."""
        return self._notes / f"{folder_name(number)}.json"

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
        for number in reversed(self.numbers_on_disk()):
            if current is not None and number <= current.number:
                return
            path = self._versions / folder_name(number)
            if is_whole(path):
                sync_folder(self._versions)
                point(self._pointer, f"versions/{path.name}")
                sync_folder(self.root)
                return
            aside = path.with_name(f"broken-{path.name}")
            shutil.rmtree(aside, ignore_errors=True)
            path.rename(aside)
        if current is None:
            self._pointer.unlink(missing_ok=True)

    def numbers_on_disk(self) -> list[int]:
        """Numbers of all versions on disk, those without a pointer yet included, ascending."""
        try:
            names = [path.name for path in self._versions.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())


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
