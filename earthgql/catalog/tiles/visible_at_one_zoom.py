"""The statement that finds all tiles of a viewport where these are of one zoom.

A better tile is one of the same cell there, which a join by cells finds: quick for very many tiles,
where looking for rivals of each in turn, as ``views`` does, is for some.
"""

from earthgql.catalog.tiles.conditions import SCENE_CHOSEN, WITHIN

# Nothing here is a materialized expression, which one process alone could read: several share the
# work.
_OF_ONE_ZOOM = """
SELECT t.id, t.scene_id, t.z, t.x, t.y, t.area_m2, t.footprint
  FROM tile t JOIN scene s ON s.id = t.scene_id{scores}
 WHERE ({tiles_here}) AND t.z = :only_zoom AND ({scenes_here})
   AND {scene_chosen}{conditions}{ranking}
 LIMIT :limit
"""
_BETTER = """
   AND NOT EXISTS (
     SELECT FROM tile b JOIN scene r ON r.id = b.scene_id
      WHERE ({cells_here}) AND b.z = :only_zoom AND b.x = t.x AND b.y = t.y
        AND ({rivals_here}) AND {rival_chosen}
        AND (COALESCE(r.acquired_at, '-infinity'), r.id)
            > (COALESCE(s.acquired_at, '-infinity'), s.id))"""
# From `s.id = ..` it would follow that tiles and scene are joined by nothing, and PostgreSQL shares
# no such join among processes.
_LONE = " AND s.id + 0 = :only_scene"
# Of most tiles the block of cells that they are in says whether they lie in the polygon. The
# planner takes a polygon to leave a handful of tiles: met before the ranking, it would have it look
# for rivals of each in turn. `LIMIT`, of nothing, keeps the two apart; `OFFSET '0'` keeps a block
# from being looked up twice.
_BLOCK = "((CAST(t.x >> :step AS bigint) << 32) | (t.y >> :step))"
_RANKED_WITHIN = f"""
SELECT *
  FROM (SELECT *, CASE WHEN {_BLOCK} = ANY(CAST(:inside AS bigint[])) THEN true
                       WHEN {_BLOCK} = ANY(CAST(:edge AS bigint[])) THEN false END AS covered
          FROM ({{ranked}}) t
        OFFSET '0') t
 WHERE t.covered OR NOT t.covered AND {WITHIN}
 LIMIT :limit
"""  # noqa: S608 - only the constants above are put in


def of_one_zoom(
    scenes_here: str,
    tiles_here: str,
    cells_here: str,
    scores: str,
    conditions: str,
    *,
    within: bool,
    lone: bool,
) -> str:
    """Return the statement, as ``tiles_in_view`` does for no order and no limit.

    Args:
        scenes_here: the condition that a scene ``s`` is in the viewport.
        tiles_here: that a tile ``t`` is.
        cells_here: that the cell of a tile ``t`` is.
        scores: joins those that conditions are about; or nothing.
        conditions: on these; each begins with ``AND``.
        within: whether tiles must share area with a polygon, too: then ``covered`` says of those
            that do whether they are known to lie in it, and ``region.blocks`` gives parameters.
        lone: whether all are of one scene.
    """
    better = _BETTER.format(
        cells_here=cells_here.replace("t.", "b."),
        rivals_here=scenes_here.replace("s.", "r."),
        rival_chosen=SCENE_CHOSEN.format(s="r"),
    )
    text = _OF_ONE_ZOOM.format(
        scenes_here=scenes_here,
        tiles_here=tiles_here,
        scene_chosen=SCENE_CHOSEN.format(s="s"),
        scores=scores,
        conditions=conditions,
        ranking=_LONE if lone else better,
    )
    if within:
        text = _RANKED_WITHIN.format(ranked=text)
    # A number, of which it is known beforehand how many tiles it leaves.
    return text.replace("- t.z", "- :only_zoom").replace("- b.z", "- :only_zoom")
