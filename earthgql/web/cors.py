"""CORS: the origins whose pages may read the answers in a browser."""

import re
from collections.abc import Iterable

from flask import Flask, Response, request
from werkzeug.datastructures import Headers

_PREFLIGHT_SECONDS = 600
_HEADERS = "Content-Type, Accept"
_METHODS = "GET, POST, OPTIONS"


def allow_origins(app: Flask, origins: Iterable[str]) -> None:
    """Let pages of some origins call the application.

    Args:
        app: the application.
        origins: regular expressions, each matched against the whole of an ``Origin`` header.
    """
    patterns = [re.compile(origin, re.IGNORECASE) for origin in origins if origin]

    @app.before_request
    def preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=204)
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if any(pattern.fullmatch(origin) for pattern in patterns):
            _allow(response.headers, origin)
        return response


def _allow(headers: Headers, origin: str) -> None:
    headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = _HEADERS
        headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    else:
        headers["Access-Control-Expose-Headers"] = "ETag"
