"""``classifyPoint`` and ``tilesInBounds``: tiles at a place and in a viewport."""

from typing import Annotated

import strawberry

from earthgql.api.argument_groups import grouped
from earthgql.api.context import RequestInfo
from earthgql.api.costs import cost
from earthgql.api.loaders import PointKey
from earthgql.api.paging.connections import Connection
from earthgql.api.paging.page import PAGE_LENGTH, Page
from earthgql.api.selection import tile_filter, tile_query
from earthgql.api.types.arguments import (
    CutoffArguments,
    ModelName,
    SceneArguments,
    TileArguments,
)
from earthgql.api.types.model import find_model, label_cutoffs
from earthgql.api.types.tile import Classification, Tile, classify
from earthgql.catalog.cutoffs import valid_score
from earthgql.catalog.tiles.lookup import TileRecord
from earthgql.catalog.tiles.order import Position
from earthgql.imagery import grid


@strawberry.type
class MapQueries:
    """The tiles of the map; part of the schema's query type."""

    @strawberry.field(
        description="Which labels apply at a place: those of the tile there, or null if there is "
        "none. Where tiles overlap, the finest band of zooms wins (24 to 22, 21 to 19, … 3 to 1, "
        "0), in it the newest acquisition, then the highest zoom: imagery coarser by three zooms "
        "or more hides nothing."
    )
    @grouped
    async def classify_point(
        self,
        info: RequestInfo,
        *,
        lat: Annotated[float, strawberry.argument(description="Latitude, -90 to 90 degrees.")],
        lon: Annotated[
            float,
            strawberry.argument(
                description="Longitude, -540 to 540 degrees; one beyond 180 is wrapped."
            ),
        ],
        count: CutoffArguments,
        source: SceneArguments,
        model: ModelName = None,
    ) -> Classification | None:
        """Classify the tile at a position."""
        position = grid.point(lat, lon)
        where = await tile_filter(info, None, scene=source.scene, zoom=source.zoom, at=source.at)
        valid_score("cutoff", count.cutoff or 0.0)
        if model is not None or count.cutoffs:
            # A model or a label that does not exist is an error where there is no tile, too.
            label_cutoffs(info, await find_model(info, model), count.cutoff, count.cutoffs)
        record = await info.context.loaders.tile_at.load(PointKey(position, where))
        if record is None:
            return None
        found = await find_model(info, model)
        cutoffs = label_cutoffs(info, found, count.cutoff, count.cutoffs)
        return await classify(info, Tile.of(record), found, cutoffs)

    @strawberry.field(
        metadata=cost(items=PAGE_LENGTH, area=True),
        description="The tiles that share area with a viewport, one per place on the ground: where "
        "tiles overlap, the finest band of zooms wins (24 to 22, 21 to 19, … 3 to 1, 0), in it the "
        "newest acquisition, then the highest zoom. Null only on errors.",
    )
    @grouped
    async def tiles_in_bounds(
        self, info: RequestInfo, *, tiles: TileArguments
    ) -> Connection[Tile] | None:
        """List the tiles in a viewport."""
        query = await tile_query(info, tiles)
        page = Page(query.cursors, tiles.page)
        rows = await info.context.loaders.tiles_in.load(query.key(page))
        return Connection[Tile].of(
            page,
            rows,
            node=Tile.of,
            place=_place,
            count=lambda: info.context.loaders.count.load(query.count_key),
        )


def _place(row: TileRecord) -> Position:
    return row.position
