"""``manage.py worker``."""

import click

from earthgql.cli.console import say

AT_ONCE = 4
"""Chunks in progress at once: more than in a server, where jobs share the model with requests."""


@click.command()
@click.option("--once", is_flag=True, help="End when nothing is left to do.")
def worker(once: bool) -> None:
    """Do background jobs until interrupted: those that classifyArea starts.

    `serve` does them, too, unless EARTHGQL_JOB_WORKER is off. Any number of workers, on any machine
    that reaches the database and the imagery, share the work of one job. If one is
    killed, another takes over its chunks within a minute.

    \b
    Examples:
      python manage.py worker
      EARTHGQL_JOB_WORKER=off python manage.py serve & python manage.py worker
      python manage.py worker --once
    """
    run(once=once)


def run(*, once: bool) -> None:
    """Run a job worker with the settings of this process.

    Raises:
        DatabaseUnavailableError: with ``once``, if the database cannot be reached.
    """
    import logging

    from earthgql.cli.server.background import bulk_scoring, queue_name
    from earthgql.database.engine import make_engine
    from earthgql.database.prepare import prepare_database
    from earthgql.jobs.job_worker import JobWorker
    from earthgql.models import load_classifier
    from earthgql.settings import load_settings

    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level,
        format="[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s",
    )
    prepare_database(settings, say)
    engine = make_engine(settings)
    scoring = bulk_scoring(engine, lambda: load_classifier(settings))
    try:
        jobs = JobWorker(engine, scoring, lambda: queue_name(settings), at_once=AT_ONCE)
        if not once:
            say("Waiting for jobs (stop with Ctrl-C)")
        jobs.run(drain=once)
    finally:
        scoring.close()
        engine.dispose()
