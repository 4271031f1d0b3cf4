"""Posts for the tests of the store, and a process that publishes them and can be killed.

As a program: `python storage_builders.py ROOT` forks a publisher for every line on stdin, says its process
id, and then how it ended.  A line is `die N`: kill it before its N-th change to the disk; `times N`: publish
N times; or `limit N`: publish with no file allowed beyond N bytes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.errors import DatasetError
from pipeline.records import (
    AnnotatedPost,
    Candidate,
    DateMention,
    Language,
    Origin,
    Place,
    PlaceMention,
    Post,
    Reason,
    Rejection,
    Span,
)
from pipeline.storage.dataset import Dataset, Version, Writer
from pipeline.storage.rows import encode
from pipeline.storage.stage import StageResult

START = datetime(2026, 1, 1, tzinfo=UTC)
HAMA = Place("t:hama", "Hama", "حماة", "Hama", 35.1318, 36.7578, "SY", "Hama", None, "city")
HAM = Place("t:ham", "Ham", "حام", None, 34.1, 36.2, "LB", "Baalbek-Hermel", "Baalbek", "village")

CHANGES = {
    "os.rename",
    "os.link",
    "os.symlink",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "open",
    "sqlite3.connect",
}


def annotated(
    native: str,
    text: str = "قصف على حماة أمس",
    *,
    source: str = "ghab",
    edited: int | None = None,
    file: str = "a.json",
    places: int = 1,
    dates: int = 1,
    **more,
) -> AnnotatedPost:
    """A post with mentions; `edited` is in seconds after it was posted."""
    posted = datetime(2014, 3, 5, 21, 30, tzinfo=UTC)
    post = Post(
        post_id=f"telegram:77:{native}",
        source=source,
        platform="telegram",
        group_id="77",
        native_id=native,
        posted_at=posted,
        posted_local=datetime(2014, 3, 5, 23, 30),
        zone_source="epoch",
        time_precision="second",
        edited_at=None if edited is None else posted + timedelta(seconds=edited),
        text=text,
        origin=Origin(file, "ab" * 32, "bytes 0-9", "telegram_json"),
        **more,
    )
    place = PlaceMention(
        span=Span(0, min(3, len(text))),
        candidates=(Candidate(HAMA, 0.7), Candidate(HAM, 0.2)),
        score=0.9,
        ambiguous=False,
        rule="exact",
    )
    day = DateMention(
        span=Span(1, min(4, len(text))),
        date_from=date(2014, 3, 4),
        date_to=date(2014, 3, 4),
        edtf="2014-03-04",
        timex="2014-03-04",
        grain="day",
        anchor="post_time",
        anchor_date=date(2014, 3, 5),
        flags=("near_midnight",),
        rule="relative_day",
    )
    return AnnotatedPost(
        post=post,
        text_clean=text,
        text_normalized=text,
        language=Language("ar", 0.99, "letters", 1.0, 0.0),
        hashtags=("حماة",),
        places=(place,) * places,
        dates=(day,) * dates,
    )


def rejection(file: str = "a.json", source: str = "ghab", detail: str = "no id") -> Rejection:
    origin = Origin(file, "ab" * 32, "line 7", "telegram_json")
    return Rejection(source=source, origin=origin, reason=Reason.NO_ID, detail=detail, raw='{"text": "…"}')


def publish(
    writer: Writer,
    batches: Iterable[Sequence[AnnotatedPost]],
    *,
    source: str = "ghab",
    run_id: str = "r1",
    keep_rows: bool = True,
    rejections: Sequence[Rejection] = (),
    drop_files: frozenset[str] = frozenset(),
    at: datetime = START,
) -> tuple[StageResult, Version]:
    stage = writer.stage(source, run_id, keep_rows=keep_rows, drop_files=drop_files)
    for batch in batches:
        stage.add(encode(batch, run_id))
    stage.reject(rejections)
    result = stage.finish()
    version = writer.publish(
        source, result, (), at=at, code_version="1", tables_digest="t", gazetteer_digest="g"
    )
    return result, version


def publish_next(root: Path, rows: int = 20) -> int:
    """Publish the next generation of one of three sources: the same posts, other texts; the generation."""
    with Dataset(root).writer("test") as writer:
        generation = 1 if writer.base is None else writer.base.number + 1
        source = f"s{generation % 3}"
        posts = [annotated(f"{source}-{n}", f"generation {generation}", source=source) for n in range(rows)]
        at = START + timedelta(hours=25 * generation)
        publish(writer, [posts], source=source, run_id=f"r{generation}", keep_rows=False, at=at)
    return generation


def _work(root: Path, name: str, value: int) -> None:
    if name == "die":
        left = value

        def count(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            if event in CHANGES:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        publish_next(root)
    elif name == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (value, value))
        try:
            publish_next(root, rows=2000)
        except DatasetError as refused:
            (root / "message").write_text(str(refused)[:900], encoding="utf-8")
    else:
        for _ in range(value):
            generation = publish_next(root)
            with (root / "told").open("a") as told:  # what was acknowledged to the outside
                told.write(f"{generation}\n")


def _serve(root: Path) -> None:
    for line in sys.stdin:
        name, value = line.split()
        child = os.fork()
        if child == 0:
            try:
                _work(root, name, int(value))
            except BaseException as wrong:  # noqa: BLE001
                print(f"{type(wrong).__name__}: {wrong}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    with TemporaryDirectory() as warm:  # imports once, for all forks
        publish_next(Path(warm))
    _serve(Path(sys.argv[1]))
