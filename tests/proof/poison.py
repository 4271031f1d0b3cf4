"""A record that kills whoever works on it, among very many: that one is lost to annotation, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pipeline.jobs.engine import Batch, Processes
from pipeline.records import Group, Origin, Post
from pipeline.storage.pieces import from_stream
from tests.deadly_work import open_fragile
from tests.proof.report import Finding

SIZE = 500
HERE = Origin("export.json", "0" * 64, "line 1", "jsonl")


def poison(posts: int, text: str = "kill") -> Finding:
    """`posts` posts through two workers, one of them deadly; the work is to encode them, without annotation.

    wrong: not that one post has a fault, or posts are not in their order; lost: posts that did not come out.
    """
    finding = Finding("a deadly record among others", points=posts)
    deadly = posts * 2 // 3
    engine = Processes(open_fragile, count=2)
    out = faults = 0
    try:
        for encoded in engine.map(_batches(posts, deadly, text)):
            faults += encoded.faults
            if encoded.faults:
                rows = from_stream(encoded.tables["posts"]).select(["post_id", "fault"]).to_pylist()
                told = [row["post_id"] for row in rows if row["fault"] is not None]
                if told != [f"x:g:{deadly}"] or rows[0]["post_id"] != f"x:g:{out}":
                    finding.wrong += 1
                    finding.note(f"faults: {told}, in a batch that begins with {rows[0]['post_id']}")
            out += encoded.posts
    finally:
        engine.close()
    finding.lost = posts - out
    if faults != 1:
        finding.wrong += 1
        finding.note(f"{faults} posts with a fault")
    return finding


def _batches(posts: int, deadly: int, text: str) -> Iterator[Batch]:
    at = datetime(2014, 3, 5, 12, tzinfo=UTC)
    for start in range(0, posts, SIZE):
        yield Batch(
            "run1",
            Group(("SY",)),
            [
                Post(
                    post_id=f"x:g:{number}",
                    source="s",
                    platform="x",
                    group_id="g",
                    posted_at=at,
                    text=text if number == deadly else f"قصف على حماة {number}",
                    origin=HERE,
                )
                for number in range(start, min(start + SIZE, posts))
            ],
        )
