"""Tiles to sum over, and scores made up for them: of one date, of two, of several zooms."""

from collections.abc import Sequence

from sqlalchemy import Engine, text

from bench.scratch import IDENTITY, ORIGIN, ZOOM, fill_quickly, make_scores, vacuum
from earthgql.catalog.models import ModelRecord, register_model
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex

_LONG = text("""
CREATE TABLE label_score AS
SELECT tile_id, model_id, label::smallint, score
  FROM tile_score, unnest(scores) WITH ORDINALITY AS u(score, label)
""")
_LONG_INDEX = text("CREATE INDEX ON label_score (model_id, tile_id) INCLUDE (label, score)")
_AREAS = text("""
UPDATE tile t SET area_m2 = of_row.area
  FROM unnest(CAST(:ys AS int[]), CAST(:areas AS float8[])) AS of_row(y, area)
 WHERE t.z = :zoom AND t.y = of_row.y
""")
# Cells over a quarter of the square, and as many where there is nothing finer.
_COARSE = text("""
WITH s AS (
  INSERT INTO scene (name, kind, uri, root, zoom, zooms, acquired_at, footprint, fingerprint)
  SELECT concat('coarse ', :z), kind, uri, root, :z, ARRAY[CAST(:z AS smallint)], acquired_at,
         ST_Envelope(ST_Collect(footprint, ST_Translate(footprint, :east, 0))), ''
    FROM scene ORDER BY id LIMIT 1 RETURNING id)
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2, path)
SELECT s.id, :z, x, y,
       ST_MakeEnvelope(x * :width - 180, south, (x + 1) * :width - 180, north, 4326), area, ''
  FROM s, unnest(CAST(:xs AS int[])) AS x,
       unnest(CAST(:ys AS int[]), CAST(:souths AS float8[]), CAST(:norths AS float8[]),
              CAST(:areas AS float8[])) AS band(y, south, north, area)
""")


def fill(engine: Engine, side: int) -> list[ModelRecord]:
    """Make a square of tiles acquired in 2016, and scores of two models for all of them."""
    fill_quickly(engine, side)
    models = []
    with engine.begin() as conn:
        conn.execute(text("UPDATE scene SET acquired_at = '2016-08-04T14:00Z'"))
        # The benchmark's tiles come without their area.
        ys = list(range(ORIGIN.y, ORIGIN.y + side))
        areas = [grid.area_m2(TileIndex(ZOOM, 0, y)) for y in ys]
        conn.execute(_AREAS, {"zoom": ZOOM, "ys": ys, "areas": areas})
        for number in "12":
            identity = type(IDENTITY)(
                IDENTITY.name, number, IDENTITY.labels, IDENTITY.thresholds, f"bench {number}"
            )
            models.append(ModelRecord(register_model(conn, identity), identity))
    for model in models:
        make_scores(engine, model.id, side)
    with engine.begin() as conn:
        conn.execute(_LONG)
        conn.execute(_LONG_INDEX)
    vacuum(engine)
    return models


def add_second_date(engine: Engine, models: Sequence[ModelRecord], side: int) -> None:
    """Make the same tiles again, acquired a year later, and their scores."""
    with engine.begin() as conn:
        conn.execute(
            text("""
            WITH s AS (
              INSERT INTO scene (name, kind, uri, root, zoom, zooms, acquired_at, footprint,
                                 fingerprint)
              SELECT 'later', kind, uri, root, zoom, zooms, acquired_at + interval '1 year',
                     footprint, '' FROM scene RETURNING id)
            INSERT INTO tile (scene_id, z, x, y, footprint, area_m2, path)
            SELECT s.id, z, x, y, footprint, area_m2, path FROM tile, s
            """)
        )
    for model in models:
        make_scores(engine, model.id, side)
    vacuum(engine)


def add_other_zooms(engine: Engine, models: Sequence[ModelRecord], side: int) -> None:
    """Make some hundreds of coarser tiles: half over a corner of the others, half beside them."""
    with engine.begin() as conn:
        for zooms in (2, 3):
            z, many = ZOOM - zooms, side // 2 >> zooms
            here, beside = ORIGIN.x >> zooms, (ORIGIN.x + 2 * side) >> zooms
            ys = list(range(ORIGIN.y >> zooms, (ORIGIN.y >> zooms) + many))
            cells = [TileIndex(z, 0, y) for y in ys]
            edges = [grid.tile_bounds(cell) for cell in cells]
            values = {
                "z": z,
                "width": 360 / (1 << z),
                "east": 2 * side * 360 / (1 << ZOOM),
                "xs": [first + i for first in (here, beside) for i in range(many)],
                "ys": ys,
                "souths": [edge.south for edge in edges],
                "norths": [edge.north for edge in edges],
                "areas": [grid.area_m2(cell) for cell in cells],
            }
            conn.execute(_COARSE, values)
    for model in models:
        make_scores(engine, model.id, side)
    vacuum(engine)
