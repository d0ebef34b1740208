"""Vector tiles read with GDAL's MVT driver."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyogrio
from shapely import from_wkb

from earthgql.imagery.grid import HALF_WORLD_M

_UNIT_M = 2 * HALF_WORLD_M / 4096


@dataclass(frozen=True)
class Feature:
    """A feature of a tile.

    Attributes:
        id: its number, if it has one.
        box: west, north, east, south, in units from the tile's north-west corner.
        clockwise: whether its outline goes round clockwise, as an outer ring should.
        properties: by name.
    """

    id: int | None
    box: tuple[float, float, float, float]
    clockwise: bool
    properties: dict[str, Any]


def read_tile(body: bytes, layer: str = "labels") -> list[Feature]:
    """The features of an encoded tile, in their order."""
    if not body:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tile.pbf"
        path.write_bytes(body)
        # Read as the tile of the world, of which the size of a unit is known.
        _, table = pyogrio.read_arrow(path, layer=layer, X="0", Y="0", Z="0", CLIP="NO")
    return [_feature(row) for row in table.to_pylist()]


def _feature(row: dict[str, Any]) -> Feature:
    polygon = from_wkb(row.pop("wkb_geometry"))
    number = row.pop("mvt_id", None)
    properties = {name: value for name, value in row.items() if value is not None}
    west, south, east, north = polygon.bounds
    edges = (west + HALF_WORLD_M, HALF_WORLD_M - north, east + HALF_WORLD_M, HALF_WORLD_M - south)
    # To the float32 of GDAL's reader; what is whole is exactly so then.
    box = tuple(round(edge / _UNIT_M, 6) for edge in edges)
    return Feature(number, box, not polygon.exterior.is_ccw, properties)
