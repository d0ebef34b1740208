"""The chunks of jobs: planning, reading and counting them.

A job is planned once: the tiles of its area that have no scores are inserted as chunks, each with
an entry in the queue. A chunk's row is deleted when its tiles are counted, in the same transaction,
so each is counted once even if it was started several times. Changes of a job and its chunks lock
the job first.
"""

# ruff: noqa: S608 - nothing but constants is put into statements

from dataclasses import dataclass

from sqlalchemy import Connection

from earthgql.catalog.jobs.queue import cancel, defer_chunk, defer_plan, is_queued
from earthgql.catalog.jobs.records import (
    COLUMNS,
    Failure,
    JobRecord,
    failures_json,
    jobs_by_ids,
    read_failures,
)
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.visible import all_tiles_in_view

_SMOOTHED_S = 30
_LONGEST_GAP_S = 60
_MANY_ENTRIES = 500

_LOCK = f"SELECT {COLUMNS} FROM job WHERE id = :id FOR UPDATE"
_WAIT_BRIEFLY = "SET LOCAL lock_timeout = '3s'"
_CHUNKS = f"""
WITH chosen AS MATERIALIZED (
  SELECT p.id, EXISTS (SELECT FROM tile_score k
                        WHERE k.tile_id = p.id AND k.model_id = :job_model) AS known
    FROM ({{tiles}}) p),
c AS (
  SELECT number, array_agg(id ORDER BY id) AS tile_ids
    FROM (SELECT id, CAST((row_number() OVER (ORDER BY id) - 1) / :chunk_size AS int) AS number
            FROM chosen WHERE NOT known) numbered
   GROUP BY number),
kept AS (
  INSERT INTO job_chunk (job_id, number, tile_ids, queue_id)
  SELECT j.id, c.number, c.tile_ids, {defer_chunk("j", "c")}
    FROM job j, c WHERE j.id = :job_id ORDER BY c.number
  RETURNING number)
SELECT count(*), count(*) FILTER (WHERE known), (SELECT count(*) FROM kept) FROM chosen
"""
_PLANNED = """
UPDATE job SET total = :total, known = :known, started_at = now(),
       status = CASE WHEN :chunks > 0 THEN 'running' ELSE 'done' END,
       finished_at = CASE WHEN :chunks = 0 THEN now() END
 WHERE id = :id
"""
_CHUNK = "SELECT tile_ids FROM job_chunk WHERE job_id = :id AND number = :number"
_CHUNK_LEFT = "SELECT EXISTS (SELECT FROM job_chunk WHERE job_id = :id AND number = :number)"
_CHUNK_ATTEMPT = """
UPDATE job_chunk SET attempts = attempts + 1 WHERE job_id = :id AND number = :number
RETURNING attempts
"""
_ATTEMPT = "UPDATE job SET attempts = attempts + 1 WHERE id = :id RETURNING attempts"
_DROP_CHUNK = "DELETE FROM job_chunk WHERE job_id = :id AND number = :number"
# In the first seconds the rate is the mean; later, what was long ago counts less and less, and time
# in which no worker ran hardly at all.
_PROGRESS = f"""
UPDATE job SET done = done + :done, failed = failed + :failed, total = total - :gone,
       failures = CAST(:failures AS jsonb), progressed_at = now(),
       rate = CASE WHEN rate IS NULL OR now() - started_at < interval '{_SMOOTHED_S} s'
                   THEN (done + failed + :done + :failed) / t.run
                   ELSE rate * exp(-t.gap / {_SMOOTHED_S})
                        + (:done + :failed) * (1 - exp(-t.gap / {_SMOOTHED_S})) / t.gap END,
       status = CASE WHEN t.chunks THEN 'running' ELSE 'done' END,
       finished_at = CASE WHEN t.chunks THEN NULL ELSE now() END
  FROM (SELECT EXISTS (SELECT FROM job_chunk WHERE job_id = :id) AS chunks,
               greatest(extract(epoch FROM now() - started_at), 0.001) AS run,
               least(greatest(extract(epoch FROM now() - COALESCE(progressed_at, started_at)),
                              0.001), {_LONGEST_GAP_S}) AS gap
          FROM job WHERE id = :id) t
 WHERE id = :id
"""
_CANCEL_ENTRIES = f"""
SELECT count({cancel("e.queue_id")})
  FROM (SELECT queue_id FROM job_chunk WHERE job_id = :id
         UNION ALL SELECT queue_id FROM job WHERE id = :id AND queue_id IS NOT NULL) e
"""
_DROP_CHUNKS = "DELETE FROM job_chunk WHERE job_id = :id"
_END = """
UPDATE job SET status = :status, finished_at = now(),
       failures = failures || CAST(:failures AS jsonb)
 WHERE id = :id
"""
_LOST_PLANS = f"""
UPDATE job j SET queue_id = {defer_plan("j")}
 WHERE j.status = 'queued' AND NOT {is_queued("j.queue_id")}
"""
_LOST_CHUNKS = f"""
UPDATE job_chunk c SET queue_id = {defer_chunk("j", "c")}
  FROM job j WHERE j.id = c.job_id AND NOT {is_queued("c.queue_id")}
"""
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('earthgql jobs rescue'))"


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """How many tiles of a chunk got scores, and why others did not.

    Attributes:
        done: have scores now.
        gone: were deleted meanwhile.
        failures: why the others have none.
    """

    done: int
    gone: int
    failures: tuple[Failure, ...]


def plan_job(conn: Connection, job_id: int, chunk_size: int) -> None:
    """Insert the chunks of a job and queue them, once.

    Args:
        conn: in a transaction of its own, which may take seconds for a million tiles.
        job_id: the job; one that is gone, planned or finished is left alone.
        chunk_size: tiles of a chunk.

    Raises:
        BadInputError: if its request is not valid any more.
    """
    execute(conn, "SET LOCAL statement_timeout = 0")
    row = execute(conn, _LOCK, id=job_id).one_or_none()
    if row is None or row.status != "queued":
        return
    request = AreaRequest.from_json(row.request)
    values = {"job_id": job_id, "job_model": row.model_id, "chunk_size": chunk_size}
    tiles = all_tiles_in_view(ViewConditions.of(request.parts, request.where))
    statement = compose(_CHUNKS, values, tiles=tiles)
    total, known, chunks = execute(conn, statement).one()
    counts = {"id": job_id, "total": total, "known": known, "chunks": chunks}
    execute(conn, _PLANNED, **counts)
    if chunks >= _MANY_ENTRIES:
        # Else, for as long as autovacuum takes to notice, it sorts them all to find the next one.
        execute(conn, "ANALYZE procrastinate_jobs")


def chunk_tiles(conn: Connection, job_id: int, number: int) -> list[int] | None:
    """Return the tiles of a chunk; None if they are counted already, or the job was cancelled."""
    tiles: list[int] | None = execute(conn, _CHUNK, id=job_id, number=number).scalar()
    return tiles


def chunk_is_left(conn: Connection, job_id: int, number: int) -> bool:
    """Tell whether a chunk is still to be done."""
    return bool(execute(conn, _CHUNK_LEFT, id=job_id, number=number).scalar())


def note_attempt(conn: Connection, job_id: int, number: int | None) -> int | None:
    """Note that a chunk (None: planning) failed, and return how often it has by now."""
    statement = _ATTEMPT if number is None else _CHUNK_ATTEMPT
    attempts: int | None = execute(conn, statement, id=job_id, number=number).scalar()
    return attempts


def count_chunk(conn: Connection, job_id: int, number: int, counts: ChunkCounts) -> bool:
    """Count the tiles of a chunk, once, and finish the job if it was the last.

    Args:
        conn: in a transaction.
        job_id: the job.
        number: of the chunk.
        counts: of its tiles.

    Returns:
        Whether they were counted: not if they were before, or the job was cancelled.
    """
    row = execute(conn, _LOCK, id=job_id).one_or_none()
    if row is None or not execute(conn, _DROP_CHUNK, id=job_id, number=number).rowcount:
        return False
    failures = {failure.code: failure for failure in read_failures(row.failures)}
    for new in counts.failures:
        old = failures.get(new.code, new._replace(tiles=0))
        failures[new.code] = old._replace(tiles=old.tiles + new.tiles)
    values = {
        "id": job_id,
        "done": counts.done,
        "gone": counts.gone,
        "failed": sum(failure.tiles for failure in counts.failures),
        "failures": failures_json(failures.values()),
    }
    execute(conn, _PROGRESS, **values)
    return True


def end_job(
    conn: Connection, job_id: int, status: str, failure: Failure | None = None
) -> JobRecord | None:
    """End a job early: no further chunk is started; a finished job stays as it is.

    Args:
        conn: in a transaction.
        job_id: the job.
        status: "cancelled" or "failed".
        failure: why it failed.

    Returns:
        The job as it is now; None if there is none.
    """
    row = execute(conn, _LOCK, id=job_id).one_or_none()
    if row is None:
        return None
    if row.finished_at is None:
        execute(conn, _CANCEL_ENTRIES, id=job_id)
        execute(conn, _DROP_CHUNKS, id=job_id)
        why = failures_json([failure] if failure is not None else [])
        execute(conn, _END, id=job_id, status=status, failures=why)
    return jobs_by_ids(conn, [job_id])[job_id]


def wait_briefly(conn: Connection) -> None:
    """Let statements of a transaction wait for locks for at most 3 s, then fail.

    Planning a large job takes longer, and holds it.
    """
    execute(conn, _WAIT_BRIEFLY)


def sole_rescuer(conn: Connection) -> bool:
    """Lock the queueing of lost work until this transaction ends; tell whether it was free."""
    return bool(execute(conn, _ALONE).scalar_one())


def queue_lost_work(conn: Connection) -> int:
    """Queue again the entries that jobs need and the queue has lost; return how many."""
    return execute(conn, _LOST_PLANS).rowcount + execute(conn, _LOST_CHUNKS).rowcount
