"""All tables, as Alembic compares them with a database.

Geometries are EPSG:4326, longitude first; scores are kept before any cutoff. The catalogue's
statements are text and do not import this: GeoAlchemy2 takes a tenth of what a server imports.
"""

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, TIMESTAMP

metadata = MetaData()
"""What Alembic compares the database with."""


def _footprint() -> Column[Geometry]:
    return Column("footprint", Geometry("POLYGON", srid=4326, spatial_index=False), nullable=False)


# One ingested source: a raster, a tile pyramid, or an MBTiles file.
scene = Table(
    "scene",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, unique=True, nullable=False),
    Column("kind", Text, nullable=False),
    # The file (raster, mbtiles) or folder (pyramid), absolute; pixels are only opened below root.
    Column("uri", Text, nullable=False),
    Column("root", Text, nullable=False),
    # Its highest zoom, and all zooms that have tiles (empty: just the one).
    Column("zoom", SmallInteger, nullable=False),
    Column("zooms", ARRAY(SmallInteger), server_default="{}", nullable=False),
    Column("acquired_at", TIMESTAMP(timezone=True)),
    _footprint(),
    Column("attribution", Text),
    # How pixels are made of the source: {"bands": [..], "stretch": [[low, high], ..] or null, ...}.
    Column("rendering", JSONB, server_default="{}", nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("ingested_at", TIMESTAMP(timezone=True), server_default=func.now(), nullable=False),
    CheckConstraint("kind IN ('raster', 'pyramid', 'mbtiles')", name="scene_kind_check"),
    Index("scene_footprint_idx", "footprint", postgresql_using="gist"),
)

# One WebMercatorQuad tile of a scene; y counts from the north (XYZ).
tile = Table(
    "tile",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("scene_id", ForeignKey("scene.id", ondelete="CASCADE"), nullable=False),
    Column("z", SmallInteger, nullable=False),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    _footprint(),
    # Geodesic, so that sums over a viewport are right at any latitude.
    Column("area_m2", DOUBLE_PRECISION, nullable=False),
    # Picture of the tile below the scene's uri, and its size and mtime; null for rasters, mbtiles.
    Column("path", Text),
    Column("fingerprint", Text),
    UniqueConstraint("scene_id", "z", "x", "y", name="tile_scene_id_z_x_y_key"),
    Index("tile_footprint_idx", "footprint", postgresql_using="gist"),
)

# One model by identity: the hash of its weights, preprocessing and labels.
model = Table(
    "model",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("labels", ARRAY(Text), nullable=False),
    Column("thresholds", ARRAY(REAL), nullable=False),
    Column("sha256", Text, unique=True, nullable=False),
    UniqueConstraint("name", "version", name="model_name_version_key"),
)

# All scores of a tile by a model, one per label, 0 to 1.
tile_score = Table(
    "tile_score",
    metadata,
    Column("tile_id", ForeignKey("tile.id", ondelete="CASCADE"), primary_key=True),
    Column("model_id", ForeignKey("model.id", ondelete="CASCADE"), primary_key=True),
    Column("scores", ARRAY(REAL), nullable=False),
    Column("computed_at", TIMESTAMP(timezone=True), server_default=func.now(), nullable=False),
    # From what the model was trained on: above 1, the tile is unlike that; null: not known.
    Column("domain_distance", REAL),
    Index("tile_score_model_id_idx", "model_id"),
)

# Sums of the visible tiles' scores by cells, for label tiles: see ``catalog.label_tiles.sums``.
# Arrays have one number for each label: millionths of scores, and tiles that reach the threshold.
label_sum = Table(
    "label_sum",
    metadata,
    Column("model_id", ForeignKey("model.id", ondelete="CASCADE"), primary_key=True),
    Column("z", SmallInteger, primary_key=True, autoincrement=False),
    Column("x", Integer, primary_key=True, autoincrement=False),
    Column("y", Integer, primary_key=True, autoincrement=False),
    Column("tiles", Integer, nullable=False),
    Column("classified", Integer, nullable=False),
    Column("sums", ARRAY(DOUBLE_PRECISION), nullable=False),
    Column("over", ARRAY(Integer), nullable=False),
    # Of the changes that are in it; null: of none, or the cell is no block.
    Column("revision", BigInteger),
)

# Changes of tiles (no model) and scores by blocks, which triggers note: see
# ``catalog.label_tiles.changes``. The revision of a block is the sum of what was added.
label_change = Table(
    "label_change",
    metadata,
    Column("z", SmallInteger, nullable=False),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    # Of tiles that are counted in this block itself, rather than in one inside it.
    Column("own", Boolean, nullable=False),
    Column("model_id", ForeignKey("model.id", ondelete="CASCADE")),
    Column("added", BigInteger, nullable=False),
    Index("label_change_place_idx", "z", "x", "y", "own"),
)

# One request to classify an area by a model, in the background.
job = Table(
    "job",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("model_id", ForeignKey("model.id", ondelete="CASCADE"), nullable=False),
    # As ``catalog.jobs.requests`` writes it, and its hash with the model.
    Column("request", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("status", Text, server_default="queued", nullable=False),
    # The queue of the workers that have the model, and the entry there that plans the job.
    Column("queue", Text, nullable=False),
    Column("queue_id", BigInteger),
    Column("attempts", SmallInteger, server_default="0", nullable=False),
    # Tiles: all of the area, those that had scores before, those that got some, those that cannot.
    Column("total", Integer),
    Column("known", Integer, server_default="0", nullable=False),
    Column("done", Integer, server_default="0", nullable=False),
    Column("failed", Integer, server_default="0", nullable=False),
    # By code of an error: {"tiles": how many, "message": of the first}.
    Column("failures", JSONB, server_default="{}", nullable=False),
    # Tiles per second, of late.
    Column("rate", DOUBLE_PRECISION),
    Column("created_at", TIMESTAMP(timezone=True), server_default=func.now(), nullable=False),
    Column("started_at", TIMESTAMP(timezone=True)),
    Column("progressed_at", TIMESTAMP(timezone=True)),
    Column("finished_at", TIMESTAMP(timezone=True)),
    CheckConstraint(
        "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name="job_status_check"
    ),
    CheckConstraint(
        "(finished_at IS NULL) = (status IN ('queued', 'running'))", name="job_finished_check"
    ),
    # A request for the same area and model, while a job of them is unfinished, is that job.
    Index("job_digest_key", "digest", unique=True, postgresql_where=text("finished_at IS NULL")),
    Index("job_model_id_idx", "model_id"),
)

# Some tiles of a job that are still to be done; the row goes when they are.
job_chunk = Table(
    "job_chunk",
    metadata,
    Column("job_id", ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("tile_ids", ARRAY(BigInteger), nullable=False),
    # The entry in the queue that does them.
    Column("queue_id", BigInteger, nullable=False),
    Column("attempts", SmallInteger, server_default="0", nullable=False),
)
