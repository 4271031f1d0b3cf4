"""The side of the engine that works: a nursery, which opens the work once, and the workers that it forks.

The nursery is a fresh interpreter with a single thread, so that its forks hold no lock of anybody, whatever
threads the program has that started it.  What it has opened its workers share: another one costs a few
milliseconds.  Neither hears Ctrl-C or SIGTERM, which reach the whole group: the program that started them
decides, and they end when its end of their pipes closes.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from pipeline.jobs.engine import OUT_OF_MEMORY, Batch, Work

_GONE: Final = (EOFError, ConnectionResetError, BrokenPipeError)
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


class Fork(Struct, frozen=True, tag=True):
    """An order to the nursery: a worker; the descriptor of its pipe follows."""

    number: int
    memory: int  # bytes that it may take beyond what is there


class End(Struct, frozen=True, tag=True):
    """An order to the nursery: kill a worker that may be dead already, and say how it ended."""

    number: int


def main(descriptor: int) -> NoReturn:
    """A nursery's life, at the other end of a socket: open, then fork and reap as told, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel = Connection(descriptor)
    children: dict[int, int] = {}
    try:
        with suppress(*_GONE):
            try:
                work: Work = channel.recv()()
            except _GONE:
                raise
            except Exception:  # noqa: BLE001  the parent raises it
                channel.send_bytes(b"!" + traceback.format_exc().encode(errors="replace"))
            else:
                gc.freeze()  # what is here stays; a collection in a worker must not copy its pages
                channel.send_bytes(b"=")
                _obey(channel, work, children)
    finally:
        for child in children.values():
            os.kill(child, signal.SIGKILL)
        os._exit(0)


def _obey(channel: Connection, work: Work, children: dict[int, int]) -> NoReturn:
    nursery = os.getpid()
    while True:
        match msgspec.msgpack.decode(channel.recv_bytes(), type=Fork | End):
            case Fork(number, memory):
                pipe = recv_handle(channel)
                child = os.fork()
                if child == 0:
                    children.clear()
                    channel.close()
                    _live(Connection(pipe), work, memory, nursery)
                children[number] = child
                os.close(pipe)
            case End(number):
                child = children.pop(number)
                os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is still its own
                _, status = os.waitpid(child, 0)
                channel.send_bytes(str(os.waitstatus_to_exitcode(status)).encode())


def _live(connection: Connection, work: Work, memory: int, nursery: int) -> NoReturn:
    """A worker's life: answer batch after batch until the pipe closes.

    An order is `b` and a batch, for one answer, or `s` and a batch, for an answer to each of its posts.
    """
    try:
        _limit(memory)
        _end_with(nursery)
        with suppress(*_GONE):
            try:
                connection.send_bytes(b"=")
                while True:
                    _answer(connection, work)
            except _GONE:
                raise
            except MemoryError:
                os._exit(OUT_OF_MEMORY)
            except Exception:  # noqa: BLE001  the parent raises it
                connection.send_bytes(b"!" + traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(0)


def _answer(connection: Connection, work: Work) -> None:
    order = connection.recv_bytes()
    batch = msgspec.msgpack.decode(memoryview(order)[1:], type=Batch)
    for part in [batch] if order[:1] == b"b" else batch.singles():
        connection.send_bytes(b"=" + work(part))


def _limit(memory: int) -> None:
    """Let the process take so many more bytes, and leave no file of its memory, which holds posts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # a system that knows no such limit, or has a lower one
        resource.setrlimit(resource.RLIMIT_DATA, (_taken() + memory,) * 2)


def _taken() -> int:
    """The bytes of private memory that this process has now; 0 where the system does not say."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def _end_with(nursery: int) -> None:
    """Have the kernel kill this process when the nursery dies; other systems than Linux do not offer that."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != nursery:
        os._exit(0)
