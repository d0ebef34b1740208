"""The tasks of the queue: plan a job, classify a chunk of it; run in threads of the worker."""

import logging
import math
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from earthgql.catalog.jobs.records import Failure, jobs_by_ids
from earthgql.catalog.jobs.work import (
    ChunkCounts,
    chunk_is_left,
    chunk_tiles,
    count_chunk,
    end_job,
    note_attempt,
    plan_job,
    queue_lost_work,
)
from earthgql.database.engine import database_errors, explained
from earthgql.errors import BadInputError, EarthGQLError
from earthgql.jobs.outcomes import OutcomeCounts
from earthgql.scoring.service import ScoringService

CHUNK_TILES = 64
"""Tiles of a chunk, the unit that a worker takes, and that is done again if the worker dies."""

STEP_TILES = 16
"""Tiles classified and stored together; between such steps a chunk may be stopped."""

MAX_ATTEMPTS = 8
"""Attempts at a chunk, after which the tiles that still fail are counted as failed."""

FIRST_RETRY_S = 2.0
MAX_RETRY_S = 120.0
_log = logging.getLogger(__name__)


class RetryLaterError(Exception):
    """A task was not finished and is to be run again.

    Attributes:
        delay_s: seconds until then, at least.
    """

    def __init__(self, delay_s: float) -> None:
        super().__init__(f"again in {delay_s:g} s")
        self.delay_s = delay_s


class JobTasks:
    """The tasks, for one database and one model."""

    def __init__(
        self,
        engine: Engine,
        scoring: ScoringService,
        stopping: threading.Event,
        *,
        chunk_tiles: int = CHUNK_TILES,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        """Make the tasks.

        Args:
            engine: on the database of jobs, tiles and scores.
            scoring: classifies tiles; shared with requests.
            stopping: set when the worker is to stop; unfinished chunks then return to the queue.
            chunk_tiles: tiles of a chunk.
            first_retry_s: seconds before the second attempt; doubled before each further one.
        """
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._scoring = scoring
        self._stopping = stopping
        self._chunk_tiles = chunk_tiles
        self._first_retry_s = first_retry_s

    def plan(self, job_id: int) -> None:
        """Divide the tiles of a job into chunks.

        Raises:
            RetryLaterError: if that failed and is to be tried again.
        """
        try:
            self._check_model(job_id)
            with database_errors(), self._engine.begin() as conn:
                plan_job(conn, job_id, self._chunk_tiles)
        except Exception as error:
            self._plan_failed(job_id, error)

    def classify(self, job_id: int, number: int) -> None:
        """Classify and store the tiles of a chunk, and count their outcomes.

        Raises:
            RetryLaterError: if tiles failed that may succeed later, or the worker stops.
        """
        with self._engine.connect() as conn:
            tile_ids = chunk_tiles(conn, job_id, number)
        if tile_ids is None:
            return
        counts = OutcomeCounts()
        try:
            for start in range(0, len(tile_ids), STEP_TILES):
                if not self._step(counts, job_id, number, tile_ids[start : start + STEP_TILES]):
                    return
        except RetryLaterError:
            raise
        except Exception as error:
            _log_error(f"chunk {number} of job {job_id}", error)
            counts.fail_all(tile_ids[counts.total :], _public_error(error))
        self._count(counts, job_id, number)

    def queue_lost_work(self, conn: Connection) -> None:
        """Queue entries again that are missing from the queue, such as those deleted by hand."""
        count = queue_lost_work(conn)
        if count:
            _log.warning("%d entries of jobs were missing in the queue and are back", count)

    def _step(
        self, counts: OutcomeCounts, job_id: int, number: int, tile_ids: Sequence[int]
    ) -> bool:
        """Classify some tiles; return False if the chunk is gone: its job was cancelled."""
        if self._stopping.is_set():
            raise RetryLaterError(0)
        with self._engine.connect() as conn:
            if not chunk_is_left(conn, job_id, number):
                return False
        counts.add(self._scoring.classify_tiles(tile_ids, deadline=math.inf, must_store=True))
        return True

    def _count(self, counts: OutcomeCounts, job_id: int, number: int) -> None:
        if counts.retryable:
            if self._stopping.is_set():
                raise RetryLaterError(0)
            self._try_again(counts, job_id, number)
        failures = tuple(
            Failure(code, error.public_message, counts.failed[code])
            for code, error in counts.first_errors.items()
        )
        with self._engine.begin() as conn:
            count_chunk(conn, job_id, number, ChunkCounts(counts.done, counts.deleted, failures))

    def _try_again(self, counts: OutcomeCounts, job_id: int, number: int) -> None:
        """Raise for another attempt, unless there were ``MAX_ATTEMPTS``."""
        with self._engine.begin() as conn:
            attempts = note_attempt(conn, job_id, number)
        if attempts is not None and attempts < MAX_ATTEMPTS:
            _log.warning(
                "chunk %d of job %d, attempt %d: %d tiles to be tried again: %s",
                *(number, job_id, attempts, counts.retryable, next(iter(counts.examples))),
            )
            raise RetryLaterError(self._retry_delay(attempts))

    def _check_model(self, job_id: int) -> None:
        """Load the model before any tile waits for it, and check that it is the job's."""
        with self._engine.connect() as conn:
            job = jobs_by_ids(conn, [job_id]).get(job_id)
        if job is None or job.status != "queued":
            return
        self._scoring.warm_up()
        if self._scoring.model.id != job.model_id:
            raise BadInputError("the job is for a model that this server does not have any more")

    def _plan_failed(self, job_id: int, error: Exception) -> None:
        if self._stopping.is_set():
            raise RetryLaterError(0) from error
        with self._engine.begin() as conn:
            attempts = note_attempt(conn, job_id, None)
            if isinstance(error, BadInputError) or (attempts or MAX_ATTEMPTS) >= MAX_ATTEMPTS:
                public = _public_error(error)
                end_job(conn, job_id, "failed", Failure(public.code, public.public_message, 0))
                _log_error(f"job {job_id} failed", error)
                return
        _log_error(f"planning job {job_id}, attempt {attempts}", error)
        raise RetryLaterError(self._retry_delay(attempts or 1)) from error

    def _retry_delay(self, attempts: int) -> float:
        return min(self._first_retry_s * 2.0 ** (attempts - 1), MAX_RETRY_S)


def _log_error(what: str, error: Exception) -> None:
    """Log an error; with its traceback only if it is a defect."""
    known = isinstance(error, EarthGQLError) or explained(error) is not None
    _log.warning("%s: %s", what, explained(error) or error, exc_info=None if known else error)


def _public_error(error: Exception) -> EarthGQLError:
    """Return an error as clients may see it."""
    try:
        with database_errors():
            raise error
    except EarthGQLError as known:
        return known
    except Exception:
        return _InternalError("Internal error: it was logged, and whoever runs the worker finds it")


class _InternalError(EarthGQLError):
    """A defect, masked for clients."""
