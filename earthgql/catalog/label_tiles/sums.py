"""Sums of visible tiles and their scores over cells, kept up to date when they are read.

Kept are, for each model, those of all tiles without any filter: each cell of zooms 0 to 23 has the
sum of the tiles that are finer than it by two zooms or more. They are made block by block (see
``changes``): cells of zooms B to B + 3 in a block of zoom B, of its own tiles, at most 1,024 + 340,
and of the sums of at most 256 blocks inside it. The block's row holds the revision that is in it;
it is up to date if that is the revision now, since both come from one snapshot. So nothing else
marks a block as old, and a transaction that ends in the middle leaves the old sums and their
revision.
"""

import hashlib
import time
from collections.abc import Iterable

from sqlalchemy import Connection, Engine

from earthgql.catalog.label_tiles import scores_in_sql
from earthgql.catalog.label_tiles.changes import (
    STEP,
    BlockRange,
    deepest_block,
    join_notes,
    revisions,
)
from earthgql.catalog.label_tiles.scores_in_sql import EDGES, SCORED, each_label
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import as_real
from earthgql.catalog.sql import Fragment, compose, execute
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.visible import tiles_by_cells
from earthgql.imagery.grid import Bounds, TileIndex, tile_bounds

# Tiles that one statement sums up, about.
_MOST_TILES = 4096
_ZOOMS = """
SELECT max(z.z) FROM scene s,
       unnest(CASE WHEN s.zooms = '{}' THEN ARRAY[s.zoom] ELSE s.zooms END) AS z(z)
 WHERE z.z BETWEEN :lowest AND :highest
"""
# The planner takes blocks for few, and would compare each with each.
_OLD = """
SELECT r.x, r.y
  FROM ({revisions}) r
  LEFT JOIN LATERAL (
    SELECT revision FROM label_sum
     WHERE model_id = :model AND z = {zoom} AND x = r.x AND y = r.y LIMIT 1) s ON true
 WHERE s.revision IS DISTINCT FROM r.revision
"""
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('earthgql.labels ' || :block, 0))"
# Cells whose tiles are gone keep a row of zeros.
_REMAKE = """
WITH revision AS MATERIALIZED ({revisions}
), {edges}, old AS MATERIALIZED ({old_inside}
), shown AS MATERIALIZED (
  SELECT p.z, p.x, p.y, k.scores FROM ({tiles}) p
    {scored}
), piece AS (
  SELECT c.z, t.x >> (t.z - c.z) AS x, t.y >> (t.z - c.z) AS y, count(*) AS tiles,
         count(scores) AS classified{made}
    FROM edges, shown t JOIN generate_series({zoom}, {zoom} + 3) AS c(z) ON c.z <= t.z - 2
   GROUP BY 1, 2, 3
   UNION ALL
  SELECT c.z, s.x >> ({zoom} + 4 - c.z), s.y >> ({zoom} + 4 - c.z), s.tiles, s.classified{kept}
    FROM label_sum s, generate_series({zoom}, {zoom} + 3) AS c(z)
   WHERE s.model_id = :model AND {inside}
   UNION ALL
  SELECT s.z, s.x, s.y, 0, 0{none}
    FROM generate_series({zoom}, {zoom} + 3) AS c(z) JOIN label_sum s
      ON s.model_id = :model AND s.z = c.z
     AND s.x BETWEEN :rx0 << (c.z - {zoom}) AND ((:rx1 + 1) << (c.z - {zoom})) - 1
     AND s.y BETWEEN :ry0 << (c.z - {zoom}) AND ((:ry1 + 1) << (c.z - {zoom})) - 1
   UNION ALL
  SELECT {zoom}, r.x, r.y, 0, 0{none} FROM revision r
), cell AS (
  SELECT z, x, y, sum(tiles) AS tiles, sum(classified) AS classified, ARRAY[{sums}] AS sums,
         ARRAY[{over}] AS over
    FROM piece GROUP BY z, x, y
)
INSERT INTO label_sum AS known (model_id, z, x, y, tiles, classified, sums, over, revision)
SELECT :model, c.z, c.x, c.y, c.tiles, c.classified, c.sums, c.over,
       CASE WHEN EXISTS (SELECT FROM old o WHERE o.x >> 4 = c.x AND o.y >> 4 = c.y) THEN NULL
       ELSE r.revision END
  FROM cell c LEFT JOIN revision r ON c.z = {zoom} AND r.x = c.x AND r.y = c.y
    ON CONFLICT (model_id, z, x, y) DO UPDATE
   SET (tiles, classified, sums, over, revision)
     = (excluded.tiles, excluded.classified, excluded.sums, excluded.over, excluded.revision)
 WHERE (known.tiles, known.classified, known.sums, known.over, known.revision)
       IS DISTINCT FROM
       (excluded.tiles, excluded.classified, excluded.sums, excluded.over, excluded.revision)
"""


def old_blocks(conn: Connection, model: ModelRecord, blocks: BlockRange) -> list[tuple[int, int]]:
    """Return x and y of the blocks whose sums are not up to date."""
    statement = compose("{old}", model_values(model), old=_old(blocks))
    return [(x, y) for x, y in execute(conn, statement).all()]


class Renewal:
    """Brings sums up to date, for some time."""

    def __init__(self, engine: Engine, model: ModelRecord, seconds: float) -> None:
        """Prepare.

        Args:
            engine: of the database.
            model: whose scores are summed up.
            seconds: after which no further sums are made.
        """
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._model = model
        self._until = time.monotonic() + seconds

    def renew(self, blocks: BlockRange) -> bool:
        """Make the sums of some blocks anew that are not up to date.

        Returns:
            Whether all are up to date now; not so if time was too short, or another process makes
            sums of the same blocks.
        """
        with self._engine.connect() as conn:
            deepest = deepest_block(conn)
        return deepest is None or self._renew(blocks, deepest)

    def renew_all(self) -> bool:
        """Make all sums anew that are not up to date; as ``renew``."""
        return self.renew(BlockRange(0, 0, 0, 0, 0))

    def _renew(self, blocks: BlockRange, deepest: int) -> bool:
        with self._engine.connect() as conn:
            old = old_blocks(conn, self._model, blocks)
            side = _side(conn, blocks.zoom) if old else 1
        complete = True
        for part in _parts(blocks.zoom, old, side):
            if time.monotonic() > self._until:
                return False
            inside = blocks.zoom >= deepest or self._renew(part.at(part.zoom + STEP), deepest)
            complete = self._remake(part) and inside and complete
        return complete

    def _remake(self, blocks: BlockRange) -> bool:
        """Make the sums of blocks that lie in one block of the next lower zoom."""
        around = blocks.at(blocks.zoom - STEP) if blocks.zoom else blocks
        name = f"{self._model.id} {blocks.zoom} {around.x0} {around.y0}"
        with self._engine.begin() as conn:
            if not execute(conn, _LOCK, block=name).scalar_one():
                return False
            execute(conn, _remake_statement(self._model, blocks))
            join_notes(conn, blocks)
        return True


def _remake_statement(model: ModelRecord, blocks: BlockRange) -> Fragment:
    inside = blocks.at(blocks.zoom + STEP)
    first = tile_bounds(TileIndex(blocks.zoom, blocks.x0, blocks.y0))
    last = tile_bounds(TileIndex(blocks.zoom, blocks.x1, blocks.y1))
    bounds = Bounds(first.west, last.south, last.east, first.north)
    own = (blocks.zoom + 2, blocks.zoom + 5)
    edges = {f"r{edge}": number for edge, number in blocks._asdict().items() if edge != "zoom"}
    return compose(
        _REMAKE,
        {**model_values(model), **edges},
        zoom=blocks.zoom,
        revisions=revisions(blocks),
        old_inside=_old(inside),
        tiles=tiles_by_cells(ViewConditions.of((bounds,), TileFilter()), own),
        edges=EDGES,
        scored=SCORED,
        made=each_label(model, scores_in_sql.total, scores_in_sql.over),
        kept=each_label(model, lambda i: f"s.sums[{i}]", lambda i: f"s.over[{i}]"),
        none=each_label(model, lambda _: "0", lambda _: "0"),
        inside=inside.holds("s"),
        sums=each_label(model, lambda i: f"sum(s{i})").removeprefix(", "),
        over=each_label(model, lambda i: f"CAST(sum(o{i}) AS int)").removeprefix(", "),
    )


def model_values(model: ModelRecord) -> dict[str, object]:
    """The parameters of a model; the sums of one depend on its thresholds."""
    thresholds = repr(as_real(model.identity.thresholds)).encode()
    basis = int.from_bytes(hashlib.sha256(thresholds).digest()[:7], "big")
    return {**scores_in_sql.values(model), "basis": basis}


def _old(blocks: BlockRange) -> Fragment:
    return compose(_OLD, revisions=revisions(blocks), zoom=blocks.zoom)


def _side(conn: Connection, zoom: int) -> int:
    """Return how many blocks wide a square may be that one statement sums up."""
    own = execute(conn, _ZOOMS, lowest=zoom + 2, highest=zoom + 5).scalar()
    side = 1 << STEP
    while own is not None and side > 1 and side * side << 2 * (own - zoom) > _MOST_TILES:
        side //= 2
    return side


def _parts(zoom: int, old: Iterable[tuple[int, int]], side: int) -> list[BlockRange]:
    """Return ranges that hold the blocks, each in a square of the grid of so many blocks' width."""
    squares: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for x, y in old:
        squares.setdefault((x // side, y // side), []).append((x, y))
    parts = []
    for members in squares.values():
        columns, rows = zip(*members, strict=True)
        parts.append(BlockRange(zoom, min(columns), min(rows), max(columns), max(rows)))
    return parts
