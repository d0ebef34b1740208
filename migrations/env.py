"""Run by Alembic, on the connection that ``earthgql.database.migrate`` hands over."""

from alembic import context
from geoalchemy2 import alembic_helpers

from earthgql.database.autogenerate import include_object
from earthgql.database.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrate by: python manage.py db upgrade")

context.configure(
    connection=connection,
    target_metadata=metadata,
    include_object=include_object,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
