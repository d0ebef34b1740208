"""What one may ask of tiles: conditions, orders and cutoffs, from GraphQL to the catalogue."""

from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Annotated, Literal

import strawberry

from earthgql.api.context import RequestInfo
from earthgql.api.types.values import BoundsInput, GeoJSON
from earthgql.catalog.cutoffs import cutoffs_of
from earthgql.catalog.models import ModelRecord, label_column
from earthgql.catalog.tiles import filter as filters
from earthgql.catalog.tiles import order as orders
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import BadInputError, shortened
from earthgql.imagery import grid

_BY: dict[str, Literal["id", "acquired", "label"]] = {
    "ID": "id",
    "ACQUIRED": "acquired",
    "LABEL": "label",
}


@strawberry.input(description="A label that counts from some score on.")
class LabelMinimum:
    """A label and its least score."""

    label: str = strawberry.field(description="One of the model's labels.")
    min_score: float | None = strawberry.field(
        default=None,
        description="The least score that counts, 0 to 1 (default: the model's own threshold of "
        "the label).",
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
        default=None, description="By the model's labels; nothing is classified to find out."
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
        "10,000 positions. One over the antimeridian is cut there, as RFC 7946 has it.",
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


@strawberry.enum(description="Which way an order goes.")
class OrderDirection(Enum):
    """Which way an order goes."""

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
    cutoff: float = strawberry.field(description="The least score that counts, 0 to 1.")


WhereArgument = Annotated[
    TileWhere | None, strawberry.argument(description="Only tiles that meet these conditions.")
]
OrderArgument = Annotated[
    TileOrder | None,
    strawberry.argument(description="The order of the list (default: that of ingestion)."),
]
ModelName = Annotated[
    str | None,
    strawberry.argument(
        description="Whose scores count: name and version with a space between, or one of them "
        "where that is enough (default: the model that this server runs). Others answer from "
        "scores that are kept."
    ),
]


LabelCutoffs = Annotated[
    list[LabelCutoff] | None,
    strawberry.argument(
        description="Cutoffs of single labels; for the others `cutoff` holds, or the model's own "
        "thresholds."
    ),
]


async def asked_model(info: RequestInfo, name: str | None) -> ModelRecord:
    """Return the model of a ``model`` argument, or that which this server runs.

    Raises:
        NotFoundError: if there is none of that name.
        BadInputError: if there are several.
        ModelUnavailableError: if none is named and there is none.
    """
    if name is None:
        return info.context.scoring.model
    return await info.context.loaders.model_named.load(name)


async def tile_filter(
    info: RequestInfo,
    where: TileWhere | None,
    *,
    model: str | None = None,
    order: TileOrder | None = None,
    scene: str | None = None,
    zoom: int | None = None,
    at: datetime | None = None,
) -> tuple[TileFilter, orders.TileOrder]:
    """Return what chooses and orders tiles, of a field's arguments.

    The model is asked for only if it is named or something depends on it.

    Raises:
        EarthGQLError: as ``filters.tile_filter`` and ``asked_model``, or if the order is none.
    """
    within = None
    if where is not None and where.within is not None:
        within = info.context.area(where.within)
    by = _order_field(order)
    needed = by is TileOrderField.LABEL or (where is not None and filters.needs_model(where))
    record = await asked_model(info, model) if needed or model is not None else None
    chosen = filters.tile_filter(where, record, scene=scene, zoom=zoom, at=at, within=within)
    if by is TileOrderField.LABEL:
        if chosen.classified is False:
            raise BadInputError("tiles that are not classified have no order by a label")
        chosen = replace(chosen, classified=True)  # for the count, too
    return chosen, _order(order, by, record)


def viewport_of(bounds: BoundsInput | None, where: TileFilter) -> tuple[grid.Bounds, ...]:
    """Return where to look: the viewport, else where the polygon of ``where`` is, else everywhere.

    Raises:
        BadInputError: if the viewport is out of range.
    """
    return filters.confined(where, rectangle_of(bounds), None)[0]


def rectangle_of(bounds: BoundsInput | None) -> tuple[grid.Bounds, ...] | None:
    """Return a rectangle of an argument in the catalogue's form.

    Raises:
        BadInputError: if it is out of range.
    """
    if bounds is None:
        return None
    return grid.bounds(bounds.west, bounds.south, bounds.east, bounds.north)


def _order_field(order: TileOrder | None) -> TileOrderField | None:
    if order is None:
        return None
    if order.label is not None and order.by in (None, TileOrderField.LABEL):
        return TileOrderField.LABEL
    if order.label is not None:
        raise BadInputError("orderBy gives a label, but is not by LABEL")
    if order.by is None or order.by is TileOrderField.LABEL:
        raise BadInputError("orderBy needs a label, or to be by ID or by ACQUIRED")
    return order.by


def _order(
    order: TileOrder | None, by: TileOrderField | None, model: ModelRecord | None
) -> orders.TileOrder:
    if order is None or by is None:
        return orders.BY_ID
    column = None
    if order.label is not None and model is not None:
        column = label_column(model.identity, order.label)
    return orders.TileOrder(_BY[by.name], order.direction is OrderDirection.DESC, column)


def cutoffs_asked(
    info: RequestInfo,
    model: ModelRecord,
    cutoff: float | None,
    by_label: list[LabelCutoff] | None,
) -> tuple[float, ...]:
    """Return the cutoff of each label, worked out once for all tiles of the request.

    Raises:
        BadInputError: if a cutoff is not between 0 and 1, or a label is not the model's or there
            twice.
    """
    own = [(given.label, given.cutoff) for given in by_label or ()]
    key = (model.id, cutoff, *own)
    known = info.context.cutoffs.get(key)
    if known is None:
        for number, (label, _) in enumerate(own):
            if any(label == other for other, _ in own[:number]):
                raise BadInputError(f"cutoffs gives {shortened(label)} twice")
        known = info.context.cutoffs[key] = cutoffs_of(model.identity, cutoff, dict(own))
    return known
