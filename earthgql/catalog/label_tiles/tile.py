"""Label tiles: the visible tiles below a map's tile and their labels, as a vector tile."""

from typing import NamedTuple

from sqlalchemy import Connection

from earthgql.catalog.label_tiles import scores_in_sql
from earthgql.catalog.label_tiles.changes import blocks_in
from earthgql.catalog.label_tiles.depth import Below
from earthgql.catalog.label_tiles.mvt import rename_keys
from earthgql.catalog.label_tiles.scores_in_sql import EDGES, SCORED, each_label
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.sql import Fragment, compose, execute, join
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.one_zoom import tiles_of_one_zoom
from earthgql.catalog.tiles.visible import all_tiles_in_view, tiles_by_cells
from earthgql.imagery.grid import MAX_ZOOM, TileIndex, tile_bounds

EXTENT = 4096
"""Units of a vector tile's side."""
LAYER = "labels"
DEEPER = 5
"""Zooms that the cells of a tile are finer by, at most: 1,024 cells."""
MOST_BYTES = 500_000
"""Of a tile; one that would be larger has coarser cells."""

# Units that polygons reach beyond the tile where they are cut, so that no edge shows there.
_BUFFER = 64
_TILE = """
WITH {edges}{shown}
SELECT ST_AsMVT(f, :layer, :extent, 'geom', 'id')
  FROM (SELECT id, tiles, classified, z{columns}, {outline} AS geom
          FROM ({features}) feature ORDER BY z, id NULLS LAST, y, x) f
"""
_SHOWN = """,
shown AS MATERIALIZED (
  SELECT p.id, p.z, p.x, p.y, k.scores FROM ({tiles}) p
    {scored}
)"""
_SINGLE = """
  SELECT id, CAST(z AS int) AS z, x, y, 1 AS tiles,
         CASE WHEN scores IS NULL THEN 0 ELSE 1 END AS classified{single}
    FROM shown, edges WHERE z <= {cells}"""
_CELLS = """
  SELECT CAST(NULL AS bigint) AS id, {cells} AS z, x, y, CAST(tiles AS int) AS tiles,
         CAST(classified AS int) AS classified{several}
    FROM ({sums}) cell, edges"""
_MADE = """
  SELECT x >> (z - {cells}) AS x, y >> (z - {cells}) AS y, count(*) AS tiles,
         count(scores) AS classified{made}
    FROM shown, edges WHERE z > {cells} GROUP BY 1, 2"""
_KEPT = """
  SELECT x, y, tiles, classified{values} FROM label_sum s
   WHERE model_id = :model AND {inside} AND tiles > 0"""
_BOTH = """
  SELECT x, y, sum(tiles) AS tiles, sum(classified) AS classified{sums}
    FROM ({made} UNION ALL {kept}) part GROUP BY x, y"""
# In units of the tile, from its north-west corner to the south: whole numbers, so that cells that
# meet on the ground meet here. The second corner is the first of the ring to be the outer one.
_OUTLINE = """ST_MakeEnvelope(
           greatest({west}, -:buffer), least({south}, :extent + :buffer),
           least({east}, :extent + :buffer), greatest({north}, -:buffer))"""


def cells_of(tile: TileIndex) -> int:
    """Return the zoom of the cells of a map's tile."""
    return min(tile.z + DEEPER, MAX_ZOOM)


def needs_sums(tile: TileIndex, below: Below) -> bool:
    """Whether kept sums, which begin two zooms below the cells, say what is below a tile."""
    return any(zoom > cells_of(tile) + 1 for zoom in below.zooms)


def label_tile(
    conn: Connection,
    tile: TileIndex,
    where: TileFilter,
    model: ModelRecord,
    below: Below,
    *,
    kept: bool = False,
) -> bytes:
    """Return the visible tiles below a map's tile and their labels, as a vector tile.

    Tiles of up to five zooms more than that of the map's tile are features of their own; finer
    ones are counted in cells of that zoom.

    Args:
        conn: to the database.
        tile: of the map, of any zoom.
        where: the filter.
        model: whose scores.
        below: what scenes have there.
        kept: use the sums that are kept (``sums``), of which the filter must not leave out any.

    Returns:
        A Mapbox Vector Tile 2.1 with the layer ``labels``; nothing if no tile is there.
    """
    if not below.zooms:
        return b""
    for cells in range(cells_of(tile), tile.z - 1, -1):
        source = _Source(tile, where, model, below, cells, kept)
        encoded = rename_keys(bytes(execute(conn, source.statement()).scalar_one()), _names(model))
        if len(encoded) <= MOST_BYTES:
            break
    return encoded


class _Source(NamedTuple):
    """What a label tile is made of, with cells of some zoom."""

    tile: TileIndex
    where: TileFilter
    model: ModelRecord
    below: Below
    cells: int
    kept: bool

    @property
    def looked_at(self) -> list[int]:
        """Zooms of the tiles that are looked at; the others are in sums that are kept."""
        return [zoom for zoom in self.below.zooms if zoom <= self.cells + 1 or not self.kept]

    def statement(self) -> Fragment:
        zooms, cells, model = self.looked_at, self.cells, self.model
        shown = Fragment("")
        if zooms:
            shown = compose(_SHOWN, tiles=self._tiles(min(zooms), max(zooms)), scored=SCORED)
        with_cells = max(self.below.zooms) > cells
        features, columns = [], [lambda i: f"n{i}"]
        if with_cells:
            columns.append(lambda i: f"p{i}")
            several = each_label(model, scores_in_sql.mean_reached, scores_in_sql.share)
            features.append(compose(_CELLS, cells=cells, several=several, sums=self._sums()))
        if any(zoom <= cells for zoom in zooms):
            no_share = [lambda i: f"CAST(NULL AS int) AS p{i}"] if with_cells else []
            single = each_label(model, scores_in_sql.reached, *no_share)
            features.append(compose(_SINGLE, cells=cells, single=single))
        return compose(
            _TILE,
            {
                **scores_in_sql.values(model),
                "layer": LAYER,
                "extent": EXTENT,
                "buffer": _BUFFER,
            },
            edges=EDGES,
            shown=shown,
            columns=each_label(model, *columns),
            outline=_outline(self.tile),
            features=join("\n UNION ALL ", features),
        )

    def _tiles(self, lowest: int, highest: int) -> Fragment:
        view = ViewConditions.of((tile_bounds(self.tile),), self.where)
        if self.below.only_scene is not None and self.where.within is None:
            return tiles_of_one_zoom(view, lowest, self.below.only_scene, None)
        if highest <= self.cells + 1:
            only_zoom = len(self.below.zooms) == 1
            return tiles_by_cells(view, (lowest, highest), only_zoom=only_zoom)
        return all_tiles_in_view(view)

    def _sums(self) -> Fragment:
        """What finds the sums of cells: made, kept, or one added to the other."""
        cells, model = self.cells, self.model
        made = compose(
            _MADE, cells=cells, made=each_label(model, scores_in_sql.total, scores_in_sql.over)
        )
        if len(self.looked_at) == len(self.below.zooms):
            return made
        blocks = blocks_in(self.tile, cells)
        values = each_label(model, lambda i: f"sums[{i}] AS s{i}", lambda i: f"over[{i}] AS o{i}")
        kept = compose(_KEPT, inside=blocks.holds("s"), values=values)
        if not any(zoom > cells for zoom in self.looked_at):
            return kept
        sums = each_label(model, lambda i: f"sum(s{i}) AS s{i}", lambda i: f"sum(o{i}) AS o{i}")
        return compose(_BOTH, made=made, kept=kept, sums=sums)


def _names(model: ModelRecord) -> dict[str, str]:
    labels = list(enumerate(model.identity.labels, 1))
    return {f"n{i}": label for i, label in labels} | {
        f"p{i}": f"share:{label}" for i, label in labels
    }


def _outline(tile: TileIndex) -> Fragment:
    """The rectangle of a cell in units of the tile."""
    finer, coarser = f"greatest(z - {tile.z}, 0)", f"greatest({tile.z} - z, 0)"

    def edge(axis: str, first: str, step: int) -> str:
        # A cell is a whole number of units wide, or a whole number of tiles.
        return (
            f"CASE WHEN z >= {tile.z}"
            f" THEN ({axis} + {step} - ({first} << {finer})) * ({EXTENT} >> {finer})"
            f" ELSE least(greatest(((CAST({axis} AS bigint) + {step}) << {coarser}) - {first}, -1),"
            f" 2) * {EXTENT} END"
        )

    return compose(
        _OUTLINE,
        {"tile_x": tile.x, "tile_y": tile.y},
        west=edge("x", ":tile_x", 0),
        east=edge("x", ":tile_x", 1),
        north=edge("y", ":tile_y", 0),
        south=edge("y", ":tile_y", 1),
    )
