"""Servers to be compared: started, asked over kept connections, stopped."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from earthgql.settings import PROJECT_ROOT

THREADS = 16
_START_S = 300.0


@dataclass
class Server:
    """A running server; ``ask`` may be called from several threads, each with a client.

    Attributes:
        port: on 127.0.0.1.
        process: of the server.
    """

    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@dataclass
class Client:
    """One kept connection to a server."""

    port: int
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        """Return the answer to a POST of JSON, or to a GET without a body."""
        for last in (False, True):
            try:
                self._send(path, body)
                response = self._connection.getresponse()
            except ConnectionError:
                # A server drops connections that were idle for seconds.
                self._connection.close()
                if last:
                    raise
                continue
            answer = response.read()
            assert response.status == 200, answer[:500]
            assert b'"errors":[{' not in answer, answer[:500]
            return answer
        raise AssertionError

    def _send(self, path: str, body: Mapping[str, Any] | None) -> None:
        if body is None:
            self._connection.request("GET", path)
        else:
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", path, json.dumps(body), headers)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(command: Callable[[int], list[str]], environment: Mapping[str, str]) -> Server:
    """Start a server and wait until it accepts connections.

    Args:
        command: makes the command line for a port.
        environment: variables besides those of this process.
    """
    port = free_port()
    process = subprocess.Popen(
        command(port), env={**os.environ, **environment}, start_new_session=True
    )
    until = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return Server(port, process)
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                raise RuntimeError(f"did not start: {command(port)[:4]}") from None
            time.sleep(0.1)


def serve(port: int) -> list[str]:
    """Command of ``manage.py serve``, for ``start``; its database is ``EARTHGQL_DATABASE_URL``."""
    manage = str(PROJECT_ROOT / "manage.py")
    address = f"127.0.0.1:{port}"
    return [sys.executable, manage, "serve", "--threads", str(THREADS), "--bind", address]


def gunicorn(application: str) -> Callable[[int], list[str]]:
    """A server of ``warm_servers``: one process with as many threads as ``serve`` has."""
    return lambda port: [
        sys.executable,
        *("-m", "gunicorn", "--worker-class", "gthread", "--threads", str(THREADS)),
        *("--bind", f"127.0.0.1:{port}", "--log-level", "error", "--no-control-socket"),
        f"bench.warm_servers:{application}()",
    ]
