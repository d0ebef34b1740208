"""Which tiles to export, out of a query string, a JSON body, or options of a command."""

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
"""Finds a model by what a client calls it; None: the one that is meant when none is named."""


class ExportForm(BaseModel):
    """What may be asked of an export; everything may be left out.

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


def parse_form(given: Mapping[str, Any], *, texts: bool = False) -> ExportForm:
    """Read what is asked.

    Args:
        given: by name, as ``ExportForm`` has them.
        texts: whether numbers may be written as text, as query strings and commands have them;
            bounds, and objects in JSON, always may.

    Raises:
        BadInputError: if something is not of the form of ``ExportForm``; the message names it.
    """
    try:
        return ExportForm.model_validate(given, strict=None if texts else True)
    except ValidationError as error:
        first = error.errors()[0]
        place = str(first["loc"][0]) if first["loc"] else "the export"
        if first["type"] == "extra_forbidden":
            known = ", ".join(ExportForm.model_fields)
            raise BadInputError(f"exports have no {place[:60]!r}; they take {known}") from None
        if place == "bounds":
            raise BadInputError("bounds must be WEST,SOUTH,EAST,NORTH") from None
        place = ".".join([place, *(str(part)[:60] for part in first["loc"][1:])])
        raise BadInputError(f"{place}: {error_text(first)}") from None


def select(conn: Connection, form: ExportForm, find_model: FindModel) -> Selection:
    """Validate what is asked, looking up the model.

    Raises:
        BadInputError: as ``grid.bounds``, ``parse_where``, ``tile_filter``, ``confined`` and
            ``cutoffs_of`` do.
        NotFoundError: if there is no such model.
    """
    bounds = None if form.bounds is None else grid.bounds(*form.bounds)
    conditions = None if form.where is None else parse_where(form.where)
    model = find_model(conn, form.model)
    where = tile_filter(conditions, model, scene=form.scene, zoom=form.zoom, at=form.at)
    parts, where = confined(where, bounds, form.polygon)
    cutoffs = cutoffs_of(model.identity, form.cutoff, form.cutoffs)
    return Selection(parts, where, model, cutoffs)
