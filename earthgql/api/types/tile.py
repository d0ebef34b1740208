"""``Tile`` and ``Classification``: a square of the map, and what a model says about it."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Self

import strawberry
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.costs import LABELS, NAMES, Length, cost
from earthgql.api.loaders import StoredKey
from earthgql.api.paging.page import LARGEST_FIRST
from earthgql.api.types.arguments import Cutoff, LabelCutoffs, ModelName
from earthgql.api.types.model import Model, find_model, label_cutoffs, model_of
from earthgql.api.types.scene import Scene
from earthgql.api.types.values import Bounds, GeoJSON, LabelScore
from earthgql.catalog.cutoffs import labels_at_cutoffs, margin, valid_score
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import ScoreRecord
from earthgql.catalog.tiles.lookup import TileRecord
from earthgql.errors import BadInputError, NotFoundError
from earthgql.imagery import grid

_SCORES = Length(LABELS.default, ("top",), largest=LARGEST_FIRST, by_variable=LABELS.default)


@strawberry.type(description="What a model says about a tile.")
class Classification:
    """What a model says about a tile."""

    tile: "Tile" = strawberry.field(description="The tile that was classified.")
    model: Model = strawberry.field(description="The model that classified it.")
    computed_at: datetime = strawberry.field(description="When the scores were computed.")
    domain_distance: float | None = strawberry.field(
        description="How far the tile is from what the model was trained on: above 1 it is unlike "
        "that, so that the scores may mean nothing. Null if the model cannot tell, or the scores "
        "were computed before it could."
    )
    counted: strawberry.Private[list[tuple[str, float, float]]]

    @classmethod
    def of(
        cls, tile: "Tile", model: Model, record: ScoreRecord, cutoffs: tuple[float, ...]
    ) -> Self:
        """Apply the cutoffs of a model's labels to the scores of a tile."""
        entries = labels_at_cutoffs(model.labels, record.scores, cutoffs)
        return cls(
            tile=tile,
            model=model,
            computed_at=record.computed_at,
            domain_distance=record.domain_distance,
            counted=entries,
        )

    @strawberry.field(
        metadata=cost(items=_SCORES),
        description="Labels whose score reaches the cutoff, highest score first. "
        "A cutoff of 0 gives all labels.",
    )
    def scores(
        self,
        top: Annotated[
            int | None, strawberry.argument(description="At most this many (default: all).")
        ] = None,
    ) -> list[LabelScore]:
        """List the labels that count, with their scores."""
        if top is not None and top < 0:
            raise BadInputError(f"top must not be negative: {top}")
        return [
            LabelScore(label=label, score=score, cutoff=cutoff, margin=margin(score, cutoff))
            for label, score, cutoff in self.counted[:top]
        ]

    @strawberry.field(
        metadata=cost(values=NAMES),
        description="Names of the labels whose score reaches the cutoff, as scores.",
    )
    def labels(self) -> list[str]:
        """Name the labels that count."""
        return [label for label, *_ in self.counted]


@strawberry.type(description="A square of a scene in the tile grid WebMercatorQuad.")
class Tile(relay.Node):
    """A square of a scene."""

    row_id: relay.NodeID[int]
    record: strawberry.Private[TileRecord]
    z: int = strawberry.field(description="Zoom level.")
    x: int = strawberry.field(description="Column, counted from the antimeridian eastward.")
    y: int = strawberry.field(description="Row, counted from the north southward (XYZ, not TMS).")

    @classmethod
    def of(cls, record: TileRecord) -> Self:
        """Make the API's tile of a catalogue's."""
        z, x, y = record.index
        return cls(row_id=record.id, record=record, z=z, x=x, y=y)

    @strawberry.field(description="One digit per zoom level, as in Bing Maps.")
    def quadkey(self) -> str:
        """Name the tile by its quadkey."""
        return grid.quadkey(self.record.index)

    @strawberry.field(description="The rectangle the tile covers.")
    def bounds(self) -> Bounds:
        """Bound the tile."""
        return Bounds.of(grid.tile_bounds(self.record.index))

    @strawberry.field(
        metadata=cost(values=NAMES), description="The tile's outline as a GeoJSON Polygon."
    )
    def footprint(self) -> GeoJSON:
        """Outline the tile, counter-clockwise."""
        return GeoJSON(
            {"type": "Polygon", "coordinates": [[*map(list, grid.footprint(self.record.index))]]}
        )

    @strawberry.field(description="URL of the PNG, 256 by 256, of exactly the classified pixels.")
    def image_url(self, info: RequestInfo) -> str:
        """Say where the picture is."""
        return f"{info.context.base_url}tiles/{self.row_id}.png"

    @strawberry.field(description="The scene the tile belongs to.")
    async def scene(self, info: RequestInfo) -> Scene:
        """Find the scene, for all tiles of the request at once."""
        record = await info.context.loaders.scene.load(self.record.scene_id)
        if record is None:
            raise NotFoundError("the scene was deleted while it was being read; ask again")
        return Scene.of(record)

    @strawberry.field(
        description="What the model says about the tile; computed now if it never was before. "
        "Null with an error if the picture is unreadable or time ran out, or if another model than "
        "this server runs is asked for, and has not classified the tile."
    )
    async def classification(
        self,
        info: RequestInfo,
        cutoff: Cutoff = None,
        cutoffs: LabelCutoffs = None,
        model: ModelName = None,
    ) -> Classification | None:
        """Classify the tile, together with all others of the request."""
        valid_score("cutoff", cutoff or 0.0)
        found = await find_model(info, model)
        return await classify(info, self, found, label_cutoffs(info, found, cutoff, cutoffs))


async def classify(
    info: RequestInfo, tile: Tile, model: ModelRecord, cutoffs: tuple[float, ...]
) -> Classification:
    """Classify a tile, together with all others of the request.

    Args:
        info: of the resolver.
        tile: the tile.
        model: that which this server runs, or another, of which only scores that are kept count.
        cutoffs: the least score that counts, of each of the model's labels.

    Raises:
        EarthGQLError: what kept this tile from being classified.
    """
    record = await load_scores(info, tile.row_id, model)
    return Classification.of(tile, model_of(info, model), record, cutoffs)


def load_scores(info: RequestInfo, tile_id: int, model: ModelRecord) -> Awaitable[ScoreRecord]:
    """Return the scores of a tile; the model that this server runs computes what is missing.

    Raises:
        EarthGQLError: when awaited: what kept this tile from being classified.
    """
    loaders = info.context.loaders
    if model.id == loaders.served_id:
        return loaders.scores.load(tile_id)
    return loaders.stored.load(StoredKey(tile_id, model))


async def find_tile(info: RequestInfo, row_id: int) -> Tile | None:
    """Return the tile of a row, looked up with all others of the request; None if there is none."""
    record = await info.context.loaders.tile.load(row_id)
    return None if record is None else Tile.of(record)


async def tile_of(info: RequestInfo, row_id: int) -> Tile:
    """Return the tile of a row that was there a moment ago.

    Raises:
        NotFoundError: if it has been deleted meanwhile.
    """
    tile = await find_tile(info, row_id)
    if tile is None:
        raise NotFoundError("the tile was deleted while it was being read; ask again")
    return tile
