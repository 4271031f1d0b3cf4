"""What an export writes: tables a few rows at a time, and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from pipeline.errors import ConfigError, DatasetError
from pipeline.storage.durable import sync_file, sync_folder
from pipeline.storage.finish import history_of
from pipeline.storage.frames import Loaded
from pipeline.storage.query import Filters
from pipeline.storage.schema import TABLES

Watch = Callable[[str, int], None]
"""Called with the name of a table and how many of its rows are written."""

HISTORY: Final = pa.schema(
    [
        pa.field(name, kind, metadata={b"note": note.encode()})
        for name, kind, note in (
            ("post_id", pa.string(), "joins to posts.post_id"),
            ("source", pa.string(), "name of the source in config.yaml"),
            ("posted_at", pa.timestamp("us", tz="UTC"), "posts.posted_at, repeated"),
            ("revision", pa.int32(), "1 is the oldest known text; the newest stands in posts.text"),
            (
                "edited_at",
                pa.timestamp("us", tz="UTC"),
                "time of the edit that made this text; null: unedited",
            ),
            ("text", pa.string(), "an earlier text of the post, as exported"),
            ("file", pa.string(), "export file that it was read from"),
        )
    ]
)


class Stream(Struct, frozen=True):
    """A table on its way out.  `batches` can be called once more to begin again; no batch is empty."""

    name: str
    schema: pa.Schema  # with the sentence of each column in its metadata, `source` a plain string
    batches: Callable[[], Iterator[pa.RecordBatch]]


class Note(Struct, frozen=True):
    """Something that a format could not hold as it is."""

    table: str
    what: str


def stream(loaded: Loaded, table: str, wanted: Filters) -> Stream:
    """The wanted rows of a table; "history" is a table of the former texts of the wanted posts.

    Raises `DatasetError` for a source that is not there and for a filter that the table has no answer to.
    """
    if table == "history":
        posts = loaded.rows("posts", wanted, ["post_id", "source", "posted_at", "extra"])
        return Stream(table, HISTORY, lambda: _history(posts.batches()))
    rows = loaded.rows(table, wanted)
    schema = pa.schema([_plain_source(field) for field in TABLES[table]])
    return Stream(table, schema, lambda: (_typed(batch, schema) for batch in rows.batches()))


def note_of(field: pa.Field) -> str:
    """The sentence of a column."""
    return str((field.metadata or {}).get(b"note", b""), "utf-8")


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[Path]:
    """A path to write to; at the end of the block what stands there becomes `path`, in one step and durable.

    After an exception nothing is left.  Raises `ConfigError` where `path` is there already and `force` is
    false, or its folder is not, and `DatasetError` where the disk refuses.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file")
    if not force and os.path.lexists(path):
        raise _there(path)
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent}: no such folder; make it, or name another with --out")
    work = None
    try:
        work = Path(mkdtemp(prefix=".marsad-", dir=path.parent))
        yield work / path.name
        sync_file(work / path.name)
        if force:
            (work / path.name).replace(path)
        else:
            _move(work / path.name, path)
        sync_folder(path.parent)
    except (OSError, sqlite3.Error) as refused:
        raise DatasetError(
            f"{path}: cannot be written: {refused}; make room, or look at that path"
        ) from refused
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _move(made: Path, path: Path) -> None:
    """Give a file its name unless somebody else has taken it meanwhile."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise _there(path) from None
    except OSError:  # a disk without hard links
        if path.exists():
            raise _there(path) from None
        made.replace(path)


def _there(path: Path) -> ConfigError:
    return ConfigError(f"{path}: is there already; --force replaces it, --out names another")


def _plain_source(field: pa.Field) -> pa.Field:
    return field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [batch.column(field.name).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _history(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        edited = batch.filter(pc.fill_null(pc.match_substring(batch["extra"], '"history"'), False))
        rows: list[dict[str, Any]] = []
        for post in edited.to_pylist():
            rows += [
                {
                    "post_id": post["post_id"],
                    "source": post["source"],
                    "posted_at": post["posted_at"],
                    "revision": number,
                    "edited_at": _time(former.get("edited_at")),
                    "text": former.get("text"),
                    "file": former.get("file"),
                }
                for number, former in enumerate(history_of(post["extra"]), start=1)
            ]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=HISTORY)


def _time(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
