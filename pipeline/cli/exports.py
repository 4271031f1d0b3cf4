"""Commands about export files: what one is, and the bytes that a post is from."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.complete import complete_reader, complete_zone
from pipeline.cli.screen import CONFIG, ConfigFile, Json, busy, examples, print_, print_json, print_raw, say
from pipeline.errors import ConfigError

app = typer.Typer()


@app.command(
    epilog=examples(
        "marsad inspect exports/result.json",
        "marsad inspect homs.csv --column text=Message --column posted_at=Posted",
    )
)
def inspect(
    file: Annotated[Path, typer.Argument(help="An export: a file, or one page of several.")],
    *,
    reader: Annotated[
        str,
        typer.Option(help="Read it by this reader instead of finding one.", autocompletion=complete_reader),
    ] = "auto",
    zone: Annotated[
        str | None, typer.Option(help="Time zone of times without an offset.", autocompletion=complete_zone)
    ] = None,
    day_order: Annotated[str, typer.Option(help="Of 3/4/2025: dmy or mdy.")] = "auto",
    column: Annotated[list[str] | None, typer.Option(help="OURS=THEIRS, for tables; repeated.")] = None,
    as_json: Json = False,
) -> None:
    """What a file is, what a run would make of it, and the configuration to paste."""
    from pipeline.config import reader_name, zone_name
    from pipeline.jobs.inspect import inspect as look
    from pipeline.jobs.inspect import told
    from pipeline.readers import COLUMNS, Reading

    reader = reader_name(reader)
    if day_order not in {"auto", "dmy", "mdy"}:
        raise ConfigError(f"--day-order {day_order!r} is none; allowed: auto, dmy, mdy")
    columns = dict(pair.partition("=")[::2] for pair in column or ())
    wrong = [name for name, theirs in columns.items() if name not in COLUMNS or not theirs]
    if wrong:
        raise ConfigError(f"--column {wrong[0]!r}: write OURS=THEIRS; ours are: {', '.join(COLUMNS)}")
    if not file.is_file():
        raise ConfigError(f"{file}: no such file; name one file of the export")
    zone = None if zone is None else zone_name(zone)
    reading = Reading(source="inspected", zone=zone, columns=columns, day_order=day_order)  # type: ignore[arg-type]
    with busy(f"reading {file.name}"):
        found = look(file, reading, reader)
    if as_json:
        print_json(found)
    else:
        for line in told(found):
            print_(line)
        if found.config:
            print_(f"\n{found.config}")
    raise typer.Exit(1 if found.problem is not None else 0)


@app.command(epilog=examples("marsad source telegram:77:1201", "marsad source telegram:77:1201 --json"))
def source(
    post_id: Annotated[str, typer.Argument(help="A post_id of the dataset.")],
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """The original bytes that a post was read from, as they stand in its export."""
    from pipeline.config import load
    from pipeline.jobs.inspect import source_bytes

    where, found = source_bytes(load(config), post_id)
    if as_json:
        text = found.decode("utf-8", "replace")
        print_json({"where": where, "text": text, "base64": base64.b64encode(found).decode()})
        return
    say(where)
    print_raw(found)
