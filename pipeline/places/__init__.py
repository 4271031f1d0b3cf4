"""Places in Arabic and English posts: recognised in a gazetteer, resolved among the places of that name."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, repeat

from msgspec.structs import replace

from pipeline.places.facilities import Facility, facility_heads, find_facilities, mention_of
from pipeline.places.gazetteer import Gazetteer
from pipeline.places.phrases import RELATIONS, Phrase
from pipeline.places.plugins import Plugin, united
from pipeline.places.reading import read_post
from pipeline.places.recognize import Found, Option, Recognizer, recognizer
from pipeline.places.resolve import Resolved, Setting, candidates_of, setting_of
from pipeline.records import PlaceMention, Span
from pipeline.text import TokenBatch


def find_places(
    tokens: TokenBatch, gazetteer: Gazetteer, home: Sequence[str] = (), plugins: Sequence[Plugin] = ()
) -> list[tuple[PlaceMention, ...]]:
    """The place mentions of every post, in order of their spans.

    `home` is where the source's group lives, a prior for ambiguous names and no filter: ISO countries, or a
    country and a governorate by its English name ("SY/Idlib").  `plugins` are other recognizers, whose word
    counts for names of the gazetteer.
    """
    setting = setting_of(home, gazetteer)
    judge = recognizer(gazetteer, setting.countries)
    options = judge.options(tokens)
    mentions: list[tuple[PlaceMention, ...]] = list(repeat((), len(tokens.bounds) - 1))
    starts = list(compress(range(len(options)), options))
    heads = facility_heads(tokens)
    guesses = united(plugins, tokens.normalized.raw) if plugins else []
    at = 0
    for post, bound in enumerate(tokens.bounds[1:]):
        first, at = at, bisect_left(starts, bound, at)
        if at > first or guesses:
            if guesses and guesses[post]:
                found = judge.supported(tokens, post, options, guesses[post])
            else:
                found = judge.candidates(tokens, post, starts[first:at], options)
            if found:
                judge.lower_far(found, tokens, post)
                mentions[post] = _mentions(found, tokens, post, judge, setting, heads)
    return mentions


def _mentions(  # noqa: PLR0917
    found: list[Found],
    tokens: TokenBatch,
    post: int,
    judge: Recognizer,
    setting: Setting,
    heads: Sequence[int],
) -> tuple[PlaceMention, ...]:
    read = read_post(found, tokens, post, judge, setting)
    if read is None:
        return ()
    gazetteer = judge.gazetteer
    mentions = [
        PlaceMention(
            span=_span(tokens, name.first, name.strip, name.last),
            candidates=candidates_of(result, gazetteer),
            score=_probability(name.score),
            ambiguous=result.ambiguous,
            rule=_rule(name, result, phrase),
            phrase=_span(tokens, phrase.first, phrase.strip, phrase.last) if phrase else None,
            relation=phrase.relation if phrase else None,
        )
        for name, phrase, result in zip(read.names, read.phrases, read.resolved, strict=True)
    ]
    first = bisect_left(heads, tokens.bounds[post])
    last = bisect_left(heads, tokens.bounds[post + 1], first)
    if last > first:
        facilities = find_facilities(heads[first:last], read, gazetteer, tokens, post)
        if facilities:
            mentions = _with_facilities(mentions, facilities, tokens, post)
    return tuple(mentions)


def _with_facilities(
    mentions: Sequence[PlaceMention], facilities: Sequence[Facility], tokens: TokenBatch, post: int
) -> list[PlaceMention]:
    """The mentions and the facilities, which hold the names that they are made of; by their spans."""
    kept: list[PlaceMention | None] = list(mentions)
    for facility in facilities:
        one = mention_of(facility, mentions, tokens, post)
        inside = kept[facility.inside] if facility.inside is not None else None
        kept.append(one)
        if facility.inside is not None and inside is not None:
            own = facility.inside == facility.anchor
            kept[facility.inside] = replace(inside, phrase=one.span, relation="facility_of") if own else None
    told = [mention for mention in kept if mention is not None]
    return sorted(told, key=lambda mention: (mention.span.start, -mention.span.end))


def _span(tokens: TokenBatch, first: int, strip: int, last: int) -> Span:
    origin = tokens.normalized.origin
    return Span(origin.item(tokens.starts[first] + strip), origin.item(tokens.ends[last - 1] - 1) + 1)


@lru_cache(maxsize=1 << 14)
def _probability(score: float) -> float:
    return round(1 / (1 + math.exp(-score)), 4)


def _rule(name: Found, result: Resolved, phrase: Phrase | None) -> str:
    how = ("name", "romanisation", "skeleton")[name.tier]
    rule = f"{'+'.join((how, *name.evidence))}; {result.decided}"
    return f"{rule}; {phrase.detail}" if phrase and phrase.detail else rule


__all__ = ["RELATIONS", "Gazetteer", "Option", "Recognizer", "find_places"]
