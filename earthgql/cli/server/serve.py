"""``manage.py serve``."""

import click

from earthgql.cli.console import say
from earthgql.settings import load_settings


@click.command()
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="HOST:PORT to listen on.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes; each loads the model.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="Requests a worker answers at the same time.",
)
@click.option("--dev", is_flag=True, help="Restart when the code changes; log every request.")
@click.option("--access-log", is_flag=True, help="Log every request.")
def serve(bind: str, workers: int, threads: int, dev: bool, access_log: bool) -> None:
    """Serve the GraphQL API, GraphiQL and tile images until interrupted.

    /graphql answers queries (and shows GraphiQL to browsers), /tiles/ID.png shows pixels,
    /healthz and /readyz tell whether the process lives and whether it is ready.

    \b
    Examples:
      python manage.py serve
      python manage.py serve --bind 0.0.0.0:80 --workers 2
      python manage.py serve --dev
    """
    from earthgql.cli.server import gunicorn as server
    from earthgql.database.prepare import prepare_database

    host, port = server.parse_address(bind)
    settings = load_settings()
    server.check_free(host, port)
    if settings.trusted_documents is not None:
        from earthgql.api.execution.documents import read_trusted
        from earthgql.api.schema import document_parser

        # Here rather than in a worker, so that it ends with one line.
        read_trusted(settings.trusted_documents, document_parser())
    prepare_database(settings, say)
    say(f"Serving {server.url_of(host, port)}/graphql (stop with Ctrl-C)")
    server.serve(
        settings,
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        dev=dev,
        access_log=access_log or dev,
    )
