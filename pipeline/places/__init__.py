"""Places in Arabic and English posts: recognised in a gazetteer, resolved among the places of that name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress, repeat

from pipeline.places.gazetteer import Gazetteer, kilometres
from pipeline.places.recognize import ACCEPT, BORDER, WANTED, Found, Option, Recognizer, recognizer, select
from pipeline.places.resolve import Resolved, Setting, candidates_of, resolve
from pipeline.records import PlaceMention
from pipeline.text import TokenBatch

BESIDE_KM = 40.0
_CHAIN_SIGNS = frozenset({",", "/", "-", "\N{ARABIC LETTER WAW}", "and", "&", "+"})


def find_places(
    tokens: TokenBatch, gazetteer: Gazetteer, home: Sequence[str] = ()
) -> list[tuple[PlaceMention, ...]]:
    """The place mentions of every post, in order of their spans.

    `home` are the ISO countries where the source's group lives: a prior for ambiguous names, no filter.
    """
    judge = recognizer(gazetteer, tuple(home))
    setting = Setting(judge.home, judge.region)
    options = judge.options(tokens)
    mentions: list[tuple[PlaceMention, ...]] = list(repeat((), len(tokens.bounds) - 1))
    starts = list(compress(range(len(options)), options))
    at, bounds = 0, tokens.bounds
    for post in range(len(mentions)):
        bound = bounds[post + 1]
        first = at
        while at < len(starts) and starts[at] < bound:
            at += 1
        if at > first:
            found = judge.candidates(tokens, post, starts[first:at], options)
            if found:
                judge.lower_far(found, tokens, post)
                mentions[post] = _mentions(found, tokens, judge, setting)
    return mentions


def _mentions(
    found: list[Found], tokens: TokenBatch, judge: Recognizer, setting: Setting
) -> tuple[PlaceMention, ...]:
    names = select(found)
    gazetteer = judge.gazetteer
    accepted = [name for name in names if name.score > ACCEPT]
    if not accepted:
        return ()
    resolved = resolve(accepted, gazetteer, setting)
    if len(names) > len(accepted) and (
        any(BORDER <= name.score <= ACCEPT for name in names)
        or any("same_type" in name.evidence for name in accepted)
    ):
        more = _second_look(names, accepted, resolved, tokens, judge)
        if len(more) > len(accepted):
            accepted = more
            resolved = resolve(accepted, gazetteer, setting)
    return tuple(
        PlaceMention(
            span=tokens.normalized.span(tokens.starts[name.first] + name.strip, tokens.ends[name.last - 1]),
            candidates=candidates_of(result, gazetteer),
            score=round(1 / (1 + math.exp(-name.score)), 4),
            ambiguous=result.ambiguous,
            rule=_rule(name, result),
        )
        for name, result in zip(accepted, resolved, strict=True)
    )


def _second_look(
    names: Sequence[Found],
    accepted: Sequence[Found],
    resolved: Sequence[Resolved],
    tokens: TokenBatch,
    judge: Recognizer,
) -> list[Found]:
    """The accepted names, and of the others those that accepted ones vouch for."""
    gazetteer = judge.gazetteer
    points = [
        (gazetteer.lats[result.candidates[0][0]], gazetteer.lons[result.candidates[0][0]])
        for result in resolved
        if gazetteer.kind(result.candidates[0][0]) not in {"country", "sea"}
    ]
    sure = {id(name) for name in accepted}
    kept: list[Found] = []
    type_cue = ""  # of the list that is going on
    for number, name in enumerate(names):
        before = names[number - 1] if number and kept and kept[-1] is names[number - 1] else None
        is_next = before is not None and _is_list(before, name, tokens)
        if id(name) in sure:
            kept.append(name)
            if "same_type" in name.evidence:
                type_cue = name.cues[0]  # the quarters of A, B and C
            elif not is_next or name.cues:
                type_cue = ""
            continue
        after = names[number + 1] if number + 1 < len(names) and id(names[number + 1]) in sure else None
        score, evidence = name.score, list(name.evidence)
        cues = name.cues
        if not is_next:
            type_cue = ""
        if type_cue and not cues and name.name.kinds & WANTED[type_cue]:
            cues = (type_cue,)
            score += judge.weight(name, f"before_{type_cue}") + judge.weight(name, "same_type")
            evidence += [f"before_{type_cue}", "same_type"]
        if score < BORDER:
            continue
        if is_next or (after and _is_list(name, after, tokens)):
            score += judge.weight(name, "list")
            evidence.append("list")
        if any(
            kilometres(lat, lon, gazetteer.lats[place], gazetteer.lons[place]) < BESIDE_KM
            for lat, lon in points
            for place in name.places
        ):
            score += judge.weight(name, "beside")
            evidence.append("beside")
        if score > ACCEPT:
            name.score, name.evidence, name.cues = score, tuple(evidence), cues
            kept.append(name)
    return kept


def _is_list(left: Found, right: Found, tokens: TokenBatch) -> bool:
    between = tokens.surfaces[left.last : right.first]
    return all(sign in _CHAIN_SIGNS for sign in between) and (bool(between) or right.strip > 0)


def _rule(name: Found, result: Resolved) -> str:
    how = ("name", "romanisation", "skeleton")[name.tier]
    return f"{'+'.join((how, *name.evidence))}; {result.decided}"


__all__ = ["Gazetteer", "Option", "Recognizer", "find_places"]
