"""``/jobs/<id>/events``: the progress of a job as server-sent events, until it ends."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, request

from earthgql.catalog.jobs.records import JobRecord
from earthgql.database.engine import LARGEST_ROW_ID
from earthgql.errors import EarthGQLError, NotFoundError, shortened
from earthgql.jobs.service import JobService
from earthgql.web.slots import Slots

STEP_S = 1.0
"""Between two reads of a job."""

BEAT_S = 10.0
"""A stream without news sends a comment this often, so that both ends know it is open."""

LONGEST_S = 600.0
"""Seconds after which a stream ends; browsers then connect again, and others get its slot."""

END = "end"
_RETRY_MS = 3000


def blueprint(service: JobService, streams: Slots) -> Blueprint:
    """Return the route of events."""
    routes = Blueprint("jobs", __name__)

    @routes.get("/jobs/<int:job_id>/events")
    def job_events(job_id: int) -> Response:
        """Stream the progress of a job, until it ends.

        Raises:
            NotFoundError: if there is no such job.
            OverloadedError: if there are too many streams.
        """
        job = service.find(min(job_id, LARGEST_ROW_ID))
        if job is None:
            raise NotFoundError(f"there is no job {shortened(job_id)}")
        if job.finished_at is not None and request.headers.get("Last-Event-ID") == END:
            # Browsers connect again when a stream ends, unless the answer is 204.
            return Response(status=204)
        response = Response(content_type="text/event-stream; charset=utf-8")
        response.cache_control.no_store = True
        response.headers["X-Accel-Buffering"] = "no"
        if request.method != "HEAD":
            response.call_on_close(streams.take())
            response.response = _events(service, job, streams.is_over)
        return response

    return routes


def snapshot(job: JobRecord) -> dict[str, Any]:
    """Return the progress of a job, under the names that GraphQL has for it."""
    return {
        "status": job.status.upper(),
        "total": job.total,
        "done": job.known + job.done,
        "alreadyDone": job.known,
        "failed": job.failed,
        "rate": job.rate,
        "eta": job.eta.isoformat() if job.eta is not None else None,
        "errors": [failure._asdict() for failure in job.failures],
        "createdAt": job.created_at.isoformat(),
        "startedAt": job.started_at.isoformat() if job.started_at is not None else None,
        "finishedAt": job.finished_at.isoformat() if job.finished_at is not None else None,
    }


def _events(service: JobService, job: JobRecord, is_over: Callable[[], bool]) -> Iterator[str]:
    began = spoke = time.monotonic()
    yield f"retry: {_RETRY_MS}\n\n"
    sent: JobRecord | None = None
    while True:
        if job.finished_at is not None:
            yield _event(END, END, job)
            return
        now = time.monotonic()
        if job != sent:
            sent, spoke = job, now
            yield _event("progress", f"{job.known + job.done}-{job.failed}", job)
        elif now - spoke >= BEAT_S:
            spoke = now
            yield ": still here\n\n"
        if is_over() or now - began >= LONGEST_S:
            return
        time.sleep(STEP_S)
        try:
            found = service.find(job.id)
        except EarthGQLError:
            # The database is unavailable or busy: the next read may succeed.
            continue
        if found is None:
            return
        job = found


def _event(kind: str, event_id: str, job: JobRecord) -> str:
    return f"event: {kind}\nid: {event_id}\ndata: {json.dumps(snapshot(job))}\n\n"
