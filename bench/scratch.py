"""A database of a benchmark's own, with squares of tiles and scores made up for them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, make_url, text

from earthgql.database import migrate
from earthgql.database.autogenerate import LABEL_INDEX_PREFIX
from earthgql.database.engine import engine_on, private_cluster
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex
from earthgql.ingest.scene_source import CHUNK, SceneMetadata, TileChunk
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.protocol import ModelIdentity
from earthgql.settings import load_settings

ZOOM = 14
ORIGIN = TileIndex(ZOOM, 8000, 5900)
IDENTITY = ModelIdentity(
    "bench", "1", PLANET_LABELS, (0.5,) * len(PLANET_LABELS), "bench of made-up scores"
)
_SCORES = text("""
INSERT INTO tile_score (tile_id, model_id, scores)
SELECT t.id, :model, ARRAY(SELECT random()::real FROM generate_series(1, :labels) WHERE t.id > 0)
  FROM tile t WHERE t.x < :x AND t.y < :y AND NOT EXISTS (
    SELECT FROM tile_score k WHERE k.tile_id = t.id AND k.model_id = :model)
""")

_INDEXES = text("""
SELECT indexname, indexdef FROM pg_indexes
 WHERE indexname IN ('tile_scene_id_z_x_y_key', 'tile_footprint_idx')
""")
_BIG_SCENE = text("""
INSERT INTO scene (name, kind, uri, root, zoom, zooms, footprint, fingerprint)
VALUES ('base', 'pyramid', '/nowhere', '/nowhere', :z, ARRAY[CAST(:z AS smallint)],
        ST_MakeEnvelope(:w, :s, :e, :n, 4326), '') RETURNING id
""")
_BIG_BLOCK = text("""
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2, path)
SELECT :scene, :z, x, y,
       ST_MakeEnvelope(x * 360.0 / 2 ^ :z - 180, south,
                       (x + 1) * 360.0 / 2 ^ :z - 180, north, 4326),
       1, concat(CAST(:z AS text), '/', x, '/', y, '.png')
  FROM generate_series(CAST(:x AS int), :x + :side - 1) AS x,
       (SELECT y, degrees(atan(sinh(pi() * (1 - 2 * y / 2 ^ :z)))) AS north,
               degrees(atan(sinh(pi() * (1 - 2 * (y + 1) / 2 ^ :z)))) AS south
          FROM generate_series(CAST(:y AS int), :y + :side - 1) AS y) AS band
""")


@dataclass
class Block:
    """A square of tiles as a source."""

    name: str
    first: TileIndex
    side: int
    kind: str = "pyramid"
    uri: str = "/nowhere"
    root: str = "/nowhere"

    def fingerprint(self) -> str:
        return f"{self.first}-{self.side}"

    def user_metadata(self) -> SceneMetadata:
        return SceneMetadata()

    def metadata(self) -> SceneMetadata:
        return SceneMetadata()

    def chunks(self) -> Iterator[TileChunk]:
        for start in range(0, self.side**2, CHUNK):
            place = np.arange(start, min(start + CHUNK, self.side**2), dtype=np.int64)
            x, y = self.first.x + place // self.side, self.first.y + place % self.side
            paths = [f"{ZOOM}/{a}/{b}.png" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
            zoom = np.full(len(place), self.first.z, dtype=np.int64)
            yield TileChunk(zoom, x, y, paths, [None] * len(paths), len(paths))


@contextmanager
def scratch_database() -> Iterator[Engine]:
    """Make a database on the server of the settings, and drop it afterwards."""
    settings = load_settings()
    url = settings.database_url
    if url is None:
        cluster = private_cluster(settings, print)
        cluster.start()
        url = cluster.url("postgres")
    name = f"earthgql_bench_{secrets.token_hex(6)}"
    server = engine_on(url).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    engine = engine_on(make_url(url).set(database=name), statement_timeout=0)
    try:
        migrate.upgrade(engine)
        yield engine
    finally:
        engine.dispose()
        with server.connect() as conn:
            conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def make_scores(engine: Engine, model_id: int, side: int) -> None:
    """Make up scores for the tiles of a square in the corner of the first block."""
    values = {"model": model_id, "labels": len(IDENTITY.labels)}
    with engine.begin() as conn:
        # Of tables just filled nothing is known: scores would be looked for among those just
        # written, all of them for each tile.
        conn.execute(text("SET LOCAL enable_nestloop = off"))
        # The same scores each time: now and then two would be equal where one is to be the limit.
        conn.execute(text("SELECT setseed(0.5)"))
        conn.execute(_SCORES, {**values, "x": ORIGIN.x + side, "y": ORIGIN.y + side})


def drop_label_indexes(conn: Connection) -> None:
    """Drop the indexes of all labels."""
    for column in range(1, len(IDENTITY.labels) + 1):
        conn.execute(text(f"DROP INDEX IF EXISTS {LABEL_INDEX_PREFIX}{column}_idx"))


def vacuum(engine: Engine) -> None:
    """Settle what was just written, so that no benchmark pays for it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
        conn.execute(text("CHECKPOINT"))


def window(x: int, y: int, columns: int, rows: int) -> Bounds:
    """A viewport of ``columns`` by ``rows`` tiles, x and y counted from the first block's corner.

    Its edges lie a hair inside those of its tiles, so that no neighbour touches it.
    """
    first = grid.tile_bounds(TileIndex(ZOOM, ORIGIN.x + x, ORIGIN.y + y))
    last = grid.tile_bounds(TileIndex(ZOOM, ORIGIN.x + x + columns - 1, ORIGIN.y + y + rows - 1))
    hair = 1e-4
    return Bounds(first.west + hair, last.south + hair, last.east - hair, first.north - hair)


def fill_quickly(engine: Engine, side: int) -> None:
    """Make the tiles of a square block in SQL, and the indexes afterwards: for very many."""
    first = grid.tile_bounds(ORIGIN)
    last = grid.tile_bounds(TileIndex(ZOOM, ORIGIN.x + side - 1, ORIGIN.y + side - 1))
    box = dict(zip("wsen", (first.west, last.south, last.east, first.north), strict=True))
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        indexes = conn.execute(_INDEXES).all()
        conn.execute(text("ALTER TABLE tile DROP CONSTRAINT tile_scene_id_z_x_y_key"))
        conn.execute(text("DROP INDEX tile_footprint_idx"))
        scene = conn.scalar(_BIG_SCENE, {"z": ZOOM, **box})
        values = {"scene": scene, "z": ZOOM, "x": ORIGIN.x, "y": ORIGIN.y, "side": side}
        conn.execute(_BIG_BLOCK, values)
        for name, definition in indexes:
            conn.execute(text(definition))
            if name.endswith("_key"):
                conn.execute(
                    text(f"ALTER TABLE tile ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")
                )
