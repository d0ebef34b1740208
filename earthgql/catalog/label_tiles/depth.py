"""From which zoom on label tiles of a filter can be made: at lower ones too many tiles are below.

A tile of a map has at most as many candidates as scenes have room for there. Up to ``MOST_TILES``
are looked at for one answer.
"""

from sqlalchemy import Connection

from earthgql.catalog.analysis.work_estimate import cells_in_view, scenes_in_view
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import AreaTooLargeError
from earthgql.imagery.grid import TileIndex, tile_bounds

MOST_TILES = 65_536
"""Tiles that one answer may look at, hidden ones included."""

_ZOOMS_BELOW = 8  # which is MOST_TILES in one scene
_ROOM = "SELECT max(z.z), COALESCE(sum({cells}), 0) FROM {scenes}"


def lowest_zoom(conn: Connection, where: TileFilter) -> int:
    """Return the lowest zoom of a map at which tiles of a filter can be asked for."""
    finest, room = _room(conn, ViewConditions.of(None, where))
    return 0 if room <= MOST_TILES else max(0, finest - _ZOOMS_BELOW)


def check_depth(conn: Connection, tile: TileIndex, where: TileFilter) -> None:
    """Refuse a tile of a map that has too many tiles below it.

    Raises:
        AreaTooLargeError: if it has; names the zoom to ask from.
    """
    _, room = _room(conn, ViewConditions.of((tile_bounds(tile),), where))
    if room > MOST_TILES:
        raise AreaTooLargeError(
            f"more than {MOST_TILES:,} tiles are below {tile.z}/{tile.x}/{tile.y}: ask from zoom"
            f" {max(lowest_zoom(conn, where), tile.z + 1)} on, or for one scene or zoom"
        )


def _room(conn: Connection, view: ViewConditions) -> tuple[int, int]:
    statement = compose(_ROOM, cells=cells_in_view(view), scenes=scenes_in_view(view))
    finest, room = execute(conn, statement).one()
    return finest or 0, int(room)
