"""A lock that is handed out in the order it was asked for."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator


class Turns:
    """Lets threads use one thing in turn, first come first served.

    A plain lock would let a thread with many batches take it again and again before the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()

    @contextlib.contextmanager
    def turn(self, deadline: float | None = None) -> Iterator[bool]:
        """Wait for one's turn and hold it during the block.

        Args:
            deadline: ``time.monotonic()`` seconds at which to stop waiting; none: never.

        Yields:
            Whether it is one's turn; False when the deadline came first.
        """
        mine = threading.Event()
        with self._lock:
            self._line.append(mine)
            self._line[0].set()
        try:
            yield mine.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        finally:
            with self._lock:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()
