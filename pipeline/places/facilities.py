"""Facilities that no gazetteer has: "the hospital of Kafr Nabl" is a mention of its own, where Kafr Nabl is.

A word for a facility with the name of a place makes a facility of that place.  With a proper name ("the
Rahman mosque") it needs a place that the same post names, best right behind it ("in al-Waer"); without one
nobody can say where it is, and there is no mention.  Coordinates are inherited, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import compress, count
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.data import rows
from pipeline.places.clitics import WAW, stems
from pipeline.places.cues import FUNCTION_WORD, cue_words, priors, word_counts
from pipeline.places.gazetteer import SETTLEMENTS, Gazetteer, kilometres
from pipeline.places.keys import ARTICLE, LAM, TEH_AS_HEH, is_arabic, k0, token_words
from pipeline.places.phrases import phrase_words
from pipeline.places.reading import Reading
from pipeline.places.score import YEH
from pipeline.places.writing import is_capital, written
from pipeline.records import Candidate, Place, PlaceMention
from pipeline.text import TokenBatch, normalize

MOST_HEADS: Final = 1 << 16  # words that are remembered
MOST_WORDS: Final = 3  # of a proper name
FAR_KM: Final = 60.0  # a village so far from all else of the post only gave its name to a hospital
BESIDE: Final = 0.85  # score of a facility with a proper name right before the place that it is in
IN_POST: Final = 0.6  # of one that is anchored by a place elsewhere in the post
_TITLED: Final = frozenset({"hospital", "university", "embassy", "airport", "institute", "port", "prison"})
_NATIONAL: Final = frozenset({"embassy"})  # a country has them, in the capital of another
_NAMED: Final = frozenset({"street", "square"})  # Baghdad Street is in Damascus
_HAVE: Final = frozenset({"governorate", "district", "subdistrict", "region", "island", "camp"})
_FI: Final = "\N{ARABIC LETTER FEH}\N{ARABIC LETTER YEH}"
_IN: Final = frozenset({_FI, "in", "at"})
_LAM_ARTICLE: Final = LAM + LAM
USUAL: Final = 15  # times that a word was seen outside of names in labelled texts
SEEN: Final = 3
KNOWN: Final = 50_000  # inhabitants; facilities elsewhere bear the names of cities, too, but less often


class Head(Struct, frozen=True, gc=False):
    """A word that makes a facility, with the clitics on it."""

    kind: str
    role: str  # head, or place: only the name of a place makes a facility of it
    strip: int
    is_definite: bool  # "the hospital": what follows is an adjective


class Facility(Struct, frozen=True, gc=False):
    """Tokens first .. last - 1, from `strip` folded letters into the first one on."""

    kind: str
    first: int
    strip: int
    last: int
    inside: int | None  # which of the post's names is a part of its own
    anchor: int  # which of them says where it is
    is_beside: bool  # whether that one stands right there


class Words(Struct, frozen=True, gc=False):
    """The table `place_facilities`, folded."""

    heads: dict[str, tuple[str, str]]  # kind and role
    endings: frozenset[str]
    titles: frozenset[str]
    arabic: dict[str, str]  # the word for a kind, as people write it
    tails: frozenset[str]  # Latin heads: they stand behind the name


@cache
def facility_words() -> Words:
    """The table, read once."""
    heads: dict[str, tuple[str, str]] = {}
    arabic: dict[str, str] = {}
    others: dict[str, set[str]] = {"ending": set(), "title": set()}
    tails: set[str] = set()
    for row in rows("place_facilities"):
        word = normalize(row["word"]).text
        if row["role"] in others:
            others[row["role"]].add(word)
            continue
        heads.setdefault(word, (row["kind"], row["role"]))
        if row["lang"] == "ar":
            arabic.setdefault(row["kind"], row["word"])
        else:
            tails.add(word)
    return Words(heads, frozenset(others["ending"]), frozenset(others["title"]), arabic, frozenset(tails))


def head_of(surface: str) -> Head | None:
    """What a word says as the head of a facility; None for other words."""
    known = _heads()
    if surface not in known:
        if len(known) >= MOST_HEADS:
            known.clear()
        known[surface] = _head_of(surface)
    return known[surface]


@cache
def _heads() -> dict[str, Head | None]:
    """What was said of the words that were asked for."""
    return {}


def _head_of(surface: str) -> Head | None:
    words = facility_words()
    if not is_arabic(surface):
        known = words.heads.get(surface)
        return Head(*known, 0, False) if known else None
    for stem, strip, _ in stems(surface):
        known = words.heads.get(stem)
        if known:
            return Head(*known, strip, False)
        known = words.heads.get(stem[len(ARTICLE) :]) if stem.startswith(ARTICLE) else None
        if known and known[0] in _TITLED:
            return Head(*known, strip, True)
    return None


def facility_heads(tokens: TokenBatch) -> list[int]:
    """The tokens of a batch that can be the head of a facility, in order."""
    known, surfaces = _heads(), tokens.surfaces
    try:
        return list(compress(count(), map(known.__getitem__, surfaces)))
    except KeyError:
        if len(known) >= MOST_HEADS:
            known.clear()
        known.update((surface, _head_of(surface)) for surface in set(surfaces).difference(known))
    return list(compress(count(), map(known.__getitem__, surfaces)))


def find_facilities(
    heads: Sequence[int], reading: Reading, gazetteer: Gazetteer, tokens: TokenBatch, post: int
) -> list[Facility]:
    """The facilities of a post that are no places of the gazetteer, in order.

    `heads` are the post's own of `facility_heads`, `reading` is what was made of its names.
    """
    around = _Post(reading, gazetteer, tokens, post)
    found: list[Facility] = []
    for at in heads:
        head = head_of(tokens.surfaces[at])
        if head is not None and at not in around.taken and not (found and at < found[-1].last):
            one = around.arabic(at, head) if is_arabic(tokens.surfaces[at]) else around.latin(at, head)
            if one is not None:
                found.append(one)
    return found


class _Post:
    """The names of one post, asked for facilities around them."""

    def __init__(self, reading: Reading, gazetteer: Gazetteer, tokens: TokenBatch, post: int) -> None:
        self.names, self.gazetteer, self.tokens, self.post = reading.names, gazetteer, tokens, post
        self.best = [one.candidates[0][0] for one in reading.resolved]
        self.taken = {at for name in self.names for at in range(name.first, name.last)}
        self.starts = {
            (phrase.first if phrase and phrase.relation == "at" else name.first): number
            for number, (name, phrase) in enumerate(zip(self.names, reading.phrases, strict=True))
            if name.strip == 0
        }
        self.ends = {name.last: number for number, name in enumerate(self.names)}
        self.first, self.bound = tokens.bounds[post], tokens.bounds[post + 1]
        self.words = facility_words()

    def goes_on(self, at: int) -> bool:
        """Whether a token stands in one line, and in one hashtag or none, with the token before it."""
        hashtag = self.tokens.in_hashtag
        return (
            self.first < at < self.bound
            and not self.tokens.breaks[at]
            and hashtag[at] != 1
            and (hashtag[at] > 0) == (hashtag[at - 1] > 0)
        )

    def endings(self, last: int) -> int:
        """The end of a facility's name with the adjectives that follow it."""
        surfaces, endings = self.tokens.surfaces, self.words.endings
        while self.goes_on(last) and surfaces[last] in endings and last not in self.taken:
            last += 1
        return last

    def arabic(self, at: int, head: Head) -> Facility | None:
        """The facility of an Arabic head: the words after it are its name."""
        after = self.endings(at + 1)
        number = self.starts.get(after)
        if number is not None and self.reaches(after) and not head.is_definite:
            if not self.is_place_of(number, head):
                return None
            last = self.endings(self.names[number].last)
            if not self.is_only_a_name(number, head):
                return Facility(head.kind, at, head.strip, last, number, number, True)
            return self.anchored(head, at, last, number)
        if head.role == "place":
            return None
        if head.is_definite and after > at + 1:  # the national hospital: every town has one
            one = self.anchored(head, at, after, None)
            return one if one is not None and one.is_beside else None
        end = self.proper_name(at, head)
        return self.anchored(head, at, end, None) if end else None

    def reaches(self, at: int) -> bool:
        """As `goes_on`, or a hashtag begins there."""
        return self.goes_on(at) or (
            self.first < at < self.bound
            and not self.tokens.breaks[at]
            and self.tokens.in_hashtag[at] == 1
            and not self.tokens.in_hashtag[at - 1]
        )

    def latin(self, at: int, head: Head) -> Facility | None:
        """The facility of a Latin head: the words before it are its name."""
        surfaces = self.tokens.surfaces
        if surfaces[at] not in self.words.tails or not self.goes_on(at):
            return None
        last = at
        while self.goes_on(last) and surfaces[last - 1] in self.words.endings and last - 1 not in self.taken:
            last -= 1
        number = self.ends.get(last)
        if number is not None:
            if not self.is_place_of(number, head):
                return None
            first = self.names[number].first
            if not self.is_only_a_name(number, head):
                return Facility(head.kind, first, 0, at + 1, number, number, True)
            return self.anchored(head, first, at + 1, number)
        if head.role == "place" or not is_capital(self.tokens, self.post, at):
            return None
        first = at
        while (
            self.goes_on(first)
            and first - 1 not in self.taken
            and at - first < 2 * MOST_WORDS
            and (surfaces[first - 1] == "-" or is_capital(self.tokens, self.post, first - 1))
            and not _is_stop(surfaces[first - 1])
        ):
            first -= 1
        while first < at and surfaces[first] == "-":
            first += 1
        if first == at or written(self.tokens, self.post, first, at).isupper():
            return None
        return self.anchored(head, first, at + 1, None)

    def proper_name(self, at: int, head: Head) -> int | None:
        """Where the proper name after an Arabic head ends; None where there is none."""
        surfaces, titles = self.tokens.surfaces, self.words.titles
        last, is_open = at + 1, True  # open: whatever comes belongs to the name
        while last < at + 1 + MOST_WORDS and self.goes_on(last) and last not in self.taken:
            word = surfaces[last]
            if not is_arabic(word) or len(word) < 2 or (_is_stop(word) and word not in titles):
                break
            is_definite = word.startswith((ARTICLE, _LAM_ARTICLE))
            is_titled = last > at + 1 and surfaces[last - 1] in titles
            if not is_definite and (not is_open or head.is_definite or (_is_common(word) and not is_titled)):
                break
            is_open = word in titles
            last += 1
        return last if last > at + 1 else None

    def is_place_of(self, number: int, head: Head) -> bool:
        """Whether the name is one of a place that can have such a facility."""
        kind = self.gazetteer.kind(self.best[number])
        return kind in SETTLEMENTS or kind in _HAVE or (kind == "country" and head.kind in _NATIONAL)

    def is_only_a_name(self, number: int, head: Head) -> bool:
        """Whether the place only gave its name: to a street, or from far away."""
        if head.kind in _NAMED:
            return True
        gazetteer, best = self.gazetteer, self.best[number]
        others = [place for place in self.best if place != best and gazetteer.kind(place) in SETTLEMENTS]
        if gazetteer.populations[best] >= KNOWN or gazetteer.kind(best) not in SETTLEMENTS or not others:
            return gazetteer.kind(best) == "country"
        return all(
            kilometres(
                gazetteer.lats[best], gazetteer.lons[best], gazetteer.lats[place], gazetteer.lons[place]
            )
            > FAR_KM
            for place in others
        )

    def anchored(self, head: Head, first: int, last: int, inside: int | None) -> Facility | None:
        """The facility with the place that says where it is; None where there is none."""
        beside = self.after_in(last)
        if beside is not None:
            return Facility(head.kind, first, head.strip, last, inside, beside, True)
        near = [
            (min(abs(name.first - last), abs(first - name.last)), number)
            for number, name in enumerate(self.names)
            if number != inside and self.gazetteer.kind(self.best[number]) in SETTLEMENTS
        ]
        if not near:
            return None
        anchor = min(near)[1]
        gazetteer, place = self.gazetteer, self.best[anchor]
        for _, number in near:
            other = self.best[number]
            km = kilometres(
                gazetteer.lats[place], gazetteer.lons[place], gazetteer.lats[other], gazetteer.lons[other]
            )
            if km > FAR_KM:
                return None  # of two regions, nobody knows which
        return Facility(head.kind, first, head.strip, last, inside, anchor, False)

    def after_in(self, last: int) -> int | None:
        """The name right behind "in": في X, بـX, in X."""
        if not self.reaches(last):
            return None
        word = self.tokens.surfaces[last]
        for number, name in enumerate(self.names):
            if self.gazetteer.kind(self.best[number]) == "country":
                continue
            start = name.first
            if word in _IN and last < start <= last + 2 and not self.tokens.breaks[start]:
                return number
            if start == last and name.strip:
                return number
        return None


def mention_of(
    one: Facility, mentions: Sequence[PlaceMention], tokens: TokenBatch, post: int
) -> PlaceMention:
    """The facility as a record: what and where is taken from the mention that anchors it."""
    anchor = mentions[one.anchor]
    span = tokens.normalized.span(tokens.starts[one.first] + one.strip, tokens.ends[one.last - 1])
    if one.inside == one.anchor:
        places = [_of_place(candidate.place, one.kind) for candidate in anchor.candidates]
        score = anchor.score
    else:
        words = " ".join(tokens.normalized.raw[post][span.start : span.end].replace("_", " ").split())
        key = k0(token_words(tokens, one.first, one.last))[one.strip :]
        places = [_named(candidate.place, one.kind, words, key) for candidate in anchor.candidates]
        score = round(anchor.score * (BESIDE if one.is_beside else IN_POST), 4)
    shares = [candidate.score for candidate in anchor.candidates]
    how = "of the place" if one.inside == one.anchor else "beside" if one.is_beside else "in the post"
    return PlaceMention(
        span=span,
        candidates=tuple(map(Candidate, places, shares)),
        score=score,
        ambiguous=anchor.ambiguous or not one.is_beside,
        rule=f"facility {one.kind}; {how}: {anchor.place.place_id}",
    )


@lru_cache(maxsize=1 << 12)
def _of_place(place: Place, kind: str) -> Place:
    """The hospital of a place, as a place."""
    name_ar = f"{facility_words().arabic[kind]} {place.name_ar}" if place.name_ar else None
    name_en = f"{place.name_en} {kind}" if place.name_en else None
    return _inherited(place, kind, f"{place.place_id}#{kind}", name_ar, name_en)


def _named(place: Place, kind: str, words: str, key: str) -> Place:
    """A facility with a name of its own, in a place."""
    arabic = is_arabic(key)
    name_ar, name_en = (words, None) if arabic else (None, words)
    return _inherited(place, kind, f"{place.place_id}#{kind}:{key}", name_ar, name_en)


def _inherited(place: Place, kind: str, place_id: str, name_ar: str | None, name_en: str | None) -> Place:
    return replace(
        place,
        place_id=place_id,
        name=name_en or name_ar or place.name,
        name_ar=name_ar,
        name_en=name_en,
        feature=kind,
        population=0,
        coordinate_kind="inherited",
    )


@lru_cache(maxsize=1 << 16)
def _is_stop(word: str) -> bool:
    """Whether a word beside a head is no part of a name: a usual word, or one that says where."""
    return (
        priors().get(word, 0.0) <= FUNCTION_WORD
        or word in phrase_words().before
        or word in facility_words().heads
        or word_counts().get(word, 0) >= USUAL
        or (word[0] == WAW and (word_counts().get(word[1:], 0) >= USUAL or len(word) < 4))
    )


def _is_common(word: str) -> bool:
    """Whether a word without the article is rather an adjective or a verb than a name: a field hospital."""
    if word in facility_words().titles or cue_words().before.get(word) == "given":
        return False
    return word_counts().get(word, 0) >= SEEN or (len(word) > 3 and word.endswith((YEH, YEH + TEH_AS_HEH)))
