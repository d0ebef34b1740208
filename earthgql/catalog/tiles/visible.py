"""The statement that finds the visible tiles of a viewport, as a fragment for other statements.

Conditions on scores apply after ranking: a tile that a better one hides stays hidden, whatever its
scores.
"""

from collections.abc import Sequence
from typing import NamedTuple

from earthgql.catalog.sql import Fragment, compose, join
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.order import BY_ID, OrderInSql, Position, TileOrder
from earthgql.imagery.grid import Bounds

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
  FROM tile t JOIN chosen c ON c.id = t.scene_id AND c.z = t.z{scores}
 WHERE ({tile_here}){conditions}
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
        END){order}
 LIMIT {limit}
"""
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


def all_tiles_in_view(view: ViewConditions, zooms: tuple[int, int] | None = None) -> Fragment:
    """Return what finds all tiles of a viewport, in no order, which costs less.

    Args:
        view: what they must meet.
        zooms: only tiles from the first to the second, both included; those of all zooms hide
            others.

    Returns:
        What gives ``id, scene_id, z, x, y, area_m2, footprint``.
    """
    conditions = []
    if zooms is not None:
        lowest, highest = (view.param(f"zoom{i}", zoom) for i, zoom in enumerate(zooms))
        # Of both tables: the one says which scenes have tiles, the other leads into the index.
        conditions = [
            compose("{t}.z BETWEEN {lowest} AND {highest}", t=t, lowest=lowest, highest=highest)
            for t in ("c", "t")
        ]
    return _in_view(view, columns=", t.area_m2, t.footprint", conditions=conditions)


def _in_view(
    view: ViewConditions,
    *,
    columns: Fragment | str,
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
        scores=joined_scores(view, "t") if scored or view.about_scores else "",
        tile_here=view.tile_here("t"),
        conditions=further([*within, *view.scores("t", "k"), *conditions]),
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
