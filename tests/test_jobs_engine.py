"""Batches come back in order, whole, and one deadly post costs nobody else anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pytest

from pipeline.jobs.engine import Batch, Processes, Serial, WorkError, annotator, open_engine
from pipeline.records import AnnotatedPost, Group, Origin, Post
from pipeline.storage.rows import encode

HERE = Origin("june.json", "0" * 64, "line 1", "jsonl")


def post(number: int, text: str = "") -> Post:
    return Post(
        post_id=f"x:g:{number}",
        source="s",
        platform="x",
        group_id="g",
        posted_at=datetime(2014, 3, 5, 12, tzinfo=UTC),
        posted_local=datetime(2014, 3, 5, 14),
        zone_source="declared",
        text=text or f"قصف على حماة {number}",
        media=("a.jpg",),
        reactions={"👍": 2},
        extra={"edits": [1, {"a": None}]},
        origin=HERE,
    )


def batches(posts: list[Post], size: int) -> Iterator[Batch]:
    for at in range(0, len(posts), size):
        yield Batch("run1", Group(("SY",)), posts[at : at + size])


def open_fragile():
    """Work that dies of some texts, as a crash in a library would."""
    return fragile


def fragile(batch: Batch) -> bytes:
    for one in batch.posts:
        if one.text == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if one.text == "hang":
            signal.pause()
        if one.text == "raise":
            raise ValueError("a bug of ours")
    return msgspec.msgpack.encode(encode([AnnotatedPost(post=one) for one in batch.posts], batch.run_id))


def open_nothing():
    os._exit(1)


def results(engine, posts: list[Post], size: int = 10) -> tuple[list[str], int]:
    """The post ids in the order that they came back, and the number of faults."""
    ids: list[str] = []
    faults = 0
    for encoded in engine.map(batches(posts, size)):
        ids += [key[0] for key in encoded.keys]
        faults += encoded.faults
    return ids, faults


def test_a_post_travels_unchanged() -> None:
    batch = Batch("run1", Group(("SY",)), [post(1)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch


def test_small_work_starts_no_process() -> None:
    engine = Processes(open_fragile, count=2)
    posts = [post(number) for number in range(25)]
    assert results(engine, posts) == ([one.post_id for one in posts], 0)
    assert engine._workers == []


def test_a_deadly_post_becomes_a_fault_and_the_others_stay_in_order() -> None:
    posts = [post(number) for number in range(12)]
    posts[3] = post(3, "kill")
    ids = [one.post_id for one in posts]
    engine = Processes(open_fragile, count=2, enough=2)
    try:
        assert results(engine, posts, size=2) == (ids, 1)
        assert results(engine, posts[4:], size=2) == (ids[4:], 0)  # the pool is whole again
    finally:
        engine.close()


def test_a_post_that_never_ends_becomes_a_fault() -> None:
    posts = [post(number) for number in range(6)]
    posts[2] = post(2, "hang")
    engine = Processes(open_fragile, count=2, enough=1, patience=2.0)
    try:
        assert results(engine, posts, size=1) == ([one.post_id for one in posts], 1)
    finally:
        engine.close()


def test_who_gives_up_leaves_no_answers_behind() -> None:
    engine = Processes(open_fragile, count=2, enough=1)
    posts = [post(number) for number in range(100)]
    try:
        first = next(iter(engine.map(batches(posts, 10))))
        assert [key[0] for key in first.keys] == [one.post_id for one in posts[:10]]
        assert results(engine, posts[50:], size=5)[0] == [one.post_id for one in posts[50:]]
    finally:
        engine.close()
        engine.close()


def test_a_bug_in_the_work_is_raised_with_its_traceback() -> None:
    engine = Processes(open_fragile, count=1, enough=1)
    try:
        with pytest.raises(WorkError, match=r"(?s)Traceback.*a bug of ours"):
            results(engine, [post(1, "raise")])
    finally:
        engine.close()


def test_a_worker_that_cannot_be_opened_ends_the_run() -> None:
    engine = Processes(open_nothing, count=1, enough=1)
    try:
        with pytest.raises(WorkError, match="died before"):
            results(engine, [post(1)])
    finally:
        engine.close()


def test_serial_and_processes_give_the_same_bytes(cache: Path, toolkit) -> None:
    from pipeline.annotate import Settings

    work = partial(annotator, Settings(str(cache), ("SY", "LB", "IQ", "TR")))
    posts = [post(number) for number in range(40)]
    apart = Processes(work, count=2, enough=1)
    try:
        assert list(apart.map(batches(posts, 10))) == list(Serial(work).map(batches(posts, 10)))
    finally:
        apart.close()


def test_the_configuration_chooses() -> None:
    assert isinstance(open_engine("serial", "auto", open_fragile), Serial)
    assert isinstance(open_engine("processes", 2, open_fragile), Processes)
    assert isinstance(open_engine("processes", 1, open_fragile), Serial)
