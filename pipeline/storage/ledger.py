"""The run records: JSON lines that are only ever appended, each bound to the one before by its hash."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from pipeline.errors import DatasetError
from pipeline.storage.durable import sync_folder, telling

FIRST: Final = "0" * 64  # `previous` of the first line
_ENDS: Final = frozenset({"finished", "failed", "interrupted", "skipped"})
_TAIL: Final = 1 << 16


class Ledger:
    """`ledger/runs.jsonl` of a dataset.

    A line is one JSON object: `seq` counts from 1, `previous` is the SHA-256 of the line before (without
    its line feed), and the rest is what the caller recorded.  Whoever changes, drops or slips in a line
    breaks the chain at that place.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "ledger" / "runs.jsonl"

    def append(self, event: dict[str, Any]) -> None:
        """Record one event, durable when the call returns.

        Waits its turn under a lock on the ledger alone, so that a run without a writer can record too.
        A last line that a crash tore is set aside first, into `ledger/torn.jsonl`.
        Raises `DatasetError` where the disk refuses, `ValueError` for the keys `seq` and `previous`.
        """
        if event.keys() & {"seq", "previous"}:
            raise ValueError("seq and previous belong to the ledger")
        with telling(self.path, "record the run"):
            fresh = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._set_aside_torn_line(file)
                last = _last_line(file)
                seq = 0 if last is None else _decode(last, self.path)["seq"]
                previous = FIRST if last is None else hashlib.sha256(last).hexdigest()
                line = msgspec.json.encode({"seq": seq + 1, "previous": previous, **event})
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if fresh:
                sync_folder(self.path.parent)
                sync_folder(self.path.parent.parent)

    def events(self) -> Iterator[dict[str, Any]]:
        """The recorded events, oldest first; a torn last line is left out.

        Raises `DatasetError` that names the line which is no JSON object.
        """
        for number, line in self._lines():
            yield _decode(line, self.path, number)

    def unfinished(self) -> list[dict[str, Any]]:
        """Events `started` whose run has no later end: runs that were killed, or that run now."""
        started: dict[tuple[Any, Any], dict[str, Any]] = {}
        for event in self.events():
            run = (event.get("source"), event.get("run_id"))
            if event.get("event") == "started":
                started[run] = event
            elif event.get("event") in _ENDS:
                started.pop(run, None)
        return list(started.values())

    def verify(self) -> list[str]:
        """What is wrong with the chain, a sentence each; empty when no line was changed, dropped or added."""
        wrong = []
        previous = FIRST
        for number, line in self._lines():
            try:
                event = _decode(line, self.path, number)
            except DatasetError as damage:
                wrong.append(str(damage))
            else:
                if event.get("previous") != previous:
                    wrong.append(f"{self.path} line {number}: the line before is not the one it was bound to")
                if event.get("seq") != number:
                    wrong.append(f"{self.path} line {number}: it says that it is number {event.get('seq')}")
            previous = hashlib.sha256(line).hexdigest()
        return wrong

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield number, line[:-1]

    def _set_aside_torn_line(self, file: BinaryIO) -> None:
        """Move what stands after the last line feed to `torn.jsonl`: a crash cut it off."""
        size = file.seek(0, os.SEEK_END)
        kept = _after_last_line_feed(file, size)
        if kept == size:
            return
        file.seek(kept)
        with self.path.with_name("torn.jsonl").open("ab") as aside:
            aside.write(file.read() + b"\n")
            aside.flush()
            os.fsync(aside.fileno())
        file.truncate(kept)


def _decode(line: bytes, path: Path, number: int | None = None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError as damage:
        where = "the last line" if number is None else f"line {number}"
        raise DatasetError(f"{path}: {where} is damaged: {damage}") from damage


def _last_line(file: BinaryIO) -> bytes | None:
    """The last whole line without its line feed; `file` ends with one, or is empty."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return None
    start = _after_last_line_feed(file, size - 1)
    file.seek(start)
    return file.read(size - 1 - start)


def _after_last_line_feed(file: BinaryIO, end: int) -> int:
    """Where the text begins that stands between the last line feed before `end` and `end`."""
    while end > 0:
        start = max(0, end - _TAIL)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
