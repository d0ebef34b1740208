"""Small types without an id: rectangles, scores, GeoJSON, and what arguments are made of."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, NewType

import strawberry

from earthgql.catalog.tiles import TileFilter
from earthgql.errors import BadInputError
from earthgql.tiles import grid

GeoJSON = NewType("GeoJSON", dict[str, Any])
GEOJSON_SCALAR = strawberry.scalar(
    name="GeoJSON",
    description="A GeoJSON geometry (RFC 7946): longitude before latitude, degrees, EPSG:4326.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc7946",
)


@strawberry.type(description="A rectangle of longitudes and latitudes: degrees, EPSG:4326.")
class Bounds:
    """A rectangle, in degrees."""

    west: float = strawberry.field(description="Western longitude, -180 to 180.")
    south: float = strawberry.field(description="Southern latitude, -90 to 90.")
    east: float = strawberry.field(description="Eastern longitude, -180 to 180.")
    north: float = strawberry.field(description="Northern latitude, -90 to 90.")

    @classmethod
    def of(cls, bounds: grid.Bounds) -> "Bounds":
        """Make the API's rectangle of a grid's."""
        return cls(west=bounds.west, south=bounds.south, east=bounds.east, north=bounds.north)


@strawberry.input(
    description="A viewport: degrees, EPSG:4326. One with west > east crosses the antimeridian."
)
class BoundsInput:
    """A viewport, in degrees."""

    west: float = strawberry.field(description="Western longitude, -180 to 180.")
    south: float = strawberry.field(description="Southern latitude, -90 to 90.")
    east: float = strawberry.field(description="Eastern longitude, -180 to 180.")
    north: float = strawberry.field(description="Northern latitude, -90 to 90, not below south.")


@strawberry.type(description="How sure the model is that a label applies to a tile.")
class Score:
    """A label and its score."""

    label: str = strawberry.field(description="The label.")
    score: float = strawberry.field(
        description="From 0 to 1. Not a probability unless the model says so."
    )


SceneName = Annotated[
    str | None,
    strawberry.argument(description="Only tiles of the scene of this name (default: of any)."),
]
Zoom = Annotated[
    int | None,
    strawberry.argument(description="Only tiles of this zoom level (default: of any)."),
]
At = Annotated[
    datetime | None,
    strawberry.argument(
        description="As things stood at this time: scenes acquired later are left out. "
        "Without an offset it is taken as UTC."
    ),
]
Cutoff = Annotated[
    float | None,
    strawberry.argument(
        description="Labels with at least this score count, 0 to 1 "
        "(default: the model's own threshold of each label)."
    ),
]


def tile_filter(scene: str | None, zoom: int | None, at: datetime | None) -> TileFilter:
    """Validate the arguments that choose among overlapping tiles.

    Raises:
        BadInputError: if the zoom is none of the grid's or the name holds a NUL or half a
            character, which no name in the database can.
    """
    if zoom is not None and not 0 <= zoom <= grid.MAX_ZOOM:
        raise BadInputError(f"zoom must be between 0 and {grid.MAX_ZOOM}, not {zoom}")
    if scene is not None and (scene.encode(errors="replace").decode() != scene or "\0" in scene):
        raise BadInputError(f"there is no scene named {scene!r}")
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return TileFilter(scene=scene, zoom=zoom, at=at)


def valid_cutoff(cutoff: float | None) -> float | None:
    """Return the cutoff.

    Raises:
        BadInputError: if it is not between 0 and 1.
    """
    if cutoff is not None and (math.isnan(cutoff) or not 0 <= cutoff <= 1):
        raise BadInputError(f"cutoff must be between 0 and 1, not {cutoff}")
    return cutoff
