"""Example queries that work for the imagery that is ingested, for GraphiQL and the demo."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from earthgql.catalog import scenes, tiles
from earthgql.catalog.scenes import SceneRecord
from earthgql.catalog.tiles import TileFilter, TileRecord
from earthgql.errors import NotFoundError
from earthgql.tiles import grid

_NEAR_CENTRE = 200
_SHRINK = (16, 4, 1)
_VIEWPORT_TILES = 3

_CLASSIFY_POINT = """\
# What is at this place?
query WhatIsHere($lat: Float!, $lon: Float!) {
  classifyPoint(lat: $lat, lon: $lon) {
    scores(top: 5) {
      label
      score
    }
    tile {
      imageUrl
      scene {
        name
        acquiredAt
      }
    }
    model {
      name
      version
    }
  }
}
"""

_TILES_IN_BOUNDS = """\
# What is in this viewport?
# All its tiles are classified at once.
query WhatIsInView($bounds: BoundsInput!) {
  tilesInBounds(bounds: $bounds, first: 25) {
    nodes {
      quadkey
      classification {
        labels
        scores(top: 2) {
          label
          score
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
"""

_SCENES = """\
# What imagery is there, and which
# models have looked at it?
query WhatIsIngested {
  scenes {
    nodes {
      id
      name
      zoom
      tileCount
      acquiredAt
      attribution
      bounds { west south east north }
    }
  }
  models {
    nodes { name version labels }
  }
}
"""


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
class Examples:
    """Queries about one scene.

    Attributes:
        scene: its name; None as long as nothing is ingested.
        examples: the queries, the first one first.
    """

    scene: str | None
    examples: tuple[Example, ...]

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
        raise NotFoundError(f"there is no scene named {name!r}")
    overview = Example("Scenes", _SCENES, {})
    tile = None if scene is None else _central_tile(connection, scene)
    if scene is None or tile is None:
        return Examples(None, (overview,))
    west, south, east, north = grid.tile_bounds(tile.index)
    place = {"lat": round((south + north) / 2, 6), "lon": round((west + east) / 2, 6)}
    return Examples(
        scene.name,
        (
            Example("A point", _CLASSIFY_POINT, place),
            Example("A viewport", _TILES_IN_BOUNDS, {"bounds": _viewport(tile)}),
            overview,
        ),
    )


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
            _longitude(west + margin_x),
            south + margin_y,
            _longitude(west + width - margin_x),
            north - margin_y,
        )


def _longitude(degrees: float) -> float:
    return degrees if -180 <= degrees <= 180 else (degrees + 180) % 360 - 180


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
