"""What the tasks of the queue do: plan a job, classify a chunk of it; in threads of the worker."""

import logging
import math
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from earthgql.catalog.jobs.records import Failure, jobs_by_ids
from earthgql.catalog.jobs.work import (
    Counted,
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
from earthgql.jobs.tally import Tally
from earthgql.scoring.service import ScoringService

CHUNK_TILES = 64
"""Tiles of a chunk: what one worker does at a time, and is done again if that worker dies."""

STEP_TILES = 16
"""Tiles classified and stored together, between which a chunk may be left."""

MOST_ATTEMPTS = 8
"""How often a chunk is tried before what still fails of it is counted as failed."""

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 120.0
_log = logging.getLogger(__name__)


class AgainError(Exception):
    """A task was not finished and is to be run again.

    Attributes:
        after_s: no sooner than in so many seconds.
    """

    def __init__(self, after_s: float) -> None:
        super().__init__(f"again in {after_s:g} s")
        self.after_s = after_s


class Work:
    """The tasks, on one database and one model."""

    def __init__(
        self,
        engine: Engine,
        scoring: ScoringService,
        stopping: threading.Event,
        *,
        chunk_tiles: int = CHUNK_TILES,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Make the tasks.

        Args:
            engine: on the database of jobs, tiles and scores.
            scoring: what classifies tiles; shared with requests.
            stopping: set when the worker is to stop: chunks are then left as they are.
            chunk_tiles: tiles of a chunk.
            first_wait_s: seconds before the second attempt; doubled before each further one.
        """
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._scoring = scoring
        self._stopping = stopping
        self._chunk_tiles = chunk_tiles
        self._first_wait_s = first_wait_s

    def plan(self, job_id: int) -> None:
        """Write down what a job has to do.

        Raises:
            AgainError: if that went wrong, and may go well later.
        """
        try:
            self._check_model(job_id)
            with database_errors(), self._engine.begin() as conn:
                plan_job(conn, job_id, self._chunk_tiles)
        except Exception as error:
            self._plan_failed(job_id, error)

    def classify(self, job_id: int, number: int) -> None:
        """Classify and store the tiles of a chunk, and count them.

        Raises:
            AgainError: if some could not be classified that may be later, or the worker stops.
        """
        with self._engine.connect() as conn:
            tile_ids = chunk_tiles(conn, job_id, number)
        if tile_ids is None:
            return
        tally = Tally()
        try:
            for start in range(0, len(tile_ids), STEP_TILES):
                if not self._step(tally, job_id, number, tile_ids[start : start + STEP_TILES]):
                    return
        except AgainError:
            raise
        except Exception as error:
            _tell(f"chunk {number} of job {job_id}", error)
            tally.fail_all(tile_ids[tally.seen :], _told(error))
        self._count(tally, job_id, number)

    def queue_lost_work(self, conn: Connection) -> None:
        """Queue again what the queue has lost, such as entries deleted by hand."""
        count = queue_lost_work(conn)
        if count:
            _log.warning("%d entries of jobs were missing in the queue and are back", count)

    def _step(self, tally: Tally, job_id: int, number: int, tile_ids: Sequence[int]) -> bool:
        """Classify some tiles; False if the chunk is not wanted any more."""
        if self._stopping.is_set():
            raise AgainError(0)
        with self._engine.connect() as conn:
            if not chunk_is_left(conn, job_id, number):
                return False
        tally.add(self._scoring.classify_tiles(tile_ids, deadline=math.inf, must_store=True))
        return True

    def _count(self, tally: Tally, job_id: int, number: int) -> None:
        if tally.passing:
            if self._stopping.is_set():
                raise AgainError(0)
            self._try_again(tally, job_id, number)
        failures = tuple(
            Failure(code, error.public_message, tally.failed[code])
            for code, error in tally.first.items()
        )
        with self._engine.begin() as conn:
            count_chunk(conn, job_id, number, Counted(tally.done, tally.gone, failures))

    def _try_again(self, tally: Tally, job_id: int, number: int) -> None:
        """Ask for another attempt, unless there were enough."""
        with self._engine.begin() as conn:
            attempts = note_attempt(conn, job_id, number)
        if attempts is not None and attempts < MOST_ATTEMPTS:
            _log.warning(
                "chunk %d of job %d, attempt %d: %d tiles to be tried again: %s",
                *(number, job_id, attempts, tally.passing, next(iter(tally.examples))),
            )
            raise AgainError(self._wait(attempts))

    def _check_model(self, job_id: int) -> None:
        """See that the model works before any tile waits for it, and is the one of the job."""
        with self._engine.connect() as conn:
            job = jobs_by_ids(conn, [job_id]).get(job_id)
        if job is None or job.status != "queued":
            return
        self._scoring.warm_up()
        if self._scoring.model.id != job.model_id:
            raise BadInputError("the job is for a model that this server does not have any more")

    def _plan_failed(self, job_id: int, error: Exception) -> None:
        if self._stopping.is_set():
            raise AgainError(0) from error
        with self._engine.begin() as conn:
            attempts = note_attempt(conn, job_id, None)
            if isinstance(error, BadInputError) or (attempts or MOST_ATTEMPTS) >= MOST_ATTEMPTS:
                told = _told(error)
                end_job(conn, job_id, "failed", Failure(told.code, told.public_message, 0))
                _tell(f"job {job_id} failed", error)
                return
        _tell(f"planning job {job_id}, attempt {attempts}", error)
        raise AgainError(self._wait(attempts or 1)) from error

    def _wait(self, attempts: int) -> float:
        return min(self._first_wait_s * 2.0 ** (attempts - 1), LONGEST_WAIT_S)


def _tell(what: str, error: Exception) -> None:
    """Log an error, in one line if it is a known one."""
    known = isinstance(error, EarthGQLError) or explained(error) is not None
    _log.warning("%s: %s", what, explained(error) or error, exc_info=None if known else error)


def _told(error: Exception) -> EarthGQLError:
    """Return what a client is told of an error."""
    try:
        with database_errors():
            raise error
    except EarthGQLError as known:
        return known
    except Exception:
        return _InternalError("Internal error: it was logged, and whoever runs the worker finds it")


class _InternalError(EarthGQLError):
    """A defect of ours."""
