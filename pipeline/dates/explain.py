"""Why a post has the dates that it has, and why words that look like one are none: lines for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.data import rows
from pipeline.dates import USUAL, find_dates
from pipeline.dates.items import read_items
from pipeline.dates.lexicon import CORE, DIGITS, UNKNOWN, Lexicon, lexicon
from pipeline.records import Anchor, DateHabits, DateMention, Span
from pipeline.text import TokenBatch, find_marks, normalize_batch, tokenize
from pipeline.text.tokens import ARABIC, SIGN

NEAR: Final = 3  # words beside a run that are tried
NOT_A_WORD: Final = {True: "\N{ARABIC LETTER ZAH}" * 4, False: "zzzz"}  # in no table


class _Run(Struct, frozen=True):
    """Words that could be a date: tokens `first` up to, but not including, `last`."""

    first: int
    last: int
    span: Span


def explain_dates(text: str, anchor: Anchor, habits: DateHabits = USUAL) -> list[str]:
    """How the dates of a post were read, a few lines for each, then the words that were refused and why.

    >>> from datetime import date
    >>> lines = explain_dates("the Friday Mosque opened on 5 March 2015", Anchor(date(2016, 2, 17)))
    >>> lines[0]
    '5 March 2015 = 2015-03-05'
    >>> lines[-1]
    'refused: Friday, because of Mosque'
    """
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    mentions = find_dates(tokens, [anchor], habits)[0]
    words = lexicon(habits.feasts)
    lines: list[str] = []
    for mention in mentions:
        lines += _told(mention, text, tokens, words)
    for run in _unread(tokens, words, mentions):
        reason = _reason(run, tokens, anchor, habits)
        if reason is not None:
            lines.append(f"refused: {run.span.of(text)}, {reason}")
    return lines


def _told(mention: DateMention, text: str, tokens: TokenBatch, words: Lexicon) -> Iterator[str]:
    yield f"{mention.span.of(text)} = {mention.edtf}"
    first, last = mention.date_from or "open", mention.date_to or "open"
    if mention.date_from is None and mention.date_to is None:
        first = last = "not known"
    calendar = "" if mention.calendar == "gregorian" else f", calendar {mention.calendar}"
    part = f", part of day {mention.part_of_day}" if mention.part_of_day else ""
    yield f"  days          {first} to {last}, TIMEX3 {mention.timex}, grain {mention.grain}{calendar}{part}"
    pattern = next((row["pattern"] for row in rows("date_rules") if row["rule"] == mention.rule), "")
    yield f"  rule          {mention.rule}: {pattern}"
    yield f"  classes       {' '.join(_classes(mention.span, tokens, words))}"
    if mention.anchor != "none":
        sources = {"post_time": "day of posting", "text": "a date in the text", "event": "an event"}
        day = mention.anchor_date or "not known"
        yield f"  counted from  {day} ({sources[mention.anchor]})"
    flags = f", flags {', '.join(mention.flags)}" if mention.flags else ""
    yield f"  confidence    {mention.confidence}{flags}"
    if mention.alternatives:
        yield f"  or            {', '.join(mention.alternatives)}"


def _classes(span: Span, tokens: TokenBatch, words: Lexicon) -> Iterator[str]:
    """`class(value)` of the words of a mention, as its rule saw them."""
    inside = [
        number
        for number in range(len(tokens.surfaces))
        if _overlap(_span(tokens, number, number + 1), span) and _level(tokens, number, words) != UNKNOWN
    ]
    if not inside:
        return
    for item in read_items(tokens, inside[0], inside[-1] + 1, words):
        yield f"{item.kind}({item.value})"


def _unread(tokens: TokenBatch, words: Lexicon, mentions: tuple[DateMention, ...]) -> Iterator[_Run]:
    """Runs of known words with a word in them that can be a date alone, and that no mention touches."""
    levels = [_level(tokens, number, words) for number in range(len(tokens.surfaces))]
    number = 0
    while number < len(levels):
        first = number
        while (
            number < len(levels)
            and levels[number] != UNKNOWN
            and (number == first or not tokens.breaks[number])
        ):
            number += 1
        # Without the words at its edges that only join others.
        told = [at for at in range(first, number) if levels[at] in (CORE, DIGITS)]
        if any(levels[at] == CORE for at in told):
            span = _span(tokens, told[0], told[-1] + 1)
            if not any(_overlap(span, mention.span) for mention in mentions):
                yield _Run(told[0], told[-1] + 1, span)
        number = max(number, first + 1)


def _reason(run: _Run, tokens: TokenBatch, anchor: Anchor, habits: DateHabits) -> str | None:
    """Why a run is no date: the word without which it would be one.  None where it never is one."""
    text, words = tokens.normalized.raw[0], lexicon(habits.feasts)
    inside = range(run.first, run.last)
    beside = [*range(run.last, run.last + NEAR), *range(run.first - 1, run.first - 1 - NEAR, -1)]
    joining = [number for number in inside if _level(tokens, number, words) not in (CORE, DIGITS)]
    tried = [number for number in (*joining, *beside) if 0 <= number < len(tokens.surfaces)]
    others = [_without(text, tokens, number, run.span) for number in tried]
    alone = (run.span.of(text), Span(0, run.span.end - run.span.start))
    recall = replace(habits, profile="recall")
    for profile, where in ((habits, ""), (recall, " in the profile recall")):
        as_it_is, by_itself, *found = _found([(text, run.span), alone, *others], anchor, profile)
        if as_it_is:  # only in the second round
            return "read in the profile recall only"
        for number, date in zip(tried, found, strict=True):
            if date:
                return f"because of {_span(tokens, number, number + 1).of(text)}{where}"
        if by_itself:
            return f"because of the words beside it{where}"
    return None


def _found(others: list[tuple[str, Span]], anchor: Anchor, habits: DateHabits) -> list[bool]:
    """Whether each text has a mention that touches the span."""
    texts = [text for text, _ in others]
    batch = tokenize(normalize_batch(texts), find_marks(texts))
    found = find_dates(batch, [anchor] * len(texts), habits)
    return [
        any(_overlap(mention.span, span) for mention in mentions)
        for mentions, (_, span) in zip(found, others, strict=True)
    ]


def _without(text: str, tokens: TokenBatch, number: int, span: Span) -> tuple[str, Span]:
    """The text with a meaningless word for a token, or a space for a sign, and where `span` is then."""
    gone = _span(tokens, number, number + 1)
    kind = tokens.kinds[number]
    word = " " if kind == SIGN else NOT_A_WORD[kind == ARABIC]
    made = text[: gone.start] + word + text[gone.end :]
    return made, _moved(span, gone, len(made) - len(text))


def _moved(span: Span, other: Span, by: int) -> Span:
    """Where a span is after what stands at `other` has become longer by so much."""
    if other.start >= span.end:
        return span
    if other.end <= span.start:
        return Span(span.start + by, span.end + by)
    return Span(span.start, span.end + by)


def _level(tokens: TokenBatch, number: int, words: Lexicon) -> str:
    return words.levels.get(tokens.surfaces[number], UNKNOWN)


def _span(tokens: TokenBatch, first: int, last: int) -> Span:
    return tokens.normalized.span(tokens.starts[first], tokens.ends[last - 1])


def _overlap(one: Span, two: Span) -> bool:
    return one.start < two.end and two.start < one.end
