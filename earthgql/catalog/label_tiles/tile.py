"""Label tiles: the visible tiles below a map's tile and their labels, as a vector tile."""

from collections.abc import Collection
from typing import NamedTuple, Self

from sqlalchemy import Connection

from earthgql.catalog.analysis.work_estimate import scenes_in_view
from earthgql.catalog.label_tiles import scores_in_sql
from earthgql.catalog.label_tiles.mvt import rename_keys
from earthgql.catalog.label_tiles.scores_in_sql import EDGES, SCORED, each_label
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import Fragment, compose, execute, join
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.visible import all_tiles_in_view
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
  SELECT x, y, tiles, classified{values} FROM label_sum
   WHERE model_id = :model AND z = {cells} AND tiles > 0
     AND x BETWEEN :x0 AND :x1 AND y BETWEEN :y0 AND :y1"""
_BOTH = """
  SELECT x, y, sum(tiles) AS tiles, sum(classified) AS classified{sums}
    FROM ({made} UNION ALL {kept}) part GROUP BY x, y"""
_ZOOMS = "SELECT DISTINCT z.z FROM {scenes}"
# In units of the tile, from its north-west corner to the south: whole numbers, so that cells that
# meet on the ground meet here. The second corner is the first of the ring to be the outer one.
_OUTLINE = """ST_MakeEnvelope(
           greatest({west}, -:buffer), least({south}, :extent + :buffer),
           least({east}, :extent + :buffer), greatest({north}, -:buffer))"""


def label_tile(
    conn: Connection, tile: TileIndex, where: TileFilter, model: ModelRecord, *, kept: bool = False
) -> bytes:
    """Return the visible tiles below a map's tile and their labels, as a vector tile.

    Tiles of up to five zooms more than that of the map's tile are features of their own; finer
    ones are counted in cells of that zoom.

    Args:
        conn: to the database.
        tile: of the map, of any zoom.
        where: the filter.
        model: whose scores.
        kept: use the sums that are kept (``sums``), of which the filter must not leave out any.

    Returns:
        A Mapbox Vector Tile 2.1 with the layer ``labels``; nothing if no tile is there.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = ViewConditions.of((tile_bounds(tile),), where)
    zooms = frozenset(execute(conn, compose(_ZOOMS, scenes=scenes_in_view(view))).scalars())
    if not zooms:
        check_scene(conn, where.scene)
        return b""
    deeper = DEEPER
    while True:
        cells = min(tile.z + deeper, MAX_ZOOM)
        statement = _statement(tile, view, model, cells, _Parts.of(zooms, cells, kept=kept))
        encoded = rename_keys(bytes(execute(conn, statement).scalar_one()), _names(model))
        if len(encoded) <= MOST_BYTES or deeper == 0:
            return encoded
        deeper -= 1


class _Parts(NamedTuple):
    """What a label tile is made of, as far as there are scenes of such zooms.

    Attributes:
        single: tiles by themselves.
        made: sums of tiles.
        kept: sums that are kept.
        zooms: of the first two, lowest and highest.
    """

    single: bool
    made: bool
    kept: bool
    zooms: tuple[int, int]

    @classmethod
    def of(cls, zooms: Collection[int], cells: int, *, kept: bool) -> Self:
        # What is kept begins two zooms below the cells.
        looked_at = [zoom for zoom in zooms if zoom <= cells + 1 or not kept]
        return cls(
            any(zoom <= cells for zoom in looked_at),
            any(zoom > cells for zoom in looked_at),
            len(looked_at) < len(zooms),
            (min(looked_at, default=0), max(looked_at, default=0)),
        )


def _statement(
    tile: TileIndex, view: ViewConditions, model: ModelRecord, cells: int, parts: _Parts
) -> Fragment:
    shown = Fragment("")
    if parts.single or parts.made:
        shown = compose(_SHOWN, tiles=all_tiles_in_view(view, parts.zooms), scored=SCORED)
    features = []
    if parts.single:
        single = each_label(model, scores_in_sql.reached, lambda i: f"CAST(NULL AS int) AS p{i}")
        features.append(compose(_SINGLE, cells=cells, single=single))
    if parts.made or parts.kept:
        several = each_label(model, scores_in_sql.mean_reached, scores_in_sql.share)
        sums = _sums(tile, model, cells, parts)
        features.append(compose(_CELLS, cells=cells, several=several, sums=sums))
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
        columns=each_label(model, lambda i: f"n{i}", lambda i: f"p{i}"),
        outline=_outline(tile),
        features=join("\n UNION ALL ", features),
    )


def _sums(tile: TileIndex, model: ModelRecord, cells: int, parts: _Parts) -> Fragment:
    """What finds the sums of cells: made, kept, or one added to the other."""
    made = compose(
        _MADE, cells=cells, made=each_label(model, scores_in_sql.total, scores_in_sql.over)
    )
    if not parts.kept:
        return made
    shift = cells - tile.z
    edges = {
        "x0": tile.x << shift,
        "x1": ((tile.x + 1) << shift) - 1,
        "y0": tile.y << shift,
        "y1": ((tile.y + 1) << shift) - 1,
    }
    values = each_label(model, lambda i: f"sums[{i}] AS s{i}", lambda i: f"over[{i}] AS o{i}")
    kept = compose(_KEPT, edges, cells=cells, values=values)
    if not parts.made:
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
