"""The statement that finds the tiles of a viewport, for others to build on.

Ranking comes first, conditions on scores after it: a tile that a better one hides stays hidden,
whatever the scores of either.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from earthgql.catalog.tiles.conditions import (
    CELL_HERE,
    SCENE_CHOSEN,
    SCENE_HERE,
    TILE_HERE,
    WITHIN,
    ZOOM_CHOSEN,
)
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.order import BY_ID, Position, TileOrder
from earthgql.catalog.tiles.visible_at_one_zoom import of_one_zoom
from earthgql.imagery.grid import MAX_ZOOM, Bounds, CellRange, cell_range

# `chosen` is small (scenes near the viewport, times their zooms); better tiles, of rivals `r`, are
# found in the unique index (scene, z, x, y).
_IN_VIEW = """
WITH chosen AS MATERIALIZED (
  SELECT s.id, z.z, COALESCE(s.acquired_at, '-infinity') AS acquired_at, s.footprint,
         ST_Translate(s.footprint, -360, 0) AS beyond
    FROM scene s, unnest(CASE WHEN s.zooms = '{{}}' THEN ARRAY[s.zoom] ELSE s.zooms END) AS z(z)
   WHERE ({scenes_here}) AND {scene_chosen} AND {zoom_chosen}
)
SELECT t.id, t.scene_id, t.z, t.x, t.y{key}
  FROM tile t JOIN chosen c ON c.id = t.scene_id AND c.z = t.z{scores}
 WHERE ({tiles_here}){conditions}{ranking}{order}
 LIMIT :limit
"""
_RANKING = """
   AND NOT EXISTS (
     SELECT FROM chosen r
      WHERE (r.acquired_at, r.z, r.id) > (c.acquired_at, c.z, c.id)
        AND (r.footprint && t.footprint OR r.beyond && t.footprint)
        AND CASE WHEN r.z <= t.z THEN
          EXISTS (SELECT FROM tile b
                   WHERE b.scene_id = r.id AND b.z = r.z
                     AND b.x = t.x >> (t.z - r.z) AND b.y = t.y >> (t.z - r.z))
        ELSE
          (SELECT count(*) FROM tile b
            WHERE b.scene_id = r.id AND b.z = r.z
              AND b.x BETWEEN t.x << (r.z - t.z) AND ((t.x + 1) << (r.z - t.z)) - 1
              AND b.y BETWEEN t.y << (r.z - t.z) AND ((t.y + 1) << (r.z - t.z)) - 1)
          = 1::bigint << (2 * (r.z - t.z))
        END)"""
_SCORES = "\n  JOIN tile_score k ON k.tile_id = t.id AND k.model_id = :where_model"
_UNCLASSIFIED = (
    "NOT EXISTS (SELECT FROM tile_score n WHERE n.tile_id = t.id AND n.model_id = :where_model)"
)
# The same as the expressions of the label indexes: see `label_indexes`.
_TERM = "k.scores[:{name}_column] >= CAST(:{name}_least AS real)"
_WHOLE_GRID = CellRange(0, 0, (1 << MAX_ZOOM) - 1, (1 << MAX_ZOOM) - 1)


class TilesInView(NamedTuple):
    """The part of a statement that finds the tiles of a viewport, and its parameters.

    Attributes:
        sql: gives ``id, scene_id, z, x, y``, ordered; and ``key`` if ordered by other than id, or
            ``area_m2, footprint`` if in no order.
        parameters: for it.
        order: for an outer statement that calls the part ``p``: the same order.
    """

    sql: str
    parameters: dict[str, Any]
    order: str = "p.id"


class _Shape(NamedTuple):
    """What decides on the text of a statement; all else is parameters."""

    boxes: int | None  # None: no box, all of the grid
    where: tuple[bool | None, bool, int, int, int]  # classified, within, all, any, none
    order: TileOrder | None
    after: bool
    before: bool
    only: tuple[bool, bool]  # zoom, scene


def tiles_in_view(
    parts: Sequence[Bounds],
    where: TileFilter,
    *,
    limit: int | None,
    after: Position | int | None = None,
    before: Position | int | None = None,
    order: TileOrder | None = BY_ID,
    backward: bool = False,
    only_zoom: int | None = None,
    only_scene: int | None = None,
) -> TilesInView:
    """Return what finds the tiles of a viewport, for other statements to build on.

    Args:
        parts: the viewport as ``grid.bounds`` gives it.
        where: which tiles may answer.
        limit: at most so many; None for all.
        after: only tiles behind this place; a number is an id.
        before: only tiles in front of this place.
        order: of the list; None: any, which costs nothing, for what counts them all.
        backward: take those at the end of the list, in reverse.
        only_zoom: the only zoom of all tiles that may answer; for ``order=None`` and no limit; a
            polygon needs the parameters of ``region.blocks``, too, and adds a column ``covered``.
        only_scene: with ``only_zoom``, the only scene of these tiles: then nothing is ranked.
    """
    inside = [(part, cells) for part in parts if (cells := cell_range(part))]
    whole = any(cells == _WHOLE_GRID for _, cells in inside)
    if backward and order is not None:
        after, before = before, after
        order = TileOrder(order.by, not order.descending, order.column)
    shape = _Shape(
        None if whole else len(inside),
        (
            where.classified,
            where.within is not None,
            len(where.all_of),
            len(where.any_of),
            len(where.none_of),
        ),
        order and TileOrder(order.by, order.descending),
        after is not None,
        before is not None,
        (only_zoom is not None, only_scene is not None),
    )
    values: dict[str, Any] = {"limit": limit, "where_model": where.model_id}
    if order is not None:
        values["order_column"] = order.column
    values |= where.choice() | _term_values(where)
    if where.within is not None:
        values["within"] = where.within.wkt
    for name, place in (("after", after), ("before", before)):
        if place is not None:
            values |= _place_values(name, place)
    if not whole:
        values |= box_values(inside)
    if only_zoom is not None:
        values |= {"only_zoom": only_zoom, "only_scene": only_scene}
    text, outer = _text(shape)
    return TilesInView(text, values, outer)


def box_values(inside: Sequence[tuple[Bounds, CellRange]]) -> dict[str, Any]:
    """Return the parameters of ``SCENE_HERE`` and ``TILE_HERE`` for each box and its cells."""
    values: dict[str, Any] = {}
    for i, (part, cells) in enumerate(inside):
        values |= {f"{edge}{i}": value for edge, value in zip("wsen", part, strict=True)}
        edges = ("x0", "y0", "x1", "y1")
        values |= {f"{edge}{i}": value for edge, value in zip(edges, cells, strict=True)}
    return values


def _term_values(where: TileFilter) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for kind, terms in (("all", where.all_of), ("any", where.any_of), ("none", where.none_of)):
        for i, term in enumerate(terms):
            values[f"{kind}{i}_column"] = term.column
            values[f"{kind}{i}_least"] = term.cutoff
    return values


def _place_values(name: str, place: Position | int) -> dict[str, Any]:
    if isinstance(place, int):
        return {name: place}
    return {name: place.id, f"{name}_key": place.key}


@lru_cache(maxsize=512)
def _text(shape: _Shape) -> tuple[str, str]:
    """Return the statement, and the order for an outer one."""
    order = shape.order or BY_ID
    boxes = range(shape.boxes or 0)
    every = "true" if shape.boxes is None else "false"  # a viewport off the grid has no box at all
    scored = shape.where[0] or any(shape.where[2:]) or order.by == "label"
    scenes_here, tiles_here, cells_here = (
        " OR ".join(box.format(i=i) for i in boxes) or every
        for box in (SCENE_HERE, TILE_HERE, CELL_HERE)
    )
    scores = _SCORES if scored else ""
    conditions = "".join(f"\n   AND {condition}" for condition in _conditions(shape, order))
    only_zoom, only_scene = shape.only
    if only_zoom:
        text = of_one_zoom(
            scenes_here,
            tiles_here,
            cells_here,
            scores,
            conditions,
            within=shape.where[1],
            lone=only_scene,
        )
        return text, "p.id"
    text = _IN_VIEW.format(
        scenes_here=scenes_here,
        tiles_here=tiles_here,
        scene_chosen=SCENE_CHOSEN.format(s="s"),
        zoom_chosen=ZOOM_CHOSEN.format(t="z"),
        ranking=_RANKING,
        key=_KEY_COLUMNS[order.by] if shape.order else ", t.area_m2, t.footprint",
        scores=scores,
        conditions=conditions,
        order=f"\n ORDER BY {_in_order(_KEYS[order.by], order)}" if shape.order else "",
    )
    return text, _in_order(("p.id",) if order.by == "id" else ("p.key", "p.id"), order)


def _conditions(shape: _Shape, order: TileOrder) -> list[str]:
    classified, within, *terms = shape.where
    within = within and not shape.only[0]
    onward, back = ("<", ">") if order.descending else (">", "<")
    conditions = [WITHIN] if within else []
    conditions += [_UNCLASSIFIED] if classified is False else []
    conditions += _label_conditions(*terms)
    conditions += ["k.scores[:order_column] IS NOT NULL"] if order.by == "label" else []
    keyset = _KEYSETS[order.by]
    conditions += [keyset.format(sign=onward, place="after")] if shape.after else []
    conditions += [keyset.format(sign=back, place="before")] if shape.before else []
    return conditions


def _in_order(keys: tuple[str, ...], order: TileOrder) -> str:
    # An unknown time counts as before all others.
    way, nulls = (" DESC", " NULLS LAST") if order.descending else ("", " NULLS FIRST")
    return ", ".join(f"{key}{way}{nulls if key == 'p.key' else ''}" for key in keys)


_KEY_COLUMNS = {
    "id": "",
    "acquired": ", NULLIF(c.acquired_at, '-infinity') AS key",
    "label": ", k.scores[:order_column] AS key",
}


# What to order by, and the condition to go on at a place.
_KEYS = {
    "id": ("t.id",),
    "acquired": ("c.acquired_at", "t.id"),
    "label": ("k.scores[:order_column]", "k.tile_id"),
}
_KEYSETS = {
    "id": "t.id {sign} :{place}",
    "acquired": "(c.acquired_at, t.id) {sign}"
    " (COALESCE(CAST(:{place}_key AS timestamptz), '-infinity'), :{place})",
    "label": "(k.scores[:order_column], k.tile_id) {sign} (CAST(:{place}_key AS real), :{place})",
}


def _label_conditions(all_of: int, any_of: int, none_of: int) -> list[str]:
    def terms(kind: str, count: int) -> list[str]:
        return [_TERM.format(name=f"{kind}{i}") for i in range(count)]

    conditions = terms("all", all_of)
    if any_of:
        conditions.append(f"({' OR '.join(terms('any', any_of))})")
    if none_of:
        conditions.append(f"NOT ({' OR '.join(terms('none', none_of))})")
    return conditions
