"""The commands about rows that were refused: list, show, replay.  `marsad rejected` alone lists."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.cli.complete import complete_reason, complete_source
from pipeline.cli.runs import LogJson, Wishes, carry_out
from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Json,
    examples,
    print_,
    print_json,
    print_raw,
    say,
    short,
    table,
)


class _ListFirst(TyperGroup):
    """`marsad rejected SOURCE` means `marsad rejected list SOURCE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help"}):
            args = ["list", *args]
        return super().parse_args(ctx, args)


rejected_app = typer.Typer(
    cls=_ListFirst,
    help="Rows that are not in the dataset: list (also without a word), show one, replay after a fix.",
)
Source = Annotated[
    str | None, typer.Argument(help="Name of a source; all without.", autocompletion=complete_source)
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Only rows of this reason.", autocompletion=complete_reason)
]


@rejected_app.command(
    "list", epilog=examples("marsad rejected", "marsad rejected list ghab_telegram --reason bad_time")
)
def list_(
    source: Source = None,
    *,
    config: ConfigFile = CONFIG,
    reason: ReasonOption = None,
    replay: Annotated[bool, typer.Option("--replay", help="The same as `marsad rejected replay`.")] = False,
    as_json: Json = False,
    log_json: LogJson = False,
) -> None:
    """Rows that are not in the dataset, each with its reason and its place in the export."""
    from msgspec import to_builtins

    from pipeline.config import load
    from pipeline.jobs.quarantine import refused_rows

    if replay:
        _replay(source, config, reason, as_json, log_json)
    settings = load(config)
    version, rows = refused_rows(settings, source, reason)
    if as_json:
        print_json({"dataset": str(settings.dataset), "version": version, "rejected": to_builtins(rows)})
        return
    head = ["row", "source", "reason", "file", "where", "detail", "raw"]
    shown = [[one.row, *(short(str(getattr(one, key)), 60) for key in _SHOWN)] for one in rows]
    print_(table(head, shown, left=set(range(7))))
    say(f"{len(rows):,} rejected rows")


_SHOWN = ("source", "reason", "file", "locator", "detail", "raw")


@rejected_app.command(epilog=examples("marsad rejected show 3f9a12c4"))
def show(
    row: Annotated[str, typer.Argument(help="The name of a row, from the first column of the list.")],
    *,
    config: ConfigFile = CONFIG,
    as_json: Json = False,
) -> None:
    """One refused row: why, where, and the row itself as exported."""
    from msgspec.structs import asdict

    from pipeline.config import load
    from pipeline.jobs.quarantine import refused_row

    found = refused_row(load(config), row)
    if as_json:
        print_json(asdict(found))
        return
    for name in ("row", "source", "reason", "detail", "file", "file_sha256", "locator", "reader", "run_id"):
        print_(f"{name:<12} {getattr(found, name)}")
    print_("")
    print_raw(found.raw.encode("utf-8", "replace"))


@rejected_app.command(epilog=examples("marsad rejected replay ghab_telegram --reason bad_time"))
def replay(
    source: Source = None,
    *,
    config: ConfigFile = CONFIG,
    reason: ReasonOption = None,
    as_json: Json = False,
    log_json: LogJson = False,
) -> None:
    """Read the files of refused rows again: those that can be read now become posts, each exactly once."""
    _replay(source, config, reason, as_json, log_json)


def _replay(source: str | None, config: Any, reason: str | None, as_json: bool, log_json: bool) -> None:
    from pipeline.config import load
    from pipeline.jobs.quarantine import check_reason

    check_reason(reason)
    if source is not None:
        load(config).select([source])
    wishes = Wishes(kind="replay", reasons=frozenset([reason] if reason else []))
    carry_out(config, [source] if source else [], wishes, as_json=as_json, log_json=log_json)
