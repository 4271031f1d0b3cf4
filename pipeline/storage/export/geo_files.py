"""Mentions of places as GeoJSON (RFC 7946) and as GeoParquet 1.1: WGS 84, longitude before latitude."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.storage.export.cells import plain
from pipeline.storage.export.streams import Note, Stream, Watch

_POINT: Final = np.dtype([("order", "u1"), ("kind", "<u4"), ("lon", "<f8"), ("lat", "<f8")])  # WKB
_BOX: Final = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])
_GROUP: Final = 16_384  # rows of a row group


def write_geojson(path: Path, table: Stream, watch: Watch) -> tuple[int, list[Note]]:
    """A FeatureCollection, one Feature a mention and one line each; its box stands at the end.

    A mention without coordinates is a Feature without geometry, as RFC 7946 has it.
    """
    rows = bare = 0
    box = _Box()
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","name":"places","features":[')
        for batch in table.batches():
            shown = _with_texts(batch)
            lines = []
            for values in shown.to_pylist():
                lat, lon = values.pop("lat"), values.pop("lon")
                known = lat is not None and lon is not None
                bare += not known
                feature = {
                    "type": "Feature",
                    "id": values["mention"],
                    "geometry": {"type": "Point", "coordinates": [lon, lat]} if known else None,
                    "properties": values,
                }
                lines.append(msgspec.json.encode(feature))
            box.add(batch)
            file.write((b",\n" if rows else b"\n") + b",\n".join(lines))
            rows += len(batch)
            watch(table.name, rows)
        file.write(b"\n]")
        if box.edges:
            file.write(b',"bbox":' + msgspec.json.encode(box.edges))
        file.write(b"}\n")
    return rows, _bare_note(table, bare)


def write_geoparquet(path: Path, table: Stream, watch: Watch) -> tuple[int, list[Note]]:
    """The table with a column `geometry` (WKB) and one of boxes that readers skip row groups by."""
    columns = [
        *table.schema,
        pa.field("geometry", pa.binary(), metadata={b"note": b"the point, WKB"}),
        pa.field("bbox", _BOX, metadata={b"note": b"the same point as a box, for filters"}),
    ]
    schema = pa.schema(columns)
    box = _Box()
    rows = bare = 0
    waiting: list[pa.Table] = []
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3) as writer:
        for batch in table.batches():
            points, boxes = _points(batch)
            bare += points.null_count
            waiting.append(pa.Table.from_arrays([*batch.columns, points, boxes], schema=schema))
            if sum(map(len, waiting)) >= _GROUP:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting.clear()
            box.add(batch)
            rows += len(batch)
            watch(table.name, rows)
        if waiting:
            writer.write_table(pa.concat_tables(waiting).combine_chunks())
        writer.add_key_value_metadata({"geo": json.dumps(_geo_metadata(box.edges))})
    return rows, _bare_note(table, bare)


def _geo_metadata(edges: list[float] | None) -> dict[str, Any]:
    """The key `geo` of GeoParquet 1.1; without `crs` the coordinates are OGC:CRS84, WGS 84 as lon, lat."""
    geometry: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "covering": {"bbox": {name: ["bbox", name] for name in _BOX.names}},
    }
    if edges:
        geometry["bbox"] = edges
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": geometry}}


class _Box:
    """The smallest box around all points; None while there is none."""

    def __init__(self) -> None:
        self.edges: list[float] | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        known = pc.and_(pc.is_valid(batch["lat"]), pc.is_valid(batch["lon"]))
        lons, lats = pc.min_max(batch["lon"].filter(known)), pc.min_max(batch["lat"].filter(known))
        if lons["min"].as_py() is None:
            return
        west, south, east, north = (
            edge.as_py() for edge in (lons["min"], lats["min"], lons["max"], lats["max"])
        )
        was = self.edges or [west, south, east, north]
        self.edges = [min(was[0], west), min(was[1], south), max(was[2], east), max(was[3], north)]


def _points(batch: pa.RecordBatch) -> tuple[pa.Array, pa.Array]:
    """Points as WKB and as boxes; null where a coordinate is."""
    unknown = np.array(pc.or_(pc.is_null(batch["lat"]), pc.is_null(batch["lon"])))
    lats, lons = (batch[name].fill_null(0.0) for name in ("lat", "lon"))
    raw = np.zeros(len(batch), _POINT)
    raw["order"], raw["kind"], raw["lon"], raw["lat"] = 1, 1, np.array(lons), np.array(lats)
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_POINT.itemsize), len(batch), [None, pa.py_buffer(raw.tobytes())]
    )
    missing = pa.array(unknown)
    points = pc.if_else(missing, None, fixed.cast(pa.binary()))
    boxes = pa.StructArray.from_arrays([lons, lats, lons, lats], fields=list(_BOX), mask=missing)
    return points, boxes


def _with_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Times and days as ISO 8601; lists and structs as they are, which JSON has."""
    columns = [column if pa.types.is_nested(column.type) else plain(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _bare_note(table: Stream, bare: int) -> list[Note]:
    return [Note(table.name, f"{bare:,} mentions have no coordinates and no geometry")] if bare else []
