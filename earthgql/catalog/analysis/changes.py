"""Where a label appeared or vanished between two moments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from earthgql.catalog.analysis.coverage import coverage, is_left
from earthgql.catalog.analysis.query_area import query_area_m2
from earthgql.catalog.analysis.work_estimate import WorkEstimate, estimate_work
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import real_cutoff
from earthgql.catalog.sql import Fragment, compose, execute
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import Bounds

# Where all tiles are of one zoom, a place is a cell.
_SAME_CELLS = """piece AS (
  SELECT b.id AS before_id, a.id AS after_id, a.m2
    FROM before b JOIN after a ON a.z = b.z AND a.x = b.x AND a.y = b.y
)"""
# Else it is what is left of a cell of either time when the next finer cells of both are taken out
# of it; at each time the finest tile that holds it answers. `OFFSET 0` and the empty second half of
# `held` are for the planner, as in coverage.py: without that half it expects one row.
_ALL_CELLS = """cells AS MATERIALIZED (
  SELECT z, x, y, max(m2) AS m2, max(before_id) AS before_id, max(after_id) AS after_id
    FROM (SELECT z, x, y, m2, id AS before_id, CAST(NULL AS bigint) AS after_id FROM before_cells
          UNION ALL SELECT z, x, y, m2, NULL, id FROM after_cells) either
   GROUP BY z, x, y
),
held AS MATERIALIZED (
  SELECT c.z, c.x, c.y, c.m2, max(h.z) FILTER (WHERE h.z < c.z) AS holder,
         (array_agg(h.before_id ORDER BY h.z DESC)
           FILTER (WHERE h.before_id IS NOT NULL))[1] AS before_id,
         (array_agg(h.after_id ORDER BY h.z DESC)
           FILTER (WHERE h.after_id IS NOT NULL))[1] AS after_id
    FROM (SELECT c.*, o.z AS at_z, c.x >> (c.z - o.z) AS at_x, c.y >> (c.z - o.z) AS at_y
            FROM cells c JOIN (SELECT DISTINCT z FROM cells) o ON o.z <= c.z
          OFFSET 0) c
    JOIN cells h ON h.z = c.at_z AND h.x = c.at_x AND h.y = c.at_y
   GROUP BY c.z, c.x, c.y, c.m2
   UNION ALL
  SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM generate_series(1, :piece_tiles) WHERE (SELECT false)
),
taken AS (
  SELECT holder AS z, x >> (z - holder) AS x, y >> (z - holder) AS y, sum(m2) AS m2
    FROM held WHERE holder IS NOT NULL GROUP BY 1, 2, 3
),
piece AS (
  SELECT h.before_id, h.after_id, h.m2 - COALESCE(k.m2, 0) AS m2
    FROM held h LEFT JOIN taken k ON k.z = h.z AND k.x = h.x AND k.y = h.y
   WHERE h.before_id IN (SELECT id FROM before) AND h.after_id IN (SELECT id FROM after)
     AND {left}
)"""
_CHANGES = """
WITH {before},
{after},
{pieces},
known AS NOT MATERIALIZED (
  SELECT tile_id, scores[:column] AS score FROM tile_score WHERE model_id = :model
),
scored AS MATERIALIZED (
  SELECT p.before_id, p.after_id, p.m2, b.score AS was, a.score AS is_now,
         b.score >= CAST(:cutoff AS real) AS had, a.score >= CAST(:cutoff AS real) AS has
    FROM piece p
    LEFT JOIN known b ON b.tile_id = p.before_id
    LEFT JOIN known a ON a.tile_id = p.after_id
)
SELECT COALESCE(sum(m2) FILTER (WHERE had IS NOT NULL AND has IS NOT NULL), 0),
       COALESCE(sum(m2) FILTER (WHERE had IS NULL OR has IS NULL), 0),
       count(*) FILTER (WHERE has AND NOT had),
       COALESCE(sum(m2) FILTER (WHERE has AND NOT had), 0),
       count(*) FILTER (WHERE had AND NOT has),
       COALESCE(sum(m2) FILTER (WHERE had AND NOT has), 0),
       count(*) FILTER (WHERE had AND has),
       COALESCE(sum(m2) FILTER (WHERE had AND has), 0),
       (SELECT json_agg(json_build_array(before_id, after_id, was, is_now, m2))
          FROM (SELECT * FROM scored WHERE had <> has
                 ORDER BY abs(is_now - was) DESC, after_id, before_id LIMIT :first) most)
  FROM scored
"""


@dataclass(frozen=True, slots=True)
class ChangeSum:
    """Number and area of some places.

    Attributes:
        tiles: how many.
        area_m2: geodesic, within the area.
    """

    tiles: int
    area_m2: float


@dataclass(frozen=True, slots=True)
class Change:
    """A place where a label appeared or vanished.

    Attributes:
        before_id: row of the tile shown there at the first moment.
        after_id: row of the tile shown there at the second moment.
        score_before: of the label at the first moment, 0 to 1.
        score_after: at the second moment; the label appeared if it is the greater.
        area_m2: geodesic size of the place, within the area.
    """

    before_id: int
    after_id: int
    score_before: float
    score_after: float
    area_m2: float


@dataclass(frozen=True, slots=True)
class Changes:
    """Where a label appeared or vanished between two moments.

    Attributes:
        area_m2: geodesic size of the area, with tiles or without.
        compared_m2: the part that has scores of both moments.
        unknown_m2: the part that has tiles of both moments but lacks scores of one.
        appeared: places with the label at the second moment only.
        vanished: places with it at the first moment only.
        kept: places with it at both moments.
        changes: the places where it appeared or vanished, the greatest change of score first.
    """

    area_m2: float
    compared_m2: float
    unknown_m2: float
    appeared: ChangeSum
    vanished: ChangeSum
    kept: ChangeSum
    changes: tuple[Change, ...]


def label_changes(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    model: ModelRecord,
    *,
    column: int,
    cutoff: float,
    begin: datetime,
    end: datetime,
    first: int,
) -> Changes:
    """Compare an area at two moments, by the stored scores of a label.

    At each moment the tiles that ``where.at`` shows are compared; a place whose tile is the same
    has not changed. Conditions of ``where`` on scores must be met at both moments.
    Two statements, whatever the number of tiles; a third where they may be too many.

    Args:
        conn: to the database.
        parts: the area as ``grid.bounds`` gives it, or ``where.within.parts``.
        where: the filter; its ``at`` is ignored.
        model: whose scores.
        column: place of the label in them, counted from 1.
        cutoff: the lowest score that counts.
        begin: the first moment.
        end: the second moment.
        first: at most so many changes in the list.

    Raises:
        AreaTooLargeError: if there are too many tiles to look at.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    estimate = estimate_work(conn, parts, replace(where, at=end))
    values = {"model": model.id, "column": column, "cutoff": real_cutoff(cutoff), "first": first}
    statement = compose(
        _CHANGES,
        values,
        before=coverage(parts, replace(where, at=begin), estimate, name="before"),
        after=coverage(parts, replace(where, at=end), estimate, name="after"),
        pieces=_pieces(estimate, cut=where.within is not None),
    )
    compared, unknown, *sums, found = execute(conn, statement).one()
    appeared, vanished, kept = (ChangeSum(*sums[i : i + 2]) for i in (0, 2, 4))
    changes = tuple(Change(*change) for change in found or ())
    area = query_area_m2(parts, where.within)
    return Changes(area, compared, unknown, appeared, vanished, kept, changes)


def _pieces(estimate: WorkEstimate, *, cut: bool) -> Fragment:
    """The expression ``piece``: places with the tiles before and after, and their size."""
    if estimate.zooms <= 1:
        return Fragment(_SAME_CELLS)
    tiles = max(estimate.tiles, 1)
    return compose(_ALL_CELLS, {"piece_tiles": tiles}, left=is_left("h", "k", cut=cut))
