"""Connections of one stranger to the server that people run: everybody else is answered."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, SCENE, SIDE, centre, ingest, viewport, write_raster
from test_server import get, served

from bench.stranger import Stranger, attacks, large_body

CONNECTIONS = 64
SECONDS = 4
ANSWERED_S = 5
TILES = SIDE * SIDE
AREA = viewport(NORTH_WEST, SIDE, SIDE)
NAMES = [*attacks(AREA, TILES)]


@pytest.fixture(scope="module")
def port(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with 100 tiles, one of which is classified."""
    folder = tmp_path_factory.mktemp("attacked")
    ingest(module_engine, write_raster(folder / "lake.tif", NORTH_WEST, SIDE, SIDE), SCENE)
    with served(module_engine.url.render_as_string(hide_password=False)) as (_, url):
        get(f"{url}/healthz")
        found = urlsplit(url).port
        assert found is not None
        click(found)
        yield found


def ask(port: int, method: str, path: str, body: bytes | None = None) -> bytes:
    """Ask on a connection of its own, for as long as somebody else may have to wait."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as link:
        link.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = link.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return answer


def click(port: int) -> None:
    lat, lon = centre(NORTH_WEST)
    query = f"{{ classifyPoint(lat: {lat}, lon: {lon}, cutoff: 0) {{ scores {{ score }} }} }}"
    answer = json.loads(ask(port, "POST", "/graphql", json.dumps({"query": query}).encode()))
    assert len(answer["data"]["classifyPoint"]["scores"]) > 0


def test_the_answers_that_attacks_do_not_read_are_large(port: int) -> None:
    assert len(ask(port, "POST", "/graphql", large_body(AREA, TILES))) > 5_000_000


@pytest.mark.parametrize("name", NAMES)
def test_others_are_answered(port: int, name: str) -> None:
    longest = {"health": 0.0, "click": 0.0}
    with Stranger(port, attacks(AREA, TILES)[name], CONNECTIONS) as stranger:
        until = time.monotonic() + SECONDS

        def others(what: str) -> None:
            while time.monotonic() < until:
                began = time.monotonic()
                if what == "health":
                    assert json.loads(ask(port, "GET", "/healthz")) == {"status": "alive"}
                else:
                    click(port)
                longest[what] = max(longest[what], time.monotonic() - began)

        threads = [threading.Thread(target=others, args=(what,)) for what in longest]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert stranger.opened >= CONNECTIONS
    assert all(0 < seconds < ANSWERED_S for seconds in longest.values()), longest
