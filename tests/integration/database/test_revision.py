"""The short way to tell whether a database is migrated says what Alembic says."""

import pytest
from sqlalchemy import Engine, text

from earthgql import cli
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


@pytest.fixture
def newer(fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A database, which commands use, that a version to come has migrated."""
    with fresh_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    url = fresh_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)
    return fresh_engine


@pytest.mark.parametrize(
    "command",
    [["db", "upgrade"], ["db", "downgrade", "0001", "--yes"], ["query", "{ __typename }"]],
)
def test_a_database_of_a_newer_version_is_an_error(
    newer: Engine, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert cli.run(command) == 1
    told = capsys.readouterr().err
    assert (
        f"tables of a newer earthgql (revision 9999, this one knows up to {revision.newest()})"
        in told
    )
    assert "db upgrade" not in told
    assert migrate.current(newer) == "9999"


def test_status_shows_a_newer_database(newer: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["db", "status"]) == 0
    assert "Revision: 9999 (of a newer version" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["upgrade"], ["downgrade", "--yes"]])
def test_an_unknown_revision_is_an_error(
    fresh_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    url = fresh_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)
    assert cli.run(["db", *command, "nosuch"]) == 1
    told = capsys.readouterr().err
    assert "'nosuch'; revisions are base, 0001, 0002" in told
    assert revision.is_current(fresh_engine)
