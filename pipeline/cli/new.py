"""`marsad new`: a source for some files, written into config.yaml after asking."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from pipeline.cli.complete import complete_reader, complete_zone
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    busy,
    examples,
    near,
    open_toolkit,
    print_,
    print_json,
    say,
)
from pipeline.errors import ConfigError, MarsadError

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.jobs.propose import Advice, Found, Proposal
    from pipeline.readers import Reading

app = typer.Typer()
NONE = "none"


@app.command(
    epilog=examples(
        "marsad new north_group exports/north/*.json",
        "marsad new homs_page homs.csv --zone Asia/Damascus --home SY --yes",
        "marsad new homs_page homs.csv --column text=Body --column posted_at=When --dry-run",
    )
)
def new(
    source: Annotated[str, typer.Argument(help="A name for the source: letters, digits, _ and -.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Its exports, or their folder.")],
    *,
    reader: Annotated[
        str, typer.Option(help="The format, where it is not recognized.", autocompletion=complete_reader)
    ] = "auto",
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone of the group's clocks, or none.", autocompletion=complete_zone),
    ] = None,
    home: Annotated[str | None, typer.Option(help="Where the group lives: SY, SY/Idlib, or none.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="hourly, daily, weekly, never, or a cron line.")
    ] = None,
    authors: Annotated[str | None, typer.Option(help="pseudonym, drop or keep.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="OURS=THEIRS, for tables; repeated.")] = None,
    day_order: Annotated[str, typer.Option(help="Of 3/4/2025: dmy or mdy.")] = "auto",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, take what is proposed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the block, write nothing.")] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """Look at exports, propose a source for them, and add it to config.yaml after asking.

    What is asked on a terminal can be said by options. Comments and other sources stay as they are.
    """
    from pipeline.config import add_source, load, with_source
    from pipeline.jobs.propose import block, check_name

    settings = load(config) if config.exists() else None
    check_name(source, settings)
    asks = not yes and not dry_run and not as_json
    if asks and not sys.stdin.isatty():
        raise ConfigError(
            "nobody can be asked here: add --yes to take what is proposed, or --dry-run to see it"
        )
    given = Given(
        reader=reader,
        zone=zone,
        home=home,
        schedule=schedule,
        authors=authors,
        columns=_columns(column),
        day_order=_one_of("--day-order", day_order, ORDERS),
    )
    proposal, found, notes = _propose(source, _expanded(files), given, settings, config, asks=asks)
    written = block(proposal)
    with_source(config, written)  # a mistake is told before anything is written
    if as_json:
        print_json(
            {
                "source": source,
                "posts": found.posts,
                "rejected": found.rejected,
                "block": written,
                "notes": notes,
            }
        )
    else:
        print_("")
        print_("\n".join(f"  {line}" for line in written.splitlines()))
        print_("")
    if dry_run:
        return
    if asks and not typer.confirm(f"Add it to {near(config.resolve())}?", default=True, err=True):
        raise typer.Exit(1)
    add_source(config, written)
    option = "" if config == CONFIG else f" --config {config}"
    say(f"{source} is in {near(config.resolve())} now.  Next:")
    say(f"  marsad check{option}")
    say(f"  marsad run {source}{option}")
    say(f"  marsad report {source} --open{option}")


ORDERS = ("auto", "dmy", "mdy")
AUTHORS = ("pseudonym", "drop", "keep")


class Given(Struct, kw_only=True):
    """What the call itself says, and what was answered since."""

    reader: str
    zone: str | None
    home: str | None
    schedule: str | None
    authors: str | None
    columns: dict[str, str]
    day_order: str


def _propose(
    source: str, paths: Sequence[Path], given: Given, settings: Config | None, config: Path, *, asks: bool
) -> tuple[Proposal, Found, list[str]]:
    from pipeline.jobs.propose import (
        OFTEN,
        Proposal,
        cron,
        expectations,
        home_for,
        patterns,
        zone_for,
    )

    notes: list[str] = []
    found = _look(paths, given, asks=asks)
    _tell(found)
    if asks and found.reading.columns and not given.columns:
        found = _ask_columns(paths, found, given)
    with busy("looking at the places that the posts name"):
        toolkit, _ = open_toolkit(config if config.exists() else CONFIG, None)
        lives = home_for(found, settings, toolkit)
    home = _settle(
        "home", "Country of the group, such as SY or SY/Idlib", given.home, lives, notes, asks=asks
    )
    clock = zone_for(found, settings, home)
    zone = _settle("zone", "Time zone of the group's clocks", given.zone, clock, notes, asks=asks)
    if zone is None and found.needs_zone:
        notes.append(
            "without a zone the times of these posts stay open, and relative words get no dates; see --zone"
        )
        say(f"note: {notes[-1]}")
    often = given.schedule
    if often is None:
        words = f"How often will new exports come: {', '.join(OFTEN)}, or a cron line"
        often = _ask(words, "daily", lambda told: told) if asks else "daily"
    authors = given.authors
    if authors is None and asks:
        words = "What stands for authors in the dataset: pseudonym, drop or keep"
        authors = _ask(words, "pseudonym", lambda told: _one_of("authors", told, AUTHORS))
    least, share = expectations(found.posts, found.posts + found.rejected, found.rejected)
    first = found.inspections[0]
    proposal = Proposal(
        name=source,
        files=patterns(paths, config.absolute().parent),
        reader=found.reader,
        recognized=f"{first.reader}: {first.why}" if found.reader == "auto" and first.why else "",
        zone=zone,
        home=home,
        schedule=cron(often, settings),
        authors=_one_of("--authors", authors or "pseudonym", AUTHORS),
        columns=dict(found.reading.columns),
        time_format=found.reading.time_format,
        day_order=found.reading.day_order,
        min_posts=least,
        max_rejected=share,
    )
    return proposal, found, notes


def _look(paths: Sequence[Path], given: Given, *, asks: bool) -> Found:
    from pipeline.jobs.propose import OrderOpenError, look

    try:
        with busy(f"reading {len(paths)} file{'s' if len(paths) > 1 else ''}"):
            return look(paths, _reading(given), _reader(given.reader))
    except OrderOpenError as open_:
        if not asks:
            raise ConfigError(f"{open_}: say --day-order dmy or --day-order mdy") from None
        say(str(open_))
    given.day_order = _ask(
        "Does the day or the month come first: dmy or mdy", "dmy", lambda told: _one_of("", told, ORDERS[1:])
    )
    with busy("reading again"):
        return look(paths, _reading(given), _reader(given.reader))


def _reading(given: Given) -> Reading:
    from pipeline.readers import Reading

    return Reading(source="inspected", columns=given.columns, day_order=given.day_order)  # type: ignore[arg-type]


def _tell(found: Found) -> None:
    """What the files hold, for a person."""
    for one in found.inspections[:5]:
        times = f", {one.first:%Y-%m-%d} to {one.last:%Y-%m-%d}" if one.first and one.last else ""
        say(f"{one.file}: {one.reader}, {one.posts:,} posts{times}, {one.rejected:,} would be rejected")
        for refused in one.refused[:3]:
            say(f"  rejected {refused.count:,} x {refused.reason}: {refused.detail[:150]}")
    if len(found.inspections) > 5:
        say(f"and {len(found.inspections) - 5} more: {found.posts:,} posts in all")
    for post in found.inspections[0].samples:
        say(f"  {post.posted_at or post.posted_local or 'no time'}  {' '.join(post.text.split())[:100]}")
    for ours, theirs in found.reading.columns.items():
        say(f"  {ours:<12} is read from {theirs!r}")


def _ask_columns(paths: Sequence[Path], found: Found, given: Given) -> Found:
    """The same with the columns that a person names."""
    if typer.confirm("Are these the right columns?", default=True, err=True):
        return found
    columns = dict(found.reading.columns)
    for ours in ("text", "posted_at", "id", "author_name", "group_name"):
        if ours == "posted_at" and "posted_date" in columns:
            continue
        told = _ask(f"Column for {ours} ({NONE} for none)", columns.get(ours, NONE), lambda told: told)
        columns = {name: theirs for name, theirs in columns.items() if name != ours}
        if told != NONE:
            columns[ours] = told
    given.columns = columns
    again = _look(paths, given, asks=True)
    _tell(again)
    return again


def _settle(
    key: str, words: str, given: str | None, advice: Advice, notes: list[str], *, asks: bool
) -> str | None:
    """A value that was said, or is asked for, or is proposed; `none` is no value."""
    if given is None and asks:
        say(f"{key}: {advice.value or NONE}: {advice.why}")
        given = _ask(
            f"{words} ({NONE} for none)", advice.value or NONE, lambda told: _checked(key, told) or NONE
        )
    elif given is None:
        notes.append(f"{key}: {advice.value or NONE}: {advice.why}")
        say(notes[-1])
        given = advice.value
    return _checked(key, given)


def _checked(key: str, told: str | None) -> str | None:
    from pipeline.config import home_name, zone_name

    if told is None or told == NONE:
        return None
    return zone_name(told) if key == "zone" else home_name(told)


def _ask(words: str, usual: str, check: Callable[[str], str]) -> str:
    """What a person answers; asked again while it is not allowed."""

    def checked(told: str) -> str:
        try:
            return check(told.strip())
        except MarsadError as refused:
            raise typer.BadParameter(str(refused)) from None

    answer: str = typer.prompt(words, default=usual, value_proc=checked, err=True)
    return answer


def _one_of(option: str, told: str, allowed: Sequence[str]) -> str:
    if told not in allowed:
        raise ConfigError(f"{option} {told!r} is none; allowed: {', '.join(allowed)}".strip())
    return told


def _reader(name: str) -> str:
    from pipeline.config import reader_name

    return reader_name(name)


def _columns(pairs: Sequence[str] | None) -> dict[str, str]:
    from pipeline.readers import COLUMNS

    columns = dict(pair.partition("=")[::2] for pair in pairs or ())
    wrong = [name for name, theirs in columns.items() if name not in COLUMNS or not theirs]
    if wrong:
        raise ConfigError(f"--column {wrong[0]!r}: write OURS=THEIRS; ours are: {', '.join(COLUMNS)}")
    return columns


def _expanded(given: Sequence[Path]) -> list[Path]:
    """The files, and for a folder those in it.  Raises `ConfigError` where they are of several kinds."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.is_file() and one.name[0] != ".")
            kinds = sorted({one.suffix for one in inside})
            if len(kinds) != 1:
                told = f"files of several endings ({', '.join(kinds)})" if kinds else "no file"
                like = f"{path}/*{kinds[0] if kinds else '.json'}"
                raise ConfigError(f"{path}: {told} in this folder; name the files, such as {like}")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(f"{path}: no such file")
    return found
