"""Migrate a database with Alembic and the scripts in ``migrations/``."""

from collections.abc import Generator
from contextlib import contextmanager

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from earthgql.database.revision import is_current
from earthgql.errors import SetupError
from earthgql.settings import PROJECT_ROOT

SCRIPTS = PROJECT_ROOT / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate up to a revision, in one transaction.

    Raises:
        SetupError: if there is no such revision, or the database is of a newer version.
    """
    with _migrating(engine) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Migrate down to a revision (``base``: no tables at all), in one transaction.

    Raises:
        SetupError: as ``upgrade``.
    """
    with _migrating(engine) as connection:
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """Return the revision of a database; None if it was never migrated."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the newest revision of the scripts; None if there are none."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


def check(engine: Engine) -> list[str]:
    """Describe each difference between a database and ``tables.py``; none is an empty list."""
    from earthgql.database.autogenerate import include_object
    from earthgql.database.tables import metadata

    options = {
        "include_object": include_object,
        "compare_type": True,
        "compare_server_default": True,
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return [str(difference) for difference in compare_metadata(context, metadata)]


@contextmanager
def _migrating(engine: Engine) -> Generator[Connection, None, None]:
    is_current(engine)  # raises SetupError for a database of a newer version
    try:
        with engine.begin() as connection:
            yield connection
    except CommandError as error:
        known = (script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions())
        raise SetupError(f"{error}; revisions are base, {', '.join(sorted(known))}") from None


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
