"""``/healthz``, whether the process lives, and ``/readyz``, whether it can answer."""

import logging
import threading
import time
from collections.abc import Callable

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine, text

from earthgql.database.engine import database_errors
from earthgql.errors import EarthGQLError

_RETRY_SECONDS = 2
_AGAIN_AFTER_FAILURE_SECONDS = 10.0

_log = logging.getLogger(__name__)


class WarmUp:
    """Runs a slow function once, in a thread, when ``start`` is first called.

    After a failure a later ``start`` tries again: the model's folder may exist by then.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        """Make a warm-up.

        Args:
            work: the function; the process is ready after it.
        """
        self._work = work
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed_at = 0.0
        self.done = False
        self.failure: str | None = None

    def start(self) -> None:
        """Start the work unless it runs, is done, or has just failed."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            too_soon = (
                self.failure is not None
                and time.monotonic() - self._failed_at < _AGAIN_AFTER_FAILURE_SECONDS
            )
            if self.done or running or too_soon:
                return
            self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self._work()
        except EarthGQLError as error:
            self._fail(error.public_message, error)
        except Exception as error:
            self._fail("the model cannot be loaded; the server's log says why", error)
        else:
            self.failure = None
            self.done = True
            _log.info("model ready after %.1f s", time.monotonic() - began)

    def _fail(self, message: str, error: Exception) -> None:
        _log.error("warm-up failed", exc_info=error)
        self._failed_at = time.monotonic()
        self.failure = message


def blueprint(engine: Engine, warm_up: WarmUp) -> Blueprint:
    """Return the routes about health."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> ResponseReturnValue:
        """Say that the process lives."""
        return {"status": "alive"}

    @routes.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """Say whether the database answers and the model of this worker is loaded."""
        try:
            with database_errors(), engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except EarthGQLError as error:
            return _not_ready("unavailable", error.public_message)
        warm_up.start()
        if warm_up.done:
            return {"status": "ready"}
        if warm_up.failure is not None:
            return _not_ready("failed", warm_up.failure)
        return _not_ready("starting", "the model is being loaded")

    return routes


def _not_ready(status: str, reason: str) -> ResponseReturnValue:
    headers = {"Retry-After": str(_RETRY_SECONDS)}
    return {"status": status, "reason": reason}, 503, headers
