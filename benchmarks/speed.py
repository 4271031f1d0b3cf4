"""How fast posts are annotated on one core, stage by stage, beside the obvious stack on the same texts, and
where the time of a whole run goes.

Times are CPU seconds of this process, the best of several rounds: what another program does on the machine is
not counted.  Floors are set for ratios only, since machines differ.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from benchmarks import speed_map
from benchmarks.corpus import posts as invent
from benchmarks.quality import HOME, open_toolkit
from pipeline.annotate import Toolkit, anchor_of, annotate
from pipeline.dates import find_dates
from pipeline.jobs.engine import BATCH_SIZE
from pipeline.language import detect
from pipeline.places import find_places
from pipeline.records import Group, Post
from pipeline.storage.rows import encode
from pipeline.text import clean_batch, find_marks, normalize_batch, tokenize

if TYPE_CHECKING:
    from benchmarks.obvious_stack import ObviousStack

POSTS = 20_000
ROUNDS = 3


class Figure(Struct, frozen=True):
    """One measured number."""

    name: str
    value: float
    unit: str
    note: str = ""


def measure(toolkit: Toolkit, count: int = speed_map.POSTS) -> list[Figure]:
    """All figures of speed and memory; the whole run is that of `count` posts."""
    from benchmarks.obvious_stack import ObviousStack

    posts = invent(POSTS)
    letters = sum(len(post.text) for post in posts) / len(posts)
    some, few = posts[:: len(posts) // 250], posts[:: len(posts) // 80]
    told, untold = ObviousStack(["ar", "en"]), ObviousStack(None)
    _read(told, some[:20])  # opens the packages' own tables
    _read(untold, few[:20])
    ours, obvious, tuned = _best_in_turn(
        lambda: _annotate(posts, toolkit), lambda: _read(untold, few), lambda: _read(told, some)
    )
    rate, obvious_rate, told_rate = len(posts) / ours, len(few) / obvious, len(some) / tuned
    stack = "the obvious stack on {} of the posts, dateparser told {}"
    beside = "annotate beside it, in the same process"
    return [
        Figure(
            "speed.annotate", rate, "posts/s", f"{len(posts):,} posts of {letters:.0f} characters, one core"
        ),
        Figure("speed.obvious", obvious_rate, "posts/s", stack.format(len(few), "nothing, as in its manual")),
        Figure("speed.obvious_ratio", rate / obvious_rate, "times", beside),
        Figure("speed.told", told_rate, "posts/s", stack.format(len(some), "ar and en")),
        Figure("speed.told_ratio", rate / told_rate, "times", beside),
        *_stages(posts, toolkit),
        Figure("memory.annotate", _peak(), "MB", "peak of a process of its own that annotates them"),
        *_whole(speed_map.measure(count), 1e6 / obvious_rate),
    ]


def _whole(way: speed_map.Figures, obvious: float) -> list[Figure]:
    """The map of a whole run; `obvious`: microseconds a post of the obvious stack."""
    times = [
        Figure(f"map.{name}", value, "us/post", _OF_STAGE.get(name, "")) for name, value in way.stages.items()
    ]
    file = f"a file of {way.posts:,} posts in Telegram's JSON"
    return [
        *times,
        Figure("map.sum", way.sum, "us/post", f"{file}, to published parquet, one core"),
        Figure(
            "map.floor", way.floor, "us/post", "msgspec parses the same JSON, pyarrow writes the same columns"
        ),
        Figure("map.above_floor", way.sum / way.floor, "times", "the sum beside the floor"),
        Figure("speed.floor_share", way.floor / way.sum, "", "the same, the other way round: has a floor"),
        Figure(
            "map.obvious_ratio",
            obvious / way.sum,
            "times",
            "the sum beside the obvious stack, which only annotates",
        ),
        Figure("map.memory", way.peak, "MB", "peak of that process"),
        Figure("run.seconds", way.wall, "s", f"marsad run, two processes, wall time: {file}"),
        Figure("run.rate", way.posts / way.wall, "posts/s", "the same"),
        Figure("run.memory", way.wall_peak, "MB", "peak of all its processes together"),
    ]


_OF_STAGE: Final = {
    "read": "JSON to posts",
    "normalize": "fold, clean, marks, tokens",
    "language": "with segments",
    "records": "putting the annotated posts together",
    "tables": "annotated posts to Arrow",
    "parquet": "stage, upsert, write, publish",
}


def _stages(posts: Sequence[Post], toolkit: Toolkit) -> list[Figure]:
    batches = _batches(posts)
    texts = [[post.text for post in batch] for batch in batches]
    days = [[anchor_of(post) for post in batch] for batch in batches]
    normalized = [normalize_batch(batch) for batch in texts]
    marks = [find_marks(batch) for batch in texts]
    tokens = [tokenize(one, two) for one, two in zip(normalized, marks, strict=True)]
    annotated = [annotate(batch, toolkit, Group(HOME[:1])) for batch in batches]
    stages: dict[str, Callable[[], object]] = {
        "normalize": lambda: [normalize_batch(batch) for batch in texts],
        "clean": lambda: [clean_batch(batch) for batch in texts],
        "marks": lambda: [find_marks(batch) for batch in texts],
        "tokenize": lambda: [tokenize(one, two) for one, two in zip(normalized, marks, strict=True)],
        "language": lambda: [detect(batch) for batch in tokens],
        "places": lambda: [find_places(batch, toolkit.gazetteer, HOME[:1]) for batch in tokens],
        "dates": lambda: [find_dates(batch, when) for batch, when in zip(tokens, days, strict=True)],
        "encode": lambda: [encode(batch, "run") for batch in annotated],
    }
    notes = {"encode": "to Arrow, not part of annotate"}
    return [
        Figure(f"stage.{name}", _best_in_turn(stage)[0] / len(posts) * 1e6, "us/post", notes.get(name, ""))
        for name, stage in stages.items()
    ]


def _read(stack: ObviousStack, posts: Sequence[Post]) -> None:
    for post in posts:
        stack.read(post.text, post.posted_local)


def _annotate(posts: Sequence[Post], toolkit: Toolkit) -> None:
    for batch in _batches(posts):
        annotate(batch, toolkit, Group(HOME[:1]))


def _batches(posts: Sequence[Post]) -> list[Sequence[Post]]:
    return [posts[first : first + BATCH_SIZE] for first in range(0, len(posts), BATCH_SIZE)]


def _best_in_turn(*works: Callable[[], object]) -> list[float]:
    """CPU seconds of the quickest of some rounds; works take turns, so that what slows one slows all."""
    rounds = [[_seconds(work) for work in works] for _ in range(ROUNDS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _peak() -> float:
    """Megabytes that a process needs at most to annotate the posts batch by batch."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_of_annotate).result()


def _peak_of_annotate() -> float:
    _annotate(invent(POSTS), open_toolkit())
    return peak_here()


def peak_here() -> float:
    """Megabytes that this process held at most."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
    # Linux's ru_maxrss would tell that of the process which started this one
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
