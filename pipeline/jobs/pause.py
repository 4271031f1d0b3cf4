"""Sources that the scheduler leaves alone until somebody lets them go on.

A paused source has a file `paused/NAME.json` in the dataset's folder, which survives restarts and power cuts.
Only the timetable is paused: whoever names the source (`marsad run NAME`, the button of the page) runs it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.storage.durable import replace_file, sync_folder, telling

FOLDER: Final = "paused"
WHY_LIMIT: Final = 300  # characters


class Pause(Struct, frozen=True):
    """Since when a source is left alone, by whom and why."""

    since: datetime  # aware UTC
    by: str = ""
    why: str = ""

    def __str__(self) -> str:
        told = f"paused since {self.since:%Y-%m-%d %H:%M} UTC"
        return f"{told}{f' by {self.by}' if self.by else ''}{f': {self.why}' if self.why else ''}"


def pause(dataset: Path, source: str, *, by: str = "", why: str = "", at: datetime | None = None) -> Pause:
    """Let the scheduler leave a source alone from now on; where it does already, the first pause stands.

    Durable when the call returns.  Raises `DatasetError` where the disk refuses.
    """
    there = paused(dataset).get(source)
    if there is not None:
        return there
    made = Pause(at or datetime.now(UTC), by, why[:WHY_LIMIT])
    with telling(dataset / FOLDER, "pause a source"):
        (dataset / FOLDER).mkdir(parents=True, exist_ok=True)
        sync_folder(dataset)
    replace_file(_path(dataset, source), msgspec.json.encode(made))
    return made


def resume(dataset: Path, source: str) -> Pause | None:
    """Let a source run on its timetable again; the pause that ended, None where there was none.

    Times that passed meanwhile are not caught up: the next run is the next time of the timetable.
    """
    there = paused(dataset).get(source)
    if there is not None:
        with telling(dataset / FOLDER, "resume a source"):
            _path(dataset, source).unlink(missing_ok=True)
            sync_folder(dataset / FOLDER)
    return there


def paused(dataset: Path) -> dict[str, Pause]:
    """The paused sources by name.  A file that cannot be read pauses its source all the same."""
    return {path.stem: _read(path) for path in sorted((dataset / FOLDER).glob("[!.]*.json"))}


def _path(dataset: Path, source: str) -> Path:
    return dataset / FOLDER / f"{source}.json"


def _read(path: Path) -> Pause:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pause)
    except (OSError, msgspec.DecodeError) as damage:
        return Pause(datetime.fromtimestamp(0, UTC), why=f"{path} cannot be read ({damage}); it pauses still")
