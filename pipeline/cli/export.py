"""`marsad export`: rows of the dataset as files for other programs."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.complete import complete_source, complete_version, complete_words
from pipeline.cli.screen import CONFIG, ConfigFile, Json, examples, near, print_, print_json, say
from pipeline.errors import ConfigError

app = typer.Typer()
FORMATS = "csv, xlsx, geojson, geoparquet, duckdb, sqlite or datapackage"


@app.command(
    epilog=examples(
        "marsad export xlsx posts --source ghab_telegram",
        "marsad export geojson --place Hama --since 2015-08-01 --out hama.geojson",
        "marsad export duckdb --history",
    ),
)
def export(
    format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help=FORMATS,
            autocompletion=complete_words(*FORMATS.replace(" or ", ", ").split(", ")),
        ),
    ],
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]...", help="posts, places, dates, rejected; without: the first three."
        ),
    ] = None,
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File or folder to write.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Only this source; repeated.", autocompletion=complete_source),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Posted on this day (UTC) or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Posted on this day (UTC) or earlier.")] = None,
    language: Annotated[list[str] | None, typer.Option("--language", help="ar, en, ...; repeated.")] = None,
    place: Annotated[
        list[str] | None, typer.Option("--place", help="A place_id or name in any spelling; repeated.")
    ] = None,
    bbox: Annotated[str | None, typer.Option(help="WEST,SOUTH,EAST,NORTH in degrees.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Former texts of edited posts as well.")] = False,
    version: Annotated[
        int | None,
        typer.Option(help="A version of the dataset; else the current.", autocompletion=complete_version),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="CSV with formulas as they are; not for Excel.")] = False,
    licence: Annotated[
        str | None, typer.Option(help="For datapackage.json: what others may do, such as CC-BY-4.0.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """Write tables for other programs, the wanted rows of them, or describe the dataset's own files."""
    from pipeline.config import load, nearest
    from pipeline.storage import export as files
    from pipeline.storage.frames import load as open_version
    from pipeline.storage.query import filters

    if format not in {*files.ENDINGS, "datapackage"}:
        known = [*files.ENDINGS, "datapackage"]
        told = f"no format {format!r}{nearest(format, known)}; there are: {', '.join(known)}"
        raise ConfigError(told.replace("?;", "?"))
    root = load(config).dataset
    loaded = open_version(root, version)
    if format == "datapackage":
        if tables or history or any((source, since, until, language, place, bbox)):
            raise ConfigError("datapackage describes the whole dataset; it takes no tables and no filters")
        written = files.describe(loaded, out or root / "datapackage.json", force=force, licence=licence)
    else:
        wanted = filters(source, since, until, language, place, None if bbox is None else bbox.split(","))
        with _progress(quiet=as_json) as watch:
            written = files.export(
                loaded,
                format,
                tables or (),
                out,
                wanted,
                history=history,
                force=force,
                raw=raw,
                licence=licence,
                watch=watch,
            )
    if as_json:
        print_json(written)
        return
    for file in written.files:
        rows = ", ".join(f"{count:,} {table}" for table, count in file.rows.items())
        print_(f"{near(file.path)}: {rows + ', ' if rows else ''}{file.size:,} bytes")
    for note in written.notes:
        say(f"{note.table}: {note.what}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """A line with count and rate for each table on a terminal; else nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda _table, _rows: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(table: str, rows: int) -> None:
            if table not in tasks:
                tasks[table] = bar.add_task(table, total=None)
            speed = bar.tasks[tasks[table]].elapsed or 0
            rate = f", {rows / speed:,.0f} a second" if speed > 1 else ""
            bar.update(tasks[table], description=f"{table}: {rows:,} rows{rate}")

        yield watch
