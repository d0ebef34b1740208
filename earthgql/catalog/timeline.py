"""How much of an area has each label, from one span of time to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection

from earthgql.catalog.choices import TileFilter
from earthgql.catalog.ground import ground
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.region import asked_m2
from earthgql.catalog.statements import rows
from earthgql.catalog.sums import Sums, read_sums, sums_sql, sums_values
from earthgql.catalog.survey import count_tiles, scenes_here, survey
from earthgql.errors import AreaTooLargeError
from earthgql.tiles.grid import Bounds

# Each period looks at all tiles of the area, whichever it then takes.
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


# Python has no moment after the year 9999, which PostgreSQL does.
_PERIODS = """
SELECT since AT TIME ZONE 'UTC',
       least(since + CAST(:step AS interval), timestamp '9999-12-31 23:59:59.999999')
       AT TIME ZONE 'UTC'
  FROM (SELECT DISTINCT date_trunc(:unit, s.acquired_at AT TIME ZONE 'UTC') AS since
          FROM {scenes} AND s.acquired_at IS NOT NULL) begun
 ORDER BY since
"""
_SUMS = """
WITH period AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
                AS given(begins, ends)
),
{ground},
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
        sums: over the tiles acquired in it, the newest of each place.
    """

    begins: datetime
    ends: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class Timeline:
    """How much of an area has each label, over time.

    Attributes:
        asked_m2: geodesic size of the area asked for, with tiles or without.
        periods: those in which something was acquired, oldest first.
    """

    asked_m2: float
    periods: tuple[Period, ...]


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

    Each period stands for itself: of the tiles acquired in it, the newest of each place counts.
    Scenes of unknown date are in none. Three statements, whatever the numbers of tiles and periods;
    a fourth where they may be too many.

    Args:
        conn: where to ask.
        parts: the area as ``grid.bounds`` gives it, or ``where.within.parts``.
        where: which tiles may answer; ``acquired_from`` and ``acquired_to`` cut periods off.
        model: whose scores.
        cutoffs: one per label of the model: the least score that counts.
        interval: how long a period is.

    Raises:
        AreaTooLargeError: if there are too many tiles or periods to look at.
        BadInputError: if ``where`` names a scene that does not exist.
    """
    seen = survey(conn, parts, where)
    spans = _spans(conn, parts, where, interval) if seen.scenes else []
    if len(spans) * seen.tiles > MOST_LOOKS:
        seen = replace(seen, tiles=count_tiles(conn, parts, where))
    if len(spans) > MOST_PERIODS or len(spans) * seen.tiles > MOST_LOOKS:
        raise AreaTooLargeError(
            f"there are {len(spans):,} periods of up to {seen.tiles:,} tiles: ask for a longer"
            " interval, less time or a smaller area"
        )
    asked = asked_m2(parts, where.within)
    if not spans:
        return Timeline(asked, ())
    begins, ends = ([span[i] for span in spans] for i in range(2))
    columns = {"acquired_from": "period.begins", "acquired_to": "period.ends"}
    shown = ground(parts, where, seen, states=("period", "period.begins", columns))
    scored, sums = sums_sql(len(cutoffs))
    sql = _SUMS.format(ground=shown.sql, scored=scored, sums=sums)
    values = {**shown.parameters, **sums_values(model, cutoffs), "begins": begins, "ends": ends}
    found = {row[0]: read_sums(model, cutoffs, row[1:]) for row in rows(conn, sql, values)}
    # A scene may have no tile in the area although its rectangle reaches into it.
    periods = [Period(*span, found[span[0]]) for span in spans if span[0] in found]
    return Timeline(asked, tuple(periods))


def _spans(
    conn: Connection, parts: Sequence[Bounds], where: TileFilter, interval: Interval
) -> list[tuple[datetime, datetime]]:
    """Return when the periods begin and end in which something was acquired."""
    scenes, values = scenes_here(parts, replace(where, within=None))
    unit, step = interval.value
    found = rows(conn, _PERIODS.format(scenes=scenes), {**values, "unit": unit, "step": step})
    begin, end = where.acquired_from, where.acquired_to
    return [
        (max(since, begin) if begin else since, min(until, end) if end else until)
        for since, until in found
    ]
