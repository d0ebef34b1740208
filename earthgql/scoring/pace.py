"""Chooses the sizes of batches by the time that recent ones took."""

from collections import deque

_REMEMBERED = 5
_FIRST_SIZE = 4
_CLICK_TILES = 2.0
_CLICK_OVERHEAD_S = 0.01
"""About what a click takes besides inference: HTTP, statements, decoding."""


class Pace:
    """Seconds by size of batch: the shortest of the last few, as other work slows some.

    Not thread-safe: its owner has a lock.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, deque[float]] = {}

    def record(self, size: int, seconds: float) -> None:
        """Remember that a batch of ``size`` tiles took ``seconds``."""
        self._seconds.setdefault(size, deque(maxlen=_REMEMBERED)).append(seconds)

    def expected(self, size: int) -> float | None:
        """Return the expected seconds of a batch; None while none of its size or less is known.

        More tiles take at most proportionally longer, so a size never run is judged by smaller
        ones, and one slow batch does not keep its size from being tried again.
        """
        known = [min(s) * size / tried for tried, s in self._seconds.items() if tried <= size]
        return min(known, default=None)

    def size_like_a_click(self, longest_s: float, max_size: int) -> int:
        """Return the size of batch that takes about as long as a click does alone.

        Args:
            longest_s: most seconds it may take, however long one tile takes.
            max_size: the largest size.
        """
        one = self.expected(1)
        click_s = float("inf") if one is None else _CLICK_TILES * one + _CLICK_OVERHEAD_S
        return self.size_within(min(click_s, longest_s), max_size)

    def size_within(self, seconds: float, max_size: int) -> int:
        """Return ``max_size``, halved until such a batch is expected to take ``seconds`` at most.

        At least 1, and at most 4 while no batch is known and ``seconds`` are finite.
        """
        if not self._seconds:
            return max_size if seconds == float("inf") else min(max_size, _FIRST_SIZE)
        size = max_size
        while size > 1 and (self.expected(size) or 0.0) > seconds:
            size //= 2
        return size
