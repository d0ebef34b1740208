"""Rows of the tile table as text for COPY, a chunk of tiles at a time."""

import numpy as np
import numpy.typing as npt

from earthgql.errors import IngestError
from earthgql.imagery.grid import MAX_ZOOM, Bounds, TileIndex, area_m2
from earthgql.ingest.scene_source import Integers, TileChunk

COLUMNS = ("scene_id", "z", "x", "y", "footprint", "area_m2", "path", "fingerprint")
_EWKB_POLYGON_WITH_SRID = 0x20000003
_EWKB = np.dtype(
    [
        ("order", "u1"),
        ("type", "<u4"),
        ("srid", "<u4"),
        ("rings", "<u4"),
        ("points", "<u4"),
        ("ring", "<f8", (5, 2)),
    ]
)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def check_in_grid(chunk: TileChunk) -> None:
    """Check that all tiles are in the grid.

    Raises:
        IngestError: naming the first that is not.
    """
    z, x, y = chunk.zoom, chunk.x, chunk.y
    bad = (z < 0) | (z > MAX_ZOOM)
    cells = np.int64(1) << np.where(bad, 0, z)
    bad |= (x < 0) | (x >= cells) | (y < 0) | (y >= cells)
    if bad.any():
        i = int(np.argmax(bad))
        raise IngestError(f"tile z={z[i]} x={x[i]} is not in the grid (row {y[i]} from the north)")


def tile_edges(chunk: TileChunk) -> npt.NDArray[np.float64]:
    """Return west, south, east, north of tiles: ``float64 [n, 4]``, degrees, EPSG:4326."""
    cells = np.exp2(chunk.zoom)
    west, east = chunk.x / cells * 360 - 180, (chunk.x + 1) / cells * 360 - 180
    north, south = (
        np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / cells))))
        for row in (chunk.y, chunk.y + 1)
    )
    return np.stack([west, south, east, north], axis=1)


def tile_areas(zoom: Integers, y: Integers) -> npt.NDArray[np.float64]:
    """Return geodesic areas, ``float64 [n]``, square metres; zoom and row alone determine them."""
    keys, place = np.unique((zoom << (MAX_ZOOM + 1)) | y, return_inverse=True)
    rows = ((int(key) >> (MAX_ZOOM + 1), int(key) & ((2 << MAX_ZOOM) - 1)) for key in keys)
    return np.array([area_m2(TileIndex(z, 0, row)) for z, row in rows])[place]


def footprints_ewkb(edges: npt.NDArray[np.float64]) -> list[str]:
    """Return footprints as hexadecimal EWKB polygons, counter-clockwise, SRID 4326.

    Args:
        edges: as ``tile_edges`` returns them.
    """
    polygons = np.zeros(len(edges), dtype=_EWKB)
    polygons["order"], polygons["type"], polygons["srid"] = 1, _EWKB_POLYGON_WITH_SRID, 4326
    polygons["rings"], polygons["points"] = 1, 5
    polygons["ring"] = edges[:, [[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]
    text, size = polygons.tobytes().hex(), 2 * _EWKB.itemsize
    return [text[i : i + size] for i in range(0, len(text), size)]


def copy_text(scene_id: int, chunk: TileChunk, edges: npt.NDArray[np.float64]) -> bytes:
    """Return the rows of a chunk in COPY's text format, columns as in ``COLUMNS``."""
    count = len(chunk.x)
    paths = ["\\N"] * count if chunk.paths is None else [p.translate(_ESCAPES) for p in chunk.paths]
    fingerprints = ["\\N"] * count
    if chunk.fingerprints is not None:
        fingerprints = [
            "\\N" if fingerprint is None else fingerprint for fingerprint in chunk.fingerprints
        ]
    rows = zip(
        chunk.zoom.tolist(),
        chunk.x.tolist(),
        chunk.y.tolist(),
        footprints_ewkb(edges),
        tile_areas(chunk.zoom, chunk.y).tolist(),
        paths,
        fingerprints,
        strict=True,
    )
    lines = [f"{scene_id}\t{z}\t{x}\t{y}\t{f}\t{a}\t{p}\t{q}\n" for z, x, y, f, a, p, q in rows]
    try:
        return "".join(lines).encode()
    except UnicodeEncodeError:
        bad = next(p for p in paths if not p.isprintable())
        raise IngestError(f"{bad!r}: names of pictures must be UTF-8") from None


class TileSummary:
    """Number, zooms and bounds of tiles that are added chunk by chunk.

    If tiles lie on both sides of the antimeridian with more than half the world empty between
    them, the scene crosses it: the bounds then extend beyond 180 instead of around the world.
    """

    def __init__(self) -> None:
        self.count = 0
        self.zooms: set[int] = set()
        self._south, self._north = 90.0, -90.0
        self._west, self._east = 180.0, -180.0
        self._first_east, self._last_west = 180.0, -180.0

    def add(self, chunk: TileChunk, edges: npt.NDArray[np.float64]) -> None:
        """Add a chunk and the edges of its tiles."""
        if not len(edges):
            return
        self.count += len(edges)
        self.zooms.update(np.unique(chunk.zoom).tolist())
        west, south, east, north = edges.T
        self._south = min(self._south, float(south.min()))
        self._north = max(self._north, float(north.max()))
        self._west = min(self._west, float(west.min()))
        self._east = max(self._east, float(east.max()))
        eastern = west >= 0
        if eastern.any():
            self._first_east = min(self._first_east, float(west[eastern].min()))
        if not eastern.all():
            self._last_west = max(self._last_west, float(east[~eastern].max()))

    def bounds(self) -> Bounds:
        """Return the bounds in degrees; east is above 180 if they cross the antimeridian."""
        around = self._west <= -180 and self._east >= 180
        if around and self._first_east - self._last_west > 180:
            return Bounds(self._first_east, self._south, self._last_west + 360, self._north)
        return Bounds(self._west, self._south, self._east, self._north)
