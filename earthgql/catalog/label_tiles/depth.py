"""From which zoom on a filter's label tiles can be made: at lower ones too many tiles are below.

Of scenes, footprints and zooms say how many tiles they have room for below a tile of a map.
"""

from bisect import bisect_left
from collections import Counter

from sqlalchemy import Connection

from earthgql.catalog.analysis.work_estimate import cells_in_view, scenes_in_view
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import AreaTooLargeError
from earthgql.imagery.grid import MAX_ZOOM, Bounds, CellRange, TileIndex, cell_range, tile_bounds

MOST_TILES = 65_536
"""Tiles that one answer may look at, hidden ones included."""

_ROOM = "SELECT COALESCE(sum({cells}), 0) FROM {scenes}"
_SCENES = """
SELECT z.z, ST_XMin(s.footprint), ST_YMin(s.footprint), ST_XMax(s.footprint), ST_YMax(s.footprint)
  FROM {scenes}
"""
# Scenes over more tiles of a map than this are taken to fill one of them.
_MOST_TILES_OF_SCENE = 1024


def lowest_zoom(conn: Connection, where: TileFilter) -> int:
    """Return the lowest zoom of a map at which all tiles of a filter can be asked for."""
    view = ViewConditions.of(None, where)
    cells = [
        (zoom, part)
        for zoom, *edges in execute(conn, compose(_SCENES, scenes=scenes_in_view(view))).all()
        for part in _cells(*edges)
    ]
    return bisect_left(range(MAX_ZOOM), True, key=lambda zoom: _fullest(cells, zoom) <= MOST_TILES)


def check_depth(conn: Connection, tile: TileIndex, where: TileFilter) -> None:
    """Refuse a tile of a map that has too many tiles below it.

    Raises:
        AreaTooLargeError: if it has; names the zoom to ask from.
    """
    view = ViewConditions.of((tile_bounds(tile),), where)
    room = execute(conn, compose(_ROOM, cells=cells_in_view(view), scenes=scenes_in_view(view)))
    if int(room.scalar_one()) > MOST_TILES:
        raise AreaTooLargeError(
            f"more than {MOST_TILES:,} tiles are below {tile.z}/{tile.x}/{tile.y}, too many for a"
            f" filter: ask from zoom {lowest_zoom(conn, where)} on, or for one scene or zoom"
        )


def _cells(west: float, south: float, east: float, north: float) -> list[CellRange]:
    """Return the cells of ``MAX_ZOOM`` of a footprint, which may go beyond longitude 180."""
    parts = [Bounds(west, south, min(east, 180.0), north)]
    if east > 180:
        parts.append(Bounds(-180.0, south, east - 360, north))
    return [cells for part in parts if (cells := cell_range(part)) is not None]


def _fullest(scenes: list[tuple[int, CellRange]], zoom: int) -> int:
    """Return how many tiles of scenes are below one tile of a map, at most.

    Args:
        scenes: zooms and cells of scenes.
        zoom: of the map's tiles.
    """
    below: Counter[tuple[int, int]] = Counter()
    everywhere = 0
    for own_zoom, cells in scenes:
        x0, y0, x1, y1 = (edge >> (MAX_ZOOM - zoom) for edge in cells)
        if (x1 - x0 + 1) * (y1 - y0 + 1) > _MOST_TILES_OF_SCENE:
            everywhere += 4 ** max(own_zoom - zoom, 0)
            continue
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                below[x, y] += _shared(cells, TileIndex(zoom, x, y), own_zoom)
    return everywhere + max(below.values(), default=0)


def _shared(cells: CellRange, tile: TileIndex, zoom: int) -> int:
    """Return how many tiles of a zoom a range of cells and a tile of a map have in common."""
    if zoom <= tile.z:
        return 1
    finer, shift = zoom - tile.z, MAX_ZOOM - zoom
    columns = min(cells.x1 >> shift, ((tile.x + 1) << finer) - 1) - max(
        cells.x0 >> shift, tile.x << finer
    )
    rows = min(cells.y1 >> shift, ((tile.y + 1) << finer) - 1) - max(
        cells.y0 >> shift, tile.y << finer
    )
    return (columns + 1) * (rows + 1)
