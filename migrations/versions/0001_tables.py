"""The first tables: scenes, their tiles, models, and scores of tiles by models."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)
FOOTPRINT = Geometry("POLYGON", srid=4326, spatial_index=False, nullable=False)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.create_table(
        "scene",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("zoom", sa.SmallInteger, nullable=False),
        sa.Column("zooms", postgresql.ARRAY(sa.SmallInteger), nullable=False, server_default="{}"),
        sa.Column("acquired_at", TIME),
        sa.Column("footprint", FOOTPRINT, nullable=False),
        sa.Column("attribution", sa.Text),
        sa.Column("rendering", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("ingested_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("kind IN ('raster', 'pyramid', 'mbtiles')", name="scene_kind_check"),
    )
    op.create_index("scene_footprint_idx", "scene", ["footprint"], postgresql_using="gist")
    op.create_table(
        "tile",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "scene_id",
            sa.BigInteger,
            sa.ForeignKey("scene.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("z", sa.SmallInteger, nullable=False),
        sa.Column("x", sa.Integer, nullable=False),
        sa.Column("y", sa.Integer, nullable=False),
        sa.Column("footprint", FOOTPRINT, nullable=False),
        sa.Column("area_m2", postgresql.DOUBLE_PRECISION, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("fingerprint", sa.Text),
        sa.UniqueConstraint("scene_id", "z", "x", "y", name="tile_scene_id_z_x_y_key"),
    )
    op.create_index("tile_footprint_idx", "tile", ["footprint"], postgresql_using="gist")
    op.create_table(
        "model",
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("labels", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("thresholds", postgresql.ARRAY(sa.REAL), nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, unique=True),
        sa.UniqueConstraint("name", "version", name="model_name_version_key"),
    )
    op.create_table(
        "tile_score",
        sa.Column(
            "tile_id", sa.BigInteger, sa.ForeignKey("tile.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "model_id", sa.Integer, sa.ForeignKey("model.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("scores", postgresql.ARRAY(sa.REAL), nullable=False),
        sa.Column("computed_at", TIME, nullable=False, server_default=sa.func.now()),
    )
    op.create_index("tile_score_model_id_idx", "tile_score", ["model_id"])


def downgrade() -> None:
    # The extension stays: other tables of the database may use it.
    for table in ("tile_score", "model", "tile", "scene"):
        op.drop_table(table)
