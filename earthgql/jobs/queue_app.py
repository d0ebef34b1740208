"""Procrastinate's side of a worker: its connections, and the tasks by their names."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import Engine

from earthgql.catalog.jobs.queue import CHUNK, PLAN
from earthgql.jobs.work import LONGEST_WAIT_S, AgainError, Work

_NAME = "earthgql jobs"
_CONNECT_S = 5


class _Patience(BaseRetryStrategy):
    """Runs what was not finished again: when it says, or ever later."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Say when."""
        if isinstance(exception, AgainError):
            wait_s = exception.after_s
        else:
            # What nobody foresaw, such as a database that is away.
            wait_s = min(2.0 ** min(job.attempts, 30), LONGEST_WAIT_S)
        return RetryDecision(retry_in={"milliseconds": round(wait_s * 1000)})


def queue_app(engine: Engine, work: Work, threads: Executor, at_once: int) -> App:
    """Make the application whose tasks are those of ``work``.

    Args:
        engine: on the database, which is reached in the same way by psycopg 3.
        work: does the tasks.
        threads: where; as many as entries under way at once.
        at_once: entries under way at once.
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

    @app.task(name=PLAN, retry=_Patience())
    async def plan(job: int) -> None:
        await run(work.plan, job)

    @app.task(name=CHUNK, retry=_Patience())
    async def classify(job: int, number: int) -> None:
        await run(work.classify, job, number)

    return app


def connection_arguments(engine: Engine) -> dict[str, Any]:
    """Return what connects psycopg 3 to the database of an engine: over a socket, too."""
    url = engine.url.set(drivername="postgresql+psycopg")
    dialect = url.get_dialect()()
    _, arguments = dialect.create_connect_args(url)
    return {"connect_timeout": _CONNECT_S, "application_name": _NAME, **arguments}
