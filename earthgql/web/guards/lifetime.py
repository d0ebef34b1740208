"""How long a request may take: until its deadline, or until its client hangs up.

One thread of the process looks at all requests a few times a second and cancels those that nobody
waits for; see ``earthgql.cancellation``.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from earthgql.cancellation import Cancellation, working_for
from earthgql.errors import ClientGoneError, DeadlineError, EarthGQLError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STEP_S = 0.25
"""Between two looks at the requests."""

_LINGER_S = 5.0

IsGone = Callable[[], bool]

_log = logging.getLogger(__name__)


class _Watched(NamedTuple):
    deadline: float
    is_gone: IsGone | None


class Lifetimes:
    """A WSGI application that cancels requests whose time is over.

    An answer that is sent piece by piece is not watched once it has begun: it has limits of its
    own, and servers end it when the client hangs up.
    """

    def __init__(self, app: "WSGIApplication", deadline_s: float) -> None:
        """Wrap an application.

        Args:
            app: answers the requests.
            deadline_s: seconds that a request may take.
        """
        self._app = app
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._watched: dict[Cancellation, _Watched] = {}
        self._thread: threading.Thread | None = None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        cancellation = Cancellation()
        watched = _Watched(time.monotonic() + self._deadline_s, hang_up(environ))
        with self._watching(cancellation, watched), working_for(cancellation):
            return self._app(environ, start_response)

    @contextmanager
    def _watching(self, cancellation: Cancellation, watched: _Watched) -> Iterator[None]:
        with self._lock:
            self._watched[cancellation] = watched
            # None survives a fork, and it ends when there are no requests for a while.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="lifetimes", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._watched[cancellation]

    def _watch(self) -> None:
        last = time.monotonic()
        while True:
            time.sleep(STEP_S)
            now = time.monotonic()
            with self._lock:
                if self._watched:
                    last = now
                elif now - last > _LINGER_S:
                    self._thread = None
                    return
                watched = list(self._watched.items())
            for cancellation, request in watched:
                reason = self._reason(request, now)
                if reason is not None:
                    _cancel(cancellation, reason)

    def _reason(self, request: _Watched, now: float) -> EarthGQLError | None:
        if now >= request.deadline:
            return DeadlineError(
                f"the request took more than {self._deadline_s:g} s: ask for less at once"
            )
        if request.is_gone is not None and request.is_gone():
            return ClientGoneError("the client hung up")
        return None


def hang_up(environ: "WSGIEnvironment") -> IsGone | None:
    """Return what tells whether the client of a request hung up; None where nothing does.

    Servers tell it in ways of their own; this is that of the server of ``manage.py serve``.
    """
    disconnected: IsGone | None = environ.get("waitress.client_disconnected")
    return disconnected


def _cancel(cancellation: Cancellation, reason: EarthGQLError) -> None:
    try:
        cancellation.cancel(reason)
    except Exception as error:
        _log.warning("work of a request was not cancelled: %s", error)
