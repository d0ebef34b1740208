"""The queue, procrastinate's, as SQL: for what must happen in one transaction with our tables.

Elsewhere it is used through procrastinate itself. The functions are versioned by their names.
"""

PLAN = "earthgql.plan"
"""Task that writes down what a job has to do: ``job``, its id."""

CHUNK = "earthgql.chunk"
"""Task that does some tiles of a job: ``job``, its id, and ``number`` of the chunk."""

_DEFER = """(procrastinate_defer_jobs_v1(ARRAY[ROW(j.queue, '{task}', {priority}, NULL, NULL,
    {arguments}, NULL)::procrastinate_job_to_defer_v1]))[1]"""

DEFER_PLAN = _DEFER.format(task=PLAN, priority="1", arguments="jsonb_build_object('job', j.id)")
"""Queues the planning of job ``j``; gives the entry's id."""

# Chunks of one number come before those of the next, whichever job they are of: a small job does
# not wait for all of a large one that was asked for before.
DEFER_CHUNK = _DEFER.format(
    task=CHUNK,
    priority="-c.number",
    arguments="jsonb_build_object('job', j.id, 'number', c.number)",
)
"""Queues chunk ``c`` of job ``j``; gives the entry's id."""

CANCEL = "procrastinate_cancel_job_v1({entry}, false, true)"
"""Takes an entry that nobody has begun out of the queue; gives its id, or NULL."""

IS_QUEUED = """EXISTS (SELECT FROM procrastinate_jobs q
                WHERE q.id = {entry} AND q.status IN ('todo', 'doing'))"""
"""Whether an entry waits or is being worked on."""

HAS_ENTRIES = """SELECT EXISTS (SELECT FROM procrastinate_jobs
               WHERE queue_name = :queue AND status IN ('todo', 'doing'))"""
"""Whether a queue has entries that wait or are being worked on, by whomever."""
