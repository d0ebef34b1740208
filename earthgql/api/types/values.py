"""Small types without an id: rectangles, scores, GeoJSON, and what arguments are made of."""

from datetime import datetime
from typing import Annotated, Any, NewType

import strawberry

from earthgql.imagery import grid

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
class LabelScore:
    """A label and its score."""

    label: str = strawberry.field(description="The label.")
    score: float = strawberry.field(
        description="From 0 to 1. Not a probability unless the model says so."
    )
    cutoff: float = strawberry.field(
        description="The score from which the label counts: what was asked for, or the model's "
        "threshold of the label."
    )
    margin: float = strawberry.field(description="How far the score is above the cutoff.")


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
