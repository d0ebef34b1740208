"""Estimates how much work a sum over an area is, before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import Fragment, compose, execute, join
from earthgql.catalog.tiles.conditions import Box, ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
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
_SCENES = """scene s,
       unnest(CASE WHEN s.zooms = '{{}}' THEN ARRAY[s.zoom] ELSE s.zooms END) AS z(z)
 WHERE ({scene_here}) AND {scene_chosen} AND {zoom_chosen}"""
_ESTIMATE = """SELECT count(DISTINCT z.z), count(*), COALESCE(sum({cells}), 0), min(s.id),
       array_agg(DISTINCT z.z)
  FROM {scenes}"""
_COUNT = """
SELECT count(*)
  FROM (SELECT FROM tile t JOIN scene s ON s.id = t.scene_id
         WHERE ({tile_here}) AND {scene_chosen} AND {zoom_chosen}{within}
         LIMIT :most + 1) p
"""


@dataclass(frozen=True, slots=True)
class WorkEstimate:
    """The amount of work of a sum over an area.

    Attributes:
        zooms: number of zooms its tiles may have.
        scenes: number of scenes that may have tiles there, counted once for each zoom.
        tiles: most tiles there may be, hidden ones included.
        only_zoom: the zoom, if there is but one.
        only_scene: id of the scene, if there is but one, of one zoom: none of its tiles hides
            another.
        each_zoom: the zooms its tiles may have.
    """

    zooms: int
    scenes: int
    tiles: int
    only_zoom: int | None = None
    only_scene: int | None = None
    each_zoom: tuple[int, ...] = ()


def estimate_work(conn: Connection, parts: Sequence[Bounds], where: TileFilter) -> WorkEstimate:
    """Estimate from the scenes of an area; count its tiles if it may be too large.

    One statement; two where the area may be too large, or nothing is there of a scene named.

    Args:
        conn: to the database.
        parts: the area as ``grid.bounds`` gives it, or rectangles around a polygon.
        where: the filter.

    Raises:
        AreaTooLargeError: if it has more than ``MOST_TILES``, hidden ones included, or
            so many scenes that ranking them takes too long.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    if not any(map(cell_range, parts)):
        check_scene(conn, where.scene)
        return WorkEstimate(0, 0, 0)
    view = ViewConditions.of(parts, where)
    statement = compose(_ESTIMATE, cells=cells_in_view(view), scenes=scenes_in_view(view))
    zooms, scenes, tiles, scene, found = execute(conn, statement).one()
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
        only_zoom=found[0] if zooms == 1 else None,
        only_scene=scene if scenes == 1 else None,
        each_zoom=tuple(found or ()),
    )


def count_tiles(conn: Connection, parts: Sequence[Bounds], where: TileFilter) -> int:
    """Count the tiles of an area, hidden ones included; at most ``MOST_TILES`` and one.

    Before an area is refused: the rectangles of scenes may have room for more than there is.
    """
    view = ViewConditions.of(parts, where)
    statement = compose(
        _COUNT,
        {"most": MOST_TILES},
        tile_here=view.tile_here("t"),
        scene_chosen=view.scene_chosen("s"),
        zoom_chosen=view.zoom_chosen("t"),
        within="" if where.within is None else "\n           AND " + view.touches("t"),
    )
    return int(execute(conn, statement).scalar_one())


def scenes_in_view(view: ViewConditions) -> Fragment:
    """Return what stands behind ``FROM`` for the scenes ``s`` of a viewport.

    Each comes once for each of its zooms, ``z.z``; a further condition may follow.
    """
    return compose(
        _SCENES,
        scene_here=view.scene_here("s"),
        scene_chosen=view.scene_chosen("s"),
        zoom_chosen=view.zoom_chosen("z"),
    )


def cells_in_view(view: ViewConditions) -> Fragment:
    """The number of cells that a scene and the boxes of a viewport have in common, at most."""
    if view.everywhere:
        return Fragment(f"({_COLUMNS}) * ({_ROWS})")
    return join(" + ", (_cells_in(box) for box in view.boxes))


def _cells_in(box: Box) -> Fragment:
    shift = f"({MAX_ZOOM} - z.z)"
    columns = f"({box.x1} >> {shift}) - ({box.x0} >> {shift}) + 1"
    rows = f"({box.y1} >> {shift}) - ({box.y0} >> {shift}) + 1"
    return Fragment(f"least({columns}, {_COLUMNS}) * least({rows}, {_ROWS})", box.params)
