"""Queries over tiles: by place, by viewport, by id.

Where scenes overlap, one tile is shown at each place. Tiles are ranked by their band of zooms
(``zoom_band``, finest first), then by their scene's ``acquired_at`` (newest first, unknown last),
then by zoom (highest first), then by scene (newest first). The tile at a point is the best of those
it lies in. A viewport leaves out a tile

* if a better one has the same cell or one that holds it, or
* if better ones of one scene and one higher zoom cover all of it.

So the tile at a point is always among those of a viewport around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.order import BY_ID, Position, TileOrder
from earthgql.catalog.tiles.visible import tiles_in_view, zoom_band
from earthgql.imagery.grid import MAX_ZOOM, Bounds, LonLat, TileIndex, tile_at
from earthgql.imagery.source import TileSource

# Candidates come from the GiST index by a box a hair larger than the point; whole numbers decide
# which cell owns an edge.
_AT_POINTS = """
SELECT best.id, best.scene_id, best.z, best.x, best.y
  FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:xs AS int[]),
              CAST(:ys AS int[])) WITH ORDINALITY AS p(lon, lat, x, y, place)
  LEFT JOIN LATERAL (
    SELECT t.id, t.scene_id, t.z, t.x, t.y
      FROM tile t JOIN scene s ON s.id = t.scene_id
     WHERE t.footprint && ST_MakeEnvelope(p.lon - 1e-9, p.lat - 1e-9,
                                          p.lon + 1e-9, p.lat + 1e-9, 4326)
       AND t.x = p.x >> ({max_zoom} - t.z) AND t.y = p.y >> ({max_zoom} - t.z)
       AND {zoom_chosen} AND {scene_chosen}
     ORDER BY {band} DESC, s.acquired_at DESC NULLS LAST, t.z DESC, t.scene_id DESC
     LIMIT 1) best ON true
 ORDER BY p.place
"""
_BY_IDS = "SELECT id, scene_id, z, x, y FROM tile WHERE id = ANY(:ids)"
_SOURCES = """
SELECT t.id, s.kind, s.uri, s.root, t.path, t.z, t.x, t.y, s.rendering,
       COALESCE(t.fingerprint, s.fingerprint)
  FROM tile t JOIN scene s ON s.id = t.scene_id WHERE t.id = ANY(:ids)
"""


@dataclass(frozen=True, slots=True)
class TileRecord:
    """One tile; its bounds, footprint and quadkey follow from ``index``.

    Attributes:
        id: of the row.
        scene_id: of its scene.
        index: its place in the grid.
        key: what the list it was read from is ordered by, if not by id: a score, or a time.
    """

    id: int
    scene_id: int
    index: TileIndex
    key: float | datetime | None = None

    @property
    def position(self) -> Position:
        """Its place in the list it was read from."""
        return Position(self.id, self.key)


def tiles_at(
    conn: Connection, points: Sequence[LonLat], where: TileFilter
) -> list[TileRecord | None]:
    """Return the best tile at each point, None where there is none, in one statement.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    if not points:
        return []
    cells = [tile_at(position, MAX_ZOOM) for position in points]
    view = ViewConditions.of(None, where)
    statement = compose(
        _AT_POINTS,
        {
            "lons": [position.lon for position in points],
            "lats": [position.lat for position in points],
            "xs": [cell.x for cell in cells],
            "ys": [cell.y for cell in cells],
        },
        max_zoom=MAX_ZOOM,
        band=zoom_band("t.z"),
        zoom_chosen=view.zoom_chosen("t"),
        scene_chosen=view.scene_chosen("s"),
    )
    best = execute(conn, statement).all()
    found = [_record(row) if row[0] is not None else None for row in best]
    if not any(found):
        check_scene(conn, where.scene)
    return found


def tiles_in_bounds(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    *,
    limit: int,
    after: Position | int | None = None,
    before: Position | int | None = None,
    order: TileOrder = BY_ID,
    backward: bool = False,
) -> list[TileRecord]:
    """Return the tiles that share area with a viewport, in order, in one statement.

    Args:
        conn: to the database.
        parts: the viewport as ``grid.bounds`` gives it: two rectangles across the antimeridian.
        where: the filter.
        limit: at most so many.
        after: only tiles behind this place in the list; a number is an id.
        before: only tiles in front of this place.
        order: of the list.
        backward: keep to the end of the list rather than to its beginning.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = tiles_in_view(
        parts, where, limit=limit, after=after, before=before, order=order, backward=backward
    )
    found = [_record(row) for row in execute(conn, view.tiles).all()]
    if not found:
        check_scene(conn, where.scene)
    return found[::-1] if backward else found


def tiles_by_ids(conn: Connection, ids: Sequence[int]) -> dict[int, TileRecord]:
    """Return the tiles of some ids, in one statement; unknown ids are left out."""
    return {row.id: _record(row) for row in execute(conn, _BY_IDS, ids=list(ids)).all()}


def sources_by_ids(conn: Connection, tile_ids: Sequence[int]) -> dict[int, TileSource]:
    """Return where the pixels of some tiles come from, in one statement."""
    found = execute(conn, _SOURCES, ids=list(tile_ids)).all()
    return {
        tile_id: TileSource(kind, uri, root, path, TileIndex(z, x, y), rendering, fingerprint)
        for tile_id, kind, uri, root, path, z, x, y, rendering, fingerprint in found
    }


def _record(row: Sequence[Any]) -> TileRecord:
    tile_id, scene_id, z, x, y, *key = row
    return TileRecord(tile_id, scene_id, TileIndex(z, x, y), *key)
