"""The procrastinate application of a worker: its connections, tasks and retries."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import Engine

from earthgql.catalog.jobs.queue import CHUNK, PLAN
from earthgql.jobs.tasks import MAX_RETRY_S, JobTasks, RetryLaterError

_NAME = "earthgql jobs"
_CONNECT_S = 5


class _Retries(BaseRetryStrategy):
    """Retries a task after the delay it asks for, or after an increasing one."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return the delay until the next attempt."""
        if isinstance(exception, RetryLaterError):
            delay_s = exception.delay_s
        else:
            # An unexpected error, such as an unreachable database.
            delay_s = min(2.0 ** min(job.attempts, 30), MAX_RETRY_S)
        return RetryDecision(retry_in={"milliseconds": round(delay_s * 1000)})


def queue_app(engine: Engine, tasks: JobTasks, threads: Executor, at_once: int) -> App:
    """Make the application that runs ``tasks``.

    Args:
        engine: on the database, to which psycopg 3 connects in the same way.
        tasks: the functions.
        threads: where they run; at least ``at_once``.
        at_once: entries of the queue done at the same time.
    """
    app = App(
        connector=PsycopgConnector(
            kwargs=connection_arguments(engine),
            min_size=1,
            max_size=at_once + 3,
            timeout=_CONNECT_S,
            name=_NAME,
        )
    )

    async def run(task: Callable[..., None], *arguments: int) -> None:
        await asyncio.get_running_loop().run_in_executor(threads, task, *arguments)

    @app.task(name=PLAN, retry=_Retries())
    async def plan(job: int) -> None:
        await run(tasks.plan, job)

    @app.task(name=CHUNK, retry=_Retries())
    async def classify(job: int, number: int) -> None:
        await run(tasks.classify, job, number)

    return app


def connection_arguments(engine: Engine) -> dict[str, Any]:
    """Return psycopg 3's arguments to connect to the database of an engine, also by socket."""
    url = engine.url.set(drivername="postgresql+psycopg")
    dialect = url.get_dialect()()
    _, arguments = dialect.create_connect_args(url)
    return {"connect_timeout": _CONNECT_S, "application_name": _NAME, **arguments}
