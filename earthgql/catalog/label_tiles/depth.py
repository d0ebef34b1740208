"""What scenes have below a tile of a map, without looking at their tiles; how much is too much.

Footprints and zooms say how many tiles scenes have room for.
"""

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

from sqlalchemy import Connection

from earthgql.catalog.analysis.work_estimate import cells_in_view, scenes_in_view
from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import AreaTooLargeError
from earthgql.imagery.grid import MAX_ZOOM, Bounds, CellRange, TileIndex, cell_range, tile_bounds

MOST_TILES = 65_536
"""Tiles that one answer may look at, hidden ones included."""

_BELOW = """
SELECT array_agg(DISTINCT z.z), COALESCE(sum({cells}), 0), count(*), min(s.id) FROM {scenes}
"""
_SCENES = """
SELECT z.z, ST_XMin(s.footprint), ST_YMin(s.footprint), ST_XMax(s.footprint), ST_YMax(s.footprint)
  FROM {scenes}
"""
# Scenes over more tiles of a map than this are taken to fill one of them.
_MOST_TILES_OF_SCENE = 1024


class Below(NamedTuple):
    """What scenes have below a tile of a map.

    Attributes:
        zooms: of their tiles.
        room: how many tiles there are at most, hidden ones included.
        only_scene: id of the scene, if there is but one, of one zoom: none of its tiles hides
            another.
    """

    zooms: frozenset[int]
    room: int
    only_scene: int | None


def scenes_below(conn: Connection, tile: TileIndex, where: TileFilter) -> Below:
    """Return what the scenes that a filter leaves have below a tile of a map.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = ViewConditions.of((tile_bounds(tile),), where)
    statement = compose(_BELOW, cells=cells_in_view(view), scenes=scenes_in_view(view))
    zooms, room, scenes, scene = execute(conn, statement).one()
    if not scenes:
        check_scene(conn, where.scene)
    return Below(frozenset(zooms or ()), int(room), scene if scenes == 1 else None)


def lowest_zoom(conn: Connection, where: TileFilter) -> int:
    """Return the lowest zoom of a map at which all tiles of a filter can be asked for."""
    view = ViewConditions.of(None, where)
    cells = [
        (zoom, part)
        for zoom, *edges in execute(conn, compose(_SCENES, scenes=scenes_in_view(view))).all()
        for part in _cells(*edges)
    ]
    return bisect_left(range(MAX_ZOOM), True, key=lambda zoom: _fullest(cells, zoom) <= MOST_TILES)


def check_depth(conn: Connection, tile: TileIndex, where: TileFilter, below: Below) -> None:
    """Refuse a tile of a map that has too many tiles below it.

    Raises:
        AreaTooLargeError: if it has; names the zoom to ask from.
    """
    if below.room > MOST_TILES:
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
