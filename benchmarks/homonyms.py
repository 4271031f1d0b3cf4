"""Villages that share their name: whether the right one is taken, by what the post says besides the name.

The posts are made from the gazetteer itself.  Every Arabic name that two or more settlements of a country
bear, more than 25 km apart, gives one post for each of them and each context: the name alone, with one
neighbor, with two, with the governorate.  A neighbor is a settlement of another name within 10 km, whether
or not that name is shared, too.  A village that was not found counts as wrong.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pipeline.places import find_places
from pipeline.places.gazetteer import SETTLEMENTS, Gazetteer, kilometres
from pipeline.places.keys import is_arabic, k0, names_words
from pipeline.records import Place, PlaceMention
from pipeline.text import find_marks, normalize_batch, tokenize

SEED: Final = 20120815
APART_KM: Final = 25.0
BESIDE_KM: Final = 10.0
RIGHT_KM: Final = 5.0
MOST: Final = 1500  # villages asked for
CONTEXTS: Final = ("alone", "one neighbor", "two neighbors", "governorate")
_SENTENCES: Final = {
    ("ar", "alone"): "قصف على قرية {0} صباح اليوم",
    ("ar", "one neighbor"): "قصف على قرية {0} و{1} صباح اليوم",
    ("ar", "two neighbors"): "قصف على قرية {0} و{1} و{2} صباح اليوم",
    ("ar", "governorate"): "قصف على قرية {0} في ريف {1} صباح اليوم",
    ("en", "alone"): "Shelling hit the village of {0} this morning",
    ("en", "one neighbor"): "Shelling hit the villages of {0} and {1} this morning",
    ("en", "two neighbors"): "Shelling hit the villages of {0}, {1} and {2} this morning",
    ("en", "governorate"): "Shelling hit the village of {0} in the {1} countryside this morning",
}


class Question(Struct, frozen=True):
    """A post and the village that its first name means."""

    language: str
    context: str
    text: str
    start: int  # of the name in the text
    place: Place


class Answers(Struct):
    """What became of the posts of one language and context."""

    language: str
    context: str
    posts: int = 0
    found: int = 0
    right: int = 0  # within RIGHT_KM
    ambiguous: int = 0
    sure_and_wrong: int = 0  # found, not flagged, and further off

    def figures(self) -> dict[str, float]:
        """Shares of all posts."""
        name = f"homonyms.{self.language}.{self.context.replace(' ', '_')}"
        counted = {
            "found": self.found,
            "right": self.right,
            "ambiguous": self.ambiguous,
            "sure_and_wrong": self.sure_and_wrong,
        }
        return {f"{name}.{what}": round(count / max(1, self.posts), 4) for what, count in counted.items()}


def measure(gazetteer: Gazetteer, country: str = "SY", most: int = MOST, seed: int = SEED) -> list[Answers]:
    """Ask about up to `most` villages of the country that share their name, in each context and language."""
    answers = {(language, context): Answers(language, context) for language, context in _SENTENCES}
    asked = list(questions(gazetteer, country, most, seed))
    texts = [question.text for question in asked]
    mentions = find_places(tokenize(normalize_batch(texts), find_marks(texts)), gazetteer, (country,))
    for question, found in zip(asked, mentions, strict=True):
        _count(answers[question.language, question.context], question, found)
    return list(answers.values())


def table(answers: Sequence[Answers]) -> list[list[str]]:
    """The answers as people read them, under a head."""
    head = "language|context|posts|found|right within 5 km|flagged ambiguous|sure and wrong"
    return [
        head.split("|"),
        *([one.language, one.context, str(one.posts), *_shares(one)] for one in answers),
    ]


def questions(gazetteer: Gazetteer, country: str, most: int, seed: int) -> Iterator[Question]:
    """The posts, in an order and of a choice that the seed fixes."""
    chance = random.Random(seed)
    settlements = _settlements(gazetteer, country)
    numbers = set(settlements)
    shared = [number for number in settlements if _far_namesakes(gazetteer, number, numbers)]
    grid = _Grid(gazetteer, settlements)
    for number in sorted(chance.sample(shared, min(most, len(shared)))):
        place = gazetteer.place(number)
        near = [other for other in grid.near(number) if _key(gazetteer, other) != _key(gazetteer, number)]
        chance.shuffle(near)
        others = _apart_names(gazetteer, near)[:2]
        for (language, context), sentence in _SENTENCES.items():
            beside: list[str | None] = []
            match context:
                case "one neighbor":
                    beside = [_name(gazetteer.place(other), language) for other in others[:1]] or [None]
                case "two neighbors":
                    beside = [_name(gazetteer.place(other), language) for other in others] or [None]
                    beside += [None] * (2 - len(beside))
                case "governorate":
                    beside = [_governorate(gazetteer, number, numbers, language)]
            name = _name(place, language)
            if name and all(beside):
                text = sentence.format(name, *beside)
                yield Question(language, context, text, text.index(name), place)


def _count(answers: Answers, question: Question, mentions: Sequence[PlaceMention]) -> None:
    answers.posts += 1
    for mention in mentions:
        if mention.span.start <= question.start < mention.span.end:
            place = mention.place
            right = (
                place.lat is not None
                and place.lon is not None
                and question.place.lat is not None
                and question.place.lon is not None
                and kilometres(question.place.lat, question.place.lon, place.lat, place.lon) <= RIGHT_KM
            )
            answers.found += 1
            answers.right += right
            answers.ambiguous += mention.ambiguous
            answers.sure_and_wrong += not right and not mention.ambiguous
            return


def _shares(one: Answers) -> list[str]:
    return [f"{share:.3f}" for share in one.figures().values()]


def _settlements(gazetteer: Gazetteer, country: str) -> list[int]:
    return [
        number
        for number in range(len(gazetteer))
        if gazetteer.country(number) == country
        and gazetteer.kind(number) in SETTLEMENTS
        and gazetteer.kind(number) != "quarter"
        and _key(gazetteer, number)
    ]


@lru_cache(maxsize=1 << 18)
def _key(gazetteer: Gazetteer, number: int) -> str:
    """The Arabic name as a key; empty where the place has none that could stand in a post."""
    words = names_words([gazetteer.place(number).name_ar or ""])[0]
    return k0(words) if words and all(map(is_arabic, words)) else ""


def _far_namesakes(gazetteer: Gazetteer, number: int, settlements: set[int]) -> list[int]:
    """Settlements of the same name that are further off than APART_KM."""
    return [
        other
        for other in gazetteer.names(_key(gazetteer, number))
        if other in settlements and _apart(gazetteer, number, other) > APART_KM
    ]


def _apart_names(gazetteer: Gazetteer, numbers: Sequence[int]) -> list[int]:
    """The places, without those whose name an earlier one bears."""
    return list({_key(gazetteer, number): number for number in reversed(numbers)}.values())[::-1]


def _name(place: Place, language: str) -> str | None:
    if language == "ar":
        return place.name_ar
    return place.name_en.replace("`", "").strip() if place.name_en else None


def _governorate(gazetteer: Gazetteer, number: int, settlements: set[int], language: str) -> str | None:
    """The name of its governorate, where no other place of the name is in that."""
    place = gazetteer.place(number)
    if not place.admin1:
        return None
    for other in gazetteer.names(_key(gazetteer, number)):
        inside = other in settlements and gazetteer.place(other).admin1 in {place.admin1, None}
        if inside and other != number and _apart(gazetteer, number, other) > RIGHT_KM:
            return None
    for unit in gazetteer.names(k0(names_words([place.admin1])[0])):
        if gazetteer.kind(unit) == "governorate" and gazetteer.country(unit) == place.country:
            return _name(gazetteer.place(unit), language)
    return None


def _apart(gazetteer: Gazetteer, one: int, other: int) -> float:
    return kilometres(gazetteer.lats[one], gazetteer.lons[one], gazetteer.lats[other], gazetteer.lons[other])


class _Grid:
    """Settlements by square of a tenth of a degree, so that neighbors need no long search."""

    def __init__(self, gazetteer: Gazetteer, numbers: Sequence[int]) -> None:
        self._gazetteer = gazetteer
        self._squares: dict[tuple[int, int], list[int]] = {}
        for number in numbers:
            self._squares.setdefault(self._square(number), []).append(number)

    def near(self, number: int) -> list[int]:
        """Settlements within BESIDE_KM, by number."""
        row, column = self._square(number)
        return sorted(
            other
            for down in (-1, 0, 1)
            for right in (-2, -1, 0, 1, 2)
            for other in self._squares.get((row + down, column + right), ())
            if other != number and _apart(self._gazetteer, number, other) <= BESIDE_KM
        )

    def _square(self, number: int) -> tuple[int, int]:
        return int(self._gazetteer.lats[number] * 10), int(self._gazetteer.lons[number] * 10)
