"""The Frictionless description of files: what is in them, column by column, and what they were made from.

Follows Data Package 1 (https://specs.frictionlessdata.io/), whose readers are the most.  What it has no word
for stands under the key `marsad`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from msgspec import Struct

from pipeline.storage.durable import hash_file
from pipeline.storage.export.cells import column_kind
from pipeline.storage.export.streams import note_of
from pipeline.storage.manifest import Manifest
from pipeline.storage.schema import TABLES

_KEYS: Final = {"posts": ["post_id"], "places": ["mention"], "dates": ["mention"]}
_GAZETTEERS: Final = (
    {"title": "GeoNames (CC BY 4.0)", "path": "https://www.geonames.org/"},
    {"title": "Who's On First (CC BY 4.0)", "path": "https://whosonfirst.org/"},
    {"title": "Unicode CLDR", "path": "https://cldr.unicode.org/"},
)
_MEDIA: Final = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


class Piece(Struct, frozen=True, kw_only=True):
    """A file to be described: one table, or what it holds of one source."""

    table: str
    schema: pa.Schema
    path: Path
    rows: int
    source: str | None = None


def datapackage(
    manifest: Manifest,
    pieces: Sequence[Piece],
    folder: Path,
    *,
    filters: Mapping[str, str] | None = None,
    licence: str | None = None,
) -> dict[str, Any]:
    """The description of files that lie in `folder` or below; ready for JSON.

    `licence` is what the publisher lets others do, by its Open Definition or SPDX name; nobody else can
    say, so that without it the key is left out.
    """
    tables = {piece.table for piece in pieces}
    names: dict[str, None] = {}
    resources = []
    for piece in pieces:
        name = _name(piece, names)
        names[name] = None
        resources.append(_resource(piece, name, folder, tables))
    package: dict[str, Any] = {
        "profile": "data-package",
        "name": f"marsad-dataset-{manifest.number}",
        "title": f"marsad dataset, version {manifest.number}",
        "description": "Posts of exported groups, with the places and dates that their words name.  Every "
        "mention points into the text of its post, and every post to the bytes that it was read from.",
        "version": str(manifest.number),
        "created": manifest.created.isoformat().replace("+00:00", "Z"),
        "sources": [{"title": f"exports of {name}"} for name in manifest.sources] + list(_GAZETTEERS),
        "resources": resources,
        "marsad": {
            "code_version": manifest.code_version,
            "tables_digest": manifest.tables_digest,
            "gazetteer_digest": manifest.gazetteer_digest,
            "filters": dict(filters or {}),
            "inputs": [
                {"source": name, "name": one.name, "sha256": one.sha256, "reader": one.reader}
                for name, state in manifest.sources.items()
                for one in state.inputs
            ],
        },
    }
    if licence is not None:
        package["licenses"] = [{"name": licence}]
    return package


def _resource(piece: Piece, name: str, folder: Path, tables: set[str]) -> dict[str, Any]:
    ending = piece.path.suffix.removeprefix(".")
    resource: dict[str, Any] = {
        "profile": "tabular-data-resource" if ending == "csv" else "data-resource",
        "name": name,
        "title": piece.table if piece.source is None else f"{piece.table} of {piece.source}",
        "path": piece.path.relative_to(folder).as_posix(),
        "format": ending,
        "mediatype": _MEDIA[ending],
        "bytes": piece.path.stat().st_size,
        "hash": f"sha256:{hash_file(piece.path)}",
        "schema": _schema(piece, tables),
        "marsad": {"table": piece.table, "rows": piece.rows},
    }
    if ending == "csv":
        resource["encoding"] = "utf-8"
        resource["dialect"] = {
            "delimiter": ",",
            "lineTerminator": "\r\n",
            "quoteChar": '"',
            "doubleQuote": True,
        }
    return resource


def _schema(piece: Piece, tables: set[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [_field(field) for field in piece.schema],
        "missingValues": [""],
    }
    if piece.table in _KEYS:
        schema["primaryKey"] = _KEYS[piece.table]
    if piece.table in {"places", "dates", "history"} and "posts" in tables and piece.source is None:
        reference = {"resource": "posts", "fields": ["post_id"]}
        schema["foreignKeys"] = [{"fields": ["post_id"], "reference": reference}]
    return schema


def _field(field: pa.Field) -> dict[str, Any]:
    kind = column_kind(
        field.type,
        text="string",
        whole="integer",
        real="number",
        truth="boolean",
        moment="datetime",
        day="date",
        list="array",
        struct="object",
    )
    told: dict[str, Any] = {"name": field.name, "type": kind, "description": note_of(field)}
    if pa.types.is_timestamp(field.type):
        told["format"] = "any"  # with a fraction of the second where it is known
    if not field.nullable:
        told["constraints"] = {"required": True}
    return told


def _name(piece: Piece, taken: Mapping[str, None]) -> str:
    """A name of small Latin letters, digits, `-`, `.` and `_`, as the standard wants it."""
    if piece.source is None:
        return piece.table
    name = f"{piece.table}-{piece.source.lower()}"
    if re.fullmatch(r"[a-z0-9._-]+", name) and name not in taken:
        return name
    return f"{piece.table}-source-{len(taken) + 1}"


def parquet_pieces(manifest: Manifest, files: Mapping[tuple[str, str], Sequence[Path]]) -> list[Piece]:
    """The parquet files of a version, by (table, source)."""
    pieces = []
    for (table, source), paths in files.items():
        assert source in manifest.sources
        pieces += [
            Piece(table=table, schema=TABLES[table], path=path, rows=_rows(path), source=source)
            for path in paths
        ]
    return pieces


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415

    return int(pq.read_metadata(path).num_rows)
