"""Commands of operators: the page, the history of runs, pauses."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.complete import complete_source
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    examples,
    print_,
    print_json,
    say,
    short,
    table,
    when,
)

app = typer.Typer()
Source = Annotated[str, typer.Argument(help="Name of a source.", autocompletion=complete_source)]


@app.command(epilog=examples("marsad serve", "marsad serve --port 8080 --schedule"))
def serve(
    *,
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8017,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    token_file: Annotated[Path | None, typer.Option(help="Demand the token in it; made if need be.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="A further host to answer for; repeated.")] = None,
    schedule: Annotated[bool, typer.Option("--schedule", help="Run `marsad schedule` beside it.")] = False,
    config: ConfigFile = CONFIG,
) -> None:
    """The operators' page in a browser: sources, runs, rejected rows, the report; until a signal comes.

    Only this machine can reach it. On another --host whoever comes must show a token, which is made.
    """
    from pipeline.serve.service import serve as stay

    code = stay(config, host, port, token_file=token_file, names=name or (), with_schedule=schedule, say=say)
    raise typer.Exit(code)


@app.command(epilog=examples('marsad pause ghab_telegram --why "the export is being replaced"'))
def pause(
    source: Source,
    *,
    why: Annotated[str, typer.Option(help="The reason, for whoever asks later.")] = "",
    config: ConfigFile = CONFIG,
) -> None:
    """Let the scheduler leave a source alone until `marsad resume`; by hand it can be run all the same."""
    from pipeline.config import load
    from pipeline.jobs.pause import pause as rest

    settings = load(config)
    settings.select([source])
    print_(f"{source}: {rest(settings.dataset, source, by=_user(), why=' '.join(why.split()))}")


@app.command(epilog=examples("marsad resume ghab_telegram"))
def resume(source: Source, config: ConfigFile = CONFIG) -> None:
    """Let a paused source run on its timetable again, from its next time on."""
    from pipeline.config import load
    from pipeline.jobs.pause import paused
    from pipeline.jobs.pause import resume as wake

    settings = load(config)
    if source not in paused(settings.dataset):  # one that was paused may have left the configuration since
        settings.select([source])
    ended = wake(settings.dataset, source)
    print_(f"{source}: {f'was {ended}' if ended else 'was not paused'}")


@app.command(epilog=examples("marsad history", "marsad history ghab_telegram --most 5"))
def history(
    source: Annotated[
        str | None, typer.Argument(help="Name of a source; all without.", autocompletion=complete_source)
    ] = None,
    *,
    most: Annotated[int, typer.Option("--most", help="Runs to list.", min=1, max=10_000)] = 20,
    changes: Annotated[
        bool, typer.Option("--changes", help="Leave out runs that found nothing new.")
    ] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """What the last runs did, the newest first: when, how long, how many rows, how they ended."""
    from pipeline.config import load
    from pipeline.jobs.history import history as look

    settings = load(config)
    found = look(settings.dataset, source, most, unchanged=not changes)
    if source is not None and not found:
        settings.select([source])  # a slip in the name
    if as_json:
        print_json({"dataset": str(settings.dataset), "runs": found})
        return
    head = ["started", "source", "kind", "state", "seconds"]
    head += ["read", "written", "duplicate", "rejected", "version"]
    rows = [
        [
            when(one.started),
            one.source,
            one.kind,
            one.state,
            "" if one.seconds is None else f"{one.seconds:,.1f}",
            f"{one.books.read:,}",
            f"{one.books.written:,}",
            f"{one.books.duplicate:,}",
            f"{one.books.rejected:,}",
            "" if one.version is None else str(one.version),
        ]
        for one in found
    ]
    print_(table(head, rows, left={0, 1, 2, 3}))
    for one in found:
        if one.error:
            say(f"{when(one.started)} {one.source}: {short(one.error, 300)}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
