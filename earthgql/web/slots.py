"""Answers that take long, of which there are only so many, and clients that do not read them."""

import threading
from collections.abc import Callable

from flask import Flask, request

from earthgql.errors import OverloadedError

SEND_S = 120.0
"""A client that takes none of its answer for so long is not waited for any more."""


class Places:
    """Places for answers that keep a thread of this process from giving others.

    Attributes:
        most: how many there are.
        is_over: whether the process is to end, and all these answers with it.
    """

    def __init__(
        self, most: int, refusal: str, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        """Begin with all of them free.

        Args:
            most: how many there are.
            refusal: what is told who comes when none is.
            is_over: whether the process is to end.
        """
        self.most = most
        self.is_over = is_over
        self._refusal = refusal
        self._taken = 0
        self._lock = threading.Lock()

    def enter(self) -> Callable[[], None]:
        """Take a place, and return what gives it back; giving it back again does nothing.

        Raises:
            OverloadedError: if none is free.
        """
        with self._lock:
            if self._taken >= self.most:
                raise OverloadedError(self._refusal)
            self._taken += 1
        ended = False

        def leave() -> None:
            nonlocal ended
            with self._lock:
                self._taken -= not ended
                ended = True

        return leave


def limit_sending(app: Flask) -> None:
    """Have no answer wait for ever for a client that does not read it."""

    @app.before_request
    def limit() -> None:
        # Of the server that ``manage.py serve`` runs; it waits for ever, and starts anew with the
        # next request on the connection.
        socket = request.environ.get("gunicorn.socket")
        if socket is not None:
            socket.settimeout(SEND_S)
