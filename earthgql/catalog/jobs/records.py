"""Jobs: classifications of areas in the background, and their progress."""

# ruff: noqa: S608 - nothing but constants is put into statements

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from earthgql.catalog.jobs.queue import defer_plan
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.sql import execute, page_by_id

MOST_UNFINISHED = 100
"""Most unfinished jobs; more are refused."""

KEPT_DAYS = 30
MOST_KEPT = 10_000
"""A finished job is deleted after so many days, or when there are so many newer ones."""

_FORGOTTEN_AT_ONCE = 1_000

COLUMNS = """id, model_id, request, status, queue, attempts, total, known, done, failed, failures,
       rate, created_at, started_at, finished_at"""

# An area without tiles is one row, however many requests for it come.
_NOTHING = "(:empty AND status = 'done' AND total = 0)"
_INSERT = f"""
INSERT INTO job (model_id, request, digest, queue, status, total, started_at, finished_at)
SELECT :model, CAST(:request AS jsonb), :digest, :queue,
       CASE WHEN :empty THEN 'done' ELSE 'queued' END, CASE WHEN :empty THEN 0 END,
       CASE WHEN :empty THEN now() END, CASE WHEN :empty THEN now() END
 WHERE NOT EXISTS (SELECT FROM job WHERE digest = :digest AND {_NOTHING})
    ON CONFLICT (digest) WHERE finished_at IS NULL DO NOTHING
RETURNING {COLUMNS}
"""
_KNOWN = f"""
SELECT {COLUMNS} FROM job
 WHERE digest = :digest AND (finished_at IS NULL OR {_NOTHING})
 ORDER BY finished_at IS NULL DESC, id DESC LIMIT 1
"""
_FORGET = f"""
DELETE FROM job WHERE id IN (
  SELECT id FROM job
   WHERE finished_at < now() - interval '{KEPT_DAYS} days'
      OR (finished_at IS NOT NULL AND id <= (SELECT max(id) FROM job) - {MOST_KEPT})
   ORDER BY id LIMIT {_FORGOTTEN_AT_ONCE} FOR UPDATE SKIP LOCKED)
"""
_UNFINISHED = "SELECT count(*) FROM job WHERE finished_at IS NULL"
_QUEUE_PLAN = f"UPDATE job j SET queue_id = {defer_plan('j')} WHERE j.id = :id"
_JOBS = f"SELECT {COLUMNS} FROM job"
_COUNT = "SELECT count(*) FROM job"


class Failure(NamedTuple):
    """An error that kept tiles from being classified.

    Attributes:
        code: of the error.
        message: of the first of them.
        tiles: how many; 0 if it kept the job from being planned.
    """

    code: str
    message: str
    tiles: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job.

    Attributes:
        id: of the row.
        model_id: the model it is for.
        request: area and conditions, as ``AreaRequest.as_json`` writes them.
        status: "queued", "running", "done", "failed" or "cancelled".
        queue: of the workers that have the model.
        attempts: how often planning it failed.
        total: tiles of the area; None until they are counted.
        known: those of them that had scores when it began.
        done: those that got scores since.
        failed: those that cannot have any.
        failures: why.
        rate: recent tiles per second, of the whole job when it is finished; None if unknown.
        created_at: when it was requested; with a time zone, as the others.
        started_at: when its tiles had been counted.
        finished_at: when it ended, in any status.
    """

    id: int
    model_id: int
    request: Mapping[str, Any]
    status: str
    queue: str
    attempts: int
    total: int | None
    known: int
    done: int
    failed: int
    failures: tuple[Failure, ...]
    rate: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def left(self) -> int | None:
        """Tiles still to be done; None until they are counted."""
        return None if self.total is None else self.total - self.known - self.done - self.failed

    @property
    def eta(self) -> datetime | None:
        """When it will be done at this rate; None if that is unknown."""
        if self.finished_at is not None or not self.rate or self.left is None:
            return None
        return datetime.now(UTC) + timedelta(seconds=self.left / self.rate)


def create_job(
    conn: Connection, model_id: int, request: AreaRequest, queue: str, *, empty: bool
) -> tuple[JobRecord, bool]:
    """Insert a job and queue its planning, or find the unfinished one of the same request.

    For a request without tiles a finished job is found, too. When a job is inserted, those that
    ended long ago are deleted.

    Args:
        conn: in a transaction.
        model_id: the model it is for.
        request: which tiles.
        queue: of the workers that have the model.
        empty: whether there is nothing to be done: the job is finished then.

    Returns:
        The job, and whether it is a new one.
    """
    values = {
        "model": model_id,
        "request": json.dumps(request.as_json()),
        "digest": request.digest(model_id),
        "queue": queue,
        "empty": empty,
    }
    while True:
        made = execute(conn, _INSERT, **values).one_or_none()
        if made is not None:
            execute(conn, _FORGET)
            if not empty:
                execute(conn, _QUEUE_PLAN, id=made.id)
            return _record(made), True
        known = execute(conn, _KNOWN, digest=values["digest"], empty=empty).one_or_none()
        # It may have ended, or been deleted, between the two statements.
        if known is not None:
            return _record(known), False


def count_unfinished(conn: Connection) -> int:
    """Return how many jobs are unfinished."""
    return int(execute(conn, _UNFINISHED).scalar_one())


def jobs_by_ids(conn: Connection, ids: list[int]) -> dict[int, JobRecord]:
    """Return the jobs with these ids; unknown ids are left out."""
    found = execute(conn, f"{_JOBS} WHERE id = ANY(:ids)", ids=ids).all()
    return {row.id: _record(row) for row in found}


def list_jobs(
    conn: Connection,
    *,
    limit: int,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
) -> list[JobRecord]:
    """Return up to ``limit`` jobs with ids between two, by id.

    Args:
        conn: to the database.
        limit: at most so many.
        after: only ids above this one.
        before: only ids below this one.
        backward: the last ones rather than the first; by id all the same.
    """
    page = page_by_id(limit=limit, after=after, before=before, backward=backward)
    records = [_record(row) for row in execute(conn, _JOBS + page).all()]
    return records[::-1] if backward else records


def count_jobs(conn: Connection) -> int:
    """Return how many jobs there are, finished ones included."""
    return int(execute(conn, _COUNT).scalar_one())


def _record(row: Row[Any]) -> JobRecord:
    fields = dict(row._mapping)
    fields["failures"] = read_failures(row.failures)
    if row.finished_at is not None and row.started_at is not None:
        seconds = (row.finished_at - row.started_at).total_seconds()
        fields["rate"] = (row.done + row.failed) / seconds if seconds > 0 else None
    return JobRecord(**fields)


def read_failures(stored: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Read what ``failures_json`` wrote."""
    return tuple(Failure(code, what["message"], what["tiles"]) for code, what in stored.items())


def failures_json(failures: Iterable[Failure]) -> str:
    """Write failures as they are stored."""
    return json.dumps({f.code: {"message": f.message, "tiles": f.tiles} for f in failures})
