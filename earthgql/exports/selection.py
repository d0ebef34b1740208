"""Which tiles to export, out of a query string, a JSON body, or options of a command."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from sqlalchemy import Connection

from earthgql.catalog.areas import area_of
from earthgql.catalog.choices import TileFilter
from earthgql.catalog.cutoffs import cutoffs_of
from earthgql.catalog.filters import parse_where, tile_filter
from earthgql.catalog.models import ModelRecord
from earthgql.errors import BadInputError
from earthgql.tiles import grid
from earthgql.tiles.grid import Bounds

FindModel = Callable[[Connection, str | None], ModelRecord]
"""Finds a model by what a client calls it; None: the one that is meant when none is named."""

_WORLD = grid.bounds(-180, -90, 180, 90)


class ExportForm(BaseModel):
    """What may be asked of an export; everything may be left out.

    Attributes:
        bounds: only tiles that share area with west, south, east, north.
        polygon: only tiles that share area with this GeoJSON Polygon or MultiPolygon.
        where: conditions, as GraphQL's ``where`` in JSON.
        scene: only tiles of the scene of this name.
        zoom: only tiles of this zoom.
        at: leaves out scenes acquired later.
        model: whose scores; "name version" or a version.
        cutoff: score from which a label is listed; none: the model's thresholds.
        cutoffs: the same for some labels, by label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds: tuple[float, float, float, float] | None = None
    polygon: dict[str, Any] | None = None
    where: dict[str, Any] | None = None
    scene: str | None = None
    zoom: int | None = None
    at: datetime | None = None
    model: str | None = None
    cutoff: float | None = None
    cutoffs: dict[str, float] | None = None

    @field_validator("bounds", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(map(float, value.split(",")))
        except ValueError:
            raise ValueError("it must be WEST,SOUTH,EAST,NORTH") from None

    @field_validator("polygon", "where", "cutoffs", mode="before")
    @classmethod
    def _parse(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tiles to export, and whose scores with them.

    Attributes:
        parts: rectangles that hold them.
        where: which of the tiles there.
        model: whose scores.
        cutoffs: per label of the model, the score from which it is listed.
    """

    parts: tuple[Bounds, ...]
    where: TileFilter
    model: ModelRecord
    cutoffs: tuple[float, ...]


def parse_form(given: Mapping[str, Any]) -> ExportForm:
    """Read what is asked.

    Raises:
        BadInputError: if something is not of the form of ``ExportForm``; the message names it.
    """
    try:
        return ExportForm.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][0]) if first["loc"] else "the export"
        if first["type"] == "extra_forbidden":
            known = ", ".join(ExportForm.model_fields)
            raise BadInputError(f"exports have no {place[:60]!r}; they take {known}") from None
        message = first["msg"].removeprefix("Value error, ")
        raise BadInputError(f"{place}: {message}") from None


def select(conn: Connection, form: ExportForm, find_model: FindModel) -> Selection:
    """Validate what is asked, looking up the model.

    Raises:
        BadInputError: as ``grid.bounds``, ``parse_area``, ``parse_where``, ``tile_filter`` and
            ``cutoffs_of`` do.
        NotFoundError: if there is no such model.
    """
    parts, area = _WORLD, None
    if form.bounds is not None or form.polygon is not None:
        bounds = None if form.bounds is None else grid.bounds(*form.bounds)
        parts, area = area_of(bounds, form.polygon)
    conditions = None if form.where is None else parse_where(form.where)
    model = find_model(conn, form.model)
    where = tile_filter(conditions, model, scene=form.scene, zoom=form.zoom, at=form.at)
    if area is not None:
        if where.within is not None:
            raise BadInputError("give either a polygon or where.within, and not both")
        where = replace(where, within=area)
    cutoffs = cutoffs_of(model.identity, form.cutoff, form.cutoffs)
    return Selection(parts, where, model, cutoffs)
