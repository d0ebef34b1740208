"""Compare the revision of a database with the newest migration, without importing Alembic."""

from sqlalchemy import Engine, text

from earthgql.errors import SetupError
from earthgql.settings import PROJECT_ROOT

_VERSIONS = PROJECT_ROOT / "migrations" / "versions"
_IS_MIGRATED = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_REVISION = text("SELECT version_num FROM alembic_version")


def newest() -> str:
    """Return the newest revision; names of migration files begin with it, in their order."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


def is_current(engine: Engine) -> bool:
    """Return whether a database has been migrated to the newest revision.

    Raises:
        SetupError: if it has been migrated further than this version knows.
    """
    with engine.connect() as connection:
        migrated = connection.scalar(_IS_MIGRATED)
        found = connection.scalar(_REVISION) if migrated else None
    if found is not None and found > newest():
        raise SetupError(
            f"the database has tables of a newer earthgql (revision {found}, this one knows up to "
            f"{newest()}): use that version, or another database"
        )
    return bool(found == newest())
