"""How far the runs under way are, for whoever looks: a small file of each, outside the versions.

A run writes `running/NAME-PID.json` in the dataset's folder from its first file to its end, swapped in whole
and at most twice a second.  It is a note and no record: what a run did stands in the ledger.  A note whose
process is gone is stale; readers pass it by, and the next run of the source clears it away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.jobs.status import is_alive, process

FOLDER: Final = "running"
PAUSE: Final = 0.5  # seconds between two notes, and no note costs a run more than a small write


class Progress(Struct, frozen=True):
    """How far a run is."""

    source: str
    files: int
    files_done: int
    size: int  # bytes
    size_done: int
    rows: int


Watch = Callable[[Progress], object]


class Running(Struct, frozen=True, kw_only=True):
    """A run under way, as its process last told; times are aware UTC."""

    source: str
    kind: str  # run, rerun or replay
    pid: int
    host: str
    started: datetime
    at: datetime  # of this note
    files: int
    files_done: int
    size: int  # bytes
    size_done: int
    rows: int


@contextmanager
def noting(dataset: Path, kind: str, watch: Watch | None) -> Iterator[Watch]:
    """What a run calls with its progress: notes it down, and passes it on to `watch`.

    At the end the note is taken away.  A disk that refuses notes does not disturb the run.
    """
    notes = _Notes(dataset / FOLDER, kind)

    def tell(at: Progress) -> None:
        notes.take(at)
        if watch is not None:
            watch(at)

    try:
        yield tell
    finally:
        notes.clear()


def running(dataset: Path) -> list[Running]:
    """The runs under way, by source; notes of processes that are gone are left out.

    A process of another machine cannot be seen: its note counts for ten minutes.
    """
    found = (_read(path) for path in _notes(dataset / FOLDER))
    return [note for note in found if note is not None and _is_fresh(note)]


class _Notes:
    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind
        self._started = datetime.now(UTC)
        self._due = 0.0  # on the monotonic clock
        self._path: Path | None = None

    def take(self, at: Progress) -> None:
        now = time.monotonic()
        is_end = at.files_done == at.files
        if now < self._due and not is_end:
            return
        self._due = now + PAUSE
        pid, host = process()["pid"], process()["host"]
        note = Running(
            kind=self._kind,
            pid=pid,
            host=host,
            started=self._started,
            at=datetime.now(UTC),
            **msgspec.structs.asdict(at),
        )
        with suppress(OSError):
            if self._path is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                _clear_stale(self._folder, at.source)
                self._path = self._folder / f"{at.source}-{pid}.json"
            fresh = self._path.with_name(f".{self._path.name}")
            fresh.write_bytes(msgspec.json.encode(note))
            fresh.replace(self._path)

    def clear(self) -> None:
        if self._path is None:
            return
        with suppress(OSError):
            self._path.with_name(f".{self._path.name}").unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)
            self._folder.rmdir()  # refused while another run has its note there


def _is_fresh(note: Running) -> bool:
    if note.host != process()["host"]:
        return datetime.now(UTC) - note.at < timedelta(minutes=10)
    return is_alive(note.pid, note.host)


def _clear_stale(folder: Path, source: str) -> None:
    for path in _notes(folder):
        note = _read(path)
        if note is not None and note.source == source and not _is_fresh(note):
            path.unlink(missing_ok=True)


def _notes(folder: Path) -> list[Path]:
    """The notes in a folder that may come and go while it is looked at."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  a glob would begin by asking whether the folder is there
    except OSError:
        return []
    return [folder / name for name in sorted(names) if name.endswith(".json") and name[0] != "."]


def _read(path: Path) -> Running | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None
