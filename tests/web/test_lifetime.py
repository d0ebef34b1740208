"""Work that nobody waits for any more ends: at the deadline, and when the client hangs up."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from support.api_client import WHOLE_SCENE, Api, make_api
from support.pixel_classifier import GatedClassifier
from werkzeug.test import EnvironBuilder, run_wsgi_app

from earthgql import cancellation
from earthgql.app import services_of
from earthgql.cancellation import Cancellation, working_for
from earthgql.database.engine import database_errors
from earthgql.errors import ClientGoneError, DeadlineError, EarthGQLError
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.map_tile import draw_map_tile
from earthgql.web.guards.lifetime import Lifetimes

SLEEP = "SELECT pg_sleep(20)"
SOON_S = 3.0


def running(engine: Engine) -> int:
    """Count the statements that sleep."""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE query = :sleep AND state = 'active'")
    with engine.connect() as connection:
        return int(connection.execute(query, {"sleep": SLEEP}).scalar_one())


def becomes(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + SOON_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


@contextmanager
def asking(app: Any, path: str, count: int = 1, **options: Any) -> Iterator[list[socket.socket]]:
    """Ask an application as a server does, from threads; the clients' ends of the connections."""
    pairs = [socket.socketpair() for _ in range(count)]

    def ask(server: socket.socket) -> None:
        environ = EnvironBuilder(path, **options).get_environ()
        poll = select.poll()
        poll.register(server, select.POLLRDHUP)
        run_wsgi_app(app, {**environ, "waitress.client_disconnected": lambda: bool(poll.poll(0))})

    threads = [threading.Thread(target=ask, args=(server,)) for _, server in pairs]
    for thread in threads:
        thread.start()
    try:
        yield [client for client, _ in pairs]
    finally:
        for client, _ in pairs:
            client.close()
        for thread in threads:
            thread.join(SOON_S)
        for _, server in pairs:
            server.close()
    assert not any(thread.is_alive() for thread in threads)


def sleeping_app(engine: Engine) -> Flask:
    app = Flask("sleeping")

    @app.get("/")
    def sleep() -> str:
        with engine.connect() as connection:
            connection.exec_driver_sql(SLEEP, {})
        return "awake"

    return app


def test_statements_of_clients_that_hung_up_are_cancelled(engine: Engine) -> None:
    app = Lifetimes(sleeping_app(engine), 60)
    with asking(app, "/", 8) as clients:
        assert becomes(lambda: running(engine) == 8)
        for client in clients[1:]:
            client.close()
        assert becomes(lambda: running(engine) == 1)
        time.sleep(0.5)
        assert running(engine) == 1  # whose client still waits
    assert becomes(lambda: running(engine) == 0)


def test_statements_are_cancelled_at_the_deadline(engine: Engine) -> None:
    reasons = []
    app = Flask("late")

    @app.get("/")
    def late() -> str:
        for _ in range(2):  # the second does not even begin
            began = time.monotonic()
            try:
                with database_errors(), engine.connect() as connection:
                    connection.exec_driver_sql(SLEEP, {})
            except DeadlineError as error:
                reasons.append((str(error), time.monotonic() - began))
        return "late"

    response = run_wsgi_app(Lifetimes(app, 0.3), EnvironBuilder("/").get_environ())
    assert b"".join(response[0]) == b"late"
    assert [reason for reason, _ in reasons] == [
        "the request took more than 0.3 s: ask for less at once"
    ] * 2
    assert reasons[0][1] < SOON_S
    assert reasons[1][1] < 0.1
    assert running(engine) == 0


def test_an_execution_ends_as_a_whole(api: Api) -> None:
    cancelled = Cancellation()
    cancelled.cancel(DeadlineError("late"))
    body = {"query": "{ a: __typename scenes { nodes { name } } models { nodes { name } } }"}
    request = api.app.test_request_context("/graphql", method="POST", json=body)
    with request, working_for(cancelled):
        response = api.app.full_dispatch_request()
    assert response.status_code == 200
    assert response.get_json() == {
        "data": None,
        "errors": [{"message": "late", "extensions": {"code": "TIMEOUT"}}],
    }


def test_tiles_of_clients_that_hung_up_leave_the_queue(fresh_api: Api) -> None:
    classifier = GatedClassifier(batch_size=4)
    app = make_api(fresh_api.engine, classifier).app
    scoring = services_of(app).scoring
    nodes = "nodes { classification { labels } }"
    query = f"query ($b: BoundsInput!) {{ tilesInBounds(bounds: $b) {{ {nodes} }} }}"
    body = {"query": query, "variables": {"b": WHOLE_SCENE}}
    with asking(app, "/graphql", method="POST", json=body) as [client]:
        classifier.wait_begun()
        client.close()
        assert becomes(lambda: scoring.in_flight <= 4)  # of those that run
        classifier.let()
    assert becomes(lambda: scoring.in_flight == 0)
    assert classifier.tiles <= 8


def test_nothing_is_drawn_for_nobody() -> None:
    cancelled = Cancellation()
    cancelled.cancel(ClientGoneError("the client hung up"))

    def never() -> Iterator[Any]:
        yield (None, None)

    with working_for(cancelled), pytest.raises(ClientGoneError):
        draw_map_tile(TileIndex(0, 0, 0), never())


def test_what_was_asked_to_be_done_is_not_cancelled(engine: Engine) -> None:
    cancelled = Cancellation()
    cancelled.cancel(DeadlineError("late"))
    with working_for(cancelled):
        with pytest.raises(EarthGQLError), engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1", {})
        with working_for(None), engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1", {}).scalar_one() == 1
    assert cancellation.current() is None


def test_what_is_over_is_not_cancelled() -> None:
    calls: list[str] = []
    request = Cancellation()
    with request.calling(lambda: calls.append("over")):
        pass
    with request.calling(lambda: calls.append("on")):
        request.cancel(DeadlineError("late"))
        request.cancel(ClientGoneError("gone"))
    assert calls == ["on", "on"]
    with pytest.raises(DeadlineError), request.calling(lambda: None):
        pytest.fail("it was cancelled before")
