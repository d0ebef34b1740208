"""The threads that answer requests, which clients take in turn."""

import logging
import threading
from collections import Counter
from typing import Protocol

from earthgql.scoring.fair_queue import FairQueue

_log = logging.getLogger(__name__)


class Task(Protocol):
    """A connection with a request to be answered."""

    client: str
    connected: bool

    def service(self) -> None:
        """Answer the request."""


class FairThreads:
    """Threads that take one request of each client in turn, as waitress's task dispatcher.

    A client has a share of them at most, so that another's request finds one free.
    """

    def __init__(self, count: int, share: int) -> None:
        """Start the threads.

        Args:
            count: how many.
            share: how many of them one client may have.
        """
        self._share = share
        self._busy = Counter[str]()
        self._queue = FairQueue[str, Task](lambda task: task.connected)
        self._changed = threading.Condition()
        for number in range(count):
            threading.Thread(target=self._run, name=f"request-{number}", daemon=True).start()

    def add_task(self, task: Task) -> None:
        """Queue a request."""
        with self._changed:
            self._queue.push(task.client, task)
            self._changed.notify()

    def shutdown(self) -> None:
        """Do nothing: the threads end with the process."""

    def _run(self) -> None:
        while True:
            client, task = self._take()
            try:
                task.service()
            except Exception:
                _log.exception("a request broke off")
            with self._changed:
                self._busy[client] -= 1
                if not self._busy[client]:
                    del self._busy[client]

    def _take(self) -> tuple[str, Task]:
        with self._changed:
            while True:
                taken = self._queue.take(lambda client: self._busy[client] < self._share)
                if taken is not None:
                    self._busy[taken[0]] += 1
                    return taken
                self._changed.wait()
