"""Queries over tiles: by place, by viewport, by id.

Where scenes overlap, one tile answers for each piece of ground. Tiles are ranked by their scene's
``acquired_at`` (newest first, unknown last), then by zoom (highest first), then by scene (newest
first). The tile at a point is the best of those it lies in. A viewport leaves out a tile

* if a better one has the same cell or one that holds it, or
* if better ones of one scene and one higher zoom cover all of it.

So the tile at a point is always among those of a viewport around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from earthgql.catalog.statements import rows
from earthgql.errors import BadInputError
from earthgql.tiles.grid import MAX_ZOOM, Bounds, LonLat, TileIndex, cell_range, tile_at
from earthgql.tiles.imagery import TileSource

# A scene's row takes part if it passes this; `:scene` and `:at` may be NULL.
_SCENE_CHOSEN = """(CAST(:scene AS text) IS NULL OR {s}.name = :scene)
      AND (CAST(:at AS timestamptz) IS NULL OR {s}.acquired_at IS NULL OR {s}.acquired_at <= :at)"""
_ZOOM_CHOSEN = "(CAST(:zoom AS int) IS NULL OR {t}.z = :zoom)"

# Candidates come from the GiST index by a box a hair larger than the point; whole numbers decide
# which cell owns an edge.
_AT_POINTS = f"""
SELECT best.id, best.scene_id, best.z, best.x, best.y
  FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:xs AS int[]),
              CAST(:ys AS int[])) WITH ORDINALITY AS p(lon, lat, x, y, place)
  LEFT JOIN LATERAL (
    SELECT t.id, t.scene_id, t.z, t.x, t.y
      FROM tile t JOIN scene s ON s.id = t.scene_id
     WHERE t.footprint && ST_MakeEnvelope(p.lon - 1e-9, p.lat - 1e-9,
                                          p.lon + 1e-9, p.lat + 1e-9, 4326)
       AND t.x = p.x >> ({MAX_ZOOM} - t.z) AND t.y = p.y >> ({MAX_ZOOM} - t.z)
       AND {_ZOOM_CHOSEN.format(t="t")} AND {_SCENE_CHOSEN.format(s="s")}
     ORDER BY s.acquired_at DESC NULLS LAST, t.z DESC, t.scene_id DESC
     LIMIT 1) best ON true
 ORDER BY p.place
"""  # noqa: S608 - only the constants above are put in

# `chosen` is small (scenes near the viewport, times their zooms); `rival` finds better tiles in
# the unique index (scene, z, x, y). A lone scene of one zoom has no rivals and costs nothing.
_IN_BOUNDS = """
WITH chosen AS MATERIALIZED (
  SELECT s.id, z.z, s.footprint, COALESCE(s.acquired_at, '-infinity') AS acquired_at
    FROM scene s, unnest(CASE WHEN s.zooms = '{{}}' THEN ARRAY[s.zoom] ELSE s.zooms END) AS z(z)
   WHERE ({scenes_here}) AND {scene_chosen} AND {zoom_chosen}
)
SELECT t.id, t.scene_id, t.z, t.x, t.y
  FROM tile t JOIN chosen c ON c.id = t.scene_id AND c.z = t.z
 WHERE ({tiles_here}) AND t.id > :after
   AND NOT EXISTS (
     SELECT FROM chosen r
      WHERE (r.acquired_at, r.z, r.id) > (c.acquired_at, c.z, c.id)
        AND CASE WHEN r.z <= t.z THEN
          EXISTS (SELECT FROM tile b
                   WHERE b.scene_id = r.id AND b.z = r.z
                     AND b.x = t.x >> (t.z - r.z) AND b.y = t.y >> (t.z - r.z))
        ELSE
          (r.footprint && t.footprint
            OR ST_Translate(r.footprint, -360, 0) && t.footprint)
          AND (SELECT count(*) FROM tile b
                WHERE b.scene_id = r.id AND b.z = r.z
                  AND b.x BETWEEN t.x << (r.z - t.z) AND ((t.x + 1) << (r.z - t.z)) - 1
                  AND b.y BETWEEN t.y << (r.z - t.z) AND ((t.y + 1) << (r.z - t.z)) - 1)
              = 1::bigint << (2 * (r.z - t.z))
        END)
 ORDER BY t.id
 LIMIT :limit
"""
_BOX = "ST_MakeEnvelope(:w{i}, :s{i}, :e{i}, :n{i}, 4326)"
# A scene across the antimeridian is stored with longitudes above 180.
_SCENE_HERE = (
    f"s.footprint && {_BOX} OR s.footprint && "
    "ST_MakeEnvelope(:w{i} + 360, :s{i}, :e{i} + 360, :n{i}, 4326)"
)
_TILE_HERE = f"""(t.footprint && {_BOX}
    AND t.x BETWEEN :x0{{i}} >> ({MAX_ZOOM} - t.z) AND :x1{{i}} >> ({MAX_ZOOM} - t.z)
    AND t.y BETWEEN :y0{{i}} >> ({MAX_ZOOM} - t.z) AND :y1{{i}} >> ({MAX_ZOOM} - t.z))"""

_BY_IDS = text("SELECT id, scene_id, z, x, y FROM tile WHERE id = ANY(:ids)")
_SOURCES = text("""
SELECT t.id, s.kind, s.uri, s.root, t.path, t.z, t.x, t.y, s.rendering,
       COALESCE(t.fingerprint, s.fingerprint)
  FROM tile t JOIN scene s ON s.id = t.scene_id WHERE t.id = ANY(:ids)
""")
_SCENE_EXISTS = text("SELECT EXISTS (SELECT FROM scene WHERE name = :name)")


@dataclass(frozen=True, slots=True)
class TileRecord:
    """One tile; its bounds, footprint and quadkey follow from ``index``."""

    id: int
    scene_id: int
    index: TileIndex


@dataclass(frozen=True, slots=True)
class TileFilter:
    """Which tiles may answer.

    Attributes:
        scene: only those of the scene of this name.
        zoom: only those of this zoom.
        at: leaves out scenes acquired after this moment; those of unknown date stay.
    """

    scene: str | None = None
    zoom: int | None = None
    at: datetime | None = None


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
    best = rows(
        conn,
        _AT_POINTS,
        {
            "lons": [position.lon for position in points],
            "lats": [position.lat for position in points],
            "xs": [cell.x for cell in cells],
            "ys": [cell.y for cell in cells],
            **_parameters(where),
        },
    )
    found = [_record(row) if row[0] is not None else None for row in best]
    if not any(found):
        check_scene(conn, where)
    return found


def tiles_in_bounds(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    *,
    limit: int,
    after: int | None = None,
) -> list[TileRecord]:
    """Return the tiles that share area with a viewport, ordered by id, in one statement.

    Args:
        conn: where to ask.
        parts: the viewport as ``grid.bounds`` gives it: two rectangles across the antimeridian.
        where: which tiles may answer.
        limit: at most so many.
        after: only ids above this one (keyset paging).

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = tiles_in_view(parts, where, limit=limit, after=after)
    found = [_record(row) for row in rows(conn, view.sql, view.parameters)]
    if not found:
        check_scene(conn, where)
    return found


class TilesInView(NamedTuple):
    """The part of a statement that finds the tiles of a viewport, and its parameters.

    Attributes:
        sql: gives ``id, scene_id, z, x, y``, ordered by id.
        parameters: for it.
    """

    sql: str
    parameters: dict[str, Any]


def tiles_in_view(
    parts: Sequence[Bounds], where: TileFilter, *, limit: int | None, after: int | None = None
) -> TilesInView:
    """Return what finds the tiles of a viewport, for other statements to build on.

    Args:
        parts: the viewport as ``grid.bounds`` gives it.
        where: which tiles may answer.
        limit: at most so many; None for all.
        after: only ids above this one.
    """
    inside = [(part, cells) for part in parts if (cells := cell_range(part))]
    values: dict[str, Any] = {"limit": limit, "after": after or 0, **_parameters(where)}
    for i, (part, cells) in enumerate(inside):
        values |= {f"{edge}{i}": value for edge, value in zip("wsen", part, strict=True)}
        edges = ("x0", "y0", "x1", "y1")
        values |= {f"{edge}{i}": value for edge, value in zip(edges, cells, strict=True)}
    return TilesInView(_in_bounds(len(inside)), values)


def tiles_by_ids(conn: Connection, ids: Sequence[int]) -> dict[int, TileRecord]:
    """Return the tiles of some ids, in one statement; unknown ids are left out."""
    return {row.id: _record(row) for row in conn.execute(_BY_IDS, {"ids": list(ids)})}


def sources_by_ids(conn: Connection, tile_ids: Sequence[int]) -> dict[int, TileSource]:
    """Return where the pixels of some tiles come from, in one statement."""
    found = conn.execute(_SOURCES, {"ids": list(tile_ids)})
    return {
        tile_id: TileSource(kind, uri, root, path, TileIndex(z, x, y), rendering, fingerprint)
        for tile_id, kind, uri, root, path, z, x, y, rendering, fingerprint in found
    }


@cache
def _in_bounds(count: int) -> str:
    # A viewport off the grid has no part at all.
    return _IN_BOUNDS.format(
        scenes_here=" OR ".join(_SCENE_HERE.format(i=i) for i in range(count)) or "false",
        tiles_here=" OR ".join(_TILE_HERE.format(i=i) for i in range(count)) or "false",
        scene_chosen=_SCENE_CHOSEN.format(s="s"),
        zoom_chosen=_ZOOM_CHOSEN.format(t="z"),
    )


def _parameters(where: TileFilter) -> dict[str, Any]:
    return {"scene": where.scene, "zoom": where.zoom, "at": where.at}


def check_scene(conn: Connection, where: TileFilter) -> None:
    """Ask whether a scene exists; only when nothing was found, so that the usual request does not.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    if where.scene is not None and not conn.scalar(_SCENE_EXISTS, {"name": where.scene}):
        raise BadInputError(f"no scene is named {where.scene!r}")


def _record(row: Sequence[Any]) -> TileRecord:
    tile_id, scene_id, z, x, y = row
    return TileRecord(tile_id, scene_id, TileIndex(z, x, y))
