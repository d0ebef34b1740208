"""Errors outside GraphQL: always JSON, with the same codes, never a stack trace."""

import logging

from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from earthgql.errors import MASKED, EarthGQLError, NotFoundError, error_body

_CODES = {404: NotFoundError.code, 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_TOO_LARGE"}

_log = logging.getLogger(__name__)


def message_of(error: HTTPException) -> str:
    """Return the message of an error for clients."""
    if isinstance(error, RequestEntityTooLarge):
        return f"the body of a request may have {(request.max_content_length or 0):,} bytes here"
    if isinstance(error, ClientDisconnected):
        return "the body was cut short, or is not sent as it says it is: send it again"
    return error.description or error.name


def answer_in_json(app: Flask) -> None:
    """Make every error of the application a JSON response."""

    @app.errorhandler(EarthGQLError)
    def earthgql_error(error: EarthGQLError) -> ResponseReturnValue:
        if error.status >= 500:
            _log.warning("%s: %s", error.code, error)
        return error_body(error.public_message, error.code), error.status, dict(error.headers)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if status < 400:
            return error.get_response()
        body = error_body(message_of(error), _CODES.get(status, "BAD_REQUEST"))
        headers = {k: v for k, v in error.get_headers() if k.lower() in ("allow", "retry-after")}
        return body, status, headers

    @app.errorhandler(Exception)
    def unexpected_error(error: Exception) -> ResponseReturnValue:
        _log.error("masked an error", exc_info=error)
        return error_body(MASKED, EarthGQLError.code), 500
