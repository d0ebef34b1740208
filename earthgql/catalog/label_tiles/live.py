"""Label tiles made from the tiles and scores as they are, for any filter."""

from sqlalchemy import Connection

from earthgql.catalog.label_tiles.boundaries import real_boundaries
from earthgql.catalog.label_tiles.mvt import rename_keys
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import check_scene
from earthgql.catalog.scores import as_real
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

# Means are of millionths, whose sums do not depend on the order of tiles.
_UNIT = 1_000_000
# Units that polygons reach beyond the tile where they are cut, so that no edge shows there.
_BUFFER = 64
_TILE = """
WITH shown AS MATERIALIZED (
  SELECT p.id, p.z, p.x, p.y, k.scores
    FROM ({tiles}) p
    LEFT JOIN LATERAL (
      SELECT scores FROM tile_score
       WHERE tile_id = p.id AND model_id = :model AND cardinality(scores) = :labels
       LIMIT 1) k ON true
), cell AS (
  SELECT id, CAST(z AS int) AS z, x, y, 1 AS tiles, CASE WHEN scores IS NULL THEN 0 ELSE 1 END
         AS classified{single}
    FROM shown WHERE z <= :deepest
   UNION ALL
  SELECT NULL, :deepest, x >> (z - :deepest) AS x, y >> (z - :deepest) AS y,
         CAST(count(*) AS int), CAST(count(scores) AS int){several}
    FROM shown WHERE z > :deepest
   GROUP BY x >> (z - :deepest), y >> (z - :deepest)
)
SELECT ST_AsMVT(f, :layer, :extent, 'geom', 'id')
  FROM (SELECT id, tiles, classified, z{columns}, {outline} AS geom
          FROM cell ORDER BY z, id NULLS LAST, y, x) f
"""
# In units of the tile, from its north-west corner to the south: whole numbers, so that cells that
# meet on the ground meet here. The second corner is the first of the ring to be the outer one.
_OUTLINE = """ST_MakeEnvelope(
           greatest({west}, -:buffer), least({south}, :extent + :buffer),
           least({east}, :extent + :buffer), greatest({north}, -:buffer))"""
_SHARE = """, CASE count(*) FILTER (WHERE {reached})
       WHEN 0 THEN CASE WHEN count(scores) > 0 THEN 0 END
       WHEN count(scores) THEN 100
       ELSE greatest(1, least(99, CAST(round(
         100.0 * count(*) FILTER (WHERE {reached}) / count(scores)) AS int))) END"""


def label_tile(conn: Connection, tile: TileIndex, where: TileFilter, model: ModelRecord) -> bytes:
    """Return the visible tiles below a map's tile and their labels, as a vector tile.

    Tiles of up to five zooms more than that of the map's tile are features of their own; finer
    ones are counted in cells of that zoom.

    Args:
        conn: to the database.
        tile: of the map, of any zoom.
        where: the filter.
        model: whose scores.

    Returns:
        A Mapbox Vector Tile 2.1 with the layer ``labels``; nothing if no tile is there.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    labels = model.identity.labels
    deepest = min(tile.z + DEEPER, MAX_ZOOM)
    view = ViewConditions.of((tile_bounds(tile),), where)
    columns = range(1, len(labels) + 1)
    statement = compose(
        _TILE,
        {
            "model": model.id,
            "labels": len(labels),
            "deepest": deepest,
            "layer": LAYER,
            "extent": EXTENT,
            "buffer": _BUFFER,
            **_boundaries(model),
        },
        tiles=all_tiles_in_view(view),
        single=join("", map(_single, columns)),
        several=join("", map(_several, columns)),
        columns="".join(f", n{column}, s{column}" for column in columns),
        outline=_outline(tile),
    )
    found = bytes(execute(conn, statement).scalar_one())
    if not found:
        check_scene(conn, where.scene)
    names = {f"n{column}": label for column, label in enumerate(labels, 1)}
    names |= {f"s{column}": f"share:{label}" for column, label in enumerate(labels, 1)}
    return rename_keys(found, names)


def _boundaries(model: ModelRecord) -> dict[str, object]:
    reals = real_boundaries(model.identity)
    thresholds = as_real(model.identity.thresholds)
    return {
        "boundaries": reals,
        "unit": _UNIT,
        "unit_boundaries": [each * _UNIT for each in reals],
        **{f"threshold{column}": each for column, each in enumerate(thresholds, 1)},
    }


def score(column: int, scores: str = "scores") -> str:
    """The score of a label as ``real``, in SQL."""
    return f"{scores}[{column}]"


def _single(column: int) -> str:
    return (
        f", width_bucket({score(column)}, CAST(:boundaries AS real[])) AS n{column}"
        f", CAST(NULL AS int) AS s{column}"
    )


def _several(column: int) -> Fragment:
    mean = f"sum(CAST({score(column)} * :unit AS int)) / CAST(count(scores) AS float8)"
    reached = f"{score(column)} >= CAST(:threshold{column} AS real)"
    return (
        f", CASE WHEN count(scores) > 0 THEN"
        f" width_bucket({mean}, CAST(:unit_boundaries AS float8[])) END"
    ) + compose(_SHARE, reached=reached)


def _outline(tile: TileIndex) -> Fragment:
    """The rectangle of a cell in units of the tile."""

    def edge(axis: str, first: int, step: int) -> str:
        # A cell is a whole number of units wide, or a whole number of tiles.
        return (
            f"CASE WHEN z >= {tile.z}"
            f" THEN ({axis} + {step} - ({first} << greatest(z - {tile.z}, 0)))"
            f" * ({EXTENT} >> greatest(z - {tile.z}, 0))"
            f" ELSE least(greatest(((CAST({axis} AS bigint) + {step}) << greatest({tile.z} - z, 0))"
            f" - {first}, -1), 2) * {EXTENT} END"
        )

    return compose(
        _OUTLINE,
        west=edge("x", tile.x, 0),
        east=edge("x", tile.x, 1),
        north=edge("y", tile.y, 0),
        south=edge("y", tile.y, 1),
    )
