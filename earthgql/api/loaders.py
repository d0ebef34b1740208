"""Loaders of one request: what several fields ask for becomes one statement.

Every request runs in an event loop of its own, in a worker thread of its own, so the statements
here may block: nobody else waits for that loop, and the fields of a request stay in step, which
is what lets them be answered together.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine
from strawberry.dataloader import DataLoader

from earthgql.catalog import columns, models, scenes, tiles
from earthgql.catalog.columns import TileColumns
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import SceneRecord
from earthgql.catalog.scores import ScoreRecord
from earthgql.catalog.tiles import TileFilter, TileRecord
from earthgql.classification import ScoringService
from earthgql.database.engine import database_errors
from earthgql.errors import EarthGQLError
from earthgql.tiles.grid import Bounds, LonLat

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class PointKey:
    """The tile at a position, among those that ``where`` admits."""

    position: LonLat
    where: TileFilter


@dataclass(frozen=True, slots=True)
class BoundsKey:
    """A page of the tiles in a viewport, among those that ``where`` admits."""

    parts: tuple[Bounds, ...]
    where: TileFilter
    limit: int
    after: int | None


class Loaders:
    """The loaders of one request.

    Attributes:
        tile_at: ``PointKey`` to the tile there, or None.
        tiles_in: ``BoundsKey`` to its tiles, in the order of their ids.
        columns: ``BoundsKey`` to its tiles and their stored scores, as columns.
        count: ``BoundsKey`` to the number of tiles on all pages.
        tile: row id to tile, or None.
        scene: row id to scene, or None.
        tile_count: row id of a scene to the number of its tiles.
        model: row id to model, or None.
        scores: row id of a tile to its scores; raises what kept them from being computed.
    """

    def __init__(self, engine: Engine, scoring: ScoringService, deadline: float) -> None:
        """Make fresh loaders.

        Args:
            engine: where to read.
            scoring: what classifies tiles.
            deadline: ``time.monotonic()`` seconds at which this request stops inference.
        """
        self._engine = engine
        self._scoring = scoring
        self._deadline = deadline
        self.tile_at: DataLoader[PointKey, TileRecord | None] = DataLoader(self._tiles_at)
        self.tiles_in: DataLoader[BoundsKey, list[TileRecord]] = DataLoader(self._tiles_in)
        self.columns: DataLoader[BoundsKey, TileColumns] = DataLoader(self._columns)
        self.count: DataLoader[BoundsKey, int] = DataLoader(self._counts)
        self.tile: DataLoader[int, TileRecord | None] = self._by_id(tiles.tiles_by_ids)
        self.scene: DataLoader[int, SceneRecord | None] = self._by_id(scenes.scenes_by_ids)
        self.tile_count: DataLoader[int, int | None] = self._by_id(scenes.tile_counts)
        self.model: DataLoader[int, ModelRecord | None] = self._by_id(models.models_by_ids)
        self.scores: DataLoader[int, ScoreRecord] = DataLoader(self._scores)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for one read."""
        with database_errors(), self._engine.connect() as connection:
            yield connection

    def _by_id(
        self, find: Callable[[Connection, Sequence[int]], Mapping[int, Value]]
    ) -> DataLoader[int, Value | None]:
        async def load(row_ids: list[int]) -> list[Value | None]:
            with self.connection() as connection:
                found = find(connection, row_ids)
            return [found.get(row_id) for row_id in row_ids]

        return DataLoader(load)

    async def _tiles_at(self, keys: list[PointKey]) -> list[TileRecord | BaseException | None]:
        by_filter: dict[TileFilter, list[PointKey]] = defaultdict(list)
        for key in keys:
            by_filter[key.where].append(key)
        found: dict[PointKey, TileRecord | BaseException | None] = {}
        with self.connection() as connection:
            for where, group in by_filter.items():
                found.update(_tiles_at(connection, group, where))
        return [found[key] for key in keys]

    async def _tiles_in(self, keys: list[BoundsKey]) -> list[list[TileRecord] | BaseException]:
        with self.connection() as connection:
            return [_tiles_in(connection, key) for key in keys]

    async def _columns(self, keys: list[BoundsKey]) -> list[TileColumns | BaseException]:
        model = self._scoring.model
        width = len(model.identity.labels)
        with self.connection() as connection:
            return [_columns(connection, key, model.id, width) for key in keys]

    async def _counts(self, keys: list[BoundsKey]) -> list[int | BaseException]:
        with self.connection() as connection:
            return [columns.count_in_bounds(connection, key.parts, key.where) for key in keys]

    async def _scores(self, tile_ids: list[int]) -> list[ScoreRecord | BaseException]:
        with database_errors():
            answers = self._scoring.classify_tiles(tile_ids, deadline=self._deadline)
        return [answers[tile_id] for tile_id in tile_ids]


def _tiles_at(
    connection: Connection, keys: list[PointKey], where: TileFilter
) -> dict[PointKey, TileRecord | BaseException | None]:
    # An unknown scene is the mistake of the fields that name it, not of their neighbours.
    try:
        found = tiles.tiles_at(connection, [key.position for key in keys], where)
    except EarthGQLError as error:
        return dict.fromkeys(keys, error)
    return dict(zip(keys, found, strict=True))


def _tiles_in(connection: Connection, key: BoundsKey) -> list[TileRecord] | BaseException:
    try:
        return tiles.tiles_in_bounds(
            connection, key.parts, key.where, limit=key.limit, after=key.after
        )
    except EarthGQLError as error:
        return error


def _columns(
    connection: Connection, key: BoundsKey, model_id: int, labels: int
) -> TileColumns | BaseException:
    try:
        return columns.columns_in_bounds(
            connection,
            key.parts,
            key.where,
            model_id=model_id,
            labels=labels,
            limit=key.limit,
            after=key.after,
        )
    except EarthGQLError as error:
        return error
