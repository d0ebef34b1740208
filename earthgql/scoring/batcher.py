"""Joins the tiles of concurrent requests into batches and keeps the engine busy with them."""

import logging
import math
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

import numpy as np

from earthgql.errors import (
    DeadlineError,
    EarthGQLError,
    ModelNotLoadedError,
    ModelUnavailableError,
)
from earthgql.models.passes import padded_size
from earthgql.models.protocol import (
    TILE_SIZE,
    Classifier,
    ModelIdentity,
    Pixels,
    Prediction,
    Predictions,
    Scores,
)
from earthgql.scoring.fair_queue import FairQueue
from earthgql.scoring.pace import Pace

MAX_BATCH_S = 0.1
"""Most seconds that a click should wait for a batch of a large request; less where a tile takes
less, more where one tile takes longer."""

_CLOSE_TIMEOUT_S = 10.0
_log = logging.getLogger(__name__)


@dataclass
class BatchStatistics:
    """What a batcher has done so far.

    Attributes:
        batches: batches that the engine started.
        tiles: tiles in them.
        failed: tiles without scores: the engine failed, or its scores are not 0 to 1.
        dropped: tiles cancelled, or past their deadline, before they ran.
        longest_queue: most tiles that waited at once.
    """

    batches: int = 0
    tiles: int = 0
    failed: int = 0
    dropped: int = 0
    longest_queue: int = 0

    @property
    def mean_batch(self) -> float:
        """Tiles per batch."""
        return self.tiles / self.batches if self.batches else 0.0


@dataclass(eq=False)
class _QueuedTile:
    """A tile that waits or runs."""

    pixels: Pixels
    deadline: float
    future: Future[Prediction] = field(default_factory=Future)
    taken: bool = False


class Batcher:
    """Feeds a classifier from one thread with batches of the tiles of all requests.

    Requests are served round robin. While the engine is busy, tiles queue up; when it is free, a
    batch is made of those there are. A batch that serves few requests is kept short, so that a
    click never waits long for a viewport; the more requests wait, the larger it grows. The queue
    has no limit here: see ``Admission``.

    Attributes:
        statistics: what was done so far; written by the batcher alone.
        max_batch_size: most tiles of a batch.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        batch_wait_timeout_s: float = 0.0,
        max_batch_s: float = MAX_BATCH_S,
    ) -> None:
        """Make a batcher; its thread starts with the first tile.

        Args:
            classifier: scores the batches.
            batch_wait_timeout_s: seconds that a batch waits for more tiles while it is not full.
            max_batch_s: expected seconds of a batch at most, unless one tile of each waiting
                request takes longer; infinite: batches are as large as possible.
        """
        self.statistics = BatchStatistics()
        self.max_batch_size = classifier.batch_size
        self._classifier = classifier
        self._wait_timeout_s = batch_wait_timeout_s
        self._max_batch_s = max_batch_s
        self._pace = Pace()
        self._changed = threading.Condition()
        self._queue: FairQueue[object, _QueuedTile] = FairQueue(lambda tile: not tile.taken)
        self._waiting: dict[Future[Prediction], _QueuedTile] = {}
        self._retries: deque[_QueuedTile] = deque()
        self._last_was_retry = False
        self._waiting_since = -math.inf
        self._running_batches = 0
        self._finished: deque[tuple[list[_QueuedTile], Future[Predictions], float]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        """Count the tiles that wait."""
        return len(self._waiting)

    def submit(
        self, request: object, pixels: Pixels, deadline: float = math.inf
    ) -> Future[Prediction]:
        """Queue a tile.

        Args:
            request: whose tile it is; requests are served round robin.
            pixels: ``uint8 [256, 256, 3]``, red, green, blue; not to be changed afterwards.
            deadline: ``time.monotonic()`` seconds after which it is not to be run any more.

        Returns:
            The future prediction, which may be cancelled; its exception is a
            ``DeadlineError``, or a ``ModelUnavailableError`` if the model failed.

        Raises:
            ModelUnavailableError: if the batcher was closed.
            ValueError: if the pixels are not of that shape and type.
        """
        if pixels.shape != (TILE_SIZE, TILE_SIZE, 3) or pixels.dtype != np.uint8:
            raise ValueError(f"not a tile: {pixels.dtype} {list(pixels.shape)}")
        tile = _QueuedTile(pixels, deadline)
        with self._changed:
            self._ensure_thread()
            if not self._waiting:
                self._waiting_since = time.monotonic()
            self._waiting[tile.future] = tile
            longest = max(self.statistics.longest_queue, len(self._waiting))
            self.statistics.longest_queue = longest
            self._queue.push(request, tile)
            self._changed.notify_all()
        tile.future.add_done_callback(self._drop_cancelled)
        return tile.future

    def join(self, request: object, future: Future[Prediction], deadline: float = math.inf) -> None:
        """Let another request wait for a tile: it runs when the first of them has its turn.

        Args:
            request: the other request.
            future: from ``submit``; nothing changes if the tile already runs or is done.
            deadline: as in ``submit``; the later one counts.
        """
        with self._changed:
            tile = self._waiting.get(future)
            if tile is not None:
                tile.deadline = max(tile.deadline, deadline)
                self._queue.push(request, tile)

    def close(self) -> None:
        """Cancel what waits, let the engine finish what it has begun, and end the thread."""
        with self._changed:
            self._closed = True
            waiting = list(self._waiting)
            thread = self._thread
            self._changed.notify_all()
        for future in waiting:
            future.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_TIMEOUT_S)

    def submit_error(self, error: Exception) -> EarthGQLError:
        """Return an exception of ``submit`` as one for clients; an unexpected one is logged."""
        if isinstance(error, EarthGQLError):
            return error
        _log.error("a tile did not get to the model", exc_info=error)
        return model_error(error, self._classifier.identity)

    def _ensure_thread(self) -> None:
        """Start the thread that runs the batches.

        Raises:
            ModelUnavailableError: if the batcher was closed.
        """
        if self._closed:
            raise stopping_error()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="batcher", daemon=True)
            thread.start()
            # Set only now: if the machine refuses a thread, the next tile tries again.
            self._thread = thread

    def _drop_cancelled(self, future: Future[Prediction]) -> None:
        """Take a tile that was cancelled out of the queue, and its pixels out of memory."""
        with self._changed:
            tile = self._waiting.pop(future, None)
            if tile is not None:
                tile.taken = True
                self.statistics.dropped += 1
                # Wakes those who wait in concurrent.futures.wait.
                future.set_running_or_notify_cancel()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._finished or self._may_start() or self._is_over()):
                    self._changed.wait(self._wakeup_s())
                over = self._is_over()
                finished, self._finished = self._finished, deque()
                batch, late = self._next_batch() if self._may_start() else ([], [])
                self._running_batches += bool(batch)
            if batch:
                # Before anything else: the engine is waiting.
                self._start(batch)
            for tile in late:
                tile.future.set_exception(DeadlineError("not classified in time"))
            for ended in finished:
                self._deliver(*ended)
            if over:
                return

    def _is_over(self) -> bool:
        busy = self._running_batches or self._finished or self._retries
        return self._closed and not busy

    def _may_start(self) -> bool:
        if self._running_batches >= self._classifier.parallel:
            return False
        if self._retries:
            return True
        return bool(self._waiting) and not self._closed and not self._remaining_wait_s()

    def _remaining_wait_s(self) -> float:
        """Seconds for which a batch that is not full still waits for more tiles."""
        if not self._wait_timeout_s or len(self._waiting) >= self.max_batch_size:
            return 0.0
        return max(0.0, self._waiting_since + self._wait_timeout_s - time.monotonic())

    def _wakeup_s(self) -> float | None:
        """Seconds until a batch may start although nothing happens; None: never."""
        free = self._running_batches < self._classifier.parallel
        return self._remaining_wait_s() if self._waiting and free and not self._closed else None

    def _next_batch(self) -> tuple[list[_QueuedTile], list[_QueuedTile]]:
        """Take the tiles of the next batch, and those found whose deadline has passed.

        Tiles of a failed batch run alone, alternating with batches of what waits.
        """
        self._last_was_retry = bool(self._retries) and not (self._last_was_retry and self._waiting)
        if self._last_was_retry:
            return [self._retries.popleft()], []
        size = min(self.max_batch_size, self._next_size())
        batch: list[_QueuedTile] = []
        late: list[_QueuedTile] = []
        now = time.monotonic()
        while len(batch) < size and (found := self._queue.take()):
            tile = found[1]
            tile.taken = True
            self._waiting.pop(tile.future, None)
            if not tile.future.set_running_or_notify_cancel():
                continue
            (batch if now < tile.deadline else late).append(tile)
        self.statistics.dropped += len(late)
        return batch, late

    def _next_size(self) -> int:
        """Return the size of the next batch: one tile of each request, or more if that is quick.

        A click waits for the batch that is running and for the tiles that share a batch with it.
        What the engine would run in several passes is better several batches.
        """
        requests = len(self._queue.requests())
        if math.isinf(self._max_batch_s):
            return self.max_batch_size
        size = requests
        if requests == 1 or not self._queue.has_unserved():
            quick = self._pace.size_like_a_click(self._max_batch_s, self.max_batch_size)
            size = max(requests, quick)
        size = min(size, len(self._waiting))
        return min(size, padded_size(size, self._classifier.pass_sizes))

    def _start(self, batch: list[_QueuedTile]) -> None:
        self.statistics.batches += 1
        self.statistics.tiles += len(batch)
        _log.debug("batch of %d tiles, %d more waiting", len(batch), len(self._waiting))
        began = time.monotonic()
        try:
            future = self._classifier.start(np.stack([tile.pixels for tile in batch]))
        except Exception as error:
            future = Future()
            future.set_exception(error)
        future.add_done_callback(
            lambda done: self._batch_done(batch, done, time.monotonic() - began)
        )

    def _batch_done(
        self, batch: list[_QueuedTile], future: Future[Predictions], seconds: float
    ) -> None:
        """Note that the engine is free; in the engine's thread, so nothing here may take time."""
        with self._changed:
            self._running_batches -= 1
            if not future.cancelled() and future.exception() is None:
                self._pace.record(len(batch), seconds)
            self._finished.append((batch, future, seconds))
            self._changed.notify_all()

    def _deliver(
        self, batch: list[_QueuedTile], future: Future[Predictions], seconds: float
    ) -> None:
        """Set the futures of a batch's tiles."""
        try:
            rows = split_predictions(future.result(), len(batch), self._classifier.identity)
        except (Exception, CancelledError) as error:
            self._retry_or_fail(batch, error)
            return
        _log.debug("batch of %d tiles took %.3f s", len(batch), seconds)
        for tile, row in zip(batch, rows, strict=True):
            if isinstance(row, EarthGQLError):
                self.statistics.failed += 1
                tile.future.set_exception(row)
            else:
                tile.future.set_result(row)

    def _retry_or_fail(self, batch: list[_QueuedTile], error: BaseException) -> None:
        """Queue the tiles of a failed batch to run alone; a tile that fails alone has failed."""
        if not threading.main_thread().is_alive():
            # The process ends, and with it the threads of the engine.
            error = stopping_error()
        if len(batch) > 1 and not isinstance(error, EarthGQLError):
            _log.warning("a batch of %d failed, tried tile by tile", len(batch), exc_info=error)
            with self._changed:
                self._retries.extend(batch)
            return
        if not self._closed and threading.main_thread().is_alive():
            _log.error("the model failed on %d tiles", len(batch), exc_info=error)
        self.statistics.failed += len(batch)
        for tile in batch:
            tile.future.set_exception(model_error(error, self._classifier.identity))


def split_predictions(
    predictions: Predictions, tiles: int, identity: ModelIdentity
) -> list[Prediction | ModelUnavailableError]:
    """Divide the predictions of a batch among its tiles; invalid ones are an error of their tile.

    Args:
        predictions: the engine's output, to be of so many tiles.
        tiles: number of tiles in the batch.
        identity: of the model.

    Returns:
        For each tile its prediction, or the error.
    """
    scores, distances = predictions
    expected = (tiles, len(identity.labels))
    if scores.shape != expected or (distances is not None and distances.shape != (tiles,)):
        found = f"{list(scores.shape)}" + ("" if distances is None else f", {[*distances.shape]}")
        error = ModelUnavailableError(
            f"model {identity.name} answered with shape {found}, expected {list(expected)}"
        )
        return [error] * tiles
    known = [None] * tiles if distances is None else distances.tolist()
    return [
        Prediction(row, distance) if _is_valid(row, distance) else _invalid_scores_error(identity)
        for row, distance in zip(scores, known, strict=True)
    ]


def _is_valid(scores: Scores, distance: float | None) -> bool:
    # NaN, which compares false with everything, is invalid too.
    return bool(((scores >= 0) & (scores <= 1)).all()) and (
        distance is None or 0 <= distance < math.inf
    )


def _invalid_scores_error(identity: ModelIdentity) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"model {identity.name} {identity.version} gave scores that are not numbers between 0 and 1"
        " for this tile; none were stored: check it with manage.py model verify"
    )


def model_error(error: BaseException, identity: ModelIdentity) -> ModelUnavailableError:
    """Return an engine's error as one for clients, without the files and hosts it may name."""
    if isinstance(error, ModelUnavailableError):
        return ModelNotLoadedError(str(error))
    return ModelUnavailableError(f"model {identity.name} failed on this tile, see the server's log")


def stopping_error() -> ModelUnavailableError:
    """Return the error of tiles that are submitted or waiting while the process ends."""
    return ModelUnavailableError("this process is being stopped: ask again")
