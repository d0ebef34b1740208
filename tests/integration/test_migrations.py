"""Migrations lead to exactly the tables of ``tables.py``, and back."""

from sqlalchemy import Connection, Engine, inspect, text

from earthgql.database import migrate
from earthgql.database.tables import Base


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"spatial_ref_sys", "alembic_version"}


def test_upgraded_database_equals_the_tables_in_code(engine: Engine) -> None:
    assert migrate.check(engine) == []
    assert migrate.current(engine) == migrate.head()
    assert tables(engine) == set(Base.metadata.tables)


def test_check_sees_a_difference(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("ALTER TABLE scene DROP COLUMN attribution"))
        connection.execute(text("DROP INDEX tile_footprint_idx"))
    differences = " ".join(migrate.check(fresh_engine))
    assert "attribution" in differences
    assert "tile_footprint_idx" in differences


def test_downgrade_and_upgrade_again(fresh_engine: Engine) -> None:
    migrate.downgrade(fresh_engine, "base")
    assert tables(fresh_engine) == set()
    assert migrate.current(fresh_engine) is None
    migrate.upgrade(fresh_engine)
    migrate.upgrade(fresh_engine)
    assert migrate.check(fresh_engine) == []


def test_both_footprints_have_a_gist_index(connection: Connection) -> None:
    found = connection.execute(
        text("SELECT tablename FROM pg_indexes WHERE indexdef LIKE '%USING gist (footprint)%'")
    )
    assert set(found.scalars()) == {"scene", "tile"}


def test_connection_fixture_isolates_tests(connection: Connection) -> None:
    with connection.begin_nested():
        connection.execute(
            text(
                "INSERT INTO model (name, version, labels, thresholds, sha256) "
                "VALUES ('m', '1', '{}', '{}', 'x')"
            )
        )
    with connection.engine.connect() as other:
        assert other.scalar(text("SELECT count(*) FROM model WHERE sha256 = 'x'")) == 0
