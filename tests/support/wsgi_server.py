"""The server of a worker process, in a thread of the tests, with an application of theirs."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from earthgql.cli.server.http.limits import Limits
from earthgql.cli.server.http.server import Server
from earthgql.cli.server.http.threads import FairThreads

Application = Callable[..., Iterable[bytes]]


@contextmanager
def running(
    application: Application, limits: Limits, threads: int = 4, direct: tuple[str, ...] = ()
) -> Iterator[Server]:
    """Run a server until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    ready: list[Server] = []
    begun, over = threading.Event(), threading.Event()

    def run() -> None:
        pool = FairThreads(threads, limits.share(threads))
        ready.append(Server(application, listener, pool, limits, direct=direct))
        begun.set()
        while not over.is_set():
            ready[0].turn(0.05)
        if not ready[0].is_draining:
            ready[0].drain()
        for connection in list(ready[0].active_channels.values()):
            connection.handle_close()
        ready[0].trigger.close()

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait()
    try:
        yield ready[0]
    finally:
        over.set()
        thread.join()


def connect(server: Server, source: str = "127.0.0.1", room: int = 0) -> socket.socket:
    """Connect from an address; with ``room``, little is received that is not read."""
    link = socket.socket()
    if room:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    link.settimeout(20)
    link.bind((source, 0))
    link.connect(("127.0.0.1", int(server.effective_port)))
    return link


def request(path: str = "/", *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Return a request; with a body, its length is among the headers."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with the body of the request, or with its path."""
    body = environ["wsgi.input"].read() or environ["PATH_INFO"].encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
