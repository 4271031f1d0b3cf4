"""Tables in one DuckDB or SQLite file, with views that join them and a note on every column."""

from __future__ import annotations

import importlib
import importlib.util
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipeline.errors import ConfigError
from pipeline.storage.export.cells import column_kind, plain
from pipeline.storage.export.streams import Note, Stream, Watch, note_of

VIEWS: Final = {
    "places_in_posts": (
        "mentions of places with the text that they stand in",
        ("places", "posts"),
        "select places.*, posts.posted_local, posts.language, posts.platform, posts.group_name,"
        " posts.author_key, posts.text from places join posts using (post_id)",
    ),
    "dates_in_posts": (
        "mentions of dates with the text that they stand in",
        ("dates", "posts"),
        "select dates.*, posts.posted_local, posts.language, posts.platform, posts.group_name,"
        " posts.author_key, posts.text from dates join posts using (post_id)",
    ),
    "places_with_dates": (
        "every place beside every date of the same post: which one belongs to which is not decided",
        ("places", "dates"),
        "select places.post_id, places.source, places.posted_at, places.mention as place_mention,"
        " places.surface as place_surface, places.place_id, places.name, places.lat, places.lon,"
        " places.ambiguous, dates.mention as date_mention, dates.surface as date_surface, dates.date_from,"
        " dates.date_to, dates.edtf from places join dates using (post_id)",
    ),
}
_KEYS: Final = {"posts": "post_id", "places": "mention", "dates": "mention"}
_INDEXES: Final = {
    "posts": ("posted_at",),
    "places": ("post_id", "place_id", "posted_at"),
    "dates": ("post_id", "date_from"),
    "history": ("post_id",),
}


def write_duckdb(
    path: Path, tables: Sequence[Stream], about: Mapping[str, str], watch: Watch
) -> tuple[dict[str, int], list[Note]]:
    """A DuckDB database with native types; the rows of each table."""
    if importlib.util.find_spec("duckdb") is None:
        raise ConfigError("duckdb is not installed; `pip install 'marsad[export]'`")
    duckdb = importlib.import_module("duckdb")
    rows: dict[str, int] = {}
    failures: list[Exception] = []
    try:
        with closing(duckdb.connect(str(path))) as base:
            base.execute("set threads = 1; set memory_limit = '256MB'")  # rows stay in their order
            for table in tables:
                batches = _remembering(_counted(table, watch, rows), failures)
                base.register("arriving", pa.RecordBatchReader.from_batches(table.schema, batches))
                base.execute(f"create table {table.name} as select * from arriving")  # noqa: S608  our name
                base.unregister("arriving")
                rows.setdefault(table.name, 0)
                for field in table.schema:
                    note = _literal(note_of(field))
                    base.execute(f'comment on column {table.name}."{field.name}" is {note}')
            base.execute("create table about (key varchar, value varchar)")
            base.executemany("insert into about values (?, ?)", list(about.items()))
            for name, (told, _, select) in _possible(tables).items():
                base.execute(f"create view {name} as {select}")
                base.execute(f"comment on view {name} is {_literal(told)}")
            base.execute("checkpoint")
    except duckdb.IOException as refused:
        raise OSError(str(refused).partition("\n")[0]) from refused
    except duckdb.Error:
        if failures:  # the rows could not be read; DuckDB only tells of it in words
            raise failures[0] from None
        raise
    return rows, []


def _remembering(batches: Iterator[pa.RecordBatch], failures: list[Exception]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except Exception as failure:
        failures.append(failure)
        raise


def write_sqlite(
    path: Path, tables: Sequence[Stream], about: Mapping[str, str], watch: Watch
) -> tuple[dict[str, int], list[Note]]:
    """An SQLite database: times and days as ISO 8601 text, lists and structs as JSON, truth as 0 and 1.

    SQLite has no comments on columns: they stand in the tables' own definitions and in the table `columns`.
    """
    rows: dict[str, int] = {}
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.executescript("pragma journal_mode = off; pragma synchronous = off; begin")
        base.execute('create table columns ("table" text, "column" text, type text, note text)')
        base.execute("create table about (key text, value text)")
        base.executemany("insert into about values (?, ?)", about.items())
        for table in tables:
            base.execute(_definition(table))
            marks = ", ".join("?" * len(table.schema))
            insert = f"insert into {table.name} values ({marks})"  # noqa: S608  our own name
            for batch in _counted(table, watch, rows):
                columns = [plain(column).to_pylist() for column in batch.columns]
                base.executemany(insert, zip(*columns, strict=True))
            rows.setdefault(table.name, 0)
            for column in _INDEXES.get(table.name, ()):
                base.execute(f"create index {table.name}_{column} on {table.name} ({column})")
            notes = [
                (table.name, field.name, _sqlite_type(field.type), note_of(field)) for field in table.schema
            ]
            base.executemany("insert into columns values (?, ?, ?, ?)", notes)
        for name, (note, _, select) in _possible(tables).items():
            base.execute(f"create view {name} as -- {note}\n{select}")
        base.execute("commit")
    return rows, []


def _counted(table: Stream, watch: Watch, rows: dict[str, int]) -> Iterator[pa.RecordBatch]:
    for batch in table.batches():
        yield batch
        rows[table.name] = rows.get(table.name, 0) + len(batch)
        watch(table.name, rows[table.name])


def _possible(tables: Sequence[Stream]) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """The views whose tables are all there."""
    there = {table.name for table in tables}
    return {name: view for name, view in VIEWS.items() if there.issuperset(view[1])}


def _definition(table: Stream) -> str:
    """`create table` with a note behind each column."""
    lines = []
    for number, field in enumerate(table.schema, start=1):
        key = " primary key" if _KEYS.get(table.name) == field.name else ""
        comma = "," if number < len(table.schema) else ""
        lines.append(f'  "{field.name}" {_sqlite_type(field.type)}{key}{comma} -- {note_of(field)}')
    return f"create table {table.name} (\n" + "\n".join(lines) + "\n)"


def _sqlite_type(kind: pa.DataType) -> str:
    return str(column_kind(kind, text="TEXT", whole="INTEGER", real="REAL", truth="INTEGER"))


def _literal(text: str) -> str:
    """
    >>> _literal("posts' text")
    "'posts'' text'"
    """
    return "'" + text.replace("'", "''") + "'"
