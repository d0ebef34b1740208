"""Stored scores, else infer, then store: the one place that knows all three."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import nullcontext

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from earthgql.catalog.models import ModelRecord, register_model
from earthgql.catalog.reals import as_real
from earthgql.catalog.scores import ScoreRecord, find_scores, insert_scores
from earthgql.database.engine import database_errors, logged_errors
from earthgql.errors import DeadlineError, EarthGQLError, NotFoundError, OverloadedError
from earthgql.imagery.source import Pixels, TileSource
from earthgql.models.protocol import Classifier
from earthgql.scoring.batcher import LONGEST_TURN_S, stopped
from earthgql.scoring.counts import BatchCounts
from earthgql.scoring.pending import Flights, Request

Answer = ScoreRecord | EarthGQLError


class ScoringService:
    """Scores tiles with one model; made once per application, used by all its threads.

    Requests that come together share the work: see ``Flights`` and ``Batcher``. A process forked
    from one that used it begins anew, with a model of its own.
    """

    def __init__(
        self,
        engine: Engine,
        load: Callable[[], Classifier],
        deadline_s: float = 25.0,
        *,
        queue_size: int = 4096,
        batch_wait_s: float = 0.0,
        longest_turn_s: float = LONGEST_TURN_S,
    ) -> None:
        """Remember how to get at database and model; neither is touched yet.

        Args:
            engine: on the database of tiles and scores.
            load: loads the model; called once, when it is first needed.
            deadline_s: seconds a call of ``classify_tiles`` may take when it is not told.
            queue_size: most tiles of all requests on their way to the model; 0: any number.
            batch_wait_s: seconds that a batch waits for more tiles when the engine is idle.
            longest_turn_s: about as many seconds a batch may take that serves few requests.
        """
        self._engine = engine
        self._load = load
        self._deadline_s = deadline_s
        self._queue_size = queue_size
        self._batch_wait_s = batch_wait_s
        self._longest_turn_s = longest_turn_s
        self._model: ModelRecord | None = None
        self._begin()
        os.register_at_fork(after_in_child=_if_alive(weakref.WeakMethod(self._begin_in_child)))

    def _begin(self) -> None:
        self._loading = threading.Lock()
        self._classifier: Classifier | None = None
        self._flights: Flights | None = None
        self._closing: weakref.finalize[..., ScoringService] | None = None

    def _begin_in_child(self) -> None:
        """Leave the parent's threads, locks and connections behind: they do not work here."""
        if self._closing is not None:
            self._closing.detach()
        self._engine.dispose(close=False)
        self._begin()

    @property
    def classifier(self) -> Classifier:
        """The model, loaded when first asked for.

        Raises:
            ModelUnavailableError: if it cannot be loaded.
        """
        if self._classifier is None:
            with self._loading:
                if self._classifier is None:
                    self._classifier = self._load()
        return self._classifier

    @property
    def model(self) -> ModelRecord:
        """The model as registered in the database, which is done when first asked for.

        Raises:
            ModelUnavailableError: if it cannot be loaded, or the database knows another model by
                its name and version.
            DatabaseUnavailableError: if the database is away.
        """
        model = self._model
        if model is None:
            identity = self.classifier.identity
            with self._loading:
                model = self._model
                if model is None:
                    with database_errors(), self._engine.begin() as conn:
                        model = ModelRecord(register_model(conn, identity), identity)
                    self._model = model
        # Not the attribute: another thread may have found just now that the row is gone.
        return model

    @property
    def counts(self) -> BatchCounts:
        """What the batcher has done so far in this process."""
        return BatchCounts() if self._flights is None else self._flights.batcher.counts

    @property
    def on_way(self) -> int:
        """Tiles on their way to their scores: to be read, waiting for the model, or running."""
        return 0 if self._flights is None else len(self._flights)

    def warm_up(self) -> None:
        """Load the model, register it, and have its engine do once what is slow the first time.

        Raises:
            ModelUnavailableError: if that fails.
        """
        _ = self.model
        self.classifier.warm_up()

    def close(self) -> None:
        """Drop what waits and end the threads; also done when the process ends.

        Calls of ``classify_tiles`` under way return what they have.
        """
        if self._closing is not None:
            self._closing()

    def _started(self) -> Flights:
        classifier = self.classifier
        with self._loading:
            if self._flights is None:
                self._flights = Flights(
                    classifier,
                    queue_size=self._queue_size,
                    wait_s=self._batch_wait_s,
                    longest_turn_s=self._longest_turn_s,
                )
                self._closing = weakref.finalize(self, self._flights.close)
            return self._flights

    def classify_tiles(
        self, tile_ids: Sequence[int], *, deadline: float | None = None, must_store: bool = False
    ) -> dict[int, Answer]:
        """Answer for each tile: its scores, or why there are none.

        Takes one statement when all scores are kept, else two. No database connection is held
        while pixels are read or the model runs. A tile that another call waits for already is
        neither read nor inferred again.

        Args:
            tile_ids: any tiles, in any order.
            deadline: ``time.monotonic()`` seconds at which to stop; none: that of the service.
            must_store: whether scores that cannot be stored are an error, not only logged.

        Returns:
            By tile id a ``ScoreRecord``, or as a value, not raised: ``NotFoundError``,
            ``ImageUnreadableError``, ``ModelUnavailableError`` if the model failed on this tile,
            ``OverloadedError`` for all that have no scores if too many wait already, or
            ``DeadlineError`` for what was not done in time (what was is kept, so that asking again
            continues; of what was running, the next who asks within seconds gets the result).

        Raises:
            ModelUnavailableError: if there is no model, or this process is being stopped.
            DatabaseUnavailableError: if the database is away when the model is registered.
            SQLAlchemyError: if it is away or too slow later; see ``database_errors``.
        """
        if not tile_ids:
            return {}
        began = time.monotonic()
        if deadline is None:
            deadline = began + self._deadline_s
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

    def classify_pixels(
        self, pixels: Pixels, *, deadline: float | None = None
    ) -> tuple[float, ...]:
        """Score a picture that is no tile, in common batches with the tiles of all requests.

        Nothing is stored, and the database is not asked.

        Args:
            pixels: ``uint8 [256, 256, 3]``, red, green, blue; not to be changed afterwards.
            deadline: ``time.monotonic()`` seconds at which to stop; none: that of the service.

        Returns:
            One score per label of the model, in their order, 0 to 1.

        Raises:
            DeadlineError: if it was not done in time.
            OverloadedError: if too many tiles wait already.
            ModelUnavailableError: if there is no model, it failed, or this process is being
                stopped.
        """
        if deadline is None:
            deadline = time.monotonic() + self._deadline_s
        scoring = self._started().score(pixels, deadline)
        try:
            left = min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
            return as_real(scoring.result(left))
        except TimeoutError:
            scoring.cancel()
            raise DeadlineError("the picture was not classified in time: ask again") from None
        except CancelledError:
            raise stopped() from None

    def _infer(
        self,
        model: ModelRecord,
        sources: Mapping[int, TileSource],
        request: Request,
        must_store: bool,
    ) -> dict[int, Answer]:
        """Have tiles that have no scores read and classified, and store what nobody else does."""
        flights = self._started()
        try:
            flights.board(request, sources)
            request.wait()
        except OverloadedError as error:
            return dict.fromkeys(sources, error)
        finally:
            flights.leave(request)
        answers = request.landed()
        # Whoever asks again within seconds stores what could not be stored.
        with nullcontext() if must_store else logged_errors("scores were not stored"):
            self._store(model, flights, request, sources)
        return answers

    def _store(
        self,
        model: ModelRecord,
        flights: Flights,
        request: Request,
        sources: Mapping[int, TileSource],
    ) -> None:
        records = flights.claim(request)
        if not records:
            return
        well = False
        try:
            self._insert(model, records, sources)
            well = True
        finally:
            flights.stored(request, records, well=well)

    def _insert(
        self, model: ModelRecord, records: Sequence[ScoreRecord], sources: Mapping[int, TileSource]
    ) -> None:
        try:
            with self._engine.begin() as conn:
                insert_scores(conn, model.id, records, sources)
        except IntegrityError:
            # The tables were emptied under a running server, and the model's row with them.
            self._model = None
            with self._engine.begin() as conn:
                insert_scores(conn, self.model.id, records, sources)


def _too_late(done: int) -> DeadlineError:
    return DeadlineError(
        f"not classified in time; {done:,} other tiles of the request were: ask again to continue"
    )


def _if_alive(method: "weakref.WeakMethod[Callable[[], None]]") -> Callable[[], None]:
    """Call a method of an object unless that is gone, and do not keep it from going."""

    def call() -> None:
        bound = method()
        if bound is not None:
            bound()

    return call
