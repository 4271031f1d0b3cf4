"""Batches come back in order, whole, and one deadly post costs nobody else anything."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pytest
from deadly_work import fragile, open_annotator, open_bug, open_fragile, open_nothing

from pipeline.annotate import Settings
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.jobs.engine import Batch, Limits, Processes, Serial, annotator, open_engine
from pipeline.jobs.engine_nursery import WorkError
from pipeline.records import Group, Origin, Post
from pipeline.storage.dataset import Dataset
from pipeline.storage.pieces import from_stream
from pipeline.storage.rows import Encoded

HERE = Origin("june.json", "0" * 64, "line 1", "jsonl")
HOME = ("SY", "LB", "IQ", "TR")


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


@pytest.fixture
def engines() -> Iterator[list[Processes]]:
    """Engines to be closed, and nobody may be left when they are."""
    opened: list[Processes] = []
    yield opened
    pids = [pid for engine in opened for pid in family(engine)]
    for engine in opened:
        engine.close()
        engine.close()
    until = time.monotonic() + 10
    while any(map(lives, pids)):
        assert time.monotonic() < until, "a worker outlived its engine"
        time.sleep(0.01)


def family(engine: Processes) -> list[int]:
    """The process ids of the nursery of an engine and of its workers."""
    if engine._nursery is None:
        return []
    nursery = engine._nursery._process.pid
    try:
        children = Path(f"/proc/{nursery}/task/{nursery}/children").read_text()
    except FileNotFoundError:
        return []
    return [nursery, *map(int, children.split())]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ids_of(encoded: Encoded) -> list[str]:
    return from_stream(encoded.tables["posts"])["post_id"].to_pylist()


def results(engine, posts: list[Post], size: int = 10) -> tuple[list[str], int]:
    """The post ids in the order that they came back, and the number of faults."""
    ids: list[str] = []
    faults = 0
    for encoded in engine.map(batches(posts, size)):
        ids += ids_of(encoded)
        faults += encoded.faults
    return ids, faults


def stored(folder: Path, engine, posts: list[Post], size: int) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files of a dataset that is made of the posts, by table, and the faults in it, by post id."""
    with Dataset(folder).writer("test") as writer:
        stage = writer.stage("s", "run1", keep_rows=False)
        for encoded in engine.map(batches(posts, size)):
            stage.add(encoded)
        stage.finish()
        writer.publish(
            "s",
            stage.result,
            (),
            at=datetime(2026, 1, 1, tzinfo=UTC),
            code_version="1",
            tables_digest="t",
            gazetteer_digest="g",
        )
    from pipeline.storage.frames import load as load_dataset

    rows = load_dataset(folder).posts(columns=["post_id", "fault"])
    found = rows[rows.fault.notna()]
    files = {path.parent.name: path.read_bytes() for path in sorted((folder / "current").glob("*/*.parquet"))}
    return files, dict(zip(found.post_id, found.fault, strict=True))


def test_a_post_travels_unchanged() -> None:
    batch = Batch("run1", Group(("SY",)), [post(1)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch


def test_no_batches_start_no_process(engines) -> None:
    engine = Processes(open_nothing, count=2)
    engines.append(engine)
    assert results(engine, []) == ([], 0)
    assert engine._nursery is None


def test_one_batch_starts_one_worker(engines) -> None:
    engine = Processes(open_fragile, count=8)
    engines.append(engine)
    assert results(engine, [post(1), post(2)]) == (["x:g:1", "x:g:2"], 0)
    assert len(engine._workers) == 1


DEATHS = [
    ("exit", 5000, Limits(), "its worker ended with exit code 7"),
    ("kill", 1000, Limits(), "its worker was killed by SIGKILL"),
    ("crash", 1000, Limits(), "its worker was killed by SIGSEGV"),
    ("hang", 1000, Limits(seconds=2.0), "no end within 2 s (engine.batch_seconds)"),
    ("balloon", 1000, Limits(memory=300 * 2**20), "more than 300 MB of memory (engine.worker_memory)"),
]


@pytest.mark.parametrize("death", DEATHS, ids=[text for text, *_ in DEATHS])
def test_a_deadly_post_among_others_becomes_a_fault(tmp_path: Path, engines, death) -> None:
    """The one that does it is lost, after a round for it, or two, and one for those behind it."""
    text, number, limits, why = death
    posts = [post(at) for at in range(number)]
    posts[number - 210] = post(number - 210, text)
    engine = Processes(open_fragile, count=2, limits=limits)
    engines.append(engine)
    _, faults = stored(tmp_path, engine, posts, size=500)
    assert faults == {f"x:g:{number - 210}": f"june.json, line 1: {why}"}
    rounds = 3 if text == "kill" else 2  # nobody knows who killed, so that it is tried once more
    assert engine._nursery._numbers <= 2 + 1 + rounds  # workers: the first two, and a successor


def test_a_fault_says_nothing_of_what_the_post_says(engines) -> None:
    engine = Processes(open_fragile, count=1)
    engines.append(engine)
    with_fault = next(engine.map(batches([post(1, "crash")], 1)))
    assert with_fault.faults == 1
    assert b"crash" in with_fault.tables["posts"]  # the text stays
    assert results(engine, [post(2)]) == (["x:g:2"], 0)


def test_many_deadly_posts_each_cost_themselves_only(engines) -> None:
    posts = [post(number, "exit" if number in {0, 7, 8, 19} else "") for number in range(20)]
    engine = Processes(open_fragile, count=2)
    engines.append(engine)
    ids = [one.post_id for one in posts]
    assert results(engine, posts, size=5) == (ids, 4)
    assert results(engine, posts[9:15], size=2) == (ids[9:15], 0)  # the pool is whole again


def test_the_same_bytes_for_all_workers_and_batch_sizes(
    tmp_path: Path, cache: Path, toolkit, engines
) -> None:
    """Also where a post dies, and whatever else is in its batch."""
    opened = partial(open_annotator, Settings(str(cache), HOME))
    posts = [
        post(number, "" if number % 3 else f"من حمص إلى إدلب يوم {number % 28 + 1} آذار")
        for number in range(300)
    ]
    bad = [post(123, "exit") if one.post_id == "x:g:123" else one for one in posts]
    whole = [stored(tmp_path / "serial", Serial(opened), posts, 50)[0]]
    broken = []
    for count, size in ((1, 300), (2, 50), (3, 7)):
        engine = Processes(opened, count)
        engines.append(engine)
        whole.append(stored(tmp_path / f"{count}-{size}", engine, posts, size)[0])
        files, faults = stored(tmp_path / f"{count}-{size}-bad", engine, bad, size)
        assert faults.keys() == {"x:g:123"}, faults
        broken.append(files)
    assert all(files == whole[0] for files in whole)
    assert all(files == broken[0] for files in broken)
    assert broken[0] != whole[0]


def test_a_worker_killed_by_somebody_costs_nothing(engines) -> None:
    posts = [post(number) for number in range(3000)]
    engine = Processes(open_fragile, count=2)
    engines.append(engine)
    ids: list[str] = []
    faults = 0
    for at, encoded in enumerate(engine.map(batches(posts, 100))):
        ids += ids_of(encoded)
        faults += encoded.faults
        if at in (3, 9):
            os.kill(family(engine)[1], signal.SIGKILL)  # a worker
        if at == 15:
            os.kill(family(engine)[0], signal.SIGKILL)  # the nursery, and with it all workers
    assert (ids, faults) == ([one.post_id for one in posts], 0)


def test_a_signal_to_the_whole_group_is_the_program_s_alone(engines) -> None:
    engine = Processes(open_fragile, count=2)
    engines.append(engine)
    posts = [post(number) for number in range(40)]
    ids = [one.post_id for one in posts]
    assert results(engine, posts) == (ids, 0)
    before = family(engine)
    for pid in before:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
    assert results(engine, posts) == (ids, 0)
    assert family(engine) == before


def test_workers_end_with_a_program_that_is_killed(tmp_path: Path) -> None:
    """Also one that is in an endless loop."""
    child = os.fork()
    if child == 0:
        try:
            engine = Processes(open_fragile, count=2)
            mapped = engine.map(batches([post(0), post(1), post(2, "hang")], 1))
            next(mapped), next(mapped)
            (tmp_path / "pids.part").write_text(" ".join(map(str, family(engine))))
            (tmp_path / "pids.part").rename(tmp_path / "pids")
            time.sleep(60)
        finally:
            os._exit(1)
    until = time.monotonic() + 30
    while not (tmp_path / "pids").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    pids = list(map(int, (tmp_path / "pids").read_text().split()))
    assert len(pids) == 3
    assert all(map(lives, pids))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while any(map(lives, pids)):
        assert time.monotonic() < until, "a worker outlived the program"
        time.sleep(0.01)


def test_workers_start_from_one_thread_whatever_the_program_has(cache: Path, toolkit, engines) -> None:
    """A fork of a process with threads may hold the locks of threads that it has not."""
    stop = threading.Event()
    others = [threading.Thread(target=stop.wait) for _ in range(3)]  # as APScheduler's and the progress bar's
    for thread in others:
        thread.start()
    try:
        engine = Processes(partial(annotator, Settings(str(cache), HOME)), count=2)
        engines.append(engine)
        posts = [post(number) for number in range(20)]
        assert results(engine, posts) == ([one.post_id for one in posts], 0)
        assert len(list(Path(f"/proc/{family(engine)[0]}/task").iterdir())) == 1
    finally:
        stop.set()
        for thread in others:
            thread.join()


def test_who_gives_up_leaves_no_answers_behind(engines) -> None:
    engine = Processes(open_fragile, count=2)
    engines.append(engine)
    posts = [post(number) for number in range(100)]
    mapped = engine.map(batches(posts, 10))
    assert ids_of(next(mapped)) == [one.post_id for one in posts[:10]]
    mapped.close()
    assert results(engine, posts[50:], size=5)[0] == [one.post_id for one in posts[50:]]


@pytest.mark.parametrize(
    ("opened", "told"),
    [
        (open_fragile, r"(?s)Traceback.*a bug of ours"),
        (open_bug, r"(?s)Traceback.*no such table"),
        (open_nothing, "died before"),
    ],
)
def test_a_bug_of_ours_ends_the_run_and_is_told(engines, opened, told) -> None:
    engine = Processes(opened, count=1)
    engines.append(engine)
    with pytest.raises(WorkError, match=told):
        results(engine, [post(1, "raise")])


def test_memory_that_one_post_of_many_could_not_get_is_tried_again(toolkit) -> None:
    """`annotate` would keep the failure as a fault of a post that may not be to blame."""

    def once(batch: Batch) -> bytes:
        if len(batch.posts) > 1:
            raise MemoryError
        return fragile(batch)

    posts = [post(number) for number in range(4)]
    assert results(Serial(lambda: once), posts) == ([one.post_id for one in posts], 0)


def test_the_configuration_chooses(tmp_path: Path) -> None:
    assert isinstance(open_engine("serial", "auto", open_fragile), Serial)
    assert isinstance(open_engine("processes", 1, open_fragile), Processes)
    assert isinstance(open_engine("processes", "auto", open_fragile), Processes)
    (tmp_path / "a.json").write_text("{}")
    path = tmp_path / "config.yaml"
    lines = "engine: {kind: processes, batch_seconds: %s, worker_memory: %s}\nsources:\n  - {name: a, files: a.json}\n"
    path.write_text(lines % (1.5, 100))
    engine = load(path, {}).engine
    assert (engine.batch_seconds, engine.worker_memory) == (1.5, 100)
    path.write_text(lines % ("1e9", "2 GB"))
    with pytest.raises(ConfigError, match=r"(?s)1: engine.batch_seconds: .*1: engine.worker_memory: '2 GB'"):
        load(path, {})
