"""Connections that harm: kept open with requests that do not come and answers that nobody reads."""

import json
import select
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

ADDRESS = "127.0.0.9"
"""Where attacks come from, so that they count for another client than those who are harmed."""

TICK_S = 1.0


@dataclass(frozen=True)
class Attack:
    """What each connection of an attack does.

    Attributes:
        first: what it sends when it is open.
        then: what it sends every second.
        reads: whether it reads what it gets.
    """

    first: bytes
    then: bytes = b""
    reads: bool = True


def attacks(bounds: Mapping[str, float], tiles: int) -> dict[str, Attack]:
    """Return the four attacks by name.

    Args:
        bounds: of tiles of the server, for its answers.
        tiles: how many there are at least; the answers that are not read have five megabytes.
    """
    return {
        "unfinished headers": Attack(b"GET /graphql HTTP/1.1\r\nHost: x\r\n", b"X-More: 1\r\n"),
        "withheld bodies": Attack(posted(b'{"query":', 1000), b" "),
        "answers not read": Attack(posted(large_body(bounds, tiles)), reads=False),
        "silent connections": Attack(b""),
    }


def large_body(bounds: Mapping[str, float], tiles: int) -> bytes:
    """A query whose answer has five megabytes: names of fields are the client's."""
    fields = " ".join(f"{letter * (640_000 // tiles)}: z" for letter in "abcdefgh")
    nodes = f"tilesInBounds(bounds: $b, first: {tiles}) {{ nodes {{ {fields} }} }}"
    query = f"query ($b: BoundsInput!) {{ {nodes} }}"
    return json.dumps({"query": query, "variables": {"b": bounds}}).encode()


def posted(body: bytes, length: int | None = None) -> bytes:
    """Return a request with a body, or with the beginning of one that has another length."""
    length = len(body) if length is None else length
    return (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (length, body)
    )


class Stranger:
    """Keeps so many connections open, and opens another for each that the server closes.

    Attributes:
        opened: how many it has opened so far.
    """

    def __init__(self, port: int, attack: Attack, connections: int) -> None:
        self.opened = 0
        self._address = ("127.0.0.1", port)
        self._attack = attack
        self._wanted = connections
        self._poll = select.poll()
        self._links: dict[int, socket.socket] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Stranger":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()
        for link in self._links.values():
            link.close()

    def _run(self) -> None:
        while not self._over.is_set():
            until = time.monotonic() + TICK_S
            for _ in range(self._wanted - len(self._links)):
                self._open()
            while (rest := until - time.monotonic()) > 0 and not self._over.is_set():
                for number, _ in self._poll.poll(min(rest, 0.1) * 1000):
                    self._look(self._links[number])
            for link in self._links.values():
                with suppress(OSError):
                    link.send(self._attack.then)

    def _open(self) -> None:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.bind((ADDRESS, 0))
        link.settimeout(TICK_S)
        try:
            link.connect(self._address)
            link.sendall(self._attack.first)
        except OSError:
            link.close()
            return
        link.setblocking(False)
        self.opened += 1
        self._links[link.fileno()] = link
        reads = select.POLLIN if self._attack.reads else 0
        self._poll.register(link, select.POLLRDHUP | reads)

    def _look(self, link: socket.socket) -> None:
        with suppress(OSError):
            if self._attack.reads and link.recv(65536):
                return
        self._poll.unregister(link)
        del self._links[link.fileno()]
        link.close()
