"""The phrase around the name of a place: type word, direction and distance, and how it stands to the place.

"ريف حماة الغربي" and "10 km north of Hama" say where something is by way of Hama.  The name alone is the
mention's span; the phrase is what a reader would quote, and the relation is one of a closed list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from pipeline.data import rows
from pipeline.places.clitics import WAW, stems
from pipeline.places.cues import cue_words
from pipeline.places.keys import ARTICLE, LAM, is_arabic, k0, token_words
from pipeline.places.name_score import Name
from pipeline.places.recognize import Found, Recognizer
from pipeline.text import TokenBatch, normalize

DIRECTIONS: Final = (
    "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest",
)  # fmt: skip
RELATIONS: Final = (
    "at",  # the town of X: X itself
    "countryside_of",  # the area of the governorate or district, without the town
    "part_of",  # northern X: a part of X
    *(f"{direction}_of" for direction in DIRECTIONS),  # outside X, on that side of it
    "near",
    "edge_of",
    "between",  # X and another place; both mentions bear the same phrase
    "direction_of",  # a movement towards X
    "facility_of",  # the hospital of X; the facility is a mention of its own, with the same span
)
_TYPES: Final = frozenset({"type", "village", "parts", "unit"})
_SIDES: Final = frozenset({"head", "direction"})
_SIDED: Final = frozenset(
    {"edge_of", "near", "countryside_of"}
)  # a direction after the name tells more of them
_WEST: Final = frozenset({"direction", "adjective"})
_MOST: Final = 3  # words of one sort in a row


class Word(Struct, frozen=True, gc=False):
    """A row of the table."""

    role: str
    relation: str


class Phrase(Struct, frozen=True, gc=False):
    """Tokens first .. last - 1, from `strip` folded letters into the first one on."""

    first: int
    strip: int
    last: int
    relation: str
    detail: str = ""  # "10 km", "west": for the rule of the mention
    is_village: bool = False  # whether the words say that the place is small


class Words(Struct, frozen=True):
    """The table `place_phrases`: words before and after a name, folded."""

    before: dict[str, Word]
    after: dict[str, Word]


class Read(NamedTuple):
    """A word before a name that the table knows, and the clitics on it."""

    word: Word
    strip: int  # folded letters of clitics
    clitic: str  # the last of them


@cache
def phrase_words() -> Words:
    """The table, read once."""
    sides: dict[str, dict[str, Word]] = {"before": {}, "after": {}}
    for row in rows("place_phrases"):
        for word in normalize(row["word"]).text.split():
            sides[row["side"]].setdefault(word, Word(row["role"], row["relation"]))
    return Words(**sides)


@lru_cache(maxsize=1 << 16)
def read(surface: str) -> Read | None:
    """What the table says of a word before a name, clitics taken off; None for any other word."""
    before = phrase_words().before
    if surface in before:
        return Read(before[surface], 0, "")
    if is_arabic(surface):
        for stem, strip, clitic in stems(surface):
            word = before.get(stem)
            if strip and word is not None and word.role not in {"link", "kilometers"}:
                return Read(word, strip, clitic)
    return None


def bare_name(one: Found, tokens: TokenBatch, names: Recognizer) -> Found | None:
    """The name without the type words that are part of it in the gazetteer, and all that it can mean.

    There is a village "قرية الرصيف" and there are villages "الرصيف": after the word village both are
    meant, the first ones come first in `places`.  None where nothing is left without the type word.
    """
    if one.last - one.first < 2:
        return None
    surfaces = tokens.surfaces
    if is_arabic(surfaces[one.last - 1]):
        known = read(surfaces[one.first])
        if known is None or known.word.role not in _TYPES or known.strip != one.strip:
            return None
        cue = cue_words().before.get(surfaces[one.first][one.strip :], "")
        for last in _without_adjectives(one, surfaces):
            name = names.node(k0(surfaces[one.first + 1 : last])).name
            if name is not None:
                return _merged(one, one.first + 1, last, name, cue)
        return None
    ends = phrase_words().after
    last = one.last
    while last - 1 > one.first and (word := ends.get(surfaces[last - 1])) and word.role in _TYPES:
        last -= 1
    first = one.first
    while first < last - 1 and (known := read(surfaces[first])) and known.word.role in _WEST:
        first += 1
        first += surfaces[first] == "-"
    if last == one.last or first >= last:
        return None
    words = token_words(tokens, first, last)
    name = names.node(k0(words)).name
    if name is None or set(name.places).isdisjoint(one.places):
        return None  # Mexico City is not a city of Mexico
    return _merged(one, first, last, name, cue_words().after.get(surfaces[last], ""))


def _without_adjectives(one: Found, surfaces: Sequence[str]) -> Iterator[int]:
    """Where a name can end: with all its words, and without the directions at its end."""
    after, last = phrase_words().after, one.last
    yield last
    while last - 1 > one.first + 1 and (word := after.get(surfaces[last - 1])) and word.role == "adjective":
        last -= 1
        yield last


def _merged(one: Found, first: int, last: int, name: Name, cue: str) -> Found:
    return replace(
        one,
        first=first,
        last=last,
        strip=0,
        places=tuple(dict.fromkeys((*one.places, *name.places))),
        cues=one.cues if cue in one.cues or not cue else (*one.cues, cue),
        name=name,
    )


def find_phrases(found: Sequence[Found], tokens: TokenBatch, post: int) -> list[Phrase | None]:
    """The phrase of each name, in order; None where the name stands alone.

    `found` are the names of one post, in order and without overlap.
    """
    edges = tokens.bounds[post], tokens.bounds[post + 1]
    words = phrase_words()
    phrases = [_phrase(one, tokens, words, edges) for one in found]
    for number in range(1, len(found)):
        if not found[number].strip and found[number].first == found[number - 1].last:
            continue
        pair, their = (found[number - 1], found[number]), (phrases[number - 1], phrases[number])
        both = _between(pair, their, tokens, edges[0])
        if both is not None:
            phrases[number - 1] = phrases[number] = both
    return phrases


def _phrase(one: Found, tokens: TokenBatch, words: Words, edges: tuple[int, int]) -> Phrase | None:
    surfaces, first = tokens.surfaces, one.first
    is_before = first > edges[0] and not tokens.breaks[first]
    if is_arabic(surfaces[one.last - 1]):
        if one.strip:
            is_before = is_before and _clitic(one, tokens) == "l"
        elif is_before:
            is_before = read(surfaces[first - 1]) is not None
        return _arabic(one, tokens, words, edges) if is_before else None
    is_after = one.last < edges[1] and (
        surfaces[one.last] in words.after or surfaces[one.last] in words.before
    )
    is_before = is_before and (surfaces[first - 1] == "the" or surfaces[first - 1] in words.before)
    return _latin(one, tokens, words, edges) if is_before or is_after else None


class _Left:
    """A walk from a name to the left; `first` and `strip` are those of the last word that belongs to it."""

    def __init__(self, one: Found, tokens: TokenBatch, words: Words, edge: int) -> None:
        self.first, self.strip = one.first, one.strip
        self.relation = ""
        self.directions: list[str] = []
        self.kilometers = ""
        self.has_parts = self.is_village = False
        self.clitic = _clitic(one, tokens)
        self.tokens, self.words, self.edge = tokens, words, edge

    def word(self, at: int) -> Word | None:
        """What the table says of a token that stands in one line with the token after it."""
        known = read(self.tokens.surfaces[at]) if self.reaches(at) else None
        return known.word if known else None

    def role(self, at: int) -> str:
        """The role of such a token; empty where it has none."""
        word = self.word(at)
        return word.role if word else ""

    def reaches(self, at: int) -> bool:
        """Whether the token can be of one phrase with the token after it."""
        tokens = self.tokens
        return (
            at >= self.edge
            and not tokens.breaks[at + 1]
            and (not tokens.in_hashtag[at] or tokens.in_hashtag[at + 1] == 2)
        )

    def run(self, at: int, roles: frozenset[str]) -> bool:
        """Take up to _MOST words of these roles that end at a token; whether there was one."""
        count = 0
        while count < _MOST and not (count and self.clitic):
            known = read(self.tokens.surfaces[at]) if self.reaches(at) else None
            if known is None or known.word.role not in roles:
                break
            self.take(at, *known)
            at, count = at - 1, count + 1
        return count > 0

    def take(self, at: int, word: Word, strip: int, clitic: str) -> None:
        """Let a word belong to the phrase; of relations the one nearest to the name stays."""
        self.first, self.strip, self.clitic = at, strip, clitic
        if word.role in {"direction", "whither", "adjective"}:
            self.directions.append(word.relation)
        else:
            self.has_parts = self.has_parts or word.role == "parts"
            self.is_village = self.is_village or word.role == "village"
            if self.relation in {"", "at"}:
                self.relation = word.relation

    def definite(self, at: int) -> bool:
        """Take "the northern countryside" or "the north-east" that ends at a token and needs "of"."""
        surfaces, after = self.tokens.surfaces, self.words.after
        adjectives: list[str] = []
        while self.reaches(at) and len(adjectives) < _MOST:
            word = after.get(surfaces[at])
            if word is None or word.role != "adjective":
                break
            adjectives.append(word.relation)
            at -= 1
        if not self.reaches(at):
            return False
        known = read(surfaces[at])
        if known is not None and known.word.role == "whither":
            self.directions += adjectives
            self.take(at, *known)
            return True
        for stem, strip, clitic in stems(surfaces[at]):
            word = self.words.before.get(stem[len(ARTICLE) :]) if stem.startswith(ARTICLE) else None
            if word is not None and (word.role == "unit" or (word.role == "head" and adjectives)):
                self.directions += adjectives
                self.take(at, word, strip, clitic)
                return True
        return False

    def distance(self, at: int) -> bool:
        """Take the number and the unit of length that end at a token; whether there were any."""
        word = self.word(at)
        if word is None or word.role != "kilometers" or not self.reaches(at - 1):
            return False
        surfaces, glued, start = self.tokens.surfaces, self.tokens.glued, at - 1
        number = surfaces[start]
        if not (number.isascii() and number.isdigit()):
            return False
        point = start - 1
        if point > self.edge and surfaces[point] in {".", ","} and glued[start] and glued[point]:
            number, start = f"{surfaces[point - 1]}.{number}", point - 1
        try:
            self.kilometers = f"{round(float(number) * float(word.relation), 3):g} km"
        except ValueError:
            return False
        self.first, self.strip = start, 0
        while self.role(self.first - 1) == "distance":
            known = read(surfaces[self.first - 1])
            self.first, self.strip = self.first - 1, known.strip if known else 0
        return True

    def phrase(self, last: int) -> Phrase | None:
        """What was found; None where nothing stands beside the name."""
        direction = compass(self.directions)
        relation = self.relation
        if direction and relation in {"", "at"}:
            relation = f"{direction}_of" if direction in DIRECTIONS else "part_of"
        if not relation:
            return None
        tells = relation != f"{direction}_of"
        detail = " ".join(filter(None, (self.kilometers, direction if tells else "")))
        return Phrase(self.first, self.strip, last, relation, detail, self.is_village)


def compass(directions: Sequence[str]) -> str:
    """One direction of several words.

    >>> compass(["west", "north"]), compass(["south"]), compass([])
    ('northwest', 'south', '')
    """
    both = " ".join(directions)
    upright = "north" if "north" in both else "south" if "south" in both else ""
    across = "east" if "east" in both else "west" if "west" in both else ""
    return upright + across or "".join(directions[:1])


def _clitic(one: Found, tokens: TokenBatch) -> str:
    """The clitic that stands before a name: l, another sign for any other, empty for none."""
    if one.strip == 0:
        return ""
    before = tokens.normalized.text[tokens.starts[one.first] + one.strip - 1]
    return "l" if before == LAM else "other"


def _arabic(one: Found, tokens: TokenBatch, words: Words, edges: tuple[int, int]) -> Phrase | None:
    left = _Left(one, tokens, words, edges[0])
    if not left.clitic:
        left.run(one.first - 1, _TYPES)
    if not left.clitic:
        at = left.first - 1
        if left.role(at) == "link":
            if not (left.run(at - 1, _SIDES) or left.definite(at - 1)) and left.distance(at - 1):
                left.relation = "near"
        else:
            left.run(at, _SIDES)
    if left.clitic == "l":
        left.definite(left.first - 1)
    if (left.directions or left.relation == "near") and not left.clitic and not left.kilometers:
        at = left.first - 1
        left.distance(at - 1 if left.role(at) == "link" else at)
    last = one.last
    if left.has_parts or left.relation in _SIDED:
        while last < edges[1] and last < one.last + _MOST and _follows(tokens, last):
            word = words.after.get(tokens.surfaces[last])
            if word is None or word.role != "adjective":
                break
            left.directions.append(word.relation)
            last += 1
            if left.has_parts and left.relation == "at":
                left.relation = "part_of"
    return left.phrase(last)


def _latin(one: Found, tokens: TokenBatch, words: Words, edges: tuple[int, int]) -> Phrase | None:
    left = _Left(one, tokens, words, edges[0])
    last = _right(one, left, edges[1])
    is_linked = False
    at = one.first - 1
    while at > one.first - 12:
        at -= left.reaches(at) and tokens.surfaces[at] == "the"
        role = left.role(at)
        if role == "link" and not is_linked:
            is_linked = True
            at -= 1
            continue
        if role in _WEST:
            is_inside = not is_linked and not left.relation
            left.run(at, _WEST)
            while left.reaches(left.first - 1) and tokens.surfaces[left.first - 1] == "-":
                if not left.run(left.first - 2, _WEST):
                    break
            if is_inside:
                left.relation = "part_of"
        elif role in _TYPES or role == "head":
            left.run(at, frozenset({role}))
        else:
            break
        is_linked = False
        at = left.first - 1
    if is_linked and not left.relation and not left.directions:
        if tokens.surfaces[at + 1] == "from" and left.distance(at):
            left.relation = "near"
    elif left.directions or left.relation == "near":
        at = left.first - 1
        while left.reaches(at) and tokens.surfaces[at] in {"the", "to"}:
            at -= 1
        left.distance(at)
    return left.phrase(last)


def _right(one: Found, left: _Left, edge: int) -> int:
    """Where a Latin phrase ends: after "city", "countryside" or "northern countryside"."""
    tokens, words = left.tokens, left.words
    last = one.last
    while last < edge and last < one.last + _MOST and _follows(tokens, last):
        if is_arabic(tokens.surfaces[last]):
            break
        word = words.after.get(tokens.surfaces[last])
        if word is None:
            side = words.before.get(tokens.surfaces[last])
            more = last + 1 < edge and _follows(tokens, last + 1)
            word = words.after.get(tokens.surfaces[last + 1]) if more else None
            if side is None or side.role != "adjective" or word is None or word.role in {"type", "village"}:
                break
            left.directions.append(side.relation)
            last += 1
        left.is_village = left.is_village or word.role == "village"
        if left.relation in {"", "at"}:
            left.relation = word.relation
        last += 1
    return last


def _follows(tokens: TokenBatch, at: int) -> bool:
    """Whether a token stands in one line and one hashtag, or none, with the token before it."""
    hashtag = tokens.in_hashtag
    return not tokens.breaks[at] and hashtag[at] != 1 and (hashtag[at] > 0) == (hashtag[at - 1] > 0)


def _between(
    pair: tuple[Found, Found],
    phrases: tuple[Phrase | None, Phrase | None],
    tokens: TokenBatch,
    edge: int,
) -> Phrase | None:
    """The phrase "between X and Y"; None where two names do not stand so."""
    (one, other), (first, second) = pair, phrases
    start, strip = (first.first, first.strip) if first else (one.first, one.strip)
    stop = first.last if first else one.last
    next_first, next_strip = (second.first, second.strip) if second else (other.first, other.strip)
    joins = tokens.surfaces[stop:next_first]
    if strip or (first and first.relation != "at") or (second and second.relation != "at"):
        return None
    if not (next_strip and not joins) and joins not in (["and"], ["and", "the"], ["&"], [WAW], ["-"]):
        return None
    at = start - 1
    while at >= edge and tokens.surfaces[at] in {"the", '"'}:
        at -= 1
    known = read(tokens.surfaces[at]) if at >= edge and not tokens.breaks[at + 1] else None
    if known is None or known.word.role != "between":
        return None
    return Phrase(at, known.strip, second.last if second else other.last, "between")
