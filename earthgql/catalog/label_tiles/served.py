"""Label tiles as a server answers them: what tells that one is unchanged, and its making."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from earthgql import __version__
from earthgql.catalog.label_tiles.changes import block_zoom, blocks_in, revision
from earthgql.catalog.label_tiles.depth import check_depth
from earthgql.catalog.label_tiles.sums import Renewal, old_blocks
from earthgql.catalog.label_tiles.tile import DEEPER, label_tile
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import MAX_ZOOM, TileIndex

RENEWAL_S = 2.0
"""Seconds after which an answer makes no further sums anew."""


@dataclass(frozen=True, slots=True)
class LabelTile:
    """A vector tile.

    Attributes:
        body: a Mapbox Vector Tile.
        complete: whether it has all changes; not so if very many were made just before.
    """

    body: bytes
    complete: bool


def state(conn: Connection, tile: TileIndex, where: TileFilter, model: ModelRecord) -> str:
    """Return a hash of what a label tile is made from, in one statement.

    It changes with each change of tiles, or scores of the model, below the tile or around it.
    """
    made_from = (
        __version__,
        tile,
        where,
        model.identity,
        revision(conn, tile, model.id),
    )
    return hashlib.sha256(repr(made_from).encode()).hexdigest()[:32]


def serve(
    engine: Engine, conn: Connection, tile: TileIndex, where: TileFilter, model: ModelRecord
) -> LabelTile:
    """Make a label tile; where there is no filter, sums that are kept help.

    Args:
        engine: of the database; sums are made in transactions of their own.
        conn: to the same database.
        tile: of the map.
        where: the filter.
        model: whose scores.

    Raises:
        AreaTooLargeError: if too many tiles must be looked at, because of the filter.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    if not is_everything(where):
        check_depth(conn, tile, where)
        return LabelTile(label_tile(conn, tile, where, model), True)
    blocks = blocks_in(tile, block_zoom(min(tile.z + DEEPER, MAX_ZOOM)))
    complete = True
    if old_blocks(conn, model, blocks):
        complete = Renewal(engine, model, RENEWAL_S).renew(blocks)
    return LabelTile(label_tile(conn, tile, where, model, kept=True), complete)


def is_everything(where: TileFilter) -> bool:
    """Whether a filter lets every tile through."""
    return where == TileFilter(model_id=where.model_id)
