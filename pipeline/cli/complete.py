"""What the shell proposes at the tabulator: names of sources, readers, zones, reasons, formats, versions.

Each reads as little as it can; where something is wrong it proposes nothing, for an error has no place there.
"""

# ruff: noqa: PLC0415  what a command needs is imported when it is called: `marsad --help` must not wait
from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.errors import MarsadError

if TYPE_CHECKING:
    from pipeline.config import Config


def _config(ctx: typer.Context) -> Config | None:
    from pipeline.config import load

    try:
        return load(Path(ctx.params.get("config") or "config.yaml"))
    except (MarsadError, OSError):
        return None


def _begin(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def complete_source(ctx: typer.Context, incomplete: str) -> list[str]:
    """The sources of the configuration that the call names, without those that it has already."""
    config = _config(ctx)
    given = ctx.params.get("sources") or ()
    return _begin((one.name for one in config.sources if one.name not in given) if config else (), incomplete)


def complete_reader(incomplete: str) -> list[str]:
    """The formats."""
    from pipeline.readers import READERS

    return _begin(["auto", *sorted(READERS)], incomplete)


def complete_zone(incomplete: str) -> list[str]:
    """The IANA time zones."""
    from zoneinfo import available_timezones

    return _begin(sorted(available_timezones()), incomplete)


def complete_reason(incomplete: str) -> list[str]:
    """The reasons for which rows are refused."""
    from pipeline.records import Reason

    return _begin((reason.value for reason in Reason), incomplete)


def complete_version(ctx: typer.Context, incomplete: str) -> list[str]:
    """The versions of the dataset that are on disk, the newest first."""
    from pipeline.storage.dataset import Dataset

    config = _config(ctx)
    if config is None:
        return []
    try:
        return _begin((str(number) for number in reversed(Dataset(config.dataset).versions())), incomplete)
    except (MarsadError, OSError):
        return []


def complete_layer(ctx: typer.Context, incomplete: str) -> list[str]:
    """The layers of places that were added."""
    from pipeline.config import gazetteer_folder
    from pipeline.places.layers import layer_name, layers_in

    config = _config(ctx)
    folder = (config.gazetteer.folder if config else None) or gazetteer_folder()
    try:
        return _begin((layer_name(path) for path in layers_in(folder)), incomplete)
    except (MarsadError, OSError):
        return []


def complete_words(*words: str) -> Callable[[str], list[str]]:
    """One of some words."""

    def complete(incomplete: str) -> list[str]:
        return _begin(words, incomplete)

    return complete
