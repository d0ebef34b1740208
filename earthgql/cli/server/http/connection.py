"""One connection: what it waits for, since when, and what ends it."""

import fcntl
import math
import socket
import struct
import termios
import time
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from waitress.channel import HTTPChannel
from waitress.utilities import BadRequest

from earthgql.cli.server.http.answers import Answer, answer_to
from earthgql.cli.server.http.limits import Limits, client_of
from earthgql.cli.server.http.parser import RequestParser, TooSlowError


class Awaited(Enum):
    """What a connection waits for."""

    HEADERS = auto()
    BODY = auto()
    ANSWER = auto()
    READER = auto()
    NEXT = auto()
    REST = auto()


_SLOW = {
    Awaited.HEADERS: "the headers did not come in time",
    Awaited.BODY: "the body did not come in time",
}


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection. All but ``service`` and what it calls is of the server's thread.

    Attributes:
        client: whom it counts for.
        waits_since: when what it waits for began, of ``time.monotonic``.
    """

    request: Any
    close_when_lingered = False
    parser_class = RequestParser
    task_class = Answer
    error_task_class = staticmethod(answer_to)

    def __init__(self, server: Any, sock: Any, addr: tuple[str, int], adj: Any, map: Any) -> None:
        super().__init__(server, sock, addr, adj, map=map)
        self.client = client_of(addr[0])
        self.waits_since = time.monotonic()
        self._awaits: tuple[Awaited, object] = (Awaited.HEADERS, None)
        self._sent = 0
        self._read_then = 0
        self._has_ended = False
        self._lingers = False

    def readable(self) -> bool:
        """Whether to look for bytes of the client."""
        return not self._has_ended and bool(super().readable())

    def handle_read(self) -> None:
        """Take bytes; where they end within a body, have that answered."""
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data and self._lingers:
            return
        if data:
            self.received(data)
        elif self.is_receiving_body():
            self._has_ended = True
            self.refuse(BadRequest("the body was cut short"))
        else:
            self.handle_close()

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the system takes; returns the number of bytes."""
        sent: int = super().send(data, do_close=do_close)
        self._sent += sent
        return sent

    def refuse(self, error: BadRequest) -> None:
        """Have the request that is coming in answered with an error."""
        with self.requests_lock:
            request = self.request or self.parser_class(self.adj)
            request.error, request.completed, self.request = error, True, None
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)

    def linger(self) -> None:
        """Before closing, take the rest of what the client sends.

        Unread bytes would make the system reset the connection, and the client not see its answer.
        """
        self.close_when_lingered = True

    def handle_close(self) -> None:
        """Close the connection, or begin to linger."""
        if self.close_when_lingered and not self.total_outbufs_len:
            self.close_when_lingered = self.will_close = False
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self._lingers = True
                return
        super().handle_close()

    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return not self.requests and not self.total_outbufs_len

    def is_receiving_body(self) -> bool:
        """Whether the headers of a request have come, and its body has not."""
        return self.request is not None and bool(self.request.headers_finished)

    def look(self, now: float, limits: Limits) -> None:
        """End the connection if it waits for too long; called every second.

        Args:
            now: of ``time.monotonic``.
            limits: of the server.
        """
        awaited = self._awaited()
        if awaited != self._awaits:
            self._awaits, self.waits_since, self._read_then = awaited, now, self._read()
        kind = awaited[0]
        if now - self.waits_since <= self._longest(kind, limits):
            return
        if kind is Awaited.READER and self._read() - self._read_then >= limits.read_bytes:
            self.waits_since, self._read_then = now, self._read()
        elif self.request is not None and kind in _SLOW:
            self.refuse(TooSlowError(_SLOW[kind]))
        else:
            self.handle_close()

    def _awaited(self) -> tuple["Awaited", object]:
        """Return what it waits for, and which of that kind."""
        if self._lingers:
            return Awaited.REST, None
        if self.total_outbufs_len:
            return Awaited.READER, None
        if self.requests:
            return Awaited.ANSWER, None
        if self.request is None:
            return (Awaited.NEXT, self._sent) if self._sent else (Awaited.HEADERS, None)
        return (Awaited.BODY if self.is_receiving_body() else Awaited.HEADERS), self.request

    def _longest(self, kind: "Awaited", limits: Limits) -> float:
        """Return how many seconds it may wait for something."""
        if kind is Awaited.BODY:
            received: int = self.request.body_bytes_received
            return limits.body_s + received / limits.slowest_bytes_s
        return {
            Awaited.HEADERS: limits.headers_s,
            Awaited.ANSWER: math.inf,
            Awaited.READER: limits.answer_s,
            Awaited.NEXT: limits.idle_s,
            Awaited.REST: limits.linger_s,
        }[kind]

    def _read(self) -> int:
        """Return how many bytes the client has read, as far as the system knows."""
        unread = bytes(4)
        with suppress(OSError, ValueError):
            unread = fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, unread)
        waiting: int = struct.unpack("i", unread)[0]
        return self._sent - waiting

    def del_channel(self, map: Any = None) -> None:
        """Forget the connection, which is being closed."""
        if self._fileno in self.server.active_channels:
            self.server.forget(self)
        super().del_channel(map)
