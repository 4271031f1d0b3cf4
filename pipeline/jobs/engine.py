"""Who annotates the batches: this process, or workers on all cores.  Results come back in order either way.

A worker is opened once from small frozen settings, gets batches as bytes and gives encoded columns as
bytes; it never sees a file, a lock or the configuration.  When a worker dies or hangs, another takes its
place and the batch that it held is tried again in halves, until the post that does it is alone.  That post
is kept, without mentions and with a fault.
"""

# ruff: noqa: PLC0415  Arrow and the gazetteer are imported by the process that works, when it works
from __future__ import annotations

import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec
from msgspec import Struct

from pipeline.records import AnnotatedPost, Group, Post

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from pipeline.annotate import Settings, Toolkit
    from pipeline.storage.rows import Encoded

BATCH_SIZE: Final = 500  # posts
ENOUGH: Final = 12  # batches; below, starting workers costs more than they save
PATIENCE: Final = 300.0  # seconds for a batch, which takes a tenth of one; then its worker hangs
LOOK_AHEAD: Final = 4  # batches a worker that may be read but not yet given back


class Batch(Struct, frozen=True):
    """Posts of one source, in order, and what annotating them needs to know."""

    run_id: str
    group: Group
    posts: list[Post]


Work = Callable[[Batch], bytes]  # the batch's columns: an `Encoded`, as msgpack
Open = Callable[[], Work]  # called once in each process that works


class Engine(Protocol):
    """Anything that maps batches to their columns."""

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        """The columns of every batch, in the batches' order."""
        ...

    def close(self) -> None:
        """End the workers.  Twice is fine."""
        ...


@cache
def toolkit(settings: Settings) -> Toolkit:
    """The toolkit of this process, opened at the first call."""
    from pipeline.annotate import Toolkit

    return Toolkit.open(settings)


def annotator(settings: Settings) -> Work:
    """What every process runs: annotate a batch and turn it into columns."""
    return partial(_annotate, toolkit(settings))


def _annotate(opened: Toolkit, batch: Batch) -> bytes:
    from pipeline.annotate import annotate
    from pipeline.storage.rows import encode

    annotated = annotate(batch.posts, opened, batch.group)
    assert len(annotated) == len(batch.posts), "n in, n out"
    return msgspec.msgpack.encode(encode(annotated, batch.run_id))


def open_engine(
    kind: Literal["serial", "processes"], workers: Literal["auto"] | int, open_work: Open
) -> Engine:
    """The engine that the configuration asks for; nothing heavy happens before the first batch."""
    count = _cores() if workers == "auto" else workers
    if kind == "serial" or count == 1:
        return Serial(open_work)
    return Processes(open_work, count)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Serial:
    """All work in this process."""

    def __init__(self, open_work: Open) -> None:
        self._open = open_work
        self._work: Work | None = None

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        for batch in batches:
            if self._work is None:
                self._work = self._open()
            yield _checked(self._work(batch), batch)

    def close(self) -> None:
        self._work = None


class Processes:
    """Work in `count` child processes; the first few batches decide whether they are worth starting."""

    def __init__(self, open_work: Open, count: int, enough: int = ENOUGH, patience: float = PATIENCE) -> None:
        self._open = open_work
        self._count = count
        self._enough = enough
        self._patience = patience
        self._serial = Serial(open_work)
        self._workers: list[_Worker] = []
        self._suspects: _Worker | None = None  # works on batches that killed a worker

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        coming = iter(batches)
        if not self._workers:
            first = list(islice(coming, self._enough))
            if len(first) < self._enough:
                yield from self._serial.map(first)
                return
            coming = chain(first, coming)
            self._serial.close()
        yield from self._spread(coming)

    def close(self) -> None:
        for worker in [*self._workers, *([self._suspects] if self._suspects else [])]:
            worker.end()
        self._workers = []
        self._suspects = None

    def _spread(self, batches: Iterator[Batch]) -> Iterator[Encoded]:
        while len(self._workers) < self._count:
            self._workers.append(_Worker(self._open))
        try:
            yield from self._in_order(batches)
        finally:  # where the caller gave up, answers that nobody waits for must not come later
            for worker in [worker for worker in self._workers if worker.task is not None]:
                self._workers.remove(worker)
                worker.end()

    def _in_order(self, batches: Iterator[Batch]) -> Iterator[Encoded]:
        """Give every idle worker the next batch; give back what is done, in order."""
        numbered = enumerate(batches)
        waiting: deque[Task] = deque()
        done: dict[int, tuple[Batch, bytes | None]] = {}
        given = taken = 0  # batches given back to the caller; batches read
        exhausted = False
        while True:
            self._collect(done, timeout=0)
            for worker in self._workers:
                if worker.task is None and waiting:
                    worker.give(waiting.popleft())
            if given in done:
                batch, result = done.pop(given)
                given += 1
                if result is not None:
                    yield _checked(result, batch)
                else:
                    yield from self._apart(batch)
            elif not exhausted and taken - given < self._count * LOOK_AHEAD:
                following = next(numbered, None)
                if following is None:
                    exhausted = True
                else:
                    waiting.append(following)
                    taken += 1
            elif given == taken:
                return
            else:
                self._collect(done, timeout=None)

    def _collect(self, done: dict[int, tuple[Batch, bytes | None]], timeout: float | None) -> None:
        """Take the answers that are there, or wait for one; a worker that died is replaced."""
        busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
        answered = wait(list(busy), self._patience if timeout is None else timeout)
        for worker in busy.values():
            if worker.seconds() > self._patience and worker.connection not in answered:
                worker.kill()  # its pipe closes, and that is taken as its death
        for connection in answered:
            assert isinstance(connection, Connection)
            worker = busy[connection]
            if worker.greets():
                continue
            assert worker.task is not None
            number, batch = worker.task
            done[number] = batch, worker.take()
            if worker.dead:
                self._workers[self._workers.index(worker)] = worker.successor()

    def _apart(self, batch: Batch) -> Iterator[Encoded]:
        """The columns of a batch that killed its worker, in pieces, the deadly post as a fault.

        It is tried whole once more first: the worker may have been killed for what somebody else did.
        """
        result = self._alone(batch)
        if result is not None:
            yield _checked(result, batch)
        elif len(batch.posts) == 1:
            yield _faulty(batch)
        else:
            half = len(batch.posts) // 2
            for part in (batch.posts[:half], batch.posts[half:]):
                yield from self._apart(Batch(batch.run_id, batch.group, part))

    def _alone(self, batch: Batch) -> bytes | None:
        """The batch in a process that holds nothing else; None where that dies of it."""
        if self._suspects is None:
            self._suspects = _Worker(self._open)
        self._suspects.give((0, batch))
        self._suspects.greets()
        if not self._suspects.connection.poll(self._patience):
            self._suspects.kill()
        result = self._suspects.take()
        if result is None:
            self._suspects.end()
            self._suspects = None
        return result


Task = tuple[int, Batch]


class WorkError(RuntimeError):
    """A worker could not be opened, or its work raised: our bug.  The worker's traceback is the message."""


class _Worker:
    """One child process and the batch that it holds."""

    def __init__(self, open_work: Open) -> None:
        context = get_context("spawn")
        self._open = open_work
        self.connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_serve, args=(theirs, open_work), daemon=True)
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._process.start()  # Ctrl-C reaches the whole group: the parent decides, the child never hears it
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        theirs.close()
        self.task: Task | None = None
        self.dead = False
        self._ready = False
        self._since = 0.0  # when it could begin with the task

    def give(self, task: Task) -> None:
        self.task = task
        self._since = time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):  # its death is seen when the answer is read
            self.connection.send_bytes(msgspec.msgpack.encode(task[1]))

    def seconds(self) -> float:
        """How long the worker has been at its task; 0 while it is still being opened."""
        return time.monotonic() - self._since if self._ready else 0.0

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()

    def greets(self) -> bool:
        """Whether what has come is no answer yet, but the word that the worker is open now.  Waits.

        Raises `WorkError` where it could not be opened.
        """
        if self._ready:
            return False
        try:
            word = self.connection.recv_bytes()
        except (EOFError, ConnectionResetError, BrokenPipeError):
            raise WorkError("a worker process died before it could work") from None
        self._ready = _answer(word) == b""
        self._since = time.monotonic()
        return self._ready

    def take(self) -> bytes | None:
        """The answer to the task; None where the worker died of it.  Waits."""
        self.greets()
        self.task = None
        try:
            return _answer(self.connection.recv_bytes())
        except (EOFError, ConnectionResetError, BrokenPipeError):
            self.dead = True
            return None

    def successor(self) -> _Worker:
        self.end()
        return _Worker(self._open)

    def end(self) -> None:
        """Close the pipe; a worker that waits ends by itself, a working one is terminated."""
        self.connection.close()
        if self.task is not None:
            self._process.terminate()
        self._process.join(timeout=2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(connection: Connection, open_work: Open) -> None:
    """A worker's life: open once, then answer batch after batch until the pipe closes."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(EOFError, ConnectionResetError, BrokenPipeError):
        try:
            work = open_work()
            connection.send_bytes(b"=")
            while True:
                batch = msgspec.msgpack.decode(connection.recv_bytes(), type=Batch)
                connection.send_bytes(b"=" + work(batch))
        except MemoryError:
            os._exit(1)  # as if killed: the batch is tried again in halves
        except (EOFError, ConnectionResetError, BrokenPipeError):
            raise
        except Exception:  # noqa: BLE001  the parent raises it
            connection.send_bytes(b"!" + traceback.format_exc().encode(errors="replace"))


def _answer(sent: bytes) -> bytes:
    """What a worker sent, without its sign; `WorkError` where it is a bug's traceback."""
    if sent[:1] == b"!":
        raise WorkError(sent[1:].decode())
    return sent[1:]


def _checked(result: bytes, batch: Batch) -> Encoded:
    from pipeline.storage.rows import Encoded

    encoded = msgspec.msgpack.decode(result, type=Encoded)
    assert len(encoded.keys) == len(batch.posts), f"{len(batch.posts)} posts in, {len(encoded.keys)} out"
    return encoded


def _faulty(batch: Batch) -> Encoded:
    from pipeline.storage.rows import encode

    fault = "killed its worker process: a crash, out of memory, or no end"
    return encode([AnnotatedPost(post=post, fault=fault) for post in batch.posts], batch.run_id)
