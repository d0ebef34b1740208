"""Loaders of one request: the reads of several fields become one statement.

Every request runs in an event loop of its own, in a worker thread of its own, so the statements
here may block: no other request uses that loop, and the fields of a request are resolved at the
same pace, so their reads can be joined.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from strawberry.dataloader import DataLoader

from earthgql.catalog import models, scenes, scores
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import SceneRecord
from earthgql.catalog.scores import ScoreRecord
from earthgql.catalog.tiles import columns
from earthgql.catalog.tiles import lookup as tiles
from earthgql.catalog.tiles.columns import TileColumns
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import TileRecord
from earthgql.catalog.tiles.order import BY_ID, Position, TileOrder
from earthgql.database.engine import database_errors
from earthgql.errors import (
    DatabaseUnavailableError,
    DeadlineError,
    EarthGQLError,
    ModelUnavailableError,
)
from earthgql.imagery.grid import Bounds, LonLat
from earthgql.scoring.service import Answer

DATABASE_S = 30.0
"""Seconds for all statements of a request together; the last one may end later."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Scoring(Protocol):
    """The methods of the scoring service that requests use: ``ScoringService``, or a wrapper."""

    @property
    def model(self) -> ModelRecord:
        """The model that this server runs."""

    def classify_tiles(
        self, tile_ids: Sequence[int], *, deadline: float | None = None
    ) -> dict[int, Answer]:
        """Return for each tile its scores, or the error."""


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
    after: Position | None
    before: Position | None = None
    order: TileOrder = BY_ID
    backward: bool = False


@dataclass(frozen=True, slots=True)
class ColumnsKey:
    """A page of the tiles in a viewport, with the scores of a model."""

    page: BoundsKey
    model: ModelRecord


@dataclass(frozen=True, slots=True)
class CountKey:
    """All tiles in a viewport, among those that ``where`` admits."""

    parts: tuple[Bounds, ...]
    where: TileFilter


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The scores of a tile by a model that this server need not run."""

    tile_id: int
    model: ModelRecord


class Loaders:
    """The loaders of one request.

    Attributes:
        tile_at: ``PointKey`` to the tile there, or None.
        tiles_in: ``BoundsKey`` to its tiles, in order.
        columns: ``ColumnsKey`` to its tiles and their stored scores, as columns.
        count: ``CountKey`` to the number of tiles.
        tile: row id to tile, or None.
        scene: row id to scene, or None.
        tile_count: row id of a scene to the number of its tiles.
        model: row id to model, or None.
        model_named: name, version or both to the model; raises if there is none, or several.
        stored: ``StoredKey`` to the scores kept; raises if there are none.
        scores: row id of a tile to its scores; raises the error if they cannot be computed.
    """

    def __init__(self, engine: Engine, scoring: Scoring, deadline: float) -> None:
        """Make fresh loaders.

        Args:
            engine: where to read.
            scoring: what classifies tiles.
            deadline: ``time.monotonic()`` seconds at which this request stops inference.
        """
        self._engine = engine
        self._scoring = scoring
        self._deadline = deadline
        self._left_s = DATABASE_S
        self._until = 0.0
        self.tile_at: DataLoader[PointKey, TileRecord | None] = DataLoader(self._tiles_at)
        self.tiles_in: DataLoader[BoundsKey, list[TileRecord]] = DataLoader(self._tiles_in)
        self.columns: DataLoader[ColumnsKey, TileColumns] = DataLoader(self._columns)
        self.count: DataLoader[CountKey, int] = DataLoader(self._counts)
        self.tile: DataLoader[int, TileRecord | None] = self._by_id(tiles.tiles_by_ids)
        self.scene: DataLoader[int, SceneRecord | None] = self._by_id(scenes.scenes_by_ids)
        self.tile_count: DataLoader[int, int | None] = self._by_id(scenes.tile_counts)
        self.model: DataLoader[int, ModelRecord | None] = self._by_id(models.models_by_ids)
        self.model_named: DataLoader[str, ModelRecord] = DataLoader(self._models_named)
        self.stored: DataLoader[StoredKey, ScoreRecord] = DataLoader(self._stored)
        self.scores: DataLoader[int, ScoreRecord] = DataLoader(self._scores)

    @cached_property
    def served_id(self) -> int | None:
        """Row id of the model that this server runs; None if it cannot."""
        try:
            return self._scoring.model.id
        except ModelUnavailableError:
            return None

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for one read.

        Raises:
            DeadlineError: if this request has spent the time that its statements may take.
        """
        with self.database_time(), database_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def database_time(self) -> Iterator[None]:
        """Count the time of the block as time of this request's statements.

        Raises:
            DeadlineError: if it is spent.
        """
        began = monotonic()
        self._until = began + self._left_s
        self._check_time()
        try:
            yield
        finally:
            self._left_s -= monotonic() - began

    def note_live(self) -> None:
        """Note that the answer changes by itself, so that no cache may keep it."""

    def _check_time(self) -> None:
        if monotonic() >= self._until:
            raise DeadlineError(
                f"the database took more than {DATABASE_S:g} s over this request: ask for smaller "
                "areas, or for less at once"
            )

    def _each(
        self, keys: list[Key], find: Callable[[Connection, Key], Value]
    ) -> list[Value | BaseException]:
        """Find one after the other, while there is time; one that fails does not stop others."""
        found: list[Value | BaseException] = []
        with self.connection() as connection:
            for key in keys:
                try:
                    self._check_time()
                    with database_errors():
                        found.append(find(connection, key))
                except DatabaseUnavailableError:
                    raise
                except EarthGQLError as error:
                    found.append(error)
        return found

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

        def find(connection: Connection, where: TileFilter) -> dict[PointKey, TileRecord | None]:
            group = by_filter[where]
            found = tiles.tiles_at(connection, [key.position for key in group], where)
            return dict(zip(group, found, strict=True))

        found = dict(zip(by_filter, self._each(list(by_filter), find), strict=True))
        return [_one(found[key.where], key) for key in keys]

    async def _tiles_in(self, keys: list[BoundsKey]) -> list[list[TileRecord] | BaseException]:
        return self._each(keys, _tiles_in)

    async def _columns(self, keys: list[ColumnsKey]) -> list[TileColumns | BaseException]:
        return self._each(keys, _columns)

    async def _counts(self, keys: list[CountKey]) -> list[int | BaseException]:
        return self._each(
            keys, lambda connection, key: columns.count_in_bounds(connection, key.parts, key.where)
        )

    async def _models_named(self, names: list[str]) -> list[ModelRecord | BaseException]:
        _ = self.served_id  # it may not have been used yet; then this registers it
        return self._each(names, models.model_named)

    async def _stored(self, keys: list[StoredKey]) -> list[ScoreRecord | BaseException]:
        by_model: dict[ModelRecord, list[int]] = defaultdict(list)
        for key in keys:
            by_model[key.model].append(key.tile_id)

        def find(connection: Connection, model: ModelRecord) -> dict[StoredKey, ScoreRecord]:
            stored = scores.stored_scores(connection, by_model[model], model.id)
            return {StoredKey(tile_id, model): record for tile_id, record in stored.items()}

        found = dict(zip(by_model, self._each(list(by_model), find), strict=True))
        return [_one(found[key.model], key) or _not_stored(key) for key in keys]

    async def _scores(self, tile_ids: list[int]) -> list[ScoreRecord | BaseException]:
        with database_errors():
            answers = self._scoring.classify_tiles(tile_ids, deadline=self._deadline)
        return [answers[tile_id] for tile_id in tile_ids]


def _one(
    found: Mapping[Key, Value | None] | BaseException, key: Key
) -> Value | BaseException | None:
    """Return the value of a key, or the error of its group of keys."""
    return found if isinstance(found, BaseException) else found.get(key)


def _tiles_in(connection: Connection, key: BoundsKey) -> list[TileRecord]:
    return tiles.tiles_in_bounds(connection, key.parts, key.where, **_page(key))


def _columns(connection: Connection, key: ColumnsKey) -> TileColumns:
    return columns.columns_in_bounds(
        connection,
        key.page.parts,
        key.page.where,
        model_id=key.model.id,
        labels=len(key.model.identity.labels),
        **_page(key.page),
    )


def _page(key: BoundsKey) -> dict[str, Any]:
    return {
        "limit": key.limit,
        "after": key.after,
        "before": key.before,
        "order": key.order,
        "backward": key.backward,
    }


def _not_stored(key: StoredKey) -> ModelUnavailableError:
    identity = key.model.identity
    return ModelUnavailableError(
        f"model {identity.name} {identity.version} has not classified this tile, and is not the"
        " one that this server runs"
    )
