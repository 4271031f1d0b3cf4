"""Invented posts in which a person marked the places: read from `data/places`, offsets computed.

`python -m benchmarks.place_posts dev` prints the half for development as JSON lines.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

FOLDER = Path(__file__).parent / "data" / "places"
LANGUAGES = ("ar", "en")
AREAS = {
    "country",
    "governorate",
    "state",
    "region",
    "river",
    "sea",
    "island",
}  # their coordinates say little
FACILITIES = {"crossing", "airport", "dam", "camp", "bridge", "square", "field"}

Half = Literal["dev", "test"]

_MARK = re.compile(r"[\[\]{}]|\|[^\[\]{}|]*(?=[\]}])")


class Spot(Struct, frozen=True):
    """A row of the key table: a place that posts name."""

    key: str
    name_ar: str
    name_en: str
    kind: str
    country: str | None  # ISO 3166-1 alpha-2
    lat: float  # WGS 84 degrees; of an area its middle
    lon: float
    source: str


class Mark(Struct, frozen=True, kw_only=True):
    """A place as a person marked it.  Spans are half-open code points of the text.

    `start` and `end` are the bare name, without clitics, type word and hashtag sign; the phrase is the name
    with type word and direction, the name itself where there is none.  Where the text leaves open which place
    it is, `ambiguous` is true, and key, lat, lon and kind are None.
    """

    start: int
    end: int
    phrase_start: int
    phrase_end: int
    surface: str
    key: str | None
    lat: float | None
    lon: float | None
    kind: str | None
    country: str | None
    relation: (
        str | None
    )  # countryside_of, north_of, near, facility_of, at (a type word), ...; None: no phrase
    ambiguous: bool
    optional: bool  # counts neither way: found or not, both are right

    @property
    def is_area(self) -> bool:
        return self.kind in AREAS

    @property
    def is_called_so(self) -> bool:
        """Whether the phrase is as much the name as the bare name is: Zaatari camp, Euphrates river."""
        return self.relation == "at" and self.kind in FACILITIES | {"river", "region"}

    @property
    def is_facility(self) -> bool:
        """Whether the phrase names a facility: the facility may be found as a mention of its own."""
        return self.relation == "facility_of" or self.kind in FACILITIES


class MarkedPost(Struct, frozen=True, kw_only=True):
    """A post and all its places."""

    id: str
    lang: str
    style: str  # chatter, report, news, announce, forwarded, tweet, ngo, wire, translit, ...
    home: str | None  # the country that the group writes from
    half: Half
    tags: tuple[str, ...]  # what is hard about it: those of the table and those that follow from the marks
    text: str
    mentions: tuple[Mark, ...]


def load_posts(half: Half | None = None) -> list[MarkedPost]:
    """The posts of a half, or all of them, in the order of the tables.

    >>> len(load_posts("dev")) + len(load_posts("test")) == len(load_posts())
    True
    """
    return [post for post in _all_posts() if half in {None, post.half}]


def spots() -> Mapping[str, Spot]:
    """The key table.  Raises ValueError, naming the line, where a key stands twice or a cell is no number."""
    found: dict[str, Spot] = {}
    for number, row in _rows(FOLDER / "keys.tsv"):
        try:
            key, name_ar, name_en, kind, country, lat, lon, source = row
            spot = Spot(key, name_ar, name_en, kind, _none(country), float(lat), float(lon), source)
        except ValueError as error:
            raise ValueError(f"keys.tsv, line {number}: {error}") from error
        if found.setdefault(spot.key, spot) is not spot:
            raise ValueError(f"keys.tsv, line {number}: the key {spot.key} stands twice")
    return found


def half_of(post_id: str) -> Half:
    """Which half a post is in, by a hash of its id: editing a text leaves it where it is.

    >>> half_of("ar-001"), half_of("ar-003")
    ('test', 'dev')
    """
    return "test" if hashlib.sha256(post_id.encode()).digest()[0] % 2 else "dev"


def read_marks(marked: str, known: Mapping[str, Spot]) -> tuple[str, tuple[Mark, ...]]:
    r"""The text without marks, and what they say.

    `[name|key]` marks a name, `{type word [name|key] direction|relation}` the phrase around it, `[~name|key]`
    a name that counts neither way, `[name|?]` or `[name|?SY]` one that the text leaves open (in Syria).
    `\n` is a new line.

    >>> known = {"hama": Spot("hama", "حماة", "Hama", "city", "SY", 35.13, 36.75, "")}
    >>> text, (mark,) = read_marks("10 km {north of [Hama|hama]|north_of}.", known)
    >>> text[mark.start : mark.end], text[mark.phrase_start : mark.phrase_end], mark.relation
    ('Hama', 'north of Hama', 'north_of')

    Raises ValueError for marks that are not balanced and for unknown keys.
    """
    marked = marked.replace("\\n", "\n")
    text, at, marks = "", 0, list[Mark]()
    name_from = phrase_from = -1
    phrase_first = 0  # the first mark inside the phrase
    tail = ""  # what follows the bar: a key or a relation
    for piece in _MARK.finditer(marked):
        text += marked[at : piece.start()]
        at = piece.end()
        match piece.group():
            case "[" if name_from < 0:
                name_from = len(text)
            case "{" if phrase_from < 0 and name_from < 0:
                phrase_from, phrase_first = len(text), len(marks)
            case "]" if name_from >= 0 and tail:
                optional = text[name_from : name_from + 1] == "~"
                text = text[:name_from] + text[name_from + optional :]
                marks.append(_mark(text, name_from, tail[1:], optional, known))
                name_from, tail = -1, ""
            case "}" if phrase_from >= 0 and name_from < 0 and len(marks) == phrase_first + 1:
                marks[-1] = msgspec.structs.replace(
                    marks[-1], phrase_start=phrase_from, phrase_end=len(text), relation=tail[1:] or "at"
                )
                phrase_from, tail = -1, ""
            case bar if bar.startswith("|"):
                tail = bar
            case bracket:
                raise ValueError(f"{bracket!r} after {text[-20:]!r} does not belong there")
    if name_from >= 0 or phrase_from >= 0:
        raise ValueError(f"an open mark in {marked!r}")
    return text + marked[at:], tuple(marks)


def _mark(text: str, start: int, key: str, optional: bool, known: Mapping[str, Spot]) -> Mark:
    end, is_open = len(text), key.startswith("?")
    if not is_open and key not in known:
        raise ValueError(f"the key {key!r} is not in keys.tsv")
    spot = None if is_open else known[key]
    return Mark(
        start=start,
        end=end,
        phrase_start=start,
        phrase_end=end,
        surface=text[start:end],
        key=spot.key if spot else None,
        lat=spot.lat if spot else None,
        lon=spot.lon if spot else None,
        kind=spot.kind if spot else None,
        country=spot.country if spot else key[1:] or None,
        relation=None,
        ambiguous=is_open,
        optional=optional,
    )


@cache
def _all_posts() -> tuple[MarkedPost, ...]:
    known = spots()
    return tuple(post for lang in LANGUAGES for post in _posts(lang, known))


def _posts(lang: str, known: Mapping[str, Spot]) -> Iterator[MarkedPost]:
    path = FOLDER / f"posts_{lang}.tsv"
    for number, row in _rows(path):
        try:
            post_id, style, home, tags, marked = row
            text, mentions = read_marks(marked, known)
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from error
        yield MarkedPost(
            id=post_id,
            lang=lang,
            style=style,
            home=_none(home),
            half=half_of(post_id),
            tags=(*([] if tags == "-" else tags.split(",")), *_tags(text, mentions)),
            text=text,
            mentions=mentions,
        )


def _tags(text: str, mentions: Sequence[Mark]) -> Iterator[str]:
    """What follows from the marks."""
    asked = [mark for mark in mentions if not mark.optional]
    told = {mark.relation for mark in asked}
    before = [text[mark.start - 1 : mark.start] for mark in asked]
    has = {
        "facility": "facility_of" in told
        or any(mark.kind in {"crossing", "airport", "dam"} for mark in asked),
        "direction": bool(told - {None, "at", "facility_of"}),
        "hashtag": "#" in before,
        "clitic": any(letter.isalpha() for letter in before),
        "list": len(asked) >= 3,
        "area": any(mark.is_area and mark.kind != "country" for mark in asked),
        "country": any(mark.kind == "country" for mark in asked),
        "silent": not asked,
    }
    return (tag for tag, holds in has.items() if holds)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, cells) below the head row; lines that begin with `# ` are notes."""
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line and line[:2] != "# "]
    return iter(rows[1:])


def _none(cell: str) -> str | None:
    return None if cell == "-" else cell


def main(words: Sequence[str]) -> None:
    for post in load_posts("dev" if "dev" in words else None):
        row = msgspec.to_builtins(post)
        row["mentions"] = [{**mention, "type": mention["kind"]} for mention in row["mentions"]]
        print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
