"""Which tiles a model has not scored yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from earthgql.errors import BadInputError
from earthgql.tiles.grid import MAX_ZOOM, Bounds, cell_range

_CHOSEN = """
  FROM tile t JOIN scene s ON s.id = t.scene_id
 WHERE (CAST(:scene AS text) IS NULL OR s.name = :scene)
   AND (CAST(:zoom AS int) IS NULL OR t.z = :zoom)
   AND {here}
"""
_HERE = f"""(t.footprint && ST_MakeEnvelope(:w{{i}}, :s{{i}}, :e{{i}}, :n{{i}}, 4326)
    AND t.x BETWEEN :x0{{i}} >> ({MAX_ZOOM} - t.z) AND :x1{{i}} >> ({MAX_ZOOM} - t.z)
    AND t.y BETWEEN :y0{{i}} >> ({MAX_ZOOM} - t.z) AND :y1{{i}} >> ({MAX_ZOOM} - t.z))"""
_SCORED = "SELECT FROM tile_score k WHERE k.tile_id = t.id AND k.model_id = :model"
_COUNT = f"SELECT count(*), count(*) FILTER (WHERE EXISTS ({_SCORED}))"
_NEXT = f" AND t.id > :after AND NOT EXISTS ({_SCORED}) ORDER BY t.id LIMIT :limit"
_SCENE_EXISTS = text("SELECT EXISTS (SELECT FROM scene WHERE name = :name)")


@dataclass(frozen=True, slots=True)
class Choice:
    """Some tiles, all of them by default; overlapping scenes are not told apart.

    Attributes:
        scene: only those of the scene of this name.
        parts: only those that share area with these rectangles, as ``grid.bounds`` gives them.
        zoom: only those of this zoom.
    """

    scene: str | None = None
    parts: tuple[Bounds, ...] | None = None
    zoom: int | None = None


def count_scored(conn: Connection, model_id: int, choice: Choice) -> tuple[int, int]:
    """Return how many tiles there are, and how many of them a model has scored.

    Raises:
        BadInputError: if there is no scene of that name.
    """
    if choice.scene is not None and not conn.scalar(_SCENE_EXISTS, {"name": choice.scene}):
        raise BadInputError(
            f"no scene is named {choice.scene!r}; `manage.py scenes list` shows them"
        )
    here, values = _where(choice)
    sql = text(_COUNT + _CHOSEN.format(here=here))
    tiles, scored = conn.execute(sql, {**values, "model": model_id}).one()
    return tiles, scored


def unscored(
    conn: Connection, model_id: int, choice: Choice, *, after: int, limit: int
) -> Sequence[int]:
    """Return the next ids above ``after`` of tiles that a model has not scored, by id."""
    here, values = _where(choice)
    sql = text("SELECT t.id" + _CHOSEN.format(here=here) + _NEXT)
    return conn.scalars(sql, {**values, "model": model_id, "after": after, "limit": limit}).all()


def _where(choice: Choice) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {"scene": choice.scene, "zoom": choice.zoom}
    if choice.parts is None:
        return "true", values
    inside = [(part, cells) for part in choice.parts if (cells := cell_range(part))]
    for i, (part, cells) in enumerate(inside):
        values |= {f"{edge}{i}": value for edge, value in zip("wsen", part, strict=True)}
        edges = ("x0", "y0", "x1", "y1")
        values |= {f"{edge}{i}": value for edge, value in zip(edges, cells, strict=True)}
    here = " OR ".join(_HERE.format(i=i) for i in range(len(inside)))
    return f"({here})" if here else "false", values
