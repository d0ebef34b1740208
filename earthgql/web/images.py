"""``/tiles/<id>.png``: exactly the pixels that are classified."""

import hashlib
import io

from flask import Blueprint, Response, request
from sqlalchemy import Engine

from earthgql.catalog.tiles import lookup as tiles
from earthgql.database.engine import LARGEST_ROW_ID, database_errors
from earthgql.errors import NotFoundError, shortened
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import Pixels, TileSource

# A source file may change without an ingest, so browsers ask again after this time; unless it did,
# the answer is 304.
_CACHE_SECONDS = 300


def blueprint(engine: Engine) -> Blueprint:
    """Return the route of tile images."""
    routes = Blueprint("images", __name__)

    @routes.get("/tiles/<int:tile_id>.png")
    def tile_image(tile_id: int) -> Response:
        """Return a tile as PNG, 256 by 256, RGB.

        Raises:
            NotFoundError: if there is no such tile.
            ImageUnreadableError: if its source cannot be read.
        """
        return _image_response(read_tile(_source(engine, tile_id)))

    return routes


def _source(engine: Engine, tile_id: int) -> TileSource:
    with database_errors(), engine.connect() as connection:
        found = tiles.sources_by_ids(connection, [min(tile_id, LARGEST_ROW_ID)])
    if tile_id not in found:
        raise NotFoundError(f"there is no tile {shortened(tile_id)}")
    return found[tile_id]


def _image_response(pixels: Pixels) -> Response:
    # Of the pixels, not of the PNG, whose bytes may differ between versions of the encoder.
    etag = hashlib.sha256(pixels.tobytes()).hexdigest()[:32]
    if request.if_none_match.contains(etag):
        response = Response(status=304)
    else:
        response = Response(_png(pixels), content_type="image/png")
    response.set_etag(etag)
    response.cache_control.public = True
    response.cache_control.max_age = _CACHE_SECONDS
    return response


def _png(pixels: Pixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
    return stream.getvalue()
