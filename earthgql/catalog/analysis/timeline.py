"""Timeline: the area of each label in an area, period by period."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection

from earthgql.catalog.analysis.coverage import Spans, coverage
from earthgql.catalog.analysis.query_area import query_area_m2
from earthgql.catalog.analysis.sums import Sums, read_sums, scored, sums
from earthgql.catalog.analysis.work_estimate import (
    WorkEstimate,
    count_tiles,
    estimate_work,
    scenes_in_view,
)
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.sql import Fragment, compose, execute, join
from earthgql.catalog.tiles.conditions import ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import AreaTooLargeError
from earthgql.imagery.grid import Bounds

# Each period reads all tiles of the area, whichever count in it.
MOST_LOOKS = 5_000_000
MOST_PERIODS = 400


class Interval(Enum):
    """How long a period is: from midnight on, of the first day of it, UTC; weeks begin on Monday.

    The value is what PostgreSQL calls it, and how long it is.
    """

    DAY = ("day", "1 day")
    WEEK = ("week", "7 days")
    MONTH = ("month", "1 month")
    QUARTER = ("quarter", "3 months")
    YEAR = ("year", "1 year")


# Of so few each is summed for itself, which takes half the time: often there is but one scene.
_MOST_APART = 12
# The outline of a polygon stands in each of them, some times over.
_MOST_OUTLINES = 100_000

# Python has no moment after the year 9999, which PostgreSQL does.
_PERIODS = """
SELECT since AT TIME ZONE 'UTC',
       least(since + CAST(:step AS interval), timestamp '9999-12-31 23:59:59.999999')
       AT TIME ZONE 'UTC',
       count(DISTINCT z), count(*), min(id), min(z)
  FROM (SELECT date_trunc(:unit, s.acquired_at AT TIME ZONE 'UTC') AS since, s.id, z.z
          FROM {scenes} AND s.acquired_at IS NOT NULL) begun
 GROUP BY since
 ORDER BY since
"""
_OF_ONE = """(
WITH {shown},
{scored}
SELECT CAST({begins} AS timestamptz) AS state, {sums}
  FROM scored
)"""
_SUMS = """
WITH period AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
                AS span(begins, ends)
),
{shown},
{scored}
SELECT state, {sums}
  FROM scored GROUP BY state ORDER BY state
"""


@dataclass(frozen=True, slots=True)
class Period:
    """What was acquired in a span of time.

    Attributes:
        begins: of the span, which includes it.
        ends: of the span, which does not include it.
        sums: over the tiles acquired in it, the best of each place.
    """

    begins: datetime
    ends: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class Timeline:
    """How much of an area has each label, over time.

    Attributes:
        area_m2: geodesic size of the area, with tiles or without.
        periods: those in which something was acquired, oldest first.
    """

    area_m2: float
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """A period, and what ``WorkEstimate`` says of the scenes acquired in it."""

    begins: datetime
    ends: datetime
    zooms: int
    only_zoom: int | None
    only_scene: int | None


def label_timeline(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    model: ModelRecord,
    cutoffs: Sequence[float],
    *,
    interval: Interval,
) -> Timeline:
    """Sum over the tiles of an area, by label and by when they were acquired.

    Each period stands for itself: of the tiles acquired in it, the best of each place counts.
    Scenes of unknown date are in none. Three statements, whatever the numbers of tiles and periods;
    a fourth where they may be too many.

    Args:
        conn: to the database.
        parts: the area as ``grid.bounds`` gives it, or ``where.within.parts``.
        where: the filter; ``acquired_from`` and ``acquired_to`` cut periods off.
        model: whose scores.
        cutoffs: one per label of the model: the lowest score that counts.
        interval: how long a period is.

    Raises:
        AreaTooLargeError: if there are too many tiles or periods to look at.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    estimate = estimate_work(conn, parts, where)
    spans = _spans(conn, parts, where, interval) if estimate.scenes else []
    if len(spans) * estimate.tiles > MOST_LOOKS:
        estimate = replace(estimate, tiles=count_tiles(conn, parts, where))
    if len(spans) > MOST_PERIODS or len(spans) * estimate.tiles > MOST_LOOKS:
        raise AreaTooLargeError(
            f"there are {len(spans):,} periods of up to {estimate.tiles:,} tiles: ask for a longer"
            " interval, less time or a smaller area"
        )
    area = query_area_m2(parts, where.within)
    if not spans:
        return Timeline(area, ())
    outlines = len(spans) * len(where.within.wkt) if where.within else 0
    apart = len(spans) <= _MOST_APART and outlines <= _MOST_OUTLINES
    compose_sums = _each_apart if apart else _all_at_once
    statement = compose_sums(parts, where, estimate, spans, model=model, cutoffs=cutoffs)
    summed = execute(conn, statement).all()
    found = {row[0]: read_sums(model, cutoffs, row[1:]) for row in summed}
    # A scene may have no tile in the area although its rectangle reaches into it.
    periods = [
        Period(span.begins, span.ends, sums)
        for span in spans
        if (sums := found.get(span.begins)) and sums.tiles
    ]
    return Timeline(area, tuple(periods))


def _each_apart(
    parts: Sequence[Bounds],
    where: TileFilter,
    estimate: WorkEstimate,
    spans: Sequence[_Span],
    *,
    model: ModelRecord,
    cutoffs: Sequence[float],
) -> Fragment:
    """The statement that sums over each period for itself."""

    def of_one(number: int, span: _Span) -> Fragment:
        only = replace(
            estimate, zooms=span.zooms, only_zoom=span.only_zoom, only_scene=span.only_scene
        )
        within = replace(where, acquired_from=span.begins, acquired_to=span.ends)
        name = f"shown{number}"
        return compose(
            _OF_ONE,
            shown=coverage(parts, within, only, name=name),
            scored=scored(model, name),
            begins=Fragment(f":begins{number}", {f"begins{number}": span.begins}),
            sums=sums(cutoffs),
        )

    return join("\nUNION ALL\n", (of_one(number, span) for number, span in enumerate(spans)))


def _all_at_once(
    parts: Sequence[Bounds],
    where: TileFilter,
    estimate: WorkEstimate,
    spans: Sequence[_Span],
    *,
    model: ModelRecord,
    cutoffs: Sequence[float],
) -> Fragment:
    """The statement that looks at the tiles of the area once for all periods."""
    return compose(
        _SUMS,
        {"begins": [span.begins for span in spans], "ends": [span.ends for span in spans]},
        shown=coverage(parts, where, estimate, spans=Spans("period", "begins", "ends")),
        scored=scored(model),
        sums=sums(cutoffs),
    )


def _spans(
    conn: Connection, parts: Sequence[Bounds], where: TileFilter, interval: Interval
) -> list[_Span]:
    """Return when the periods begin and end in which something was acquired, and what."""
    scenes = scenes_in_view(ViewConditions.of(parts, where))
    unit, step = interval.value
    statement = compose(_PERIODS, {"unit": unit, "step": step}, scenes=scenes)
    found = execute(conn, statement).all()
    begin, end = where.acquired_from, where.acquired_to
    return [
        _Span(
            max(since, begin) if begin else since,
            min(until, end) if end else until,
            zooms,
            only_zoom=zoom if zooms == 1 else None,
            only_scene=scene if scenes == 1 else None,
        )
        for since, until, zooms, scenes, scene, zoom in found
    ]
