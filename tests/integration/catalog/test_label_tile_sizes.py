"""No label tile is larger than 500 kB, also with 64 labels and scenes of all zooms in one place."""

import pytest
from sqlalchemy import Connection, text
from support.catalog_rows import add_model
from support.vector_tiles import read_tile

from earthgql.catalog.label_tiles.depth import scenes_below
from earthgql.catalog.label_tiles.tile import MOST_BYTES, label_tile
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import TileIndex

PLACE = TileIndex(8, 100, 120)
LABELS = tuple(f"a label of some length, number {number}" for number in range(64))
_SCENE = """
INSERT INTO scene (name, kind, uri, root, zoom, footprint, fingerprint, acquired_at)
VALUES (:z, 'pyramid', '/', '/', :z, ST_Transform(ST_TileEnvelope(8, 100, 120), 4326), '',
        make_timestamptz(2040 - :z, 1, 1, 0, 0, 0)) RETURNING id
"""
# A tile in 16 is left out, so that finer ones leave coarser ones something.
_TILES = """
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2)
SELECT :scene, :z, x, y, ST_Transform(ST_TileEnvelope(:z, x, y), 4326), 1
  FROM generate_series(100 << (:z - 8), (101 << (:z - 8)) - 1) AS x,
       generate_series(120 << (:z - 8), (121 << (:z - 8)) - 1) AS y
 WHERE :z < 9 OR (x & 3, y & 3) <> (1, 2)
"""
_SCORES = """
INSERT INTO tile_score (tile_id, model_id, scores)
SELECT id, :model, ARRAY(SELECT CAST(random() AS real) FROM generate_series(1, 64) WHERE id > 0)
  FROM tile
"""


def fill(connection: Connection, zooms: range) -> None:
    for zoom in zooms:
        scene = connection.scalar(text(_SCENE), {"z": zoom})
        connection.execute(text(_TILES), {"scene": scene, "z": zoom})


@pytest.mark.parametrize("zooms", [range(13, 14), range(14, 15), range(8, 15)])
def test_largest_tiles(connection: Connection, zooms: range) -> None:
    model = add_model(connection, "64", LABELS, 0.4)
    fill(connection, zooms)
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    connection.execute(text(_SCORES), {"model": model.id})
    below = scenes_below(connection, PLACE, TileFilter())
    body = label_tile(connection, PLACE, TileFilter(), model, below)
    assert 150_000 < len(body) <= MOST_BYTES == 500_000
    features = read_tile(body)
    assert len(features) >= 256
    assert {each.properties["classified"] >= 1 for each in features} == {True}
    assert all(label in features[-1].properties for label in LABELS)
