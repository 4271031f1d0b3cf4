"""The command `marsad`: each command parses, calls one function, prints, and picks an exit code.

Data goes to stdout, messages go to stderr.  Exit codes: 0 done; 1 a run failed; 2 wrong usage or
configuration; 3 done, but more rows rejected than a source expects, or files that are not whole or missing;
75 locked, try later; 130 and 143 stopped by a signal.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli import (
    dataset,
    export,
    exports,
    gazetteer,
    new,
    people,
    rejected,
    report,
    runs,
    serve,
    texts,
)
from pipeline.cli.screen import prepare, print_, say
from pipeline.errors import MarsadError, Stopped

app = typer.Typer(
    name="marsad",
    help="Exported Arabic and English group posts in, a dataset of places and dates out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (new, runs, dataset, export, exports, people, report, serve, texts):
    app.add_typer(part.app)
app.add_typer(gazetteer.gazetteer_app, name="gazetteer")
app.add_typer(rejected.rejected_app, name="rejected")


def main() -> None:
    """The entry point: an error raised on purpose is one message and its exit code, a bug is a traceback."""
    prepare()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except (MarsadError, Stopped) as end:
        say(f"marsad: {end}")
        sys.exit(end.exit_code)
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


@app.callback(invoke_without_command=True)
def _about(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print_(f"marsad {__version__}")
        raise typer.Exit


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)
