"""A job worker beside an application."""

from collections.abc import Iterator
from contextlib import contextmanager

from support.api_client import Api

from earthgql.app import services_of
from earthgql.jobs.job_worker import JobWorker
from earthgql.jobs.service import model_queue


@contextmanager
def working(api: Api) -> Iterator[None]:
    """Have the jobs of an application done."""
    identity = api.classifier.identity
    queue = model_queue(identity.name, identity.version)
    worker = JobWorker(api.engine, services_of(api.app).scoring, lambda: queue)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
