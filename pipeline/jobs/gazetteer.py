"""Layers of the gazetteer are added, listed and removed here; from the next command on they are used."""

from __future__ import annotations

import bz2
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Final

from pipeline.config import country
from pipeline.errors import ConfigError, MarsadError
from pipeline.places.fetch import Downloads, FetchError
from pipeline.places.layers import Note, Row, layer_file, layer_name, layers_in, read_note, write_layer
from pipeline.places.sources import geonames, table, whosonfirst

Say = Callable[[str], object]
LARGEST_DATABASE: Final = 16 << 30  # bytes, unpacked


def add_whosonfirst(
    folder: Path,
    countries: Sequence[str],
    downloads: Downloads,
    *,
    origin: Path | None = None,
    mirror: str | None = None,
    say: Say = print,
) -> list[Note]:
    """Add Who's On First, one layer a country: from its distribution, or from `origin` on this machine.

    `origin` is a checkout or a bundle of whosonfirst-data-admin-xx, a SQLite distribution or a table; it may
    hold several countries, and `countries` then keeps some of them.  Raises `ConfigError` or `FetchError`;
    a layer that was there before then stays as it was.
    """
    codes = [country(code.upper()) for code in countries]
    if origin is not None:
        skipped: Counter[str] = Counter()
        by_country: dict[str, list[Row]] = {}
        for row in whosonfirst.read(origin, codes, skipped):
            by_country.setdefault(row.country, []).append(row)
        missing = [code for code in codes if code not in by_country]
        if missing or not by_country:
            raise ConfigError(f"{origin}: no place of {', '.join(missing) or 'any country'} in it")
        made = [(origin.name, _digest(origin))]
        return [
            _write(folder, _whosonfirst_note(code, made, skipped), rows)
            for code, rows in sorted(by_country.items())
            if code
        ]
    if not codes:
        raise ConfigError("name the countries to add, such as: marsad gazetteer add whosonfirst sy lb iq")
    base = mirror.rstrip("/") if mirror else whosonfirst.INVENTORY.rpartition("/")[0]
    announced = _announced(f"{base}/inventory.json", downloads, say)
    return [_add_distribution(folder, code, base, announced, downloads) for code in codes]


def _announced(url: str, downloads: Downloads, say: Say) -> dict[str, str]:
    """Digests of the files, as the publisher's inventory tells them."""
    try:
        listed = downloads.json(url)
    except FetchError as failed:
        say(f"no checksums: {failed}")
        return {}
    found = listed if isinstance(listed, list) else []
    return {
        str(one["name_compressed"]): str(one["sha256_compressed"])
        for one in found
        if isinstance(one, dict) and one.get("name_compressed") and one.get("sha256_compressed")
    }


def _add_distribution(
    folder: Path, code: str, base: str, announced: dict[str, str], downloads: Downloads
) -> Note:
    name = whosonfirst.DISTRIBUTION.rpartition("/")[2].format(code.lower())
    packed = downloads.file(f"{base}/{name}", announced.get(name))
    database = packed.with_suffix("")  # without .bz2
    try:
        _unpack(packed, database)
        skipped: Counter[str] = Counter()
        rows = list(whosonfirst.read(database, [code], skipped))
        note = _whosonfirst_note(code, [(name, _digest(packed))], skipped, f"{base}/{name}")
        return _write(folder, note, rows)
    finally:
        packed.unlink(missing_ok=True)
        database.unlink(missing_ok=True)


def _unpack(packed: Path, target: Path) -> None:
    try:
        with bz2.open(packed, "rb") as source, target.open("wb") as file:
            while piece := source.read(1 << 20):
                file.write(piece)
                if file.tell() > LARGEST_DATABASE:
                    raise ConfigError(f"{packed.name}: more than {LARGEST_DATABASE:,} bytes unpacked")
    except (OSError, EOFError) as wrong:
        raise FetchError(f"{packed.name} cannot be unpacked ({wrong}); nothing was changed") from wrong


def _whosonfirst_note(
    code: str, made: Sequence[tuple[str, str]], skipped: Counter[str], url: str = "https://whosonfirst.org"
) -> Note:
    return Note(
        name=f"whosonfirst-{code.lower()}",
        title=whosonfirst.TITLE,
        licence=whosonfirst.LICENCE,
        attribution=whosonfirst.ATTRIBUTION,
        url=url,
        skipped=dict(sorted(skipped.items())),
        files=tuple(made),
        rank=2,
    )


def add_geonames(
    folder: Path,
    countries: Sequence[str],
    downloads: Downloads,
    *,
    origin: Path | None = None,
    names: Path | None = None,
    mirror: str | None = None,
) -> list[Note]:
    """Add GeoNames, one layer a country: the dump and the alternate names from its server, or from `origin`.

    `origin` is SY.zip or SY.txt, or a folder with it and with alternatenames/SY.zip; `names` is a file of
    alternate names, of the country or of the world.  Raises as `add_whosonfirst` does.
    """
    codes = [country(code.upper()) for code in countries]
    if not codes:
        raise ConfigError("name the countries to add, such as: marsad gazetteer add geonames SY")
    if origin is not None and origin.is_file() and len(codes) > 1:
        raise ConfigError(f"{origin} is one file; name its one country")
    return [_add_dump(folder, code, downloads, origin=origin, names=names, mirror=mirror) for code in codes]


def _add_dump(
    folder: Path,
    code: str,
    downloads: Downloads,
    *,
    origin: Path | None,
    names: Path | None,
    mirror: str | None,
) -> Note:
    fetched: list[Path] = []
    try:
        url = geonames.DUMP.format(code)
        if origin is None:
            base = mirror.rstrip("/") if mirror else url.rpartition("/")[0]
            url = f"{base}/{code}.zip"
            dump = downloads.file(url)
            dump = dump.replace(dump.with_name(f"geonames-{code}.zip"))  # the names have the same file name
            fetched.append(dump)
            names = names or downloads.file(f"{base}/alternatenames/{code}.zip")
            fetched.append(names) if names.parent == downloads.folder else None
        else:
            dump = origin if origin.is_file() else _first(origin, (f"{code}.zip", f"{code}.txt"))
            listed = (f"alternatenames/{code}.zip", f"alternatenames/{code}.txt", "alternateNamesV2.zip")
            with suppress(ConfigError):
                names = names or _first(dump.parent, (*listed, "alternateNamesV2.txt"))
        skipped: Counter[str] = Counter()
        rows = [row for row in geonames.read(dump, names, skipped) if row.country == code]
        if not rows:
            raise ConfigError(f"{dump}: no place of {code} in it")
        used = [dump, *([names] if names else [])]
        note = Note(
            name=f"geonames-{code.lower()}",
            title=geonames.TITLE,
            licence=geonames.LICENCE,
            attribution=geonames.ATTRIBUTION,
            url=url,
            skipped=dict(sorted(skipped.items())),
            files=tuple((path.name, _digest(path)) for path in used),
            rank=1,
        )
        return _write(folder, note, rows)
    finally:
        for path in fetched:
            path.unlink(missing_ok=True)


def _first(folder: Path, names: Iterable[str]) -> Path:
    listed = list(names)
    for name in listed:
        if (folder / name).exists():
            return folder / name
    raise ConfigError(f"{folder}: none of {', '.join(listed)} is there")


def add_table(folder: Path, path: Path, name: str | None = None) -> Note:
    """Add a table of the user's own places as a layer; it stands before all others.

    Raises `ConfigError` that names file and line of every bad row; an older layer of the name then stays.
    """
    name = path.name.partition(".")[0] if name is None else name
    layer_file(folder, name)  # refuses a bad name before anything is read
    if name.startswith(("whosonfirst", "geonames")):
        raise ConfigError(f"{name!r} is kept for the public gazetteers; name the layer with --name")
    rows = table.read(path)
    note = Note(
        name=name,
        title=table.TITLE,
        licence="the user's own",
        attribution="",
        files=((path.name, _digest(path)),),
        rank=0,
    )
    return _write(folder, note, rows)


def remove(folder: Path, names: Sequence[str]) -> list[str]:
    """Remove the layers of these names; `whosonfirst` stands for those of all its countries.

    Returns the names that were removed.  Raises `ConfigError` where one is not there; then none is removed.
    """
    added = {layer_name(path): path for path in layers_in(folder)}
    chosen: list[str] = []
    for name in names:
        of_group = [own for own in added if own == name or own.startswith(f"{name}-")]
        if not of_group:
            raise ConfigError(f"no layer {name!r}; added are: {', '.join(added) or 'none'}")
        chosen += of_group
    chosen = list(dict.fromkeys(chosen))
    for name in chosen:
        added[name].unlink(missing_ok=True)
    return chosen


def added_notes(folder: Path) -> list[tuple[Path, Note | MarsadError]]:
    """Every added layer with what it says of itself, or with what is wrong with it."""
    found: list[tuple[Path, Note | MarsadError]] = []
    for path in layers_in(folder):
        try:
            found.append((path, read_note(path)))
        except MarsadError as broken:
            found.append((path, broken))
    return found


def clear_downloads(folder: Path) -> None:
    """Remove the folder of downloads where nothing is left in it to go on with."""
    if folder.is_dir() and not any(folder.iterdir()):
        rmtree(folder, ignore_errors=True)


def _write(folder: Path, note: Note, rows: Iterable[Row]) -> Note:
    note = Note(**{field: getattr(note, field) for field in note.__struct_fields__} | {"added": _today()})
    return write_layer(folder, note, rows)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _digest(path: Path) -> str:
    if path.is_dir():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
