"""Procrastinate's queue in SQL, for changes in one transaction with the tables of jobs.

All else goes through procrastinate itself. Its functions are versioned by their names.
"""

from sqlalchemy import Connection

from earthgql.catalog.sql import execute

PLAN = "earthgql.plan"
"""Task that plans a job: ``job``, its id."""

CHUNK = "earthgql.chunk"
"""Task that classifies a chunk: ``job``, the id of the job, and ``number`` of the chunk."""

_HAS_ENTRIES = """
SELECT EXISTS (SELECT FROM procrastinate_jobs
                WHERE queue_name = :queue AND status IN ('todo', 'doing'))
"""


def is_empty(conn: Connection, queue: str) -> bool:
    """Tell whether a queue has no entry that waits or is being worked on."""
    return not execute(conn, _HAS_ENTRIES, queue=queue).scalar_one()


def defer_plan(j: str) -> str:
    """SQL that queues the planning of a job and gives the entry's id.

    Args:
        j: alias of the jobs.
    """
    return _defer(j, PLAN, "1", f"jsonb_build_object('job', {j}.id)")


def defer_chunk(j: str, c: str) -> str:
    """SQL that queues a chunk of a job and gives the entry's id.

    Args:
        j: alias of the jobs.
        c: alias of the chunks.
    """
    # Chunks of one number come before those of the next, whichever job they are of: a small job
    # does not wait for all of a large one that was requested before.
    arguments = f"jsonb_build_object('job', {j}.id, 'number', {c}.number)"
    return _defer(j, CHUNK, f"-{c}.number", arguments)


def cancel(entry: str) -> str:
    """SQL that removes an entry that no worker has started; gives its id, or NULL."""
    return f"procrastinate_cancel_job_v1({entry}, false, true)"


def is_queued(entry: str) -> str:
    """SQL that tells whether an entry waits or is being worked on."""
    return (
        f"EXISTS (SELECT FROM procrastinate_jobs q WHERE q.id = {entry}"
        " AND q.status IN ('todo', 'doing'))"
    )


def _defer(j: str, task: str, priority: str, arguments: str) -> str:
    entry = f"ROW({j}.queue, '{task}', {priority}, NULL, NULL, {arguments}, NULL)"
    return f"(procrastinate_defer_jobs_v1(ARRAY[{entry}::procrastinate_job_to_defer_v1]))[1]"
