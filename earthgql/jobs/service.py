"""Starts, cancels and finds jobs."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from earthgql.catalog.jobs import records as jobs
from earthgql.catalog.jobs.records import MOST_UNFINISHED, JobRecord
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.jobs.work import end_job, wait_briefly
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.lookup import tiles_in_bounds
from earthgql.database.engine import database_errors
from earthgql.errors import NotFoundError, OverloadedError


class JobService:
    """The jobs of a database; cheap to make, used by any number of threads."""

    def __init__(self, engine: Engine) -> None:
        """Use a database; the engine may be one that commits each statement."""
        self._engine = engine
        self._transactional = engine.execution_options(isolation_level="READ COMMITTED")

    def start(self, model: ModelRecord, request: AreaRequest) -> JobRecord:
        """Start a job, or return the unfinished one of the same request and model.

        For an area without tiles the job is finished at once, and returned again while it is kept.

        Raises:
            BadInputError: if the request names a scene that does not exist.
            OverloadedError: if too many jobs are unfinished.
            DatabaseUnavailableError: if the database cannot be reached.
        """
        identity = model.identity
        queue = model_queue(identity.name, identity.version)
        with self._transaction() as conn:
            empty = not tiles_in_bounds(conn, request.parts, request.where, limit=1)
            job, new = jobs.create_job(conn, model.id, request, queue, empty=empty)
            if new and not empty and jobs.count_unfinished(conn) > MOST_UNFINISHED:
                raise OverloadedError(
                    f"{MOST_UNFINISHED} jobs are under way already: wait for one, or cancel one"
                )
        return job

    def cancel(self, job_id: int) -> JobRecord:
        """Cancel a job, keeping the scores it has stored; a finished one stays as it is.

        Raises:
            NotFoundError: if there is no such job.
            OverloadedError: if a worker that plans it keeps it locked for long.
            DatabaseUnavailableError: if the database cannot be reached.
        """
        with self._transaction() as conn:
            wait_briefly(conn)
            job = end_job(conn, job_id, "cancelled")
        if job is None:
            raise NotFoundError(f"there is no job {job_id}")
        return job

    def find(self, job_id: int) -> JobRecord | None:
        """Return the current state of a job; None if there is no such job.

        Raises:
            DatabaseUnavailableError: if the database cannot be reached.
        """
        with database_errors(), self._engine.connect() as conn:
            return jobs.jobs_by_ids(conn, [job_id]).get(job_id)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with database_errors(), self._transactional.begin() as conn:
            yield conn


def model_queue(name: str, version: str) -> str:
    """Return the name of the queue of a model, which only workers with that model serve.

    It becomes part of the name of a PostgreSQL channel, which may have 63 bytes.
    """
    digest = hashlib.sha256(f"{name} {version}".encode())
    return f"classify-{digest.hexdigest()[:16]}"
