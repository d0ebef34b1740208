"""Which tiles of which scenes a map's tile is drawn from, and what a TileJSON says of all scenes.

Scenes are ranked as in ``catalog/tiles/visible.py``; the zoom that ranks a scene of several zooms
is its highest, unless a map shows it enlarged.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.visible import zoom_band
from earthgql.imagery.grid import MAX_ZOOM, Bounds, CellRange, TileIndex, cell_range, tile_bounds
from earthgql.imagery.source import PlacedTile, TileSource

MOST_SCENES = 32
"""Scenes that one tile of a map is drawn from."""
MOST_PICTURES = 256
"""Tiles of one scene that one tile of a map is drawn from."""

_MOST_CELLS = 1024
# A scene counts as large if it covers more than this share of a tile.
_LARGE = 1 / 16
_LEAST = 1e-9
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

# A scene across the antimeridian is stored with longitudes above 180. Shares are of degrees.
_SCENES = """
WITH here AS (
  SELECT s.id, s.kind, s.uri, s.root, s.rendering, s.fingerprint, s.acquired_at, s.zoom,
         CASE WHEN s.zooms = '{{}}' THEN ARRAY[s.zoom] ELSE s.zooms END AS zooms,
         ST_XMin(s.footprint) AS w, ST_YMin(s.footprint) AS s,
         ST_XMax(s.footprint) AS e, ST_YMax(s.footprint) AS n
    FROM scene s
   WHERE ({scene_here}) AND {scene_chosen}
), shared AS (
  SELECT here.*, GREATEST(LEAST(n, :n) - GREATEST(s, :s), 0) / (:n - :s)
         * (GREATEST(LEAST(e, :e) - GREATEST(w, :w), 0)
            + GREATEST(LEAST(e, :e + 360) - GREATEST(w, :w + 360), 0)) / (:e - :w) AS share
    FROM here
)
SELECT id, kind, uri, root, rendering, fingerprint, acquired_at, zoom, zooms, w, s, e, n
  FROM shared
 WHERE share > :least
 ORDER BY share > :large DESC, CASE WHEN share > :large THEN NULL ELSE share END DESC,
          {band} DESC, acquired_at DESC NULLS LAST, zoom DESC, id DESC
 LIMIT :limit
"""
_TILES = """
SELECT cell.place, t.path, t.fingerprint
  FROM unnest(CAST(:scenes AS bigint[]), CAST(:zs AS int[]), CAST(:xs AS int[]),
              CAST(:ys AS int[])) WITH ORDINALITY AS cell(scene_id, z, x, y, place)
  JOIN tile t ON t.scene_id = cell.scene_id AND t.z = cell.z AND t.x = cell.x AND t.y = cell.y
"""
_SUMMARY = """
SELECT min(ST_XMin(s.footprint)), min(ST_YMin(s.footprint)), max(ST_XMax(s.footprint)),
       max(ST_YMax(s.footprint)), max(s.zoom),
       array_agg(DISTINCT s.attribution) FILTER (WHERE s.attribution <> '')
  FROM scene s WHERE {scene_chosen}
"""


@dataclass(frozen=True, slots=True)
class ImagerySummary:
    """What there is of scenes.

    Attributes:
        bounds: that hold them, degrees, west < east; the whole grid if there are none.
        max_zoom: the highest of their zooms; 0 if there are none.
        attributions: whom to credit, sorted.
    """

    bounds: Bounds
    max_zoom: int
    attributions: tuple[str, ...]


class _Scene(NamedTuple):
    id: int
    kind: str
    uri: str
    root: str
    rendering: Mapping[str, Any]
    fingerprint: str
    acquired_at: datetime | None
    zoom: int
    zooms: Sequence[int]
    west: float
    south: float
    east: float
    north: float

    def rank(self, zoom: int) -> tuple[int, datetime, int, int]:
        """Return what scenes are ranked by, the highest first."""
        return (zoom + 2) // 3, self.acquired_at or _LONG_AGO, zoom, self.id

    def source(self, tile: TileIndex, path: str | None, fingerprint: str | None) -> TileSource:
        return TileSource(self.kind, self.uri, self.root, path, tile, self.rendering, fingerprint)


class _Candidate(NamedTuple):
    """A tile that a scene may have, and the cell it would be drawn over."""

    scene: _Scene
    rank: tuple[int, datetime, int, int]
    tile: TileIndex
    cell: TileIndex


def tiles_of_map(conn: Connection, tile: TileIndex, where: TileFilter) -> list[PlacedTile]:
    """Return what a map's tile is drawn from, the tile that hides the others first.

    Of more than ``MOST_SCENES`` scenes those are taken that cover more than a sixteenth of the
    tile, in the order of their rank, and then those that cover most of it.

    Args:
        conn: to the database.
        tile: of any zoom.
        where: names a scene, or a moment; nothing else counts.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    bounds = tile_bounds(tile)
    view = ViewConditions.of((bounds,), where)
    statement = compose(
        _SCENES,
        {
            **dict(zip("wsen", bounds, strict=True)),
            "least": _LEAST,
            "large": _LARGE,
            "limit": MOST_SCENES,
        },
        scene_here=view.scene_here("s"),
        scene_chosen=view.scene_chosen("s"),
        band=zoom_band("zoom"),
    )
    scenes = [_Scene(*row) for row in execute(conn, statement).all()]
    if not scenes:
        check_scene(conn, where.scene)
    candidates = [candidate for scene in scenes for candidate in _candidates(scene, tile)]
    candidates.sort(key=lambda candidate: candidate.rank, reverse=True)
    return _existing(conn, candidates)


def summary(conn: Connection, where: TileFilter) -> ImagerySummary:
    """Return what there is of the scenes that a filter leaves.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = ViewConditions.of(None, where)
    statement = compose(_SUMMARY, scene_chosen=view.scene_chosen("s"))
    *edges, zoom, credited = execute(conn, statement).one()
    if zoom is None:
        check_scene(conn, where.scene)
        return ImagerySummary(tile_bounds(TileIndex(0, 0, 0)), 0, ())
    west, south, east, north = edges
    if east > 180:
        west, east = -180.0, 180.0
    return ImagerySummary(Bounds(west, south, east, north), zoom, tuple(sorted(credited or ())))


def _candidates(scene: _Scene, tile: TileIndex) -> Iterator[_Candidate]:
    if scene.kind == "raster":  # drawn on the map's own grid
        yield _Candidate(scene, scene.rank(scene.zoom), tile, tile)
        return
    for zoom in scene.zooms:
        if zoom < tile.z:
            coarser = tile.z - zoom
            around = TileIndex(zoom, tile.x >> coarser, tile.y >> coarser)
            yield _Candidate(scene, scene.rank(zoom), around, around)
    finer = min((zoom for zoom in scene.zooms if zoom >= tile.z), default=None)
    if finer is not None:
        rank = scene.rank(max(scene.zooms))
        for sample, cell in _samples(_cells_in(scene, tile, finer), finer):
            yield _Candidate(scene, rank, sample, cell)


def _cells_in(scene: _Scene, tile: TileIndex, zoom: int) -> list[CellRange]:
    """Return the cells of a zoom that a scene may have tiles of, inside a tile of a lower zoom."""
    west, south, east, north = scene.west, scene.south, scene.east, scene.north
    parts = [Bounds(west, south, min(east, 180.0), north)]
    if east > 180:
        parts.append(Bounds(-180.0, south, east - 360, north))
    finer, found = zoom - tile.z, []
    for part in parts:
        if (cells := cell_range(part)) is None:
            continue
        x0, y0, x1, y1 = (edge >> (MAX_ZOOM - zoom) for edge in cells)
        inside = CellRange(
            max(x0, tile.x << finer),
            max(y0, tile.y << finer),
            min(x1, ((tile.x + 1) << finer) - 1),
            min(y1, ((tile.y + 1) << finer) - 1),
        )
        if inside.x0 <= inside.x1 and inside.y0 <= inside.y1:
            found.append(inside)
    return found


def _samples(ranges: Sequence[CellRange], zoom: int) -> Iterator[tuple[TileIndex, TileIndex]]:
    """Yield tiles and the cells they are drawn over: all, or one for each block of tiles.

    Blocks are cells of a lower zoom, of which there are at most ``MOST_PICTURES``.
    """
    step = 0
    while sum(_count(cells, step) for cells in ranges) > MOST_PICTURES:
        step += 1
    for cells in ranges:
        for y in range(cells.y0 >> step, (cells.y1 >> step) + 1):
            for x in range(cells.x0 >> step, (cells.x1 >> step) + 1):
                sample = TileIndex(
                    zoom,
                    _middle(x, step, cells.x0, cells.x1),
                    _middle(y, step, cells.y0, cells.y1),
                )
                yield sample, TileIndex(zoom - step, x, y)


def _count(cells: CellRange, step: int) -> int:
    columns = (cells.x1 >> step) - (cells.x0 >> step) + 1
    return columns * ((cells.y1 >> step) - (cells.y0 >> step) + 1)


def _middle(block: int, step: int, first: int, last: int) -> int:
    """Return the number in the middle of a block of cells, of those that are in a range."""
    return (max(block << step, first) + min(((block + 1) << step) - 1, last)) // 2


def _existing(conn: Connection, candidates: Sequence[_Candidate]) -> list[PlacedTile]:
    """Return the candidates that are in the database; those of rasters are not looked up."""
    pictures = [each for each in candidates if each.scene.kind != "raster"][:_MOST_CELLS]
    known: dict[tuple[int, TileIndex], tuple[str | None, str | None]] = {}
    if pictures:
        found = execute(
            conn,
            _TILES,
            scenes=[each.scene.id for each in pictures],
            zs=[each.tile.z for each in pictures],
            xs=[each.tile.x for each in pictures],
            ys=[each.tile.y for each in pictures],
        )
        for place, path, fingerprint in found.all():
            each = pictures[place - 1]
            known[each.scene.id, each.tile] = path, fingerprint or each.scene.fingerprint
    placed = []
    for each in candidates:
        if each.scene.kind == "raster":
            path, fingerprint = None, each.scene.fingerprint
        elif (row := known.get((each.scene.id, each.tile))) is None:
            continue
        else:
            path, fingerprint = row
        placed.append(PlacedTile(each.scene.source(each.tile, path, fingerprint), each.cell))
    return placed
