"""Prepare the database for a command that reads or writes it."""

from earthgql.database.engine import database_errors, make_engine
from earthgql.database.private.debian import Say
from earthgql.database.revision import is_current
from earthgql.errors import DatabaseUnavailableError, SetupError
from earthgql.settings import Settings


def prepare_database(settings: Settings, say: Say) -> None:
    """Start the private database and migrate it; check the revision of one that is not ours.

    A database that does not answer may still be starting: this is a warning and no error.

    Args:
        settings: of this process.
        say: called with each line for the user: the steps of a start, and the warning.

    Raises:
        SetupError: if the tables are of a newer version, or those of ``database_url`` of an older.
    """
    engine = make_engine(settings, say=say)
    try:
        with database_errors():
            if is_current(engine):
                return
            if settings.database_url is not None:
                raise SetupError(
                    "the database lacks tables of this version: run python manage.py db upgrade"
                )
            from earthgql.database import migrate  # takes a second to import

            migrate.upgrade(engine)
    except DatabaseUnavailableError as error:
        say(f"Warning: {error}")
    finally:
        engine.dispose()
