"""How long a connection may take over each part of a request, and how many there may be."""

import ipaddress
from dataclasses import dataclass

LONGEST_LINE = 8190
"""Bytes of a request line, for queries in URLs."""

LONGEST_HEADERS = 65_536
"""Bytes of a request line and all headers together."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the connections of a worker process.

    Attributes:
        connections: most at once. One more takes the place of that which waits longest.
        per_address: most of one client address at once; 0: as many as there are.
        largest_body: bytes of a body.
        headers_s: seconds for the request line and all headers, of a first request from the
            moment of connecting.
        body_s: seconds for a body, besides those that its bytes take at ``slowest_bytes_s``.
        idle_s: seconds that a connection may wait for its next request.
        answer_s: seconds within which a client must read ``read_bytes`` of an answer that waits.
        linger_s: seconds for the rest of a request that was refused before all of it had come.
        slowest_bytes_s: bytes a second that a client must send or read.
        unread_bytes: bytes of all answers together that wait for their clients. Where there are
            more, the answer that waits longest is given up.
    """

    connections: int = 1000
    per_address: int = 100
    largest_body: int = 11_000_000
    headers_s: float = 10.0
    body_s: float = 20.0
    idle_s: float = 30.0
    answer_s: float = 15.0
    linger_s: float = 1.0
    slowest_bytes_s: int = 4096
    unread_bytes: int = 256_000_000

    def share(self, threads: int) -> int:
        """Return how many threads one address may have: half of them, if addresses are limited."""
        return threads if self.per_address == 0 else threads - threads // 2

    @property
    def read_bytes(self) -> float:
        """Bytes that a client must read in ``answer_s``."""
        return self.answer_s * self.slowest_bytes_s


def client_of(address: str) -> str:
    """Return whom connections of an address count for: of IPv6, a network of 64 bits."""
    if ":" not in address:
        return address
    parsed = ipaddress.IPv6Address(address.partition("%")[0])
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
