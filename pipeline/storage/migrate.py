"""Rows of an older format in the files of today's: what was not known then is null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import pyarrow as pa
from msgspec.structs import replace

from pipeline.storage.manifest import FileState, SourceState
from pipeline.storage.pieces import KEPT_ROWS, EarlierRows, TableFile, batches
from pipeline.storage.schema import SCHEMA_VERSION
from pipeline.storage.segments import SEGMENT, SEGMENT_ROWS, write_segment


def migrate(old: Path, state: SourceState, source: str, new: Path) -> SourceState:
    """The files of `source` in the version `old` written again into the version `new`, and what they are.

    Rows, their order and all values stay; columns that the older schema did not have are null until the
    source is rerun.  The files get names of their own, because a name always means the same bytes.
    """
    stem = f"{source}-{state.run_id}-schema{SCHEMA_VERSION}"
    segments: list[dict[str, FileState]] = []
    for posts, places, dates in zip(*(state.files[table] for table in SEGMENT[:3]), strict=True):
        files = {"posts": posts, "places": places, "dates": dates}
        rows = iter(EarlierRows({table: old / table / file.name for table, file in files.items()}))
        while (batch := next(rows, None)) is not None or not segments:
            part: Iterator[Mapping[str, pa.Table]] = islice(rows, SEGMENT_ROWS // KEPT_ROWS - 1)
            first = [] if batch is None else [batch]
            name = f"{stem}-{len(segments):03}"
            segments.append(write_segment(new, name, source, (one for some in (first, part) for one in some)))
    rejected = TableFile(new / "rejected" / f"{stem}-000.parquet", "rejected", source)
    try:
        for file in state.files["rejected"]:
            for refused in batches(old / "rejected" / file.name, "rejected"):
                rejected.add(refused)
        kept = rejected.finish()
    except BaseException:
        rejected.close()
        raise
    files_now = {name: tuple(segment[name] for segment in segments) for name in SEGMENT}
    return replace(state, files={**files_now, "rejected": (kept,)})
