import itertools
import math
from fractions import Fraction

import morecantile
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyproj import Geod

from earthgql.errors import BadInputError
from earthgql.imagery import grid
from earthgql.imagery.grid import MAX_LAT, Bounds, LonLat, TileIndex

ORACLE = morecantile.tms.get("WebMercatorQuad")


@st.composite
def tiles(draw: st.DrawFn, top: int = 24) -> TileIndex:
    z = draw(st.integers(0, top))
    cells = st.integers(0, 2**z - 1)
    return TileIndex(z, draw(cells), draw(cells))


lons = st.floats(-180, 180)
lats = st.floats(-MAX_LAT, MAX_LAT)
panned = st.floats(-540, 540)


@given(tiles())
def test_edges_are_those_of_morecantile(tile: TileIndex) -> None:
    theirs = ORACLE.bounds(tile.x, tile.y, tile.z)
    assert grid.tile_bounds(tile) == pytest.approx(tuple(theirs), abs=1e-9)
    metres = ORACLE.xy_bounds(tile.x, tile.y, tile.z)
    assert grid.mercator_bounds(tile) == pytest.approx(tuple(metres), abs=1e-6)


@given(st.floats(-179.9, 179.9), st.floats(-85, 85), st.integers(0, 22))
def test_tile_of_a_point_is_that_of_morecantile(lon: float, lat: float, zoom: int) -> None:
    mine = grid.tile_at(LonLat(lon, lat), zoom)
    theirs = ORACLE.tile(lon, lat, zoom)
    # On an edge the two may round to either side of it.
    assert abs(mine.x - theirs.x) + abs(mine.y - theirs.y) <= 1
    if mine[1:] != (theirs.x, theirs.y):
        cells = 2**zoom / 360
        west, south, east, north = grid.tile_bounds(mine)
        gaps = [abs(lon - west), abs(lon - east), abs(lat - south), abs(lat - north)]
        assert min(gaps) * cells < 1e-6


@given(tiles())
def test_middle_of_a_tile_is_in_it(tile: TileIndex) -> None:
    west, south, east, north = grid.tile_bounds(tile)
    assert grid.tile_at(LonLat((west + east) / 2, (south + north) / 2), tile.z) == tile


@given(lons, lats, st.integers(0, 24))
def test_a_point_is_within_its_tile(lon: float, lat: float, zoom: int) -> None:
    west, south, east, north = grid.tile_bounds(grid.tile_at(LonLat(lon, lat), zoom))
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9


@given(lons, lats, st.integers(1, 24))
def test_parent_of_a_points_tile_is_its_tile_one_zoom_up(lon: float, lat: float, z: int) -> None:
    child, parent = grid.tile_at(LonLat(lon, lat), z), grid.tile_at(LonLat(lon, lat), z - 1)
    assert (child.x >> 1, child.y >> 1) == (parent.x, parent.y)


@pytest.mark.parametrize(
    ("position", "tile"),
    [
        (LonLat(180, 0), TileIndex(3, 7, 4)),
        (LonLat(-180, 0), TileIndex(3, 0, 4)),
        (LonLat(0, 90), TileIndex(3, 4, 0)),
        (LonLat(0, -90), TileIndex(3, 4, 7)),
        (LonLat(0, MAX_LAT), TileIndex(3, 4, 0)),
        (LonLat(0, 0), TileIndex(3, 4, 4)),
    ],
)
def test_edges_of_the_world_belong_to_the_outermost_tiles(
    position: LonLat, tile: TileIndex
) -> None:
    assert grid.tile_at(position, 3) == tile


def test_grid_ends_at_the_latitude_of_the_standard() -> None:
    assert pytest.approx(85.0511287798066) == MAX_LAT


@given(tiles())
def test_flipping_twice_changes_nothing(tile: TileIndex) -> None:
    assert grid.flip_y(grid.flip_y(tile)) == tile
    assert grid.flip_y(tile).y + tile.y == 2**tile.z - 1


def test_flip_of_a_known_tile() -> None:
    assert grid.flip_y(TileIndex(9, 81, 317)) == TileIndex(9, 81, 194)


def test_quadkey_of_bings_documentation() -> None:
    assert grid.quadkey(TileIndex(3, 3, 5)) == "213"
    assert grid.quadkey(TileIndex(0, 0, 0)) == ""


@given(tiles(22))
def test_quadkey_is_that_of_morecantile(tile: TileIndex) -> None:
    assert grid.quadkey(tile) == ORACLE.quadkey(morecantile.Tile(tile.x, tile.y, tile.z))


@given(tiles(20).filter(lambda tile: tile.z >= 2))
def test_area_is_geodesic(tile: TileIndex) -> None:
    west, south, east, north = grid.tile_bounds(tile)
    steps = [west + (east - west) * i / 400 for i in range(401)]
    # A polygon's sides are geodesics; 400 short ones come near the parallels.
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(
        [*steps, *reversed(steps)], [south] * 401 + [north] * 401
    )
    assert grid.area_m2(tile) == pytest.approx(abs(area), rel=1e-4, abs=1e-3)


def test_areas_add_up_to_that_of_the_world() -> None:
    whole = grid.area_m2(TileIndex(0, 0, 0))
    parts = sum(grid.area_m2(TileIndex(4, x, y)) for x in range(16) for y in range(16))
    assert parts == pytest.approx(whole, rel=1e-12)
    assert whole == pytest.approx(5.10065622e14 * 0.9962, rel=1e-3)


@given(tiles())
def test_footprint_is_closed_and_counter_clockwise(tile: TileIndex) -> None:
    ring = grid.footprint(tile)
    assert len(ring) == 5
    assert ring[0] == ring[-1]
    twice = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in itertools.pairwise(ring))
    assert twice > 0


@given(lons, lats, st.integers(0, 24))
def test_a_rectangle_without_area_gives_the_tile_at_its_place(
    lon: float, lat: float, zoom: int
) -> None:
    place = Bounds(lon, lat, lon, lat)
    assert list(grid.tiles_in(place, zoom)) == [grid.tile_at(LonLat(lon, lat), zoom)]


@given(tiles(20))
def test_bounds_of_a_tile_hold_that_tile_alone(tile: TileIndex) -> None:
    assert list(grid.tiles_in(grid.tile_bounds(tile), tile.z)) == [tile]


@example(0.0, 0.0, 0.0, 2.8032222915931717e-14, 1)
@given(lons, lons, lats, lats, st.integers(0, 6))
def test_tiles_in_bounds_hold_all_corners(
    a: float, b: float, c: float, d: float, zoom: int
) -> None:
    area = Bounds(min(a, b), min(c, d), max(a, b), max(c, d))
    found = set(grid.tiles_in(area, zoom))
    nudge = 1e-7
    inside = LonLat(
        min(area.west + nudge, (area.west + area.east) / 2),
        max(area.north - nudge, (area.south + area.north) / 2),
    )
    assert grid.tile_at(inside, zoom) in found


def test_bounds_without_area_give_the_tile_there() -> None:
    assert list(grid.tiles_in(Bounds(10, 50, 10, 50), 5)) == [grid.tile_at(LonLat(10, 50), 5)]
    assert len(list(grid.tiles_in(Bounds(180, 0, 180, 0), 5))) == 1


def test_bounds_beyond_the_grid_hold_nothing() -> None:
    assert list(grid.tiles_in(Bounds(0, 86, 10, 90), 5)) == []
    assert len(list(grid.tiles_in(Bounds(-180, -90, 180, 90), 2))) == 16


def test_bounds_across_the_antimeridian_are_two() -> None:
    assert grid.bounds(170, -10, -170, 10) == (
        Bounds(170, -10, 180, 10),
        Bounds(-180, -10, -170, 10),
    )
    assert grid.bounds(180, -10, -170, 10) == (Bounds(-180, -10, -170, 10),)
    assert grid.bounds(170, -10, -180, 10) == (Bounds(170, -10, 180, 10),)


@pytest.mark.parametrize(
    ("west", "east", "lons"),
    [
        (182, 193, [(-178, -167)]),
        (-190, -185, [(170, 175)]),
        (170, 190, [(170, 180), (-180, -170)]),
        (-190, -170, [(170, 180), (-180, -170)]),
        (530, 540, [(170, 180)]),
        (-540, -530, [(-180, -170)]),
        (180, 190, [(-180, -170)]),
        (-190, -180, [(170, 180)]),
        (350, 370, [(-10, 10)]),
        (182, -170, [(-178, -170)]),
        (190, -190, [(-170, 170)]),
        (182, 182, [(-178, -178)]),
        (180, 180, [(180, 180)]),
        (-190, 190, [(-180, 180)]),
        (-540, 540, [(-180, 180)]),
        (0, 360, [(-180, 180)]),
        (10, 369.5, [(10, 180), (-180, 9.5)]),
    ],
)
def test_longitudes_as_panned_maps_give_them(
    west: float, east: float, lons: list[tuple[float, float]]
) -> None:
    parts = [Bounds(left, -5, right, 5) for left, right in lons]
    assert list(grid.bounds(west, -5, east, 5)) == parts


def test_points_as_panned_maps_give_them() -> None:
    given = (182.5, -190, 180, -180, 359, 360, 539, -540)
    found = [grid.point(7, lon) for lon in given]
    assert [lon for lon, _ in found] == [-177.5, 170, 180, -180, -1, 0, 179, 180]
    assert {lat for _, lat in found} == {7}


@given(panned)
def test_wrapping_is_the_modulo(lon: float) -> None:
    found = grid.wrapped(lon)
    assert -180 <= found <= 180
    assert (Fraction(found) - Fraction(lon)) % 360 == 0
    assert found == lon or not -180 <= lon <= 180


@given(panned, lats, st.integers(0, 24))
def test_a_point_wherever_panned_to_is_in_the_cell_of_the_modulo(
    lon: float, lat: float, zoom: int
) -> None:
    cells = 1 << zoom
    exact = int((Fraction(lon) + 180) % 360 / 360 * cells)
    found = grid.tile_at(grid.point(lat, lon), zoom).x
    # In floating point a place next to an edge may be on it; 180 is in the last column.
    edge = Fraction(lon) / 360 * cells
    assert found == exact or abs(edge - round(edge)) < 1e-6


@given(panned, panned, st.integers(0, 6))
def test_bounds_are_the_cells_between_west_and_east(a: float, b: float, zoom: int) -> None:
    west, east = min(a, b), max(a, b)
    cells = 1 << zoom
    found = [
        tile.x for part in grid.bounds(west, 0.1, east, 0.2) for tile in grid.tiles_in(part, zoom)
    ]
    assert zoom == 0 or len(set(found)) + 1 >= len(found), "parts meet at most in the last cell"
    step = Fraction(360, cells)
    first, last = (Fraction(west) + 180) / step, (Fraction(east) + 180) / step
    if min(abs(first - round(first)), abs(last - round(last))) < 1e-6:
        return  # on an edge a cell more or less is no fault
    wanted = {column % cells for column in range(math.floor(first), math.floor(last) + 1)}
    assert set(found) == wanted


@pytest.mark.parametrize(
    "values",
    [
        (-541, 0, 0, 1),
        (0, 0, 540.5, 1),
        (0, 0, math.inf, 1),
        (0, -91, 1, 0),
        (0, 1, 1, 0),
        (math.nan, 0, 1, 1),
        (0, 0, 1, 91),
    ],
)
def test_impossible_bounds_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(BadInputError):
        grid.bounds(*values)


@pytest.mark.parametrize(
    ("lat", "lon", "name"),
    [
        (91, 0, "lat"),
        (0, 540.1, "lon must be between -540 and 540, not 540.1"),
        (0, -541, "lon"),
        (math.nan, 0, "lat"),
        (0, math.nan, "lon"),
        (0, math.inf, "lon"),
    ],
)
def test_impossible_points_are_refused(lat: float, lon: float, name: str) -> None:
    with pytest.raises(BadInputError, match=name):
        grid.point(lat, lon)


def test_indices_outside_the_grid_are_not_valid() -> None:
    assert grid.valid(TileIndex(24, 2**24 - 1, 0))
    for index in (
        TileIndex(25, 0, 0),
        TileIndex(-1, 0, 0),
        TileIndex(3, 8, 0),
        TileIndex(3, 0, -1),
    ):
        assert not grid.valid(index)
