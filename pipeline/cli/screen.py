"""What the commands share: options, tables, JSON, progress, messages.

Data goes to stdout, messages go to stderr.
"""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipeline.annotate import Toolkit
    from pipeline.jobs.run import Progress as RunProgress
    from pipeline.jobs.run import Watch
    from pipeline.records import Group

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Home = Annotated[list[str] | None, typer.Option("--home", help="ISO code of a country; may be repeated.")]
CONFIG = Path("config.yaml")


def open_toolkit(path: Path, home: Sequence[str] | None) -> tuple[Toolkit, Group]:
    """The toolkit of a configuration, or the plain one where there is no file of the default name."""
    from pipeline.annotate import Settings, Toolkit
    from pipeline.config import Gazetteer, LanguageOptions, cache_folder, country, load
    from pipeline.records import Group

    group = Group(tuple(country(code) for code in home or ()))
    if path == CONFIG and not path.exists():
        gazetteer, language, models = Gazetteer(), LanguageOptions(), tuple[str, ...]()
    else:
        config = load(path)
        gazetteer, language = config.gazetteer, config.language
        models = tuple(map(str, config.places.recognizers))
    layers = tuple(map(str, gazetteer.layer_files()))
    settings = Settings(str(cache_folder()), gazetteer.home, layers, language.detector, models)
    return Toolkit.open(settings), group


@contextmanager
def progress(quiet: bool) -> Iterator[tuple[Watch | None, Callable[[str], object]]]:
    """A bar on a terminal; else nothing, or now and then a line.  And the way to say something beside it."""
    if quiet or not sys.stderr.isatty():
        yield (None if quiet else _Lines().watch), say
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(at: RunProgress) -> None:
            if at.source not in tasks:
                tasks[at.source] = bar.add_task(at.source, total=at.size, rows="")
            rows = f"{at.files_done} of {at.files} files, {at.rows:,} rows"
            bar.update(tasks[at.source], completed=at.size_done, total=at.size, rows=rows)

        yield watch, lambda message: console.print(message, markup=False)


class _Lines:
    """Plain lines for logs: one at the end of a source's files, and one every hundred thousand rows."""

    STEP = 100_000

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def watch(self, at: RunProgress) -> None:
        step = at.rows // self.STEP
        if at.files_done == at.files or step > self._told.get(at.source, 0):
            self._told[at.source] = step
            say(f"{at.source}: {at.files_done} of {at.files} files, {at.rows:,} rows read")


def start_log(as_json: bool) -> None:
    """Logs go through stdlib logging; as JSON lines with run and source, never with content of a post."""
    root = logging.getLogger()
    if not as_json:
        root.addHandler(logging.NullHandler())  # the messages of the command say the same
        return
    import structlog

    handler = logging.StreamHandler(sys.stderr)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(allow={"source", "run", "rows"}),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=render))
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Iterable[int]) -> str:
    """Aligned text; columns in `left` begin at the left, the others, numbers, end at the right.

    >>> print(table(["source", "read"], [["a", "1,200"]], left=[0]))
    source   read
    a       1,200
    """
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    aligned = set(left)
    lines = []
    for row in [head, *rows]:
        cells = [
            cell.ljust(width) if at in aligned else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def when(time: datetime | None) -> str:
    return "" if time is None else time.strftime("%Y-%m-%d %H:%M UTC")


def short(text: str, width: int) -> str:
    """One line of at most `width` signs, without control characters.

    >>> short("a\\nb" * 9, 6)
    'a ba …'
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def near(path: Path) -> str:
    """A path as one would type it from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def print_(text: str) -> None:
    write(text.encode("utf-8", "replace") + b"\n")


def print_json(data: Any, indent: int = 1) -> None:
    import msgspec

    encoded = msgspec.json.encode(data, enc_hook=str)
    write((msgspec.json.format(encoded, indent=indent) if indent else encoded) + b"\n")


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
