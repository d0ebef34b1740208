"""Parses a request for an export from a query string, a JSON body, or options of a command."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from sqlalchemy import Connection

from earthgql.catalog.cutoffs import CutoffsByLabel, cutoffs_of, parse_cutoffs
from earthgql.catalog.json_input import Moment, error_text
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter, confined, tile_filter
from earthgql.catalog.tiles.filter_json import parse_where
from earthgql.errors import BadInputError
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds

FindModel = Callable[[Connection, str | None], ModelRecord]
"""Finds a model by the name or version in a request; None: the default model."""


class ExportRequest(BaseModel):
    """A request for an export; every field is optional.

    Attributes:
        bounds: only tiles that share area with west, south, east, north.
        polygon: only tiles that share area with this GeoJSON Polygon or MultiPolygon.
        where: conditions, as GraphQL's ``where`` in JSON.
        scene: only tiles of the scene of this name.
        zoom: only tiles of this zoom.
        at: leaves out scenes acquired later; without a zone it is UTC, a date its midnight.
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
    at: Moment | None = None
    model: str | None = None
    cutoff: float | None = None
    cutoffs: CutoffsByLabel | None = None

    @field_validator("bounds", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            value = value.split(",")
            with suppress(ValueError):
                return tuple(map(float, value))
        return tuple(value) if isinstance(value, list) else value

    @field_validator("polygon", "where", "cutoffs", mode="before")
    @classmethod
    def _parse(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        try:
            return parse_cutoffs(value) if info.field_name == "cutoffs" else json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None


@dataclass(frozen=True, slots=True)
class ResolvedRequest:
    """A validated request, whose model was found.

    Attributes:
        parts: rectangles in degrees, EPSG:4326, that contain the tiles.
        where: which of the tiles there.
        model: whose scores are exported.
        cutoffs: per label of the model, the score from which it is listed.
    """

    parts: tuple[Bounds, ...]
    where: TileFilter
    model: ModelRecord
    cutoffs: tuple[float, ...]


def parse_request(values: Mapping[str, Any], *, texts: bool = False) -> ExportRequest:
    """Parse a request.

    Args:
        values: by name of the fields of ``ExportRequest``.
        texts: whether numbers may be text, as in query strings and options of commands; bounds,
            and objects in JSON, always may.

    Raises:
        BadInputError: if a field is unknown or has a wrong type; the message names it.
    """
    try:
        return ExportRequest.model_validate(values, strict=None if texts else True)
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][0]) if first["loc"] else "the export"
        if first["type"] == "extra_forbidden":
            known = ", ".join(ExportRequest.model_fields)
            raise BadInputError(f"exports have no {place[:60]!r}; they take {known}") from None
        if place == "bounds":
            raise BadInputError("bounds must be WEST,SOUTH,EAST,NORTH") from None
        place = ".".join([place, *(str(part)[:60] for part in first["loc"][1:])])
        raise BadInputError(f"{place}: {error_text(first)}") from None


def resolve(conn: Connection, request: ExportRequest, find_model: FindModel) -> ResolvedRequest:
    """Validate a request and find its model.

    Raises:
        BadInputError: as ``grid.bounds``, ``parse_where``, ``tile_filter``, ``confined`` and
            ``cutoffs_of`` do.
        NotFoundError: if there is no such model.
    """
    bounds = None if request.bounds is None else grid.bounds(*request.bounds)
    conditions = None if request.where is None else parse_where(request.where)
    model = find_model(conn, request.model)
    where = tile_filter(conditions, model, scene=request.scene, zoom=request.zoom, at=request.at)
    parts, where = confined(where, bounds, request.polygon)
    cutoffs = cutoffs_of(model.identity, request.cutoff, request.cutoffs)
    return ResolvedRequest(parts, where, model, cutoffs)
