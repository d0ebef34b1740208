"""The entry points of the schema."""

from typing import Annotated, Any

import strawberry
from strawberry import relay

from earthgql.api import ids
from earthgql.api.context import RequestInfo
from earthgql.api.loaders import BoundsKey, CountKey, PointKey
from earthgql.api.paging.connections import (
    DEFAULT_VIEWPORT,
    LARGEST_VIEWPORT,
    After,
    Before,
    Connection,
    First,
    Last,
    Page,
)
from earthgql.api.paging.cursors import Cursors
from earthgql.api.resolvers.nodes import find_node, find_tile
from earthgql.api.types.inputs import (
    LabelCutoffs,
    ModelName,
    OrderArgument,
    WhereArgument,
    asked_model,
    cutoffs_asked,
    tile_filter,
    viewport_of,
)
from earthgql.api.types.nodes import Classification, Model, Scene, Tile, classify, model_of
from earthgql.api.types.values import At, BoundsInput, Cutoff, SceneName, Zoom
from earthgql.api.types.viewport import Viewport
from earthgql.catalog import models as model_catalog
from earthgql.catalog import scenes as scene_catalog
from earthgql.catalog.cutoffs import valid_score
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import SceneRecord
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import TileRecord
from earthgql.catalog.tiles.order import Position, TileOrder
from earthgql.errors import NotFoundError
from earthgql.imagery import grid

ViewportBounds = Annotated[
    BoundsInput | None,
    strawberry.argument(
        description="The viewport (default: where `where.within` is, else the whole map)."
    ),
]
ColumnsFirst = Annotated[
    int | None,
    strawberry.argument(
        description=f"At most so many tiles, 1 to {LARGEST_VIEWPORT} (default: "
        f"{DEFAULT_VIEWPORT}); `pageInfo` tells whether there are more."
    ),
]
ColumnsLast = Annotated[
    int | None,
    strawberry.argument(
        description=f"At most so many tiles from the end, 1 to {LARGEST_VIEWPORT}. Not together "
        "with `first`."
    ),
]
Id = Annotated[strawberry.ID, strawberry.argument(description="An id that this API gave out.")]


@strawberry.type
class MapQueries:
    """What one can ask of the map itself."""

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
        cutoffs: LabelCutoffs = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
        model: ModelName = None,
    ) -> Classification | None:
        """Classify the tile at a position."""
        position = grid.point(lat, lon)
        where, _ = await tile_filter(info, None, scene=scene, zoom=zoom, at=at)
        valid_score("cutoff", cutoff or 0.0)
        if model is not None or cutoffs:
            # What is wrong with them is told where there is no tile, too.
            cutoffs_asked(info, await asked_model(info, model), cutoff, cutoffs)
        record = await info.context.loaders.tile_at.load(PointKey(position, where))
        if record is None:
            return None
        asked = await asked_model(info, model)
        floors = cutoffs_asked(info, asked, cutoff, cutoffs)
        return await classify(info, Tile.of(record), asked, floors)

    @strawberry.field(
        description="The tiles that share area with a viewport, one per place on the ground: where "
        "tiles overlap, the newest acquisition wins, then the highest zoom. Null only on errors."
    )
    async def tiles_in_bounds(
        self,
        info: RequestInfo,
        *,
        bounds: ViewportBounds = None,
        where: WhereArgument = None,
        order_by: OrderArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
        model: ModelName = None,
    ) -> Connection[Tile] | None:
        """List the tiles in a viewport."""
        chosen, order = await tile_filter(
            info, where, model=model, order=order_by, scene=scene, zoom=zoom, at=at
        )
        parts = viewport_of(bounds, chosen)
        cursors = Cursors("tiles", parts, chosen, order=order)
        page = Page(cursors, first, after, last, before)
        rows = await info.context.loaders.tiles_in.load(_key(parts, chosen, page, order))
        return Connection[Tile].of(
            page,
            rows,
            node=Tile.of,
            place=_place,
            count=lambda: info.context.loaders.count.load(CountKey(parts, chosen)),
        )

    @strawberry.field(
        description="The same tiles as columns, with the scores of all labels: for maps, and for "
        "whatever counts or draws many tiles. Null only on errors."
    )
    async def viewport(
        self,
        info: RequestInfo,
        *,
        bounds: ViewportBounds = None,
        where: WhereArgument = None,
        order_by: OrderArgument = None,
        first: ColumnsFirst = None,
        after: After = None,
        last: ColumnsLast = None,
        before: Before = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
        model: ModelName = None,
        infer: Annotated[
            bool,
            strawberry.argument(
                description="Whether to classify tiles that never were; else they come without "
                "scores, at once."
            ),
        ] = True,
    ) -> Viewport | None:
        """Answer for a viewport in columns."""
        asked = await asked_model(info, model)
        chosen, order = await tile_filter(
            info, where, model=model, order=order_by, scene=scene, zoom=zoom, at=at
        )
        parts = viewport_of(bounds, chosen)
        page = Page(
            Cursors("tiles", parts, chosen, order=order),
            first,
            after,
            last,
            before,
            default=DEFAULT_VIEWPORT,
            largest=LARGEST_VIEWPORT,
        )
        return await Viewport.load(info, _key(parts, chosen, page, order), page, asked, infer=infer)

    @strawberry.field(description="One tile, or null if there is none of this id.")
    async def tile(self, info: RequestInfo, id: Id) -> Tile | None:
        """Find a tile."""
        return await find_tile(info, ids.decode_as("Tile", id))

    @strawberry.field(description="Anything with an id, or null if there is nothing of this id.")
    async def node(self, info: RequestInfo, id: Id) -> relay.Node | None:
        """Find a node."""
        return await find_node(info, id)

    @strawberry.field(description="All scenes, oldest first. Null only on errors.")
    async def scenes(
        self,
        info: RequestInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Scene] | None:
        """List the scenes."""
        page = Page(Cursors("scenes"), first, after, last, before)

        async def count() -> int:
            with info.context.loaders.connection() as connection:
                return scene_catalog.count_scenes(connection)

        with info.context.loaders.connection() as connection:
            rows = scene_catalog.list_scenes(connection, **_ids(page))
        return Connection[Scene].of(page, rows, node=Scene.of, place=_row_place, count=count)

    @strawberry.field(description="All models used here, oldest first. Null only on errors.")
    async def models(
        self,
        info: RequestInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Model] | None:
        """List the models."""
        page = Page(Cursors("models"), first, after, last, before)

        async def count() -> int:
            with info.context.loaders.connection() as connection:
                return model_catalog.count_models(connection)

        with info.context.loaders.connection() as connection:
            rows = model_catalog.list_models(connection, **_ids(page))
        return Connection[Model].of(page, rows, node=Model.of, place=_row_place, count=count)

    @strawberry.field(description="One model, or null if there is none of this version.")
    async def model(
        self,
        info: RequestInfo,
        version: Annotated[
            str,
            strawberry.argument(
                description="Its version; with its name and a space before it where models of "
                "several names have the version."
            ),
        ],
    ) -> Model | None:
        """Find a model."""
        try:
            return model_of(info, await info.context.loaders.model_named.load(version))
        except NotFoundError:
            return None


def _key(
    parts: tuple[grid.Bounds, ...], where: TileFilter, page: Page, order: TileOrder
) -> BoundsKey:
    return BoundsKey(parts, where, page.limit, page.after, page.before, order, page.backward)


def _ids(page: Page) -> dict[str, Any]:
    return {
        "limit": page.limit,
        "after": page.after and page.after.id,
        "before": page.before and page.before.id,
        "backward": page.backward,
    }


def _place(row: TileRecord) -> Position:
    return row.position


def _row_place(row: SceneRecord | ModelRecord) -> Position:
    return Position(row.id)
