"""Input types: rectangles, conditions on tiles, orders and cutoffs."""

from datetime import datetime
from enum import Enum

import strawberry

from earthgql.api.types.values import GeoJSON


@strawberry.input(
    description="A viewport: degrees, EPSG:4326, eastward from west to east, so one with "
    "west > east crosses the antimeridian. Longitudes beyond 180, as panned maps give them, are "
    "wrapped; an east 360 or more beyond west is the whole world."
)
class BoundsInput:
    """A viewport, in degrees."""

    west: float = strawberry.field(description="Western longitude, -540 to 540.")
    south: float = strawberry.field(description="Southern latitude, -90 to 90.")
    east: float = strawberry.field(description="Eastern longitude, -540 to 540.")
    north: float = strawberry.field(description="Northern latitude, -90 to 90, not below south.")


@strawberry.input(description="A label that counts from some score on.")
class LabelMinimum:
    """A label and its cutoff."""

    label: str = strawberry.field(description="One of the model's labels.")
    min_score: float | None = strawberry.field(
        default=None,
        description="The score from which the label counts, 0 to 1 (default: the model's own "
        "threshold of the label).",
    )


@strawberry.input(
    description="Conditions on labels, all of which must hold. They are about scores that are "
    "kept: a tile that the model has not classified meets none of them."
)
class LabelsWhere:
    """Conditions on labels."""

    all: list[LabelMinimum] | None = strawberry.field(
        default=None, description="Each of these labels counts."
    )
    any: list[LabelMinimum] | None = strawberry.field(
        default=None, description="At least one of these labels counts."
    )
    none: list[LabelMinimum] | None = strawberry.field(
        default=None, description="None of these labels counts."
    )


@strawberry.input(description="A span of time. Both ends need a time zone.")
class AcquiredWhere:
    """A span of time."""

    from_: datetime | None = strawberry.field(
        name="from", default=None, description="Acquired at this moment or later."
    )
    to: datetime | None = strawberry.field(default=None, description="Acquired before this moment.")


@strawberry.input(
    description="Conditions on tiles, all of which must hold. `scene`, `zoom` and `acquired` come "
    "first: where tiles overlap, the best of those left is shown. The others choose among the "
    "tiles shown."
)
class TileWhere:
    """Conditions on tiles."""

    labels: LabelsWhere | None = strawberry.field(
        default=None,
        description="By the model's labels, from stored scores; nothing is classified.",
    )
    scene: str | None = strawberry.field(
        default=None, description="Only tiles of the scene of this name."
    )
    zoom: int | None = strawberry.field(default=None, description="Only tiles of this zoom level.")
    acquired: AcquiredWhere | None = strawberry.field(
        default=None,
        description="Only scenes known to be acquired in this span; those of unknown date are not.",
    )
    classified: bool | None = strawberry.field(
        default=None, description="Only tiles that the model has classified, or only others."
    )
    within: GeoJSON | None = strawberry.field(
        default=None,
        description="Only tiles that share area with this Polygon or MultiPolygon, of at most "
        "10,000 positions. One over the antimeridian is cut there, as RFC 7946 has it, or has "
        "longitudes that run on past 180, to 540 at most.",
    )


@strawberry.enum(description="What a list of tiles can be ordered by.")
class TileOrderField(Enum):
    """What a list of tiles can be ordered by."""

    ID = strawberry.enum_value("id", description="The order in which tiles were ingested.")
    ACQUIRED = strawberry.enum_value(
        "acquired", description="When the scene was acquired; unknown counts as before all others."
    )
    LABEL = strawberry.enum_value(
        "label", description="The score of a label; tiles not classified are left out."
    )


@strawberry.enum(description="The direction of an order.")
class OrderDirection(Enum):
    """The direction of an order."""

    ASC = strawberry.enum_value("asc", description="The smallest or oldest first.")
    DESC = strawberry.enum_value("desc", description="The largest or newest first.")


@strawberry.input(
    description='An order of tiles: `{label: "road"}`, `{by: ACQUIRED}`. Among equals, that of '
    "their ids."
)
class TileOrder:
    """An order of tiles."""

    by: TileOrderField | None = strawberry.field(
        default=None, description="What to order by; with `label` it need not be said."
    )
    label: str | None = strawberry.field(
        default=None, description="Order by the score of this label of the model."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which way round."
    )


@strawberry.input(description="From which score on a label counts.")
class LabelCutoff:
    """The cutoff of a label."""

    label: str = strawberry.field(description="One of the model's labels.")
    cutoff: float = strawberry.field(description="The score from which it counts, 0 to 1.")
