"""What is doubtful about the day from which a post's words count: midnight is near, or it is a forward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final

from msgspec.structs import replace

from pipeline.dates.recognize import find_in_batch
from pipeline.records import Anchor, DateHabits, DateMention
from pipeline.text import TokenBatch

LATE: Final = 23  # from this hour on people may speak of the coming day already
EARLY: Final = 3  # until this hour they may still speak of the day before

NEAR_MIDNIGHT: Final = "near_midnight"
RESHARED: Final = "reshared"

Mentions = tuple[DateMention, ...]


def other_day(local: datetime) -> date | None:
    """The day that a post may mean besides its own: clocks are off, and people count days by their sleep.

    >>> other_day(datetime(2016, 2, 17, 23, 5)), other_day(datetime(2016, 2, 17, 2, 59))
    (datetime.date(2016, 2, 18), datetime.date(2016, 2, 16))
    >>> other_day(datetime(2016, 2, 17, 3, 0)) is None
    True
    """
    step = 1 if local.hour >= LATE else -1 if local.hour < EARLY else 0
    if step == 0:
        return None
    try:
        return local.date() + timedelta(step)
    except OverflowError:  # the first or the last day of all
        return None


def with_doubts(
    found: Sequence[Mentions], tokens: TokenBatch, anchors: Sequence[Anchor], habits: DateHabits
) -> list[Mentions]:
    """The mentions with the flags `near_midnight` and `reshared` where they count from a doubtful day.

    A post near midnight is read once more from the other day: what then means other days gets the flag, and
    that reading as an alternative.  In a forward all that counts from the day of posting may count from
    another day, which nobody knows.  Neither is of high confidence.
    """
    result = list(found)
    counted = [
        number
        for number, anchor in enumerate(anchors)
        if (anchor.near_midnight or anchor.reshared)
        and any(mention.anchor == "post_time" for mention in found[number])
    ]
    again = [number for number in counted if anchors[number].other_day is not None]
    others = _read_again(again, tokens, anchors, habits) if again else [()] * len(found)
    for number in counted:
        result[number] = tuple(
            _doubted(mention, anchors[number], others[number]) for mention in found[number]
        )
    return result


def _read_again(
    numbers: Sequence[int], tokens: TokenBatch, anchors: Sequence[Anchor], habits: DateHabits
) -> list[Mentions]:
    """The mentions of these posts, counted from their other day; of the others none."""
    days = [anchor.other_day for anchor in anchors]
    return find_in_batch(_only(numbers, tokens), days, habits)


def _only(numbers: Sequence[int], tokens: TokenBatch) -> TokenBatch:
    """The same batch, as if the posts that are not named had no words."""
    slices = [slice(tokens.bounds[number], tokens.bounds[number + 1]) for number in numbers]
    bounds = [0] * len(tokens.bounds)
    for number, kept in zip(numbers, slices, strict=True):
        bounds[number + 1] = kept.stop - kept.start
    return replace(
        tokens,
        surfaces=[word for kept in slices for word in tokens.surfaces[kept]],
        starts=[start for kept in slices for start in tokens.starts[kept]],
        ends=[end for kept in slices for end in tokens.ends[kept]],
        bounds=list(accumulate(bounds)),
        in_hashtag=bytearray().join(tokens.in_hashtag[kept] for kept in slices),
        glued=bytearray().join(tokens.glued[kept] for kept in slices),
        breaks=bytearray().join(tokens.breaks[kept] for kept in slices),
        kinds=bytearray().join(tokens.kinds[kept] for kept in slices),
    )


def _doubted(mention: DateMention, anchor: Anchor, others: Mentions) -> DateMention:
    if mention.anchor != "post_time":
        return mention
    flags, alternatives = list(mention.flags), list(mention.alternatives)
    if anchor.near_midnight:
        other = next((one for one in others if one.span == mention.span), None)
        if other is None or (other.date_from, other.date_to) != (mention.date_from, mention.date_to):
            flags.append(NEAR_MIDNIGHT)
            if other is not None and other.edtf not in (mention.edtf, *alternatives):
                alternatives.append(other.edtf)
    if anchor.reshared:
        flags.append(RESHARED)
    if len(flags) == len(mention.flags):
        return mention
    confidence = "medium" if mention.confidence == "high" else mention.confidence
    return replace(mention, flags=tuple(flags), alternatives=tuple(alternatives), confidence=confidence)
