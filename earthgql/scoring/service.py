"""Scores tiles: looks up stored scores, has the others inferred, and stores those."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import nullcontext
from typing import NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from earthgql import cancellation
from earthgql.catalog.models import ModelRecord, model_named, register_model
from earthgql.catalog.scores import (
    ScoreRecord,
    as_real,
    as_real_or_none,
    find_scores,
    insert_scores,
)
from earthgql.database.engine import database_errors, logged_errors
from earthgql.errors import (
    BadInputError,
    DeadlineError,
    EarthGQLError,
    ModelNotLoadedError,
    ModelUnavailableError,
    NotFoundError,
    OverloadedError,
)
from earthgql.imagery.source import Pixels, TileSource
from earthgql.models.protocol import Classifier
from earthgql.scoring.batcher import MAX_BATCH_S, BatchStatistics, stopping_error
from earthgql.scoring.pending import PendingTiles, Request

Answer = ScoreRecord | EarthGQLError

LOAD_AGAIN_S = 5.0
"""Seconds after which a model that could not be loaded is tried again."""


class PictureScores(NamedTuple):
    """What the model says of a picture that is no tile.

    Attributes:
        scores: one per label of the model, in their order, 0 to 1.
        domain_distance: as of ``ScoreRecord``.
    """

    scores: tuple[float, ...]
    domain_distance: float | None


class ScoringService:
    """Scores tiles with one model; made once per application, used by all its threads.

    Concurrent requests share the work: see ``PendingTiles`` and ``Batcher``. After a fork, the
    child process begins anew, with a model of its own.
    """

    def __init__(
        self,
        engine: Engine,
        load: Callable[[], Classifier],
        deadline_s: float = 25.0,
        *,
        name: Callable[[], str] | None = None,
        queue_size: int = 4096,
        batch_wait_s: float = 0.0,
        max_batch_s: float = MAX_BATCH_S,
    ) -> None:
        """Make a service; database and model are not touched yet.

        Args:
            engine: on the database of tiles and scores.
            load: loads the model; called once, when it is first needed.
            deadline_s: seconds that a call may take which names no deadline.
            name: returns the name and version that the model should have; used if it cannot be
                loaded.
            queue_size: most tiles in flight, over all requests; 0: any number.
            batch_wait_s: seconds that a batch waits for more tiles when the engine is idle.
            max_batch_s: about the most seconds of a batch that serves few requests.
        """
        self._engine = engine
        self._load = load
        self._name = name or _no_name
        self._deadline_s = deadline_s
        self._queue_size = queue_size
        self._batch_wait_s = batch_wait_s
        self._max_batch_s = max_batch_s
        self._model: ModelRecord | None = None
        self._reset()
        os.register_at_fork(after_in_child=_if_alive(weakref.WeakMethod(self._reset_in_child)))

    def _reset(self) -> None:
        self._loading = threading.Lock()
        self._classifier: Classifier | None = None
        self._failure: str | None = None
        self._failed_at = 0.0
        self._pending: PendingTiles | None = None
        self._closing: weakref.finalize[..., ScoringService] | None = None

    def _reset_in_child(self) -> None:
        """Discard the parent's threads, locks and connections, which do not work here."""
        if self._closing is not None:
            self._closing.detach()
        self._engine.dispose(close=False)
        self._reset()

    @property
    def classifier(self) -> Classifier:
        """The model, loaded on first use.

        Raises:
            ModelNotLoadedError: if it cannot be loaded, or could not a moment ago.
        """
        if self._classifier is None:
            with self._loading:
                if self._classifier is None:
                    self._classifier = self._load_again()
        return self._classifier

    def _load_again(self) -> Classifier:
        """Load the model, unless that failed just now: it takes seconds."""
        if self._failure is None or time.monotonic() > self._failed_at + LOAD_AGAIN_S:
            try:
                return self._load()
            except EarthGQLError as error:
                self._failure, self._failed_at = str(error), time.monotonic()
        raise ModelNotLoadedError(self._failure)

    @property
    def model(self) -> ModelRecord:
        """The model's row in the database, registered on first use.

        If it cannot be loaded, the row of the name and version that it should have: what it has
        scored before is answered, and all else is an error.

        Raises:
            ModelUnavailableError: if it cannot be loaded and has no row, or the database has
                another model of its name and version.
            DatabaseUnavailableError: if the database cannot be reached.
        """
        model = self._model
        if model is None:
            try:
                identity = self.classifier.identity
            except ModelNotLoadedError as error:
                return self._named_model(error)
            with self._loading:
                model = self._model
                if model is None:
                    with database_errors(), self._engine.begin() as conn:
                        model = ModelRecord(register_model(conn, identity), identity)
                    self._model = model
        # Not the attribute: another thread may just have reset it, because the row is gone.
        return model

    def _named_model(self, failure: ModelNotLoadedError) -> ModelRecord:
        try:
            name = self._name()
            with database_errors(), self._engine.connect() as conn:
                return model_named(conn, name)
        except (ModelUnavailableError, NotFoundError, BadInputError):
            raise failure from None

    def find_model(self, conn: Connection, name: str | None) -> ModelRecord:
        """Return the model of a ``model`` argument; None: that which this server runs.

        Raises:
            NotFoundError: if there is none of that name.
            BadInputError: if there are several.
            ModelUnavailableError: if none is named and there is none.
        """
        return self.model if name is None else model_named(conn, name)

    @property
    def statistics(self) -> BatchStatistics:
        """What the batcher has done so far in this process."""
        return BatchStatistics() if self._pending is None else self._pending.batcher.statistics

    @property
    def in_flight(self) -> int:
        """Tiles whose scores are pending: to be read, waiting for the model, or running."""
        return 0 if self._pending is None else len(self._pending)

    def warm_up(self) -> None:
        """Load and register the model, and run what is slow the first time.

        Raises:
            ModelUnavailableError: if that fails.
        """
        classifier, _ = self.classifier, self.model
        try:
            classifier.warm_up()
        except ModelUnavailableError as error:
            raise ModelNotLoadedError(str(error)) from error

    def close(self) -> None:
        """Drop waiting tiles and end the threads; also done when the process ends.

        Running calls of ``classify_tiles`` return what they have.
        """
        if self._closing is not None:
            self._closing()

    def _start(self) -> PendingTiles:
        """Return the pending tiles of this process, made on first use."""
        classifier = self.classifier
        with self._loading:
            if self._pending is None:
                self._pending = PendingTiles(
                    classifier,
                    queue_size=self._queue_size,
                    batch_wait_s=self._batch_wait_s,
                    max_batch_s=self._max_batch_s,
                )
                self._closing = weakref.finalize(self, self._pending.close)
            return self._pending

    def classify_tiles(
        self, tile_ids: Sequence[int], *, deadline: float | None = None, must_store: bool = False
    ) -> dict[int, Answer]:
        """Return for each tile its scores, or the error why there are none.

        Runs one statement when all scores are stored, else two. No database connection is held
        while pixels are read or the model runs. A tile that another call already waits for is
        neither read nor inferred again.

        Args:
            tile_ids: any tiles, in any order.
            deadline: ``time.monotonic()`` seconds at which to stop; None: that of the service.
            must_store: whether a failure to store scores is raised, not only logged.

        Returns:
            By tile id a ``ScoreRecord``, or as a value, not raised: ``NotFoundError``,
            ``ImageUnreadableError``, ``ModelUnavailableError`` if the model failed on this tile or
            cannot be loaded,
            ``OverloadedError`` for all that have no scores if too many wait already, or
            ``DeadlineError`` for those not done in time. Scores done in time are stored, and
            those of tiles that still ran are remembered for seconds, so that repeating the call
            continues.

        Raises:
            ModelUnavailableError: if there is no model, or this process is being stopped.
            DatabaseUnavailableError: if the database fails while the model is registered.
            SQLAlchemyError: if it fails or is too slow later; see ``database_errors``.
        """
        if not tile_ids:
            return {}
        began = time.monotonic()
        if deadline is None:
            deadline = began + self._deadline_s
        if must_store:
            _ = self.classifier
        model = self.model
        ids = list(dict.fromkeys(tile_ids))
        with self._engine.connect() as conn:
            found = find_scores(conn, ids, model.id)
        answers: dict[int, Answer] = {
            tile_id: NotFoundError(f"there is no tile {tile_id}")
            for tile_id in ids
            if tile_id not in found.stored and tile_id not in found.sources
        }
        answers |= found.stored
        if found.sources and time.monotonic() < deadline:
            order = [tile_id for tile_id in ids if tile_id in found.sources]
            sources = {tile_id: found.sources[tile_id] for tile_id in order}
            answers |= self._infer(model, sources, Request(began, deadline), must_store)
        late = [tile_id for tile_id in found.sources if tile_id not in answers]
        answers |= {tile_id: _too_late(len(ids) - len(late)) for tile_id in late}
        return answers

    def classify_pixels(self, pixels: Pixels, *, deadline: float | None = None) -> PictureScores:
        """Score a picture that is no tile, in the same queue and batches as tiles.

        Nothing is stored, and the database is not used.

        Args:
            pixels: ``uint8 [256, 256, 3]``, red, green, blue; not to be changed afterwards.
            deadline: ``time.monotonic()`` seconds at which to stop; None: that of the service.

        Returns:
            Its scores, and its distance from what the model was trained on.

        Raises:
            DeadlineError: if it was not done in time.
            OverloadedError: if too many tiles wait already.
            ModelUnavailableError: if there is no model, it failed, or this process is being
                stopped.
        """
        if deadline is None:
            deadline = time.monotonic() + self._deadline_s
        scoring = self._start().score_pixels(pixels, deadline)
        try:
            seconds = min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
            with cancellation.calling(scoring.cancel):
                scores, distance = scoring.result(seconds)
            return PictureScores(as_real(scores), as_real_or_none(distance))
        except TimeoutError:
            scoring.cancel()
            raise DeadlineError("the picture was not classified in time: ask again") from None
        except CancelledError:
            cancellation.check()
            raise stopping_error() from None

    def _infer(
        self,
        model: ModelRecord,
        sources: Mapping[int, TileSource],
        request: Request,
        must_store: bool,
    ) -> dict[int, Answer]:
        """Have tiles read and inferred, and store the scores that no other request stores."""
        try:
            pending = self._start()
        except ModelNotLoadedError as failure:
            return dict.fromkeys(sources, failure)
        try:
            pending.add(request, sources)
            with cancellation.calling(request.complete.set):
                request.wait()
        except OverloadedError as error:
            return dict.fromkeys(sources, error)
        finally:
            pending.withdraw(request)
        answers = request.outcomes()
        # If this fails, the next request within seconds stores them. What was inferred for a client
        # that hung up is stored, too.
        logged = nullcontext() if must_store else logged_errors("scores were not stored")
        with logged, cancellation.working_for(None):
            self._store(model, pending, request, sources)
        return answers

    def _store(
        self,
        model: ModelRecord,
        pending: PendingTiles,
        request: Request,
        sources: Mapping[int, TileSource],
    ) -> None:
        records = pending.claim(request)
        if not records:
            return
        committed = False
        try:
            self._insert(model, records, sources)
            committed = True
        finally:
            pending.note_stored(request, records, committed=committed)

    def _insert(
        self, model: ModelRecord, records: Sequence[ScoreRecord], sources: Mapping[int, TileSource]
    ) -> None:
        try:
            with self._engine.begin() as conn:
                insert_scores(conn, model.id, records, sources)
        except IntegrityError:
            # The tables were emptied while the server runs, and the model's row with them.
            self._model = None
            with self._engine.begin() as conn:
                insert_scores(conn, self.model.id, records, sources)


def _no_name() -> str:
    raise ModelUnavailableError("it is not known which model this should be")


def _too_late(done: int) -> DeadlineError:
    return DeadlineError(
        f"not classified in time; {done:,} other tiles of the request were: ask again to continue"
    )


def _if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> Callable[[], None]:
    """Return a function that calls a method if its object still exists, without keeping it."""

    def call() -> None:
        bound = method()
        if bound is not None:
            bound()

    return call
