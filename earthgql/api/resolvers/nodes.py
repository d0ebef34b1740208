"""What has a global id, found by it."""

from collections.abc import Awaitable, Callable
from typing import cast

from strawberry import relay

from earthgql.api import ids
from earthgql.api.context import RequestInfo
from earthgql.api.resolvers.jobs import find_job
from earthgql.api.types.nodes import Model, Scene, Tile
from earthgql.errors import BadInputError

Finder = Callable[[RequestInfo, int], Awaitable[relay.Node | None]]


async def find_node(info: RequestInfo, global_id: str) -> relay.Node | None:
    """Return what has a global id; None if there is nothing of it.

    Raises:
        BadInputError: if it is malformed, or the id of something that is no node.
    """
    kind, row_id = ids.decode(global_id)
    if kind not in _FINDERS:
        raise BadInputError(f"{global_id!r} is the id of a {kind}, which is not a node")
    return await _FINDERS[kind](info, row_id)


async def find_tile(info: RequestInfo, row_id: int) -> Tile | None:
    """Return the tile of a row; None if there is none."""
    record = await info.context.loaders.tile.load(row_id)
    return None if record is None else Tile.of(record)


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
