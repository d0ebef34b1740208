"""Tiles without scores of a model."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import Fragment, all_of, compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import Bounds

_COUNT = """
SELECT count(*), count(*) FILTER (WHERE EXISTS (
         SELECT FROM tile_score k WHERE k.tile_id = t.id AND k.model_id = :model))
  FROM tile t JOIN scene s ON s.id = t.scene_id
 WHERE {in_scope}
"""
_NEXT = """
SELECT t.id FROM tile t JOIN scene s ON s.id = t.scene_id
 WHERE {in_scope} AND t.id > :after
   AND NOT EXISTS (SELECT FROM tile_score k WHERE k.tile_id = t.id AND k.model_id = :model)
 ORDER BY t.id LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class TileScope:
    """Some tiles, all of them by default; where scenes overlap, those of each.

    Attributes:
        scene: only those of the scene of this name.
        parts: only those that share area with these rectangles, as ``grid.bounds`` gives them.
        zoom: only those of this zoom.
    """

    scene: str | None = None
    parts: tuple[Bounds, ...] | None = None
    zoom: int | None = None


def count_scored(conn: Connection, model_id: int, scope: TileScope) -> tuple[int, int]:
    """Return how many tiles there are, and how many of them a model has scored.

    Raises:
        BadInputError: if there is no scene of that name.
    """
    check_scene(conn, scope.scene, "; `manage.py scenes list` shows them")
    statement = compose(_COUNT, {"model": model_id}, in_scope=_in_scope(scope))
    tiles, scored = execute(conn, statement).one()
    return tiles, scored


def unscored(
    conn: Connection, model_id: int, scope: TileScope, *, after: int, limit: int
) -> Sequence[int]:
    """Return the next ids above ``after`` of tiles that a model has not scored, by id."""
    params = {"model": model_id, "after": after, "limit": limit}
    return execute(conn, compose(_NEXT, params, in_scope=_in_scope(scope))).scalars().all()


def _in_scope(scope: TileScope) -> Fragment:
    view = ViewConditions.of(scope.parts, TileFilter(scene=scope.scene, zoom=scope.zoom))
    here = "(" + view.tile_here("t") + ")"
    return all_of([view.scene_chosen("s"), view.zoom_chosen("t"), here])
