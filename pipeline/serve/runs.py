"""The runs that the page asks for: one after the other, each in a process of its own.

The process is the command itself, so that the page and the command line cannot differ, and a run that dies
takes nothing along.  A run goes on to its end when the server stops.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryFile
from typing import IO, Final, Literal

from msgspec import Struct

from pipeline.errors import LockedError, MarsadError

MARSAD: Final = (sys.executable, "-m", "pipeline")
LINES: Final = 12  # of what a run said that are kept
LINE: Final = 500  # characters
_PROGRESS: Final = re.compile(r"\S+: [\d,]+ of [\d,]+ files, [\d,]+ rows read")

State = Literal["waiting", "running", "done", "failed", "locked", "stopped"]


class BusyError(MarsadError):
    """The source is already waiting or running here."""


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody asks for; every part was checked by whoever made it."""

    kind: Literal["run", "rerun", "replay"]
    source: str
    since: date | None = None
    until: date | None = None
    force: bool = False
    reason: str | None = None

    @property
    def words(self) -> list[str]:
        """As one would type it.

        >>> " ".join(Wish(kind="rerun", source="a", since=date(2016, 2, 1)).words)
        'marsad rerun a --since 2016-02-01'
        """
        words = ["rejected", self.source, "--replay"] if self.kind == "replay" else [self.kind, self.source]
        if self.since is not None:
            words += ["--since", self.since.isoformat()]
        if self.until is not None:
            words += ["--until", self.until.isoformat()]
        if self.reason is not None:
            words += ["--reason", self.reason]
        return ["marsad", *words, *(["--force"] if self.force else [])]


class Asked(Struct, kw_only=True):
    """A wish and what became of it; times are aware UTC."""

    number: int
    wish: Wish
    command: str
    at: datetime
    state: State = "waiting"
    pid: int | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    told: tuple[str, ...] = ()  # the last lines that the run said


class Runs:
    """The queue, the thread that works it off, and the last wish for each source."""

    def __init__(self, config: Path, command: Sequence[str] = MARSAD) -> None:
        self._config = config
        self._command = command
        self._guard = threading.Lock()
        self._last: dict[str, Asked] = {}
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)
        self._thread.start()

    def ask(self, wish: Wish) -> Asked:
        """Queue a run; raises `BusyError` where one of its source waits or runs already."""
        with self._guard:
            before = self._last.get(wish.source)
            if before is not None and before.state in ("waiting", "running"):
                raise BusyError(f"{wish.source}: {before.command} is {before.state} already")
            self._count += 1
            asked = Asked(number=self._count, wish=wish, command=" ".join(wish.words), at=datetime.now(UTC))
            self._last[wish.source] = asked
        self._queue.put(asked)
        return asked

    def stop(self, source: str) -> Asked | None:
        """Take a waiting run out of the queue, let a running one stop; None where none was asked for here.

        What a stopped run did is not visible: the rows before it stay.
        """
        with self._guard:
            asked = self._last.get(source)
            if asked is None or asked.state not in ("waiting", "running"):
                return None
            if asked.state == "waiting":
                asked.state, asked.ended = "stopped", datetime.now(UTC)
            elif self._process is not None:
                with suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGTERM)
            return asked

    def last(self) -> dict[str, Asked]:
        """The last wish for each source."""
        with self._guard:
            return dict(self._last)

    def close(self) -> Asked | None:
        """Start no more runs; the one that goes on, where there is one."""
        self._queue.put(None)
        with self._guard:
            for asked in self._last.values():
                if asked.state == "waiting":
                    asked.state, asked.ended = "stopped", datetime.now(UTC)
            return next((one for one in self._last.values() if one.state == "running"), None)

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            try:
                self._run(asked)
            except OSError as refused:
                self._end(asked, 1, (f"cannot start {asked.command}: {refused}",))

    def _run(self, asked: Asked) -> None:
        words = [*self._command, *asked.wish.words[1:], "--config", str(self._config), "--json"]
        with TemporaryFile() as said:  # a file, not a pipe: the run outlives this process
            with self._guard:
                if asked.state != "waiting":
                    return
                self._process = process = subprocess.Popen(  # noqa: S603  our own command, without a shell
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    start_new_session=True,
                )
                asked.state, asked.pid = "running", process.pid
            code = process.wait()
            self._end(asked, code, _lines(said))

    def _end(self, asked: Asked, code: int, told: tuple[str, ...]) -> None:
        with self._guard:
            self._process = None
            asked.exit_code, asked.ended, asked.told = code, datetime.now(UTC), told
            asked.state = _state(code)


def _state(code: int) -> State:
    if code in (0, 3):
        return "done"
    if code == LockedError.exit_code:
        return "locked"
    return "stopped" if code in (130, 143, -signal.SIGTERM, -signal.SIGINT) else "failed"


def _lines(said: IO[bytes]) -> tuple[str, ...]:
    """The last lines of a file, without those that only tell of progress."""
    size = said.seek(0, 2)
    said.seek(max(0, size - LINES * LINE * 4))
    lines = said.read().decode(errors="replace").splitlines()
    return tuple(line[:LINE] for line in lines if line.strip() and not _PROGRESS.fullmatch(line))[-LINES:]
