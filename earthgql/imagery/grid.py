"""The tile grid WebMercatorQuad: longitudes and latitudes to tiles and back.

Coordinates are degrees in EPSG:4326, longitude first; tiles count x from 180 degrees west and y
from the north (XYZ). The grid ends at latitude ``MAX_LAT``: positions beyond it belong to no
tile. Formulas are the closed ones of the OGC Two Dimensional Tile Matrix Set standard (annex D.1);
the tests hold them against morecantile, which is too slow to call once per row of an ingest.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from earthgql.errors import BadInputError, shortened

MAX_ZOOM = 24
MAX_LON = 540.0
"""Web maps that are panned round the world give longitudes beyond 180; none as far as this."""
MAX_LAT = math.degrees(2 * math.atan(math.exp(math.pi)) - math.pi / 2)
HALF_WORLD_M = math.pi * 6378137.0
TILE_PIXELS = 256

_WGS84_A = 6378137.0
_WGS84_F = 1 / 298.257223563
WGS84_E = math.sqrt(_WGS84_F * (2 - _WGS84_F))
WGS84_B_SQUARED = (_WGS84_A * (1 - _WGS84_F)) ** 2
# A viewport's edge this near (in cells of MAX_ZOOM, micrometres) to a cell's edge lies on it.
_SNAP = 1e-6


class LonLat(NamedTuple):
    """A position, in degrees, EPSG:4326."""

    lon: float
    lat: float


class Bounds(NamedTuple):
    """A rectangle of longitudes and latitudes, in degrees, EPSG:4326."""

    west: float
    south: float
    east: float
    north: float


class TileIndex(NamedTuple):
    """A tile of WebMercatorQuad; y counts from the north (XYZ)."""

    z: int
    x: int
    y: int


class CellRange(NamedTuple):
    """The cells of ``MAX_ZOOM`` from ``x0, y0`` to ``x1, y1``, both included."""

    x0: int
    y0: int
    x1: int
    y1: int


WORLD = (Bounds(-180.0, -90.0, 180.0, 90.0),)
"""All of it, as ``bounds`` gives it."""


def _in_range(name: str, value: float, limit: float) -> float:
    if not -limit <= value <= limit:  # also refuses NaN
        raise BadInputError(
            f"{name} must be between -{limit:g} and {limit:g}, not {shortened(value)}"
        )
    return float(value)


def point(lat: float, lon: float) -> LonLat:
    """Validate a position, and wrap its longitude into -180..180.

    Raises:
        BadInputError: if ``lat`` is outside -90..90 or ``lon`` outside -540..540, or not a number.
    """
    return LonLat(wrapped(_in_range("lon", lon, MAX_LON)), _in_range("lat", lat, 90))


def bounds(west: float, south: float, east: float, north: float) -> tuple[Bounds, ...]:
    """Validate a rectangle and wrap its longitudes; it goes eastward from west to east.

    Returns:
        One part within -180..180, or two if it crosses the antimeridian; all the way round if
        east is 360 degrees or more beyond west.

    Raises:
        BadInputError: if a longitude is outside -540..540, a latitude outside -90..90, one is not
            a number, or south > north.
    """
    west, east = (_in_range(*edge, MAX_LON) for edge in (("west", west), ("east", east)))
    south, north = (_in_range(*edge, 90) for edge in (("south", south), ("north", north)))
    if south > north:
        raise BadInputError(f"south ({south}) must not be above north ({north})")
    round_the_world = east - west >= 360
    west, east = (-180.0, 180.0) if round_the_world else (wrapped(west), wrapped(east))
    if west > east:
        parts = (Bounds(west, south, 180.0, north), Bounds(-180.0, south, east, north))
        return tuple(part for part in parts if part.west < part.east) or parts[:1]
    return (Bounds(west, south, east, north),)


def wrapped(lon: float) -> float:
    """Bring a longitude in degrees into -180..180, exactly; one that is there stays as it is."""
    return math.remainder(lon, 360)


def _fractions(lon: float, lat: float) -> tuple[float, float]:
    """Position in the grid, 0..1 from the west and from the north; beyond the grid: its edge."""
    sine = math.sin(math.radians(min(max(lat, -MAX_LAT), MAX_LAT)))
    north = 0.5 - math.atanh(sine) / (2 * math.pi)
    return (lon + 180) / 360, min(max(north, 0.0), 1.0)


def tile_at(position: LonLat, zoom: int) -> TileIndex:
    """Return the tile that a position is in.

    Cells own their west and north edges; the edges of the grid belong to the outermost cells, so
    longitude 180 is in the last column and latitudes beyond ``MAX_LAT`` in the first or last row.
    """
    cells = 1 << zoom
    east, south = _fractions(*position)
    return TileIndex(zoom, min(int(east * cells), cells - 1), min(int(south * cells), cells - 1))


def cell_range(part: Bounds) -> CellRange | None:
    """Return the cells of ``MAX_ZOOM`` that share area with a rectangle (at least one cell).

    Shifting its numbers right by ``MAX_ZOOM - z`` gives the same for zoom z. A rectangle that
    lies wholly beyond ``MAX_LAT`` gives None.
    """
    if part.south > MAX_LAT or part.north < -MAX_LAT:
        return None
    cells = 1 << MAX_ZOOM
    west, north = (f * cells for f in _fractions(part.west, part.north))
    east, south = (f * cells for f in _fractions(part.east, part.south))
    x0 = min(math.floor(west + _SNAP), cells - 1)
    y0 = min(math.floor(north + _SNAP), cells - 1)
    x1 = math.ceil(east - _SNAP) - 1
    y1 = math.ceil(south - _SNAP) - 1
    # What is thinner than the rounding at an edge, or has no area, is where its middle is.
    middle = LonLat((part.west + part.east) / 2, (part.south + part.north) / 2)
    _, x, y = tile_at(middle, MAX_ZOOM)
    if x1 < x0:
        x0 = x1 = x
    if y1 < y0:
        y0 = y1 = y
    return CellRange(x0, y0, min(x1, cells - 1), min(y1, cells - 1))


def tiles_in(part: Bounds, zoom: int) -> Iterator[TileIndex]:
    """Yield the tiles of a zoom that share area with a rectangle, row by row from the north-west.

    A rectangle without area gives the tile at its place.
    """
    cells = cell_range(part)
    if cells is None:
        return
    shift = MAX_ZOOM - zoom
    for y in range(cells.y0 >> shift, (cells.y1 >> shift) + 1):
        for x in range(cells.x0 >> shift, (cells.x1 >> shift) + 1):
            yield TileIndex(zoom, x, y)


def latitude(y: int, zoom: int) -> float:
    """Return the latitude of the north edge of row ``y``, in degrees."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / (1 << zoom)))))


def tile_bounds(tile: TileIndex) -> Bounds:
    """Return a tile's rectangle in degrees, EPSG:4326."""
    cells = 1 << tile.z
    return Bounds(
        tile.x / cells * 360 - 180,
        latitude(tile.y + 1, tile.z),
        (tile.x + 1) / cells * 360 - 180,
        latitude(tile.y, tile.z),
    )


def mercator_bounds(tile: TileIndex) -> tuple[float, float, float, float]:
    """Return a tile's west, south, east, north in metres of EPSG:3857."""
    size = 2 * HALF_WORLD_M / (1 << tile.z)
    west, north = tile.x * size - HALF_WORLD_M, HALF_WORLD_M - tile.y * size
    return west, north - size, west + size, north


def footprint(tile: TileIndex) -> list[tuple[float, float]]:
    """Return a tile's outline: five (lon, lat) corners, counter-clockwise, closed."""
    west, south, east, north = tile_bounds(tile)
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def quadkey(tile: TileIndex) -> str:
    """Return the Bing Maps quadkey: one digit 0..3 per zoom, empty for zoom 0."""
    return "".join(
        str((tile.x >> bit & 1) | (tile.y >> bit & 1) << 1) for bit in reversed(range(tile.z))
    )


def flip_y(tile: TileIndex) -> TileIndex:
    """Turn XYZ into TMS, whose y counts from the south, or back."""
    return tile._replace(y=(1 << tile.z) - 1 - tile.y)


def _authalic(lat: float) -> float:
    sine = math.sin(math.radians(lat))
    return sine / (1 - (WGS84_E * sine) ** 2) + math.atanh(WGS84_E * sine) / WGS84_E


def area_m2(tile: TileIndex) -> float:
    """Return a tile's area on the WGS84 ellipsoid, in square metres."""
    return rectangle_m2(tile_bounds(tile))


def rectangle_m2(part: Bounds) -> float:
    """Return the area of a rectangle with west <= east on the WGS84 ellipsoid, in square metres.

    Exact between two meridians and two parallels: Snyder, "Map Projections: A Working Manual"
    (USGS Professional Paper 1395, 1987), equation 3-12.
    """
    west, south, east, north = part
    return WGS84_B_SQUARED * math.radians(east - west) / 2 * (_authalic(north) - _authalic(south))


def valid(tile: TileIndex) -> bool:
    """Tell whether an index lies in the grid: zoom 0..``MAX_ZOOM``, x and y below 2^zoom."""
    z, x, y = tile
    return 0 <= z <= MAX_ZOOM and 0 <= x < 1 << z and 0 <= y < 1 << z
