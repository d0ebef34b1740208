"""How many tiles may be on their way to the model, and whose."""

from collections import Counter
from collections.abc import Hashable

from earthgql.errors import OverloadedError

_ONE_REQUEST = 1 / 4
_FEW = 1 / 64
_LARGE_REQUESTS = 3 / 4


class Admission:
    """Counts the tiles on their way, by who sent them, and refuses what would be too many.

    Everybody is served in turn, so a click need not wait until a viewport is done, and must not be
    refused for it: of one request at most a fourth of the places count, and the last fourth of
    them is for requests of few tiles, up to a 64th. Not thread-safe: its owner has a lock.

    Attributes:
        tiles: number of tiles on their way, all of them.
    """

    def __init__(self, places: float) -> None:
        """Begin with none.

        Args:
            places: most tiles on their way, counted as above; infinite: any number.
        """
        self.tiles = 0
        self._places = places
        self._share = max(1.0, places * _ONE_REQUEST)
        self._few = max(1.0, places * _FEW)
        self._sent: Counter[Hashable] = Counter()
        self._taken = 0.0

    def send(self, sender: Hashable, tiles: int) -> None:
        """Take places for the tiles of a request, which has none yet.

        Raises:
            OverloadedError: if there are too few; when none is taken, there are always enough.
        """
        counted = min(tiles, self._share)
        places = self._places if tiles <= self._few else self._places * _LARGE_REQUESTS
        if tiles and self._taken and self._taken + counted > places:
            raise OverloadedError(
                f"{self.tiles:,} tiles are on their way to the model already, and "
                f"{tiles:,} more are too many: ask again later, or for fewer"
            )
        self.tiles += tiles
        self._taken += counted
        if tiles:
            self._sent[sender] = tiles

    def arrived(self, sender: Hashable) -> None:
        """Give back the place of a tile that landed, or is not wanted any more."""
        left = self._sent[sender] - 1
        self.tiles -= 1
        self._taken -= min(left + 1, self._share) - min(left, self._share)
        self._sent[sender] = left
        if not left:
            del self._sent[sender]
