"""Work for the engine's tests: it dies of some texts, as a bug in a library would."""

from __future__ import annotations

import ctypes
import os
import signal
from functools import partial

import msgspec

from pipeline.annotate import Settings
from pipeline.jobs.engine import Batch, Work, annotator
from pipeline.records import AnnotatedPost
from pipeline.storage.rows import encode


def die_of(text: str) -> None:
    """What a bug in a library would do, by the text of the post."""
    match text:
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash":
            ctypes.string_at(0)
        case "hang":
            while True:
                pass
        case "balloon":
            grown = []
            while True:
                grown.append(bytes(b"x" * 2**24))
        case "raise":
            raise ValueError("a bug of ours")


def open_fragile() -> Work:
    return fragile


def fragile(batch: Batch) -> bytes:
    for one in batch.posts:
        die_of(one.text)
    return msgspec.msgpack.encode(encode([AnnotatedPost(post=one) for one in batch.posts], batch.run_id))


def open_annotator(settings: Settings) -> Work:
    return partial(deadly, annotator(settings))


def deadly(work: Work, batch: Batch) -> bytes:
    """The real work, and dying of some texts."""
    for one in batch.posts:
        die_of(one.text)
    return work(batch)


def open_nothing() -> Work:
    os._exit(1)


def open_bug() -> Work:
    raise ValueError("no such table")
