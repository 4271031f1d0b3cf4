"""The rows of one run on their way into a version: upserts with flat memory, then the parquet files.

Batches are kept on disk as they come (`pieces`), with digests that tell which sight of a post is its row
(`upsert`, where the rule stands).  `finish` cuts the new rows into segments, finds the segments of the
version before in which rows change, and writes these and no others; small neighbors are joined (`segments`).
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from pipeline.records import Rejection
from pipeline.storage.durable import link_file, telling
from pipeline.storage.finish import EarlierSegment, Finish
from pipeline.storage.manifest import FOLDERS, IDS, FileBooks, FileState, Period, SourceState
from pipeline.storage.migrate import migrate
from pipeline.storage.pieces import (
    Pieces,
    TableFile,
    counts_by,
    from_stream,
    of_files,
    rejections_kept,
)
from pipeline.storage.rows import Encoded, encode_rejections
from pipeline.storage.segments import (
    SEGMENT,
    Size,
    tiers,
)


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
    files: dict[str, tuple[FileState, ...]]  # by folder, as in `SourceState`


class Earlier(Struct, frozen=True):
    """What the version before holds of the source."""

    folder: Path  # of that version
    state: SourceState


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
        earlier: Earlier | None,
        earlier_posts: int,
        drop_files: AbstractSet[str] | None,
        period: Period | None = None,
        grown: AbstractSet[str] = frozenset(),
    ) -> None:
        """`earlier`: the rows that stay, without those of the days of `period`; None where none do.

        Nor do posts of the exports in `grown` stay that are not seen again, and rejections of `drop_files`.
        """
        self.folder = folder
        self.source = source
        self.run_id = run_id
        self._work = folder / "work"
        self._earlier = earlier
        self._earlier_posts = earlier_posts
        self._drop_files = sorted(drop_files or ())
        self._period = period
        self._grown = sorted(grown)
        self._observed: Counter[str] = Counter()  # by file, this run
        self._rejected: Counter[str] = Counter()
        self._faults = 0
        self._open = True
        self.result: StageResult | None = None
        with telling(folder, "stage rows"):
            for name in FOLDERS:
                (folder / name).mkdir(0o700 if name == "rejected" else 0o777, parents=True)
            self._work.mkdir(0o700)
            self._pieces = Pieces(self._work)
            self._rejections = (self._work / "rejections").open("w+b")
            self._rejection_sizes: list[int] = []

    def add(self, encoded: Encoded) -> None:
        """Take a batch.  The order of the calls is the order of the sights.

        Raises `ValueError` where the batch is of another source.
        """
        assert self._open, "the stage is finished"
        if not encoded.posts:
            return
        if encoded.source != self.source:
            raise ValueError(f"a batch of {encoded.source!r} in the stage of {self.source!r}")
        with telling(self._work, "stage rows"):
            self._pieces.add(encoded.tables, encoded.sights, encoded.files)
        self._observed.update(encoded.files)
        self._faults += encoded.faults

    def reject(self, rejections: bytes | Sequence[Rejection]) -> None:
        """Take rejections: as `encode_rejections` gives them, or the records themselves."""
        assert self._open, "the stage is finished"
        if not rejections:
            return
        stream = rejections if isinstance(rejections, bytes) else encode_rejections(rejections, self.run_id)
        with telling(self._work, "stage rejections"):
            self._rejections.write(stream)
            self._rejection_sizes.append(len(stream))
        self._rejected.update(counts_by(from_stream(stream)["file"]))

    def finish(self) -> StageResult:
        """Settle which sight of each post is its row, and write the files, synced but not visible.

        Of segments in which no row changes and which stay as they are the files are linked.
        """
        assert self._open, "the stage is finished"
        with telling(self.folder, "write the tables"):
            self._pieces.flush()
            names = self.source, self.run_id
            work = Finish(self.folder, names, self._pieces, self._base(), self._period)
            work.withdraw(self._grown)
            files, written = work.write()
            files["rejected"] = self._write_rejections()
            self._clear_work()
        posts = sum(file.rows for file in files["posts"])
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
            places=sum(file.rows for file in files["places"]),
            dates=sum(file.rows for file in files["dates"]),
            quarantined=sum(file.rows for file in files["rejected"]),
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
            for part in (self._pieces, self._rejections):
                with suppress(OSError):  # a full disk refuses what is thrown away anyway
                    part.close()
        shutil.rmtree(self._work, ignore_errors=True)

    def _base(self) -> list[EarlierSegment]:
        """The segments of the version before."""
        if self._earlier is None:
            return []
        folder, state = self._earlier.folder, self._earlier.state
        if IDS not in state.files:  # an older marsad made them
            folder = self._work / "carried over"
            for name in FOLDERS:
                (folder / name).mkdir(parents=True)
            state = migrate(self._earlier.folder, state, self.source, folder)
        each = zip(*(state.files[name] for name in SEGMENT), strict=True)
        return [EarlierSegment(folder, dict(zip(SEGMENT, files, strict=True))) for files in each]

    def _write_rejections(self) -> tuple[FileState, ...]:
        """The files of rejections: of before, without the rows of exports that were read again, and ours."""
        old = self._earlier.state.files["rejected"] if self._earlier else ()
        parts: list[tuple[FileState | None, Size]] = []
        gone: set[str] = set()  # files in which rows do not stay
        for file in old:
            assert self._earlier is not None
            dropped = (
                int(of_files(self._rejected_path(file), self._drop_files).sum()) if self._drop_files else 0
            )
            if dropped:
                gone.add(file.name)
            parts.append((file, Size(file.rows - dropped)))
        parts.append((None, Size(self._rejected.total())))
        written: list[FileState] = []
        whole = next((file for file in old if file.name not in gone), None)  # an empty one, if none has rows
        for joined in tiers(parts) or [[whole]]:
            alone = joined[0]
            if len(joined) == 1 and alone is not None and alone.name not in gone:
                link_file(self._rejected_path(alone), self.folder / "rejected" / alone.name)
                written.append(alone)
                continue
            name = f"{self.source}-{self.run_id}-{len(written):03}.parquet"
            out = TableFile(self.folder / "rejected" / name, "rejected", self.source)
            try:
                for part in joined:
                    for rows in self._rejection_rows(part):
                        out.add(rows)
                written.append(out.finish())
            except BaseException:
                out.close()
                raise
        return tuple(written)

    def _rejected_path(self, file: FileState) -> Path:
        assert self._earlier is not None
        return self._earlier.folder / "rejected" / file.name

    def _rejection_rows(self, file: FileState | None) -> Iterator[Any]:
        if file is not None:
            yield from rejections_kept(self._rejected_path(file), self._drop_files)
            return
        self._rejections.seek(0)
        for size in self._rejection_sizes:
            yield from_stream(self._rejections.read(size))
