"""Turns the arguments of a field into a list of tiles or an area, as the catalogue takes them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from earthgql.api.context import RequestInfo
from earthgql.api.loaders import BoundsKey, CountKey
from earthgql.api.paging.cursors import Cursors
from earthgql.api.paging.page import Page
from earthgql.api.types.arguments import TileArguments
from earthgql.api.types.inputs import (
    BoundsInput,
    OrderDirection,
    TileOrder,
    TileOrderField,
    TileWhere,
)
from earthgql.api.types.model import find_model
from earthgql.catalog.models import ModelRecord, label_column
from earthgql.catalog.tiles import filter as filters
from earthgql.catalog.tiles import order as orders
from earthgql.catalog.tiles.filter import TileFilter, confined
from earthgql.errors import BadInputError
from earthgql.imagery import grid

_BY: dict[TileOrderField, Literal["id", "acquired", "label"]] = {
    TileOrderField.ID: "id",
    TileOrderField.ACQUIRED: "acquired",
    TileOrderField.LABEL: "label",
}


@dataclass(frozen=True, slots=True)
class TileQuery:
    """A list of tiles, validated.

    Attributes:
        parts: rectangles that hold the viewport.
        where: which of the tiles there.
        order: of the list.
    """

    parts: tuple[grid.Bounds, ...]
    where: TileFilter
    order: orders.TileOrder

    @property
    def cursors(self) -> Cursors:
        """The cursors of the list."""
        return Cursors("tiles", self.parts, self.where, order=self.order)

    def key(self, page: Page) -> BoundsKey:
        """Return the loader's key of a page of the list."""
        return BoundsKey(
            self.parts,
            self.where,
            page.limit,
            page.after,
            page.before,
            self.order,
            page.backward,
        )

    @property
    def count_key(self) -> CountKey:
        """The loader's key of the length of the list."""
        return CountKey(self.parts, self.where)


async def tile_query(info: RequestInfo, tiles: TileArguments) -> TileQuery:
    """Return the list of tiles of some arguments.

    Raises:
        EarthGQLError: as ``tile_filter`` does, or if the order or the viewport is invalid.
    """
    by = _order_field(tiles.order_by)
    where, model = await _filter(
        info,
        tiles.where,
        model=tiles.model,
        needs_model=by is TileOrderField.LABEL,
        scene=tiles.source.scene,
        zoom=tiles.source.zoom,
        at=tiles.source.at,
    )
    if by is TileOrderField.LABEL:
        if where.classified is False:
            raise BadInputError("tiles that are not classified have no order by a label")
        where = replace(where, classified=True)  # for the count, too
    order = _order(tiles.order_by, by, model)
    # Where to look: the viewport, else where the polygon of the filter is, else everywhere.
    parts, where = confined(where, rectangle(tiles.bounds), None)
    return TileQuery(parts, where, order)


async def tile_filter(
    info: RequestInfo,
    where: TileWhere | None,
    *,
    model: str | None = None,
    scene: str | None = None,
    zoom: int | None = None,
    at: datetime | None = None,
) -> TileFilter:
    """Return which tiles may answer.

    The model is looked up only if it is named or a condition depends on it.

    Raises:
        EarthGQLError: as ``filters.tile_filter`` and ``find_model`` do.
    """
    chosen, _ = await _filter(info, where, model=model, scene=scene, zoom=zoom, at=at)
    return chosen


def rectangle(bounds: BoundsInput | None) -> tuple[grid.Bounds, ...] | None:
    """Return a rectangle of an argument in the catalogue's form.

    Raises:
        BadInputError: if it is out of range.
    """
    if bounds is None:
        return None
    return grid.bounds(bounds.west, bounds.south, bounds.east, bounds.north)


async def _filter(
    info: RequestInfo,
    where: TileWhere | None,
    *,
    model: str | None,
    scene: str | None,
    zoom: int | None,
    at: datetime | None,
    needs_model: bool = False,
) -> tuple[TileFilter, ModelRecord | None]:
    within = None
    if where is not None and where.within is not None:
        within = info.context.area(where.within)
    needed = needs_model or (where is not None and filters.needs_model(where))
    record = await find_model(info, model) if needed or model is not None else None
    chosen = filters.tile_filter(where, record, scene=scene, zoom=zoom, at=at, within=within)
    return chosen, record


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
    return orders.TileOrder(_BY[by], order.direction is OrderDirection.DESC, column)
