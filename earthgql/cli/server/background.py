"""Background jobs: in the worker processes of ``serve``, in ``worker``, in ``classify``."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from earthgql.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from earthgql.jobs.job_worker import JobWorker
    from earthgql.scoring.service import ScoringService

_STOP_S = 30.0
# Later than the first answers, which would wait for what it imports.
_JOBS_AFTER_S = 2.0


class WorkerHooks:
    """Hooks of gunicorn that start and stop background jobs; each worker process has its own."""

    def __init__(self, settings: Settings, on_up: Callable[[], None] | None = None) -> None:
        """Make the hooks; nothing runs yet.

        Args:
            settings: of this process.
            on_up: called in a thread of the first worker process when its application is made.
        """
        self._settings = settings
        self._on_up = on_up
        self._jobs: JobWorker | None = None
        self._starting: threading.Timer | None = None

    def begin(self, worker: Any) -> None:
        """Start background jobs; called in a worker process that has made its application."""
        if self._on_up is not None and worker.age == 1:
            threading.Thread(target=self._on_up, daemon=True).start()
        if not hasattr(worker.wsgi, "extensions"):
            return  # with --dev: the code could not be imported
        from earthgql.app import services_of

        services = services_of(worker.wsgi)
        services.streams.is_over = lambda: not worker.alive
        if self._settings.job_worker:
            work = (services.engine, services.scoring)
            self._starting = threading.Timer(_JOBS_AFTER_S, self._start_jobs, work)
            self._starting.daemon = True
            self._starting.start()

    def end(self, _arbiter: Any, _worker: Any) -> None:
        """Stop background jobs; called in a worker process that has answered its last request."""
        if self._starting is not None:
            self._starting.cancel()
            self._starting.join()
        if self._jobs is not None:
            self._jobs.stop(_STOP_S)

    def _start_jobs(self, engine: "Engine", scoring: "ScoringService") -> None:
        from earthgql.jobs.job_worker import JobWorker

        jobs = JobWorker(engine, scoring, lambda: queue_name(self._settings))
        jobs.start()
        self._jobs = jobs


def queue_name(settings: Settings) -> str:
    """Return the name of the job queue of the configured model, without loading the model.

    Raises:
        ModelUnavailableError: if there is none, or its manifest is damaged.
    """
    from earthgql.jobs.service import model_queue
    from earthgql.models.bundle import read_manifest
    from earthgql.models.loading import bundle_folder

    manifest = read_manifest(bundle_folder(settings))
    return model_queue(manifest.name, manifest.version)


def bulk_scoring(engine: "Engine", load: Callable[[], Any]) -> "ScoringService":
    """Make a scoring service for many tiles: without deadline, its queue has no bound."""
    import math

    from earthgql.scoring.service import ScoringService

    return ScoringService(engine, load, math.inf, queue_size=0, max_batch_s=math.inf)
