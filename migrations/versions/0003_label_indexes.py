"""Indexes over the scores of each label, for the models that there are already.

As ``earthgql.catalog.label_indexes`` makes them for those that come later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LABELS = sa.text("SELECT max(cardinality(labels)) FROM model")
MOST_COLUMNS = 64
CREATE = (
    "CREATE INDEX IF NOT EXISTS tile_score_label_{column}_idx ON tile_score"
    " (model_id, (scores[{column}]), tile_id)"
)
KNOWN = sa.text(
    "SELECT indexname FROM pg_indexes WHERE indexname ~ '^tile_score_label_[0-9]+_idx$'"
)


def upgrade() -> None:
    connection = op.get_bind()
    labels = min(connection.scalar(LABELS) or 0, MOST_COLUMNS)
    for column in range(1, labels + 1):
        op.execute(CREATE.format(column=column))
    # So that plans know how scores are spread.
    op.execute("ANALYZE tile_score")


def downgrade() -> None:
    for name in op.get_bind().scalars(KNOWN).all():
        op.execute(f'DROP INDEX "{name}"')
