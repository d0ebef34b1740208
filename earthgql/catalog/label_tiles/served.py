"""Label tiles as a server answers them: what tells that one is unchanged, and its making."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from earthgql import __version__
from earthgql.catalog.label_tiles.changes import block_zoom, blocks_in, revision
from earthgql.catalog.label_tiles.depth import check_depth, scenes_below
from earthgql.catalog.label_tiles.sums import Renewal, old_blocks
from earthgql.catalog.label_tiles.tile import cells_of, label_tile, needs_sums
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import TileIndex

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


def serve(engine: Engine, tile: TileIndex, where: TileFilter, model: ModelRecord) -> LabelTile:
    """Make a label tile; where there is no filter, sums that are kept help.

    Args:
        engine: of the database; one connection at a time is taken from it.
        tile: of the map.
        where: the filter.
        model: whose scores.

    Raises:
        AreaTooLargeError: if too many tiles must be looked at, because of the filter.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    kept = is_everything(where)
    blocks = blocks_in(tile, block_zoom(cells_of(tile)))
    with engine.connect() as conn:
        below = scenes_below(conn, tile, where)
        if not kept:
            check_depth(conn, tile, where, below)
        if not kept or not needs_sums(tile, below) or not old_blocks(conn, model, blocks):
            return LabelTile(label_tile(conn, tile, where, model, below, kept=kept), True)
    complete = Renewal(engine, model, RENEWAL_S).renew(blocks)
    with engine.connect() as conn:
        return LabelTile(label_tile(conn, tile, where, model, below, kept=True), complete)


def is_everything(where: TileFilter) -> bool:
    """Whether a filter lets every tile through."""
    return where == TileFilter(model_id=where.model_id)
