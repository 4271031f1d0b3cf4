"""What the commands share: options, tables, JSON, progress, messages.

Data goes to stdout, messages go to stderr.
"""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from pipeline.annotate import Toolkit
    from pipeline.jobs.progress import Progress as RunProgress
    from pipeline.jobs.progress import Watch
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
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def watch(at: RunProgress) -> None:
            if at.source not in tasks:
                tasks[at.source] = bar.add_task(at.source, total=at.size, rows="")
            past = bar.tasks[tasks[at.source]].elapsed or 0
            rate = f", {at.rows / past:,.0f} a second" if past > 1 else ""
            rows = f"{at.files_done} of {at.files} files, {at.rows:,} rows{rate}"
            bar.update(tasks[at.source], completed=at.size_done, total=at.size, rows=rows)

        yield watch, lambda message: console.print(message, markup=False)


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """A sign of life with the time on a terminal, while something takes its time; else nothing."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bar:
        bar.add_task(doing, total=None)
        yield


def examples(*lines: str) -> str:
    """The end of a command's help: calls to copy, one a line."""
    return "\n\n".join(["Examples:" if len(lines) > 1 else "Example:", *lines])


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
    widths = [max(width_of(row[at]) for row in [head, *rows]) for at in range(len(head))]
    aligned = set(left)
    isolates = sys.stdout.isatty() and _is_unicode(sys.stdout)
    lines = []
    for row in [head, *rows]:
        cells = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - width_of(cell))
            shown = cell
            if isolates and not cell.isascii():  # else Arabic draws the numbers beside it into its own order
                shown = f"\N{FIRST STRONG ISOLATE}{cell}\N{POP DIRECTIONAL ISOLATE}"
            cells.append(shown + blanks if at in aligned else blanks + shown)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def width_of(text: str) -> int:
    """How many places of a terminal a text takes: marks take none, Chinese letters and emoji two.

    >>> width_of("Hama"), width_of("حَماة"), width_of("中")
    (4, 4, 2)
    """
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(char) in {"Mn", "Me", "Cf"}
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


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
    """Data for stdout: UTF-8 for programs; on a terminal what it can show."""
    write(for_terminal(text) if sys.stdout.isatty() else text.encode("utf-8", "replace"))
    write(b"\n")


def print_json(data: Any, indent: int = 1) -> None:
    """JSON for stdout; what a terminal cannot show is written as \\uXXXX, which means the same."""
    import msgspec

    encoded = msgspec.json.encode(data, enc_hook=str)
    encoded = msgspec.json.format(encoded, indent=indent) if indent else encoded
    if sys.stdout.isatty():
        encoded = "".join(map(_json_sign, encoded.decode())).encode()
    write(encoded + b"\n")


def _json_sign(char: str) -> str:
    if char.isascii() or (_is_unicode(sys.stdout) and char.isprintable()):
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def print_raw(data: bytes) -> None:
    """Bytes of an export: as they are for programs; on a terminal without what would steer it."""
    data = data if data.endswith(b"\n") else data + b"\n"
    write(for_terminal(data.decode("utf-8", "backslashreplace")) if sys.stdout.isatty() else data)


def for_terminal(text: str) -> bytes:
    """The text as the terminal can show it; what it lacks, and signs that steer it, are escapes."""
    safe = "".join(char if char in "\n\t" or not _steers(char) else _escape(char) for char in text)
    return safe.encode(sys.stdout.encoding or "ascii", "backslashreplace")


def _steers(char: str) -> bool:
    """Control characters, and signs that turn the direction of text without an end.

    >>> [_steers(char) for char in "a\x1b\u202e\u200f\u2068"]
    [False, True, True, False, False]
    """
    return unicodedata.category(char) == "Cc" or "\u202a" <= char <= "\u202e"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


def prepare(environment: Mapping[str, str] = os.environ) -> None:
    """Let terminals whose encoding lacks Arabic show escapes: messages, tables and help alike.

    Python takes the locales C and POSIX for UTF-8; where somebody has set one, the terminal is taken at its
    word, unless PYTHONIOENCODING or PYTHONUTF8 says otherwise.
    """
    told = {"PYTHONIOENCODING", "PYTHONUTF8"} & environment.keys()
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper) or not stream.isatty():
            continue
        if not told and _is_plain(environment):
            stream.reconfigure(encoding="ascii", errors="backslashreplace")
        elif not _is_unicode(stream):
            stream.reconfigure(errors="backslashreplace")


def _is_plain(environment: Mapping[str, str]) -> bool:
    """Whether the environment names the locale C or POSIX.

    >>> _is_plain({"LANG": "C"}), _is_plain({"LANG": "C", "LC_ALL": "ar_SY.UTF-8"}), _is_plain({})
    (True, False, False)
    """
    kind = environment.get("LC_CTYPE", "")
    kind = "" if kind in {"C.UTF-8", "C.utf8", "UTF-8"} else kind  # what Python itself sets where LANG is C
    return (environment.get("LC_ALL") or kind or environment.get("LANG", "")) in {"C", "POSIX"}


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("_", "-").startswith("utf")


def write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(message: str) -> None:
    """A message for stderr."""
    if sys.stderr.isatty():
        message = "".join(char if char in "\n\t" or not _steers(char) else _escape(char) for char in message)
    print(message, file=sys.stderr, flush=True)
