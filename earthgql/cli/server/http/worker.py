"""gunicorn's worker process that runs the server."""

import logging
import os
import sys
import time
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore

from earthgql.cli.server.http.server import Server
from earthgql.cli.server.http.threads import FairThreads

DIRECT = ("/healthz",)
"""Paths that are answered whatever the threads do."""

_TURN_S = 1.0
_SWITCH_S = 0.001
"""Python lets the threads of requests run for five times as long before the server's is next."""
_LONGEST_ADDRESS = 300

_access = logging.getLogger("gunicorn.access")


class BufferingWorker(Worker):  # type: ignore[misc]
    """A worker process; gunicorn starts it, restarts it, and sends it signals.

    The application that gunicorn is given has the attribute ``limits``.
    """

    def run(self) -> None:
        """Serve until told to stop, then answer the requests that have come."""
        sys.setswitchinterval(_SWITCH_S)
        server = Server(
            self.wsgi,
            self.sockets[0].sock,
            FairThreads(self.cfg.threads, self.app.limits.share(self.cfg.threads)),
            self.app.limits,
            direct=DIRECT,
            **({"log_answer": log_answer} if self.cfg.accesslog else {}),
        )
        _Wake(self.PIPE[0], server.map)
        while self.alive and self.ppid == os.getppid():
            self.notify()
            server.turn(_TURN_S)
        server.drain()
        until = time.monotonic() + self.cfg.graceful_timeout
        while not server.is_drained() and time.monotonic() < until:
            self.notify()
            server.turn(_TURN_S / 10)


def log_answer(task: Any) -> None:
    """Log an answer in one line, in which nothing of the client's stands as it came."""
    request = task.request
    address = getattr(request, "request_uri", "-")[:_LONGEST_ADDRESS]
    line = f"{getattr(request, 'command', '-')} {address} HTTP/{request.version}"
    _access.info(
        '%s %s "%s" %s %d bytes %.0f ms',
        time.strftime("[%Y-%m-%d %H:%M:%S %z]"),
        task.channel.addr[0],
        line.encode("unicode_escape").decode().replace('"', "%22"),
        task.status[:3],
        task.content_bytes_written,
        (time.time() - task.start_time) * 1000,
    )


class _Wake(wasyncore.file_dispatcher):  # type: ignore[misc]
    """The pipe into which Python writes when a signal comes, and gunicorn when code changes."""

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)
