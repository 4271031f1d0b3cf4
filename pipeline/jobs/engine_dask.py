"""The engine on a cluster: batches go to the workers of Dask as bytes and come back as encoded columns.

The coordinator, which holds the lock, reads the exports, knows the keys and publishes; workers only turn
batches into columns (`engine_dask_worker`).  So a worker that is killed, or a task that runs twice, can
neither lose nor double a post, and no name of an author leaves this machine unless the source keeps names.
"""

# ruff: noqa: PLC0415  Dask is an extra, imported when a run asks for it
from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pipeline.errors import ClusterError, ConfigError
from pipeline.jobs.engine import Batch, Limits, Processes, annotator, toolkit

if TYPE_CHECKING:
    from pipeline.jobs.engine_dask_worker import Answer
    from pipeline.records import Settings
    from pipeline.storage.rows import Encoded

LOOK_AHEAD: Final = 4  # batches a thread of the cluster that may be read but not yet given back
CONNECT_SECONDS: Final = 30.0
LONELY_SECONDS: Final = 60.0  # so long a run waits for a worker to come (back)
_GLANCE: Final = 2.0  # seconds between two looks at who works
_MISSING: Final = "engine.kind: dask needs Dask; run: pip install 'marsad[cluster]'"

_log = logging.getLogger(__name__)


class _Held(Struct):
    """A batch under way."""

    batch: Batch
    future: Any
    since: float  # when it was given away
    settled: Event  # set when Dask has an answer, or gives up


class Cluster:
    """Work on the workers of a Dask cluster: of the one at `address`, else of `count` processes here.

    A cluster of ours listens on this machine only and speaks TLS with a key of its own.  Of another one, the
    settings of Dask decide how it is spoken to (`distributed.comm.tls`).
    """

    def __init__(
        self,
        settings: Settings,
        address: str | None,
        count: int,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self._settings = settings
        self._address = address
        self._count = count
        self._limits = limits
        self._client: Any = None
        self._local: Any = None
        self._threads = 0
        self._looked = 0.0
        self._lonely_since: float | None = None
        self._shipped = 0.0  # when the gazetteer was sent to the workers

    def prepare(self) -> None:
        """Raises `ConfigError` where Dask is not installed or nobody answers at the address."""
        self._connected()

    def told(self) -> str:
        """Who would work, in words; a cluster of ours is not started for it.  Raises what `prepare` does."""
        if self._address is None:
            return f"a cluster of {self._count} processes on this machine, started for each run"
        threads = self._connected().nthreads()
        return f"{len(threads)} workers with {sum(threads.values())} threads at {self._address}"

    def map(self, batches: Iterable[Batch]) -> Iterator[Encoded]:
        """The columns of every batch, in the batches' order.

        Raises what `prepare` raises, and `ClusterError` where a worker cannot take part, or the cluster or
        all of its workers are gone.
        """
        coming = iter(batches)
        held: deque[_Held] = deque()
        client = self._connected()
        opening = self._opening()
        run = uuid.uuid4().hex  # two runs on one cluster may not share results by the names of tasks
        taken = 0
        try:
            while True:
                self._look(client)
                room = LOOK_AHEAD * max(self._threads, 1)
                while len(held) < room and (batch := next(coming, None)) is not None:
                    held.append(self._give(client, opening, batch, f"marsad-{run}-{taken}"))
                    taken += 1
                if not held:
                    return
                first = held.popleft()
                answer = self._answer(client, first)
                while answer is not None and answer.lacks_pack:
                    self._ship(client, first.since)
                    taken += 1
                    first = self._give(client, opening, first.batch, f"marsad-{run}-{taken}-again")
                    answer = self._answer(client, first)
                if answer is None:
                    yield from self._alone(first.batch)
                else:
                    yield from _whole(answer.pieces, first.batch)
        finally:
            with suppress(Exception):  # of a cluster that is gone nothing needs to be called off
                client.cancel([one.future for one in held], force=True)

    def close(self) -> None:
        for one in (self._client, self._local):
            if one is not None:
                with suppress(Exception):  # what is gone is closed
                    one.close()
        self._client = self._local = None

    def _give(self, client: Any, opening: bytes, batch: Batch, key: str) -> _Held:
        from pipeline.jobs.engine_dask_worker import work

        since, settled = time.monotonic(), Event()
        future = client.submit(work, opening, msgspec.msgpack.encode(batch), key=key)
        future.add_done_callback(lambda _: settled.set())
        return _Held(batch, future, since, settled)

    def _answer(self, client: Any, held: _Held) -> Answer | None:
        """The answer to a batch; None where Dask could not get one, whoever is to blame."""
        import distributed

        from pipeline.jobs.engine_dask_worker import Answer

        while True:
            if not held.settled.wait(_GLANCE):
                self._look(client)
                continue
            try:
                told = msgspec.msgpack.decode(held.future.result(timeout=CONNECT_SECONDS), type=Answer)
            except TimeoutError:
                self._look(client)
                continue
            except distributed.KilledWorker:
                return None
            except Exception as error:  # whatever Dask met; our own task raises nothing
                self._look(client)
                if held.future.cancelled():  # somebody has restarted the cluster
                    return None
                raise ClusterError(
                    f"{self._name()}: a worker cannot run marsad ({type(error).__name__}: {error}); every "
                    "worker needs the same marsad and Python as here"
                ) from error
            if told.refused is not None:
                raise ClusterError(
                    f"{self._name()}: a worker cannot take part: {told.refused}; every worker needs the same "
                    "marsad, packages and Python as here"
                )
            return told

    def _look(self, client: Any) -> None:
        """See how many threads work now.  Raises `ClusterError` where for too long there is none."""
        now = time.monotonic()
        if now - self._looked < _GLANCE and self._threads:
            return
        if client.status != "running":
            self._threads = 0
        else:
            with suppress(OSError):
                self._threads = sum(client.nthreads().values())
        self._looked = now
        if self._threads:
            self._lonely_since = None
            return
        if self._lonely_since is None:
            self._lonely_since = now
            _log.warning("no worker of the cluster is there now: %s", self._name())
        if now - self._lonely_since > LONELY_SECONDS:
            raise ClusterError(
                f"{self._name()}: no worker for {LONELY_SECONDS:g} s; nothing was published; start workers "
                "with `dask worker` and run again"
            )
        time.sleep(0.2)

    def _opening(self) -> bytes:
        from pipeline.jobs.engine_dask_worker import Opening, facts

        settings = replace(self._settings, pack=toolkit(self._settings).gazetteer.digest)
        return msgspec.msgpack.encode(Opening(facts(), settings, self._limits))

    def _ship(self, client: Any, since: float) -> None:
        """Send the compiled gazetteer to all workers; not again for a batch that was given before that."""
        from pipeline.jobs.engine_dask_worker import packed, receive

        if since < self._shipped:
            return
        digest = toolkit(self._settings).gazetteer.digest
        try:
            client.run(receive, digest, packed(Path(self._settings.cache), digest))
        except Exception as refused:  # a full disk there, or a worker that has just gone
            raise ClusterError(f"{self._name()}: a worker cannot keep the gazetteer: {refused}") from refused
        self._shipped = time.monotonic()

    def _alone(self, batch: Batch) -> Iterator[Encoded]:
        """Annotate a batch here, in a process of its own: one post of it may be deadly."""
        source = batch.posts[0].source if batch.posts else None
        told = "a batch whose workers died is done again here"
        _log.warning(told, extra={"source": source, "run": batch.run_id})
        engine = Processes(partial(annotator, self._settings), 1, self._limits)
        try:
            yield from engine.map([batch])
        finally:
            engine.close()

    def _name(self) -> str:
        return f"engine.address {self._address}" if self._address else "engine.kind dask"

    def _connected(self) -> Any:
        if self._client is None:
            try:
                import distributed
            except ImportError:
                raise ConfigError(_MISSING) from None
            dask: Any = distributed  # its functions have no types
            if self._address is None:
                self._local = _own_cluster(dask, self._count)
            try:
                self._client = dask.Client(
                    self._address or self._local,
                    timeout=CONNECT_SECONDS,
                    direct_to_workers=True,
                    set_as_default=False,
                )
            except (OSError, ValueError) as refused:
                raise ConfigError(
                    f"engine.address {self._address}: nobody answers there ({refused}); start a cluster with "
                    "`dask scheduler` and `dask worker`, or leave the address out"
                ) from None
        return self._client


def _own_cluster(dask: Any, count: int) -> Any:
    from dask import config as settings

    try:
        security = dask.Security.temporary()
    except ImportError:  # cryptography
        raise ConfigError(_MISSING) from None
    with settings.set({"distributed.worker.profile.enabled": False}):  # nobody looks at it, and it costs
        return dask.LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # its pages of figures: for here only
            silence_logs=logging.ERROR,
            security=security,
        )


def _whole(pieces: list[Encoded], batch: Batch) -> Iterator[Encoded]:
    """The pieces, of which together there must be as many posts as in the batch."""
    assert sum(piece.posts for piece in pieces) == len(batch.posts), "n in, n out"
    return iter(pieces)
