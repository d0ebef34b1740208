"""All tables. Geometries are EPSG:4326, longitude first; scores are kept before any cutoff."""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Declarative base; ``Base.metadata`` is what Alembic compares the database with."""


class Scene(Base):
    """One ingested source: a raster, a tile pyramid, or an MBTiles file."""

    __tablename__ = "scene"
    __table_args__ = (
        CheckConstraint("kind IN ('raster', 'pyramid', 'mbtiles')", name="scene_kind_check"),
        Index("scene_footprint_idx", "footprint", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    # The file (raster, mbtiles) or folder (pyramid), absolute; pixels are only opened below root.
    uri: Mapped[str] = mapped_column(Text)
    root: Mapped[str] = mapped_column(Text)
    # Its highest zoom, and all zooms that have tiles (empty: just the one).
    zoom: Mapped[int] = mapped_column(SmallInteger)
    zooms: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default="{}")
    acquired_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    footprint: Mapped[WKBElement] = mapped_column(
        Geometry("POLYGON", srid=4326, spatial_index=False, nullable=False)
    )
    attribution: Mapped[str | None] = mapped_column(Text)
    # How pixels are made of the source: {"bands": [..], "stretch": [[low, high], ..] or null, ...}.
    rendering: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    fingerprint: Mapped[str] = mapped_column(Text)
    ingested_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), server_default=func.now()
    )


class Tile(Base):
    """One WebMercatorQuad tile of a scene; y counts from the north (XYZ)."""

    __tablename__ = "tile"
    __table_args__ = (
        UniqueConstraint("scene_id", "z", "x", "y", name="tile_scene_id_z_x_y_key"),
        Index("tile_footprint_idx", "footprint", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    scene_id: Mapped[int] = mapped_column(ForeignKey("scene.id", ondelete="CASCADE"))
    z: Mapped[int] = mapped_column(SmallInteger)
    x: Mapped[int] = mapped_column(Integer)
    y: Mapped[int] = mapped_column(Integer)
    footprint: Mapped[WKBElement] = mapped_column(
        Geometry("POLYGON", srid=4326, spatial_index=False, nullable=False)
    )
    # Geodesic, so that sums over a viewport are right at any latitude.
    area_m2: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    # Picture of the tile below the scene's uri, and its size and mtime; null for rasters, mbtiles.
    path: Mapped[str | None] = mapped_column(Text)
    fingerprint: Mapped[str | None] = mapped_column(Text)


class Model(Base):
    """One model by identity: the hash of its weights, preprocessing and labels."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("name", "version", name="model_name_version_key"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    labels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    thresholds: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    sha256: Mapped[str] = mapped_column(Text, unique=True)


class TileScore(Base):
    """All scores of a tile by a model, one per label, 0 to 1."""

    __tablename__ = "tile_score"
    __table_args__ = (Index("tile_score_model_id_idx", "model_id"),)

    tile_id: Mapped[int] = mapped_column(
        ForeignKey("tile.id", ondelete="CASCADE"), primary_key=True
    )
    model_id: Mapped[int] = mapped_column(
        ForeignKey("model.id", ondelete="CASCADE"), primary_key=True
    )
    scores: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    computed_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), server_default=func.now()
    )


class Job(Base):
    """One asked-for classification of an area by a model, in the background."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name="job_status_check",
        ),
        CheckConstraint(
            "(finished_at IS NULL) = (status IN ('queued', 'running'))", name="job_finished_check"
        ),
        # The same area and model asked for again, while a job of them is under way, are that job.
        Index(
            "job_digest_key", "digest", unique=True, postgresql_where=text("finished_at IS NULL")
        ),
        Index("job_model_id_idx", "model_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"))
    # What was asked for, as ``catalog.job_requests`` writes it, and its hash with the model.
    request: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="queued")
    # The queue of the workers that have the model, and the entry there that plans the job.
    queue: Mapped[str] = mapped_column(Text)
    queue_id: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # Tiles: all of the area, those that had scores before, those that got some, those that cannot.
    total: Mapped[int | None] = mapped_column(Integer)
    known: Mapped[int] = mapped_column(Integer, server_default="0")
    done: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    # By code of an error: {"tiles": how many, "message": of the first}.
    failures: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    # Tiles per second, of late.
    rate: Mapped[float | None] = mapped_column(DOUBLE_PRECISION)
    created_at: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=True), server_default=func.now()
    )
    started_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    progressed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class JobChunk(Base):
    """Some tiles of a job that are still to be done; the row goes when they are."""

    __tablename__ = "job_chunk"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tile_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    # The entry in the queue that does them.
    queue_id: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
