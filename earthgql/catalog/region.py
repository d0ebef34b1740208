"""The area a question is about: how large it is, and its outline where it is no rectangle."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from earthgql.catalog.areas import Area
from earthgql.tiles import grid
from earthgql.tiles.grid import WGS84_B_SQUARED, WGS84_E, Bounds

if TYPE_CHECKING:
    from shapely import LinearRing, MultiPolygon

# Along an edge the area to the equator is a smooth function of the latitude, so that few values of
# it give its mean to the last digits.
_AT, _WEIGHT = np.polynomial.legendre.leggauss(24)
_AT, _WEIGHT = (_AT + 1) / 2, _WEIGHT / 2


def asked_m2(parts: Sequence[Bounds], within: Area | None) -> float:
    """Return the size of an area, with tiles or without, in square metres on WGS84.

    Args:
        parts: rectangles, apart from each other if there is no ``within``.
        within: only what lies in it, too.
    """
    if within is None:
        return sum(map(grid.rectangle_m2, parts))
    return _polygons_m2(_outline(tuple(parts), within))


def clip_wkt(parts: Sequence[Bounds], within: Area | None) -> str | None:
    """Return the outline of an area as well-known text; None if rectangles are all there is."""
    if within is None or tuple(parts) == within.parts:
        return None if within is None else within.wkt
    from shapely import to_wkt

    return to_wkt(_outline(tuple(parts), within), rounding_precision=-1)


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
