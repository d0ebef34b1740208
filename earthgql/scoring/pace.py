"""How long batches take, learned from those done."""

from collections import deque

_REMEMBERED = 5
_FIRST_GUESS = 4
_TILES_A_TURN = 2.0
_BESIDE_S = 0.01
"""What a click takes beside its scores, about: HTTP, statements, decoding."""


class Pace:
    """Seconds by batch size: the best of the last few, since others only got in the way."""

    def __init__(self) -> None:
        self._seconds: dict[int, deque[float]] = {}

    def learn(self, size: int, seconds: float) -> None:
        """Note a batch of ``size`` tiles that took ``seconds``."""
        self._seconds.setdefault(size, deque(maxlen=_REMEMBERED)).append(seconds)

    def expected(self, size: int) -> float | None:
        """Return the seconds a batch should take, None while no batch of its size or less is known.

        More tiles take at most proportionally longer, so sizes never tried are judged by smaller
        ones, and one slow batch does not keep its size from being tried again.
        """
        known = [min(s) * size / tried for tried, s in self._seconds.items() if tried <= size]
        return min(known, default=None)

    def quick(self, longest_s: float, most: int) -> int:
        """Return the batch size of ``most`` that takes about as long as a click does alone.

        Args:
            longest_s: what it may take at most, however long one tile takes.
            most: the largest size.
        """
        one = self.expected(1)
        alone = float("inf") if one is None else _TILES_A_TURN * one + _BESIDE_S
        return self.most_within(min(alone, longest_s), most)

    def most_within(self, seconds: float, most: int) -> int:
        """Return the batch size of ``most``, halved until it should be done within ``seconds``."""
        if not self._seconds:
            return most if seconds == float("inf") else min(most, _FIRST_GUESS)
        size = most
        while size > 1 and (self.expected(size) or 0.0) > seconds:
            size //= 2
        return size
