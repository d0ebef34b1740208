"""``manage.py demo``: prepare the demo's scenes in a process of its own, then serve them."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from earthgql.cli.console import err, out, progress, step
from earthgql.errors import SetupError
from earthgql.settings import PROJECT_ROOT, Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

HOST = "127.0.0.1"
FIRST_PORT = 8000
_PORTS_TRIED = 100


@click.command()
@click.option(
    "--scene",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A raster of yours in place of the generated landscape.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port to serve on.  [default: the first free one from 8000]",
)
@click.option("--prepare", is_flag=True, help="Stop before serving.")
def demo(scene: Path | None, port: int | None, prepare: bool) -> None:
    """Migrate, render a landscape (or reuse it), ingest it, serve it, and run three queries.

    The landscape is generated: one place at two dates, with the true labels of every tile, so the
    demo can report how many of the answers are right. Everything is kept under var/; a second run
    reuses it.

    \b
    Examples:
      python manage.py demo
      python manage.py demo --scene my-raster.tif --port 8123
      python manage.py demo --prepare
    """
    settings = load_settings()
    if prepare:
        _prepare(settings, scene)
        return
    if port is not None:
        _free_port(port)  # before the work, not after it
    # In a process of its own: threads that OpenCV and GDAL started would not survive the server's
    # fork into its workers.
    command = [sys.executable, str(PROJECT_ROOT / "manage.py"), "demo", "--prepare"]
    done = subprocess.run([*command, *(["--scene", str(scene)] if scene else [])], check=False)
    if done.returncode:
        sys.exit(done.returncode)
    _serve(settings, scene, _free_port(port))


def scene_names(scene: Path | None) -> tuple[str, ...]:
    """Return the names of the demo's scenes; the examples query the last one."""
    from earthgql.demo.scene_file import ACQUIRED

    return (scene.stem,) if scene else tuple(f"landscape {date:%Y-%m-%d}" for date in ACQUIRED)


def _prepare(settings: Settings, scene: Path | None) -> None:
    from earthgql.database import migrate
    from earthgql.database.engine import database_errors, make_engine
    from earthgql.demo.scene_file import ATTRIBUTION

    with database_errors():
        with step("Starting the database, making its tables"):
            engine = make_engine(settings, say=lambda line: err.print(f"  {line}", markup=False))
            if migrate.current(engine) != migrate.head():
                migrate.upgrade(engine)
        if scene:
            _ingest(engine, scene.resolve(), scene_names(scene)[0], None)
            return
        for date, name in enumerate(scene_names(None)):
            _ingest(engine, _landscape(settings, date), name, ATTRIBUTION)


def _landscape(settings: Settings, date: int) -> Path:
    from earthgql.demo.scene_file import ACQUIRED, ensure_scene_file, is_rendered

    folder = settings.var_dir / "demo"
    if is_rendered(folder, date=date):
        return ensure_scene_file(folder, date=date).raster
    with progress(f"Rendering the landscape of {ACQUIRED[date]:%Y-%m-%d}, %", 100) as meter:
        return ensure_scene_file(
            folder, date=date, progress=lambda done: meter(round(done * 100) - meter.done)
        ).raster


def _ingest(engine: "Engine", path: Path, name: str, attribution: str | None) -> None:
    from earthgql.catalog.scenes import scene_by_name
    from earthgql.ingest.raster.options import RasterOptions
    from earthgql.ingest.raster.source import RasterSource
    from earthgql.ingest.store import store

    source = RasterSource(name, str(path), str(path.parent), RasterOptions(attribution=attribution))
    with engine.connect() as connection:
        known = scene_by_name(connection, name)
    with step(f"Ingesting scene {name!r}"):
        # The demo of another raster, or of another version of the generator, takes its place.
        store(engine, source, replace=known is not None and known.uri != source.uri)


def _free_port(port: int | None) -> int:
    from earthgql.cli.server.gunicorn import check_free

    if port is not None:
        check_free(HOST, port, "--port 8123 (make demo PORT=8123)")
        return port
    for candidate in range(FIRST_PORT, FIRST_PORT + _PORTS_TRIED):
        try:
            check_free(HOST, candidate)
        except SetupError:
            continue
        return candidate
    raise SetupError(f"no free port from {FIRST_PORT} to {FIRST_PORT + _PORTS_TRIED - 1}")


def _serve(settings: Settings, scene: Path | None, port: int) -> None:
    from earthgql.cli.demo.report import DemoReport
    from earthgql.cli.server.gunicorn import serve, url_of

    names = scene_names(scene)
    err.print(
        f"[cyan]·[/] Serving {url_of(HOST, port)}/graphql, loading the model "
        "(the first time up to a minute) …"
    )
    report = DemoReport(names, None if scene else settings.var_dir / "demo", out)
    serve(settings, host=HOST, port=port, quiet=True, on_up=report.print)
