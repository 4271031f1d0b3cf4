"""Dates in Arabic and English posts: recognised by a grammar over token classes, resolved to days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipeline.dates.recognize import find_in_batch
from pipeline.records import DateMention
from pipeline.text import TokenBatch


def find_dates(tokens: TokenBatch, days: Sequence[date | None]) -> list[tuple[DateMention, ...]]:
    """The date mentions of every post, in order of their spans.

    `days[i]` is the calendar day on which post i was posted, in its source's zone; None where it is not
    known, and then relative words get no dates.  There is no default, because a rerun next year must
    give today's answer.
    """
    return find_in_batch(tokens, days)
