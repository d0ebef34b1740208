"""Background jobs: the tables of the queue, procrastinate's, and those of what is asked of it.

Procrastinate publishes its schema, and a series of scripts that bring an older one up to it. This
revision takes the schema of the version installed and notes down with it the last script that is
in there, so that a later revision, for a version that adds scripts, knows which ones to run.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What the code was written for; the tests compare it with what is installed.
LAST_SCRIPT = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
TIME = postgresql.TIMESTAMP(timezone=True)

_DROP_QUEUE = r"""
DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
           procrastinate_workers CASCADE;
DO $$
DECLARE thing record;
BEGIN
  FOR thing IN SELECT oid::regprocedure AS name FROM pg_proc
                WHERE proname LIKE 'procrastinate\_%'
                  AND pronamespace = current_schema()::regnamespace
  LOOP EXECUTE 'DROP FUNCTION ' || thing.name || ' CASCADE'; END LOOP;
  FOR thing IN SELECT oid::regtype AS name FROM pg_type
                WHERE typname LIKE 'procrastinate\_%' AND typtype IN ('e', 'c')
                  AND typnamespace = current_schema()::regnamespace
  LOOP EXECUTE 'DROP TYPE ' || thing.name || ' CASCADE'; END LOOP;
END $$;
"""


def upgrade() -> None:
    from procrastinate.schema import SchemaManager

    _run(SchemaManager.get_schema())
    _run(f"COMMENT ON TABLE procrastinate_jobs IS '{last_script()}'")
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "model_id", sa.Integer, sa.ForeignKey("model.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("request", postgresql.JSONB, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("queue_id", sa.BigInteger),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("total", sa.Integer),
        sa.Column("known", sa.Integer, nullable=False, server_default="0"),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failures", postgresql.JSONB, nullable=False, server_default="{}"),
        sa.Column("rate", postgresql.DOUBLE_PRECISION),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("started_at", TIME),
        sa.Column("progressed_at", TIME),
        sa.Column("finished_at", TIME),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            name="job_status_check",
        ),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (status IN ('queued', 'running'))", name="job_finished_check"
        ),
    )
    op.create_index(
        "job_digest_key",
        "job",
        ["digest"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("job_model_id_idx", "job", ["model_id"])
    op.create_table(
        "job_chunk",
        sa.Column(
            "job_id", sa.BigInteger, sa.ForeignKey("job.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tile_ids", postgresql.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("queue_id", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    )


def downgrade() -> None:
    op.drop_table("job_chunk")
    op.drop_table("job")
    _run(_DROP_QUEUE)


def last_script() -> str:
    """Name of the last script of the procrastinate that is installed."""
    from procrastinate.schema import SchemaManager

    return max(path.name for path in Path(SchemaManager.get_migrations_path()).glob("[0-9]*.sql"))


def _run(script: str) -> None:
    # Without parameters the driver leaves the script's percent signs alone.
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(script)
