"""Sums over areas: by label, over time, between two moments, and between two models."""

from datetime import datetime
from typing import Annotated

import strawberry

from earthgql.api.argument_groups import grouped
from earthgql.api.context import RequestInfo
from earthgql.api.costs import cost
from earthgql.api.paging.page import (
    DEFAULT_DIFFERENCES,
    DIFFERENCES_LENGTH,
    LARGEST_DIFFERENCES,
    LARGEST_VIEWPORT,
)
from earthgql.api.selection import rectangle, tile_filter
from earthgql.api.types.arguments import (
    AreaArguments,
    At,
    CutoffArguments,
    ModelName,
    WhereArgument,
)
from earthgql.api.types.differences import LabelChanges, ModelComparison
from earthgql.api.types.inputs import LabelCutoff, TileWhere
from earthgql.api.types.model import find_model, label_cutoffs, model_of
from earthgql.api.types.summaries import LabelHistogram, LabelTimeline, TimelineInterval
from earthgql.catalog.analysis.changes import label_changes
from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.model_comparison import compare_models
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.cutoffs import valid_score
from earthgql.catalog.models import ModelRecord, label_column
from earthgql.catalog.tiles.filter import TileFilter, confined
from earthgql.errors import BadInputError
from earthgql.imagery.grid import Bounds

FirstDifferences = Annotated[
    int,
    strawberry.argument(
        description=f"At most so many in the list, 0 to {LARGEST_DIFFERENCES}; sums are over all."
    ),
]

# Looking at all tiles of an area counts as much as the columns of the largest viewport.
_SUMS = cost(base=LARGEST_VIEWPORT, area=True)
_DIFFERENCES = cost(base=LARGEST_VIEWPORT, rows=DIFFERENCES_LENGTH, area=True)


@strawberry.type
class AnalysisQueries:
    """The sums over areas; part of the schema's query type."""

    @strawberry.field(
        metadata=_SUMS,
        description="How much of an area has each label: tiles, geodesic area, mean score, and how "
        "much of it has been classified at all. Of stored scores: nothing is classified to find "
        "out. Null only on errors.",
    )
    @grouped
    async def label_histogram(
        self,
        info: RequestInfo,
        *,
        area: AreaArguments,
        where: WhereArgument = None,
        at: At = None,
        count: CutoffArguments,
        model: ModelName = None,
    ) -> LabelHistogram | None:
        """Sum over the tiles of an area, by label."""
        record = await find_model(info, model)
        cutoffs = label_cutoffs(info, record, count.cutoff, count.cutoffs)
        parts, chosen = await _confined(info, area, where, model=model, at=at)
        with info.context.area_sum() as connection:
            found = label_histogram(connection, parts, chosen, record, cutoffs)
        return LabelHistogram.of(model_of(info, record), found.area_m2, found.sums)

    @strawberry.field(
        metadata=_SUMS,
        description="How much of an area has each label, from one span of time to the next. Each "
        "period has the tiles acquired in it; scenes of unknown date are in none. Null only "
        "on errors.",
    )
    @grouped
    async def label_timeline(
        self,
        info: RequestInfo,
        *,
        area: AreaArguments,
        interval: Annotated[
            TimelineInterval, strawberry.argument(description="How long a period is.")
        ] = TimelineInterval.MONTH,
        labels: Annotated[
            list[str] | None,
            strawberry.argument(description="Only these labels (default: all of the model)."),
        ] = None,
        where: WhereArgument = None,
        count: CutoffArguments,
        model: ModelName = None,
    ) -> LabelTimeline | None:
        """Sum over the tiles of an area, by label and time."""
        record = await find_model(info, model)
        cutoffs = label_cutoffs(info, record, count.cutoff, count.cutoffs)
        only = None if labels is None else frozenset(labels)
        for label in only or ():
            label_column(record.identity, label)
        parts, chosen = await _confined(info, area, where, model=model)
        with info.context.area_sum() as connection:
            found = label_timeline(
                connection,
                parts,
                chosen,
                record,
                cutoffs,
                interval=Interval[str(interval.value)],
            )
        return LabelTimeline.of(model_of(info, record), interval, found, only)

    @strawberry.field(
        metadata=_DIFFERENCES,
        description="Where a label appeared or vanished between two moments. At each, the tiles "
        "answer that the map shows without scenes acquired later. Conditions of `where` on labels "
        'must hold at both moments: `{labels: {none: [{label: "cloudy"}]}}` compares only what is '
        "seen at both. Null only on errors.",
    )
    @grouped
    async def label_changes(
        self,
        info: RequestInfo,
        *,
        from_: Annotated[
            datetime,
            strawberry.argument(name="from", description="The first moment, with a time zone."),
        ],
        to: Annotated[
            datetime, strawberry.argument(description="The second moment, with a time zone.")
        ],
        label: Annotated[str, strawberry.argument(description="One of the model's labels.")],
        area: AreaArguments,
        where: WhereArgument = None,
        cutoff: Annotated[
            float | None,
            strawberry.argument(
                description="The score from which it counts (default: the model's threshold "
                "of the label)."
            ),
        ] = None,
        first: FirstDifferences = DEFAULT_DIFFERENCES,
        model: ModelName = None,
    ) -> LabelChanges | None:
        """Compare an area at two moments."""
        span = _valid_span(from_, to)
        record = await find_model(info, model)
        column = label_column(record.identity, label)
        threshold = record.identity.thresholds[column - 1]
        label_cutoff = threshold if cutoff is None else valid_score("cutoff", cutoff)
        parts, chosen = await _confined(info, area, where, model=model)
        with info.context.area_sum() as connection:
            found = label_changes(
                connection,
                parts,
                chosen,
                record,
                column=column,
                cutoff=label_cutoff,
                begin=span[0],
                end=span[1],
                first=_valid_first(first),
            )
        return LabelChanges.of(model_of(info, record), label, label_cutoff, span, found)

    @strawberry.field(
        metadata=_DIFFERENCES,
        description="How far two models agree on an area: for each label they both have, and the "
        "tiles on which they differ most. Of stored scores: nothing is classified to find out. "
        "Conditions of `where` on labels are about model `a`. Null only on errors.",
    )
    @grouped
    async def model_comparison(
        self,
        info: RequestInfo,
        *,
        a: Annotated[
            str,
            strawberry.argument(
                description="A model: name and version with a space between, or one of them where "
                "that is enough."
            ),
        ],
        b: Annotated[
            str | None,
            strawberry.argument(
                description="Another one (default: the model that this server runs)."
            ),
        ] = None,
        area: AreaArguments,
        where: WhereArgument = None,
        at: At = None,
        count: CutoffArguments,
        first: FirstDifferences = DEFAULT_DIFFERENCES,
    ) -> ModelComparison | None:
        """Compare the scores of two models on an area."""
        one, other = await find_model(info, a), await find_model(info, b)
        cutoffs = [
            label_cutoffs(info, model, count.cutoff, _own(count.cutoffs, model, compared_with))
            for model, compared_with in ((one, other), (other, one))
        ]
        parts, chosen = await _confined(info, area, where, model=a, at=at)
        with info.context.area_sum() as connection:
            found = compare_models(
                connection,
                parts,
                chosen,
                (one, other),
                (cutoffs[0], cutoffs[1]),
                first=_valid_first(first),
            )
        return ModelComparison.of(model_of(info, one), model_of(info, other), found)


async def _confined(
    info: RequestInfo,
    area: AreaArguments,
    where: TileWhere | None,
    *,
    model: str | None,
    at: datetime | None = None,
) -> tuple[tuple[Bounds, ...], TileFilter]:
    """Return the rectangles that hold an area, and the filter for the tiles in it.

    Raises:
        BadInputError: if the area is given twice or is none, or a condition is malformed.
    """
    chosen = await tile_filter(info, where, model=model, at=at)
    polygon = None if area.polygon is None else info.context.area(area.polygon)
    return confined(chosen, rectangle(area.bounds), polygon)


def _own(
    cutoffs: list[LabelCutoff] | None, model: ModelRecord, compared_with: ModelRecord
) -> list[LabelCutoff]:
    """Leave out the cutoffs of labels that only the model compared with has."""
    foreign = set(compared_with.identity.labels).difference(model.identity.labels)
    return [entry for entry in cutoffs or () if entry.label not in foreign]


def _valid_span(begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    for name, moment in (("from", begin), ("to", end)):
        if moment.tzinfo is None:
            raise BadInputError(
                f"{name} needs a time zone: {moment.isoformat()}Z, or an offset such as +02:00"
            )
    if begin >= end:
        raise BadInputError(f"from ({begin.isoformat()}) must be before to ({end.isoformat()})")
    return begin, end


def _valid_first(first: int) -> int:
    if not 0 <= first <= LARGEST_DIFFERENCES:
        raise BadInputError(f"first must be between 0 and {LARGEST_DIFFERENCES}, not {first}")
    return first
