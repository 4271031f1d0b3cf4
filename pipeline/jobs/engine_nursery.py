"""The side of the engine that waits: a nursery and its workers, as the program sees them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from socket import socketpair
from typing import Final

import msgspec

from pipeline.jobs.engine_worker import End, Fork

_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from pipeline.jobs.engine_worker import main; main(int(sys.argv[1]))"
)
_ONE_THREAD: Final = {  # a process forks safely while it has one thread; and the workers are on all cores
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
_GONE: Final = (EOFError, ConnectionResetError, BrokenPipeError)


class WorkError(RuntimeError):
    """A worker could not be opened, or its work raised: our bug.  The worker's traceback is the message."""


class Nursery:
    """A process that has opened the work and forks workers; it is opened while the caller goes on."""

    def __init__(self, open_work: Callable[[], object]) -> None:
        ours, theirs = socketpair()
        self._channel = Connection(ours.detach())
        self._numbers = 0
        self._greeted = False
        self.gone = False
        words = [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)]
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:  # until it ignores them itself
            self._process = subprocess.Popen(  # noqa: S603  ourselves
                words,
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a library prints must not get between the lines of the command
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_ONE_THREAD},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        with suppress(*_GONE):
            self._channel.send(open_work)

    def fork(self, memory: int) -> Worker:
        """A new worker, which may take `memory` bytes beyond what is opened."""
        self._numbers += 1
        ours, theirs = socketpair()
        with suppress(*_GONE):  # its pipe closes, and that is taken as its death
            self._channel.send_bytes(msgspec.msgpack.encode(Fork(self._numbers, memory)))
            send_handle(self._channel, theirs.fileno(), self._process.pid)
        theirs.close()
        return Worker(self, self._numbers, Connection(ours.detach()))

    def end(self, number: int) -> int | None:
        """Kill a worker; its exit code, below 0 the signal that killed it.  None where nobody can tell.

        Raises `WorkError` where the work could not be opened.
        """
        try:
            if not self._greeted:
                word = self._channel.recv_bytes()
                self._greeted = answer(word) == b""
            self._channel.send_bytes(msgspec.msgpack.encode(End(number)))
            return int(self._channel.recv_bytes())
        except _GONE:
            self.gone = True
            if not self._greeted:
                raise WorkError("a worker process died before it could work") from None
            return None

    def close(self) -> None:
        """End the process and all of its workers.  Twice is fine."""
        self.gone = True
        self._channel.close()
        try:
            self._process.wait(timeout=2)  # it reads that the channel is closed, or is still opening
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Worker:
    """One child process and the task that it holds."""

    def __init__(self, nursery: Nursery, number: int, connection: Connection) -> None:
        self.connection = connection
        self.task: int | None = None  # the number of the batch
        self.late = False  # it was given up for not answering
        self._nursery = nursery
        self._number = number
        self._ready = False
        self._since = 0.0  # when it could begin with what is due
        self._ended = False

    def give(self, task: int, batch: bytes, *, singly: bool = False) -> None:
        """Hand over an encoded batch; `singly` for an answer to each of its posts."""
        self.task = task
        self._since = time.monotonic()
        with suppress(*_GONE):  # its death is seen when the answer is read
            self.connection.send_bytes((b"s" if singly else b"b") + batch)

    def seconds(self) -> float:
        """How long the worker has been at its answer; 0 while it is still being opened."""
        return time.monotonic() - self._since if self._ready else 0.0

    def greets(self) -> bool:
        """Whether what has come is no answer yet, but the word that the worker is open now.  Waits.

        Raises `WorkError` where it could not be opened.
        """
        if self._ready:
            return False
        try:
            self._ready = answer(self.connection.recv_bytes()) == b""
        except _GONE:
            self.end()
            raise WorkError("a worker process died before it could work") from None
        self._since = time.monotonic()
        return self._ready

    def take(self, patience: float) -> bytes | None:
        """The next answer; None where the worker died of the task, or did not answer in `patience` seconds.

        Raises `WorkError` where the work raised.
        """
        self.greets()
        if not self.connection.poll(patience):
            self.late = True
            return None
        try:
            taken = answer(self.connection.recv_bytes())
        except _GONE:
            return None
        self._since = time.monotonic()
        return taken

    def end(self) -> int | None:
        """Kill the process; how it had ended, as `Nursery.end` tells it.  Twice is fine."""
        if self._ended:
            return None
        self._ended = True
        self.connection.close()
        return None if self._nursery.gone else self._nursery.end(self._number)


def answer(sent: bytes) -> bytes:
    """What was sent, without its sign; `WorkError` where it is a bug's traceback."""
    if sent[:1] == b"!":
        raise WorkError(sent[1:].decode())
    return sent[1:]
