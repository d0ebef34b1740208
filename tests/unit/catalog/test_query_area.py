"""Which blocks of cells a polygon holds."""

import pytest
from shapely import Polygon, box, covers, intersects, prepare, to_wkt

from earthgql.catalog.analysis.query_area import cell_blocks
from earthgql.catalog.tiles.areas import parse_area
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex


@pytest.mark.parametrize(("zoom", "step"), [(14, 3), (17, 4)])
def test_blocks_and_the_polygon_hold_the_same_cells(zoom: int, step: int) -> None:
    hull = [(0.3, 44.2), (1.7, 44.1), (1.9, 45.3), (1.0, 44.6), (0.4, 45.1)]
    hole = [(0.8, 44.3), (1.2, 44.3), (1.2, 44.5), (0.8, 44.5)]
    whole = Polygon(hull, [hole])
    rings = [[*ring, ring[0]] for ring in (hull, hole)]
    area = parse_area({"type": "Polygon", "coordinates": rings})
    told = cell_blocks(to_wkt(whole, rounding_precision=-1), area.parts, zoom)
    assert told.step == step
    inside, edge = set(told.inside), set(told.edge)
    assert inside
    assert edge
    assert not inside & edge
    prepare(whole)
    cells = [cell for part in area.parts if (cell := grid.cell_range(part))]
    for x0, y0, x1, y1 in cells:
        shift = grid.MAX_ZOOM - zoom
        for x in range(x0 >> shift, (x1 >> shift) + 1, 1 + step % 3 * 3):
            for y in range(y0 >> shift, (y1 >> shift) + 1, 1 + step % 3 * 2):
                cell = box(*grid.tile_bounds(TileIndex(zoom, x, y)))
                block = x >> step << 32 | y >> step
                if block in inside:
                    assert covers(whole, cell)
                elif block not in edge:
                    assert not intersects(whole, cell)


def test_an_outline_of_nothing_holds_no_block() -> None:
    found = cell_blocks("MULTIPOLYGON EMPTY", [grid.Bounds(0, 0, 1, 1)], 12)
    assert (found.inside, found.edge) == ([], [])
