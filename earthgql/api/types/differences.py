"""Types of differences between two moments, and between two models."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from earthgql.api.context import RequestInfo
from earthgql.api.costs import LABELS, cost
from earthgql.api.types.model import Model
from earthgql.api.types.summaries import km2
from earthgql.api.types.tile import Tile, tile_of
from earthgql.catalog.analysis import changes as change_catalog
from earthgql.catalog.analysis import model_comparison as comparison_catalog

_FEW_NAMES = 5


@strawberry.enum(description="Whether a label appeared or vanished.")
class LabelChangeKind(Enum):
    """Whether a label appeared or vanished."""

    APPEARED = strawberry.enum_value(
        "APPEARED", description="It counts at the second moment and not at the first."
    )
    VANISHED = strawberry.enum_value(
        "VANISHED", description="It counts at the first moment and not at the second."
    )


@strawberry.type(description="Number and area of some places.")
class PlaceSum:
    """Number and area of some places."""

    tiles: int = strawberry.field(description="How many places, each of the size of a tile.")
    area_km2: float = strawberry.field(
        description="Their geodesic area within the area of the query, in square kilometres."
    )

    @classmethod
    def of(cls, found: change_catalog.ChangeSum) -> Self:
        """Make the API's sum of a catalogue's."""
        return cls(tiles=found.tiles, area_km2=km2(found.area_m2))


@strawberry.type(description="A place where a label appeared or vanished.")
class LabelChange:
    """A place where a label appeared or vanished."""

    found: strawberry.Private[change_catalog.Change]
    kind: LabelChangeKind = strawberry.field(description="Whether the label appeared or vanished.")
    score_before: float = strawberry.field(description="Its score at the first moment.")
    score_after: float = strawberry.field(description="Its score at the second moment.")
    area_km2: float = strawberry.field(
        description="Geodesic size of the place within the area of the query, in square kilometres."
    )

    @classmethod
    def of(cls, found: change_catalog.Change) -> Self:
        """Make the API's change of a catalogue's."""
        rose = found.score_after > found.score_before
        return cls(
            found=found,
            kind=LabelChangeKind.APPEARED if rose else LabelChangeKind.VANISHED,
            score_before=found.score_before,
            score_after=found.score_after,
            area_km2=km2(found.area_m2),
        )

    @strawberry.field(description="The tile shown at the place at the first moment.")
    async def before(self, info: RequestInfo) -> Tile:
        """Find the tile, for all changes of the request at once."""
        return await tile_of(info, self.found.before_id)

    @strawberry.field(description="The tile shown at the place at the second moment.")
    async def after(self, info: RequestInfo) -> Tile:
        """Find the tile, for all changes of the request at once."""
        return await tile_of(info, self.found.after_id)


@strawberry.type(
    description="Where a label appeared or vanished between two moments, from stored "
    "scores. At each moment the tiles that the map shows without scenes acquired later are "
    "compared; a place whose tile is the same has not changed."
)
class LabelChanges:
    """Where a label appeared or vanished between two moments."""

    model: Model = strawberry.field(description="The model whose scores count.")
    label: str = strawberry.field(description="The label.")
    cutoff: float = strawberry.field(description="The score from which it counts.")
    from_: datetime = strawberry.field(name="from", description="The first moment.")
    to: datetime = strawberry.field(description="The second moment.")
    area_km2: float = strawberry.field(
        description="Geodesic size of the area, in square kilometres."
    )
    compared_km2: float = strawberry.field(
        description="How much of it has tiles at both moments that the model has classified."
    )
    unknown_km2: float = strawberry.field(
        description="How much of it has tiles at both moments of which the model has not "
        "classified both: `classifyArea` helps."
    )
    appeared: PlaceSum = strawberry.field(description="Where the label appeared.")
    vanished: PlaceSum = strawberry.field(description="Where it vanished.")
    kept: PlaceSum = strawberry.field(description="Where it counts at both moments.")
    changes: list[LabelChange] = strawberry.field(
        metadata=cost(per_row=1),
        description="Where it appeared or vanished, the greatest change of score first.",
    )

    @classmethod
    def of(
        cls,
        model: Model,
        label: str,
        cutoff: float,
        span: tuple[datetime, datetime],
        found: change_catalog.Changes,
    ) -> Self:
        """Make the API's changes of a catalogue's."""
        return cls(
            model=model,
            label=label,
            cutoff=cutoff,
            from_=span[0],
            to=span[1],
            area_km2=km2(found.area_m2),
            compared_km2=km2(found.compared_m2),
            unknown_km2=km2(found.unknown_m2),
            appeared=PlaceSum.of(found.appeared),
            vanished=PlaceSum.of(found.vanished),
            kept=PlaceSum.of(found.kept),
            changes=[LabelChange.of(change) for change in found.changes],
        )


@strawberry.type(
    description="How far two models agree on a label, over the tiles that both have classified."
)
class LabelAgreement:
    """How far two models agree on a label."""

    label: str = strawberry.field(description="The label.")
    cutoff_a: float = strawberry.field(description="The score of model `a` from which it counts.")
    cutoff_b: float = strawberry.field(description="The score of model `b` from which it counts.")
    both: int = strawberry.field(description="Tiles that have the label by both models.")
    only_a: int = strawberry.field(description="Tiles that have it by `a` alone.")
    only_b: int = strawberry.field(description="Tiles that have it by `b` alone.")
    neither: int = strawberry.field(description="Tiles that have it by neither.")
    agreement: float | None = strawberry.field(
        description="Share of the tiles on which the models agree, 0 to 1; null if there are none."
    )
    mean_difference: float | None = strawberry.field(
        description="Mean of the score by `b` less the score by `a`: above 0 where the scores by "
        "`b` are higher."
    )
    mean_distance: float | None = strawberry.field(
        description="Mean of the absolute difference of the two scores."
    )

    @classmethod
    def of(cls, found: comparison_catalog.LabelAgreement) -> Self:
        """Make the API's agreement of a catalogue's."""
        agreed = found.both + found.neither
        tiles = agreed + found.only_a + found.only_b
        return cls(
            label=found.label,
            cutoff_a=found.cutoff_a,
            cutoff_b=found.cutoff_b,
            both=found.both,
            only_a=found.only_a,
            only_b=found.only_b,
            neither=found.neither,
            agreement=agreed / tiles if tiles else None,
            mean_difference=found.mean_difference,
            mean_distance=found.mean_distance,
        )


@strawberry.type(description="How far two models differ on a tile.")
class TileDifference:
    """How far two models differ on a tile."""

    tile_id: strawberry.Private[int]
    distance: float = strawberry.field(
        description="Mean over all common labels of the absolute difference of the two scores, "
        "0 to 1."
    )
    labels_only_a: list[str] = strawberry.field(
        metadata=cost(values=_FEW_NAMES), description="Labels it has by model `a` alone."
    )
    labels_only_b: list[str] = strawberry.field(
        metadata=cost(values=_FEW_NAMES), description="Labels it has by model `b` alone."
    )

    @strawberry.field(description="The tile.")
    async def tile(self, info: RequestInfo) -> Tile:
        """Find the tile, for all of the request at once."""
        return await tile_of(info, self.tile_id)

    @classmethod
    def of(cls, found: comparison_catalog.TileDifference) -> Self:
        """Make the API's difference of a catalogue's."""
        return cls(
            tile_id=found.tile_id,
            distance=found.distance,
            labels_only_a=list(found.only_a),
            labels_only_b=list(found.only_b),
        )


@strawberry.type(
    description="How far two models agree on the tiles of an area that both have classified, by "
    "the labels that both have."
)
class ModelComparison:
    """How far two models agree on an area."""

    a: Model = strawberry.field(description="The first model.")
    b: Model = strawberry.field(description="The second model.")
    area_km2: float = strawberry.field(
        description="Geodesic size of the area, in square kilometres."
    )
    compared_km2: float = strawberry.field(
        description="How much of it has tiles that both models have classified."
    )
    tiles: int = strawberry.field(description="Tiles that both models have classified.")
    tiles_only_a: int = strawberry.field(description="Tiles that `a` alone has classified.")
    tiles_only_b: int = strawberry.field(description="Tiles that `b` alone has classified.")
    agreement: float | None = strawberry.field(
        description="Share of all pairs of a tile and a label on which the models agree, 0 to 1; "
        "null if there are none."
    )
    labels: list[LabelAgreement] = strawberry.field(
        metadata=cost(items=LABELS),
        description="Each label that both models have, those with the most disagreement first.",
    )
    most_different: list[TileDifference] = strawberry.field(
        metadata=cost(per_row=1),
        description="The tiles on which the models differ most, these first.",
    )

    @classmethod
    def of(cls, a: Model, b: Model, found: comparison_catalog.Comparison) -> Self:
        """Make the API's comparison of a catalogue's."""
        labels = [LabelAgreement.of(label) for label in found.labels]
        known = [label.agreement for label in labels if label.agreement is not None]
        return cls(
            a=a,
            b=b,
            area_km2=km2(found.area_m2),
            compared_km2=km2(found.compared_m2),
            tiles=found.tiles,
            tiles_only_a=found.tiles_only_a,
            tiles_only_b=found.tiles_only_b,
            agreement=sum(known) / len(known) if known else None,
            labels=sorted(labels, key=lambda label: label.only_a + label.only_b, reverse=True),
            most_different=[TileDifference.of(tile) for tile in found.most_different],
        )
