"""Small types without an id: rectangles, scores, GeoJSON."""

from typing import Any, NewType

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


@strawberry.type(description="How sure the model is that a label applies to a tile.")
class LabelScore:
    """A label and its score."""

    label: str = strawberry.field(description="The label.")
    score: float = strawberry.field(
        description="From 0 to 1. Not a probability unless the model says so."
    )
    cutoff: float = strawberry.field(
        description="The score from which the label counts: that of the query, or the model's "
        "threshold of the label."
    )
    margin: float = strawberry.field(description="How far the score is above the cutoff.")
