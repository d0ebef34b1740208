"""Turns at work of which only a little may run at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from earthgql import cancellation
from earthgql.errors import OverloadedError

_STEP_S = 0.25


class Turns:
    """Lets few run at once; a few others wait their turn, and all others are refused.

    Those that wait keep a thread of the server each, so neither their number nor their time may be
    large.
    """

    def __init__(self, at_once: int, *, waiting: int, wait_s: float, refusal: str) -> None:
        """Begin with none.

        Args:
            at_once: how many run at once.
            waiting: the most that wait.
            wait_s: seconds that each waits at most.
            refusal: the message for those that are refused.
        """
        self._free = threading.Semaphore(at_once)
        self._places = threading.Semaphore(at_once + waiting)
        self._wait_s = wait_s
        self._refusal = refusal

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Run the block when it is its turn.

        Raises:
            OverloadedError: if too many wait already, or it was not its turn in time.
            EarthGQLError: if the request was cancelled meanwhile.
        """
        if not self._places.acquire(blocking=False):
            raise OverloadedError(self._refusal)
        try:
            self._wait()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._places.release()

    def _wait(self) -> None:
        until = time.monotonic() + self._wait_s
        while not self._free.acquire(timeout=min(_STEP_S, max(0.0, until - time.monotonic()))):
            cancellation.check()
            if time.monotonic() >= until:
                raise OverloadedError(self._refusal)
