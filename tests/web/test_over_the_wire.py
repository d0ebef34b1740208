"""Uploads and exports through the server that people run: half of one is never taken for all."""

import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text
from support.pixel_classifier import PIXEL_IDENTITY
from test_exports import break_off, grow
from test_server import get, served

from earthgql.catalog.models import register_model

EXPORT = "/export/tiles.{}?model=pixel"


@pytest.fixture(scope="module")
def address(module_engine: Engine) -> Iterator[tuple[str, int]]:
    """A server whose database has 20,000 tiles and a model that never ran."""
    grow(module_engine, 20_000)
    with module_engine.begin() as connection:
        register_model(connection, PIXEL_IDENTITY)
    url = module_engine.url.render_as_string(hide_password=False)
    with served(url) as (_, base):
        get(f"{base}/healthz")
        parts = urlsplit(base)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


@contextmanager
def slow_reader(address: tuple[str, int], path: str) -> Iterator[http.client.HTTPResponse]:
    """Begin to fetch, with little room for what is not read yet."""
    with closing(http.client.HTTPConnection(*address)) as link, socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.settimeout(60)
        plug.connect(address)
        link.sock = plug
        link.request("GET", path)
        with link.getresponse() as response:
            yield response


def wait_until_none_reads(engine: Engine) -> None:
    """Wait until no connection but one's own is in a transaction."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    deadline = time.monotonic() + 60
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        while connection.scalar(others):
            assert time.monotonic() < deadline, "an export goes on for nobody"
            time.sleep(0.02)


def test_exports(module_engine: Engine, address: tuple[str, int]) -> None:
    for ending in ("geojson", "csv"):
        with slow_reader(address, EXPORT.format(ending)) as response:
            assert response.status == 200
            assert len(response.read(1000)) == 1000
            break_off(module_engine)
            with pytest.raises(http.client.IncompleteRead):
                response.read()
    with slow_reader(address, EXPORT.format("geojson")) as response:
        assert len(json.loads(response.read())["features"]) == 20_000
    # A client that goes away midway holds on to nothing.
    with slow_reader(address, EXPORT.format("csv")) as response:
        assert response.status == 200
    wait_until_none_reads(module_engine)


@pytest.mark.parametrize(
    "chunks", ["zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n"], ids=["size", "end"]
)
def test_chunks_that_are_none(fresh_database_url: str, chunks: str) -> None:
    kinds = {
        "/classify": "multipart/form-data; boundary=x",
        "/graphql": "application/json",
        "/export/tiles.csv": "application/json",
        "/inference/predict": "application/json",
    }
    with served(fresh_database_url) as (process, url):
        get(f"{url}/healthz")
        parts = urlsplit(url)
        for path, kind in kinds.items():
            with socket.create_connection((parts.hostname, parts.port), timeout=60) as link:
                link.sendall(
                    f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                    f"Transfer-Encoding: chunked\r\n\r\n{chunks}".encode()
                )
                with link.makefile("rb") as answer:
                    received = answer.read()
            assert received.startswith(b"HTTP/1.1 400 "), received
            body = json.loads(received.partition(b"\r\n\r\n")[2])
            if path == "/inference/predict":
                assert (body["success"], body["predictions"]) == (False, [])
                message = body["message"]
            else:
                [error] = body["errors"]
                message = error["message"]
                assert error["extensions"]["code"] in ("BAD_REQUEST", "BAD_USER_INPUT")
            assert "cut short" in message
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert "Traceback" not in output


def test_an_upload_that_is_cut_short(address: tuple[str, int]) -> None:
    head = (
        "POST /classify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n"
    )
    part = '--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n\x89PNG'
    for framing, body in (
        ("Content-Length: 5000\r\n\r\n", part),
        ("Transfer-Encoding: chunked\r\n\r\n", f"{len(part.encode()):x}\r\n{part}\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n", f"5000\r\n{part}"),
    ):
        with socket.create_connection(address, timeout=60) as link:
            link.sendall(f"{head}{framing}{body}".encode())
            link.shutdown(socket.SHUT_WR)
            with link.makefile("rb") as answer:
                received = answer.read()
        assert received.startswith(b"HTTP/1.1 400 "), received
        [error] = json.loads(received.partition(b"\r\n\r\n")[2])["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "cut short" in error["message"]
