"""The statement that finds the visible tiles of a viewport, as a fragment for other statements.

Conditions on scores apply after ranking: a tile that a better one hides stays hidden, whatever its
scores.
"""

from collections.abc import Sequence
from typing import NamedTuple

from earthgql.catalog.sql import Fragment, compose, join
from earthgql.catalog.tiles.conditions import WHOLE_GRID, Box, ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.order import BY_ID, OrderInSql, Position, TileOrder
from earthgql.imagery.grid import MAX_ZOOM, WORLD, Bounds

MOST_CELLS = 16_384
"""Cells that ``tiles_by_cells`` looks into."""

# `chosen` is small (scenes near the viewport, times their zooms); better tiles, of rivals `r`, are
# found in the unique index (scene, z, x, y). Finer ones, of which there may be a million below a
# tile of zoom 4, are counted only if their scene lies all around it; a footprint is widened by a
# tenth of a millimetre, since edges of tiles may be rounded differently. The planner does not merge
# `chosen` with what stands around it, even where the limit is none.
_IN_VIEW = """
WITH chosen AS MATERIALIZED (
  SELECT s.id, z.z, {band} AS band, COALESCE(s.acquired_at, '-infinity') AS acquired_at,
         ST_Expand(s.footprint, 1e-9) AS footprint,
         ST_Translate(ST_Expand(s.footprint, 1e-9), -360, 0) AS beyond
    FROM scene s, unnest(CASE WHEN s.zooms = '{{}}' THEN ARRAY[s.zoom] ELSE s.zooms END) AS z(z)
   WHERE ({scene_here}) AND {scene_chosen} AND {zoom_chosen}
)
SELECT t.id, t.scene_id, t.z, t.x, t.y{columns}
  FROM {tiles} t JOIN chosen c ON c.id = t.scene_id AND c.z = t.z{scores}
 WHERE ({tile_here}){conditions}{not_hidden}{order}
 LIMIT {limit}
"""
_NOT_HIDDEN = """
   AND NOT EXISTS (
     SELECT FROM chosen r
      WHERE (r.band, r.acquired_at, r.z, r.id) > (c.band, c.acquired_at, c.z, c.id)
        AND (r.footprint && t.footprint OR r.beyond && t.footprint)
        AND CASE WHEN r.z <= t.z THEN
          EXISTS (SELECT FROM tile b
                   WHERE b.scene_id = r.id AND b.z = r.z
                     AND b.x = t.x >> (t.z - r.z) AND b.y = t.y >> (t.z - r.z))
        ELSE (r.footprint ~ t.footprint OR r.beyond ~ t.footprint) AND
          (SELECT count(*) FROM tile b
            WHERE b.scene_id = r.id AND b.z = r.z
              AND b.x BETWEEN t.x << (r.z - t.z) AND ((t.x + 1) << (r.z - t.z)) - 1
              AND b.y BETWEEN t.y << (r.z - t.z) AND ((t.y + 1) << (r.z - t.z)) - 1)
          = 1::bigint << (2 * (r.z - t.z))
        END)"""
# Of each cell the best tile of its zoom, from the best scene there on: the first that has one. So
# of a hundred scenes of one place a hundredth is looked at. The limit, which is never reached,
# tells the planner how few cells there are.
_BEST_OF_CELLS = """(
  SELECT best.*
    FROM (SELECT z, x, y, ST_SetSRID(ST_MakePoint(
                   (CAST(x AS float8) + 0.5) / (1 << z) * 360 - 180,
                   degrees(atan(sinh(pi() * (1 - (CAST(y AS float8) * 2 + 1) / (1 << z)))))), 4326)
                 AS middle
            FROM (SELECT DISTINCT z FROM chosen WHERE z BETWEEN {lowest} AND {highest}) zoom
           CROSS JOIN LATERAL generate_series({x0} >> ({finest} - z), {x1} >> ({finest} - z)) AS x
           CROSS JOIN LATERAL generate_series({y0} >> ({finest} - z), {y1} >> ({finest} - z)) AS y
           LIMIT {most}) cell
   CROSS JOIN LATERAL (
     SELECT found.*
       FROM (SELECT id FROM chosen c
              WHERE c.z = cell.z AND (c.footprint && cell.middle OR c.beyond && cell.middle)
              ORDER BY c.acquired_at DESC, c.id DESC) c
      CROSS JOIN LATERAL (
        SELECT * FROM tile
         WHERE scene_id = c.id AND z = cell.z AND x = cell.x AND y = cell.y LIMIT 1) found
      LIMIT 1) best)"""
# PostgreSQL begins the second when the first has no more rows, and not at all once it has enough: a
# part with a limit is read by one process, from its first row on.
_ONE_BEHIND_THE_OTHER = "({first}) UNION ALL ({second}) LIMIT {limit}"


def zoom_band(zoom: str) -> str:
    """Return the SQL of the band that a zoom is in: 24 to 22, 21 to 19, ... 3 to 1, and 0.

    What is coarser by three zooms or more is in a lower band.
    """
    return f"(({zoom} + 2) / 3)"


class TilesInView(NamedTuple):
    """The part of a statement that finds the tiles of a viewport.

    Attributes:
        tiles: gives ``id, scene_id, z, x, y``, ordered; and ``key`` if ordered by other than id.
        order: for an outer statement that calls the part ``p``: the same order.
    """

    tiles: Fragment
    order: str


def tiles_in_view(
    parts: Sequence[Bounds],
    where: TileFilter,
    *,
    limit: int | None,
    after: Position | int | None = None,
    before: Position | int | None = None,
    order: TileOrder = BY_ID,
    backward: bool = False,
) -> TilesInView:
    """Return what finds a page of the tiles of a viewport.

    Args:
        parts: the viewport as ``grid.bounds`` gives it.
        where: the filter.
        limit: at most so many; None for all.
        after: only tiles behind this place; a number is an id.
        before: only tiles before this place.
        order: of the list.
        backward: take those at the end of the list, in reverse.
    """
    if backward:
        after, before, order = before, after, order.reversed()
    view = ViewConditions.of(parts, where)
    in_order = OrderInSql(order, view)
    conditions = []
    if after is not None:
        conditions.append(in_order.behind("after", after))
    if before is not None:
        conditions.append(in_order.before("before", before))
    most = view.param("limit", limit)
    lists = [
        _in_view(
            view,
            columns=in_order.key_column,
            scored=order.by == "label",
            conditions=[*conditions, *part],
            order="\n ORDER BY " + in_order.clause,
            limit=most,
        )
        for part in in_order.parts(after, before)
    ]
    if len(lists) == 1:
        return TilesInView(lists[0], in_order.outer_clause)
    tiles = compose(_ONE_BEHIND_THE_OTHER, first=lists[0], second=lists[1], limit=most)
    return TilesInView(tiles, in_order.outer_clause)


def all_tiles_in_view(view: ViewConditions) -> Fragment:
    """Return what finds all tiles of a viewport, in no order, which costs less.

    Returns:
        What gives ``id, scene_id, z, x, y, area_m2, footprint``.
    """
    return _in_view(view, columns=", t.area_m2, t.footprint")


def tiles_by_cells(
    view: ViewConditions, zooms: tuple[int, int], *, only_zoom: bool = False
) -> Fragment:
    """Return what finds the tiles of some zooms by looking into each cell there is.

    Args:
        view: what they must meet; its viewport is one rectangle, of ``MOST_CELLS`` cells at most.
        zooms: lowest and highest of these tiles; those of all zooms hide others.
        only_zoom: whether all scenes there have tiles of one zoom alone, the same.

    Returns:
        What ``all_tiles_in_view`` does.
    """
    [box] = view.boxes or [Box.of(0, WORLD[0], WHOLE_GRID, view.prefix)]
    lowest, highest = (view.param(f"zoom{i}", zoom) for i, zoom in enumerate(zooms))
    edges = {edge: Fragment(getattr(box, edge), box.params) for edge in ("x0", "y0", "x1", "y1")}
    cells = compose(
        _BEST_OF_CELLS, lowest=lowest, highest=highest, finest=MAX_ZOOM, most=MOST_CELLS, **edges
    )
    return _in_view(view, columns=", t.area_m2, t.footprint", tiles=cells, ranked=only_zoom)


def _in_view(
    view: ViewConditions,
    *,
    columns: Fragment | str,
    tiles: Fragment | str = "tile",
    ranked: bool = False,
    scored: bool = False,
    conditions: Sequence[Fragment] = (),
    order: Fragment | str = "",
    limit: Fragment | str = "NULL",
) -> Fragment:
    within = [view.within("t")] if view.where.within is not None else []
    return compose(
        _IN_VIEW,
        scene_here=view.scene_here("s"),
        scene_chosen=view.scene_chosen("s"),
        zoom_chosen=view.zoom_chosen("z"),
        band=zoom_band("z.z"),
        columns=columns,
        tiles=tiles,
        scores=joined_scores(view, "t") if scored or view.about_scores else "",
        tile_here=view.tile_here("t"),
        conditions=further([*within, *view.scores("t", "k"), *conditions]),
        not_hidden="" if ranked else _NOT_HIDDEN,
        order=order,
        limit=limit,
    )


def joined_scores(view: ViewConditions, t: str) -> Fragment:
    """What joins the scores ``k`` of tiles, by the filter's model."""
    model = view.param("model", view.where.model_id)
    return f"\n  JOIN tile_score k ON k.tile_id = {t}.id AND k.model_id = " + model


def further(conditions: Sequence[Fragment]) -> Fragment:
    """Conditions that follow others, each with its ``AND``."""
    return join("", ("\n   AND " + condition for condition in conditions))
