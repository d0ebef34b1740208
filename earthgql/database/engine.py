"""Make engines, and turn errors of the database into typed errors that name the remedy."""

import logging
import select
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL

from earthgql import cancellation
from earthgql.database.private.cluster import Cluster
from earthgql.database.private.debian import Say
from earthgql.errors import (
    DatabaseUnavailableError,
    DeadlineError,
    DiskFullError,
    OverloadedError,
)
from earthgql.settings import Settings

LARGEST_ROW_ID = 2**63 - 1
"""Largest value of bigint, the type of row ids."""

_CONNECT_TIMEOUT_S = 5
_POOL_TIMEOUT_S = 3
_POOL_EMPTY = "all database connections are in use: ask again later, or raise EARTHGQL_POOL_SIZE"
_POOL_SIZE = 8
_CONNECTION_LOST = ("08", "57P", "53300", "25P03")
_QUERY_CANCELED = "57014"
_DISK_FULL = "53100"
_LOCKED = "55P03"
_SERIALIZATION = ("40P01", "40001")
_TRY_AGAIN = "others were changing the same just then, and nothing was changed here: try again"
_NO_TABLES = "the database lacks tables of this version; make them: python manage.py db upgrade"
_MESSAGES = {"42P01": _NO_TABLES, **dict.fromkeys(_SERIALIZATION, _TRY_AGAIN)}
_log = logging.getLogger(__name__)


def _quiet(_line: str) -> None:
    return


def private_cluster(settings: Settings, say: Say = _quiet) -> Cluster:
    """Return the clone's own cluster, started or not."""
    return Cluster(settings.var_dir / "postgres", settings.var_dir / "debian", say)


def make_engine(
    settings: Settings,
    *,
    statement_timeout: float = 300.0,
    idle_timeout: float = 0.0,
    autocommit: bool = False,
    say: Say = _quiet,
) -> Engine:
    """Make an engine for ``database_url``, or for the private cluster, which is started if needed.

    Args:
        settings: of this process.
        statement_timeout: seconds after which the server ends a statement; 0 never.
        idle_timeout: see ``engine_on``.
        autocommit: see ``engine_on``.
        say: called with each line for the user while the private cluster is made and started.

    Raises:
        SetupError: if the private cluster cannot run on this machine.
        DatabaseUnavailableError: if it does not come up.
    """
    url = settings.database_url
    if url is None:
        cluster = private_cluster(settings, say)
        cluster.start()
        url = cluster.url()
    return engine_on(
        url,
        pool_size=settings.pool_size or _POOL_SIZE,
        statement_timeout=statement_timeout,
        idle_timeout=idle_timeout,
        autocommit=autocommit,
    )


def engine_on(
    url: str | URL,
    *,
    pool_size: int = _POOL_SIZE,
    statement_timeout: float = 300.0,
    idle_timeout: float = 0.0,
    autocommit: bool = False,
) -> Engine:
    """Make an engine for a URL; connections are checked before use, and their time zone is GMT.

    If the URL has ``options``, these alone decide about time zone and timeouts.

    Args:
        url: any PostgreSQL URL; the driver is always psycopg2.
        pool_size: connections kept; twice as many are made at most.
        statement_timeout: seconds after which the server ends a statement; 0 never.
        idle_timeout: seconds after which the server ends a connection that does nothing in the
            middle of a transaction; 0 never.
        autocommit: whether every statement is a transaction of its own, even within ``begin()``:
            saves two round trips a query where no two statements need each other, as in serving.
    """
    url = driver_url(url)
    arguments: dict[str, object] = {}
    if "connect_timeout" not in url.query:
        arguments["connect_timeout"] = _CONNECT_TIMEOUT_S
    if "options" not in url.query:
        limits = {
            "statement_timeout": statement_timeout,
            "idle_in_transaction_session_timeout": idle_timeout,
        }
        set_limits = " ".join(f"-c {name}={round(value * 1000)}" for name, value in limits.items())
        arguments["options"] = f"{set_limits} -c timezone=GMT"
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=_POOL_TIMEOUT_S,
        connect_args=arguments,
        skip_autocommit_rollback=True,
        **({"isolation_level": "AUTOCOMMIT"} if autocommit else {}),
    )
    event.listen(engine, "checkout", _check_alive)
    event.listen(engine, "do_execute", _execute)
    return engine


def _execute(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
    """Execute a statement as SQLAlchemy does, and cancel it with the request it is for."""
    with cancellation.calling(cursor.connection.cancel):
        cursor.execute(statement, parameters)
    return True  # that it is done


def _check_alive(connection: Any, _record: object, _lent: object) -> None:
    """Refuse a pooled connection that the server has closed, without a round trip to the server.

    An idle connection has nothing to read, except the message of a server that closes it.

    Raises:
        InvalidatePoolError: makes the pool drop its connections and connect anew.
    """
    if not connection.closed:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if not poll.poll(0):
            return
    raise exc.InvalidatePoolError("the server closed the connection")


def driver_url(url: str | URL) -> URL:
    """Parse a URL and name the driver in it, whatever ``postgresql://`` would stand for.

    Raises:
        DatabaseUnavailableError: if it is no PostgreSQL URL.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):  # the latter for a port that is no number
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise DatabaseUnavailableError(
            "EARTHGQL_DATABASE_URL is not like postgresql://user:password@host:5432/database"
        )
    return parsed.set(drivername="postgresql+psycopg2")


@contextmanager
def database_errors() -> Generator[None, None, None]:
    """Turn errors of the driver about connections, tables, time and locks into typed errors.

    Raises:
        DatabaseUnavailableError: if there is no connection, or the tables are missing.
        DeadlineError: if the server ended a statement that took too long.
        OverloadedError: if a lock was not free within ``lock_timeout``, or the server ended the
            transaction because of a deadlock or a serialization failure, or no connection was free
            for seconds.
    """
    try:
        yield
    except Exception as error:
        state = getattr(getattr(error, "orig", error), "pgcode", None)
        if state == _LOCKED:
            raise OverloadedError("somebody else is at work on this: ask again later") from error
        if state in _SERIALIZATION:
            raise OverloadedError(_TRY_AGAIN) from error
        if state == _QUERY_CANCELED:
            cancellation.check()
            raise DeadlineError(
                "the database took too long over this: ask for a smaller area or for less"
            ) from error
        if isinstance(error, exc.TimeoutError):
            raise OverloadedError(_POOL_EMPTY) from error
        message = explained(error)
        if message is None:
            raise
        kind = DiskFullError if state == _DISK_FULL else DatabaseUnavailableError
        raise kind(message) from error


@contextmanager
def logged_errors(what: str) -> Generator[None, None, None]:
    """Log errors of the database instead of raising them; other errors are raised.

    Args:
        what: the log line: what could not be done.
    """
    try:
        with database_errors():
            yield
    except (DatabaseUnavailableError, DeadlineError, OverloadedError) as error:
        _log.warning("%s: %s", what, error)
    except exc.SQLAlchemyError as error:
        _log.error("%s", what, exc_info=error)


def explained(error: Exception) -> str | None:
    """Return the message for a user about a driver's error; None if it is a defect of earthgql."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(error, exc.TimeoutError):
        return _POOL_EMPTY
    if not isinstance(cause, psycopg2.Error):
        return None
    state = cause.pgcode or ""
    if state in _MESSAGES:
        return _MESSAGES[state]
    if state == _DISK_FULL:
        reason = str(cause).strip().splitlines()[0]
        return f"the database's disk is full, nothing was changed ({reason}): free some space there"
    lost = isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError) and not state
    if lost or state.startswith(_CONNECTION_LOST):
        reason = str(cause).strip().splitlines()[0] if str(cause).strip() else "connection lost"
        return f"the database cannot be reached ({reason}); see: python manage.py db status"
    return None
