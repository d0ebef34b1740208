"""The server of a worker process: accepts connections, passes requests to threads."""

import logging
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from earthgql.cli.server.http.answers import no_room
from earthgql.cli.server.http.connection import Connection
from earthgql.cli.server.http.limits import LONGEST_HEADERS, Limits
from earthgql.cli.server.http.threads import FairThreads

_ACCEPTED_AT_ONCE = 64
_LOOK_EVERY_S = 1.0
_AHEAD_BYTES = 4_000_000
"""Bytes that a streamed answer is ahead of its client before its thread waits."""

_log = logging.getLogger(__name__)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """waitress, with limits of connections, and some paths answered without a thread.

    Headers, bodies and answers are buffered by the thread that calls ``turn``; what is large goes
    to temporary files. Threads get whole requests, and are done when they have made an answer.

    Attributes:
        is_draining: whether it takes no more requests, and closes connections after answers.
    """

    channel_class = Connection

    def __init__(
        self,
        application: Callable[..., Any],
        listener: socket.socket,
        threads: FairThreads,
        limits: Limits,
        *,
        direct: Collection[str] = (),
        log_answer: Callable[[Any], None] = lambda _task: None,
    ) -> None:
        """Make a server; ``turn`` runs it, in the same thread.

        Args:
            application: of WSGI.
            listener: a bound socket, which the server closes.
            threads: that call the application.
            limits: of connections.
            direct: paths answered by the thread that calls ``turn``; they must not wait.
            log_answer: called after each answer with waitress's task.
        """
        self.is_draining = False
        self.log_answer = log_answer
        self._limits = limits
        self._direct_paths = frozenset(direct)
        self._direct: deque[Connection] = deque()
        self._by_client = Counter[str]()
        self._looked_at = 0.0
        self._thread = threading.get_ident()
        adjustments = Adjustments(
            ident=None,
            backlog=2048,
            connection_limit=sys.maxsize,  # at which it would accept no more
            # To notice that a client went away while its request is answered.
            channel_request_lookahead=1,
            log_socket_errors=False,
            max_request_header_size=LONGEST_HEADERS,
            max_request_body_size=limits.largest_body,
            outbuf_high_watermark=_AHEAD_BYTES,
        )
        super().__init__(
            application,
            {},
            _sock=listener,
            dispatcher=threads,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )

    @property
    def map(self) -> dict[int, Any]:
        """What is looked at in each turn, by file descriptor."""
        found: dict[int, Any] = self._map
        return found

    def turn(self, seconds: float) -> None:
        """Wait until something can be sent or received, and do that.

        Args:
            seconds: to wait for at most.
        """
        wasyncore.loop(seconds, use_poll=True, map=self._map, count=1)
        while self._direct:
            self._direct.popleft().service()
        now = time.monotonic()
        if self.is_draining or now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            self._look(now)

    def drain(self) -> None:
        """Refuse new connections, close those that wait, and the others after their answers."""
        self.is_draining = True
        self.accepting = False
        wasyncore.dispatcher.close(self)

    def is_drained(self) -> bool:
        """Whether all requests are answered."""
        return not self.active_channels

    def maintenance(self, now: float) -> None:
        """Do nothing: ``turn`` looks after connections."""

    def handle_accept(self) -> None:
        """Accept the connections that wait."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted = self.accept()
            except OSError as error:
                _log.warning("cannot accept a connection: %s", error)
                return
            if accepted is None:
                return
            sock, address = accepted
            with suppress(OSError):  # it may be gone already
                self.set_socket_options(sock)
            self._admit(self.channel_class(self, sock, address, self.adj, map=self._map))

    def add_task(self, connection: Connection) -> None:
        """Have a request answered; called with the lock of its connection's requests."""
        request = connection.requests[0]
        refused = request.error is not None and not request.is_broken_body()
        if refused or request.path in self._direct_paths:
            self._direct.append(connection)
            self.pull_trigger()
        else:
            super().add_task(connection)

    def pull_trigger(self) -> None:
        """Have ``turn`` look at all connections anew; it will if it is what calls this."""
        if threading.get_ident() != self._thread:
            super().pull_trigger()

    def forget(self, connection: Connection) -> None:
        """Count a connection no more, which is being closed."""
        self._by_client[connection.client] -= 1
        if not self._by_client[connection.client]:
            del self._by_client[connection.client]

    def _admit(self, connection: Connection) -> None:
        self._by_client[connection.client] += 1
        most = self._limits.per_address
        if (most and self._by_client[connection.client] > most) or not self._has_room():
            with suppress(OSError):
                connection.socket.send(no_room())
            connection.handle_close()

    def _has_room(self) -> bool:
        """Whether there is room for the newest connection; the one waiting longest may go."""
        if len(self.active_channels) <= self._limits.connections:
            return True
        *others, _newest = self.active_channels.values()
        waiting = [each for each in others if each.is_waiting()]
        if waiting:
            min(waiting, key=lambda each: each.waits_since).handle_close()
        return bool(waiting)

    def _look(self, now: float) -> None:
        connections = list(self.active_channels.values())
        for connection in connections:
            if self.is_draining and connection.is_waiting() and not connection.is_receiving_body():
                connection.handle_close()
            else:
                connection.look(now, self._limits)
        unread = sum(each.total_outbufs_len for each in connections)
        if unread > self._limits.unread_bytes:
            readers = [each for each in connections if each.total_outbufs_len]
            for reader in sorted(readers, key=lambda each: each.waits_since):
                if unread <= self._limits.unread_bytes:
                    break
                unread -= reader.total_outbufs_len
                reader.handle_close()
