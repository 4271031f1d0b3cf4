"""Dates in Arabic and English posts: recognised by a grammar over token classes, resolved to days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.dates.anchors import with_doubts
from pipeline.dates.recognize import find_in_batch
from pipeline.records import Anchor, DateHabits, DateMention
from pipeline.text import TokenBatch

USUAL: Final = DateHabits()


def find_dates(
    tokens: TokenBatch, anchors: Sequence[Anchor], habits: DateHabits = USUAL
) -> list[tuple[DateMention, ...]]:
    """The date mentions of every post, in order of their spans.

    `anchors[i]` holds the calendar day on which post i was posted, in its source's zone, and what is doubtful
    about it; relative words get no dates where it is not known.  There is no default, because a rerun next
    year must give today's answer.  Raises `ValueError` for a feast in `habits` whose day cannot be read.
    """
    found = find_in_batch(tokens, [anchor.day for anchor in anchors], habits)
    return with_doubts(found, tokens, anchors, habits)
