"""Migrations lead to exactly the tables of ``tables.py`` and those of the queue, and back."""

import importlib.util

from sqlalchemy import Connection, Engine, inspect, text

from earthgql.database import migrate
from earthgql.database.autogenerate import QUEUE_PREFIX
from earthgql.database.tables import metadata

OF_THE_QUEUE = """
SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate%'
 UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'procrastinate%'
 UNION ALL SELECT typname FROM pg_type WHERE typname LIKE '%procrastinate%'
"""


def tables(engine: Engine) -> set[str]:
    found = set(inspect(engine).get_table_names()) - {"spatial_ref_sys", "alembic_version"}
    return {name for name in found if not name.startswith(QUEUE_PREFIX)}


def of_the_queue(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text(OF_THE_QUEUE)))


def test_upgraded_database_equals_the_tables_in_code(engine: Engine) -> None:
    assert migrate.check(engine) == []
    assert migrate.current(engine) == migrate.head()
    assert tables(engine) == set(metadata.tables)


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
    assert of_the_queue(fresh_engine) == []
    assert migrate.current(fresh_engine) is None
    migrate.upgrade(fresh_engine)
    migrate.upgrade(fresh_engine)
    assert migrate.check(fresh_engine) == []


def test_the_queue_is_of_the_version_that_is_installed(engine: Engine) -> None:
    path = migrate.SCRIPTS / "versions" / "0002_jobs.py"
    spec = importlib.util.spec_from_file_location("jobs_revision", path)
    assert spec is not None
    assert spec.loader is not None
    revision = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    # A version of procrastinate that adds scripts needs a revision that runs them.
    assert revision.last_script() == revision.LAST_SCRIPT
    noted = text("SELECT obj_description('procrastinate_jobs'::regclass)")
    with engine.connect() as connection:
        assert connection.scalar(noted) == revision.LAST_SCRIPT
    assert len(of_the_queue(engine)) > 20


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
