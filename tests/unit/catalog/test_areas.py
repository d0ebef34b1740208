"""GeoJSON polygons: what is taken, what is refused, and how that is said."""

import json
import math
import random
import time
from itertools import pairwise
from typing import Any

import pytest
from shapely import Polygon, box, from_wkt

from earthgql.catalog.tiles.areas import MAX_VERTICES, area_of, parse_area, plain
from earthgql.catalog.tiles.filter import TileFilter, confined
from earthgql.errors import BadInputError
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
SQUARE_TENTH = [[lon / 200, lat / 200] for lon, lat in SQUARE]
HOLE = [[2, 2], [4, 2], [4, 4], [2, 4], [2, 2]]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def multi(*polygons: Any) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


def circle(vertices: int) -> list[list[float]]:
    turns = [2 * math.pi * i / (vertices - 1) for i in range(vertices - 1)]
    ring = [[10 * math.cos(turn), 10 * math.sin(turn)] for turn in turns]
    return [*ring, ring[0]]


def test_a_polygon() -> None:
    area = parse_area(polygon(SQUARE))
    assert area.parts == (Bounds(0, 0, 10, 10),)
    assert from_wkt(area.wkt).area == 100
    assert area == parse_area(json.loads(json.dumps(polygon(SQUARE))))
    assert hash(area) == hash(parse_area(polygon(SQUARE)))


def test_the_way_round_and_heights_do_not_matter() -> None:
    around = [[lon, lat, 812.5] for lon, lat in reversed(SQUARE)]
    assert from_wkt(parse_area(polygon(around)).wkt).equals(
        from_wkt(parse_area(polygon(SQUARE)).wkt)
    )


def test_holes_are_left_out() -> None:
    area = parse_area(polygon(SQUARE, HOLE))
    assert from_wkt(area.wkt).area == 96
    assert area.parts == (Bounds(0, 0, 10, 10),)


def test_digits_are_kept() -> None:
    west, south, east, north = grid.tile_bounds(grid.TileIndex(14, 8601, 5801))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    assert from_wkt(parse_area(polygon(ring)).wkt).bounds == (west, south, east, north)


def test_several_polygons_are_looked_for_each_in_its_place() -> None:
    far = [[100, 40], [101, 40], [101, 41], [100, 41], [100, 40]]
    area = parse_area(multi([SQUARE, HOLE], [far]))
    assert area.parts == (Bounds(0, 0, 10, 10), Bounds(100, 40, 101, 41))
    assert from_wkt(area.wkt).area == 97


def test_neighbours_and_polygons_that_overlap_count_once() -> None:
    beside = [[lon + 10, lat] for lon, lat in SQUARE]
    area = parse_area(multi([SQUARE], [beside], [HOLE]))
    assert from_wkt(area.wkt).area == 200
    assert area.parts == (Bounds(0, 0, 20, 10),)


def test_very_many_polygons_are_looked_for_per_hemisphere() -> None:
    def small(lon: int) -> list[list[list[int]]]:
        return [[[lon, 0], [lon + 1, 0], [lon + 1, 1], [lon, 0]]]

    area = parse_area(multi(*(small(lon) for lon in range(-30, 30, 3))))
    assert area.parts == (Bounds(-30, 0, -2, 1), Bounds(0, 0, 28, 1))


def test_cut_at_the_antimeridian_as_the_rfc_has_it() -> None:
    east = [[170, 0], [180, 0], [180, 10], [170, 10], [170, 0]]
    west = [[-180, 0], [-170, 0], [-170, 10], [-180, 10], [-180, 0]]
    area = parse_area(multi([east], [west]))
    assert area.parts == (Bounds(170, 0, 180, 10), Bounds(-180, 0, -170, 10))
    assert from_wkt(area.wkt).area == 200


@pytest.mark.parametrize("turn", [0, -360])
def test_longitudes_that_run_on_past_180_are_cut(turn: int) -> None:
    ring = [[170, 0], [190, 0], [190, 10], [170, 10], [170, 0]]
    area = parse_area(polygon([[lon + turn, lat] for lon, lat in ring]))
    assert sorted(area.parts) == [Bounds(-180, 0, -170, 10), Bounds(170, 0, 180, 10)]
    assert from_wkt(area.wkt).area == 200


def test_longitudes_beyond_180_are_wrapped() -> None:
    ring = [[182, 0], [193, 0], [193, 10], [182, 10], [182, 0]]
    for turn in (0, -360, 340):
        area = parse_area(polygon([[lon + turn, lat] for lon, lat in ring]))
        west = grid.wrapped(182 + turn)
        assert area.parts == (Bounds(west, 0, west + 11, 10),)


@pytest.mark.parametrize(("west", "east"), [(-180, 180), (-190, 190), (0, 360), (-540, 540)])
def test_edges_of_a_revolution_or_more_are_the_whole_world(west: float, east: float) -> None:
    ring = [[west, -5], [east, -5], [east, 5], [west, 5], [west, -5]]
    area = parse_area(polygon(ring))
    assert from_wkt(area.wkt).equals(box(-180, -5, 180, 5))
    assert area.parts == (Bounds(-180, -5, 180, 5),)


def test_up_to_the_poles() -> None:
    ring = [[0, -90], [10, -90], [10, 90], [0, 90], [0, -90]]
    assert parse_area(polygon(ring)).parts == (Bounds(0, -90, 10, 90),)


def test_the_most_vertices() -> None:
    assert parse_area(polygon(circle(MAX_VERTICES))).parts[0].east == 10


NOT_POLYGONS = {
    "null": (None, "must be a GeoJSON Polygon or MultiPolygon, not something else"),
    "text": ("POLYGON((0 0))", "not something else"),
    "no type": ({"coordinates": [SQUARE]}, "not something else"),
    "a point": ({"type": "Point", "coordinates": [1, 2]}, "not of type 'Point'"),
    "a feature": (
        {"type": "Feature", "geometry": polygon(SQUARE)},
        "not of type 'Feature'; give the geometry of the feature",
    ),
    "no coordinates": ({"type": "Polygon"}, "must be lists of rings"),
    "no ring": (polygon(), "must be lists of rings"),
    "an empty ring": (polygon([]), "must be lists of rings"),
    "rings too few levels deep": (polygon(*SQUARE), "must be .longitude, latitude., not 0"),
    "rings too many levels deep": (polygon([SQUARE]), r"must be numbers, not \[0, 0\]"),
    "a polygon called several": ({"type": "MultiPolygon", "coordinates": [SQUARE]}, "must be"),
    "a word": (polygon([["a", 0], *SQUARE[1:]]), "must be numbers, not 'a'"),
    "true": (polygon([[True, 0], *SQUARE[1:]]), "must be numbers, not True"),
    "null inside": (polygon([[None, 0], *SQUARE[1:]]), "must be numbers, not None"),
    "NaN": (json.loads(json.dumps(polygon([[math.nan, 0], *SQUARE[1:]]))), "finite.*not nan"),
    "infinity": (polygon([[0, math.inf], *SQUARE[1:]]), "finite numbers, not inf"),
    "a number too large for a float": (polygon([[10**400, 0], *SQUARE[1:]]), "not 1e.09"),
    "open": (
        polygon(SQUARE[:-1]),
        "is open: it begins at longitude 0, latitude 0 and must end there too,"
        " not at longitude 0, latitude 10",
    ),
    "three positions": (polygon([[0, 0], [1, 1], [0, 0]]), "at least 4 positions, not 3"),
    "a line": (polygon([[0, 0], [5, 5], [10, 10], [0, 0]]), "crosses itself|no area"),
    "self-crossing": (
        polygon([[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]),
        "not valid: it crosses itself at longitude 5, latitude 5",
    ),
    "a hole outside": (
        polygon(SQUARE, [[20, 2], [24, 2], [24, 4], [20, 2]]),
        "a hole lies outside its outline",
    ),
    "a hole over the edge": (polygon(SQUARE, [[8, 2], [14, 2], [14, 4], [8, 2]]), "crosses itself"),
    "a ring that touches itself": (
        polygon([[0, 0], [2, 0], [1, 1], [2, 2], [0, 2], [1, 1], [0, 0]]),
        "a ring touches itself at longitude 1, latitude 1",
    ),
    "one of several crosses itself": (
        multi([SQUARE], [[[20, 0], [30, 10], [30, 0], [20, 10], [20, 0]]]),
        "crosses itself at longitude 25, latitude 5",
    ),
    "latitude 91": (polygon([[0, 91], *SQUARE[1:]]), "must be between -90 and 90, not 91"),
    "longitude 541": (polygon([[541, 0], *SQUARE[1:]]), "between -540 and 540, not 541"),
    "over Greenwich uncut, in longitudes of 0 to 360": (
        polygon([[350, 0], [10, 0], [10, 10], [350, 10], [350, 0]]),
        "longitude 350, latitude 0 to longitude 10, latitude 0",
    ),
    "over the antimeridian uncut": (
        polygon([[170, 0], [-170, 0], [-170, 10], [170, 10], [170, 0]]),
        "longitude 170, latitude 0 to longitude -170, latitude 0.*cut a polygon at the antimeridian"
        r" \(RFC 7946, section 3.1.9\)",
    ),
    "round the pole": (
        polygon([[-120, 80], [0, 80], [120, 80], [-120, 80]]),
        "one round a pole cannot be told",
    ),
    "100,000 vertices": (polygon(circle(100_000)), "has 100,000 positions, more than 10,000"),
}


@pytest.mark.parametrize("name", NOT_POLYGONS)
def test_what_is_refused(name: str) -> None:
    geometry, message = NOT_POLYGONS[name]
    with pytest.raises(BadInputError, match=message):
        parse_area(geometry)


def comb(teeth: int, *, lying: bool = False) -> list[list[float]]:
    """A ring with teeth up to 80 degrees, or to the east."""
    ring: list[list[float]] = [[0, -1]]
    for i in range(teeth):
        left, right = 80 * i / teeth, 80 * (i + 0.5) / teeth
        ring += [[left, 0], [left, 80], [right, 80], [right, 0]]
    ring += [[80, -1], [0, -1]]
    return [[y, x] for x, y in ring] if lying else ring


def coast(west: float, positions: int) -> list[list[float]]:
    """A ring whose northern edge is as jagged as a coast."""
    chance, heights, height = random.Random(5), [0.0, 0.0], 8.0
    while len(heights) < positions:
        middles = [(a + b) / 2 + chance.uniform(-height, height) for a, b in pairwise(heights)]
        heights = [h for both in zip(heights, middles, strict=False) for h in both] + heights[-1:]
        height /= 1.7
    edge = [[west + 60 * i / (positions - 1), heights[i]] for i in range(positions)]
    return [[west, -60], *edge, [west + 60, -60], [west, -60]]


def wound(teeth: int) -> list[list[float]]:
    """A valid ring of longitudes past 180, where its second comb lies across its first."""
    first = [[x - 100, y] for x, y in comb(teeth)[1:-2]]
    second = [[255 + y, x + 1] for x, y in comb(teeth)[1:-2]]
    around = [[255, 84], [346, 84], [346, -1], [200, -1], [50, -1], [-100, -1]]
    return [[-100, -1], *first, [-10, 0], [120, 0], [255, 0], *second, *around]


@pytest.mark.parametrize(
    "geometry",
    [
        multi([comb(1_240)], [comb(1_240, lying=True)]),
        polygon(wound(1_200)),
    ],
    ids=["two combs", "one past 180"],
)
def test_what_overlaps_along_many_edges_is_refused_quickly(geometry: dict[str, Any]) -> None:
    began = time.process_time()
    with pytest.raises(BadInputError, match="overlap along too many edges: unite them"):
        parse_area(geometry)
    assert time.process_time() - began < 3.0  # forgiving: it took minutes


def test_what_overlaps_along_some_edges_is_united() -> None:
    area = parse_area(multi([comb(40)], [comb(40, lying=True)]))
    both = from_wkt(area.wkt)
    assert both.area == pytest.approx(Polygon(comb(40)).union(Polygon(comb(40, lying=True))).area)
    assert from_wkt(parse_area(polygon(wound(40))).wkt).area < Polygon(wound(40)).area - 1_000


def test_long_coasts_and_many_islands() -> None:
    positions = MAX_VERTICES - 4
    across = parse_area(polygon(coast(150, positions)))
    assert [part.east for part in sorted(across.parts)] == [-150, 180]
    there = coast(0, positions // 2 - 5)
    square = [[10, -70], [20, -70], [20, 10], [10, 10], [10, -70]]
    assert from_wkt(parse_area(multi([there], [square])).wkt).area > Polygon(there).area
    # Two neighbours share all of a coast.
    beside = [[0, 40], *there[1:-2], [60, 40], [0, 40]]
    assert from_wkt(parse_area(multi([there], [beside])).wkt).area == pytest.approx(60 * 100)
    islands = [
        [[[lon + 0.1 * i, lat + 0.1 * j] for lon, lat in SQUARE_TENTH]]
        for i in range(50)
        for j in range(40)
    ]
    assert from_wkt(parse_area(multi(*islands)).wkt).area == pytest.approx(2_000 * 0.05**2)


def test_plain_geometries_are_the_same_whatever_their_json() -> None:
    noisy = {**polygon([[*map(float, at), 8] for at in SQUARE]), "bbox": [0, 0, 1, 1], "x": "\0"}
    told = plain(noisy)
    assert told == {"type": "Polygon", "coordinates": [[[float(v) for v in at] for at in SQUARE]]}
    assert json.dumps(plain(polygon(SQUARE))) == json.dumps(told)
    assert "-0.0" not in json.dumps(plain(polygon([[-0.0, 0], *SQUARE[1:]])))
    several = multi([SQUARE, HOLE], [SQUARE])
    assert parse_area(plain(several)) == parse_area(several)


def test_an_area_in_one_of_three_ways() -> None:
    box = grid.bounds(170, 0, -170, 10)
    square = parse_area(polygon(SQUARE))
    anywhere, there = TileFilter(zoom=3), TileFilter(zoom=3, within=square)
    assert confined(anywhere, None, None) == (grid.bounds(-180, -90, 180, 90), anywhere)
    assert confined(anywhere, box, None) == (box, anywhere)
    assert confined(there, None, None) == (square.parts, there)
    assert confined(there, box, None) == (box, there)
    for given in (polygon(SQUARE), square):
        assert confined(anywhere, None, given) == (square.parts, there)
        for where, bounds in ((anywhere, box), (there, None), (there, box)):
            with pytest.raises(BadInputError, match="give one area: bounds, polygon or where"):
                confined(where, bounds, given)


def test_either_bounds_or_a_polygon() -> None:
    box = grid.bounds(170, 0, -170, 10)
    assert area_of(box, None) == (box, None)
    parts, area = area_of(None, polygon(SQUARE))
    assert (parts, area) == ((Bounds(0, 0, 10, 10),), parse_area(polygon(SQUARE)))
    with pytest.raises(BadInputError, match="either bounds or a polygon, and not both"):
        area_of(box, polygon(SQUARE))
    with pytest.raises(BadInputError, match="no area is given: give bounds or a polygon"):
        area_of(None, None)
