"""Who may call: under which names of this server, from pages of which origins, and which routes.

A page of another site can send requests from a visitor's browser, and with a name of its own that
leads to this server (DNS rebinding) it can read the answers, too. So the ``Host`` of a request must
be a name of this server, and requests that are not just for reading must not come from elsewhere.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from flask import Flask, Request, request

from earthgql.errors import (
    ForeignHostError,
    ForeignOriginError,
    RouteClosedError,
    shortened,
)

ANY_HOST = "*"

CLOSED = ("/export/", "/classify", "/inference/predict")
"""Beginnings of routes that answer whatever is asked, so not where documents must be trusted."""

_READING = ("GET", "HEAD", "OPTIONS")
_HERE = ("same-origin", "none")


def check_callers(
    app: Flask, *, hosts: Sequence[str], origins: Iterable[str], trusted_only: bool
) -> None:
    """Refuse requests that are not for this server, not from its pages, or not foreseen.

    Args:
        app: the application.
        hosts: names that it has besides those of ``is_own_name``; with ``ANY_HOST`` any.
        origins: regular expressions of origins whose pages may call it, too.
        trusted_only: whether only trusted documents are answered.
    """
    names = frozenset(host.lower() for host in hosts)
    patterns = [re.compile(origin, re.IGNORECASE) for origin in origins if origin]

    @app.before_request
    def check() -> None:
        host = _name(request.headers.get("Host", ""))
        if ANY_HOST not in names and host not in names and not is_own_name(host):
            raise ForeignHostError(
                f"this server is not known as {shortened(host)}: whoever runs it may add that name "
                "to EARTHGQL_ALLOWED_HOSTS"
            )
        if request.method not in _READING and not _comes_from_here(request, patterns):
            raise ForeignOriginError(
                "pages of this origin may not call this server: whoever runs it may add the origin "
                "to EARTHGQL_CORS_ORIGINS"
            )
        if trusted_only and request.path.startswith(CLOSED):
            raise RouteClosedError("this server answers trusted documents only")


def is_own_name(host: str) -> bool:
    """Whether a name needs no permission: no site on the internet can have it.

    These are addresses, names without a dot, as containers and machines of a network have, and
    those below ``localhost``.
    """
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." not in host.removesuffix(".localhost")
    return True


def _name(host: str) -> str:
    """Return a host without its port, in lower case."""
    return re.sub(r":[0-9]*$", "", host.lower()).removesuffix(".")


def _comes_from_here(asked: Request, patterns: Iterable[re.Pattern[str]]) -> bool:
    """Whether a request comes from no page, from a page of this server, or of an allowed origin."""
    origin = asked.headers.get("Origin")
    if not origin:
        # Browsers that send no origin tell at least whether it is another.
        return asked.headers.get("Sec-Fetch-Site", "none") in _HERE
    if any(pattern.fullmatch(origin) for pattern in patterns):
        return True
    return urlsplit(origin).netloc.lower() == asked.headers.get("Host", "").lower()
