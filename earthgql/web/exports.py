"""``/export/tiles.{geojson,csv,parquet}``: a filtered viewport as a file."""

import logging
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import IO

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from earthgql.errors import BadInputError, DatabaseUnavailableError, DeadlineError, NotFoundError
from earthgql.exports.request import ExportRequest, parse_request
from earthgql.exports.stream import FORMATS, export
from earthgql.scoring.service import ScoringService
from earthgql.web.slots import Slots

LONGEST_S = 600.0
"""Seconds after which an export is stopped, so that others get its slot."""

Pieces = Generator[bytes, None, None]

_PIECE = 1 << 16
_IN_MEMORY = 1 << 20

_log = logging.getLogger(__name__)


def blueprint(engine: Engine, scoring: ScoringService, slots: Slots) -> Blueprint:
    """Return the routes of exports.

    Args:
        engine: where to read; it should end connections that idle in a transaction.
        scoring: knows the default model.
        slots: for running exports.
    """
    routes = Blueprint("exports", __name__)

    @routes.route("/export/tiles.<ending>", methods=["GET", "POST"])
    def tiles(ending: str) -> Response:
        """Export tiles with their stored scores; nothing is classified.

        Raises:
            NotFoundError: if there is no such format, or model.
            BadInputError: if the request is no valid ``ExportRequest``.
            OverloadedError: if too many exports are running.
        """
        if ending not in FORMATS:
            raise NotFoundError(f"there is no tiles.{ending:.20}; exports are {', '.join(FORMATS)}")
        media_type, write = FORMATS[ending]
        pieces = _in_slot(export(engine, _form(), scoring.find_model, write), slots.take())
        # Errors of the request are raised here, while the status can still be set.
        body = _logged(chain([next(pieces)], pieces))
        if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
            # In HTTP/1.0 the end of the connection ends the file: half a file would look complete.
            body = _whole(body)
        response = Response(body, content_type=media_type)
        response.call_on_close(pieces.close)
        response.headers["Content-Disposition"] = f'attachment; filename="tiles.{ending}"'
        response.cache_control.no_store = True
        return response

    return routes


def _form() -> ExportRequest:
    if request.method != "POST":
        repeated = [name for name, values in request.args.lists() if len(values) > 1]
        if repeated:
            raise BadInputError(f"{repeated[0]:.60} is given more than once")
        return parse_request(request.args.to_dict(), texts=True)
    if request.args:
        raise BadInputError(f"give {next(iter(request.args)):.60} in the body, not in the address")
    try:
        body = request.get_json(silent=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        raise BadInputError("the body must be a JSON object, of content type application/json")
    return parse_request(body)


def _logged(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a file on; after an error the last chunk is missing, by which clients notice."""
    try:
        yield from pieces
    except Exception as error:
        _log.warning("an export broke off: %s", error)
        raise


def _in_slot(pieces: Pieces, release: Callable[[], None]) -> Pieces:
    """Pass a file on, for ``LONGEST_S`` at most, and release its slot at the end."""
    began = time.monotonic()
    try:
        for piece in pieces:
            if time.monotonic() - began > LONGEST_S:
                raise DeadlineError(f"it was not done after {LONGEST_S:g} s")
            yield piece
    finally:
        release()
        with suppress(DatabaseUnavailableError):  # the server may have ended an idle connection
            pieces.close()


def _whole(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Write the whole file to a temporary one before it is sent."""
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when sent
    try:
        spool.writelines(pieces)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return _sent(spool)


def _sent(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        while piece := spool.read(_PIECE):
            yield piece
