"""Errors outside GraphQL: always JSON, with the same codes, never a stack trace."""

import logging

from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from earthgql.errors import EarthGQLError, NotFoundError, error_body

_INTERNAL = "Internal error: it was logged, and whoever runs this server can find it there."
_CODES = {404: NotFoundError.code, 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_TOO_LARGE"}

_log = logging.getLogger(__name__)


def answer_in_json(app: Flask) -> None:
    """Make every error of the application a JSON response."""

    @app.errorhandler(EarthGQLError)
    def ours(error: EarthGQLError) -> ResponseReturnValue:
        if error.status >= 500:
            _log.warning("%s: %s", error.code, error)
        return error_body(error.public_message, error.code), error.status

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if status < 400:
            return error.get_response()
        body = error_body(error.description or error.name, _CODES.get(status, "BAD_REQUEST"))
        headers = {k: v for k, v in error.get_headers() if k.lower() in ("allow", "retry-after")}
        return body, status, headers

    @app.errorhandler(Exception)
    def defect(error: Exception) -> ResponseReturnValue:
        _log.error("masked an error", exc_info=error)
        return error_body(_INTERNAL, EarthGQLError.code), 500
