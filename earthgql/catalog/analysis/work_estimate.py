"""How much work a sum over an area is, found out before it is begun."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import rows
from earthgql.catalog.tiles.conditions import SCENE_CHOSEN, SCENE_HERE, TILE_HERE, ZOOM_CHOSEN
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.visible import tiles_in_view
from earthgql.errors import AreaTooLargeError
from earthgql.imagery.grid import MAX_LAT, MAX_ZOOM, Bounds, cell_range

MOST_TILES = 500_000
# Ranking compares every tile with every scene: those of a mosaic of 1,000 scenes of 100 tiles, 10^8
# pairs, took 31 seconds of a processor; so many take about ten.
MOST_COMPARISONS = 30_000_000

# The number of tiles that the rectangles around scenes have room for, without looking at tiles: a
# footprint may end within a tile at either end.
_COLUMNS = "(ST_XMax(s.footprint) - ST_XMin(s.footprint)) / 360 * (1 << z.z) + 1"
_ROWS = f"""(asinh(tan(radians(least(ST_YMax(s.footprint), {MAX_LAT!r}))))
             - asinh(tan(radians(greatest(ST_YMin(s.footprint), -{MAX_LAT!r}))))
            ) / (2 * pi()) * (1 << z.z) + 1"""
_ROOM = f"(:{{axis}}1{{i}} >> ({MAX_ZOOM} - z.z)) - (:{{axis}}0{{i}} >> ({MAX_ZOOM} - z.z)) + 1"
_SCENES = """scene s,
       unnest(CASE WHEN s.zooms = '{{}}' THEN ARRAY[s.zoom] ELSE s.zooms END) AS z(z)
 WHERE ({here}) AND {scene_chosen} AND {zoom_chosen}"""
_SURVEY = """SELECT count(DISTINCT z.z), count(*), COALESCE(sum({cells}), 0), min(s.id), min(z.z)
  FROM {scenes}"""
_COUNT = """
SELECT count(*)
  FROM (SELECT FROM tile t JOIN scene s ON s.id = t.scene_id
         WHERE ({here}) AND {scene_chosen} AND {zoom_chosen}
           AND (CAST(:within AS text) IS NULL
                OR ST_Intersects(ST_GeomFromText(:within, 4326), t.footprint))
         LIMIT :most + 1) p
"""


@dataclass(frozen=True, slots=True)
class WorkEstimate:
    """What there is in an area.

    Attributes:
        zooms: number of zooms its tiles may have.
        scenes: number of scenes that may have tiles there, counted once for each zoom.
        tiles: most tiles there may be, those counted that others hide.
        only_zoom: the zoom, if there is but one.
        only_scene: id of the scene, if there is but one, of one zoom: none of its tiles hides
            another.
    """

    zooms: int
    scenes: int
    tiles: int
    only_zoom: int | None = None
    only_scene: int | None = None


def estimate_work(conn: Connection, parts: Sequence[Bounds], where: TileFilter) -> WorkEstimate:
    """Look at the scenes of an area and, where these leave open whether it is too large, count.

    One statement; two where the area may be too large, or nothing is there of a scene named.

    Args:
        conn: where to ask.
        parts: the area as ``grid.bounds`` gives it, or rectangles around a polygon.
        where: which tiles may answer.

    Raises:
        AreaTooLargeError: if it has more than ``MOST_TILES``, those counted that others hide, or
            so many scenes that ranking them takes too long.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    if not any(map(cell_range, parts)):
        check_scene(conn, where.scene)
        return WorkEstimate(0, 0, 0)
    values = _values(parts, where)
    texts = _texts(_boxes(values))
    zooms, scenes, tiles, scene, zoom = rows(conn, texts.survey, values)[0]
    if not scenes:
        check_scene(conn, where.scene)
    if tiles > MOST_TILES or tiles * scenes > MOST_COMPARISONS:
        tiles = count_tiles(conn, parts, where)
    if tiles > MOST_TILES:
        raise AreaTooLargeError(
            f"the area has more than {MOST_TILES:,} tiles: ask for a smaller one, one zoom or one"
            " scene"
        )
    if tiles * scenes > MOST_COMPARISONS:
        raise AreaTooLargeError(
            f"the area has {tiles:,.0f} tiles of {scenes:,} scenes, too many to rank: ask for a"
            " smaller one, one zoom or one scene"
        )
    return WorkEstimate(
        zooms,
        scenes,
        int(tiles),
        only_zoom=zoom if zooms == 1 else None,
        only_scene=scene if scenes == 1 else None,
    )


def count_tiles(conn: Connection, parts: Sequence[Bounds], where: TileFilter) -> int:
    """Count the tiles of an area, those counted that others hide; at most ``MOST_TILES`` and one.

    Before an area is refused: the rectangles of scenes may have room for more than there is.
    """
    values = _values(parts, where)
    count = _texts(_boxes(values)).count
    return int(rows(conn, count, {"within": None, **values, "most": MOST_TILES})[0][0])


def scenes_here(parts: Sequence[Bounds], where: TileFilter) -> tuple[str, dict[str, Any]]:
    """Return what to put behind ``FROM`` for the scenes ``s`` of an area, and its parameters.

    Each comes once for each of its zooms, ``z.z``; a further condition may follow.
    """
    values = _values(parts, where)
    return _texts(_boxes(values)).scenes, values


@dataclass(frozen=True, slots=True)
class _Texts:
    scenes: str
    survey: str
    count: str


def _values(parts: Sequence[Bounds], where: TileFilter) -> dict[str, Any]:
    return tiles_in_view(parts, where, limit=None, order=None).parameters


def _boxes(values: Mapping[str, Any]) -> int:
    """Number of rectangles that the parameters tell of; none: the whole grid."""
    return sum(name[0] == "w" and name[1:].isdigit() for name in values)


@lru_cache(maxsize=16)
def _texts(boxes: int) -> _Texts:
    def here(box: str) -> str:
        return " OR ".join(box.format(i=i) for i in range(boxes)) or "true"

    scene = SCENE_CHOSEN.format(s="s")
    cells = [
        f"least({_ROOM.format(axis='x', i=i)}, {_COLUMNS})"
        f" * least({_ROOM.format(axis='y', i=i)}, {_ROWS})"
        for i in range(boxes)
    ]
    room = " + ".join(cells) or f"({_COLUMNS}) * ({_ROWS})"
    scenes = _SCENES.format(
        here=here(SCENE_HERE), scene_chosen=scene, zoom_chosen=ZOOM_CHOSEN.format(t="z")
    )
    return _Texts(
        scenes,
        _SURVEY.format(cells=room, scenes=scenes),
        _COUNT.format(
            here=here(TILE_HERE), scene_chosen=scene, zoom_chosen=ZOOM_CHOSEN.format(t="t")
        ),
    )
