"""Indexes of labels hold scores from 0.02 on only; most are lower.

As ``earthgql.catalog.label_indexes`` makes them for models that come later, with the statistics
that partial indexes do not have. The old ones are there until the new ones are made, so that lists
go on meanwhile; storing scores waits.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KNOWN = sa.text("""
SELECT CAST(substring(indexname FROM '[0-9]+') AS int) FROM pg_indexes
 WHERE indexname ~ '^tile_score_label_[0-9]+_idx$' ORDER BY 1
""")
CREATE = (
    "CREATE INDEX tile_score_label_{column}_idx_new ON tile_score"
    " (model_id, (scores[{column}]), tile_id){where}"
)
HIGHER = " WHERE scores[{column}] >= CAST(0.02 AS real)"
ADD_STATISTICS = (
    "CREATE STATISTICS tile_score_label_{column}_stats ON (scores[{column}]) FROM tile_score"
)
DROP_STATISTICS = "DROP STATISTICS IF EXISTS tile_score_label_{column}_stats"


def upgrade() -> None:
    replace(HIGHER, ADD_STATISTICS)


def downgrade() -> None:
    replace("", DROP_STATISTICS)


def replace(where: str, statistics: str) -> None:
    """Make all indexes of labels anew, for other rows."""
    columns = op.get_bind().scalars(KNOWN).all()
    for column in columns:
        op.execute(CREATE.format(column=column, where=where.format(column=column)))
        op.execute(statistics.format(column=column))
    # So that plans know how scores are spread.
    op.execute("ANALYZE tile_score")
    for column in columns:
        op.execute(f"DROP INDEX tile_score_label_{column}_idx")
        op.execute(
            f"ALTER INDEX tile_score_label_{column}_idx_new RENAME TO tile_score_label_{column}_idx"
        )
