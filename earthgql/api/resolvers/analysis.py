"""Questions about whole areas: what is there, when, what changed, and whether models agree."""

from datetime import datetime
from typing import Annotated

import strawberry

from earthgql.api.context import RequestInfo
from earthgql.api.paging.connections import DEFAULT_DIFFERENCES, LARGEST_DIFFERENCES
from earthgql.api.types.differences import LabelChanges, ModelComparison
from earthgql.api.types.inputs import (
    LabelCutoff,
    LabelCutoffs,
    ModelName,
    TileWhere,
    WhereArgument,
    asked_model,
    cutoffs_asked,
    rectangle_of,
    tile_filter,
)
from earthgql.api.types.nodes import model_of
from earthgql.api.types.summaries import LabelHistogram, LabelTimeline, TimelineInterval
from earthgql.api.types.values import At, BoundsInput, Cutoff, GeoJSON
from earthgql.catalog.analysis.changes import label_changes
from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.model_comparison import compare_models
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.cutoffs import valid_score
from earthgql.catalog.models import ModelRecord, label_column
from earthgql.catalog.tiles.filter import TileFilter, confined
from earthgql.errors import BadInputError
from earthgql.imagery.grid import Bounds

AreaBounds = Annotated[
    BoundsInput | None,
    strawberry.argument(
        description="The area, as a rectangle (default: `polygon`, else where `where.within` is, "
        "else the whole map)."
    ),
]
AreaPolygon = Annotated[
    GeoJSON | None,
    strawberry.argument(
        description="The area, as a GeoJSON Polygon or MultiPolygon of at most 10,000 positions."
    ),
]
FirstDifferences = Annotated[
    int,
    strawberry.argument(
        description=f"At most so many in the list, 0 to {LARGEST_DIFFERENCES}; sums are over all."
    ),
]


@strawberry.type
class AnalysisQueries:
    """The questions about whole areas; part of the schema's query type."""

    @strawberry.field(
        description="How much of an area has each label: tiles, geodesic area, mean score, and how "
        "much of it has been classified at all. Of stored scores: nothing is classified to find "
        "out. Null only on errors."
    )
    async def label_histogram(
        self,
        info: RequestInfo,
        *,
        bounds: AreaBounds = None,
        polygon: AreaPolygon = None,
        where: WhereArgument = None,
        at: At = None,
        cutoff: Cutoff = None,
        cutoffs: LabelCutoffs = None,
        model: ModelName = None,
    ) -> LabelHistogram | None:
        """Sum over the tiles of an area, by label."""
        asked = await asked_model(info, model)
        floors = cutoffs_asked(info, asked, cutoff, cutoffs)
        parts, chosen = await _area(info, bounds, polygon, where, model=model, at=at)
        with info.context.loaders.connection() as connection:
            found = label_histogram(connection, parts, chosen, asked, floors)
        return LabelHistogram.of(model_of(info, asked), found.area_m2, found.sums)

    @strawberry.field(
        description="How much of an area has each label, from one span of time to the next. Each "
        "period is made of what was acquired in it; scenes of unknown date are in none. Null only "
        "on errors."
    )
    async def label_timeline(
        self,
        info: RequestInfo,
        *,
        bounds: AreaBounds = None,
        polygon: AreaPolygon = None,
        interval: Annotated[
            TimelineInterval, strawberry.argument(description="How long a period is.")
        ] = TimelineInterval.MONTH,
        labels: Annotated[
            list[str] | None,
            strawberry.argument(description="Only these labels (default: all of the model)."),
        ] = None,
        where: WhereArgument = None,
        cutoff: Cutoff = None,
        cutoffs: LabelCutoffs = None,
        model: ModelName = None,
    ) -> LabelTimeline | None:
        """Sum over the tiles of an area, by label and time."""
        asked = await asked_model(info, model)
        floors = cutoffs_asked(info, asked, cutoff, cutoffs)
        only = None if labels is None else frozenset(labels)
        for label in only or ():
            label_column(asked.identity, label)
        parts, chosen = await _area(info, bounds, polygon, where, model=model)
        with info.context.loaders.connection() as connection:
            found = label_timeline(
                connection, parts, chosen, asked, floors, interval=Interval[str(interval.value)]
            )
        return LabelTimeline.of(model_of(info, asked), interval, found, only)

    @strawberry.field(
        description="Where a label appeared or vanished between two moments. At each, the newest "
        "tiles not acquired later answer. Conditions of `where` on labels must hold at both "
        'moments: `{labels: {none: [{label: "cloudy"}]}}` compares only what is seen at both. Null '
        "only on errors."
    )
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
        bounds: AreaBounds = None,
        polygon: AreaPolygon = None,
        where: WhereArgument = None,
        cutoff: Annotated[
            float | None,
            strawberry.argument(
                description="The least score that counts, 0 to 1 (default: the model's threshold "
                "of the label)."
            ),
        ] = None,
        first: FirstDifferences = DEFAULT_DIFFERENCES,
        model: ModelName = None,
    ) -> LabelChanges | None:
        """Compare an area at two moments."""
        begin, end = _span(from_, to)
        asked = await asked_model(info, model)
        column = label_column(asked.identity, label)
        floor = asked.identity.thresholds[column - 1]
        floor = floor if cutoff is None else valid_score("cutoff", cutoff)
        parts, chosen = await _area(info, bounds, polygon, where, model=model)
        with info.context.loaders.connection() as connection:
            found = label_changes(
                connection,
                parts,
                chosen,
                asked,
                column=column,
                cutoff=floor,
                begin=begin,
                end=end,
                first=_first(first),
            )
        return LabelChanges.of(model_of(info, asked), label, floor, (begin, end), found)

    @strawberry.field(
        description="How far two models agree on an area: for each label they both have, and the "
        "tiles on which they differ most. Of stored scores: nothing is classified to find out. "
        "Conditions of `where` on labels are about model `a`. Null only on errors."
    )
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
        bounds: AreaBounds = None,
        polygon: AreaPolygon = None,
        where: WhereArgument = None,
        at: At = None,
        cutoff: Cutoff = None,
        cutoffs: LabelCutoffs = None,
        first: FirstDifferences = DEFAULT_DIFFERENCES,
    ) -> ModelComparison | None:
        """Compare what two models say of an area."""
        one, other = await asked_model(info, a), await asked_model(info, b)
        floors = [
            cutoffs_asked(info, model, cutoff, _about(cutoffs, model, beside))
            for model, beside in ((one, other), (other, one))
        ]
        parts, chosen = await _area(info, bounds, polygon, where, model=a, at=at)
        with info.context.loaders.connection() as connection:
            found = compare_models(
                connection,
                parts,
                chosen,
                (one, other),
                (floors[0], floors[1]),
                first=_first(first),
            )
        return ModelComparison.of(model_of(info, one), model_of(info, other), found)


async def _area(
    info: RequestInfo,
    bounds: BoundsInput | None,
    polygon: GeoJSON | None,
    where: TileWhere | None,
    *,
    model: str | None,
    at: datetime | None = None,
) -> tuple[tuple[Bounds, ...], TileFilter]:
    """Return where to look and what for.

    Raises:
        BadInputError: if the area is given twice or is none, or a condition is malformed.
    """
    chosen, _ = await tile_filter(info, where, model=model, at=at)
    area = None if polygon is None else info.context.area(polygon)
    return confined(chosen, rectangle_of(bounds), area)


def _about(
    cutoffs: list[LabelCutoff] | None, model: ModelRecord, beside: ModelRecord
) -> list[LabelCutoff]:
    """Leave out the cutoffs of labels that only the model compared with has."""
    others = set(beside.identity.labels).difference(model.identity.labels)
    return [given for given in cutoffs or () if given.label not in others]


def _span(begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    for name, moment in (("from", begin), ("to", end)):
        if moment.tzinfo is None:
            raise BadInputError(
                f"{name} needs a time zone: {moment.isoformat()}Z, or an offset such as +02:00"
            )
    if begin >= end:
        raise BadInputError(f"from ({begin.isoformat()}) must be before to ({end.isoformat()})")
    return begin, end


def _first(first: int) -> int:
    if not 0 <= first <= LARGEST_DIFFERENCES:
        raise BadInputError(f"first must be between 0 and {LARGEST_DIFFERENCES}, not {first}")
    return first
