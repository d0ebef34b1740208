"""Which tiles a model has not scored yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.tiles.conditions import TILE_HERE, ZOOM_CHOSEN
from earthgql.catalog.tiles.visible import box_values
from earthgql.imagery.grid import Bounds, cell_range

_CHOSEN = f"""
  FROM tile t JOIN scene s ON s.id = t.scene_id
 WHERE (CAST(:scene AS text) IS NULL OR s.name = :scene)
   AND {ZOOM_CHOSEN.format(t="t")}
   AND {{here}}
"""
_SCORED = "SELECT FROM tile_score k WHERE k.tile_id = t.id AND k.model_id = :model"
_COUNT = f"SELECT count(*), count(*) FILTER (WHERE EXISTS ({_SCORED}))"
_NEXT = f" AND t.id > :after AND NOT EXISTS ({_SCORED}) ORDER BY t.id LIMIT :limit"


@dataclass(frozen=True, slots=True)
class TileScope:
    """Some tiles, all of them by default; overlapping scenes are not told apart.

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
    here, values = _where(scope)
    sql = text(_COUNT + _CHOSEN.format(here=here))
    tiles, scored = conn.execute(sql, {**values, "model": model_id}).one()
    return tiles, scored


def unscored(
    conn: Connection, model_id: int, scope: TileScope, *, after: int, limit: int
) -> Sequence[int]:
    """Return the next ids above ``after`` of tiles that a model has not scored, by id."""
    here, values = _where(scope)
    sql = text("SELECT t.id" + _CHOSEN.format(here=here) + _NEXT)
    return conn.scalars(sql, {**values, "model": model_id, "after": after, "limit": limit}).all()


def _where(scope: TileScope) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {"scene": scope.scene, "zoom": scope.zoom}
    if scope.parts is None:
        return "true", values
    inside = [(part, cells) for part in scope.parts if (cells := cell_range(part))]
    here = " OR ".join(TILE_HERE.format(i=i) for i in range(len(inside)))
    return f"({here})" if here else "false", values | box_values(inside)
