"""Tiles with what is known of them, row after row: for files that others open."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from earthgql.catalog.scenes import check_scene
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.visible import tiles_in_view
from earthgql.database.engine import database_errors
from earthgql.imagery.grid import Bounds, TileIndex

CHUNK = 5_000
"""Rows fetched, and written, at once."""

_ROWS = """
SELECT p.id, p.z, p.x, p.y, s.name, s.acquired_at, t.area_m2, k.scores, k.computed_at,
       k.domain_distance
  FROM ({tiles}) p
  JOIN tile t ON t.id = p.id
  JOIN scene s ON s.id = p.scene_id
  LEFT JOIN LATERAL (
    SELECT scores, computed_at, domain_distance FROM tile_score
     WHERE tile_id = p.id AND model_id = :model AND cardinality(scores) = :labels
     LIMIT 1) k ON true
 ORDER BY p.id
"""


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One tile.

    Attributes:
        id: of the tile.
        index: its place in the grid; bounds and footprint follow from it.
        scene: name of its scene.
        acquired_at: when the scene was acquired, if known.
        area_m2: geodesic area, square metres.
        scores: one per label of the model, in their order, 0 to 1; none: not classified.
        computed_at: when the model was run; none: not classified.
        domain_distance: from what the model was trained on, as of ``ScoreRecord``.
    """

    id: int
    index: TileIndex
    scene: str
    acquired_at: datetime | None
    area_m2: float
    scores: tuple[float, ...] | None
    computed_at: datetime | None
    domain_distance: float | None


@contextmanager
def streaming(engine: Engine) -> Iterator[Connection]:
    """Lend a connection that fetches rows as they are needed, in one transaction."""
    with database_errors(), engine.connect() as conn:
        # A cursor of the server lives in a transaction, which an engine in autocommit has none of.
        yield conn.execution_options(isolation_level="READ COMMITTED", stream_results=True)


def export_rows(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    *,
    model_id: int,
    labels: int,
    chunk: int = CHUNK,
) -> Iterator[list[ExportRow]]:
    """Yield the tiles of a viewport by id, in lists of at most ``chunk``, from one statement.

    Args:
        conn: as ``streaming`` lends it.
        parts: the viewport as ``grid.bounds`` or an ``Area`` gives it.
        where: which tiles.
        model_id: whose scores to give.
        labels: how many the model has.
        chunk: most tiles held at once.

    Raises:
        BadInputError: if ``where`` names a scene that does not exist.
    """
    view = tiles_in_view(parts, where, limit=None)
    statement = compose(_ROWS, {"model": model_id, "labels": labels}, tiles=view.tiles)
    found = execute(conn.execution_options(max_row_buffer=chunk), statement)
    empty = True
    for rows in found.partitions(chunk):
        empty = False
        yield [_record(row) for row in rows]
    if empty:
        check_scene(conn, where.scene)


def _record(row: Sequence[Any]) -> ExportRow:
    tile_id, z, x, y, scene, acquired_at, area_m2, scores, computed_at, distance = row
    return ExportRow(
        tile_id,
        TileIndex(z, x, y),
        scene,
        acquired_at,
        area_m2,
        None if scores is None else tuple(scores),
        computed_at,
        distance,
    )
