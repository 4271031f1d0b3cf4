"""`marsad gazetteer`: look places up, add layers of them, list and remove these."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.complete import complete_layer
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    busy,
    examples,
    open_toolkit,
    print_,
    print_json,
    say,
    short,
    table,
)

if TYPE_CHECKING:
    from pipeline.places.fetch import Downloads
    from pipeline.places.layers import Note

gazetteer_app = typer.Typer(help="The list of places and their names.", no_args_is_help=True)
add_app = typer.Typer(help="Add places: public gazetteers, or a table of your own.", no_args_is_help=True)
gazetteer_app.add_typer(add_app, name="add")


@gazetteer_app.command(
    "lookup",
    epilog=examples(
        'marsad gazetteer lookup "Kherbet en-Naqous"', "marsad gazetteer lookup حماة --country SY --json"
    ),
)
def lookup(
    name: Annotated[str, typer.Argument(help="A place name in any spelling or script.")],
    *,
    config: ConfigFile = CONFIG,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many places at most.")] = 10,
    countries: Annotated[list[str] | None, typer.Option("--country", help="Only in this country.")] = None,
    as_json: Json = False,
) -> None:
    """The places that a name can mean, the most similar first, with how each was found."""
    from pipeline.config import country

    toolkit, _ = open_toolkit(config, None)
    matches = toolkit.gazetteer.lookup(name, limit, [country(code.upper()) for code in countries or ()])
    if as_json:
        print_json(matches)
    else:
        rows = [
            [
                f"{one.similarity:.2f}",
                one.tier,
                one.place.name,
                one.place.name_ar or "",
                one.place.feature,
                ", ".join(part for part in (one.place.admin2, one.place.admin1, one.place.country) if part),
                f"{one.place.lat:.4f}, {one.place.lon:.4f}",
                f"{one.place.population:,}" if one.place.population else "",
                one.place.place_id,
                short(one.place.source, 40),
            ]
            for one in matches
        ]
        head = ["like", "key", "name", "Arabic", "kind", "in", "lat, lon", "people", "id", "source"]
        print_(table(head, rows, left={1, 2, 3, 4, 5, 6, 8, 9}))
    if not matches:
        say(f"no place named {name!r} in the gazetteer")
        raise typer.Exit(1)


@gazetteer_app.command("list", epilog=examples("marsad gazetteer list"))
def list_layers(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """The layers that were added, and the attribution of all that are used."""
    from pipeline.jobs.gazetteer import added_notes
    from pipeline.places.layers import Note, layer_name

    folder = _layer_folder(config)
    found = added_notes(folder)
    used = open_toolkit(config, None)[0].gazetteer.notes if all(isinstance(n, Note) for _, n in found) else ()
    if as_json:
        added = [{"layer": layer_name(path), "note": note} for path, note in found]
        print_json({"folder": str(folder), "added": added, "used": used})
        return
    names = {note.name for note in used}
    rows = []
    for path, note in found:
        if isinstance(note, Note):
            where = short(", ".join(note.countries), 30)
            state = "used" if note.name in names else "not used (gazetteer.layers)"
            told = [note.title, note.licence, note.added, state]
            rows.append([note.name, f"{note.rows:,}", where, *told])
        else:
            say(str(note))
            rows.append([layer_name(path), "", "", "", "", "", "damaged"])
    print_(f"{folder}: {len(found)} layers")
    if rows:
        head = ["layer", "places", "countries", "from", "licence", "added", ""]
        print_(table(head, rows, left={0, 2, 3, 4, 5, 6}))
    if used:
        print_("\nWhoever publishes places from it says where they are from:")
        for attribution in dict.fromkeys(note.attribution for note in used if note.attribution):
            print_(f"  {attribution}")
    if len(found) > sum(isinstance(note, Note) for _, note in found):
        raise typer.Exit(1)


@gazetteer_app.command("remove", epilog=examples("marsad gazetteer remove whosonfirst-sy"))
def remove_layers(
    names: Annotated[
        list[str],
        typer.Argument(help="Layers, as `marsad gazetteer list` names them.", autocompletion=complete_layer),
    ],
    config: ConfigFile = CONFIG,
) -> None:
    """Remove added layers; `whosonfirst` alone stands for those of all its countries."""
    from pipeline.jobs.gazetteer import remove

    for name in remove(_layer_folder(config), names):
        print_(f"removed {name}")


Origin = Annotated[Path | None, typer.Option("--from", help="A folder or file instead of the server.")]
Mirror = Annotated[str | None, typer.Option("--mirror", help="Base address of a server with the same files.")]


@add_app.command(
    "whosonfirst",
    epilog=examples(
        "marsad gazetteer add whosonfirst sy lb iq",
        "marsad gazetteer add whosonfirst --from whosonfirst-data-admin-sy.db",
    ),
)
def add_whosonfirst(
    countries: Annotated[list[str] | None, typer.Argument(help="ISO codes: sy lb iq.")] = None,
    *,
    origin: Origin = None,
    mirror: Mirror = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Villages of Who's On First: from its distribution, a checkout, bundle, SQLite file or table."""
    from pipeline.jobs.gazetteer import add_whosonfirst as add

    folder = _layer_folder(config)
    with _downloads(folder) as downloads:
        notes = add(folder, countries or [], downloads, origin=origin, mirror=mirror, say=say)
    _added(notes, config)


@add_app.command(
    "geonames",
    epilog=examples(
        "marsad gazetteer add geonames SY",
        "marsad gazetteer add geonames SY --from SY.zip --names alternatenames/SY.zip",
    ),
)
def add_geonames(
    countries: Annotated[list[str], typer.Argument(help="ISO codes: SY LB.")],
    *,
    origin: Origin = None,
    names: Annotated[Path | None, typer.Option("--names", help="A file of alternate names.")] = None,
    mirror: Mirror = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Places of GeoNames with their alternate names: the dump of a country."""
    from pipeline.jobs.gazetteer import add_geonames as add

    folder = _layer_folder(config)
    with _downloads(folder) as downloads:
        notes = add(folder, countries, downloads, origin=origin, names=names, mirror=mirror)
    _added(notes, config)


@add_app.command(
    "csv",
    epilog=examples(
        "marsad gazetteer add csv our_checkpoints.csv",
        "marsad gazetteer add csv our_checkpoints.csv --name checkpoints",
    ),
)
def add_csv(
    file: Annotated[Path, typer.Argument(help="A table in UTF-8 with name, lat and lon.")],
    *,
    name: Annotated[str | None, typer.Option("--name", help="Name of the layer; else the file's.")] = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Your own places: checkpoints, quarters, camps.  They stand before all others."""
    from pipeline.jobs.gazetteer import add_table

    _added([add_table(_layer_folder(config), file, name)], config)


def _added(notes: Sequence[Note], config: Path) -> None:
    """Say what was added, and compile, so that the next command need not."""
    for note in notes:
        left_out = ", ".join(f"{count:,} {why}" for why, count in note.skipped.items())
        print_(f"added {note.name}: {note.rows:,} places" + (f" (left out: {left_out})" if left_out else ""))
    for attribution in dict.fromkeys(note.attribution for note in notes if note.attribution):
        print_(attribution)
    with busy("compiling the gazetteer"):
        gazetteer = open_toolkit(config, None)[0].gazetteer
    used = {note.name for note in gazetteer.notes}
    unused = [note.name for note in notes if note.name not in used]
    if unused:
        say(f"{', '.join(unused)}: not used, because gazetteer.layers in {config} names others")
    print_(f"{len(gazetteer):,} places; used from now on")


def _layer_folder(config: Path) -> Path:
    from pipeline.config import gazetteer_folder, load

    folder = load(config).gazetteer.folder if config != CONFIG or config.exists() else None
    return folder or gazetteer_folder()


@contextmanager
def _downloads(folder: Path) -> Iterator[Downloads]:
    """Downloads into the folder of the layers, with a bar on a terminal."""
    from urllib.request import getproxies

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from pipeline.jobs.gazetteer import clear_downloads
    from pipeline.places.fetch import Downloads

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False)
    shows = sys.stderr.isatty()
    with Progress(*columns, console=console, transient=True, disable=not shows) as bar:
        tasks: dict[str, Any] = {}

        def watch(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)
            if not shows and done == total:
                say(f"{name}: {done:,} bytes")

        try:
            yield Downloads(folder / "downloads", getproxies(), watch)
        finally:
            clear_downloads(folder / "downloads")
