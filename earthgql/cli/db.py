"""``manage.py db``: start, stop, migrate and reset the database."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

import click
from sqlalchemy import Engine, text

from earthgql.cli.console import out, say, step
from earthgql.database import migrate
from earthgql.database.engine import driver_url, engine_on, make_engine, private_cluster
from earthgql.database.private import cluster as private
from earthgql.database.private.binaries import Binaries
from earthgql.errors import SetupError
from earthgql.settings import Settings, load_settings


@click.group()
def db() -> None:
    """The database: the private one under var/, or that of EARTHGQL_DATABASE_URL.

    The private server starts when a command needs it and keeps running until `db stop`.

    \b
    Examples:
      python manage.py db start
      python manage.py db shell
      python manage.py db upgrade
    """


@db.command()
def start() -> None:
    """Start the private server (made first if there is none) and bring its tables up to date.

    \b
    Examples:
      python manage.py db start
    """
    settings = load_settings()
    with _engine(settings) as engine:
        _upgrade(engine, "head")
    if settings.database_url is None:
        out.print(f"Running: {private_cluster(settings).url()}", markup=False)


@db.command()
def stop() -> None:
    """Stop the private server; open transactions are rolled back.

    \b
    Examples:
      python manage.py db stop
    """
    settings = load_settings()
    if settings.database_url is not None:
        raise SetupError("EARTHGQL_DATABASE_URL names a server that is not ours to stop")
    out.print("Stopped" if private_cluster(settings).stop() else "Not running")


@db.command()
def status() -> None:
    """Say which database is used, whether it answers, and its revision.

    \b
    Examples:
      python manage.py db status
    """
    settings = load_settings()
    if settings.database_url is None and private_cluster(settings).status() is None:
        out.print("The private server is not running; it starts when a command needs it")
        return
    with _engine(settings) as engine:
        out.print(f"Database: {engine.url.render_as_string()}", markup=False)
        with engine.connect() as connection:
            out.print(connection.scalar(text("SELECT version()")), markup=False)
        revision, newest = migrate.current(engine), migrate.head()
        out.print(f"Revision: {revision or 'no tables yet'} ({_state(revision, newest)})")


@db.command()
def shell() -> NoReturn:
    """Open psql on the database.

    \b
    Examples:
      python manage.py db shell
      echo 'SELECT count(*) FROM tile' | python manage.py db shell
    """
    settings = load_settings()
    if settings.database_url is None:
        cluster = private_cluster(settings, say)
        cluster.start()
        _psql(cluster.url(), cluster.binaries)
    _psql(settings.database_url, None)


@db.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Migrate the tables up to REVISION, by default the newest.

    \b
    Examples:
      python manage.py db upgrade
    """
    with _engine(load_settings()) as engine:
        _upgrade(engine, revision)
        out.print(f"Revision: {migrate.current(engine)}")


@db.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(revision: str, yes: bool) -> None:
    """Migrate the tables down to REVISION; what newer tables hold is lost. `base` drops them all.

    \b
    Examples:
      python manage.py db downgrade -- -1
      python manage.py db downgrade base --yes
    """
    with _engine(load_settings()) as engine:
        _confirm(f"Lose what revisions after {revision} hold in {_name(engine)}?", yes)
        migrate.downgrade(engine, revision)
        out.print(f"Revision: {migrate.current(engine) or 'no tables'}")


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also when EARTHGQL_DATABASE_URL is set.")
def reset(yes: bool, force: bool) -> None:
    """Drop all tables with what they hold, and make them anew, empty.

    A private cluster made by another version of PostgreSQL is replaced as a whole.

    \b
    Examples:
      python manage.py db reset
      python manage.py db reset --yes
    """
    settings = load_settings()
    if settings.database_url is None:
        _confirm("Delete all scenes, tiles and scores of the private database?", yes)
        cluster = private_cluster(settings, say)
        _replace_if_unusable(cluster)
        cluster.start()
        with step("Emptying the database"):
            _recreate(cluster)
    elif not force:
        raise SetupError("EARTHGQL_DATABASE_URL is set: to drop the tables there, add --force")
    with _engine(settings) as engine:
        if settings.database_url is not None:
            _confirm(f"Delete all scenes, tiles and scores in {_name(engine)}?", yes)
            migrate.downgrade(engine, "base")
        _upgrade(engine, "head")
        out.print(f"Revision: {migrate.current(engine)}")


def _state(revision: str | None, newest: str | None) -> str:
    if revision == newest:
        return "up to date"
    if revision and newest and revision > newest:
        return f"of a newer version of earthgql: this one knows up to {newest}"
    return f"newest is {newest}: db upgrade"


@contextmanager
def _engine(settings: Settings) -> Generator[Engine, None, None]:
    engine = make_engine(settings, statement_timeout=0, say=say)
    try:
        yield engine
    finally:
        engine.dispose()


def _upgrade(engine: Engine, revision: str) -> None:
    if revision != "head" or migrate.current(engine) != migrate.head():
        with step(f"Migrating the tables of {_name(engine)}"):
            migrate.upgrade(engine, revision)


def _replace_if_unusable(cluster: private.Cluster) -> None:
    try:
        _ = cluster.binaries
    except SetupError:
        cluster.destroy()


def _recreate(cluster: private.Cluster) -> None:
    engine = engine_on(cluster.url("postgres"))
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {private.DATABASE} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {private.DATABASE}"))
    finally:
        engine.dispose()


def _psql(url: str, programs: Binaries | None) -> NoReturn:
    plain = driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    program = programs.program("psql") if programs else "psql"
    environment = os.environ | (programs.environment if programs else {})
    try:
        os.execvpe(program, [program, plain], environment)  # noqa: S606
    except FileNotFoundError:
        raise SetupError("psql is not installed; Debian, Ubuntu: postgresql-client") from None


def _confirm(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question, err=True):
        raise SetupError("nothing was changed")


def _name(engine: Engine) -> str:
    return f"database {engine.url.database}"
