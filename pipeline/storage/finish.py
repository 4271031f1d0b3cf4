"""The one-time work at the end of a stage: which segments change, what their rows are, and their files."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.storage.durable import link_file
from pipeline.storage.manifest import IDS, FileState, Period
from pipeline.storage.pieces import (
    EarlierRows,
    Pieces,
    inside,
    mention_counts,
    of_files,
    values_at,
)
from pipeline.storage.rows import EPOCH, MICROSECOND, to_stream
from pipeline.storage.segments import (
    SEGMENT,
    SHARES,
    Rows,
    Size,
    chunks,
    sights_of,
    tiers,
    write_rows,
)
from pipeline.storage.upsert import Ids, Known, Settled, Verdict, compete, digest_of, settle

WRITERS: Final = 2  # threads that write, a share of a segment each: Arrow works outside of Python's lock


class EarlierSegment:
    """A segment of the version before, and which of its rows stay."""

    def __init__(self, folder: Path, files: Mapping[str, FileState]) -> None:
        self.files = files
        self.paths = {name: folder / name / file.name for name, file in files.items()}
        self.rows = files["posts"].rows
        self.ids = Ids(self.paths[IDS], self.rows, files[IDS].sha256)
        self.stays: NDArray[np.bool_] | None = None  # None: all
        self.start = 0  # number of its first row, over all segments

    @property
    def size(self) -> Size:
        rows = self.rows if self.stays is None else int(self.stays.sum())
        return Size(rows, self.files["posts"].text * rows // max(self.rows, 1))


class NewPosts(Struct, frozen=True):
    """Posts that were not known: their sights, in order of first sight."""

    sights: NDArray[np.int64]


class Finish:
    """The one-time work of `Stage.finish` on posts, places and dates."""

    def __init__(
        self,
        folder: Path,
        names: tuple[str, str],  # of the source and the run
        pieces: Pieces,
        base: Sequence[EarlierSegment],
        period: Period | None,
    ) -> None:
        self._folder = folder
        self._source, self._run_id = names
        self._pieces = pieces
        self._base = base
        self._of_run = len(pieces.log)  # sights of this run; beyond are rows of the version before
        start = 0
        for segment in base:
            segment.start = start
            start += segment.rows
            if period is not None:
                gone = inside(segment.paths["posts"], period)
                segment.stays = ~gone if gone.any() else None
        self._settled: Settled = settle(pieces.log, [(segment.ids, segment.stays) for segment in base])

    def withdraw(self, grown: Sequence[str]) -> None:
        """Let go of earlier posts of these exports that the run has not seen again."""
        if not grown:
            return
        first = self._settled.first
        seen = np.zeros(sum(segment.rows for segment in self._base), np.bool_)
        seen[-1 - first[first < 0]] = True
        for segment in self._base:
            again = seen[segment.start : segment.start + segment.rows]
            cut = of_files(segment.paths["posts"], grown) & ~again
            if cut.any():
                segment.stays = ~cut if segment.stays is None else segment.stays & ~cut

    def write(self) -> tuple[dict[str, tuple[FileState, ...]], Counter[str]]:
        """Write or link every segment: its files by folder, and how many rows are of this run, by export."""
        segments: list[Mapping[str, FileState] | list[Future[dict[str, FileState]]]] = []
        written: Counter[str] = Counter()
        parts: list[tuple[EarlierSegment | NewPosts, Size]] = [
            (segment, segment.size) for segment in self._base
        ]
        parts += self._new()
        number = 0
        with _threads() as pool:
            for joined in tiers(parts) or [[NewPosts(np.zeros(0, np.int64))]]:
                alone = joined[0]
                if len(joined) == 1 and isinstance(alone, EarlierSegment) and alone.stays is None:
                    verdicts = self._verdicts(alone)
                    if not verdicts:
                        for name, path in alone.paths.items():
                            link_file(path, self._folder / name / path.name)
                        segments.append(alone.files)
                        continue
                rows = self._rows(joined)
                written.update(self._by_file(rows.numbers))
                self._pieces.flush()
                names = f"{self._source}-{self._run_id}-{number:03}", self._source
                number += 1
                told = self._folder, names, self._pieces, rows
                segments.append([pool(write_rows, *told, tables) for tables in SHARES])
            done = [one if isinstance(one, Mapping) else _together(one) for one in segments]
        return {name: tuple(files[name] for files in done) for name in SEGMENT}, written

    def _new(self) -> list[tuple[NewPosts, Size]]:
        """The posts that were not known, cut into segments."""
        first = self._settled.first
        fresh = np.flatnonzero(first == np.arange(len(first)))
        parts = [np.zeros(0, np.uint32), *(sights["size"].copy() for _, sights in self._pieces.log.chunks())]
        sizes = np.concatenate(parts)[fresh]
        return [
            (NewPosts(fresh[start:end]), Size(end - start, int(sizes[start:end].sum())))
            for start, end in chunks(sizes)
        ]

    def _rows(self, joined: Sequence[EarlierSegment | NewPosts]) -> Rows:
        """What a segment of these parts holds; earlier rows are appended to the pieces."""
        numbers: list[NDArray[np.int64]] = []
        verdicts: dict[int, Verdict] = {}
        held: dict[int, int] = {}  # by place: the sight whose `extra` holds the history so far
        place = 0
        for part in joined:
            if isinstance(part, NewPosts):
                here = part.sights.copy()
                for at, verdict in self._new_verdicts(part).items():
                    verdicts[place + at] = verdict
            else:
                start = self._carry(part)
                stays = np.arange(part.rows) if part.stays is None else np.flatnonzero(part.stays)
                here = start + stays
                for row, verdict in self._verdicts(part).items():
                    at = int(np.searchsorted(stays, row))
                    number = start + row
                    verdicts[place + at] = _at(verdict, number)
                    held[place + at] = number
            numbers.append(here)
            place += len(here)
        rows = np.concatenate(numbers)
        for at, verdict in verdicts.items():
            rows[at] = verdict.winner
        extras = self._extras(rows, verdicts, held)
        return Rows.sorted(rows, self._pieces.log.take(rows), extras)

    def _carry(self, segment: EarlierSegment) -> int:
        """Append the rows of an earlier segment to the pieces; the number of the first."""
        first = len(self._pieces.log)
        for batch in EarlierRows({name: segment.paths[name] for name in SEGMENT[:3]}):
            posts = batch["posts"]
            counts = [mention_counts(posts, batch[table]).tolist() for table in ("places", "dates")]
            self._pieces.add(
                {table: to_stream(rows) for table, rows in batch.items()}, sights_of(posts, *counts).tobytes()
            )
        self._pieces.flush()
        return first

    def _new_verdicts(self, part: NewPosts) -> dict[int, Verdict]:
        """What becomes of posts that this run has seen first, by place."""
        if not len(part.sights):
            return {}
        contests = self._settled.contests(int(part.sights[0]), int(part.sights[-1]) + 1)
        found = {}
        for first, rivals in contests.items():
            row, *others = self._competitors([first, *rivals])
            verdict = compete(row, (), others)
            if verdict is not None:
                found[int(np.searchsorted(part.sights, first))] = verdict
        return found

    def _verdicts(self, segment: EarlierSegment) -> dict[int, Verdict]:
        """What becomes of the rows of an earlier segment, by row.  The row itself is sight -1."""
        contests = self._settled.contests(-segment.start - segment.rows, -segment.start)
        if not contests:
            return {}
        rows = np.array(sorted(-1 - post - segment.start for post in contests), np.int64)
        histories = values_at(segment.paths["posts"], "extra", rows)
        at = np.argsort(segment.ids.rest["row"])[rows]
        now = segment.ids.rest[at]
        found = {}
        for place, (row, extra) in enumerate(zip(rows.tolist(), histories, strict=True)):
            history = [(_rank(one["edited_at"]), digest_of(one["text"])) for one in history_of(extra)]
            rivals = self._competitors(contests[-1 - row - segment.start])
            verdict = compete((-1, int(now["rank"][place]), int(now["text"][place])), history, rivals)
            if verdict is not None:
                found[row] = verdict
        return found

    def _competitors(self, numbers: Sequence[int]) -> list[tuple[int, int, int]]:
        sights = self._pieces.log.take(np.array(numbers, np.int64))
        return list(zip(numbers, sights["rank"].tolist(), sights["text"].tolist(), strict=True))

    def _extras(
        self, rows: NDArray[np.int64], verdicts: Mapping[int, Verdict], held: Mapping[int, int]
    ) -> dict[int, str]:
        """The column `extra` of the posts that have earlier texts now, by place."""
        told = {at: verdict for at, verdict in verdicts.items() if verdict.history}
        wanted = {int(rows[at]) for at in told} | {held[at] for at in told if at in held}
        wanted |= {one.sight for verdict in told.values() for one in verdict.history if one.sight is not None}
        seen = self._seen(sorted(wanted))
        extras = {}
        for at, verdict in told.items():
            stored = history_of(seen[held[at]]["extra"]) if at in held else []
            held_now = seen[int(rows[at])]["extra"]
            extra = json.loads(held_now) if held_now else {}
            extra["history"] = [
                stored[one.stored] if one.stored is not None else _version(seen[one.sight])
                for one in verdict.history
            ]
            extras[at] = json.dumps(extra, ensure_ascii=False, separators=(",", ":"))
        return extras

    def _seen(self, numbers: Sequence[int]) -> dict[int | None, dict[str, Any]]:
        """The sights that histories are written from."""
        found: dict[int | None, dict[str, Any]] = {}
        for start in range(0, len(numbers), 4096):
            here = numbers[start : start + 4096]
            rows = self._pieces.rows("posts", np.array(here, np.int64))
            columns = rows.select(["text", "edited_at", "file", "extra"]).to_pylist()
            found.update(zip(here, columns, strict=True))
        return found

    def _by_file(self, numbers: NDArray[np.int64]) -> Counter[str]:
        """How many of these rows are of this run, by export file."""
        return self._pieces.files(numbers[numbers < self._of_run])


def _together(shares: Sequence[Future[dict[str, FileState]]]) -> dict[str, FileState]:
    """The files of a segment, once all of them are written."""
    return {name: file for share in shares for name, file in share.result().items()}


def history_of(extra: str | None) -> list[dict[str, Any]]:
    """The earlier texts of a post, from `posts.extra`: `text`, `edited_at` (ISO 8601 or None), `file`.

    >>> history_of('{"views":3}'), history_of(None)
    ([], [])
    """
    if extra is None or '"history"' not in extra:
        return []
    history: list[dict[str, Any]] = json.loads(extra).get("history", [])
    return history


def _version(sight: Mapping[str, Any]) -> dict[str, Any]:
    edited_at = sight["edited_at"]
    return {
        "text": sight["text"],
        "edited_at": None if edited_at is None else edited_at.isoformat(),
        "file": sight["file"],
    }


def _rank(edited_at: str | None) -> int:
    return 0 if edited_at is None else (datetime.fromisoformat(edited_at) - EPOCH) // MICROSECOND


def _at(verdict: Verdict, number: int) -> Verdict:
    """The verdict on an earlier row, once the row has a number among the sights."""
    history = tuple(Known(number, None) if one.sight == -1 else one for one in verdict.history)
    return Verdict(number if verdict.winner == -1 else verdict.winner, history)


@contextmanager
def _threads() -> Iterator[Callable[..., Future[dict[str, FileState]]]]:
    """Threads that write: not more shares under way than there are threads, and none left at the end."""
    free = threading.Semaphore(WRITERS)

    def submit(work: Callable[..., dict[str, FileState]], *told: Any) -> Future[dict[str, FileState]]:
        free.acquire()
        future = pool.submit(work, *told)
        future.add_done_callback(lambda _: free.release())
        return future

    pool = ThreadPoolExecutor(WRITERS)
    try:
        yield submit
    finally:
        pool.shutdown(cancel_futures=True)
