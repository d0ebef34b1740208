"""The cells along an outline: their ground, against the whole outline's and Shapely's cells."""

import math
import time
from collections.abc import Callable

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgql.catalog.analysis.edge_cells import MOST_CROSSINGS, edge_cells
from earthgql.catalog.analysis.query_area import query_area_m2
from earthgql.catalog.tiles.areas import Area, parse_area
from earthgql.errors import AreaTooLargeError, BadInputError
from earthgql.imagery import grid
from earthgql.imagery.grid import MAX_ZOOM, Bounds, TileIndex

Shape = Callable[[int], list[tuple[float, float]]]


def star(corners: int) -> list[tuple[float, float]]:
    """Spikes that nearly meet in the middle."""
    turn = 2 * math.pi / corners
    sizes = [(1.0 if k % 2 else 0.01, k * turn) for k in range(corners)]
    return [(size * math.cos(angle), size * math.sin(angle)) for size, angle in sizes]


def spikes(corners: int) -> list[tuple[float, float]]:
    top = [(k / corners, 1.0 if k % 2 else 0.05) for k in range(corners)]
    return [*top, (1.0, 0.0), (0.0, 0.0)]


def comb(corners: int) -> list[tuple[float, float]]:
    """Teeth of horizontal and vertical edges."""
    top = [(k // 2 / corners, (0.05, 1.0, 1.0, 0.05)[k % 4]) for k in range(corners)]
    return [*top, (1.0, 0.05), (1.0, 0.0), (0.0, 0.0)]


def lying_comb(corners: int) -> list[tuple[float, float]]:
    return [(y, x) for x, y in comb(corners)]


def spiral(corners: int) -> list[tuple[float, float]]:
    inner = [(k / corners, 40 * math.pi * k / corners) for k in range(corners // 2)]
    turns = [(size + width, angle) for width in (0.01, 0) for size, angle in inner]
    ordered = turns[: len(inner)] + turns[len(inner) :][::-1]
    return [(size * math.cos(angle), size * math.sin(angle)) for size, angle in ordered]


def coast(corners: int) -> list[tuple[float, float]]:
    rough = np.random.default_rng(5).normal(1, 0.02, corners)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return [*zip(rough * np.cos(angles), rough * np.sin(angles), strict=True)]


SHAPES: dict[str, Shape] = {
    shape.__name__: shape for shape in (star, spikes, comb, lying_comb, spiral, coast)
}


def area(positions: list[tuple[float, float]], within: Bounds) -> Area:
    """A shape stretched to some bounds."""
    found = np.array(positions)
    low, high = found.min(axis=0), found.max(axis=0)
    south_west = np.array([within.west, within.south])
    size = np.array([within.east, within.north]) - south_west
    ring = ((found - low) / (high - low) * size + south_west).tolist()
    return parse_area({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def by_cell(outline: Area, zoom: int) -> dict[tuple[int, int], float]:
    cells = edge_cells(outline.wkt, (zoom,))
    z, x, y, m2 = ([float(n) for n in column.strip("{}").split(",") if n] for column in cells)
    assert set(z) <= {zoom}
    return {(int(i), int(j)): size for i, j, size in zip(x, y, m2, strict=True)}


def all_cells(outline: Area, zoom: int) -> dict[tuple[int, int], float]:
    """The ground of all cells: those along the outline, and those within it."""
    found, shape = by_cell(outline, zoom), shapely.from_wkt(outline.wkt)
    shapely.prepare(shape)
    cells = grid.cell_range(Bounds(*shape.bounds))
    assert cells is not None
    first_x, first_y, last_x, last_y = (edge >> MAX_ZOOM - zoom for edge in cells)
    for x in range(first_x, last_x + 1):
        for y in range(first_y, last_y + 1):
            west, south, east, north = grid.tile_bounds(TileIndex(zoom, x, y))
            middle = (west + east) / 2, (south + north) / 2
            if (x, y) not in found and shapely.contains_xy(shape, *middle):
                found[x, y] = grid.area_m2(TileIndex(zoom, x, y))
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("zoom", "within"),
    [
        (0, Bounds(-80, -80, 95, 82)),
        (4, Bounds(-80, -80, 95, 82)),
        (13, Bounds(-55, -3.2, -54.7, -3)),
        (13, Bounds(-55, -3.2, -54.7, -3.199)),  # flat
        (14, Bounds(-55, -3.2, -54.999, -3)),  # thin
        (15, grid.tile_bounds(TileIndex(11, 711, 1042))),  # whose edges are edges of cells
    ],
)
def test_cells_add_up_to_the_area(shape: str, zoom: int, within: Bounds) -> None:
    outline = area(SHAPES[shape](600), within)
    whole = query_area_m2(outline.parts, outline)
    assert sum(all_cells(outline, zoom).values()) == pytest.approx(whole, rel=1e-7)


@settings(max_examples=30, deadline=None)
@given(
    positions=st.lists(
        st.tuples(st.floats(-3, 3, width=16), st.floats(50, 53, width=16)),
        min_size=3,
        max_size=9,
        unique=True,
    ),
    zoom=st.integers(3, 9),
)
def test_each_cell_has_its_own_part(positions: list[tuple[float, float]], zoom: int) -> None:
    hull = shapely.MultiPoint(positions).convex_hull
    hole = hull.buffer(-0.2)
    try:
        outline = parse_area(shapely.geometry.mapping(hull.difference(hole)))
    except BadInputError:
        return  # on a line
    shape = shapely.from_wkt(outline.wkt)
    for (x, y), size in by_cell(outline, zoom).items():
        part = shape.intersection(shapely.box(*grid.tile_bounds(TileIndex(zoom, x, y))))
        expected = 0.0
        if part.area > 1e-12:
            polygons = [p for p in shapely.get_parts(part) if p.geom_type == "Polygon"]
            piece = parse_area(shapely.geometry.mapping(shapely.MultiPolygon(polygons)))
            expected = query_area_m2(piece.parts, piece)
        assert size == pytest.approx(expected, rel=1e-6, abs=10.0)


def test_beyond_the_grid_there_is_no_ground() -> None:
    cap = area([(0, 0), (1, 0), (1, 1), (0, 1)], Bounds(10, 80, 20, 89))
    inside = area([(0, 0), (1, 0), (1, 1), (0, 1)], Bounds(10, 80, 20, grid.MAX_LAT))
    assert sum(all_cells(cap, 5).values()) == pytest.approx(query_area_m2(inside.parts, inside))
    nothing = area([(0, 0), (1, 0), (1, 1), (0, 1)], Bounds(10, 86, 20, 89))
    assert by_cell(nothing, 5) == {}
    assert edge_cells(nothing.wkt, ()) == ("{}",) * 4


@pytest.mark.parametrize("shape", SHAPES)
def test_time_is_that_of_corners_and_crossings(shape: str) -> None:
    outline = area(SHAPES[shape](9_900), Bounds(-55, -3.2, -54.8, -3))
    began = time.process_time()
    edge_cells(outline.wkt, (14, 15))
    assert time.process_time() - began < 1.5


def test_too_many_crossings_are_refused_at_once() -> None:
    outline = area(star(9_900), Bounds(-55, -3.2, -54.8, -3))
    began = time.process_time()
    with pytest.raises(AreaTooLargeError, match=f"{MOST_CROSSINGS:,} times: simplify it"):
        edge_cells(outline.wkt, (20,))
    assert time.process_time() - began < 1
