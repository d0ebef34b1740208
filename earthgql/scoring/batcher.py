"""Joins the tiles of concurrent requests into batches and keeps the engine busy with them."""

import logging
import math
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

import numpy as np

from earthgql.errors import DeadlineError, EarthGQLError, ModelUnavailableError
from earthgql.models.passes import padded_size
from earthgql.models.protocol import TILE_SIZE, Classifier, Pixels, Scores
from earthgql.scoring.counts import BatchCounts
from earthgql.scoring.fair_queue import FairQueue
from earthgql.scoring.pace import Pace
from earthgql.scoring.unbatch import failed, unbatch

LONGEST_TURN_S = 0.1
"""What a single click may have to wait for a large request's batch at most, where engines allow it;
less where a tile takes less."""

_CLOSING_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Entry:
    """A tile that waits or runs."""

    pixels: Pixels
    deadline: float
    future: Future[Scores] = field(default_factory=Future)
    taken: bool = False


class Batcher:
    """Feeds a classifier from one thread: tiles of all requests in turn, in common batches.

    While the engine is busy, tiles gather; when it is free, it gets what there is. A batch that
    serves few requests is kept short, so that a click never waits long behind a viewport; the more
    requests wait, the larger it grows. How many tiles may wait is for whoever submits them to
    bound. No SQL here, and no particular engine.

    Attributes:
        counts: what was done so far; written by the batcher alone.
        max_batch_size: most tiles of a batch.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        batch_wait_timeout_s: float = 0.0,
        longest_turn_s: float = LONGEST_TURN_S,
    ) -> None:
        """Make a batcher; its thread starts with the first tile.

        Args:
            classifier: what scores the batches.
            batch_wait_timeout_s: seconds that a batch waits for more tiles while it is not full.
            longest_turn_s: seconds that a batch may take, judging by those before, unless one tile
                of each waiting request takes longer; infinite: batches are as large as they may.
        """
        self.counts = BatchCounts()
        self.max_batch_size = classifier.batch_size
        self._classifier = classifier
        self._wait_s = batch_wait_timeout_s
        self._longest_turn_s = longest_turn_s
        self._pace = Pace()
        self._changed = threading.Condition()
        self._queue: FairQueue[object, _Entry] = FairQueue(lambda entry: not entry.taken)
        self._waiting: dict[Future[Scores], _Entry] = {}
        self._alone: deque[_Entry] = deque()
        self._last_was_alone = False
        self._gathering_since = -math.inf
        self._under_way = 0
        self._finished: deque[tuple[list[_Entry], Future[Scores], float]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        """Count the tiles that wait."""
        return len(self._waiting)

    def submit(self, request: object, pixels: Pixels, deadline: float = math.inf) -> Future[Scores]:
        """Queue a tile.

        Args:
            request: whose tile it is; requests are served in turn.
            pixels: ``uint8 [256, 256, 3]``, red, green, blue; not to be changed afterwards.
            deadline: ``time.monotonic()`` seconds after which it is not to be run any more.

        Returns:
            The future ``float32 [labels]``, to be cancelled by who no longer wants it; or as its
            exception ``DeadlineError``, or ``ModelUnavailableError`` if the model failed.

        Raises:
            ModelUnavailableError: if the batcher was closed.
            ValueError: if the pixels are not of that shape and type.
        """
        if pixels.shape != (TILE_SIZE, TILE_SIZE, 3) or pixels.dtype != np.uint8:
            raise ValueError(f"not a tile: {pixels.dtype} {list(pixels.shape)}")
        entry = _Entry(pixels, deadline)
        with self._changed:
            self._admit()
            if not self._waiting:
                self._gathering_since = time.monotonic()
            self._waiting[entry.future] = entry
            self.counts.longest_queue = max(self.counts.longest_queue, len(self._waiting))
            self._queue.push(request, entry)
            self._changed.notify_all()
        entry.future.add_done_callback(self._forget)
        return entry.future

    def join(self, request: object, future: Future[Scores], deadline: float = math.inf) -> None:
        """Let another request wait for a tile too: it runs when the first of them has its turn.

        Args:
            request: who else wants it.
            future: as ``submit`` gave it; one that already runs or is done stays as it is.
            deadline: as in ``submit``; the later one counts.
        """
        with self._changed:
            entry = self._waiting.get(future)
            if entry is not None:
                entry.deadline = max(entry.deadline, deadline)
                self._queue.push(request, entry)

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
            thread.join(_CLOSING_S)

    def told(self, error: Exception) -> EarthGQLError:
        """Return what is told of an error of ``submit``; one that nobody foresaw is logged."""
        if isinstance(error, EarthGQLError):
            return error
        _log.error("a tile did not get to the model", exc_info=error)
        return failed(error, self._classifier.identity)

    def _admit(self) -> None:
        """See that one more tile may wait, and that somebody will take it."""
        if self._closed:
            raise stopped()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="batcher", daemon=True)
            thread.start()
            # One that the machine refuses is tried again with the next tile.
            self._thread = thread

    def _forget(self, future: Future[Scores]) -> None:
        """Take a tile that was cancelled out of the queue, and its pixels out of memory."""
        with self._changed:
            entry = self._waiting.pop(future, None)
            if entry is not None:
                entry.taken = True
                self.counts.dropped += 1
                # Wakes those who wait in concurrent.futures.wait.
                future.set_running_or_notify_cancel()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._finished or self._may_start() or self._is_over()):
                    self._changed.wait(self._pause())
                over = self._is_over()
                finished, self._finished = self._finished, deque()
                batch, late = self._gather() if self._may_start() else ([], [])
                self._under_way += bool(batch)
            if batch:
                # Before anything else: the engine is waiting.
                self._start(batch)
            for entry in late:
                entry.future.set_exception(DeadlineError("not classified in time"))
            for ended in finished:
                self._deliver(*ended)
            if over:
                return

    def _is_over(self) -> bool:
        return self._closed and not self._under_way and not self._finished and not self._alone

    def _may_start(self) -> bool:
        if self._under_way >= self._classifier.parallel:
            return False
        if self._alone:
            return True
        return bool(self._waiting) and not self._closed and not self._patience()

    def _patience(self) -> float:
        """Seconds for which a batch that is not full still waits for more."""
        if not self._wait_s or len(self._waiting) >= self.max_batch_size:
            return 0.0
        return max(0.0, self._gathering_since + self._wait_s - time.monotonic())

    def _pause(self) -> float | None:
        """Seconds until something is to be done if nothing happens; None: never."""
        free = self._under_way < self._classifier.parallel
        return self._patience() if self._waiting and free and not self._closed else None

    def _gather(self) -> tuple[list[_Entry], list[_Entry]]:
        """Take the tiles of the next batch, and those whose time has gone by on the way."""
        self._last_was_alone = bool(self._alone) and not (self._last_was_alone and self._waiting)
        if self._last_was_alone:
            return [self._alone.popleft()], []
        size = min(self.max_batch_size, self._size())
        batch: list[_Entry] = []
        late: list[_Entry] = []
        now = time.monotonic()
        while len(batch) < size and (found := self._queue.take()):
            entry = found[1]
            entry.taken = True
            self._waiting.pop(entry.future, None)
            if not entry.future.set_running_or_notify_cancel():
                continue
            (batch if now < entry.deadline else late).append(entry)
        self.counts.dropped += len(late)
        return batch, late

    def _size(self) -> int:
        """How many tiles the next batch should have: one of each request, or as many as are quick.

        A click waits for the batch that is running and for what shares a batch with it. What the
        engine would run in several passes is better several batches.
        """
        lanes = len(self._queue.lanes())
        if math.isinf(self._longest_turn_s):
            return self.max_batch_size
        size = lanes
        if lanes == 1 or not self._queue.has_unserved():
            size = max(lanes, self._pace.quick(self._longest_turn_s, self.max_batch_size))
        size = min(size, len(self._waiting))
        return min(size, padded_size(size, self._classifier.pass_sizes))

    def _start(self, batch: list[_Entry]) -> None:
        self.counts.batches += 1
        self.counts.tiles += len(batch)
        _log.debug("batch of %d tiles, %d more waiting", len(batch), len(self._waiting))
        began = time.monotonic()
        try:
            future = self._classifier.start(np.stack([entry.pixels for entry in batch]))
        except Exception as error:
            future = Future()
            future.set_exception(error)
        future.add_done_callback(lambda done: self._ended(batch, done, time.monotonic() - began))

    def _ended(self, batch: list[_Entry], future: Future[Scores], seconds: float) -> None:
        """Note that the engine is free; in its thread, so nothing that takes time."""
        with self._changed:
            self._under_way -= 1
            if not future.cancelled() and future.exception() is None:
                self._pace.learn(len(batch), seconds)
            self._finished.append((batch, future, seconds))
            self._changed.notify_all()

    def _deliver(self, batch: list[_Entry], future: Future[Scores], seconds: float) -> None:
        try:
            rows = unbatch(future.result(), len(batch), self._classifier.identity)
        except (Exception, CancelledError) as error:
            self._fail(batch, error)
            return
        _log.debug("batch of %d tiles took %.3f s", len(batch), seconds)
        for entry, row in zip(batch, rows, strict=True):
            if isinstance(row, EarthGQLError):
                self.counts.failed += 1
                entry.future.set_exception(row)
            else:
                entry.future.set_result(row)

    def _fail(self, batch: list[_Entry], error: BaseException) -> None:
        """Try the tiles of a failed batch one by one; one that fails alone has failed."""
        if not threading.main_thread().is_alive():
            # The process ends, and with it the threads of the engine.
            error = stopped()
        if len(batch) > 1 and not isinstance(error, EarthGQLError):
            _log.warning("a batch of %d failed, tried tile by tile", len(batch), exc_info=error)
            with self._changed:
                self._alone.extend(batch)
            return
        if not self._closed and threading.main_thread().is_alive():
            _log.error("the model failed on %d tiles", len(batch), exc_info=error)
        self.counts.failed += len(batch)
        for entry in batch:
            entry.future.set_exception(failed(error, self._classifier.identity))


def stopped() -> ModelUnavailableError:
    """Return what those are told who ask while the process ends."""
    return ModelUnavailableError("this process is being stopped: ask again")
