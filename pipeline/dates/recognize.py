"""Finds the words that name dates in a batch of posts.

One look-up a token says how it looks to dates; the letters of the whole batch are one string, in which runs
of known words that hold something of a date are found.  Only these runs are read word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby, repeat
from operator import itemgetter
from typing import Final, Literal

from pipeline.dates.beside import Beside
from pipeline.dates.lexicon import UNKNOWN, lexicon
from pipeline.dates.reader import Reader
from pipeline.dates.reading import Reading
from pipeline.dates.runs import may_match
from pipeline.records import DateHabits, DateMention
from pipeline.text import TokenBatch

# A run of known words, digits and signs with a core word, or with digits that a sign joins.
_RUN: Final = re.compile(r"(?<![^x])(?=[^xc]*+c|[^x]*?(?:ds+|q)d)[^x]++")
_CORE: Final = re.compile(r"[^xc]*+c|[^x]*?(?:ds+|q)d")  # what a part of a run has to hold
_RUNS: Final = {  # by profile; "recall" reads every run with a number in it
    "precise": (_RUN, _CORE),
    "recall": (re.compile(r"(?<![^x])(?=[^xcd]*+[cd])[^x]++"), re.compile(r"[^xcd]*+[cd]")),
}


_OF_TODAY: Final = frozenset(  # rules that speak of the day of posting
    (
        "relative",
        "relative_the",
        "this_part",
        "weekday",
        "weekday_part",
        "weekday_relative",
        "weekday_number",
        "ago",
        "en_ago",
        "window",
        "rolling",
        "digits_cue",
    )
)
_BACK: Final = 2  # years: a story that begins further back than this is no news


def find_in_batch(
    tokens: TokenBatch, days: Sequence[date | None], habits: DateHabits
) -> list[tuple[DateMention, ...]]:
    """The date mentions of every post, in order of their spans; see `pipeline.dates.find_dates`.

    A story of years ago may name its year late: "On 10 June Italy declared war. In September 1940 ...".  A
    post whose days without a year come before such a date, and that speaks of no day near the day of posting,
    is read once more from that date.
    """
    found: list[tuple[DateMention, ...]] = [()] * len(days)
    words = lexicon(habits.feasts)
    levels = "".join(map(words.levels.get, tokens.surfaces, repeat(UNKNOWN)))
    recall = habits.profile == "recall"
    hopeful = (
        stretch
        for stretch in _stretches(levels, tokens, habits.profile)
        if may_match(tokens, stretch[1], stretch[2], habits.feasts, recall)
    )
    for post, places in groupby(hopeful, key=itemgetter(0)):
        stretches = list(places)
        reader = Reader(Beside(tokens, post, words, recall), days[post], habits)
        mentions = [mention for _, begin, end in stretches for mention in reader.read(begin, end)]
        if reader.begun is not None and _begins_late(mentions, reader.begun, days[post]):
            reader = Reader(reader.beside, days[post], habits, reader.begun)
            mentions = [mention for _, begin, end in stretches for mention in reader.read(begin, end)]
        found[post] = tuple(mentions)
    return found


def _begins_late(mentions: Sequence[DateMention], begun: Reading, day: date | None) -> bool:
    """Whether days without a year were counted from the day of posting before the story told its year."""
    if day is None or begun.first is None or begun.first.year > day.year - _BACK:
        return False
    early = False
    for mention in mentions:
        if mention.anchor == "post_time" and mention.rule in _OF_TODAY:
            return False
        if mention.date_from == begun.first and mention.anchor == "none":
            return early
        early |= mention.anchor == "post_time" and "year_inferred" in mention.flags
    return False


def _stretches(
    levels: str, tokens: TokenBatch, profile: Literal["precise", "recall"]
) -> Iterator[tuple[int, int, int]]:
    """Post, first token and the token behind the last of all that has to be read."""
    runs, core = _RUNS[profile]
    breaks, hashtags, bounds = tokens.breaks, tokens.in_hashtag, tokens.bounds
    post = 0
    for run in runs.finditer(levels):
        begin, stop = run.span()
        while begin < stop:
            end = breaks.find(1, begin + 1, stop)
            end = stop if end < 0 else end
            end = _hashtag_end(hashtags, begin, end)
            # the core of the run may lie in another post, line or hashtag
            if end - begin == stop - run.start() or core.match(levels, begin, end):
                while bounds[post + 1] <= begin:
                    post += 1
                yield post, begin, end
            begin = end


def _hashtag_end(hashtags: bytearray, begin: int, end: int) -> int:
    """Where the hashtag, or the stretch without one, that starts at `begin` ends."""
    if not hashtags[begin]:
        following = hashtags.find(1, begin + 1, end)
        return end if following < 0 else following
    place = begin + 1
    while place < end and hashtags[place] == 2:
        place += 1
    return place
