"""Limits on long answers: how many at once."""

import threading
from collections.abc import Callable

from earthgql.errors import OverloadedError


class Slots:
    """Slots for answers that keep a thread of this process for long.

    Attributes:
        count: how many there are.
        is_over: whether the process is to end, and all these answers with it.
    """

    def __init__(
        self, count: int, refusal: str, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """Begin with all of them free.

        Args:
            count: how many there are.
            refusal: the message of the error when none is free.
            is_over: whether the process is to end.
        """
        self.count = count
        self.is_over = is_over
        self._refusal = refusal
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> Callable[[], None]:
        """Take a slot, and return what releases it; releasing it again does nothing.

        Raises:
            OverloadedError: if none is free.
        """
        with self._lock:
            if self._taken >= self.count:
                raise OverloadedError(self._refusal)
            self._taken += 1
        released = False

        def release() -> None:
            nonlocal released
            with self._lock:
                self._taken -= not released
                released = True

        return release
