"""A square of 150 x 150 tiles of one scene, without files, for tests of statements' plans."""

from sqlalchemy import Connection, text

from earthgql.imagery.grid import Bounds, TileIndex, tile_bounds

ZOOM = 14
CORNER = TileIndex(ZOOM, 8000, 5900)
SIDE = 150

# Footprints need not be those of the cells to the last digit: indexes look at boxes.
_FILL = """
WITH s AS (
  INSERT INTO scene (name, kind, uri, root, zoom, footprint, fingerprint)
  VALUES ('plans', 'pyramid', '/nowhere', '/nowhere', :z,
          ST_MakeEnvelope(:west, :south, :east, :north, 4326), '') RETURNING id)
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2)
SELECT s.id, :z, x, y,
       ST_Transform(ST_TileEnvelope(:z, CAST(x AS int), CAST(y AS int)), 4326), 1
  FROM s, generate_series(:x0, :x1) AS x, generate_series(:y0, :y1) AS y
"""


def insert_square(conn: Connection) -> None:
    """Insert the scene and its tiles."""
    first = tile_bounds(CORNER)
    last = tile_bounds(TileIndex(ZOOM, CORNER.x + SIDE - 1, CORNER.y + SIDE - 1))
    place = {"west": first.west, "south": last.south, "east": last.east, "north": first.north}
    cells = {"x0": CORNER.x, "x1": CORNER.x + SIDE - 1, "y0": CORNER.y, "y1": CORNER.y + SIDE - 1}
    conn.execute(text(_FILL), {"z": ZOOM, **place, **cells})


def window(columns: int, rows: int) -> Bounds:
    """A viewport of so many tiles in the middle of the square."""
    first = tile_bounds(TileIndex(ZOOM, CORNER.x + 40, CORNER.y + 40))
    last = tile_bounds(TileIndex(ZOOM, CORNER.x + 39 + columns, CORNER.y + 39 + rows))
    hair = 1e-5
    return Bounds(first.west + hair, last.south + hair, last.east - hair, first.north - hair)
