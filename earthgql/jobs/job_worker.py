"""Takes jobs from the queue and does them, in a server process or in one of its own."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, text

from earthgql.catalog.jobs.queue import is_empty
from earthgql.catalog.jobs.work import sole_rescuer
from earthgql.database.engine import database_errors, explained
from earthgql.errors import DatabaseUnavailableError, EarthGQLError
from earthgql.jobs.tasks import CHUNK_TILES, FIRST_RETRY_S, JobTasks
from earthgql.scoring.service import ScoringService

if TYPE_CHECKING:
    from procrastinate import App

AT_ONCE = 2
"""Chunks done at the same time, so that one is inferred while another is stored."""

_MAX_RECONNECT_S = 30.0
_HEALTHY_S = 60.0
_EMPTY_CHECK_S = 0.2
# Entries that take longer to end after a stop are left to be rescued.
_CANCEL_TIMEOUT_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerIntervals:
    """Intervals of a worker's periodic work, in seconds.

    The database notifies workers of new jobs at once, so these delay nothing but recovery.

    Attributes:
        poll_s: between looks for entries that are due, such as retries.
        heartbeat_s: between heartbeats.
        stalled_s: without a heartbeat, after which a worker counts as dead.
        rescue_s: between looks for entries of dead workers, which go back to the queue.
        first_retry_s: before the second attempt at an entry; doubled before each further one.
    """

    poll_s: float = 10.0
    heartbeat_s: float = 10.0
    stalled_s: float = 30.0
    rescue_s: float = 15.0
    first_retry_s: float = FIRST_RETRY_S


class JobWorker:
    """Does the jobs of one queue, in a thread of its own or in the caller's.

    When the database cannot be reached it waits. Nothing is imported or connected before it runs,
    and the model is loaded when there is a job.
    """

    def __init__(
        self,
        engine: Engine,
        scoring: ScoringService,
        queue: Callable[[], str],
        *,
        at_once: int = AT_ONCE,
        chunk_tiles: int = CHUNK_TILES,
        intervals: WorkerIntervals | None = None,
    ) -> None:
        """Make a worker.

        Args:
            engine: on the database of jobs, tiles and scores.
            scoring: classifies tiles; may be shared with requests.
            queue: returns the name of the queue; called when the worker begins to run.
            at_once: chunks done at the same time.
            chunk_tiles: tiles of a chunk.
            intervals: of its periodic work.
        """
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._queue = queue
        self._at_once = at_once
        self._intervals = intervals or WorkerIntervals()
        self._stopping = threading.Event()
        self._tasks = JobTasks(
            engine,
            scoring,
            self._stopping,
            chunk_tiles=chunk_tiles,
            first_retry_s=self._intervals.first_retry_s,
        )
        self._thread: threading.Thread | None = None
        self._session: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def start(self) -> None:
        """Run in a thread."""
        self._thread = threading.Thread(target=self.run, name="job-worker", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish the tiles being classified, return the rest to the queue, and end the thread."""
        self._stopping.set()
        session = self._session
        if session is not None:
            loop, over = session
            try:
                loop.call_soon_threadsafe(over.set)
            except RuntimeError:
                _log.debug("the session ended by itself")
        if self._thread is not None:
            self._thread.join(timeout_s)

    def run(self, *, drain: bool = False) -> None:
        """Work until stopped; SIGTERM and SIGINT stop it too if this is the main thread.

        Args:
            drain: also stop when the queue is empty, and raise errors instead of waiting.
        """
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                asyncio.run(self._run_session(drain=drain))
                if drain:
                    return
            except Exception as error:
                if drain:
                    raise
                failures = 0 if time.monotonic() - began > _HEALTHY_S else failures + 1
                self._pause(error, min(2.0**failures, _MAX_RECONNECT_S))

    def _pause(self, error: Exception, seconds: float) -> None:
        """Log an error that stops all jobs, and wait, unless the worker is stopped."""
        known = isinstance(error, EarthGQLError) or _connection_error(error)
        _log.warning(
            "jobs wait, next attempt in %g s: %s",
            *(seconds, _connection_error(error) or error),
            exc_info=None if known else error,
        )
        self._stopping.wait(seconds)

    async def _run_session(self, *, drain: bool) -> None:
        """Work until stopped, or until an error."""
        from earthgql.jobs.queue_app import queue_app

        # Fails at once and with a short message; a pool of connections would retry for long.
        with database_errors(), self._engine.connect() as conn:
            conn.execute(text("SELECT FROM job LIMIT 1"))
        queue = self._queue()
        over = self._stop_signal()
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="job") as threads:
            app = queue_app(self._engine, self._tasks, threads, self._at_once)
            async with app.open_async():
                try:
                    await _run_until_first(
                        self._take_entries(app, queue),
                        self._rescue_repeatedly(app, queue),
                        self._drained(queue) if drain else over.wait(),
                    )
                finally:
                    self._session = None
        if not drain and not self._stopping.is_set():
            raise DatabaseUnavailableError("the queue's connections were lost")

    async def _take_entries(self, app: "App", queue: str) -> None:
        """Do the entries of the queue; when cancelled, finish those that have begun."""
        intervals = self._intervals
        await app.run_worker_async(
            queues=[queue],
            concurrency=self._at_once,
            fetch_job_polling_interval=intervals.poll_s,
            update_heartbeat_interval=intervals.heartbeat_s,
            stalled_worker_timeout=intervals.stalled_s,
            install_signal_handlers=False,
            delete_jobs="always",
        )

    def _stop_signal(self) -> asyncio.Event:
        """Return an event that is set when this session is to end."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def stop() -> None:
            self._stopping.set()
            over.set()

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
        self._session = (loop, over)
        if self._stopping.is_set():
            over.set()
        return over

    async def _drained(self, queue: str) -> None:
        """Wait until the queue is empty, or the worker is stopped."""
        while not self._stopping.is_set():
            if await asyncio.to_thread(self._is_empty, queue):
                return
            await asyncio.sleep(_EMPTY_CHECK_S)

    def _is_empty(self, queue: str) -> bool:
        with self._engine.connect() as conn:
            return is_empty(conn, queue)

    async def _rescue_repeatedly(self, app: "App", queue: str) -> None:
        """Return entries of dead workers to the queue, at intervals."""
        loop = asyncio.get_running_loop()
        while True:
            # In a thread: waiting for a connection here would delay the heartbeats.
            await asyncio.to_thread(self._rescue, app, queue, loop)
            await asyncio.sleep(self._intervals.rescue_s)

    def _rescue(self, app: "App", queue: str, loop: asyncio.AbstractEventLoop) -> None:
        """Rescue once, unless another worker does; in a thread, while the loop serves the queue."""
        with self._engine.begin() as conn:
            # If two workers returned the same entry, the second would take it from its new worker.
            if sole_rescuer(conn):
                returning = self._return_stalled(app, queue)
                asyncio.run_coroutine_threadsafe(returning, loop).result()
                self._tasks.queue_lost_work(conn)

    async def _return_stalled(self, app: "App", queue: str) -> None:
        from procrastinate.exceptions import ConnectorException

        manager = app.job_manager
        stalled = await manager.get_stalled_jobs(
            queue=queue, seconds_since_heartbeat=self._intervals.stalled_s
        )
        for job in stalled:
            _log.warning("entry %s of a worker that died goes back to the queue", job.id)
            # It may have been finished by now: the worker was slow, not dead.
            with suppress(ConnectorException):
                await manager.retry_job(job)


async def _run_until_first(*coroutines: Coroutine[Any, Any, object]) -> None:
    """Run coroutines until one ends, cancel the others, and raise the first error of any."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(tasks)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _cancel(tasks: list[asyncio.Task[object]]) -> None:
    """Cancel tasks until all have ended; entries left unfinished in the queue are rescued."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_TIMEOUT_S)
        if pending:
            inner = sorted(task.get_name() for task in asyncio.all_tasks() if not task.done())
            _log.warning("the job worker takes long to end: %s", ", ".join(inner))


def _connection_error(error: Exception) -> str | None:
    """Return the driver's message if the connection to the database was lost; else None."""
    from psycopg import OperationalError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OperationalError):
        cause = cause.__cause__
    if cause is None:
        return explained(error)
    return f"the database cannot be reached ({str(cause).strip().partition(chr(10))[0]})"
