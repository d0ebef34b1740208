"""Headers that every answer has, whatever its route."""

from flask import Flask, Response

HEADERS = {
    # Browsers take an answer for what it says it is.
    "X-Content-Type-Options": "nosniff",
    # No other page shows it in a frame, where its visitors could be led to click.
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    # A query in an address is not told to other hosts.
    "Referrer-Policy": "same-origin",
}
"""By name; routes may set stricter ones."""


def add_headers(app: Flask) -> None:
    """Add ``HEADERS`` to the answers that lack them."""

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response
