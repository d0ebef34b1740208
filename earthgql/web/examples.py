"""Example queries that work for the imagery that is ingested, for GraphiQL and the demo."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from earthgql.api import ids
from earthgql.catalog import models, scenes
from earthgql.catalog.jobs import records as jobs
from earthgql.catalog.scenes import SceneRecord
from earthgql.catalog.tiles import lookup as tiles
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import TileRecord
from earthgql.errors import NotFoundError
from earthgql.imagery import grid
from earthgql.web import operations
from earthgql.web.operations import Kind, Operation

_NEAR_CENTRE = 200
_SHRINK = (16, 4, 1)
_VIEWPORT_TILES = 3
_YEAR = timedelta(days=365)
# The sign of a clearing that the shipped model finds best; it does not find at all that `primary`
# vanishes (docs/analysis.md). For models without this label the first one is taken.
_LABEL = "slash_burn"
_WIDEST = 160.0
_FIRST_STEPS = (
    ("A point", "WhatIsHere"),
    ("A viewport", "WhatIsInView"),
    ("Scenes", "WhatIsIngested"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A query to try.

    Attributes:
        title: a few words.
        query: a GraphQL document of one named operation.
        variables: for it.
    """

    title: str
    query: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Queries for one kind of user.

    Attributes:
        title: whom they are for.
        examples: the queries.
    """

    title: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """Queries about one scene.

    Attributes:
        scene: its name; None as long as nothing is ingested.
        examples: a few to begin with.
        collection: all operations, by kind of user.
    """

    scene: str | None
    examples: tuple[Example, ...]
    collection: tuple[Chapter, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what ``/examples.json`` answers."""
        return asdict(self)


def examples(connection: Connection, name: str | None = None) -> Examples:
    """Make queries about a scene.

    Args:
        connection: where to look for it.
        name: of the scene; None: the one that was ingested last.

    Raises:
        NotFoundError: if there is no scene of that name.
    """
    scene = _newest(connection) if name is None else scenes.scene_by_name(connection, name)
    if scene is None and name is not None:
        raise NotFoundError(f"no scene is named {name!r}")
    tile = None if scene is None else _central_tile(connection, scene)
    values = {} if scene is None or tile is None else _values(connection, scene, tile)
    first_steps = (
        _example(title, operations.operation(name), values) for title, name in _FIRST_STEPS
    )
    return Examples(
        scene=None if scene is None or not values else scene.name,
        examples=tuple(example for example in first_steps if example is not None),
        collection=tuple(_chapter(kind, values) for kind in operations.kinds()),
    )


def _chapter(kind: Kind, values: Mapping[str, Any]) -> Chapter:
    found = (_example(operation.title, operation, values) for operation in kind.operations)
    return Chapter(kind.title, tuple(example for example in found if example is not None))


def _example(title: str, operation: Operation, values: Mapping[str, Any]) -> Example | None:
    """Make an example; None if a value for one of its variables is missing."""
    try:
        return Example(title, operation.query, operation.variables(values))
    except KeyError:
        return None


def _values(connection: Connection, scene: SceneRecord, tile: TileRecord) -> dict[str, Any]:
    """Return the values of the variables of all operations, by name."""
    west, south, east, north = grid.tile_bounds(tile.index)
    bounds = _viewport(tile)
    begin, end = _span(connection, scene)
    return {
        "lat": round((south + north) / 2, 6),
        "lon": round((west + east) / 2, 6),
        "bounds": bounds,
        "polygon": _triangle(bounds),
        "tile": ids.encode("Tile", tile.id),
        "id": ids.encode("Scene", scene.id),
        "from": begin.isoformat(),
        "to": end.isoformat(),
        "job": ids.encode("Job", _newest_job(connection)),
        **_of_model(connection),
    }


def _span(connection: Connection, scene: SceneRecord) -> tuple[datetime, datetime]:
    """Return the first and the last date of the imagery, or two a year apart."""
    dates = [s.acquired_at for s in scenes.list_scenes(connection) if s.acquired_at is not None]
    begin = min(dates, default=scene.ingested_at)
    return begin, max([*dates, begin + _YEAR] if len(set(dates)) < 2 else dates)


def _of_model(connection: Connection) -> dict[str, Any]:
    """Return the values that depend on models; none as long as none was ever used."""
    found = [record.identity for record in models.list_models(connection, limit=2, backward=True)]
    if not found:
        return {}
    newest = found[-1]
    label = _LABEL if _LABEL in newest.labels else newest.labels[0]
    values = {"version": newest.version, "label": label}
    if len(found) > 1:  # no model is worth comparing with itself
        values |= {key: f"{m.name} {m.version}" for key, m in zip("ab", found, strict=True)}
    return values


def _newest_job(connection: Connection) -> int:
    """Return the number of the newest job, or one that the first will have."""
    return max((job.id for job in jobs.list_jobs(connection, limit=1, backward=True)), default=1)


def _triangle(bounds: dict[str, float]) -> dict[str, Any]:
    """Return the south-eastern half of a rectangle as GeoJSON, of less than half the globe."""
    west, east = _narrowed(bounds["west"], bounds["east"])
    south, north = _narrowed(bounds["south"], bounds["north"])
    ring = [[west, south], [east, south], [east, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _narrowed(low: float, high: float) -> tuple[float, float]:
    middle, reach = (low + high) / 2, min(high - low, _WIDEST) / 2
    return round(middle - reach, 6), round(middle + reach, 6)


def _newest(connection: Connection) -> SceneRecord | None:
    return max(scenes.list_scenes(connection), key=lambda scene: scene.ingested_at, default=None)


def _central_tile(connection: Connection, scene: SceneRecord) -> TileRecord | None:
    """Return a tile near the middle of a scene, whose very middle may have none."""
    for box in _boxes(scene.bounds):
        found = tiles.tiles_in_bounds(
            connection, box, TileFilter(scene=scene.name, zoom=scene.zoom), limit=_NEAR_CENTRE
        )
        if found:
            middle_x = sum(tile.index.x for tile in found) / len(found)
            middle_y = sum(tile.index.y for tile in found) / len(found)
            return min(
                found, key=lambda t: (t.index.x - middle_x) ** 2 + (t.index.y - middle_y) ** 2
            )
    return None


def _boxes(bounds: grid.Bounds) -> Iterator[tuple[grid.Bounds, ...]]:
    """Yield ever larger boxes in the middle of a scene, the last being the whole of it."""
    west, south, east, north = bounds
    width, height = (east - west) % 360 or 360.0, north - south
    for part in _SHRINK:
        margin_x, margin_y = width * (1 - 1 / part) / 2, height * (1 - 1 / part) / 2
        yield grid.bounds(
            grid.wrapped(west + margin_x),
            south + margin_y,
            grid.wrapped(west + width - margin_x),
            north - margin_y,
        )


def _viewport(tile: TileRecord) -> dict[str, float]:
    """Return a rectangle that takes in a few tiles around one, off their edges."""
    west, south, east, north = grid.tile_bounds(tile.index)
    grow_x = (east - west) * (_VIEWPORT_TILES / 2 - 0.6)
    grow_y = (north - south) * (_VIEWPORT_TILES / 2 - 0.6)
    return {
        "west": round(max(west - grow_x, -180.0), 6),
        "south": round(max(south - grow_y, -90.0), 6),
        "east": round(min(east + grow_x, 180.0), 6),
        "north": round(min(north + grow_y, 90.0), 6),
    }
