"""Rows of an older schema in the files of today's: what was not known then is null."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
from msgspec.structs import replace

from pipeline.storage.manifest import TABLE_NAMES, SourceState
from pipeline.storage.pieces import TableFile, batches
from pipeline.storage.schema import SCHEMA_VERSION


def migrate(old: Path, state: SourceState, source: str, new: Path) -> SourceState:
    """The files of `source` in the version `old` written again into the version `new`, and what they are.

    Rows, their order and all values stay; columns that the older schema did not have are null until the
    source is rerun.  The files get names of their own, because a name always means the same bytes.
    """
    files = {}
    for table in TABLE_NAMES:
        name = f"{source}-{state.run_id}-schema{SCHEMA_VERSION}.parquet"
        out = TableFile(new / table / name, table, source)
        try:
            for rows in batches(old / table / state.files[table].name, table):
                size = pc.sum(pc.utf8_length(rows["text"])).as_py() if table == "posts" else 0
                out.add(rows, size or 0)
            files[table] = out.finish()
        except BaseException:
            out.close()
            raise
    return replace(state, files=files)
