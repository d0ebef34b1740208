"""Tiles, scenes, models and jobs by global id, and the lists of scenes and models."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

import strawberry
from strawberry import relay

from earthgql.api import ids
from earthgql.api.argument_groups import grouped
from earthgql.api.context import RequestInfo
from earthgql.api.costs import cost
from earthgql.api.paging.connections import Connection, connection_by_id
from earthgql.api.paging.page import PAGE_LENGTH, PageArguments
from earthgql.api.resolvers.jobs import find_job
from earthgql.api.types.model import Model, find_model, model_of
from earthgql.api.types.scene import Scene
from earthgql.api.types.tile import Tile, find_tile
from earthgql.catalog import models as model_catalog
from earthgql.catalog import scenes as scene_catalog
from earthgql.errors import BadInputError, NotFoundError

Finder = Callable[[RequestInfo, int], Awaitable[relay.Node | None]]
Id = Annotated[strawberry.ID, strawberry.argument(description="An id that this API gave out.")]


@strawberry.type
class NodeQueries:
    """Tiles, scenes and models by id, and lists of them; part of the schema's query type."""

    @strawberry.field(description="One tile, or null if there is none of this id.")
    async def tile(self, info: RequestInfo, id: Id) -> Tile | None:
        """Find a tile."""
        return await find_tile(info, ids.decode_as("Tile", id))

    @strawberry.field(description="Anything with an id, or null if there is nothing of this id.")
    async def node(self, info: RequestInfo, id: Id) -> relay.Node | None:
        """Find a node."""
        return await find_node(info, id)

    @strawberry.field(
        metadata=cost(items=PAGE_LENGTH),
        description="All scenes, oldest first. Null only on errors.",
    )
    @grouped
    async def scenes(self, info: RequestInfo, *, page: PageArguments) -> Connection[Scene] | None:
        """List the scenes."""
        return connection_by_id(
            info,
            "scenes",
            page,
            rows=scene_catalog.list_scenes,
            count=scene_catalog.count_scenes,
            node=Scene.of,
        )

    @strawberry.field(
        metadata=cost(items=PAGE_LENGTH),
        description="All models used here, oldest first. Null only on errors.",
    )
    @grouped
    async def models(self, info: RequestInfo, *, page: PageArguments) -> Connection[Model] | None:
        """List the models."""
        return connection_by_id(
            info,
            "models",
            page,
            rows=model_catalog.list_models,
            count=model_catalog.count_models,
            node=Model.of,
        )

    @strawberry.field(description="One model, or null if there is none of this version.")
    async def model(
        self,
        info: RequestInfo,
        version: Annotated[
            str | None,
            strawberry.argument(
                description="Its version; with its name and a space before it where models of "
                "several names have the version (default: the model that this server runs)."
            ),
        ] = None,
    ) -> Model | None:
        """Find a model."""
        try:
            return model_of(info, await find_model(info, version))
        except NotFoundError:
            return None


async def find_node(info: RequestInfo, global_id: str) -> relay.Node | None:
    """Return the object of a global id; None if there is none.

    Raises:
        BadInputError: if it is malformed, or not the id of a node.
    """
    kind, row_id = ids.decode(global_id)
    if kind not in _FINDERS:
        raise BadInputError(f"{global_id!r} is the id of a {kind}, which is not a node")
    return await _FINDERS[kind](info, row_id)


async def _find_scene(info: RequestInfo, row_id: int) -> Scene | None:
    record = await info.context.loaders.scene.load(row_id)
    return None if record is None else Scene.of(record)


async def _find_model(info: RequestInfo, row_id: int) -> Model | None:
    record = await info.context.loaders.model.load(row_id)
    return None if record is None else Model.of(record)


_FINDERS: dict[str, Finder] = {
    "Tile": cast(Finder, find_tile),
    "Scene": cast(Finder, _find_scene),
    "Model": cast(Finder, _find_model),
    "Job": cast(Finder, find_job),
}
