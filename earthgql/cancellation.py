"""Tells the work of a request when nobody waits for it any more, so that it ends.

A request has a ``Cancellation``; whatever works for it in the same thread finds it by ``current``.
At the deadline, or when the client hangs up, another thread cancels it. Work in a loop then ends at
its next ``check``; work that waits for something names what ends the wait: see ``calling``.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from earthgql.errors import EarthGQLError

_current: ContextVar["Cancellation | None"] = ContextVar("cancellation", default=None)


class Abandoned(BaseException):
    """Ends a GraphQL execution as a whole.

    No ``except Exception`` on the way takes it for the error of one field, after which the
    execution would go on with the next one.

    Attributes:
        reason: why, as an error for the client.
    """

    def __init__(self, reason: EarthGQLError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Cancellation:
    """Whether a request was cancelled, and what its work waits for; threads may share it.

    Attributes:
        reason: why it was cancelled; None while it was not.
    """

    def __init__(self) -> None:
        self.reason: EarthGQLError | None = None
        self._lock = threading.Lock()
        self._stops: list[Callable[[], object]] = []

    def cancel(self, reason: EarthGQLError) -> None:
        """End the work; the first reason counts.

        May be called again, since a statement is not cancelled that is still on its way to the
        database.
        """
        with self._lock:
            self.reason = self.reason or reason
            for stop in self._stops:
                stop()

    def check(self) -> None:
        """Raise the reason if the request was cancelled."""
        if self.reason is not None:
            raise self.reason

    @contextmanager
    def calling(self, stop: Callable[[], object]) -> Iterator[None]:
        """Have a function called, in another thread, if the request is cancelled in the block.

        After the block it is not called any more. It must not block for long.

        Raises:
            EarthGQLError: the reason, if the request was cancelled already.
        """
        with self._lock:
            self.check()
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


def current() -> Cancellation | None:
    """Return the cancellation of the request that this thread works for, if any."""
    return _current.get()


def check() -> None:
    """Raise the reason if the request that this thread works for was cancelled."""
    cancellation = _current.get()
    if cancellation is not None:
        cancellation.check()


@contextmanager
def calling(stop: Callable[[], object]) -> Iterator[None]:
    """As ``Cancellation.calling`` of the current one; nothing if there is none."""
    cancellation = _current.get()
    if cancellation is None:
        yield
    else:
        with cancellation.calling(stop):
            yield


@contextmanager
def working_for(cancellation: Cancellation | None) -> Iterator[None]:
    """Make it the current one in the block; None: what the block does is done to its end."""
    token = _current.set(cancellation)
    try:
        yield
    finally:
        _current.reset(token)
