"""Where jobs are asked for, cancelled and looked up: for who answers requests."""

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


class JobDesk:
    """Jobs of a database; cheap to make, used by any number of threads."""

    def __init__(self, engine: Engine) -> None:
        """Remember where jobs are kept; the engine may be one of single statements."""
        self._engine = engine
        self._transactional = engine.execution_options(isolation_level="READ COMMITTED")

    def start(self, model: ModelRecord, request: AreaRequest) -> JobRecord:
        """Start a job, unless one of the same request and model is under way: then that is it.

        An area without tiles is a finished job, and the same one as long as it is kept.

        Raises:
            BadInputError: if the request names a scene that does not exist.
            OverloadedError: if too many jobs are under way.
            DatabaseUnavailableError: if the database is away.
        """
        identity = model.identity
        queue = queue_of(identity.name, identity.version)
        with self._transaction() as conn:
            empty = not tiles_in_bounds(conn, request.parts, request.where, limit=1)
            job, new = jobs.create_job(conn, model.id, request, queue, empty=empty)
            if new and not empty and jobs.count_unfinished(conn) > MOST_UNFINISHED:
                raise OverloadedError(
                    f"{MOST_UNFINISHED} jobs are under way already: wait for one, or cancel one"
                )
        return job

    def cancel(self, job_id: int) -> JobRecord:
        """Cancel a job; what it has stored stays, and one that is finished stays as it is.

        Raises:
            NotFoundError: if there is no such job.
            OverloadedError: if a worker holds it for long, which plans it.
            DatabaseUnavailableError: if the database is away.
        """
        with self._transaction() as conn:
            wait_briefly(conn)
            job = end_job(conn, job_id, "cancelled")
        if job is None:
            raise NotFoundError(f"there is no job {job_id}")
        return job

    def find(self, job_id: int) -> JobRecord | None:
        """Return a job as it is now; None if there is none.

        Raises:
            DatabaseUnavailableError: if the database is away.
        """
        with database_errors(), self._engine.connect() as conn:
            return jobs.jobs_by_ids(conn, [job_id]).get(job_id)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with database_errors(), self._transactional.begin() as conn:
            yield conn


def queue_of(name: str, version: str) -> str:
    """Name the queue of the workers that have a model, which others leave alone.

    It goes into the name of a PostgreSQL channel, which may have 63 bytes.
    """
    digest = hashlib.sha256(f"{name} {version}".encode())
    return f"classify-{digest.hexdigest()[:16]}"
