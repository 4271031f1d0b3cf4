"""From the names found in a post to what they mean: what is accepted, what stands around it, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pipeline.places.cues import WANTED
from pipeline.places.gazetteer import Gazetteer, kilometres
from pipeline.places.keys import k0, token_words
from pipeline.places.phrases import Phrase, bare_name, find_phrases
from pipeline.places.recognize import ACCEPT, BORDER, Found, Recognizer, select
from pipeline.places.resolve import Asked, Resolved, Setting, resolve
from pipeline.text import TokenBatch

BESIDE_KM: Final = 40.0
BESIDE_DEGREES: Final = 0.37  # of latitude, a little more than BESIDE_KM
SURE: Final = 1.5  # logit of a country that vouches for the one named beside it
_CHAIN_SIGNS: Final = frozenset({",", "/", "-", "\N{ARABIC LETTER WAW}", "and", "&", "+"})


class Reading(Struct, frozen=True, gc=False):
    """The names of a post, what stands around them, what was asked and what it means; in equal lists."""

    names: list[Found]
    phrases: list[Phrase | None]
    asked: list[Asked]
    resolved: list[Resolved]


def read_post(
    found: list[Found], tokens: TokenBatch, post: int, judge: Recognizer, setting: Setting
) -> Reading | None:
    """What the names found in a post mean; None where none of them is taken for a place."""
    names = select(found)
    _raise_countryside(names, tokens, post, judge)
    accepted = [name for name in names if name.score > ACCEPT]
    if not accepted:
        return None
    reading = _read(accepted, tokens, post, judge, setting)
    if len(names) > len(accepted) and (
        any(BORDER <= name.score <= ACCEPT for name in names)
        or any("same_type" in name.evidence for name in accepted)
        or any(name.score < BORDER and "country" in name.name.kinds for name in names)
    ):
        more = _second_look(names, accepted, reading.resolved, tokens, judge)
        if len(more) > len(accepted):
            return _read(more, tokens, post, judge, setting)
    return reading


def _read(
    accepted: Sequence[Found], tokens: TokenBatch, post: int, judge: Recognizer, setting: Setting
) -> Reading:
    gazetteer = judge.gazetteer
    bare = [bare_name(one, tokens, judge) if one.last - one.first > 1 else None for one in accepted]
    names = [short or one for one, short in zip(accepted, bare, strict=True)]
    phrases = find_phrases(names, tokens, post)
    inside = _inside_phrases(names, phrases) if len(names) > 1 and any(phrases) else None
    if inside:
        kept = [number for number in range(len(names)) if number not in inside]
        accepted, bare = [accepted[number] for number in kept], [bare[number] for number in kept]
        names = [names[number] for number in kept]
        phrases = find_phrases(names, tokens, post)
    asked = [
        (
            _asked(one, phrase, whole.places if short else _spelled(one, tokens, gazetteer))
            if phrase or short or one.language != "ar"
            else Asked(one.places, one.cues, one.tier)
        )
        for one, phrase, short, whole in zip(names, phrases, bare, accepted, strict=True)
    ]
    resolved = resolve(asked, gazetteer, setting)
    for number, short in enumerate(bare) if any(bare) else ():
        if short and resolved[number].candidates[0][0] not in short.name.places:
            names[number] = accepted[number]  # the type word is a part of the name: Sadr City
            phrases[number] = find_phrases([accepted[number]], tokens, post)[0]
    return Reading(names, phrases, asked, resolved)


def _inside_phrases(names: Sequence[Found], phrases: Sequence[Phrase | None]) -> set[int]:
    """Names that are the type word of the next one: there are villages that are called "village"."""
    return {
        number
        for number in range(len(names) - 1)
        if (phrase := phrases[number + 1]) is not None
        and phrase.relation != "between"
        and phrase.first <= names[number].first < names[number + 1].first
    }


def _spelled(one: Found, tokens: TokenBatch, gazetteer: Gazetteer) -> tuple[int, ...]:
    """Places that are written just so, of a name found by its sound or without its article."""
    if one.tier == 0 and "article" not in one.evidence:
        return ()
    return gazetteer.names(k0(token_words(tokens, one.first, one.last)))


def _asked(one: Found, phrase: Phrase | None, whole: tuple[int, ...]) -> Asked:
    """A name with the cues that only its phrase tells."""
    cues = one.cues
    if phrase is not None:
        if phrase.relation == "countryside_of" and "unit" not in cues:
            cues = (*cues, "unit")
        if phrase.is_village:
            cues = (*cues, "small")
    places = tuple(dict.fromkeys((*one.places, *whole))) if whole else one.places
    return Asked(places, cues, one.tier, whole)


def _raise_countryside(names: Sequence[Found], tokens: TokenBatch, post: int, judge: Recognizer) -> None:
    """A name after "the northern countryside of" is one of a place, though other words stand between."""
    for name in names:
        if BORDER <= name.score <= ACCEPT and "clitic_l" in name.evidence:
            phrase = find_phrases([name], tokens, post)[0]
            if phrase is not None and phrase.relation == "countryside_of":
                name.score += judge.weight(name, "before_unit")
                name.evidence += ("before_unit",)


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
        if "country" in name.name.kinds and (
            (is_next and before is not None and _is_sure_country(before))
            or (after is not None and _is_sure_country(after) and _is_list(name, after, tokens))
        ):
            score += judge.weight(name, "list_country")  # Niger and Chad
            evidence.append("list_country")
        if score < BORDER:
            continue
        if is_next or (after and _is_list(name, after, tokens)):
            score += judge.weight(name, "list")
            evidence.append("list")
        beside = judge.weight(name, "beside")
        if score + beside > ACCEPT and _is_beside(name.places, points, gazetteer):
            score += beside
            evidence.append("beside")
        if score > ACCEPT:
            name.score, name.evidence, name.cues = score, tuple(evidence), cues
            kept.append(name)
    return kept


def _is_beside(places: Sequence[int], points: Sequence[tuple[float, float]], gazetteer: Gazetteer) -> bool:
    """Whether one of the places lies near one of the points."""
    lats, lons = gazetteer.lats, gazetteer.lons
    for place in places:
        place_lat, place_lon = lats[place], lons[place]
        for lat, lon in points:
            if (
                -BESIDE_DEGREES < lat - place_lat < BESIDE_DEGREES
                and kilometres(lat, lon, place_lat, place_lon) < BESIDE_KM
            ):
                return True
    return False


def _is_sure_country(name: Found) -> bool:
    return "country" in name.name.kinds and name.score > SURE


def _is_list(left: Found, right: Found, tokens: TokenBatch) -> bool:
    between = tokens.surfaces[left.last : right.first]
    return all(sign in _CHAIN_SIGNS for sign in between) and (bool(between) or right.strip > 0)
