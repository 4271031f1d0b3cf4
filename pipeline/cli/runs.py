"""Commands that run sources and tell how runs went."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from pipeline.cli.complete import complete_source
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    examples,
    near,
    print_,
    print_json,
    progress,
    say,
    start_log,
    table,
    when,
)
from pipeline.errors import ConfigError, LockedError, MarsadError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.jobs.run import Kind, Outcome
    from pipeline.storage.manifest import Period

app = typer.Typer()
LogJson = Annotated[bool, typer.Option("--log-json", help="Write JSON log lines to stderr.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and annotate, write nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Publish although a source shrinks too much.")]
Sources = Annotated[
    list[str] | None,
    typer.Argument(help="Names of sources; all without any.", autocompletion=complete_source),
]


@app.command(
    epilog=examples(
        "marsad run",
        "marsad run ghab_telegram --dry-run",
        "marsad run --config /etc/marsad/config.yaml --log-json",
    )
)
def run(
    sources: Sources = None,
    *,
    config: ConfigFile = CONFIG,
    dry_run: DryRun = False,
    force: Force = False,
    as_json: Json = False,
    log_json: LogJson = False,
) -> None:
    """Take in the new and changed files of the named sources, or of all."""
    wishes = Wishes(kind="run", dry=dry_run, force=force)
    carry_out(config, sources or [], wishes, as_json=as_json, log_json=log_json)


@app.command(
    epilog=examples(
        "marsad rerun hama_whatsapp", "marsad rerun hama_whatsapp --since 2016-02-01 --until 2016-02-29"
    )
)
def rerun(
    source: Annotated[
        str, typer.Argument(help="The source whose rows are replaced.", autocompletion=complete_source)
    ],
    *,
    since: Annotated[str | None, typer.Option(help="First day of the rows to replace: 2016-02-01.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, inclusive.")] = None,
    config: ConfigFile = CONFIG,
    dry_run: DryRun = False,
    force: Force = False,
    as_json: Json = False,
    log_json: LogJson = False,
) -> None:
    """Read all files of a source again and replace its rows, and its rows only.

    With --since or --until only the rows of these days are replaced, by the clock of the source; what the
    files hold that is new on other days is taken in as by `marsad run`.
    """
    first, last = _day("--since", since), _day("--until", until)
    if first is not None and last is not None and first > last:
        raise ConfigError(f"--since {since} is later than --until {until}")
    period = None if first is None and last is None else (first, last)
    wishes = Wishes(kind="rerun", dry=dry_run, force=force, period=period)
    carry_out(config, [source], wishes, as_json=as_json, log_json=log_json)


class Wishes(TypedDict, total=False):
    """What of `jobs.run.Options` a command sets."""

    kind: Kind
    dry: bool
    force: bool
    period: Period | None
    reasons: frozenset[str]


def _day(option: str, written: str | None) -> date | None:
    try:
        return None if written is None else date.fromisoformat(written)
    except ValueError:
        raise ConfigError(f"{option} {written!r} is no day; write 2016-02-01") from None


def carry_out(path: Path, names: Sequence[str], wishes: Wishes, *, as_json: bool, log_json: bool) -> None:
    """Run sources, tell and print how it went, and end with the exit code; never comes back."""
    from pipeline.config import load
    from pipeline.jobs.run import Options, exit_code
    from pipeline.jobs.run import run as run_sources

    config = load(path)
    start_log(log_json)
    outcomes = []
    with progress(quiet=log_json) as (watch, tell):
        for outcome in run_sources(config, names, Options(**wishes, watch=watch)):
            outcomes.append(outcome)
            if not log_json:
                _tell(outcome, tell)
    code = exit_code(outcomes)
    if not wishes.get("dry"):
        _report(config, outcomes)
    if as_json:
        print_json({"dataset": str(config.dataset), "exit_code": code, "sources": outcomes})
    else:
        print_(_run_table(outcomes))
        if any(outcome.posts for outcome in outcomes) and not wishes.get("dry"):
            print_(f'\nimport pipeline; d = pipeline.load("{near(config.dataset)}")')
    raise typer.Exit(code)


def _report(config: Config, outcomes: Sequence[Outcome]) -> None:
    """Write the metrics and tell of failures, as the configuration says."""
    from pipeline.jobs.metrics import write_metrics
    from pipeline.jobs.notify import notify
    from pipeline.jobs.status import status as look

    for wrong in notify(config.on_failure, str(config.dataset), outcomes):
        say(wrong)
    if config.metrics is not None:
        try:
            write_metrics(config.metrics, look(config))
        except MarsadError as refused:
            say(f"metrics: {refused}")


def _tell(outcome: Outcome, say: Callable[[str], object]) -> None:
    """The messages about one source: what went wrong, and what an operator should know."""
    name = outcome.source
    if outcome.error:
        say(outcome.error if outcome.error.startswith(name) else f"{name}: {outcome.error}")
    for note in outcome.notes:
        say(f"{name}: {note}")
    if outcome.faults:
        say(f"{name}: {outcome.faults} posts are kept without mentions, see their column fault")
    if outcome.too_many_rejected:
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
    return table(head, rows, left={0, 11})


@app.command(epilog=examples("marsad status", "marsad status --json"))
def status(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """Each source: its last run, its rows, and when it runs next."""
    from pipeline.config import load
    from pipeline.jobs.status import status as look

    found = look(load(config))
    if as_json:
        print_json(found)
        return
    rows = [
        [
            one.source,
            when(one.last_run),
            one.state if one.configured else "not configured",
            f"{one.files:,}",
            f"{one.posts:,}",
            f"{one.places:,}",
            f"{one.dates:,}",
            f"{one.rejected:,}",
            "paused" if one.paused else when(one.next_run),
        ]
        for one in found.sources
    ]
    version = "no version yet" if found.version is None else f"version {found.version}"
    print_(f"{found.dataset}: {version}")
    head = ["source", "last run", "state", "files", "posts", "places", "dates", "rejected", "next run"]
    print_(table(head, rows, left={0, 1, 2, 8}))
    for one in found.sources:
        if one.error:
            say(f"{one.source}: {one.error}")
        if one.paused:
            say(f"{one.source}: {one.paused}; marsad resume {one.source}")
        for gap in one.incomplete:
            say(f"{one.source}: {gap}")


@app.command(epilog=examples("marsad check", "marsad check --schema > config.schema.json"))
def check(
    config: ConfigFile = CONFIG,
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of config.yaml.")] = False,
    as_json: Json = False,
) -> None:
    """Look at configuration, files, gazetteer and dataset; say what is wrong and where.

    --schema is for editors: it lets them complete and check config.yaml while it is written.
    """
    from pipeline.config import load
    from pipeline.config.reference import schema as json_schema
    from pipeline.jobs.check import check as look

    if schema:
        print_json(json_schema())
        return
    findings = []
    for finding in look(load(config)):
        findings.append(finding)
        if not as_json:
            tell = say if finding.exit_code else print_
            tell(f"{'WRONG' if finding.exit_code else 'ok   '}  {finding.what}: {finding.told}")
    if as_json:
        print_json({"findings": findings})
    raise typer.Exit(max((finding.exit_code for finding in findings), default=0))


@app.command(epilog=examples("marsad schedule", "marsad schedule --log-json"))
def schedule(config: ConfigFile = CONFIG, log_json: LogJson = False) -> None:
    """Stay, and run each source on its timetable until a signal comes."""
    from pipeline.config import load
    from pipeline.jobs.run import Options, exit_code
    from pipeline.jobs.run import run as run_sources
    from pipeline.jobs.schedule import serve
    from pipeline.jobs.status import last_run

    settings = load(config)
    start_log(log_json)

    def run_source(name: str) -> int:
        try:
            outcomes = list(run_sources(settings, [name], Options()))
        except LockedError as locked:
            say(str(locked))
            return locked.exit_code
        for outcome in outcomes:
            _tell(outcome, say)
            say(_line(outcome))
        _report(settings, outcomes)
        code = exit_code(outcomes)
        return 0 if code == 3 else code  # it is done, and what was rejected has been told

    raise typer.Exit(serve(settings, run_source, lambda name: last_run(settings.dataset, name), say=say))


def _line(outcome: Outcome) -> str:
    books = outcome.books
    return (
        f"{outcome.source}: {outcome.state}, {books.read:,} read, {books.written:,} written, "
        f"{books.duplicate:,} duplicate, {books.rejected:,} rejected, {outcome.seconds:.1f} s"
    )
