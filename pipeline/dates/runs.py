"""The items of runs of words, and what is remembered of them: posts say the same few again and again.

What a run without digits says depends on its words alone.  Of 1,800 such runs in Arabic tweets two of three,
and of those in the group posts of the benchmark 14 of 15, were met before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import Final

from msgspec import Struct

from pipeline.dates.grammar import grammar, next_match
from pipeline.dates.items import Item, Words, read_items
from pipeline.dates.lexicon import lexicon
from pipeline.text import TokenBatch

Feasts = tuple[tuple[str, str], ...]  # see `DateHabits.feasts`
_DIGIT: Final = re.compile("[0-9]")


class Run(Struct, frozen=True, gc=False):
    """Items, and the class of each as a letter of the grammar."""

    letters: str
    items: list[Item]


def read_run(tokens: TokenBatch, first: int, last: int, feasts: Feasts) -> Run:
    """The run of tokens `first` .. `last - 1`, which all are known words, digits or signs."""
    words = tuple(tokens.surfaces[first:last])
    if _DIGIT.search("".join(words)):
        return _run(read_items(tokens, first, last, lexicon(feasts)))
    draft = _draft(words, feasts)
    starts, ends = tokens.starts, tokens.ends
    items = []
    for one in draft.items:
        begin, stop = first + one.first, first + one.last
        # an item ends where its last token ends, or inside it, before the word that it is glued to
        end = starts[begin] + one.end if one.end else ends[stop - 1]
        items.append(Item(one.kind, one.value, starts[begin] + one.start, end, begin, stop))
    return Run(draft.letters, items)


def may_match(tokens: TokenBatch, first: int, last: int, feasts: Feasts, recall: bool) -> bool:
    """Whether a rule of the grammar can fit in a run; told for runs without digits, True for the others."""
    words = tuple(tokens.surfaces[first:last])
    return _DIGIT.search("".join(words)) is not None or _matches(words, feasts, recall)


@lru_cache(maxsize=1 << 14)
def _matches(words: tuple[str, ...], feasts: Feasts, recall: bool) -> bool:
    return next_match(_draft(words, feasts).letters, 0, recall) is not None


@lru_cache(maxsize=1 << 14)
def _draft(words: tuple[str, ...], feasts: Feasts) -> Run:
    """The run of these words, wherever it stands: `first` and `last` count from its first token, `start` and
    `end` from the start of the item's first token; an `end` of 0 is that of its last token.
    """
    ends = list(accumulate(map(len, words)))
    starts = [0, *ends[:-1]]
    alone = Words(list(words), starts, ends, bytearray(len(words)))
    return _run(
        [
            Item(
                item.kind,
                item.value,
                item.start - starts[item.first],
                0 if item.end == ends[item.last - 1] else item.end - starts[item.first],
                item.first,
                item.last,
            )
            for item in read_items(alone, 0, len(words), lexicon(feasts))
        ]
    )


def _run(items: list[Item]) -> Run:
    letters = grammar().letters
    return Run("".join([letters[item.kind] for item in items]), items)
