"""What is owed to people before anything new is taken in: a killed `forget` finished, old rows taken out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pipeline.config import Config, Source
from pipeline.errors import DatasetError
from pipeline.jobs.forget import finish, is_pending
from pipeline.jobs.retention import expire, overdue
from pipeline.storage.dataset import Dataset, Writer
from pipeline.storage.forget import is_half_done, resume

_log = logging.getLogger(__name__)


def tidy(
    config: Config, dataset: Dataset, sources: Sequence[Source], writer: Callable[[], Writer]
) -> tuple[str, ...]:
    """Do what is owed; the writer is opened only where something is.  What was done, in words.

    A disk that refuses, or a damaged file of some version, is told and does not stop the run: `marsad repair`
    needs one, and what is owed is tried again by the next run.
    """
    now = datetime.now(UTC)
    told: list[str] = []
    try:
        if is_pending(dataset.root):
            gone = finish(config, dataset, writer(), now=now)
            told.append(f"a forget that was killed was finished: {rows_told(gone.rows)}")
        elif is_half_done(dataset):
            writer()
            resume(dataset)
        aged = [source for source in sources if source.retention.posts or source.retention.rejected]
        if aged and overdue(dataset, aged, now).versions:
            gone = expire(dataset, writer(), aged, now)
            told.append(f"older than they are kept, now gone: {rows_told(gone.rows)}")
    except DatasetError as refused:
        _log.error("what is owed to people is not done: %s", type(refused).__name__)
        told.append(f"what was to be taken out is still there, the next run tries again: {refused}")
    return tuple(told)


def rows_told(rows: dict[str, dict[str, int]]) -> str:
    """How many rows of which source and table.

    >>> rows_told({"ghab": {"posts": 2, "places": 5, "dates": 0}})
    'ghab 2 posts, 5 places'
    """
    parts = [
        f"{source} {', '.join(f'{count:,} {table}' for table, count in tables.items() if count)}"
        for source, tables in rows.items()
    ]
    return "; ".join(parts) or "no rows"
