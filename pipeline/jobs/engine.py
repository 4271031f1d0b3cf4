"""Who annotates the batches: this process, or workers on all cores.  Results come back in order either way.

A worker gets batches as bytes and gives encoded columns as bytes; it never sees a file, a lock or the
configuration.  When one dies of a batch, does not answer in time or runs out of memory, another takes the
posts of that batch one by one and answers each, until one has no answer.  That post is kept, without
mentions and with a fault that names where it stands, and the next worker goes on behind it.
"""

# ruff: noqa: PLC0415  Arrow and the gazetteer are imported by the process that works, when it works
from __future__ import annotations

import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec
from msgspec import Struct

from pipeline.records import AnnotatedPost, Group, Post, Settings

if TYPE_CHECKING:
    from pipeline.annotate import Toolkit
    from pipeline.jobs.engine_nursery import Nursery, Worker
    from pipeline.storage.rows import Encoded

BATCH_SIZE: Final = 500  # posts
LOOK_AHEAD: Final = 4  # batches a worker that may be read but not yet given back
OUT_OF_MEMORY: Final = 112  # exit code of a worker that could get no more memory
_WARMTH: Final = "قصف على حماة أمس الساعة 5 مساءً #سوريا. Shelling near Hama yesterday, 3 March 2014."

_log = logging.getLogger(__name__)


class Batch(Struct, frozen=True):
    """Posts of one source, in order, and what annotating them needs to know."""

    run_id: str
    group: Group
    posts: list[Post]

    def singles(self) -> Iterator[Batch]:
        """A batch for each of the posts."""
        return (Batch(self.run_id, self.group, [post]) for post in self.posts)


class Limits(Struct, frozen=True):
    """What a batch, or a post that is tried alone, may cost its worker."""

    seconds: float = 60.0  # a batch takes about a tenth of one
    memory: int = 2000 * 2**20  # bytes beyond what is opened


Work = Callable[[Batch], bytes]  # the batch's columns: an `Encoded`, as msgpack
Open = Callable[[], Work]  # called once in each process that works, or that forks those that work


class Engine(Protocol):
    """Anything that maps batches to their columns."""

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        """The columns of every batch, in the batches' order; of a batch that fails, in pieces."""
        ...

    def prepare(self) -> None:
        """Begin to open what the work needs, where that can go on beside what the caller does until `map`."""
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
    """What every process runs: annotate a batch and turn it into columns.

    The tables that are read at first use are read now, so that forks share them.
    """
    from pipeline.annotate import annotate, text_post
    from pipeline.storage.rows import posts_table

    opened = toolkit(settings)
    posts_table(annotate([text_post(0, _WARMTH, datetime(2014, 3, 5, tzinfo=UTC))], opened), "")
    return partial(_annotate, opened)


def _annotate(opened: Toolkit, batch: Batch) -> bytes:
    """Raises `MemoryError` where a post in company met it: the post may not be to blame."""
    from pipeline.annotate import annotate
    from pipeline.storage.rows import encode

    annotated = annotate(batch.posts, opened, batch.group)
    assert len(annotated) == len(batch.posts), "n in, n out"
    if len(annotated) > 1 and any((one.fault or "").startswith(MemoryError.__name__) for one in annotated):
        raise MemoryError
    return msgspec.msgpack.encode(encode(annotated, batch.run_id))


def open_engine(
    kind: Literal["serial", "processes"],
    workers: Literal["auto"] | int,
    open_work: Open,
    limits: Limits = Limits(),  # noqa: B008
) -> Engine:
    """The engine that the configuration asks for; nothing heavy happens before the first batch."""
    if kind == "serial":
        return Serial(open_work)
    return Processes(open_work, cores() if workers == "auto" else workers, limits)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Serial:
    """All work in this process, without limits: a post that kills it ends the run."""

    def __init__(self, open_work: Open) -> None:
        self._open = open_work
        self._work: Work | None = None

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        for batch in batches:
            if self._work is None:
                self._work = self._open()
            try:
                result = self._work(batch)
            except MemoryError:
                for single in batch.singles():
                    yield checked(self._work(single), single)
            else:
                yield checked(result, batch)

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        self._work = None


class Processes:
    """Work in up to `count` child processes, as many as there are batches for; none before the first."""

    def __init__(self, open_work: Open, count: int, limits: Limits = Limits()) -> None:  # noqa: B008
        self._open = open_work
        self._count = count
        self._limits = limits
        self._nursery: Nursery | None = None
        self._workers: list[Worker] = []

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        try:
            yield from self._in_order(batches)
        finally:  # where the caller gave up, answers that nobody waits for must not come later
            for worker in [worker for worker in self._workers if worker.task is not None]:
                self._dismiss(worker)

    def prepare(self) -> None:
        from pipeline.jobs.engine_nursery import Nursery

        if self._nursery is None:
            self._nursery = Nursery(self._open)

    def close(self) -> None:
        for worker in self._workers:
            worker.connection.close()
        self._workers = []
        if self._nursery is not None:
            self._nursery.close()
            self._nursery = None

    def _in_order(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        """Give every idle worker the next batch; give back what is done, in order."""
        coming = iter(batches)
        waiting: deque[int] = deque()
        held: dict[int, Batch] = {}  # read and not given back
        done: dict[int, bytes | None] = {}
        given = taken = 0  # batches given back to the caller; batches read
        exhausted = False
        while True:
            self._collect(done, at_once=True)
            while waiting and (worker := self._idle()) is not None:
                number = waiting.popleft()
                worker.give(number, msgspec.msgpack.encode(held[number]))
            if given in done:
                batch, result = held.pop(given), done.pop(given)
                given += 1
                if result is not None:
                    yield checked(result, batch)
                else:
                    yield from self._apart(batch)
            elif not exhausted and taken - given < self._count * LOOK_AHEAD:
                following = next(coming, None)
                if following is None:
                    exhausted = True
                else:
                    held[taken] = following
                    waiting.append(taken)
                    taken += 1
            elif given == taken:
                return
            else:
                self._collect(done, at_once=False)

    def _idle(self) -> Worker | None:
        """A worker that has nothing to do, a new one where there may be more; None where all are busy."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) == self._count:
            return None
        self._workers.append(self._hire())
        return self._workers[-1]

    def _hire(self) -> Worker:
        if self._nursery is not None and self._nursery.gone:
            self._nursery.close()
            self._nursery = None
        self.prepare()
        assert self._nursery is not None
        return self._nursery.fork(self._limits.memory)

    def _dismiss(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.end()

    def _collect(self, done: dict[int, bytes | None], *, at_once: bool) -> None:
        """Take the answers that are there, or wait for some; a worker that died or is late is dismissed."""
        busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
        left = min((self._limits.seconds - worker.seconds() for worker in busy.values()), default=0.0)
        answered = wait(list(busy), 0 if at_once else max(left, 0))
        for connection, worker in busy.items():
            late = worker.seconds() > self._limits.seconds
            if connection not in answered and not late:
                continue
            if connection in answered and worker.greets():
                continue
            assert worker.task is not None
            result = done[worker.task] = worker.take(0)
            worker.task = None
            if result is None:
                self._dismiss(worker)

    def _apart(self, batch: Batch) -> Iterator[Encoded]:
        """The columns of a batch that cost its worker, a post each, the deadly ones as faults.

        Where all have answers the worker died of what somebody else did, or of all posts together.
        """
        left = deque(batch.singles())
        suspected = False  # whether the first has cost a worker that somebody else may have killed
        while left:
            worker = self._hire()
            try:
                posts = [single.posts[0] for single in left]
                worker.give(0, msgspec.msgpack.encode(Batch(batch.run_id, batch.group, posts)), singly=True)
                while left and (result := worker.take(self._limits.seconds)) is not None:
                    suspected = False
                    yield checked(result, left.popleft())
                if left:
                    ended = worker.end()
                    innocent = not worker.late and not suspected and ended in (None, -signal.SIGKILL)
                    suspected = innocent
                    if not innocent:
                        yield self._faulty(left.popleft(), worker.late, ended)
            finally:
                worker.end()

    def _faulty(self, single: Batch, late: bool, ended: int | None) -> Encoded:
        from pipeline.storage.rows import encode

        if late:
            why = f"no end within {self._limits.seconds:g} s (engine.batch_seconds)"
        elif ended == OUT_OF_MEMORY:
            why = f"more than {self._limits.memory // 2**20} MB of memory (engine.worker_memory)"
        elif ended is None:
            why = "its worker was killed"
        elif ended < 0:
            why = f"its worker was killed by {signal.Signals(-ended).name}"
        else:
            why = f"its worker ended with exit code {ended}"
        post = single.posts[0]
        _log.error(
            "a post is kept without mentions: %s", why, extra={"source": post.source, "run": single.run_id}
        )
        where = f"{post.origin.file}, {post.origin.locator}"
        return encode([AnnotatedPost(post=post, fault=f"{where}: {why}")], single.run_id)


def checked(result: bytes, batch: Batch) -> Encoded:
    """The columns that a process gave for a batch; all of its posts must be there."""
    from pipeline.storage.rows import Encoded

    encoded = msgspec.msgpack.decode(result, type=Encoded)
    assert encoded.posts == len(batch.posts), f"{len(batch.posts)} posts in, {encoded.posts} out"
    return encoded
