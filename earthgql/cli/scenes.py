"""``manage.py scenes``: list, show and delete ingested scenes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from earthgql.catalog.scenes import SceneRecord


@click.group()
def scenes() -> None:
    """List, show and delete ingested scenes.

    \b
    Examples:
      python manage.py scenes list
      python manage.py scenes show field
      python manage.py scenes delete field
    """


@contextmanager
def _connection() -> Generator[Connection, None, None]:
    from earthgql.database.engine import make_engine
    from earthgql.settings import load_settings

    engine = make_engine(load_settings())
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


@scenes.command("list")
def list_() -> None:
    """List the scenes.

    \b
    Examples:
      python manage.py scenes list
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from earthgql.catalog.scenes import list_scenes, tile_counts
    from earthgql.cli.console import out

    with _connection() as conn:
        found = list_scenes(conn)
        counts = tile_counts(conn, [scene.id for scene in found])
    if not found:
        out.print("No scenes yet: `python manage.py ingest --help`", markup=False)
        return
    table = Table("Name", "Kind", "Zoom", "Tiles", "Acquired", box=box.SIMPLE_HEAD)
    for scene in found:
        tiles = f"{counts[scene.id]:,}"
        table.add_row(escape(scene.name), scene.kind, _zooms(scene), tiles, _date(scene))
    out.print(table)


@scenes.command()
@click.argument("name")
def show(name: str) -> None:
    """Show the properties of a scene.

    \b
    Examples:
      python manage.py scenes show field
    """
    from earthgql.catalog.scenes import scene_by_name, tile_counts
    from earthgql.cli.console import out
    from earthgql.errors import NotFoundError

    with _connection() as conn:
        scene = scene_by_name(conn, name)
        if scene is None:
            raise NotFoundError(f"no scene is named {name!r}; `manage.py scenes list` shows them")
        tiles = tile_counts(conn, [scene.id])[scene.id]
    west, south, east, north = scene.bounds
    lines = {
        "Name": scene.name,
        "Kind": scene.kind,
        "Source": scene.uri,
        "Root": scene.root,
        "Zoom": _zooms(scene),
        "Tiles": f"{tiles:,}",
        "Bounds": f"west {west:.6f}, south {south:.6f}, east {east:.6f}, north {north:.6f}",
        "Acquired": _date(scene),
        "Attribution": scene.attribution or "unknown",
        "Rendering": str(dict(scene.rendering) or "as it is"),
        "Ingested": scene.ingested_at.isoformat(timespec="seconds"),
        "Fingerprint": scene.fingerprint,
    }
    for label, value in lines.items():
        out.print(f"{label + ':':<13}{value}", markup=False)


@scenes.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(names: tuple[str, ...], yes: bool) -> None:
    """Delete scenes with their tiles and scores, all of them or none; their files stay.

    \b
    Examples:
      python manage.py scenes delete field
      python manage.py scenes delete field lakes --yes
    """
    from earthgql.catalog.scenes import delete_scene
    from earthgql.cli.console import out

    if not yes:
        click.confirm(f"Delete {', '.join(names)} with all stored scores?", abort=True)
    with _connection() as conn:
        for name in names:
            delete_scene(conn, name)
    out.print(f"Deleted {', '.join(names)}", markup=False)


def _zooms(scene: SceneRecord) -> str:
    return ",".join(map(str, scene.zooms))


def _date(scene: SceneRecord) -> str:
    return scene.acquired_at.isoformat(timespec="minutes") if scene.acquired_at else "unknown"
