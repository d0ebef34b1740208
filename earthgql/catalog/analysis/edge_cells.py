"""The cells along the outline of an area, each with the ground of it that lies in the area.

The outline is cut where it crosses edges of cells. Each piece then adds, to the cell that it lies
in, the ground between it and the cell's southern edge, and of each cell below as much as it is
wide; pieces to the west take away what those to the east add. So the time is that of corners and
crossings, whatever the shape, where intersecting each cell with the outline takes minutes for a
star of 10,000 corners.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earthgql.errors import AreaTooLargeError
from earthgql.imagery.grid import MAX_LAT, WGS84_B_SQUARED, WGS84_E

MOST_CROSSINGS = 300_000
"""How often an outline may cross edges of cells, its corners included. A rough coast of 10,000
corners around 40,000 tiles has 27,000."""

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Within a cell the ground below an edge is so smooth that few values give its mean; cells of the
# first zooms are large.
_FEW, _MANY = np.polynomial.legendre.leggauss(6), np.polynomial.legendre.leggauss(24)
_SMALL_CELLS = 8


class EdgeCells(NamedTuple):
    """Cells in columns, as PostgreSQL writes arrays.

    Attributes:
        z: zoom of each.
        x: column of each, from the west.
        y: row of each, from the north.
        m2: ground in the area, square metres on WGS84.
    """

    z: str
    x: str
    y: str
    m2: str


class _Edges(NamedTuple):
    """Edges of rings, or pieces of them: longitude and latitude of both ends, in degrees."""

    lon: Numbers
    lat: Numbers
    lon_to: Numbers
    lat_to: Numbers

    def at(self, share: Numbers) -> tuple[Numbers, Numbers]:
        """Where so much of each edge is behind."""
        lon = self.lon + (self.lon_to - self.lon) * share
        return lon, self.lat + (self.lat_to - self.lat) * share

    def of(self, chosen: Integers) -> "_Edges":
        return _Edges(*(column[chosen] for column in self))


@lru_cache(maxsize=4)
def edge_cells(wkt: str, zooms: tuple[int, ...]) -> EdgeCells:
    """Return the cells that an outline crosses or has a corner in, of some zooms.

    Args:
        wkt: the outline: polygons as well-known text, EPSG:4326, longitude first, within -180 to
            180, edges straight in degrees.
        zooms: of the cells.

    Raises:
        AreaTooLargeError: if it crosses edges of cells more than ``MOST_CROSSINGS`` times.
    """
    if not zooms:
        return EdgeCells("{}", "{}", "{}", "{}")
    edges = _edges(wkt)
    crossings = sum(_count_crossings(edges, zoom) for zoom in zooms)
    if crossings > MOST_CROSSINGS:
        raise AreaTooLargeError(
            f"the outline of the area crosses edges of tiles about {crossings:,} times, and may "
            f"{MOST_CROSSINGS:,} times: simplify it, or ask for a smaller area or one zoom"
        )
    found = [_cells(edges, zoom) for zoom in zooms]
    counts = [len(m2) for _, _, m2 in found]
    columns = [
        np.repeat(zooms, counts),
        *(_joined([cells[k] for cells in found]) for k in range(3)),
    ]
    return EdgeCells(*("{" + ",".join(map(repr, column.tolist())) + "}" for column in columns))


def _edges(wkt: str) -> _Edges:
    """The edges of an outline, counterclockwise around it and clockwise around its holes."""
    from shapely import box, from_wkt, get_coordinates, get_parts, get_rings, orient_polygons

    whole = from_wkt(wkt)
    if whole.bounds[1] < -MAX_LAT or whole.bounds[3] > MAX_LAT:
        whole = whole.intersection(box(-180, -MAX_LAT, 180, MAX_LAT))
    rings = [get_coordinates(ring).T for ring in get_rings(get_parts(orient_polygons(whole)))]
    begin = _joined([ring[:, :-1] for ring in rings])
    return _Edges(*begin, *_joined([ring[:, 1:] for ring in rings]))


def _joined(arrays: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
    return np.concatenate(arrays, axis=-1) if arrays else np.empty((2, 0))


def _count_crossings(edges: _Edges, zoom: int) -> int:
    columns = np.abs(_column(edges.lon_to, zoom) - _column(edges.lon, zoom))
    rows = np.abs(_row(edges.lat_to, zoom) - _row(edges.lat, zoom))
    return len(edges.lon) + round(float(columns.sum() + rows.sum()))


def _cells(edges: _Edges, zoom: int) -> tuple[Integers, Integers, Numbers]:
    """Columns, rows and square metres of the cells of a zoom."""
    pieces, x, y = _pieces(edges, zoom)
    width = np.radians(pieces.lon_to - pieces.lon)
    south, north = _height(_latitude(y + 1, zoom)), _height(_latitude(y, zoom))
    own = width * (_mean_height(pieces, zoom) - south)
    # Cells from north to south in each column.
    order = np.lexsort((y, x))
    x, y, width, own = x[order], y[order], width[order], own[order]
    first = np.flatnonzero(np.diff(x, prepend=-1) | np.diff(y, prepend=-1))
    if not len(first):
        return x, y, own
    x, y, depth = x[first], y[first], (north - south)[order][first]
    width, own = np.add.reduceat(width, first), np.add.reduceat(own, first)
    above = np.cumsum(width) - width
    column = np.flatnonzero(np.diff(x, prepend=-1))
    above -= np.repeat(above[column], np.diff(column, append=len(x)))
    m2 = -(own + above * depth) * WGS84_B_SQUARED / 2
    return x, y, np.maximum(m2, 0.0)


def _pieces(edges: _Edges, zoom: int) -> tuple[_Edges, Integers, Integers]:
    """Edges cut at the edges of cells, and the column and row of each piece."""
    whole = np.arange(len(edges.lon))
    columns, lon = _between(_column(edges.lon, zoom), _column(edges.lon_to, zoom))
    rows, row = _between(_row(edges.lat, zoom), _row(edges.lat_to, zoom))
    lon = lon * 360 / 2.0**zoom - 180
    at = np.concatenate(
        [
            np.zeros(len(whole)),
            (lon - edges.lon[columns]) / (edges.lon_to - edges.lon)[columns],
            (_latitude(row, zoom) - edges.lat[rows]) / (edges.lat_to - edges.lat)[rows],
        ]
    )
    edge = np.concatenate([whole, columns, rows])
    order = np.lexsort((at, edge))
    edge, at = edge[order], np.clip(at[order], 0, 1)
    ends = np.where(np.diff(edge, append=-1) == 0, np.append(at[1:], 1.0), 1.0)
    cut = edges.of(edge)
    lon, lat = cut.at((at + ends) / 2)
    last = 2**zoom - 1
    x = np.clip(np.floor(_column(lon, zoom)), 0, last).astype(np.int64)
    y = np.clip(np.floor(_row(lat, zoom)), 0, last).astype(np.int64)
    return _Edges(*cut.at(at), *cut.at(ends)), x, y


def _between(begin: Numbers, end: Numbers) -> tuple[Integers, Numbers]:
    """The whole numbers between each two numbers: which two, and the number."""
    low, high = np.minimum(begin, end), np.maximum(begin, end)
    first = np.floor(low).astype(np.int64) + 1
    count = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
    which = np.repeat(np.arange(len(begin)), count)
    offset = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return which, (first[which] + offset).astype(np.float64)


def _mean_height(pieces: _Edges, zoom: int) -> Numbers:
    """The mean of ``_height`` along each piece."""
    at, weight = _FEW if zoom >= _SMALL_CELLS else _MANY
    mean = np.zeros(len(pieces.lat))
    for share, part in zip((at + 1) / 2, weight / 2, strict=True):
        mean += part * _height(pieces.lat + (pieces.lat_to - pieces.lat) * share)
    return mean


def _height(lat: Numbers) -> Numbers:
    """Ground from the equator to a latitude, for each radian of longitude: times b²/2."""
    sine = np.sin(np.radians(lat))
    return sine / (1 - (WGS84_E * sine) ** 2) + np.arctanh(WGS84_E * sine) / WGS84_E


def _column(lon: Numbers, zoom: int) -> Numbers:
    return (lon + 180) / 360 * 2.0**zoom


def _row(lat: Numbers, zoom: int) -> Numbers:
    return (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2.0**zoom


def _latitude(row: Numbers | Integers, zoom: int) -> Numbers:
    return np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / 2.0**zoom))))
