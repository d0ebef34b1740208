"""The entry points of the schema."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

import strawberry
from strawberry import relay

from earthgql.api import ids
from earthgql.api.context import RequestInfo
from earthgql.api.loaders import BoundsKey, PointKey
from earthgql.api.pagination import (
    DEFAULT_FIRST,
    DEFAULT_VIEWPORT,
    LARGEST_FIRST,
    LARGEST_VIEWPORT,
    Connection,
    Page,
)
from earthgql.api.types import Classification, Model, Scene, Tile, classify
from earthgql.api.values import (
    At,
    BoundsInput,
    Cutoff,
    SceneName,
    Zoom,
    tile_filter,
    valid_cutoff,
)
from earthgql.api.viewport import Viewport
from earthgql.catalog import models as model_catalog
from earthgql.catalog import scenes as scene_catalog
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import SceneRecord
from earthgql.catalog.tiles import TileRecord
from earthgql.errors import BadInputError
from earthgql.tiles import grid

First = Annotated[
    int,
    strawberry.argument(description=f"Size of the page, 1 to {LARGEST_FIRST}."),
]
After = Annotated[
    str | None,
    strawberry.argument(description="Continue behind this cursor (default: from the start)."),
]
Id = Annotated[strawberry.ID, strawberry.argument(description="An id that this API gave out.")]


@strawberry.type(description="What one can ask.")
class Query:
    """What one can ask."""

    @strawberry.field(
        description="Which labels apply at a place: those of the tile there, or null if there is "
        "none. Where tiles overlap, the newest acquisition wins, then the highest zoom."
    )
    async def classify_point(
        self,
        info: RequestInfo,
        *,
        lat: Annotated[float, strawberry.argument(description="Latitude, -90 to 90 degrees.")],
        lon: Annotated[float, strawberry.argument(description="Longitude, -180 to 180 degrees.")],
        cutoff: Cutoff = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
    ) -> Classification | None:
        """Classify the tile at a position."""
        key = PointKey(grid.point(lat, lon), tile_filter(scene, zoom, at))
        cutoff = valid_cutoff(cutoff)
        record = await info.context.loaders.tile_at.load(key)
        return None if record is None else await classify(info, Tile.of(record), cutoff)

    @strawberry.field(
        description="The tiles that share area with a viewport, one per place on the ground: where "
        "tiles overlap, the newest acquisition wins, then the highest zoom. Null only on errors."
    )
    async def tiles_in_bounds(
        self,
        info: RequestInfo,
        *,
        bounds: Annotated[BoundsInput, strawberry.argument(description="The viewport.")],
        first: First = DEFAULT_FIRST,
        after: After = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
    ) -> Connection[Tile] | None:
        """List the tiles in a viewport."""
        page = Page(first, after)
        parts = grid.bounds(bounds.west, bounds.south, bounds.east, bounds.north)
        where = tile_filter(scene, zoom, at)
        rows = await info.context.loaders.tiles_in.load(
            BoundsKey(parts, where, page.limit, page.after)
        )
        return Connection[Tile].of(page, rows, node=Tile.of, key=_row_id)

    @strawberry.field(
        description="The same tiles as columns, with the scores of all labels: for maps, and for "
        "whatever counts or draws many tiles. Null only on errors."
    )
    async def viewport(
        self,
        info: RequestInfo,
        *,
        bounds: Annotated[BoundsInput, strawberry.argument(description="The viewport.")],
        first: Annotated[
            int,
            strawberry.argument(
                description=f"At most so many tiles, 1 to {LARGEST_VIEWPORT}; `pageInfo` tells "
                "whether there are more."
            ),
        ] = DEFAULT_VIEWPORT,
        after: After = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
        infer: Annotated[
            bool,
            strawberry.argument(
                description="Whether to classify tiles that never were; else they come without "
                "scores, at once."
            ),
        ] = True,
    ) -> Viewport | None:
        """Answer for a viewport in columns."""
        page = Page(first, after, largest=LARGEST_VIEWPORT)
        parts = grid.bounds(bounds.west, bounds.south, bounds.east, bounds.north)
        key = BoundsKey(parts, tile_filter(scene, zoom, at), page.limit, page.after)
        return await Viewport.load(info, key, page, infer=infer)

    @strawberry.field(description="One tile, or null if there is none of this id.")
    async def tile(self, info: RequestInfo, id: Id) -> Tile | None:
        """Find a tile."""
        return await _find_tile(info, ids.decode_as("Tile", id))

    @strawberry.field(description="Anything with an id, or null if there is nothing of this id.")
    async def node(self, info: RequestInfo, id: Id) -> relay.Node | None:
        """Find a node."""
        kind, row_id = ids.decode(id)
        if kind not in _FINDERS:
            raise BadInputError(f"{id!r} is the id of a {kind}, which is not a node")
        return await _FINDERS[kind](info, row_id)

    @strawberry.field(description="All scenes, oldest first. Null only on errors.")
    async def scenes(
        self, info: RequestInfo, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Scene] | None:
        """List the scenes."""
        page = Page(first, after)
        with info.context.loaders.connection() as connection:
            rows = scene_catalog.list_scenes(connection, limit=page.limit, after=page.after)
        return Connection[Scene].of(page, rows, node=Scene.of, key=_row_id)

    @strawberry.field(description="All models used here, oldest first. Null only on errors.")
    async def models(
        self, info: RequestInfo, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Model] | None:
        """List the models."""
        page = Page(first, after)
        with info.context.loaders.connection() as connection:
            rows = model_catalog.list_models(connection, limit=page.limit, after=page.after)
        return Connection[Model].of(page, rows, node=Model.of, key=_row_id)


def _row_id(row: TileRecord | SceneRecord | ModelRecord) -> int:
    return row.id


async def _find_tile(info: RequestInfo, row_id: int) -> Tile | None:
    record = await info.context.loaders.tile.load(row_id)
    return None if record is None else Tile.of(record)


async def _find_scene(info: RequestInfo, row_id: int) -> Scene | None:
    record = await info.context.loaders.scene.load(row_id)
    return None if record is None else Scene.of(record)


async def _find_model(info: RequestInfo, row_id: int) -> Model | None:
    record = await info.context.loaders.model.load(row_id)
    return None if record is None else Model.of(record)


Finder = Callable[[RequestInfo, int], Awaitable[relay.Node | None]]
_FINDERS: dict[str, Finder] = {
    "Tile": cast(Finder, _find_tile),
    "Scene": cast(Finder, _find_scene),
    "Model": cast(Finder, _find_model),
}
