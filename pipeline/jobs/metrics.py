"""Numbers for a monitoring system, as an OpenMetrics text file that is swapped in whole.

The node exporter's textfile collector reads such a file; the format is that of
https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.jobs.status import SourceStatus, Status
from pipeline.storage.durable import replace_file


def write_metrics(path: Path, told: Status) -> None:
    """Replace the file at `path` by the numbers of now, in one step.

    Raises `DatasetError` that names the path where the disk refuses.
    """
    replace_file(path, metrics(told).encode())


def metrics(told: Status) -> str:
    """The numbers of a dataset as OpenMetrics text."""
    lines = []
    for name, kind, note, values in _families(told):
        lines += [f"# TYPE marsad_{name} {kind}", f"# HELP marsad_{name} {note}"]
        lines += [f"marsad_{name}{_labels(labels)} {value}" for labels, value in values]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(told: Status) -> Iterator[tuple[str, str, str, list[tuple[dict[str, str], Any]]]]:
    yield "dataset_version", "gauge", "Number of the current version.", [({}, told.version or 0)]
    for name, note in (
        ("posts", "Rows in posts."),
        ("places", "Rows in places."),
        ("dates", "Rows in dates."),
        ("rejected", "Rows in the quarantine."),
        ("files", "Export files taken in."),
    ):
        yield name, "gauge", note, [({"source": one.source}, getattr(one, name)) for one in told.sources]
    for field, note in (
        ("last_run", "Start of the last run."),
        ("published", "When the rows became visible."),
        ("next_run", "When the schedule runs it next."),
    ):
        times = [({"source": one.source}, getattr(one, field)) for one in told.sources]
        values = [(labels, f"{at.timestamp():.3f}") for labels, at in times if at is not None]
        yield f"{field}_timestamp_seconds", "gauge", note, values
    yield (
        "last_run_ok",
        "gauge",
        "1 where the last run came to a good end.",
        [({"source": one.source}, int(_is_ok(one))) for one in told.sources if one.state != "never"],
    )
    yield (
        "paused",
        "gauge",
        "1 where the scheduler leaves it alone.",
        [({"source": one.source}, int(one.paused is not None)) for one in told.sources],
    )


def _is_ok(one: SourceStatus) -> bool:
    return one.state in ("published", "unchanged", "running")


def _labels(labels: dict[str, str]) -> str:
    r"""
    >>> _labels({"source": 'a"b'})
    '{source="a\\"b"}'
    """
    if not labels:
        return ""
    quoted = (
        (name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
        for name, value in labels.items()
    )
    return "{" + ",".join(f'{name}="{value}"' for name, value in quoted) + "}"
