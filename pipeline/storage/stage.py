"""The rows of one run on their way into a version: upserts with flat memory, then the parquet files.

Batches are kept on disk as they come (`pieces`), an index on disk says which observation of a post is its
row (`upsert`, where the rule stands), and `finish` streams the rows that won into the source's files.
"""

# ruff: noqa: PLC0415  Arrow is imported by a run that has rows to write, and by no other
from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from pipeline.records import Rejection
from pipeline.storage.durable import telling
from pipeline.storage.manifest import TABLE_NAMES, FileState, Period
from pipeline.storage.upsert import Earlier, Index, Row

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.storage.pieces import Pieces, TableFile
    from pipeline.storage.rows import Encoded

_TAKEN: Final = 2048  # posts that are put together at a time
_TAKEN_SIZE: Final = 2 << 20  # and code points of their text


class FileBooks(Struct, frozen=True, kw_only=True):
    """What became of the posts and rejections that came from one export file in this run."""

    written: int = 0
    duplicate: int = 0
    rejected: int = 0


class StageResult(Struct, frozen=True, kw_only=True):
    """What a finished stage holds.  Observations of this run = written + duplicate."""

    source: str
    run_id: str
    written: int  # observations of this run that are rows now
    duplicate: int  # observations of this run that are no rows: seen before, or older than what is known
    replaced: int  # rows of the version before that are gone
    kept: int  # rows of the version before that stay
    rejected: int  # rejections of this run
    faults: int  # posts of this run whose annotation failed on a bug of ours
    posts: int  # rows in the new files
    places: int
    dates: int
    quarantined: int  # rows of `rejected`, the kept ones included
    by_file: dict[str, FileBooks]  # by name of the export file, sorted
    files: dict[str, FileState]  # by table


class Stage:
    """Takes the batches of one run in order; `finish` writes the source's files, not yet visible.

    Use `Writer.stage` to get one.  Every method raises `DatasetError` that names the path where the disk
    refuses; the published versions are not touched by any of them.
    """

    def __init__(
        self,
        folder: Path,
        source: str,
        run_id: str,
        *,
        earlier: Mapping[str, Path] | None,
        earlier_posts: int,
        drop_files: AbstractSet[str] | None,
        period: Period | None = None,
    ) -> None:
        """`earlier`: the source's files in the version before; `drop_files` None replaces all their rows.

        Of `earlier` the posts of `period` are dropped as well.
        """
        from pipeline.storage.pieces import Pieces

        self.folder = folder
        self.source = source
        self.run_id = run_id
        self._work = folder / "work"
        self._earlier = earlier
        self._earlier_posts = earlier_posts
        self._drop_files = drop_files
        self._period = period
        self._observed: Counter[str] = Counter()  # by file, this run
        self._rejected: Counter[str] = Counter()
        self._faults = 0
        self._open = True
        self.result: StageResult | None = None
        with telling(folder, "stage rows"):
            for table in TABLE_NAMES:
                (folder / table).mkdir(parents=True)
            self._work.mkdir()
            self._index = Index(self._work / "index.sqlite")
            self._pieces: Pieces = Pieces(self._work)
            self._rejections = (self._work / "rejections").open("w+b")
            self._rejection_sizes: list[int] = []
            if earlier is not None and drop_files is not None:
                self._take_earlier(earlier)
        self._kept = self._index.observations

    def add(self, encoded: Encoded) -> None:
        """Take a batch.  The order of the calls is the order of the observations.

        Raises `ValueError` where the batch is of another source.
        """
        assert self._open, "the stage is finished"
        if not encoded.keys:
            return
        if encoded.source != self.source:
            raise ValueError(f"a batch of {encoded.source!r} in the stage of {self.source!r}")
        with telling(self._work, "stage rows"):
            start = self._index.add([key[:3] for key in encoded.keys])
            self._pieces.add(start, encoded.tables, encoded.sizes, encoded.place_counts, encoded.date_counts)
        self._observed.update(key[3] for key in encoded.keys)
        self._faults += encoded.faults

    def reject(self, rejections: bytes | Sequence[Rejection]) -> None:
        """Take rejections: as `encode_rejections` gives them, or the records themselves."""
        from pipeline.storage.pieces import counts_by, from_stream
        from pipeline.storage.rows import encode_rejections

        assert self._open, "the stage is finished"
        if not rejections:
            return
        stream = rejections if isinstance(rejections, bytes) else encode_rejections(rejections, self.run_id)
        with telling(self._work, "stage rejections"):
            self._rejections.write(stream)
            self._rejection_sizes.append(len(stream))
        self._rejected.update(counts_by(from_stream(stream)["file"]))

    def finish(self) -> StageResult:
        """Settle which observation of each post is its row, and write the files, synced but not visible."""
        from pipeline.storage.pieces import TableFile

        assert self._open, "the stage is finished"
        name = f"{self.source}-{self.run_id}.parquet"
        with telling(self.folder, "write the tables"):
            self._pieces.seal()
            out = {table: TableFile(self.folder / table / name, table, self.source) for table in TABLE_NAMES}
            try:
                written = self._write_rows(out)
                self._write_rejections(out["rejected"])
                files = {table: file.finish() for table, file in out.items()}
            except BaseException:
                for file in out.values():
                    file.close()
                raise
            self._clear_work()
        posts = files["posts"].rows
        kept = posts - written.total()
        self.result = StageResult(
            source=self.source,
            run_id=self.run_id,
            written=written.total(),
            duplicate=self._observed.total() - written.total(),
            replaced=self._earlier_posts - kept,
            kept=kept,
            rejected=self._rejected.total(),
            faults=self._faults,
            posts=posts,
            places=files["places"].rows,
            dates=files["dates"].rows,
            quarantined=files["rejected"].rows,
            by_file={
                file: FileBooks(
                    written=written[file],
                    duplicate=self._observed[file] - written[file],
                    rejected=self._rejected[file],
                )
                for file in sorted({*self._observed, *self._rejected})
            },
            files=files,
        )
        return self.result

    def abandon(self) -> None:
        """Throw the stage away.  Nothing of it was visible.  Twice is fine, and after a publish too."""
        self._clear_work()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear_work(self) -> None:
        if self._open:
            self._open = False
            for part in (self._index, self._pieces, self._rejections):
                with suppress(OSError, sqlite3.Error):  # a full disk refuses what is thrown away anyway
                    part.close()
        shutil.rmtree(self._work, ignore_errors=True)

    def _take_earlier(self, files: Mapping[str, Path]) -> None:
        """Let the rows of the version before compete as the first observations."""
        from pipeline.storage.pieces import EarlierRows, mention_counts
        from pipeline.storage.rows import digest_of, rank_of, to_stream

        for batch in EarlierRows(files, self._period):
            posts = batch["posts"]
            texts = posts["text"].to_pylist()
            keys = [
                (post_id, rank_of(edited_at), digest_of(text))
                for post_id, edited_at, text in zip(
                    posts["post_id"].to_pylist(), posts["edited_at"].to_pylist(), texts, strict=True
                )
            ]
            start = self._index.add(keys)
            for number, extra in enumerate(posts["extra"].to_pylist(), start):
                history = history_of(extra)
                if history:
                    self._index.add_history(
                        number,
                        [(rank_of(_time(one["edited_at"])), digest_of(one["text"])) for one in history],
                    )
            self._pieces.add(
                start,
                {table: to_stream(rows) for table, rows in batch.items()},
                [len(text) for text in texts],
                mention_counts(posts, batch["places"]).tolist(),
                mention_counts(posts, batch["dates"]).tolist(),
            )

    def _write_rows(self, out: Mapping[str, TableFile]) -> Counter[str]:
        """Stream the rows that won; how many of them are of this run, by export file."""
        import numpy as np

        from pipeline.storage.pieces import counts_by

        written: Counter[str] = Counter()
        for rows in self._portions():
            winners = np.array([row.winner for row in rows], np.int64)
            size = int(self._pieces.sizes(winners).sum())
            posts = self._pieces.rows("posts", winners)
            written.update(counts_by(posts["file"], where=winners >= self._kept))
            out["posts"].add(self._with_history(posts, rows), size)
            out["places"].add(self._pieces.rows("places", winners))
            out["dates"].add(self._pieces.rows("dates", winners))
        return written

    def _portions(self) -> Iterator[list[Row]]:
        """The posts in the order of first sight, so many at a time that memory stays small."""
        import numpy as np

        rows = self._index.rows()
        while portion := list(islice(rows, _TAKEN)):
            sizes = np.cumsum(self._pieces.sizes(np.array([row.winner for row in portion], np.int64)))
            start = 0
            while start < len(portion):
                taken = sizes[start - 1] if start else 0
                end = max(start + 1, int(np.searchsorted(sizes, taken + _TAKEN_SIZE, side="right")))
                yield portion[start:end]
                start = end

    def _with_history(self, posts: pa.Table, rows: Sequence[Row]) -> pa.Table:
        """The posts with their earlier texts in `extra`, where there are new ones or the row is a new one."""
        from pipeline.storage.pieces import with_column

        earlier = self._index.earlier(rows[0].first, rows[-1].first)
        changed = {
            row.first: earlier[row.first]
            for row in rows
            if row.first in earlier
            and (row.winner != row.first or any(one.stored is None for one in earlier[row.first]))
        }
        if not changed:
            return posts
        seen = self._sights(changed)
        extras = posts["extra"].to_pylist()
        for place, row in enumerate(rows):
            if row.first in changed:
                stored = history_of(seen[row.first]["extra"]) if row.first in seen else []
                extra = json.loads(extras[place]) if extras[place] else {}
                extra["history"] = [
                    stored[one.stored] if one.stored is not None else _version(seen[one.observation])
                    for one in changed[row.first]
                ]
                extras[place] = json.dumps(extra, ensure_ascii=False, separators=(",", ":"))
        return with_column(posts, "extra", extras)

    def _sights(self, changed: Mapping[int, Sequence[Earlier]]) -> dict[int | None, dict[str, Any]]:
        """The observations that a history is written from."""
        import numpy as np

        wanted = {first for first in changed if first < self._kept}
        wanted |= {
            one.observation for found in changed.values() for one in found if one.observation is not None
        }
        numbers = sorted(wanted)
        rows = self._pieces.rows("posts", np.array(numbers, np.int64))
        columns = rows.select(["text", "edited_at", "file", "extra"]).to_pylist()
        return dict(zip(numbers, columns, strict=True))

    def _write_rejections(self, out: TableFile) -> None:
        from pipeline.storage.pieces import from_stream, rejections_kept

        if self._earlier is not None and self._drop_files is not None:
            for kept in rejections_kept(self._earlier["rejected"], sorted(self._drop_files)):
                out.add(kept)
        self._rejections.seek(0)
        for size in self._rejection_sizes:
            out.add(from_stream(self._rejections.read(size)))


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


def _time(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
