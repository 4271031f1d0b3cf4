"""Commands that read texts which are in no dataset."""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from pipeline.cli.screen import (
    CONFIG,
    ConfigFile,
    Home,
    Json,
    examples,
    open_toolkit,
    print_,
    print_json,
    say,
    write,
)
from pipeline.errors import ConfigError

app = typer.Typer()


@app.command(epilog=examples("marsad annotate --home SY < texts.jsonl > annotated.jsonl"))
def annotate(
    config: ConfigFile = CONFIG,
    home: Home = None,
) -> None:
    """JSON lines on stdin {"id","text","published_at"?,"zone"?} to JSON lines on stdout, same order."""
    from pipeline.jobs.stream import serve_lines

    toolkit, group = open_toolkit(config, home)
    count, errors = serve_lines(sys.stdin.fileno(), write, toolkit, group)
    if errors:
        say(f"{errors:,} of {count:,} lines could not be read; see their key error")


@app.command(
    epilog=examples(
        'marsad explain "قصف أمس على الغاب" --published-at 2015-08-27T18:30',
        'marsad explain "Shelling near Hama yesterday" --json',
    )
)
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
    from pipeline.annotate import anchor_of, text_post
    from pipeline.annotate import annotate as annotate_posts
    from pipeline.annotate import as_json as to_json
    from pipeline.dates.explain import explain_dates
    from pipeline.language.explain import explain_language
    from pipeline.places.decided import decided
    from pipeline.places.explain import refused
    from pipeline.text.explain import explain_text

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
    toolkit, group = open_toolkit(config, home)
    annotated = annotate_posts([post], toolkit, group)[0]
    if as_json:
        print_json(to_json(annotated, None))
        return
    anchor = anchor_of(post)
    place_names = toolkit.gazetteer, group.home
    day = anchor.day or "not known: relative words get no date; see --published-at"
    _section("text", explain_text(text))
    _section("language", explain_language(text, toolkit.detector))
    for name in ("hashtags", "hashtag_words", "mentions", "urls", "emoji"):
        if getattr(annotated, name):
            _section(name.replace("_", " "), [", ".join(getattr(annotated, name))])
    segments = [f"[{one.span.start}:{one.span.end}] {one.script} {one.tag}" for one in annotated.segments]
    _section("segments", segments)
    _section(f"places: {len(annotated.places) or 'none'}", decided(text, *place_names))
    _section("names that were refused", refused(text, *place_names))
    _section(f"dates: {len(annotated.dates) or 'none'}", [f"posted on {day}"])
    _section("", explain_dates(text, anchor, group.dates))
    if annotated.fault:
        say(f"fault: {annotated.fault}")


def _section(title: str, lines: Sequence[str]) -> None:
    """A title and its lines, indented; nothing where there are none."""
    if title and (lines or ":" in title):
        print_(title)
    for line in lines:
        print_(f"  {line}")
