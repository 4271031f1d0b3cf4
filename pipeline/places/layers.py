"""Layers of the gazetteer: places of one origin, each kept as one file with its licence and attribution.

A layer file is gzip over JSON lines: the first line is its `Note`, each further line one `Row`.  It is
written beside its place and renamed into it, so that a reader finds the old layer or the new one, whole.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from pipeline.errors import ConfigError

ENDING: Final = ".places.gz"
KINDS: Final = (
    "country", "governorate", "district", "subdistrict", "city", "town", "village", "quarter", "region",
    "crossing", "airport", "camp", "dam", "river", "mountain", "sea", "island", "facility",
)  # fmt: skip
SETTLEMENTS: Final = frozenset({"city", "town", "village", "quarter"})
UNITS: Final = frozenset({"governorate", "district", "subdistrict"})
AREAS: Final = UNITS | {"country", "region", "river", "mountain", "sea", "island"}  # a point is their middle
CITY: Final = 100_000  # inhabitants
TOWN: Final = 10_000


class Row(Struct, kw_only=True, omit_defaults=True):
    """A place on its way into the index."""

    place_id: str
    kind: str
    name_en: str = ""
    name_ar: str = ""
    names: list[str]  # all, with the two above
    lat: float
    lon: float
    country: str = ""
    admin1: str = ""
    admin2: str = ""
    population: int = 0
    prior: float = 0.0
    curated: bool = False
    source: str
    code: str = ""  # GeoNames admin1 code, until it has a name
    refs: list[str] = []  # ids of the same place elsewhere: gn:163345, wof:890463945


class Note(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a layer says of itself."""

    name: str
    title: str
    licence: str
    attribution: str  # the sentence that whoever publishes from it has to print
    url: str = ""
    countries: tuple[str, ...] = ()
    rows: int = 0
    skipped: dict[str, int] = {}  # why rows of the origin were left out, and how many
    files: tuple[tuple[str, str], ...] = ()  # what it was made of: name and SHA-256
    added: str = ""  # ISO 8601
    rank: int = 2  # 0 the user's own, 1 GeoNames, 2 Who's On First: the lower wins names and points
    sha256: str = ""  # of its rows


def kind_of_settlement(population: int) -> str:
    """city, town or village by the number of inhabitants.

    >>> kind_of_settlement(250_000), kind_of_settlement(0)
    ('city', 'village')
    """
    return "city" if population >= CITY else "town" if population >= TOWN else "village"


def layer_file(folder: Path, name: str) -> Path:
    """Where a layer of this name is kept.

    Raises `ConfigError` where the name is none.
    """
    if not re.fullmatch(r"[\w][\w.-]{0,80}", name):
        allowed = "allowed: letters, digits, _, - and ."
        raise ConfigError(f"{name!r} is not a name of a gazetteer layer; {allowed}")
    return folder / f"{name}{ENDING}"


def layer_name(path: Path) -> str:
    """The name of the layer in a file."""
    return path.name.removesuffix(ENDING)


def layers_in(folder: Path) -> list[Path]:
    """The layer files of a folder, sorted by name; none where there is no folder."""
    return sorted(folder.glob(f"*{ENDING}"), key=layer_name) if folder.is_dir() else []


def write_layer(folder: Path, note: Note, rows: Iterable[Row]) -> Note:
    """Write the rows as the layer `note.name`; it takes the place of an older one in one step.

    Whatever goes wrong while the rows are read, the older layer stays as it was.  Returns the note with the
    count, the countries and the digest of the rows.
    """
    encode = msgspec.json.Encoder().encode
    lines: list[bytes] = []
    countries: set[str] = set()
    for row in rows:
        lines.append(encode(row) + b"\n")
        countries.add(row.country)
    if not lines:
        raise ConfigError(f"gazetteer layer {note.name}: there is no place in it; nothing was added")
    body = b"".join(lines)
    note = msgspec.structs.replace(
        note,
        rows=len(lines),
        countries=tuple(sorted(countries - {""})),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    target = layer_file(folder, note.name)
    folder.mkdir(parents=True, exist_ok=True)
    handle, staged = tempfile.mkstemp(prefix=".layer-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(encode(note) + b"\n", 6, mtime=0))  # a member of its own: quick to read
            file.write(gzip.compress(body, 6, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        Path(staged).chmod(0o644)
        Path(staged).replace(target)
    finally:
        Path(staged).unlink(missing_ok=True)
    return note


def read_note(path: Path) -> Note:
    """What a layer file says of itself.

    Raises `ConfigError` where it cannot be read.
    """
    try:
        with gzip.open(path, "rb") as lines:
            return msgspec.json.decode(lines.readline(1 << 20), type=Note)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as refused:
        raise _broken(path, refused) from refused


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a layer file.

    Raises `ConfigError` where it is cut off or not what was written.
    """
    decoder = msgspec.json.Decoder(Row)
    seen = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as lines:
            note = msgspec.json.decode(lines.readline(1 << 20), type=Note)
            for line in lines:
                seen.update(line)
                yield decoder.decode(line)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as refused:
        raise _broken(path, refused) from refused
    if seen.hexdigest() != note.sha256:
        raise _broken(path, ValueError("its rows are not those that were written"))


def _broken(path: Path, refused: Exception) -> ConfigError:
    name = layer_name(path)
    what = getattr(refused, "strerror", None) or str(refused) or type(refused).__name__
    mend = f"add it again, or remove it with: marsad gazetteer remove {name}"
    return ConfigError(f"gazetteer layer {path} cannot be read ({what}); {mend}")
