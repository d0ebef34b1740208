"""Limits the number of tiles in flight, so that an overloaded process refuses requests at once."""

from collections import Counter
from collections.abc import Hashable

from earthgql.errors import OverloadedError

_REQUEST_SHARE = 1 / 4
_SMALL_REQUEST = 1 / 64
_LARGE_REQUESTS_SHARE = 3 / 4


class Admission:
    """Counts the tiles in flight per request, and refuses requests beyond the capacity.

    Requests are served round robin, so a click need not wait until a viewport is done, and must
    not be refused because of it: a request takes at most a fourth of the capacity, and the last
    fourth is reserved for small requests, of up to a 64th of the capacity. Not thread-safe: its
    owner has a lock.

    Attributes:
        tiles: number of tiles in flight, of all requests.
    """

    def __init__(self, capacity: float) -> None:
        """Begin with none in flight.

        Args:
            capacity: most tiles in flight, counted as above; infinite: any number.
        """
        self.tiles = 0
        self._capacity = capacity
        self._largest_share = max(1.0, capacity * _REQUEST_SHARE)
        self._small_request = max(1.0, capacity * _SMALL_REQUEST)
        self._tiles_of: Counter[Hashable] = Counter()
        self._used = 0.0

    def admit(self, request: Hashable, tiles: int) -> None:
        """Count the tiles of a request that has none in flight yet.

        Raises:
            OverloadedError: if they exceed the capacity; never while nothing is in flight.
        """
        share = min(tiles, self._largest_share)
        small = tiles <= self._small_request
        capacity = self._capacity if small else self._capacity * _LARGE_REQUESTS_SHARE
        if tiles and self._used and self._used + share > capacity:
            raise OverloadedError(
                f"{self.tiles:,} tiles are on their way to the model already, and "
                f"{tiles:,} more are too many: ask again later, or for fewer"
            )
        self.tiles += tiles
        self._used += share
        if tiles:
            self._tiles_of[request] = tiles

    def release(self, request: Hashable) -> None:
        """Count one tile of a request less: it is done, or was withdrawn."""
        remaining = self._tiles_of[request] - 1
        self.tiles -= 1
        self._used -= min(remaining + 1, self._largest_share) - min(remaining, self._largest_share)
        self._tiles_of[request] = remaining
        if not remaining:
            del self._tiles_of[request]
