"""The statement that finds all tiles of a viewport where these are of one zoom.

A better tile is one of the same cell there, which a join by cells finds: quick for very many tiles,
where looking for rivals of each in turn, as ``visible`` does, is for some.
"""

from typing import NamedTuple

from earthgql.catalog.sql import Fragment, compose
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.visible import further, joined_scores

# Nothing here is a materialized expression, which one process alone could read: several share the
# work. The zoom is a number, of which it is known beforehand how many tiles it leaves.
_OF_ONE_ZOOM = """
SELECT t.id, t.scene_id, t.z, t.x, t.y, t.area_m2, t.footprint
  FROM tile t JOIN scene s ON s.id = t.scene_id{scores}
 WHERE ({tile_here}) AND t.z = {zoom} AND ({scene_here})
   AND {scene_chosen}{conditions}{ranking}
 LIMIT NULL
"""
_BETTER = """
   AND NOT EXISTS (
     SELECT FROM tile b JOIN scene r ON r.id = b.scene_id
      WHERE ({cell_here}) AND b.z = {zoom} AND b.x = t.x AND b.y = t.y
        AND ({scene_here}) AND {scene_chosen}
        AND (COALESCE(r.acquired_at, '-infinity'), r.id)
            > (COALESCE(s.acquired_at, '-infinity'), s.id))"""
# Of most tiles the block of cells that they are in says whether they lie in the polygon. The
# planner takes a polygon to leave a handful of tiles: met before the ranking, it would have it look
# for rivals of each in turn. `LIMIT`, of nothing, keeps the two apart; `OFFSET '0'` keeps a block
# from being looked up twice.
_BLOCK = "((CAST(t.x >> {step} AS bigint) << 32) | (t.y >> {step}))"
_RANKED_WITHIN = """
SELECT *
  FROM (SELECT *, CASE WHEN {block} = ANY(CAST({inside} AS bigint[])) THEN true
                       WHEN {block} = ANY(CAST({edge} AS bigint[])) THEN false END AS covered
          FROM ({ranked}) t
        OFFSET '0') t
 WHERE t.covered OR NOT t.covered AND {within}
 LIMIT NULL
"""


class CellBlocks(NamedTuple):
    """Blocks of cells of one zoom, numbered ``x << 32 | y``, that lie in a polygon or at its edge.

    Attributes:
        step: blocks are the cells of a zoom coarser by so much.
        inside: those that lie in the polygon.
        edge: those that may share area with it besides.
    """

    step: int
    inside: list[int]
    edge: list[int]


def tiles_of_one_zoom(
    view: ViewConditions, zoom: int, scene: int | None, blocks: CellBlocks | None
) -> Fragment:
    """Return what finds all tiles of a viewport, in no order.

    Args:
        view: what they must meet.
        zoom: the only zoom of all tiles that may answer.
        scene: the only scene of these tiles: then nothing is ranked.
        blocks: of the filter's polygon, if it has one.

    Returns:
        What gives ``id, scene_id, z, x, y, area_m2, footprint``, and with a polygon ``covered``:
        whether the tile is known to lie in it.
    """
    only_zoom = view.param("only_zoom", zoom)
    ranked = compose(
        _OF_ONE_ZOOM,
        scores=joined_scores(view, "t") if view.about_scores else "",
        tile_here=view.tile_here("t", only_zoom.sql),
        zoom=only_zoom,
        scene_here=view.scene_here("s"),
        scene_chosen=view.scene_chosen("s"),
        conditions=further(view.scores("t", "k")),
        ranking=_is_best(view, only_zoom) if scene is None else _is_of_scene(view, scene),
    )
    if blocks is None:
        return ranked
    step = view.param("step", blocks.step)
    block = compose(_BLOCK, step=step)
    return compose(
        _RANKED_WITHIN,
        block=block,
        inside=view.param("inside", blocks.inside),
        edge=view.param("edge", blocks.edge),
        ranked=ranked,
        within=view.within("t"),
    )


def _is_best(view: ViewConditions, zoom: Fragment) -> Fragment:
    return compose(
        _BETTER,
        zoom=zoom,
        cell_here=view.cell_here("b", zoom.sql),
        scene_here=view.scene_here("r"),
        scene_chosen=view.scene_chosen("r"),
    )


def _is_of_scene(view: ViewConditions, scene: int) -> Fragment:
    # From `s.id = ..` it would follow that tiles and scene are joined by nothing, and PostgreSQL
    # shares no such join among processes.
    return "\n   AND s.id + 0 = " + view.param("only_scene", scene)
