"""``/imagery/{z}/{x}/{y}.{png|webp|jpg}`` and ``/imagery.json``: imagery for web maps and QGIS."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from earthgql import __version__
from earthgql.catalog.json_input import Moment
from earthgql.catalog.map_scenes import summary, tiles_of_map
from earthgql.catalog.tiles.filter import TileFilter, tile_filter
from earthgql.database.engine import database_errors
from earthgql.errors import NotFoundError, shortened
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.source import PlacedTile
from earthgql.turns import Turns
from earthgql.web.map_tiles.requests import tile_json, tile_of_address, validated

MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg"}
"""By format, which is also the ending of an address."""

# A source file may change without an ingest, so browsers ask again after this time; unless it did,
# the answer is 304.
_CACHE_SECONDS = 300
_SIDECARS = (".ovr", ".msk")


class ImageryRequest(BaseModel):
    """Which scenes are shown; both fields are optional.

    Attributes:
        scene: only that of this name.
        at: leaves out scenes acquired later; without a zone it is UTC, a date its midnight.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: str | None = None
    at: Moment | None = None


def blueprint(engine: Engine, turns: Turns) -> Blueprint:
    """Return the routes of imagery.

    Args:
        engine: where to look for scenes.
        turns: at making tiles of maps.
    """
    routes = Blueprint("imagery", __name__)

    @routes.get("/imagery/<z>/<x>/<y>.<ending>")
    def map_tile(z: str, x: str, y: str, ending: str) -> Response:
        """Return a tile of a map, 256 by 256, of any zoom; transparent where there is no imagery.

        Raises:
            NotFoundError: if there is no such format.
            BadInputError: if there is no such tile in the grid, no such scene, or an argument is
                invalid.
            OverloadedError: if too many tiles of maps are being made.
        """
        _check_format(ending)
        tile = tile_of_address(z, x, y)
        where = _where(request.args.to_dict())
        with turns.turn():
            with database_errors(), engine.connect() as connection:
                placed = tiles_of_map(connection, tile, where)
            return _tile_response(tile, placed, ending)

    @routes.get("/imagery.json")
    def imagery_json() -> dict[str, Any]:
        """Return the TileJSON 3.0 of the imagery; ``format`` is that of its tiles.

        Raises:
            NotFoundError: if there is no such format.
            BadInputError: if there is no such scene, or an argument is invalid.
        """
        arguments = request.args.to_dict()
        ending = arguments.pop("format", "png")
        _check_format(ending)
        where = _where(arguments)
        with database_errors(), engine.connect() as connection:
            found = summary(connection, where)
        name = where.scene or "earthgql imagery"
        path = f"imagery/{{z}}/{{x}}/{{y}}.{ending}"
        return tile_json(name, path, arguments, found, zooms=(0, found.max_zoom))

    return routes


def _check_format(ending: str) -> None:
    if ending not in MEDIA_TYPES:
        raise NotFoundError(
            f"there is no imagery as {shortened(ending)}; formats are {', '.join(MEDIA_TYPES)}"
        )


def _where(arguments: dict[str, str]) -> TileFilter:
    form = validated(ImageryRequest, arguments, "imagery takes scene and at")
    return tile_filter(None, None, scene=form.scene, at=form.at)


def _tile_response(tile: TileIndex, placed: Sequence[PlacedTile], ending: str) -> Response:
    etag = _etag(tile, placed, ending)
    if request.if_none_match.contains(etag):
        response, complete = Response(status=304), True
    else:
        body, complete = _encoded(tile, placed, ending)
        response = Response(body, content_type=MEDIA_TYPES[ending])
    if not complete:  # who mends the source need not wait for a cache
        response.cache_control.no_store = True
        return response
    response.set_etag(etag)
    response.cache_control.public = True
    response.cache_control.max_age = _CACHE_SECONDS
    return response


def _encoded(tile: TileIndex, placed: Sequence[PlacedTile], ending: str) -> tuple[bytes, bool]:
    # GDAL and OpenCV take seconds to import, and are not needed for what there is no imagery of.
    from earthgql.imagery.encoding import encode
    from earthgql.imagery.map_tile import draw_map_tile

    if not placed:
        return _empty(ending), True
    drawn = draw_map_tile(tile, placed)
    return (encode(drawn, ending) if drawn.valid.any() else _empty(ending)), drawn.complete


@lru_cache
def _empty(ending: str) -> bytes:
    """Return a tile without imagery."""
    from earthgql.imagery.encoding import encode
    from earthgql.imagery.map_tile import draw_map_tile

    return encode(draw_map_tile(TileIndex(0, 0, 0), ()), ending)


def _etag(tile: TileIndex, placed: Sequence[PlacedTile], ending: str) -> str:
    """Return a hash of what decides a tile's pixels, so that a 304 reads none of them.

    That is what was ingested, and size and time of the files as they are now.
    """
    digest = hashlib.sha256(repr((_versions(), ending, tile)).encode())
    states: dict[str, Any] = {}
    for source, cell in placed:
        parts = (source.kind, source.uri, source.path, source.index, cell, source.fingerprint)
        file = os.path.join(source.uri, source.path) if source.path else source.uri  # noqa: PTH118
        if file not in states:
            states[file] = _state(file, () if source.path else _SIDECARS)
            digest.update(repr(sorted(source.rendering.items())).encode())
        digest.update(repr((parts, states[file])).encode())
    return digest.hexdigest()[:32]


def _state(file: str, sidecars: Sequence[str]) -> list[tuple[int, int]]:
    """Return size and time of change of a file and of those beside it; nothing if not there."""
    found = []
    for path in (file, *(file + suffix for suffix in sidecars)):
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 - a third of the time
            found.append((status.st_size, status.st_mtime_ns))
    return found


@lru_cache
def _versions() -> tuple[str, ...]:
    """Return the versions of what makes pixels and files."""
    return (__version__, *map(version, ("rasterio", "pillow", "simplejpeg")))
