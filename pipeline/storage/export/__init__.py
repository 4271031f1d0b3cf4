"""Tables of a version as files for other programs; each file appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.storage.export.csv_file import write_csv
from pipeline.storage.export.databases import write_duckdb, write_sqlite
from pipeline.storage.export.datapackage import Piece, datapackage, parquet_pieces
from pipeline.storage.export.geo_files import write_geojson, write_geoparquet
from pipeline.storage.export.streams import Note, Stream, Watch, stream, whole_file
from pipeline.storage.export.workbook import write_xlsx
from pipeline.storage.frames import Loaded
from pipeline.storage.query import Filters
from pipeline.storage.schema import TABLES

ENDINGS: Final = {
    "csv": "csv",
    "xlsx": "xlsx",
    "geojson": "geojson",
    "geoparquet": "parquet",
    "duckdb": "duckdb",
    "sqlite": "sqlite",
}
_BOOKS: Final[dict[str, Callable[..., tuple[dict[str, int], list[Note]]]]] = {
    "xlsx": write_xlsx,
    "duckdb": write_duckdb,
    "sqlite": write_sqlite,
}  # all tables in one file
_MAPS: Final[dict[str, Callable[..., tuple[int, list[Note]]]]] = {
    "geojson": write_geojson,
    "geoparquet": write_geoparquet,
}


class File(Struct, frozen=True):
    """A file that was written."""

    path: Path
    rows: dict[str, int]  # by table
    size: int  # bytes


class Exported(Struct, frozen=True, kw_only=True):
    """What an export wrote, and what the format could not hold as it is."""

    version: int
    format: str
    files: tuple[File, ...]
    notes: tuple[Note, ...]


def export(
    loaded: Loaded,
    format: str,
    tables: Sequence[str],
    out: Path | None,
    wanted: Filters,
    *,
    history: bool = False,
    force: bool = False,
    raw: bool = False,
    licence: str | None = None,
    watch: Watch = lambda _table, _rows: None,
) -> Exported:
    """Write the wanted rows of tables in one of the formats of ENDINGS.

    Without tables: posts, places and dates, or places for the formats of maps, which hold nothing else.
    `history` adds the former texts of edited posts as a table of that name.  `out` is a file, or a folder
    that is there or for several CSV files is made; None is a name in the working folder.  Several CSV files
    get a datapackage.json beside them.  `raw` leaves formulas in CSV as they are.

    Raises `ConfigError` for a wrong call and for files that are there already, unless `force`; `DatasetError`
    for filters that do not fit, and where the dataset cannot be read or the disk refuses.
    """
    if format not in ENDINGS:
        raise ConfigError(f"no format {format!r}; there are: {', '.join(ENDINGS)}")
    is_map = format in _MAPS
    names = list(dict.fromkeys(tables)) or (["places"] if is_map else ["posts", "places", "dates"])
    for name in names:
        if name not in TABLES:
            raise ConfigError(f"no table {name!r}; there are: {', '.join(TABLES)}")
    if is_map and (names != ["places"] or history):
        raise ConfigError(f"{format} holds places alone: other tables have no coordinates")
    if history:
        names.append("history")
    streams = [stream(loaded, name, wanted) for name in names]
    if format in _BOOKS:
        path = _file(out, loaded, format, None)
        with whole_file(path, force=force) as fresh:
            rows, notes = _BOOKS[format](fresh, streams, _about(loaded, wanted), watch)
        return _exported(loaded, format, [(path, rows)], notes)
    if is_map:
        path = _file(out, loaded, format, "places")
        with whole_file(path, force=force) as fresh:
            count, notes = _MAPS[format](fresh, streams[0], watch)
        return _exported(loaded, format, [(path, {"places": count})], notes)
    if len(streams) == 1:
        path = _file(out, loaded, format, names[0])
        with whole_file(path, force=force) as fresh:
            count, notes = write_csv(fresh, streams[0], watch, raw=raw)
        return _exported(loaded, format, [(path, {names[0]: count})], notes)
    folder = Path(f"marsad-{loaded.version}-csv") if out is None else out
    return _csv_folder(loaded, streams, folder, wanted, force, raw, licence, watch)


def describe(loaded: Loaded, out: Path, *, force: bool = False, licence: str | None = None) -> Exported:
    """Write the datapackage.json of a version's own parquet files; `out` lies in the dataset's folder.

    Of `rejected` nothing is told: the quarantine is for those who run the sources.
    Raises `ConfigError` where it lies elsewhere: the description names files below its own folder only.
    """
    root = out.parent.resolve()
    files = {
        (table, source): [path.resolve() for path in loaded.files(table, source)]
        for table in ("posts", "places", "dates")
        for source in loaded.sources
    }
    outside = [path for paths in files.values() for path in paths if not path.is_relative_to(root)]
    if outside:
        raise ConfigError(f"{out}: must lie in the folder of the dataset, above {outside[0]}")
    package = datapackage(loaded.manifest, parquet_pieces(loaded.manifest, files), root, licence=licence)
    _write_json(out, package, force)
    return _exported(loaded, "datapackage", [(out, {})], [])


def _csv_folder(  # noqa: PLR0917
    loaded: Loaded,
    streams: Sequence[Stream],
    folder: Path,
    wanted: Filters,
    force: bool,
    raw: bool,
    licence: str | None,
    watch: Watch,
) -> Exported:
    """One file a table and the description of them all, which is written last."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; several tables need a folder")
    paths = {one.name: folder / f"{one.name}.csv" for one in streams}
    there = [path for path in [*paths.values(), folder / "datapackage.json"] if path.exists()]
    if there and not force:
        raise ConfigError(f"{there[0]}: is there already; --force replaces it, --out names another folder")
    folder.mkdir(parents=True, exist_ok=True)
    notes: list[Note] = []
    pieces = []
    written: list[tuple[Path, dict[str, int]]] = []
    for one in streams:
        with whole_file(paths[one.name], force=force) as fresh:
            rows, told = write_csv(fresh, one, watch, raw=raw)
        notes += told
        pieces.append(Piece(table=one.name, schema=one.schema, path=paths[one.name], rows=rows))
        written.append((paths[one.name], {one.name: rows}))
    manifest = loaded.manifest
    about = _about(loaded, wanted)
    package = datapackage(manifest, pieces, folder, filters=about, licence=licence)
    _write_json(folder / "datapackage.json", package, force)
    written.append((folder / "datapackage.json", {}))
    return _exported(loaded, "csv", written, notes)


def _write_json(path: Path, content: dict[str, Any], force: bool) -> None:
    with whole_file(path, force=force) as fresh:
        fresh.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _file(out: Path | None, loaded: Loaded, format: str, table: str | None) -> Path:
    """The file to write: as it is named, or by a name of ours in the folder that is named."""
    name = f"{table or f'marsad-{loaded.version}'}.{ENDINGS[format]}"
    if out is None:
        return Path(name)
    return out / name if out.is_dir() else out


def _about(loaded: Loaded, wanted: Filters) -> dict[str, str]:
    """What the rows are, in words."""
    manifest = loaded.manifest
    told = {
        "made by": f"marsad {manifest.code_version}",
        "dataset version": str(manifest.number),
        "published": manifest.created.isoformat(),
        "sources": ", ".join(loaded.sources if wanted.source is None else wanted.source),
        "times": "UTC, but posted_local is the clock of the source's zone",
        "coordinates": "WGS 84 degrees",
        "since": wanted.since.isoformat() if wanted.since else "",
        "until": f"before {wanted.until.isoformat()}" if wanted.until else "",
        "language": ", ".join(wanted.language or ()),
        "place": ", ".join(wanted.place or ()),
        "bbox": ", ".join(map(str, wanted.bbox or ())),
    }
    return {key: value for key, value in told.items() if value}


def _exported(
    loaded: Loaded, format: str, files: Sequence[tuple[Path, dict[str, int]]], notes: Sequence[Note]
) -> Exported:
    return Exported(
        version=loaded.version,
        format=format,
        files=tuple(File(path, rows, path.stat().st_size) for path, rows in files),
        notes=tuple(notes),
    )
