"""A viewport as columns: tiles and their stored scores without an object per tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.order import BY_ID, Position, TileOrder
from earthgql.catalog.tiles.visible import all_tiles_in_view, tiles_in_view
from earthgql.imagery.grid import Bounds

NO_SCORE = -1.0

# One row: arrays of what is small, and the scores in PostgreSQL's binary form of arrays, which
# NumPy reads as they are; parsing them as text takes longer than all the rest of an answer. A tile
# without scores gets a row of as many -1, one without a distance NaN.
_COLUMNS = """
SELECT array_agg(id), array_agg(z), array_agg(x), array_agg(y),
       string_agg(array_send(scores), ''::bytea), string_agg(float4send(distance), ''::bytea),
       array_agg(key)
  FROM (SELECT p.id, p.z, p.x, p.y, {key} AS key,
               COALESCE(k.scores, CAST(:none AS real[])) AS scores,
               COALESCE(k.domain_distance, 'NaN') AS distance
          FROM ({tiles}) p
          LEFT JOIN LATERAL (
            SELECT scores, domain_distance FROM tile_score
             WHERE tile_id = p.id AND model_id = :model AND cardinality(scores) = :labels
             LIMIT 1) k ON true
         ORDER BY {order}) q
"""
_COUNT = "SELECT count(*) FROM ({tiles}) p"

# Five words of header, then for each value its length and itself, all big-endian.
_HEADER_WORDS = 5


@dataclass(frozen=True, slots=True)
class TileColumns:
    """Tiles of a viewport, in order.

    Attributes:
        ids: of the tiles.
        z: zoom levels.
        x: columns of the grid.
        y: rows of the grid, counted from the north.
        scores: ``float32 [tiles, labels]``, 0 to 1; ``NO_SCORE`` all along the row of a tile that
            has none; read-only.
        domain_distances: ``float32 [tiles]``, how far each is from what the model was trained on;
            NaN where that is not known; read-only.
        keys: what the tiles are ordered by, if not by id: scores, or times.
    """

    ids: list[int]
    z: list[int]
    x: list[int]
    y: list[int]
    scores: npt.NDArray[np.float32]
    domain_distances: npt.NDArray[np.float32]
    keys: list[float | datetime | None]

    def position(self, row: int) -> Position:
        """The place of a tile in the list."""
        return Position(self.ids[row], self.keys[row])

    def part(self, rows: slice) -> "TileColumns":
        """Some of the tiles."""
        return TileColumns(
            self.ids[rows],
            self.z[rows],
            self.x[rows],
            self.y[rows],
            self.scores[rows],
            self.domain_distances[rows],
            self.keys[rows],
        )


def columns_in_bounds(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    *,
    model_id: int,
    labels: int,
    limit: int,
    after: Position | int | None = None,
    before: Position | int | None = None,
    order: TileOrder = BY_ID,
    backward: bool = False,
) -> TileColumns:
    """Return the tiles that share area with a viewport and their scores, in one statement.

    Args:
        conn: where to ask.
        parts: the viewport as ``grid.bounds`` gives it.
        where: which tiles may answer.
        model_id: whose scores.
        labels: how many the model has.
        limit: at most so many tiles.
        after: only tiles behind this place in the list; a number is an id.
        before: only tiles in front of this place.
        order: of the list.
        backward: keep to the end of the list rather than to its beginning.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = tiles_in_view(
        parts, where, limit=limit, after=after, before=before, order=order, backward=backward
    )
    none = f"{{{','.join([str(NO_SCORE)] * labels)}}}"
    statement = compose(
        _COLUMNS,
        {"model": model_id, "labels": labels, "none": none},
        key="NULL" if order.by == "id" else "p.key",
        tiles=view.tiles,
        order=view.order,
    )
    found = execute(conn, statement).one()
    ids, z, x, y, scores, distances, keys = found
    if ids is None:
        check_scene(conn, where.scene)
        none_there = np.empty((0, labels), np.float32), np.empty(0, np.float32)
        return TileColumns([], [], [], [], *none_there, [])
    matrix = _matrix(scores, len(ids)), np.frombuffer(distances, ">f4").astype(np.float32)
    columns = TileColumns(ids, z, x, y, *matrix, keys)
    return columns.part(slice(None, None, -1)) if backward else columns


def count_in_bounds(conn: Connection, parts: Sequence[Bounds], where: TileFilter) -> int:
    """Return how many tiles share area with a viewport."""
    tiles = all_tiles_in_view(ViewConditions.of(parts, where))
    return int(execute(conn, compose(_COUNT, tiles=tiles)).scalar_one())


def _matrix(binary: bytes, tiles: int) -> npt.NDArray[np.float32]:
    words = np.frombuffer(binary, ">f4").reshape(tiles, -1)
    return words[:, _HEADER_WORDS + 1 :: 2].astype(np.float32)
