"""Engines, and what a person is told when the database is away."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg2
from sqlalchemy import Engine, create_engine, exc, make_url
from sqlalchemy.engine import URL

from earthgql.database.embedded import Cluster
from earthgql.debian import Say
from earthgql.errors import DatabaseUnavailableError
from earthgql.settings import Settings

_CONNECT_TIMEOUT_S = 5
_CONNECTION_LOST = ("08", "57P", "53300")
_UNDEFINED_TABLE = "42P01"


def _quiet(_line: str) -> None:
    return


def private_cluster(settings: Settings, say: Say = _quiet) -> Cluster:
    """Return the clone's own cluster, started or not."""
    return Cluster(settings.var_dir / "postgres", settings.var_dir / "debian", say)


def make_engine(
    settings: Settings, *, statement_timeout: float = 300.0, say: Say = _quiet
) -> Engine:
    """Make an engine on ``database_url``, or on the private cluster, which is started if need be.

    Args:
        settings: of this process.
        statement_timeout: seconds after which the server ends a statement; 0 never.
        say: told the steps of a start that takes time.

    Raises:
        SetupError: if the private cluster cannot run on this machine.
        DatabaseUnavailableError: if it does not come up.
    """
    url = settings.database_url
    if url is None:
        cluster = private_cluster(settings, say)
        cluster.start()
        url = cluster.url()
    return engine_on(url, pool_size=settings.pool_size, statement_timeout=statement_timeout)


def engine_on(url: str | URL, *, pool_size: int = 8, statement_timeout: float = 300.0) -> Engine:
    """Make an engine on a URL; connections are checked before use and speak GMT.

    Args:
        url: any PostgreSQL URL; the driver is always psycopg2.
        pool_size: connections kept; twice as many are made at most.
        statement_timeout: seconds after which the server ends a statement; 0 never.
    """
    url = driver_url(url)
    arguments: dict[str, object] = {}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = _CONNECT_TIMEOUT_S
    if "options" not in url.query:
        milliseconds = round(statement_timeout * 1000)
        arguments["options"] = f"-c statement_timeout={milliseconds} -c timezone=GMT"
    return create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True, connect_args=arguments
    )


def driver_url(url: str | URL) -> URL:
    """Parse a URL and name the driver in it, whatever ``postgresql://`` would stand for.

    Raises:
        DatabaseUnavailableError: if it is no PostgreSQL URL.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseUnavailableError(
            "EARTHGQL_DATABASE_URL is not like postgresql://user:password@host:5432/database"
        )
    return parsed.set(drivername="postgresql+psycopg2")


@contextmanager
def database_errors() -> Generator[None, None, None]:
    """Turn "cannot connect" and "no tables yet" into an error that names the remedy.

    Raises:
        DatabaseUnavailableError: in place of such an error of the driver.
    """
    try:
        yield
    except Exception as error:
        message = explained(error)
        if message is None:
            raise
        raise DatabaseUnavailableError(message) from error


def explained(error: Exception) -> str | None:
    """Return what a person should know of a driver's error; None if it is not about being away."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(error, exc.TimeoutError):
        return "all database connections are in use: try again, or raise EARTHGQL_POOL_SIZE"
    if not isinstance(cause, psycopg2.Error):
        return None
    state = cause.pgcode or ""
    if state == _UNDEFINED_TABLE:
        return "the database lacks tables of this version; make them: python manage.py db upgrade"
    lost = isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError) and not state
    if lost or state.startswith(_CONNECTION_LOST):
        reason = str(cause).strip().splitlines()[0] if str(cause).strip() else "connection lost"
        return f"the database cannot be reached ({reason}); see: python manage.py db status"
    return None
