"""``/labels/{z}/{x}/{y}.mvt`` and ``/labels.json``: labels as vector tiles for maps."""

import json
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, field_validator
from sqlalchemy import Connection, Engine

from earthgql.catalog.json_input import Moment
from earthgql.catalog.label_tiles.boundaries import boundaries
from earthgql.catalog.label_tiles.depth import lowest_zoom
from earthgql.catalog.label_tiles.served import is_everything, serve, state
from earthgql.catalog.label_tiles.tile import DEEPER, LAYER
from earthgql.catalog.map_scenes import summary
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter, tile_filter
from earthgql.catalog.tiles.filter_json import parse_where
from earthgql.database.engine import database_errors
from earthgql.errors import BadInputError
from earthgql.scoring.service import ScoringService
from earthgql.turns import Turns
from earthgql.web.map_tiles.requests import tile_json, tile_of_address, validated

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"

_FIELDS = {
    "tiles": "number of tiles that the cell stands for; 1: the tile itself",
    "classified": "number of them that the model has classified",
    "z": "zoom of the tile or cell",
}


class LabelsRequest(BaseModel):
    """Which labels of which tiles are shown; all fields are optional.

    Attributes:
        model: whose scores; "name version" or one of them.
        at: leaves out scenes acquired later; without a zone it is UTC, a date its midnight.
        where: conditions, as GraphQL's ``where`` in JSON.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    at: Moment | None = None
    where: dict[str, Any] | None = None

    @field_validator("where", mode="before")
    @classmethod
    def _parse(cls, value: str) -> object:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None


def blueprint(engine: Engine, scoring: ScoringService, turns: Turns) -> Blueprint:
    """Return the routes of labels.

    Args:
        engine: where to read tiles, scores and sums.
        scoring: knows the default model.
        turns: at making tiles of maps.
    """
    routes = Blueprint("label_tiles", __name__)

    @routes.get("/labels/<z>/<x>/<y>.mvt")
    def tile(z: str, x: str, y: str) -> Response:
        """Return a vector tile of a map, of any zoom; an empty one where no tiles are.

        Raises:
            BadInputError: if there is no such tile in the grid, or an argument is invalid.
            NotFoundError: if there is no such model.
            AreaTooLargeError: if too many tiles are below it.
            OverloadedError: if too many tiles of maps are being made.
        """
        index, form = tile_of_address(z, x, y), _form()
        with database_errors(), engine.connect() as connection:
            model, where = _resolved(connection, scoring, form)
            etag = state(connection, index, where, model)
        if request.if_none_match.contains(etag):
            return _cached(Response(status=304), etag)
        with turns.turn(), database_errors():
            found = serve(engine, index, where, model)
        response = Response(found.body, content_type=MEDIA_TYPE)
        if not found.complete:
            response.cache_control.no_store = True
            return response
        return _cached(response, etag)

    @routes.get("/labels.json")
    def labels_json() -> dict[str, Any]:
        """Return the TileJSON 3.0 of the labels of a model.

        Raises:
            BadInputError: if an argument is invalid.
            NotFoundError: if there is no such model.
        """
        with database_errors(), engine.connect() as connection:
            model, where = _resolved(connection, scoring, _form())
            return _tile_json(connection, model, where)

    return routes


def _cached(response: Response, etag: str) -> Response:
    """Let clients keep an answer and ask each time whether it is as it was: that costs little."""
    response.set_etag(etag)
    response.cache_control.no_cache = True
    return response


def _form() -> LabelsRequest:
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise BadInputError(f"{repeated[0]:.60} is given more than once")
    return validated(LabelsRequest, request.args.to_dict(), "labels take model, at and where")


def _resolved(
    connection: Connection, scoring: ScoringService, form: LabelsRequest
) -> tuple[ModelRecord, TileFilter]:
    conditions = None if form.where is None else parse_where(form.where)
    model = scoring.find_model(connection, form.model)
    return model, tile_filter(conditions, model, at=form.at)


def _tile_json(connection: Connection, model: ModelRecord, where: TileFilter) -> dict[str, Any]:
    identity, found = model.identity, summary(connection, where)
    labels = list(zip(identity.labels, identity.thresholds, strict=True))
    lowest = 0 if is_everything(where) else lowest_zoom(connection, where)
    name = f"labels of {identity.name} {identity.version}"
    zooms = lowest, max(lowest, found.max_zoom - DEEPER)
    arguments = request.args.to_dict()
    return {
        **tile_json(name, "labels/{z}/{x}/{y}.mvt", arguments, found, zooms=zooms),
        "vector_layers": [{"id": LAYER, "fields": _fields(identity.labels)}],
        "model": {"name": identity.name, "version": identity.version},
        "labels": [{"name": name, "threshold": threshold} for name, threshold in labels],
        "boundaries": boundaries(identity),
    }


def _fields(labels: tuple[str, ...]) -> dict[str, str]:
    scores = dict.fromkeys(labels, "number of the boundaries that the (mean) score reaches")
    shares = dict.fromkeys(
        (f"share:{label}" for label in labels),
        "percentage of the classified tiles whose score reaches the threshold",
    )
    return {**_FIELDS, **scores, **shares}
