"""Commands that make something to look at: the report, and a demonstration with the samples."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import os
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.complete import complete_source, complete_version
from pipeline.cli.screen import CONFIG, ConfigFile, Json, examples, near, print_, print_json, say
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.report import Health

app = typer.Typer()
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Most = Annotated[int, typer.Option("--most", help="Posts on the page; of more it shows a sample.", min=1)]


@app.command(
    epilog=examples(
        "marsad report ghab_telegram hama_whatsapp --title 'Hama, summer 2015' --out hama.html --open"
    )
)
def report(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Only these; all without.", autocompletion=complete_source)
    ] = None,
    *,
    out: Out = Path("report.html"),
    version: Annotated[
        int | None, typer.Option(help="A version; the current one without.", autocompletion=complete_version)
    ] = None,
    title: Annotated[str | None, typer.Option(help="The headline.")] = None,
    most: Most = 10_000,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Show it in a browser.")] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """Write one HTML page that works offline: map, timeline, lists, posts with what was read in them."""
    from pipeline.config import load

    written = write_report(load(config), out, sources or (), version, title=title, most=most)
    if as_json:
        print_json({"report": str(out), "bytes": written})
    else:
        print_(near(out.resolve()))
        say(f"{written / 1e6:.1f} MB; it needs no network and nothing beside it")
    if opens:
        webbrowser.open(out.resolve().as_uri())


@app.command(epilog=examples("marsad demo --keep ./demo"))
def demo(
    *,
    keep: Annotated[Path | None, typer.Option("--keep", help="Folder for dataset and report.")] = None,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Show it in a browser.")] = True,
) -> None:
    """Read the project's samples into a folder of their own and show the report; touches no data of yours."""
    from pipeline.config import load
    from pipeline.jobs.run import exit_code, run

    folder = keep or Path(tempfile.mkdtemp(prefix="marsad-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    config = load(_samples() / "config.yaml")
    config = config.model_copy(update={"dataset": folder.resolve() / "data"})
    os.environ.setdefault("MARSAD_KEY_FILE", str(folder.resolve() / "pseudonym.key"))  # nor a key of yours
    outcomes = []
    for outcome in run(config):
        outcomes.append(outcome)
        say(f"{outcome.source}: {outcome.posts:,} posts, {outcome.places:,} places, {outcome.dates:,} dates")
    if exit_code(outcomes) in {1, 2}:
        raise typer.Exit(exit_code(outcomes))
    out = folder.resolve() / "report.html"
    write_report(config, out, title="The samples of marsad")
    print_(str(out))
    if opens:
        webbrowser.open(out.as_uri())


def write_report(
    config: Config,
    out: Path,
    sources: list[str] | tuple[str, ...] = (),
    version: int | None = None,
    *,
    title: str | None = None,
    most: int = 10_000,
) -> int:
    """Write the report of a dataset to `out`, in one step; gives its size in bytes."""
    from pipeline.report import page
    from pipeline.storage.durable import replace_file
    from pipeline.storage.frames import load

    if not out.resolve().parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.resolve().parent}")
    made = page(
        load(config.dataset, version), sources=sources, health=healths(config), title=title, most=most
    ).encode()
    replace_file(out, made)
    return len(made)


def healths(config: Config) -> list[Health]:
    """How each source fares now, as `marsad status` tells it, for the page."""
    from pipeline.jobs.status import status
    from pipeline.report import Health

    return [
        Health(
            source=told.source,
            state=told.state,
            last_run=told.last_run,
            next_run=told.next_run,
            error=told.error,
            incomplete=told.incomplete,
        )
        for told in status(config).sources
    ]


def _samples() -> Path:
    """The folder that holds the samples and their configuration: the checkout, or this one."""
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (folder / "config.yaml").is_file() and (folder / "samples" / "gold.jsonl").is_file():
            return folder
    raise ConfigError(
        "the samples come with the source code, not with the installed package: clone the repository and "
        "run `marsad demo` in its folder"
    )
