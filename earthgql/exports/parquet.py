"""GeoParquet 1.1: a row group per chunk, footprints as WKB, and a column of bounding boxes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.fields import ExportFields
from earthgql.imagery import grid

if TYPE_CHECKING:
    import pyarrow as pa

_GEOMETRY = "geometry"
_BBOX = "bbox"
_EDGES = ("xmin", "ymin", "xmax", "ymax")
# A polygon of one ring of five positions, little-endian.
_POLYGON = np.dtype(
    [("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("count", "<u4"), ("ring", "<f8", (5, 2))]
)


class _Buffer:
    """A file that pyarrow writes to, from which the new bytes are taken chunk by chunk."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Do nothing: there is no other buffer."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def write_parquet(fields: ExportFields, chunks: Iterable[Sequence[ExportRow]]) -> Iterator[bytes]:
    """Yield GeoParquet; readers refuse a truncated file, which lacks the footer.

    Coordinates are longitude and latitude, OGC:CRS84.
    """
    import pyarrow.parquet as pq

    schema = _schema(fields)
    buffer = _Buffer()
    writer = pq.ParquetWriter(buffer, schema, compression="zstd")
    for rows in chunks:
        writer.write_table(_table(schema, fields, rows))
        yield buffer.take()
    writer.close()
    yield buffer.take()


def _schema(fields: ExportFields) -> "pa.Schema":
    import pyarrow as pa

    time = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            ("id", pa.int64()),
            ("scene", pa.string()),
            ("acquired_at", time),
            ("z", pa.int32()),
            ("x", pa.int32()),
            ("y", pa.int32()),
            ("quadkey", pa.string()),
            ("area_km2", pa.float64()),
            ("model", pa.string()),
            ("classified_at", time),
            ("labels", pa.list_(pa.string())),
            *((name, pa.float32()) for name in (*fields.scores, "domain_distance")),
            (_BBOX, pa.struct([(edge, pa.float64()) for edge in _EDGES])),
            (_GEOMETRY, pa.binary()),
        ],
        metadata={"geo": json.dumps(_geo())},
    )


def _geo() -> dict[str, Any]:
    """The metadata of GeoParquet; without "crs" it is OGC:CRS84."""
    column = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "orientation": "counterclockwise",
        "edges": "planar",
        "covering": {"bbox": {edge: [_BBOX, edge] for edge in _EDGES}},
    }
    return {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}


def _table(schema: "pa.Schema", fields: ExportFields, rows: Sequence[ExportRow]) -> "pa.Table":
    import pyarrow as pa

    values = [fields.values(row) for row in rows]
    for entry, row in zip(values, rows, strict=True):
        entry["acquired_at"], entry["classified_at"] = row.acquired_at, row.computed_at
        entry[_BBOX] = dict(zip(_EDGES, grid.tile_bounds(row.index), strict=True))
        entry[_GEOMETRY] = None
    table = pa.Table.from_pylist(values, schema)
    return table.set_column(len(schema) - 1, schema.field(_GEOMETRY), _polygons(rows))


def _polygons(rows: Sequence[ExportRow]) -> "pa.Array":
    import pyarrow as pa

    polygons = np.zeros(len(rows), _POLYGON)
    polygons["order"], polygons["type"], polygons["rings"], polygons["count"] = 1, 3, 1, 5
    polygons["ring"] = [grid.footprint(row.index) for row in rows]
    ends = np.arange(len(rows) + 1, dtype=np.int32) * _POLYGON.itemsize
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(polygons.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(rows), buffers)
