"""The command `marsad`: each command parses, calls one function, prints, and picks an exit code.

Data goes to stdout, messages go to stderr.  Exit codes: 0 done; 1 a run failed; 2 wrong usage or
configuration; 3 done, but more rows rejected than a source expects; 75 locked, try later; 130 and 143
stopped by a signal.
"""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from pipeline.errors import ConfigError, LockedError, MarsadError, Stopped

if TYPE_CHECKING:
    from pipeline.annotate import Toolkit
    from pipeline.config import Config
    from pipeline.jobs.run import Outcome, Watch
    from pipeline.jobs.run import Progress as RunProgress
    from pipeline.records import DateMention, PlaceMention

app = typer.Typer(
    name="marsad",
    help="Exported Arabic and English group posts in, a dataset of places and dates out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
gazetteer_app = typer.Typer(help="The list of places and their names.", no_args_is_help=True)
app.add_typer(gazetteer_app, name="gazetteer")

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
LogJson = Annotated[bool, typer.Option("--log-json", help="Write JSON log lines to stderr.")]
Force = Annotated[bool, typer.Option("--force", help="Publish although a source shrinks too much.")]
Sources = Annotated[list[str] | None, typer.Argument(help="Names of sources; all without any.")]
Home = Annotated[list[str] | None, typer.Option("--home", help="ISO code of a country; may be repeated.")]
CONFIG = Path("config.yaml")


def main() -> None:
    """The entry point: an error raised on purpose is one message and its exit code, a bug is a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        app()
    except (MarsadError, Stopped) as end:
        _say(f"marsad: {end}")
        sys.exit(end.exit_code)
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


@app.command()
def run(
    sources: Sources = None,
    *,
    config: ConfigFile = CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and annotate, write nothing.")] = False,
    force: Force = False,
    as_json: Json = False,
    log_json: LogJson = False,
) -> None:
    """Take in the new and changed files of the named sources, or of all."""
    _run(config, sources or [], "run", dry=dry_run, force=force, as_json=as_json, log_json=log_json)


@app.command()
def rerun(
    source: Annotated[str, typer.Argument(help="The source whose rows are replaced.")],
    *,
    config: ConfigFile = CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and annotate, write nothing.")] = False,
    force: Force = False,
    as_json: Json = False,
    log_json: LogJson = False,
) -> None:
    """Read all files of a source again and replace its rows, and its rows only."""
    _run(config, [source], "rerun", dry=dry_run, force=force, as_json=as_json, log_json=log_json)


def _run(
    path: Path, names: Sequence[str], kind: Any, *, dry: bool, force: bool, as_json: bool, log_json: bool
) -> None:
    from pipeline.config import load
    from pipeline.jobs.run import Options, exit_code
    from pipeline.jobs.run import run as run_sources

    config = load(path)
    _log(log_json)
    outcomes = []
    with _progress(quiet=log_json) as (watch, say):
        for outcome in run_sources(config, names, Options(kind=kind, dry=dry, force=force, watch=watch)):
            outcomes.append(outcome)
            if not log_json:
                _tell(outcome, say)
    code = exit_code(outcomes)
    if as_json:
        _print_json({"dataset": str(config.dataset), "exit_code": code, "sources": outcomes})
    else:
        _print(_run_table(outcomes))
        if any(outcome.posts for outcome in outcomes) and not dry:
            _print(f'\nimport pipeline; d = pipeline.load("{_near(config.dataset)}")')
    raise typer.Exit(code)


def _tell(outcome: Outcome, say: Callable[[str], object]) -> None:
    """The messages about one source: what went wrong, and what an operator should know."""
    name = outcome.source
    if outcome.error:
        say(outcome.error if outcome.error.startswith(name) else f"{name}: {outcome.error}")
    for note in outcome.notes:
        say(f"{name}: {note}")
    if outcome.faults:
        say(f"{name}: {outcome.faults} posts are kept without mentions, see their column fault")
    if outcome.exit_code == 3:
        books = outcome.books
        share = f"{books.rejected:,} of {books.read:,} rows"
        say(f"{name}: {share} rejected, more than expected; see marsad rejected {name}")


def _run_table(outcomes: Sequence[Outcome]) -> str:
    head = ["source", "files", "read", "written", "duplicate", "rejected", "service"]
    head += ["posts", "places", "dates", "seconds", "state"]
    rows = []
    for outcome in outcomes:
        books = outcome.books
        counts = [outcome.files, books.read, books.written, books.duplicate, books.rejected, books.nonposts]
        counts += [outcome.posts, outcome.places, outcome.dates]
        shown = [f"{count:,}" for count in counts]
        rows.append([outcome.source, *shown, f"{outcome.seconds:.1f}", outcome.state])
    if len(rows) > 1:
        columns = [[int(row[at].replace(",", "")) for row in rows] for at in range(1, 10)]
        seconds = sum(outcome.seconds for outcome in outcomes)
        rows.append(["all", *(f"{sum(column):,}" for column in columns), f"{seconds:.1f}", ""])
    return _table(head, rows, left={0, 11})


@app.command()
def status(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """Each source: its last run, its rows, and when it runs next."""
    from pipeline.config import load
    from pipeline.jobs.status import status as look

    found = look(load(config))
    if as_json:
        _print_json(found)
        return
    rows = [
        [
            one.source,
            _when(one.last_run),
            one.state if one.configured else "not configured",
            f"{one.files:,}",
            f"{one.posts:,}",
            f"{one.places:,}",
            f"{one.dates:,}",
            f"{one.rejected:,}",
            _when(one.next_run),
        ]
        for one in found.sources
    ]
    version = "no version yet" if found.version is None else f"version {found.version}"
    _print(f"{found.dataset}: {version}")
    head = ["source", "last run", "state", "files", "posts", "places", "dates", "rejected", "next run"]
    _print(_table(head, rows, left={0, 1, 2, 8}))
    for one in found.sources:
        if one.error:
            _say(f"{one.source}: {one.error}")


@app.command()
def rejected(
    source: Annotated[str | None, typer.Argument(help="Name of a source; all without.")] = None,
    config: ConfigFile = CONFIG,
    reason: Annotated[str | None, typer.Option("--reason", help="Only rows of this reason.")] = None,
    as_json: Json = False,
) -> None:
    """Rows that are not in the dataset, each with its reason and its place in the export."""
    from pipeline.config import load
    from pipeline.records import Reason
    from pipeline.storage.dataset import Dataset
    from pipeline.storage.frames import load as load_dataset

    settings = load(config)
    if reason is not None and reason not in set(Reason):
        raise ConfigError(f"{reason!r} is not a reason; allowed: {', '.join(Reason)}")
    if source is not None:
        settings.select([source])
    current = Dataset(settings.dataset).current()
    rows: list[dict[str, Any]] = []
    if current is not None and (source is None or source in current.manifest.sources):
        rows = load_dataset(settings.dataset).rejected(source=source, format="arrow").to_pylist()
    rows = [row for row in rows if reason is None or row["reason"] == reason]
    if as_json:
        version = current.number if current else None
        _print_json({"dataset": str(settings.dataset), "version": version, "rejected": rows})
        return
    head = ["source", "reason", "file", "where", "detail", "raw"]
    keys = ["source", "reason", "file", "locator", "detail", "raw"]
    _print(_table(head, [[_short(str(row[key]), 60) for key in keys] for row in rows], left=set(range(6))))
    _say(f"{len(rows):,} rejected rows")


@app.command()
def check(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """Look at configuration, files, gazetteer and dataset; say what is wrong and where."""
    from pipeline.config import load
    from pipeline.jobs.check import check as look

    findings = []
    for finding in look(load(config)):
        findings.append(finding)
        if not as_json:
            tell = _say if finding.exit_code else _print
            tell(f"{'WRONG' if finding.exit_code else 'ok   '}  {finding.what}: {finding.told}")
    if as_json:
        _print_json({"findings": findings})
    raise typer.Exit(max((finding.exit_code for finding in findings), default=0))


@app.command()
def schedule(config: ConfigFile = CONFIG, log_json: LogJson = False) -> None:
    """Stay, and run each source on its timetable until a signal comes."""
    from pipeline.config import load
    from pipeline.jobs.run import Options, exit_code
    from pipeline.jobs.run import run as run_sources
    from pipeline.jobs.schedule import serve
    from pipeline.jobs.status import last_run

    settings = load(config)
    _log(log_json)

    def run_source(name: str) -> int:
        try:
            outcomes = list(run_sources(settings, [name], Options()))
        except LockedError as locked:
            _say(str(locked))
            return locked.exit_code
        for outcome in outcomes:
            _tell(outcome, _say)
            _say(_line(outcome))
        code = exit_code(outcomes)
        return 0 if code == 3 else code  # it is done, and what was rejected has been told

    raise typer.Exit(serve(settings, run_source, lambda name: last_run(settings.dataset, name), say=_say))


@app.command()
def annotate(
    config: ConfigFile = CONFIG,
    home: Home = None,
) -> None:
    """JSON lines on stdin {"id","text","published_at"?,"zone"?} to JSON lines on stdout, same order."""
    from pipeline.jobs.stream import serve_lines

    toolkit, countries = _toolkit(config, home)
    count, errors = serve_lines(sys.stdin.fileno(), _write, toolkit, countries)
    if errors:
        _say(f"{errors:,} of {count:,} lines could not be read; see their key error")


@app.command()
def explain(
    text: Annotated[str, typer.Argument(help="The text of one post.")],
    *,
    published_at: Annotated[str | None, typer.Option(help="When it was posted, ISO 8601.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone in which the post's day is counted.")] = "UTC",
    home: Home = None,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """How one text was read: its steps, language, places with candidates, and dates."""
    from pipeline.annotate import anchor_day, text_post
    from pipeline.annotate import annotate as annotate_posts
    from pipeline.annotate import as_json as to_json
    from pipeline.text import find_marks, normalize_batch, tokenize

    try:
        known = ZoneInfo(zone)
        at = None if published_at is None else datetime.fromisoformat(published_at)
        post = text_post(1, text, at, known.key)
    except (KeyError, OSError):
        raise ConfigError(f"--zone {zone!r} is not a time zone; allowed: IANA names, Asia/Damascus") from None
    except ValueError:
        raise ConfigError(
            f"--published-at {published_at!r} is not ISO 8601, such as 2014-03-05T18:30"
        ) from None
    toolkit, countries = _toolkit(config, home)
    annotated = annotate_posts([post], toolkit, countries)[0]
    if as_json:
        _print_json(to_json(annotated, None))
        return
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    language = annotated.language
    day = anchor_day(post)
    _print(f"text        {text}")
    _print(f"normalized  {annotated.text_normalized}")
    _print(f"tokens      {' | '.join(tokens.surfaces)}")
    _print(
        f"language    {language.tag}, confidence {language.confidence:.2f}, by {language.method} "
        f"(Arabic letters {language.arabic_share:.0%}, Latin {language.latin_share:.0%})"
    )
    _print(f"posted on   {day or 'not known: relative words get no date; see --published-at'}")
    for name in ("hashtags", "mentions", "urls"):
        if getattr(annotated, name):
            _print(f"{name:<11} {', '.join(getattr(annotated, name))}")
    _print(f"places      {len(annotated.places) or 'none'}")
    for place in annotated.places:
        _print("\n".join(_place_lines(place, text)))
    _print(f"dates       {len(annotated.dates) or 'none'}")
    for date in annotated.dates:
        _print("\n".join(_date_lines(date, text)))
    if annotated.fault:
        _say(f"fault: {annotated.fault}")


def _place_lines(mention: PlaceMention, text: str) -> Iterator[str]:
    span = mention.span
    doubt = ", ambiguous" if mention.ambiguous else ""
    yield f"  [{span.start}:{span.end}] {span.of(text)}   score {mention.score:.2f}{doubt}; {mention.rule}"
    for rank, candidate in enumerate(mention.candidates, start=1):
        place = candidate.place
        within = ", ".join(part for part in (place.admin2, place.admin1, place.country) if part)
        names = place.name if place.name_ar in (None, place.name) else f"{place.name} / {place.name_ar}"
        yield (
            f"      {rank}. {candidate.score:.2f}  {names}, {place.feature}, {within}  "
            f"({place.lat:.4f}, {place.lon:.4f})  {place.place_id}"
        )


def _date_lines(mention: DateMention, text: str) -> Iterator[str]:
    span = mention.span
    period = f"{mention.date_from or '..'} to {mention.date_to or '..'}"
    yield f"  [{span.start}:{span.end}] {span.of(text)}   {mention.edtf}; {mention.rule}"
    anchor = f", counted from {mention.anchor_date} ({mention.anchor})" if mention.anchor_date else ""
    yield f"      {period}, a {mention.grain}, {mention.calendar}, confidence {mention.confidence}{anchor}"
    if mention.flags:
        yield f"      flags {', '.join(mention.flags)}"
    if mention.alternatives:
        yield f"      or {', '.join(mention.alternatives)}"


@gazetteer_app.command("lookup")
def lookup(
    name: Annotated[str, typer.Argument(help="A place name in any spelling or script.")],
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """The places that a name can mean, the better known first."""
    toolkit, _ = _toolkit(config, None)
    candidates = toolkit.gazetteer.lookup(name)
    if as_json:
        _print_json(candidates)
        return
    rows = [
        [
            f"{one.score:.2f}",
            one.place.name,
            one.place.name_ar or "",
            one.place.feature,
            ", ".join(part for part in (one.place.admin2, one.place.admin1, one.place.country) if part),
            f"{one.place.lat:.4f}, {one.place.lon:.4f}",
            f"{one.place.population:,}",
            one.place.place_id,
        ]
        for one in candidates
    ]
    head = ["share", "name", "Arabic", "kind", "in", "lat, lon", "population", "id"]
    _print(_table(head, rows, left={1, 2, 3, 4, 5, 7}))
    if not candidates:
        _say(f"no place named {name!r} in the gazetteer")
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _about(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from pipeline import __version__

        _print(f"marsad {__version__}")
        raise typer.Exit


# What the commands share


def _toolkit(path: Path, home: Sequence[str] | None) -> tuple[Toolkit, tuple[str, ...]]:
    """The toolkit of a configuration, or the plain one where there is no file of the default name."""
    from pipeline.annotate import Settings, Toolkit
    from pipeline.config import cache_folder, country, load

    countries = tuple(country(code) for code in home or ())
    if path == CONFIG and not path.exists():
        return Toolkit.open(Settings(str(cache_folder()))), countries
    config: Config = load(path)
    layers = tuple(str(layer) for layer in config.gazetteer.layers)
    return Toolkit.open(Settings(str(cache_folder()), config.gazetteer.home, layers)), countries


@contextmanager
def _progress(quiet: bool) -> Iterator[tuple[Watch | None, Callable[[str], object]]]:
    """A bar on a terminal; else nothing, or now and then a line.  And the way to say something beside it."""
    if quiet or not sys.stderr.isatty():
        yield (None if quiet else _Lines().watch), _say
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
            _say(f"{at.source}: {at.files_done} of {at.files} files, {at.rows:,} rows read")


def _line(outcome: Outcome) -> str:
    books = outcome.books
    return (
        f"{outcome.source}: {outcome.state}, {books.read:,} read, {books.written:,} written, "
        f"{books.duplicate:,} duplicate, {books.rejected:,} rejected, {outcome.seconds:.1f} s"
    )


def _log(as_json: bool) -> None:
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


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Iterable[int]) -> str:
    """Aligned text; columns in `left` begin at the left, the others, numbers, end at the right.

    >>> print(_table(["source", "read"], [["a", "1,200"]], left=[0]))
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


def _when(time: datetime | None) -> str:
    return "" if time is None else time.strftime("%Y-%m-%d %H:%M UTC")


def _short(text: str, width: int) -> str:
    """One line of at most `width` signs, without control characters.

    >>> _short("a\\nb" * 9, 6)
    'a ba …'
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _near(path: Path) -> str:
    """A path as one would type it from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _print(text: str) -> None:
    _write(text.encode("utf-8", "replace") + b"\n")


def _print_json(data: Any, indent: int = 1) -> None:
    import msgspec

    encoded = msgspec.json.encode(data, enc_hook=str)
    _write((msgspec.json.format(encoded, indent=indent) if indent else encoded) + b"\n")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _stop(number: int, _frame: object) -> None:
    raise Stopped(number)
