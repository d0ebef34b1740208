"""Databases and a browser for tests: real PostGIS, never the one of the demo."""

import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, make_url, text
from support.small_network import networks_dir, small_bundle

from earthgql.database import migrate
from earthgql.database.engine import driver_url, engine_on, private_cluster
from earthgql.settings import load_settings

__all__ = ["networks_dir", "small_bundle"]


@pytest.fixture(scope="session")
def _server_url() -> str:
    """URL of the database through which others are made on the same server."""
    settings = load_settings()
    if settings.database_url is not None:
        return driver_url(settings.database_url).render_as_string(hide_password=False)
    cluster = private_cluster(settings, print)
    cluster.start()
    return cluster.url("postgres")


@contextmanager
def _database(server_url: str, template: str | None = None) -> Iterator[str]:
    """Make a database with a random name, and drop it afterwards whoever is still connected."""
    name = f"earthgql_test_{secrets.token_hex(6)}"
    server = engine_on(server_url, pool_size=1)
    autocommit = server.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with autocommit.connect() as connection:
            source = f" TEMPLATE {template}" if template else ""
            connection.execute(text(f"CREATE DATABASE {name}{source}"))
        try:
            yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        finally:
            with autocommit.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        server.dispose()


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = engine_on(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def _template(_server_url: str) -> Generator[str, None, None]:
    """Name of a migrated database to which nothing stays connected."""
    with _database(_server_url) as url:
        with _engine(url) as engine:
            migrate.upgrade(engine)
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture(scope="session")
def database_url(_server_url: str, _template: str) -> Generator[str, None, None]:
    """URL of this test run's own migrated database."""
    with _database(_server_url, _template) as url:
        yield url


@pytest.fixture(scope="session")
def engine(database_url: str) -> Generator[Engine, None, None]:
    """Engine on this test run's own database; what is committed stays for later tests."""
    with _engine(database_url) as engine:
        yield engine


@pytest.fixture
def connection(engine: Engine) -> Generator[Connection, None, None]:
    """One connection whose outer transaction is rolled back; commits within end a savepoint."""
    with engine.connect() as connection:
        outer = connection.begin()
        try:
            yield connection
        finally:
            if outer.is_active:
                outer.rollback()


@pytest.fixture
def fresh_database_url(_server_url: str, _template: str) -> Generator[str, None, None]:
    """URL of a migrated database for one test: for servers, kills, threads and COPY."""
    with _database(_server_url, _template) as url:
        yield url


@pytest.fixture
def fresh_engine(fresh_database_url: str) -> Generator[Engine, None, None]:
    """Engine on a migrated database for one test."""
    with _engine(fresh_database_url) as engine:
        yield engine


@pytest.fixture(scope="module")
def module_engine(_server_url: str, _template: str) -> Generator[Engine, None, None]:
    """Engine on a migrated database that the tests of one module share."""
    with _database(_server_url, _template) as url, _engine(url) as engine:
        yield engine
