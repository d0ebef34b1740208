"""GeoParquet 1.1: a row group a chunk, polygons as WKB, with a column of boxes to search by."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.columns import Columns
from earthgql.imagery import grid

if TYPE_CHECKING:
    import pyarrow as pa

_GEOMETRY = "geometry"
_BOX = "bbox"
_EDGES = ("xmin", "ymin", "xmax", "ymax")
# A polygon of one ring of five positions, little-endian.
_POLYGON = np.dtype(
    [("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("count", "<u4"), ("ring", "<f8", (5, 2))]
)


class _Pieces:
    """Takes what is written, and hands it on piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def write(columns: Columns, chunks: Iterable[Sequence[ExportRow]]) -> Iterator[bytes]:
    """Yield the file piece by piece; what is not all of it lacks the part that readers begin with.

    Coordinates are longitude and latitude, OGC:CRS84.
    """
    import pyarrow.parquet as pq

    schema = _schema(columns)
    pieces = _Pieces()
    writer = pq.ParquetWriter(pieces, schema, compression="zstd")
    for rows in chunks:
        writer.write_table(_table(schema, columns, rows))
        yield pieces.take()
    writer.close()
    yield pieces.take()


def _schema(columns: Columns) -> "pa.Schema":
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
            *((name, pa.float32()) for name in columns.scores),
            (_BOX, pa.struct([(edge, pa.float64()) for edge in _EDGES])),
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
        "covering": {"bbox": {edge: [_BOX, edge] for edge in _EDGES}},
    }
    return {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}


def _table(schema: "pa.Schema", columns: Columns, rows: Sequence[ExportRow]) -> "pa.Table":
    import pyarrow as pa

    told = [columns.of(row) for row in rows]
    for entry, row in zip(told, rows, strict=True):
        entry["acquired_at"], entry["classified_at"] = row.acquired_at, row.computed_at
        entry[_BOX] = dict(zip(_EDGES, grid.tile_bounds(row.index), strict=True))
        entry[_GEOMETRY] = None
    table = pa.Table.from_pylist(told, schema)
    return table.set_column(len(schema) - 1, schema.field(_GEOMETRY), _polygons(rows))


def _polygons(rows: Sequence[ExportRow]) -> "pa.Array":
    import pyarrow as pa

    polygons = np.zeros(len(rows), _POLYGON)
    polygons["order"], polygons["type"], polygons["rings"], polygons["count"] = 1, 3, 1, 5
    polygons["ring"] = [grid.footprint(row.index) for row in rows]
    ends = np.arange(len(rows) + 1, dtype=np.int32) * _POLYGON.itemsize
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(polygons.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(rows), buffers)
