"""``manage.py serve`` as a process: starts, answers, stops cleanly, tells a taken port."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from earthgql.cli.server.gunicorn import parse_address, url_of
from earthgql.errors import BadInputError
from earthgql.settings import PROJECT_ROOT

START_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(database_url: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``manage.py serve`` until the block ends."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}", *options],
        cwd=PROJECT_ROOT,
        env={**os.environ, "EARTHGQL_DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def is_refused(address: tuple[str, int]) -> bool:
    """Whether a new connection is refused at once."""
    try:
        socket.create_connection(address, timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionError:  # it waited to be accepted
        return False
    return False


def get(url: str) -> Any:
    """Fetch JSON, waiting for the server to come up."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)
        except (urllib.error.URLError, TimeoutError):
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.1)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_stopped(fresh_database_url: str, stop: signal.Signals) -> None:
    with served(fresh_database_url, "--access-log") as (process, url):
        assert get(f"{url}/healthz") == {"status": "alive"}
        answer = get(f"{url}/graphql?query=%7Bscenes%7Bnodes%7Bname%7D%7D%7D")
        assert answer == {"data": {"scenes": {"nodes": []}}}
        process.send_signal(stop)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert '"GET /healthz HTTP/1.1" 200' in output
    assert f"Serving {url}/graphql" in output


def test_a_port_that_is_taken(fresh_database_url: str) -> None:
    with served(fresh_database_url) as (first, url):
        get(f"{url}/healthz")
        second = subprocess.run(
            [sys.executable, "manage.py", "serve", "--bind", url.removeprefix("http://")],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )
        assert second.returncode == 1
        assert "Error: cannot listen on 127.0.0.1 port" in second.stderr
        assert "--bind" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.poll() is None


def test_a_database_without_tables(fresh_database_url: str) -> None:
    bare = fresh_database_url.replace("/earthgql_test_", "/none_earthgql_test_")
    with served(bare) as (_, url):
        deadline = time.monotonic() + START_S
        assert get(f"{url}/healthz") == {"status": "alive"}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/readyz", timeout=10)
        assert refused.value.code == 503
        assert json.load(refused.value)["status"] == "unavailable"
        assert time.monotonic() < deadline


def test_what_the_server_says_by_itself(fresh_database_url: str) -> None:
    with served(fresh_database_url) as (process, url):
        get(f"{url}/healthz")
        ask = urllib.request.Request(f"{url}/healthz", headers={"SCRIPT_NAME": "/x"})
        with urllib.request.urlopen(ask, timeout=10) as response:
            assert "Server" not in response.headers
            assert json.load(response) == {"status": "alive"}
        secret = "a" * 9000
        for line in (
            f"GET /?{secret} HTTP/1.1",
            f"NONSENSE {secret}",
            "GET / HTTP/1.1\r\nno header",
        ):
            with socket.create_connection(address_of(url), timeout=10) as link:
                link.sendall(f"{line}\r\n\r\n".encode())
                with link.makefile("rb") as answer:
                    head, _, body = answer.read().partition(b"\r\n\r\n")
            assert head.split()[1] in (b"400", b"414")
            assert b"application/json" in head
            assert json.loads(body)["errors"][0]["extensions"]["code"] in (
                "BAD_REQUEST",
                "REQUEST_TOO_LARGE",
            )
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert secret[:500] not in output


def test_while_it_stops_it_answers_what_has_begun_and_refuses_others(
    fresh_database_url: str,
) -> None:
    with served(fresh_database_url) as (process, url):
        get(f"{url}/healthz")
        body = json.dumps({"query": "{ scenes { nodes { name } } }"}).encode()
        with socket.create_connection(address_of(url), timeout=20) as link:
            link.sendall(
                b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:5])
            )
            time.sleep(0.5)  # until the worker has read it
            process.send_signal(signal.SIGTERM)
            until = time.monotonic() + 10
            while not is_refused(address_of(url)):
                assert time.monotonic() < until
            assert process.poll() is None
            link.sendall(body[5:])
            with link.makefile("rb") as answer:
                head, _, answered = answer.read().partition(b"\r\n\r\n")
        assert b" 200 OK" in head
        assert b"Connection: close" in head
        assert json.loads(answered) == {"data": {"scenes": {"nodes": []}}}
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output


def test_a_worker_that_is_killed_is_replaced(fresh_database_url: str) -> None:
    with served(fresh_database_url) as (process, url):
        get(f"{url}/healthz")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        [worker] = children.read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        until = time.monotonic() + START_S
        while children.read_text().split() in ([], [worker]):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert get(f"{url}/healthz") == {"status": "alive"}


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        ("0.0.0.0:80", ("0.0.0.0", 80), "http://127.0.0.1:80"),
        ("[::1]:8123", ("::1", 8123), "http://[::1]:8123"),
        ("localhost:1", ("localhost", 1), "http://localhost:1"),
    ],
)
def test_addresses(text: str, address: tuple[str, int], url: str) -> None:
    assert parse_address(text) == address
    assert url_of(*address) == url


@pytest.mark.parametrize(
    "text", ["8000", "localhost", "localhost:", ":80", "a:b", "a:0", "a:65536"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(BadInputError, match="HOST:PORT"):
        parse_address(text)
