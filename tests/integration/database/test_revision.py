"""The short way to tell whether a database is migrated says what Alembic says."""

from sqlalchemy import Engine, text

from earthgql.database import migrate, revision


def test_newest_is_alembics_head() -> None:
    assert revision.newest() == migrate.head()


def test_migrated_database_is_current(engine: Engine) -> None:
    assert revision.is_current(engine)


def test_database_of_an_older_revision_is_not_current(fresh_engine: Engine) -> None:
    migrate.downgrade(fresh_engine, "0001")
    assert migrate.current(fresh_engine) == "0001"
    assert not revision.is_current(fresh_engine)


def test_database_without_tables_is_not_current(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    assert not revision.is_current(fresh_engine)
