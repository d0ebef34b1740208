"""``Scene``: an ingested source of imagery."""

from datetime import datetime
from typing import Self

import strawberry
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.types.values import Bounds
from earthgql.catalog.scenes import SceneRecord


@strawberry.type(description="One ingested source of imagery: a raster or a tile pyramid.")
class Scene(relay.Node):
    """One ingested source of imagery."""

    row_id: relay.NodeID[int]
    name: str = strawberry.field(description="Unique name.")
    zoom: int = strawberry.field(description="Zoom level of its most detailed tiles.")
    bounds: Bounds = strawberry.field(description="The rectangle around the scene.")
    acquired_at: datetime | None = strawberry.field(
        description="When the imagery was taken, where that is known."
    )
    attribution: str | None = strawberry.field(description="Whom to credit for the imagery.")

    @classmethod
    def of(cls, record: SceneRecord) -> Self:
        """Make the API's scene of a catalogue's."""
        return cls(
            row_id=record.id,
            name=record.name,
            zoom=record.zoom,
            bounds=Bounds.of(record.bounds),
            acquired_at=record.acquired_at,
            attribution=record.attribution,
        )

    @strawberry.field(description="Number of tiles of the scene, over all its zoom levels.")
    async def tile_count(self, info: RequestInfo) -> int:
        """Count the tiles, for all scenes of the request at once."""
        return await info.context.loaders.tile_count.load(self.row_id) or 0
