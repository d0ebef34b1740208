"""Histogram: the area of each label in an area."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from earthgql.catalog.analysis.coverage import coverage
from earthgql.catalog.analysis.query_area import query_area_m2
from earthgql.catalog.analysis.sums import Sums, read_sums, scored, sums
from earthgql.catalog.analysis.work_estimate import estimate_work
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import Bounds

_HISTOGRAM = """
WITH {shown},
{scored}
SELECT {sums}
  FROM scored
"""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How much of an area has each label.

    Attributes:
        area_m2: geodesic size of the area, with tiles or without.
        sums: over the tiles that cover some of it.
    """

    area_m2: float
    sums: Sums


def label_histogram(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    model: ModelRecord,
    cutoffs: Sequence[float],
) -> Histogram:
    """Sum over the tiles of an area, by label, from stored scores.

    Two statements, whatever the number of tiles; a third where they may be too many.

    Args:
        conn: to the database.
        parts: the area as ``grid.bounds`` gives it, or ``where.within.parts``.
        where: the filter.
        model: whose scores.
        cutoffs: one per label of the model: the lowest score that counts.

    Raises:
        AreaTooLargeError: if there are too many tiles to look at.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    estimate = estimate_work(conn, parts, where)
    statement = compose(
        _HISTOGRAM,
        shown=coverage(parts, where, estimate),
        scored=scored(model),
        sums=sums(cutoffs),
    )
    row = execute(conn, statement).one()
    return Histogram(query_area_m2(parts, where.within), read_sums(model, cutoffs, row))
