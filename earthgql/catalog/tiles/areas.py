"""Areas: rectangles, and polygons in GeoJSON, in the plane of longitude and latitude.

Edges are straight in that plane (RFC 7946, section 3.1.1). A polygon over the antimeridian is
either cut there, as section 3.1.9 of the RFC demands, or has longitudes beyond 180 and is cut
here. An edge over more than half the globe may mean either direction and is refused; one of 360
degrees or more goes around the globe.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from earthgql.errors import BadInputError, shortened
from earthgql.imagery.grid import MAX_LON, Bounds

if TYPE_CHECKING:
    from shapely import Polygon
    from shapely.geometry.base import BaseGeometry

    Shape = TypeVar("Shape", bound=BaseGeometry)

MAX_VERTICES = 10_000
# Uniting polygons takes time and memory by how often their edges cross: two combs of 600 teeth, 68
# kB, took 40 seconds and 2 GB. Edges whose boxes meet are counted, which is quick; a coast has
# about two for each position.
_MOST_MEETINGS = 50_000
_COUNTED_AT_ONCE = 100
# More pieces than this are looked for in one rectangle per hemisphere.
_MOST_PARTS = 8
_NAMES = "a GeoJSON Polygon or MultiPolygon"

Ring = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Area:
    """A valid polygon or several, EPSG:4326, longitude first, within -180 to 180.

    Attributes:
        wkt: its outline as well-known text, for ``ST_GeomFromText(wkt, 4326)``.
        parts: rectangles that hold it, none across the antimeridian.
    """

    wkt: str
    parts: tuple[Bounds, ...] = field(compare=False)


def area_of(
    bounds: Sequence[Bounds] | None, polygon: object | None
) -> tuple[tuple[Bounds, ...], Area | None]:
    """Return the area of a rectangle or a polygon.

    Args:
        bounds: a rectangle as ``grid.bounds`` gives it.
        polygon: GeoJSON or an area, as ``parse_area`` takes it.

    Returns:
        Rectangles that contain it, and the outline if it is a polygon.

    Raises:
        BadInputError: if there are both, or neither, or the polygon is invalid.
    """
    if bounds is not None and polygon is not None:
        raise BadInputError("give either bounds or a polygon, and not both")
    if bounds is None and polygon is None:
        raise BadInputError("no area is given: give bounds or a polygon")
    if bounds is not None:
        return tuple(bounds), None
    area = parse_area(polygon)
    return area.parts, area


def parse_area(geometry: object) -> Area:
    """Validate a GeoJSON geometry, as it comes out of a JSON parser.

    Rings have either orientation and may be holes, and polygons may overlap: the area is their
    union.

    Args:
        geometry: a Polygon or MultiPolygon: longitude before latitude, degrees, EPSG:4326; heights
            are ignored. An area is returned as it is.

    Raises:
        BadInputError: if it is no such geometry, a ring is open or crosses itself, has a
            coordinate that is no number or out of range, goes over the antimeridian uncut or round
            a pole, has no area, or more than ``MAX_VERTICES`` positions, or if polygons overlap
            along too many edges to be united.
    """
    if isinstance(geometry, Area):
        return geometry
    from shapely import Polygon, get_coordinates, get_parts, to_wkt

    polygons = _polygons(geometry)
    _check_size(polygons)
    read = [[_ring(ring) for ring in polygon] for polygon in polygons]
    made = [_valid(Polygon(rings[0], rings[1:])) for rings in read]
    whole = _united(made)
    west, _, east, _ = whole.bounds
    if west < -180 or east > 180:
        whole = _cut(whole)
    pieces = [piece for piece in get_parts(whole) if get_coordinates(piece).size]
    return Area(to_wkt(whole, rounding_precision=-1), _rectangles(pieces))


def count_positions(geometry: object) -> int:
    """Return how many positions a GeoJSON geometry has; 0 if it is no polygon."""
    try:
        return sum(len(ring) for polygon in _polygons(geometry) for ring in polygon)
    except BadInputError:
        return 0


def plain(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a geometry that ``parse_area`` accepts, without other members of its JSON.

    Returns:
        GeoJSON of type and coordinates alone: positions of two floats.
    """
    polygons = [[[*map(list, _ring(ring))] for ring in polygon] for polygon in _polygons(geometry)]
    single = geometry["type"] == "Polygon"
    return {"type": geometry["type"], "coordinates": polygons[0] if single else polygons}


def _polygons(geometry: object) -> list[list[Any]]:
    """The rings of each polygon."""
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if not isinstance(geometry, Mapping) or kind not in ("Polygon", "MultiPolygon"):
        hint = "; give the geometry of the feature" if kind in _FEATURES else ""
        found = f"of type {shortened(kind)}" if isinstance(kind, str) else "something else"
        raise BadInputError(f"the polygon must be {_NAMES}, not {found}{hint}")
    coordinates = geometry.get("coordinates")
    polygons: Any = [coordinates] if kind == "Polygon" else coordinates
    if not _is_list(polygons) or not all(_is_list(p) and all(map(_is_list, p)) for p in polygons):
        raise BadInputError(f"the coordinates of a {kind} must be lists of rings of positions")
    return list(polygons)


_FEATURES = ("Feature", "FeatureCollection")


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0


def _check_size(polygons: list[list[Any]]) -> None:
    _check_vertices(sum(len(ring) for polygon in polygons for ring in polygon), MAX_VERTICES)


def _check_vertices(vertices: int, most: int) -> None:
    if vertices > most:
        raise BadInputError(
            f"the polygon has {vertices:,} positions, more than {most:,}: simplify it"
        )


def _ring(positions: Sequence[object]) -> Ring:
    ring = [_position(position) for position in positions]
    if ring[0] != ring[-1]:
        raise BadInputError(
            f"a ring of the polygon is open: it begins at {_at(ring[0])} and must end there too,"
            f" not at {_at(ring[-1])}"
        )
    if len(ring) < 4:
        raise BadInputError(f"a ring of the polygon needs at least 4 positions, not {len(ring)}")
    for one, other in itertools.pairwise(ring):
        if 180 < abs(one[0] - other[0]) < 360:
            raise BadInputError(
                f"an edge of the polygon goes from {_at(one)} to {_at(other)}, more than half"
                " round the globe: cut a polygon at the antimeridian (RFC 7946, section 3.1.9);"
                " one round a pole cannot be told in longitudes and latitudes; put positions"
                " between if the edge is meant to be that long"
            )
    return ring


def _position(position: object) -> tuple[float, float]:
    if not isinstance(position, (list, tuple)) or len(position) < 2:
        raise BadInputError(
            f"a position of the polygon must be [longitude, latitude], not {shortened(position)}"
        )
    lon, lat = (_number(value) for value in position[:2])
    if not -90 <= lat <= 90:
        raise BadInputError(
            f"latitudes of the polygon must be between -90 and 90, not {lat:g}"
            " (positions are [longitude, latitude])"
        )
    if not -MAX_LON <= lon <= MAX_LON:
        raise BadInputError(
            f"longitudes of the polygon must be between -{MAX_LON:g} and {MAX_LON:g}, not {lon:g}"
        )
    return lon, lat


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInputError(f"coordinates of the polygon must be numbers, not {shortened(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInputError(f"coordinates of the polygon must be finite numbers, not {value}")
    # A whole number may be too large for a float; anything out of range is refused alike.
    return float(min(max(value, -1e9), 1e9)) + 0.0  # there is no -0.0 then


def _valid(geometry: "Shape") -> "Shape":
    """Refuse polygons that cross themselves, for which PostGIS' results are arbitrary."""
    from shapely import get_coordinates, is_valid_reason

    if not geometry.is_valid:
        raise BadInputError(f"the polygon is not valid: {_in_words(is_valid_reason(geometry))}")
    if not get_coordinates(geometry).size or geometry.area == 0:
        raise BadInputError("the polygon has no area")
    return geometry


_REASONS = {
    "Self-intersection": "it crosses itself",
    "Ring Self-intersection": "a ring touches itself",
    "Hole lies outside shell": "a hole lies outside its outline",
    "Holes are nested": "a hole lies within another",
    "Interior is disconnected": "its holes cut it in two",
    "Duplicate Rings": "it has the same ring twice",
    "Too few points in geometry component": "a ring has too few different positions",
}


def _in_words(reason: str) -> str:
    """Return the message for a reason of GEOS, such as ``Self-intersection[3 4]``."""
    kind, _, place = reason.partition("[")
    said = _REASONS.get(kind, kind)
    lon_lat = place.rstrip("]").split()
    return f"{said} at {_at(tuple(map(float, lon_lat)))}" if len(lon_lat) >= 2 else said


def _united(polygons: "Sequence[Polygon]") -> "BaseGeometry":
    """Make one geometry of valid polygons, which may be neighbours, or overlap."""
    from shapely import MultiPolygon, get_coordinates, union_all

    if len(polygons) == 1:
        return polygons[0]
    whole: BaseGeometry = MultiPolygon(polygons)
    if whole.is_valid:
        return whole
    _check_meetings(polygons)
    whole = union_all(polygons)
    _check_vertices(len(get_coordinates(whole)), 2 * MAX_VERTICES)
    return whole


def _check_meetings(polygons: "Sequence[Polygon]") -> None:
    """Refuse polygons whose union would take long."""
    import numpy as np
    from shapely import STRtree, get_coordinates, get_rings, linestrings

    rings = [get_coordinates(ring) for ring in get_rings(polygons)]
    ends = np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])
    edges = np.asarray(linestrings(ends))
    tree = STRtree(edges)
    meetings = 0
    # A few at a time: all pairs that meet may be more than memory holds.
    for begin in range(0, len(edges), _COUNTED_AT_ONCE):
        found, others = tree.query(edges[begin : begin + _COUNTED_AT_ONCE])
        meetings += int((others > found + begin).sum())
        if meetings > _MOST_MEETINGS:
            raise BadInputError(
                "the polygon consists of polygons that overlap along too many edges: unite them"
                " before, or simplify them"
            )


def _cut(whole: "BaseGeometry") -> "BaseGeometry":
    """Bring longitudes beyond 180 back onto the globe, in pieces."""
    from shapely import affinity, box

    pieces = [
        affinity.translate(whole, turn).intersection(box(-180, -90, 180, 90))
        for turn in (-360, 0, 360)
    ]
    polygons = [part for piece in pieces for part in _polygons_of(piece)]
    return _united(polygons)


def _polygons_of(geometry: "BaseGeometry") -> "list[Polygon]":
    from shapely import get_parts

    return [part for part in get_parts(geometry) if part.geom_type == "Polygon"]


def _rectangles(pieces: "Sequence[Polygon]") -> tuple[Bounds, ...]:
    found = [Bounds(*piece.bounds) for piece in pieces]
    if len(found) <= _MOST_PARTS:
        return tuple(found)
    halves = ([b for b in found if b.west < 0], [b for b in found if b.west >= 0])
    return tuple(_around(half) for half in halves if half)


def _around(parts: Sequence[Bounds]) -> Bounds:
    west, south, east, north = zip(*parts, strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def _at(position: Sequence[float]) -> str:
    return f"longitude {position[0]:g}, latitude {position[1]:g}"
