"""The area of a query: its size, and of polygons the outline and the cells in it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from earthgql.catalog.tiles.areas import Area
from earthgql.catalog.tiles.one_zoom import CellBlocks
from earthgql.imagery import grid
from earthgql.imagery.grid import MAX_ZOOM, WGS84_B_SQUARED, WGS84_E, Bounds, CellRange

if TYPE_CHECKING:
    from shapely import LinearRing, MultiPolygon

# Along an edge the area to the equator is a smooth function of the latitude, so that few values of
# it give its mean to the last digits.
_AT, _WEIGHT = np.polynomial.legendre.leggauss(24)
_AT, _WEIGHT = (_AT + 1) / 2, _WEIGHT / 2

# A block has 8 x 8 cells or more, so that checking all blocks takes milliseconds.
_LEAST_STEP = 3
_MOST_BLOCKS = 4096
_HAIR = 1e-9


def query_area_m2(parts: Sequence[Bounds], within: Area | None) -> float:
    """Return the size of an area, with tiles or without, in square metres on WGS84.

    Args:
        parts: rectangles, apart from each other if there is no ``within``.
        within: only what lies in it, too.
    """
    if within is None:
        return sum(map(grid.rectangle_m2, parts))
    return _polygons_m2(_outline(tuple(parts), within))


def outline_wkt(parts: Sequence[Bounds], within: Area | None) -> str | None:
    """Return the outline of an area as well-known text; None if rectangles are all there is."""
    if within is None or tuple(parts) == within.parts:
        return None if within is None else within.wkt
    from shapely import to_wkt

    return to_wkt(_outline(tuple(parts), within), rounding_precision=-1)


def cell_blocks(wkt: str, parts: Sequence[Bounds], zoom: int) -> CellBlocks:
    """Return which blocks of cells an outline holds, and which it may share area with besides.

    Args:
        wkt: the outline as well-known text, EPSG:4326, longitude first.
        parts: rectangles around it.
        zoom: of the cells.
    """
    from shapely import box, covers, from_wkt, intersects, prepare

    shift = MAX_ZOOM - zoom
    ranges = [cells for part in parts if (cells := grid.cell_range(part))]

    def blocks_of(cells: CellRange, step: int) -> npt.NDArray[np.int64]:
        first_x, first_y, last_x, last_y = (edge >> shift >> step for edge in cells)
        x, y = np.arange(first_x, last_x + 1), np.arange(first_y, last_y + 1)
        return (x[:, None] << 32 | y).ravel()

    step = _LEAST_STEP
    while sum(_size(cells, shift + step) for cells in ranges) > _MOST_BLOCKS:
        step += 1
    none = np.empty(0, np.int64)
    numbers = np.unique(np.concatenate([none, *(blocks_of(cells, step) for cells in ranges)]))
    x, y = numbers >> 32, numbers & 0xFFFFFFFF
    side = 2.0 ** (step - zoom)
    west, east = x * side * 360 - 180, (x + 1) * side * 360 - 180
    north, south = (
        np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row * side)))) for row in (y, y + 1)
    )
    whole = from_wkt(wkt)
    prepare(whole)
    # A hair larger, so that what rounding makes of an edge decides nothing.
    boxes = box(west - _HAIR, south - _HAIR, east + _HAIR, north + _HAIR)
    inside = covers(whole, boxes)
    edge = intersects(whole, boxes) & ~inside
    return CellBlocks(step, numbers[inside].tolist(), numbers[edge].tolist())


def _size(cells: CellRange, shift: int) -> int:
    first_x, first_y, last_x, last_y = (edge >> shift for edge in cells)
    return (last_x - first_x + 1) * (last_y - first_y + 1)


@lru_cache(maxsize=4)
def _outline(parts: tuple[Bounds, ...], within: Area) -> "MultiPolygon":
    from shapely import MultiPolygon, box, from_wkt, get_parts, union_all

    whole = from_wkt(within.wkt)
    if parts != within.parts:
        whole = whole.intersection(union_all([box(*part) for part in parts]))
    # An edge or a corner that both have is no area.
    return MultiPolygon(
        [
            part
            for piece in get_parts(whole)
            for part in get_parts(piece)
            if part.geom_type == "Polygon"
        ]
    )


def _polygons_m2(whole: "MultiPolygon") -> float:
    return sum(
        _ring_m2(polygon.exterior) - sum(map(_ring_m2, polygon.interiors))
        for polygon in whole.geoms
    )


def _ring_m2(ring: "LinearRing") -> float:
    """Integrate the area between the ring and the equator over the longitude."""
    lon, lat = np.radians(ring.coords).T[:2]
    sine = np.sin(lat[:-1, None] + np.diff(lat)[:, None] * _AT)
    height = sine / (1 - (WGS84_E * sine) ** 2) + np.arctanh(WGS84_E * sine) / WGS84_E
    return float(abs(np.diff(lon) @ (height @ _WEIGHT)) * WGS84_B_SQUARED / 2)
