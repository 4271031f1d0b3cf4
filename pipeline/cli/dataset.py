"""Commands about the versions of a dataset: list, compare, go back, check, mend."""

# ruff: noqa: PLC0415  a command imports what it needs, when it runs
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.complete import complete_source, complete_version
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    busy,
    examples,
    print_,
    print_json,
    say,
    short,
    table,
    when,
)
from pipeline.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    from pipeline.storage.dataset import Dataset, Version
    from pipeline.storage.diff import SourceDiff

app = typer.Typer()
Number = Annotated[
    int,
    typer.Argument(
        help="Number of a version, as `marsad versions` lists them.", autocompletion=complete_version
    ),
]


@app.command(epilog=examples("marsad versions"))
def versions(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """The versions of the dataset that are on disk, the newest last."""
    from pipeline.jobs.history import causes

    dataset = _dataset(config)
    current = dataset.current()
    told = causes(dataset.root)
    rows: list[dict[str, Any]] = []
    for number in dataset.versions():
        manifest = dataset.version(number).manifest
        posts = sum(state.posts for state in manifest.sources.values())
        newest = max(manifest.sources.values(), key=lambda state: state.published, default=None)
        changed = [name for name, state in manifest.sources.items() if state.published == manifest.created]
        rows.append(
            {
                "version": number,
                "created": manifest.created,
                "sources": len(manifest.sources),
                "posts": posts,
                "changed": ", ".join(changed) or told.get(number) or ("restored" if newest else ""),
                "code_version": manifest.code_version,
                "current": current is not None and number == current.number,
            }
        )
    if as_json:
        print_json({"dataset": str(dataset.root), "versions": rows})
        return
    head = ["version", "created", "sources", "posts", "changed", "marsad", ""]
    shown = [
        [
            str(row["version"]),
            when(row["created"]),
            f"{row['sources']:,}",
            f"{row['posts']:,}",
            short(str(row["changed"]), 40),
            str(row["code_version"]),
            "current" if row["current"] else "",
        ]
        for row in rows
    ]
    print_(table(head, shown, left={1, 4, 5, 6}))


@app.command(epilog=examples("marsad diff 41", "marsad diff 41 42 --most 20"))
def diff(
    old: Number,
    new: Annotated[
        int | None,
        typer.Argument(help="Another version; the current one without.", autocompletion=complete_version),
    ] = None,
    *,
    most: Annotated[int, typer.Option("--most", help="Rows to list of each table and kind.", min=0)] = 5,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """Rows that were added, changed and lost between two versions, and why."""
    from pipeline.storage.diff import diff as compare

    dataset = _dataset(config)
    after = _current(dataset) if new is None else dataset.version(new)
    found = compare(dataset.version(old), after, most=most)
    if as_json:
        print_json({"old": old, "new": after.number, "sources": found})
        return
    same = [one.source for one in found if one.is_same]
    for one in found:
        if not one.is_same:
            print_("\n".join(_diff_lines(one)))
    if same:
        print_(f"unchanged: {', '.join(same)}")


def _diff_lines(one: SourceDiff) -> list[str]:
    lines = [f"{one.source}: {'; '.join(one.causes) or 'no cause on record'}"]
    for name, kinds in one.counts.items():
        told = [f"{count:,} {kind}" for kind, count in kinds.items() if count]
        if told:
            lines.append(f"  {name:<9} {', '.join(told)}")
    for row in one.rows:
        change = f" {', '.join(row.columns)}: {short(row.old, 50)} -> {short(row.new, 50)}"
        lines.append(f"    {row.kind:<8} {row.table} {row.key}{change if row.columns else ''}")
    return lines


@app.command(epilog=examples("marsad rollback 41", "marsad rollback 41 --source ghab_telegram"))
def rollback(
    version: Number,
    source: Annotated[
        str | None, typer.Option("--source", help="Only this source.", autocompletion=complete_source)
    ] = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Publish an earlier version once more, whole or of one source; nothing is deleted."""
    from pipeline.config import nearest

    dataset = _dataset(config)
    known = list(dataset.version(version).manifest.sources)
    if source is not None and source not in known:
        told = f"no source {source!r} in version {version}{nearest(source, known)}"
        raise ConfigError(f"{told}; it has: {', '.join(known)}".replace("?;", "?"))
    with dataset.writer("marsad rollback") as writer:
        made = writer.restore(dataset.version(version), source, at=datetime.now(UTC))
    what = source or "all sources"
    print_(f"version {made.number}: {what} as in version {version}")
    say("the next run takes in the exports that this version does not have; see expect: in config.yaml")


@app.command(epilog=examples("marsad verify", "marsad verify --all"))
def verify(
    version: Annotated[
        int | None,
        typer.Argument(help="A version; the current one without.", autocompletion=complete_version),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All versions on disk.")] = False,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """Read every byte of the dataset and compare it with the manifest and the ledger."""
    from pipeline.storage.ledger import Ledger

    dataset = _dataset(config)
    numbers = dataset.versions() if every else [version or _current(dataset).number]
    with busy("reading every byte"):
        wrong = {number: dataset.verify(dataset.version(number)) for number in numbers}
        chain = Ledger(dataset.root).verify()
    is_well = not chain and not any(wrong.values())
    if as_json:
        print_json({"dataset": str(dataset.root), "well": is_well, "versions": wrong, "ledger": chain})
    else:
        for number, told in wrong.items():
            print_(f"version {number}: {'every byte is as published' if not told else ''}".rstrip())
            for sentence in told:
                print_(f"  {sentence}")
        print_(f"ledger: {'; '.join(chain) or 'its chain is whole'}")
        damaged = {_source_of(one, dataset.version(number)) for number, told in wrong.items() for one in told}
        for name in sorted(damaged):
            say(f"marsad repair {name} reads its exports again")
    raise typer.Exit(0 if is_well else 1)


def _source_of(sentence: str, version: Version) -> str:
    return next(
        name
        for name, state in version.manifest.sources.items()
        if any(file.name in sentence for files in state.files.values() for file in files)
    )


@app.command(epilog=examples("marsad repair ghab_telegram"))
def repair(
    source: Annotated[
        str, typer.Argument(help="The source whose files are damaged.", autocompletion=complete_source)
    ],
    config: ConfigFile = CONFIG,
) -> None:
    """Make damaged rows of a source anew from its exports; where these are gone, from an earlier version."""
    from pipeline.config import load
    from pipeline.jobs.repair import repair as mend

    print_(mend(load(config), source))


@app.command(epilog=examples("marsad prune", "marsad prune --hours 72"))
def prune(
    hours: Annotated[int, typer.Option(help="Versions replaced longer ago than this go.", min=24)] = 24,
    config: ConfigFile = CONFIG,
) -> None:
    """Remove old versions, and rows that are older than their source's `retention` from all that stay.

    The current version, the one before it and those of the last 24 hours stay.
    """
    from pipeline.config import load
    from pipeline.jobs.retention import expire
    from pipeline.jobs.tidy import rows_told
    from pipeline.storage.dataset import Dataset

    settings = load(config)
    dataset = Dataset(settings.dataset)
    with dataset.writer("marsad prune") as writer:
        gone = writer.prune(datetime.now(UTC), timedelta(hours=hours))
        old = expire(dataset, writer, settings.sources, datetime.now(UTC))
    left = ", ".join(map(str, dataset.versions()))
    print_(f"removed: {', '.join(map(str, gone)) or 'none'}; there are: {left}")
    if old.versions:
        print_(f"older than they are kept, now gone: {rows_told(old.rows)}")


@app.command(epilog=examples("marsad health", "marsad health --json"))
def health(config: ConfigFile = CONFIG, as_json: Json = False) -> None:
    """Whether every source ran in time and well; exit code 1 where something is bad.  For watchdogs."""
    from pipeline.config import load
    from pipeline.jobs.health import health as look

    found = look(load(config))
    if as_json:
        print_json(found)
    else:
        for sign in found.signs:
            print_(f"{sign.level:<8} {sign.what}: {sign.told}")
    raise typer.Exit(found.exit_code)


def _dataset(config: Any) -> Dataset:
    from pipeline.config import load
    from pipeline.storage.dataset import Dataset

    return Dataset(load(config).dataset)


def _current(dataset: Dataset) -> Version:
    current = dataset.current()
    if current is None:
        raise DatasetError(f"{dataset.root}: no dataset here yet; `marsad run` makes one")
    return current
