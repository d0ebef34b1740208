"""Queries over scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from earthgql.catalog.sql import execute, page_by_id
from earthgql.errors import BadInputError, NotFoundError, shortened
from earthgql.imagery.grid import Bounds

_SCENES = """
SELECT id, name, kind, uri, root, zoom, zooms, acquired_at, attribution, rendering, fingerprint,
       ingested_at, ST_XMin(footprint) AS west, ST_YMin(footprint) AS south,
       ST_XMax(footprint) AS east, ST_YMax(footprint) AS north
  FROM scene
"""
_BY_IDS = _SCENES + "WHERE id = ANY(:ids)"
_BY_NAME = _SCENES + "WHERE name = :name"
_COUNT = "SELECT count(*) FROM scene"
_COUNTS = "SELECT scene_id, count(*) FROM tile WHERE scene_id = ANY(:ids) GROUP BY scene_id"
_EXISTS = "SELECT EXISTS (SELECT FROM scene WHERE name = :name)"
_DELETE = "DELETE FROM scene WHERE name = :name RETURNING id"


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """One scene.

    Attributes:
        id: of the row.
        name: unique.
        kind: "raster", "pyramid" or "mbtiles".
        uri: the file or folder ingested, absolute.
        root: the folder below which its pixels may be opened.
        zoom: the highest zoom it has tiles of.
        zooms: all zooms it has tiles of.
        bounds: rectangle around its tiles, degrees; west > east if it crosses the antimeridian.
        acquired_at: when it was taken, if known.
        attribution: whom to credit, if known.
        rendering: how pixels are made from the source.
        fingerprint: of the source as ingested.
        ingested_at: when it was ingested last.
    """

    id: int
    name: str
    kind: str
    uri: str
    root: str
    zoom: int
    zooms: tuple[int, ...]
    bounds: Bounds
    acquired_at: datetime | None
    attribution: str | None
    rendering: Mapping[str, Any]
    fingerprint: str
    ingested_at: datetime


def scenes_by_ids(conn: Connection, ids: Sequence[int]) -> dict[int, SceneRecord]:
    """Return the scenes of some ids, in one statement; unknown ids are left out."""
    rows = execute(conn, _BY_IDS, ids=list(ids)).all()
    return {row[0]: _record(row) for row in rows}


def scene_by_name(conn: Connection, name: str) -> SceneRecord | None:
    """Return the scene of a name, or None."""
    row = execute(conn, _BY_NAME, name=name).one_or_none()
    return _record(row) if row else None


def check_scene(conn: Connection, name: str | None, hint: str = "") -> None:
    """Check that a scene exists; called only if nothing was found, to save a statement otherwise.

    Args:
        conn: to the database.
        name: of the scene; None: any.
        hint: where to find its name, for the message.

    Raises:
        BadInputError: if there is no scene of that name.
    """
    if name is not None and not execute(conn, _EXISTS, name=name).scalar_one():
        raise BadInputError(f"no scene is named {shortened(name)}{hint}")


def list_scenes(
    conn: Connection,
    *,
    limit: int | None = None,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
) -> list[SceneRecord]:
    """Return scenes in the order of their ids.

    Args:
        conn: to the database.
        limit: at most so many; None for all.
        after: only ids above this one.
        before: only ids below this one.
        backward: keep to the newest rather than to the oldest.
    """
    page = page_by_id(limit=limit, after=after, before=before, backward=backward)
    found = [_record(row) for row in execute(conn, _SCENES + page).all()]
    return found[::-1] if backward else found


def count_scenes(conn: Connection) -> int:
    """Return how many scenes there are."""
    return int(execute(conn, _COUNT).scalar_one())


def tile_counts(conn: Connection, scene_ids: Sequence[int]) -> dict[int, int]:
    """Return how many tiles each scene has, in one statement; 0 for unknown ids."""
    found = execute(conn, _COUNTS, ids=list(scene_ids)).all()
    counted = {row[0]: row[1] for row in found}
    return {scene_id: counted.get(scene_id, 0) for scene_id in scene_ids}


def delete_scene(conn: Connection, name: str) -> None:
    """Delete a scene with its tiles and their scores; the source's files stay.

    Raises:
        NotFoundError: if there is no scene of that name.
    """
    if execute(conn, _DELETE, name=name).one_or_none() is None:
        raise NotFoundError(f"no scene is named {name!r}; `manage.py scenes list` shows them")


def _record(row: Row[Any]) -> SceneRecord:
    # The footprint is stored as one rectangle, which may run past 180.
    east = row.east - 360 if row.east > 180 else row.east
    return SceneRecord(
        id=row.id,
        name=row.name,
        kind=row.kind,
        uri=row.uri,
        root=row.root,
        zoom=row.zoom,
        zooms=tuple(row.zooms) or (row.zoom,),
        bounds=Bounds(row.west, row.south, east, row.north),
        acquired_at=row.acquired_at,
        attribution=row.attribution,
        rendering=row.rendering,
        fingerprint=row.fingerprint,
        ingested_at=row.ingested_at,
    )
