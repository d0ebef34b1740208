"""Types of what the tiles of an area add up to, at a time and over time."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from earthgql.api.costs import LABELS, Length, cost
from earthgql.api.types.model import Model
from earthgql.catalog.analysis.sums import Sums
from earthgql.catalog.analysis.timeline import MOST_PERIODS, Period, Timeline

_M2_PER_KM2 = 1e6


def _share(part: float, whole: float) -> float | None:
    # Rounding may leave a hair more than all.
    return min(part / whole, 1.0) if whole > 0 else None


def km2(square_metres: float) -> float:
    """Return an area in square kilometres."""
    return square_metres / _M2_PER_KM2


@strawberry.type(description="What the tiles with a label add up to.")
class LabelSummary:
    """What the tiles with a label add up to."""

    label: str = strawberry.field(description="The label.")
    cutoff: float = strawberry.field(description="The score from which it counts here.")
    tiles: int = strawberry.field(description="How many tiles have it.")
    area_km2: float = strawberry.field(
        description="Geodesic area of these tiles, in square kilometres; of a tile at the edge, "
        "the part within the area."
    )
    share: float | None = strawberry.field(
        description="Share of the classified area that these are, 0 to 1; null if there is none."
    )
    mean_score: float | None = strawberry.field(
        description="Mean score of these tiles; null if there are none."
    )


@strawberry.type(
    description="What the tiles of an area add up to, from scores that are kept. Where tiles "
    "overlap, each piece of ground counts once, for the tile that is shown there."
)
class LabelHistogram:
    """What the tiles of an area add up to."""

    model: Model = strawberry.field(description="The model whose scores count.")
    area_km2: float = strawberry.field(
        description="Geodesic size of the area, in square kilometres."
    )
    covered_km2: float = strawberry.field(description="How much of it has tiles.")
    classified_km2: float = strawberry.field(
        description="How much of it has tiles that the model has classified."
    )
    classified_share: float | None = strawberry.field(
        description="Share of the area that the model has classified, 0 to 1; null if "
        "it has no size."
    )
    tiles: int = strawberry.field(description="How many tiles answer for ground in it.")
    tiles_classified: int = strawberry.field(
        description="How many of these the model has classified."
    )
    labels: list[LabelSummary] = strawberry.field(
        metadata=cost(items=LABELS),
        description="All labels of the model, the one with the largest area first.",
    )

    @classmethod
    def of(cls, model: Model, area_m2: float, found: Sums) -> Self:
        """Make the API's histogram of a catalogue's."""
        return cls(
            model=model,
            area_km2=km2(area_m2),
            covered_km2=km2(found.covered_m2),
            classified_km2=km2(found.classified_m2),
            classified_share=_share(found.classified_m2, area_m2),
            tiles=found.tiles,
            tiles_classified=found.tiles_classified,
            labels=_summaries(found),
        )


def _summaries(found: Sums, only: frozenset[str] | None = None) -> list[LabelSummary]:
    kept = [label for label in found.labels if only is None or label.label in only]
    return [
        LabelSummary(
            label=label.label,
            cutoff=label.cutoff,
            tiles=label.tiles,
            area_km2=km2(label.area_m2),
            share=_share(label.area_m2, found.classified_m2),
            mean_score=label.mean_score,
        )
        for label in sorted(kept, key=lambda label: -label.area_m2)
    ]


@strawberry.enum(
    description="How long a period of a timeline is. They begin at midnight UTC, weeks on Monday."
)
class TimelineInterval(Enum):
    """How long a period of a timeline is."""

    DAY = strawberry.enum_value("DAY", description="A day.")
    WEEK = strawberry.enum_value("WEEK", description="A week.")
    MONTH = strawberry.enum_value("MONTH", description="A month of the calendar.")
    QUARTER = strawberry.enum_value("QUARTER", description="Three months of the calendar.")
    YEAR = strawberry.enum_value("YEAR", description="A year of the calendar.")


@strawberry.type(description="What the tiles acquired in a span of time add up to.")
class TimelinePeriod:
    """What the tiles acquired in a span of time add up to."""

    from_: datetime = strawberry.field(name="from", description="The span begins here.")
    to: datetime = strawberry.field(description="It ends before this.")
    covered_km2: float = strawberry.field(
        description="How much of the area has tiles acquired in the period, in square kilometres."
    )
    classified_km2: float = strawberry.field(
        description="How much of it has tiles acquired in it that the model has classified."
    )
    classified_share: float | None = strawberry.field(
        description="The same as a share of the area, 0 to 1."
    )
    tiles: int = strawberry.field(description="How many tiles these are, one for each place.")
    tiles_classified: int = strawberry.field(
        description="How many of these the model has classified."
    )
    labels: list[LabelSummary] = strawberry.field(
        metadata=cost(items=LABELS),
        description="The selected labels, the one with the largest area first.",
    )


@strawberry.type(
    description="What an area looked like, from one span of time to the next. Each period is made "
    "of what was acquired in it, and of nothing older."
)
class LabelTimeline:
    """What an area looked like over time."""

    model: Model = strawberry.field(description="The model whose scores count.")
    area_km2: float = strawberry.field(
        description="Geodesic size of the area, in square kilometres."
    )
    interval: TimelineInterval = strawberry.field(description="How long a period is.")
    periods: list[TimelinePeriod] = strawberry.field(
        metadata=cost(items=Length(MOST_PERIODS)),
        description="The periods in which something was acquired, oldest first.",
    )

    @classmethod
    def of(
        cls,
        model: Model,
        interval: TimelineInterval,
        found: Timeline,
        only: frozenset[str] | None,
    ) -> Self:
        """Make the API's timeline of a catalogue's, of some labels or of all."""
        return cls(
            model=model,
            area_km2=km2(found.area_m2),
            interval=interval,
            periods=[_period(period, found.area_m2, only) for period in found.periods],
        )


def _period(period: Period, area_m2: float, only: frozenset[str] | None) -> TimelinePeriod:
    return TimelinePeriod(
        from_=period.begins,
        to=period.ends,
        covered_km2=km2(period.sums.covered_m2),
        classified_km2=km2(period.sums.classified_m2),
        classified_share=_share(period.sums.classified_m2, area_m2),
        tiles=period.sums.tiles,
        tiles_classified=period.sums.tiles_classified,
        labels=_summaries(period.sums, only),
    )
