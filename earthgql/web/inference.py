"""``/inference/…``: the predecessor's two routes, so that front-ends written for it work unchanged.

Payloads and status codes are the predecessor's. Where the predecessor crashed, the body has
the same form: ``success`` false, no ``predictions``, and a ``message`` for people.
"""

import logging
from typing import Any, TypeGuard

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from werkzeug.exceptions import HTTPException

from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import tiles_at
from earthgql.database.engine import database_errors
from earthgql.errors import BadInputError, EarthGQLError, NotFoundError
from earthgql.imagery import grid
from earthgql.imagery.grid import LonLat
from earthgql.scoring.service import ScoringService
from earthgql.settings import Settings
from earthgql.web.errors import message_of

_INVALID = "Invalid payload"

_log = logging.getLogger(__name__)


def blueprint(engine: Engine, scoring: ScoringService, settings: Settings) -> Blueprint:
    """Return the routes that the predecessor had.

    Args:
        engine: where to read.
        scoring: what classifies tiles.
        settings: ``prediction_cutoff`` and ``prediction_zoom`` are used.
    """
    routes = Blueprint("inference", __name__, url_prefix="/inference")
    where = TileFilter(zoom=settings.prediction_zoom)

    @routes.get("/ping")
    def ping() -> ResponseReturnValue:
        """Say that the process lives."""
        return {"status": "success", "message": "pong!"}

    @routes.post("/predict")
    def predict() -> ResponseReturnValue:
        """Name the labels at ``{"lat1": …, "lng1": …}`` whose score is above the cutoff."""
        tile_id = _tile_at(engine, _position(_payload()), where)
        with database_errors():
            answer = scoring.classify_tiles([tile_id])[tile_id]
        if isinstance(answer, EarthGQLError):
            raise answer
        scored = zip(scoring.model.identity.labels, answer.scores, strict=True)
        above = [pair for pair in scored if pair[1] > settings.prediction_cutoff]
        above.sort(key=lambda pair: -pair[1])
        predictions = [{"label": label, "probability": score} for label, score in above]
        return {"success": True, "predictions": predictions}

    @routes.errorhandler(EarthGQLError)
    def failed(error: EarthGQLError) -> ResponseReturnValue:
        if error.status >= 500:
            _log.warning("%s: %s", error.code, error)
        return _failure(error.public_message), error.status, dict(error.headers)

    @routes.errorhandler(HTTPException)
    def refused(error: HTTPException) -> ResponseReturnValue:
        return _failure(message_of(error)), error.code or 500

    return routes


def _failure(message: str) -> dict[str, Any]:
    return {"success": False, "predictions": [], "message": message}


def _payload() -> Any:
    try:
        return request.get_json(force=True, silent=True)
    except RecursionError:
        return None


def _position(payload: Any) -> LonLat:
    fields = payload if isinstance(payload, dict) else {}
    lat, lng = fields.get("lat1"), fields.get("lng1")
    if not _is_number(lat) or not _is_number(lng):
        raise BadInputError(_INVALID)
    try:
        return grid.point(lat, lng)
    except BadInputError as error:
        raise BadInputError(f"{_INVALID}: {error}") from None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tile_at(engine: Engine, position: LonLat, where: TileFilter) -> int:
    with database_errors(), engine.connect() as connection:
        [tile] = tiles_at(connection, [position], where)
    if tile is None:
        raise NotFoundError("There is no imagery at this place")
    return tile.id
