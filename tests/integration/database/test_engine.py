"""Connections: kept, checked before use, of the right number."""

import threading

import pytest
from sqlalchemy import Engine, exc, text
from sqlalchemy.pool import QueuePool

from earthgql.app import STATEMENT_TIMEOUT_S
from earthgql.cli.server.gunicorn import pool_size
from earthgql.database.engine import (
    database_errors,
    driver_url,
    engine_on,
    explained,
    make_engine,
)
from earthgql.errors import DatabaseUnavailableError, DeadlineError, OverloadedError
from earthgql.settings import Settings

OTHERS_GONE = text("""
SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND pid = ANY(:ids))
""")


def test_connections_that_the_server_closed_are_replaced(
    fresh_engine: Engine, fresh_database_url: str
) -> None:
    engine = engine_on(fresh_database_url, pool_size=2)
    with engine.connect() as one, engine.connect() as other:
        ids = [c.scalar(text("SELECT pg_backend_pid()")) for c in (one, other)]
    with fresh_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SELECT pg_terminate_backend(id) FROM unnest(:ids) AS id"), {"ids": ids})
        while not conn.scalar(OTHERS_GONE, {"ids": ids}):
            conn.execute(text("SELECT pg_stat_clear_snapshot()"))
    for _ in range(3):
        with engine.connect() as conn:
            assert conn.scalar(text("SELECT pg_backend_pid()")) not in ids
    engine.dispose()


def test_a_connection_that_lives_is_kept(database_url: str) -> None:
    engine = engine_on(database_url, pool_size=1)
    seen = set()
    for _ in range(5):
        with engine.connect() as conn:
            seen.add(conn.scalar(text("SELECT pg_backend_pid()")))
    assert len(seen) == 1
    engine.dispose()


def test_autocommit_leaves_no_transaction_open(fresh_database_url: str) -> None:
    settings = Settings(database_url=fresh_database_url)
    engine = make_engine(settings, statement_timeout=STATEMENT_TIMEOUT_S, autocommit=True)
    with engine.begin() as conn:
        first, second = (conn.scalar(text("SELECT txid_current()")) for _ in range(2))
        assert second > first
        assert conn.scalar(text("SHOW statement_timeout")) == "30s"
    engine.dispose()


def test_a_statement_that_takes_too_long_is_a_deadline_error(database_url: str) -> None:
    engine = engine_on(database_url, statement_timeout=0.05, autocommit=True)
    with (
        pytest.raises(DeadlineError, match="smaller area"),
        database_errors(),
        engine.connect() as conn,
    ):
        conn.execute(text("SELECT pg_sleep(60)"))
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_a_deadlock_is_an_overload_error(database_url: str) -> None:
    engine = engine_on(database_url)
    lock = text("SELECT pg_advisory_xact_lock(:key)")
    met = threading.Barrier(2)
    outcomes: list[BaseException | None] = []

    def work(first: int, second: int) -> None:
        try:
            with database_errors(), engine.begin() as conn:
                conn.execute(lock, {"key": first})
                met.wait(60)
                conn.execute(lock, {"key": second})
        except BaseException as error:
            outcomes.append(error)
        else:
            outcomes.append(None)

    threads = [threading.Thread(target=work, args=keys) for keys in ((7, 8), (8, 7))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    engine.dispose()
    [error] = [outcome for outcome in outcomes if outcome is not None]
    assert len(outcomes) == 2
    assert isinstance(error, OverloadedError)
    assert str(error).endswith("nothing was changed here: try again")
    # What a command would print.
    assert explained(error.__cause__) == str(error)  # type: ignore[arg-type]


def test_a_serialization_failure_is_an_overload_error(fresh_database_url: str) -> None:
    engine = engine_on(fresh_database_url)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE counted (a int)"))
        conn.execute(text("INSERT INTO counted VALUES (0)"))
    add = text("UPDATE counted SET a = a + 1")
    strict = engine.execution_options(isolation_level="REPEATABLE READ")
    with strict.connect() as one:
        one.execute(text("SELECT * FROM counted"))
        with engine.begin() as other:
            other.execute(add)
        with pytest.raises(OverloadedError, match="try again"), database_errors():
            one.execute(add)
    engine.dispose()


def test_other_engines_roll_back(fresh_database_url: str) -> None:
    engine = engine_on(fresh_database_url)
    with engine.connect() as conn:
        conn.execute(text("CREATE TABLE fleeting (a int)"))
    with engine.connect() as conn, pytest.raises(exc.ProgrammingError):
        conn.execute(text("SELECT * FROM fleeting"))
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "threads", "expected"), [(None, 16, 16), (None, 256, 32), (5, 16, 5), (40, 4, 40)]
)
def test_a_connection_a_thread(
    fresh_database_url: str, given: int | None, threads: int, expected: int
) -> None:
    settings = Settings(database_url=fresh_database_url, pool_size=given)
    assert pool_size(settings, threads) == expected
    sized = settings.model_copy(update={"pool_size": pool_size(settings, threads)})
    engine = make_engine(sized)
    assert isinstance(engine.pool, QueuePool)
    assert engine.pool.size() == expected
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@h:abc/db", "postgresql//h/db", "mysql://h/db", "h:5432"]
)
def test_an_invalid_address_is_an_error(url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="EARTHGQL_DATABASE_URL is not like"):
        driver_url(url)
