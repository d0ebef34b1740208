"""A worker: takes jobs from the queue and does them, beside requests or in a process of its own."""

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

from earthgql.catalog.jobs.work import is_empty, sole_rescuer
from earthgql.database.engine import database_errors, explained
from earthgql.errors import DatabaseUnavailableError, EarthGQLError
from earthgql.jobs.work import CHUNK_TILES, FIRST_WAIT_S, Work
from earthgql.scoring.service import ScoringService

if TYPE_CHECKING:
    from procrastinate import App

AT_ONCE = 2
"""Chunks under way together, so that one is being inferred while another is stored."""

_LONGEST_PAUSE_S = 30.0
_WENT_WELL_S = 60.0
_TICK_S = 0.2
# What has begun may take so long to finish before it is left to be rescued.
_ENDING_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a worker does what nobody tells it to do, in seconds.

    New jobs are told by the database at once, so nobody waits for any of these but after something
    went wrong.

    Attributes:
        poll_s: looks for entries whose time has come, such as those to be tried again.
        heartbeat_s: tells that it lives.
        stalled_s: a worker that has not told counts as dead, and its entries go to others.
        rescue_s: looks for entries of dead workers.
        first_wait_s: before an entry that went wrong is tried again; doubled each time.
    """

    poll_s: float = 10.0
    heartbeat_s: float = 10.0
    stalled_s: float = 30.0
    rescue_s: float = 15.0
    first_wait_s: float = FIRST_WAIT_S


class JobWorker:
    """Does the jobs of one queue, in a thread of its own or in the caller's.

    When the database goes away it waits for it. Nothing is imported, connected to or loaded
    before it runs, and the model not before there is a job.
    """

    def __init__(
        self,
        engine: Engine,
        scoring: ScoringService,
        queue: Callable[[], str],
        *,
        at_once: int = AT_ONCE,
        chunk_tiles: int = CHUNK_TILES,
        rhythm: Rhythm | None = None,
    ) -> None:
        """Make a worker.

        Args:
            engine: on the database of jobs, tiles and scores.
            scoring: what classifies tiles; may be shared with requests.
            queue: names the queue of this worker's model; asked when it begins to run.
            at_once: chunks under way at once.
            chunk_tiles: tiles of a chunk.
            rhythm: of what it does unasked.
        """
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._queue = queue
        self._at_once = at_once
        self._rhythm = rhythm or Rhythm()
        self._stopping = threading.Event()
        self._work = Work(
            engine,
            scoring,
            self._stopping,
            chunk_tiles=chunk_tiles,
            first_wait_s=self._rhythm.first_wait_s,
        )
        self._thread: threading.Thread | None = None
        self._session: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def start(self) -> None:
        """Begin to work, in a thread."""
        self._thread = threading.Thread(target=self.run, name="job-worker", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish the tiles under way, give back the rest, and end the thread."""
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
        """Work until stopped: in the main thread also by SIGTERM and SIGINT.

        Args:
            drain: stop when the queue is empty, too, and raise what keeps it from working.
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
                failures = 0 if time.monotonic() - began > _WENT_WELL_S else failures + 1
                self._pause(error, min(2.0**failures, _LONGEST_PAUSE_S))

    def _pause(self, error: Exception, seconds: float) -> None:
        """Tell what keeps jobs from being done, and wait, unless stopped."""
        known = isinstance(error, EarthGQLError) or _lost(error)
        _log.warning(
            "jobs wait, next attempt in %g s: %s",
            *(seconds, _lost(error) or error),
            exc_info=None if known else error,
        )
        self._stopping.wait(seconds)

    async def _run_session(self, *, drain: bool) -> None:
        """Work until stopped, or until something goes wrong."""
        from earthgql.jobs.queue_app import queue_app

        # Tells in a line, and soon, what a pool of connections would try to mend for long.
        with database_errors(), self._engine.connect() as conn:
            conn.execute(text("SELECT FROM job LIMIT 1"))
        queue = self._queue()
        over = self._stop_signal()
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="job") as threads:
            app = queue_app(self._engine, self._work, threads, self._at_once)
            async with app.open_async():
                try:
                    await _first_of(
                        self._take_entries(app, queue),
                        self._rescue_for_ever(app, queue),
                        self._drained(queue) if drain else over.wait(),
                    )
                finally:
                    self._session = None
        if not drain and not self._stopping.is_set():
            raise DatabaseUnavailableError("the queue's connections were lost")

    async def _take_entries(self, app: "App", queue: str) -> None:
        """Do what comes into the queue; when cancelled, finish what has begun."""
        rhythm = self._rhythm
        await app.run_worker_async(
            queues=[queue],
            concurrency=self._at_once,
            fetch_job_polling_interval=rhythm.poll_s,
            update_heartbeat_interval=rhythm.heartbeat_s,
            stalled_worker_timeout=rhythm.stalled_s,
            install_signal_handlers=False,
            delete_jobs="always",
        )

    def _stop_signal(self) -> asyncio.Event:
        """Return what is set when this session is to end."""
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
            await asyncio.sleep(_TICK_S)

    def _is_empty(self, queue: str) -> bool:
        with self._engine.connect() as conn:
            return is_empty(conn, queue)

    async def _rescue_for_ever(self, app: "App", queue: str) -> None:
        """Give entries of dead workers back to the queue, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            # Who waits for a connection here would keep the worker from telling that it lives.
            await asyncio.to_thread(self._rescue, app, queue, loop)
            await asyncio.sleep(self._rhythm.rescue_s)

    def _rescue(self, app: "App", queue: str, loop: asyncio.AbstractEventLoop) -> None:
        """Rescue once, unless another does; in a thread, while the loop talks to the queue."""
        with self._engine.begin() as conn:
            # Of two who give the same entry back, the second would take it from who has it.
            if sole_rescuer(conn):
                giving = self._give_back(app, queue)
                asyncio.run_coroutine_threadsafe(giving, loop).result()
                self._work.queue_lost_work(conn)

    async def _give_back(self, app: "App", queue: str) -> None:
        from procrastinate.exceptions import ConnectorException

        manager = app.job_manager
        stalled = await manager.get_stalled_jobs(
            queue=queue, seconds_since_heartbeat=self._rhythm.stalled_s
        )
        for job in stalled:
            _log.warning("entry %s of a worker that died goes back to the queue", job.id)
            # It may have been finished by now: the worker was slow, not dead.
            with suppress(ConnectorException):
                await manager.retry_job(job)


async def _first_of(*works: Coroutine[Any, Any, object]) -> None:
    """Wait until one of several works ends, cancel the others, and raise what went wrong."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(tasks)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _cancel(tasks: list[asyncio.Task[object]]) -> None:
    """Cancel tasks until all have ended; what they leave half-done in the queue is rescued."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_ENDING_S)
        if pending:
            inner = sorted(task.get_name() for task in asyncio.all_tasks() if not task.done())
            _log.warning("the job worker takes long to end: %s", ", ".join(inner))


def _lost(error: Exception) -> str | None:
    """Return what the driver said if the connection to the database was lost; else None."""
    from psycopg import OperationalError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OperationalError):
        cause = cause.__cause__
    if cause is None:
        return explained(error)
    return f"the database cannot be reached ({str(cause).strip().partition(chr(10))[0]})"
