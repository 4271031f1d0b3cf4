"""The compiled gazetteer: places and the keys of their names as arrays in a folder, ready to be mapped.

Keys are kept as 64-bit hashes.  A posting is the number of a place; the postings of a key lie side by side.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.places.keys import is_arabic, k0, k1, k2, latin_words, spelling, spellings
from pipeline.places.layers import AREAS, KINDS, Note
from pipeline.places.merge import Merged
from pipeline.places.names import ARAB, is_pure_arabic

STRINGS: Final = ("place_id", "name", "name_ar", "name_en", "country", "admin1", "admin2", "source")
MIN_K1: Final = 4
MIN_K2: Final = 4
SHORT_K1: Final = 3  # tiers of keys that are too short for running text, and good for a look-up
SHORT_K2: Final = 4
MAX_WORDS: Final = 6
KEPT_PACKS: Final = 6


def key_hash(tier: int, key: str) -> int:
    """What stands for a key in the index."""
    digest = hashlib.blake2b(f"{tier}{key}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def write_pack(
    folder: Path,
    compiled: Path,
    places: Sequence[Merged],
    *,
    digest: str,
    home: Sequence[str],
    region: frozenset[str],
    notes: Sequence[Note],
) -> None:
    """Write the pack beside its place and rename it there; the second at the same pack leaves the first."""
    arrays = _arrays(places, region)
    folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".gazetteer-", dir=folder))
    try:
        for name, values in arrays.items():
            np.save(staged / f"{name}.npy", values)
        meta = {"digest": digest, "home": sorted(home), "places": len(places), "layers": notes}
        (staged / "meta.json").write_bytes(msgspec.json.encode(meta))
        staged.chmod(0o755)
        try:
            os.rename(staged, compiled)  # noqa: PTH104  fails where another process was first, and that is fine
        except OSError:
            if not (compiled / "meta.json").exists():
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _prune(folder, compiled)


def _prune(folder: Path, compiled: Path) -> None:
    """Keep the packs that were used last, and this one; who has another one mapped can go on with it."""
    packs = sorted(folder.glob("gazetteer-*"), key=lambda pack: pack.stat().st_mtime_ns, reverse=True)
    for pack in packs[KEPT_PACKS:]:
        if pack != compiled:
            shutil.rmtree(pack, ignore_errors=True)


def _arrays(places: Sequence[Merged], region: frozenset[str]) -> dict[str, NDArray[Any]]:
    rows = [place.row for place in places]
    hashes, postings = array("Q"), array("I")
    heads: dict[int, int] = {}
    forms: list[bytes] = []
    for number, place in enumerate(places):
        near = place.row.curated or place.row.country in region
        seen: set[int] = set()
        spelled: list[str] = []
        for form in place.forms:
            if len(form) > MAX_WORDS or len({is_arabic(word) for word in form}) > 1:
                continue
            spelled.append(" ".join(form))
            for tier, key in _keys(form, near):
                hashed = key_hash(tier, key)
                if hashed not in seen:
                    seen.add(hashed)
                    hashes.append(hashed)
                    postings.append(number)
            for tier, key, more in _beginnings(form, near):
                hashed = key_hash(tier, key)
                heads[hashed] = max(heads.get(hashed, 0), more)
        forms.append("\n".join(spelled).encode("utf-8", "replace") if near else b"")
    keys, numbers = np.frombuffer(hashes, dtype=np.uint64), np.frombuffer(postings, dtype=np.uint32)
    order = np.lexsort((numbers, keys))
    distinct, starts = np.unique(keys[order], return_index=True)
    head_order = sorted(heads)
    texts = [
        text.encode("utf-8", "replace")
        for row in rows
        for text in (
            row.place_id, row.name_en or row.name_ar, row.name_ar, row.name_en,
            row.country, row.admin1, row.admin2, row.source,
        )
    ]  # fmt: skip
    return {
        "hashes": distinct,
        "bounds": np.append(starts, keys.size).astype(np.uint32),
        "postings": numbers[order],
        "heads": np.array(head_order, dtype=np.uint64),
        "head_words": np.array([heads[key] for key in head_order], dtype=np.uint8),
        "lat": np.array([row.lat for row in rows], dtype=np.float64),
        "lon": np.array([row.lon for row in rows], dtype=np.float64),
        "population": np.array([row.population for row in rows], dtype=np.int64),
        "prior": np.array([row.prior for row in rows], dtype=np.float64),
        "curated": np.array([row.curated for row in rows], dtype=np.uint8),
        "native": np.array(
            [row.country in ARAB and is_pure_arabic(row.name_ar) for row in rows], dtype=np.uint8
        ),
        "centroid": np.array([row.kind in AREAS for row in rows], dtype=np.uint8),
        "layer": np.array([place.layers[0] for place in places], dtype=np.uint8),
        "kind": np.array([KINDS.index(row.kind) for row in rows], dtype=np.uint8),
        "strings": np.frombuffer(b"".join(texts), dtype=np.uint8),
        "string_bounds": _bounds(texts),
        "forms": np.frombuffer(b"".join(forms), dtype=np.uint8),
        "form_bounds": _bounds(forms),
    }


def _bounds(texts: Sequence[bytes]) -> NDArray[np.uint32]:
    return np.cumsum(np.fromiter(chain([0], map(len, texts)), dtype=np.uint32), dtype=np.uint32)


def _keys(form: list[str], near: bool) -> Iterator[tuple[int, str]]:
    """(tier, key) under which a name is found."""
    letters = k0(form)
    arabic = is_arabic(form[0])
    if len(letters) < (2 if arabic or near else 3):
        return
    yield 0, letters
    if not near:
        return
    for way in spellings(form):
        if not arabic and (key := k1(way)):
            yield (1 if len(key) >= MIN_K1 else SHORT_K1), key
        skeleton = k2(way)
        if len(skeleton) > 1:
            yield (2 if len(skeleton) >= (MIN_K2 if len(form) == 1 else 3) else SHORT_K2), skeleton


def _beginnings(form: list[str], near: bool) -> Iterator[tuple[int, str, int]]:
    """(tier, key of the first words, number of words that follow), so that a search knows when to go on."""
    for count in range(1, len(form)):
        yield 0, k0(form[:count]), len(form) - count
    if is_arabic(form[0]):
        letters = k0(form)
        for head in spelling().joined_heads if len(form) == 1 else ():
            if letters.startswith(head) and len(letters) - len(head) >= 2:
                yield 0, head, 1
    elif near:
        words = latin_words(form)
        for count in range(1, len(words)):
            yield 1, k1(words[:count]), len(words) - count
