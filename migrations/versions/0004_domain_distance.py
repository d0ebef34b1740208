"""How far a tile is from what a model was trained on, beside its scores; null: not known."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tile_score", sa.Column("domain_distance", sa.REAL))


def downgrade() -> None:
    op.drop_column("tile_score", "domain_distance")
