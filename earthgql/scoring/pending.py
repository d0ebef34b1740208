"""Tiles whose scores are pending: any number of requests may wait, each is inferred once."""

import math
import threading
import time
from collections import deque
from collections.abc import Hashable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from earthgql.catalog.scores import ScoreRecord, as_real, as_real_or_none
from earthgql.errors import EarthGQLError
from earthgql.imagery.source import Pixels, TileSource
from earthgql.models.protocol import Classifier, Prediction
from earthgql.scoring.admission import Admission
from earthgql.scoring.batcher import Batcher, stopping_error
from earthgql.scoring.reader import TileReader

REMEMBER_S = 20.0
"""Seconds for which new scores are kept in memory: for requests that looked for stored ones just
before these were stored, and for requests repeated after a deadline."""

_MIN_READ_AHEAD = 16
Key = tuple[int, str | None]
"""Tile id, and the fingerprint of its source."""
Outcome = ScoreRecord | EarthGQLError


@dataclass(eq=False, slots=True)
class Request:
    """A request that waits for tiles.

    Attributes:
        began: ``time.monotonic()`` seconds, before stored scores were looked up.
        deadline: ``time.monotonic()`` seconds until which to wait.
        tiles: its tiles by id.
        remaining: number of them without an outcome.
        complete: set when none is left.
    """

    began: float
    deadline: float
    tiles: dict[int, "PendingTile"] = field(default_factory=dict)
    remaining: int = 0
    complete: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until all tiles have outcomes, or until the deadline."""
        seconds = self.deadline - time.monotonic()
        self.complete.wait(min(max(0.0, seconds), threading.TIMEOUT_MAX))

    def outcomes(self) -> dict[int, Outcome]:
        """Return the outcomes there are, by tile id."""
        found = {tile_id: tile.outcome for tile_id, tile in self.tiles.items()}
        return {tile_id: outcome for tile_id, outcome in found.items() if outcome is not None}


@dataclass(eq=False, slots=True)
class PendingTile:
    """A tile in flight; all but ``unread`` is guarded by the lock of ``PendingTiles``.

    Attributes:
        key: tile id, and the fingerprint of its source.
        source: where the pixels come from.
        admitted_for: the request that ``Admission`` counts it for; None once it has an outcome.
        requests: those that wait; a tile without any is dropped unless it already runs.
        unread: see ``ReadableTile``.
        scoring: the batcher's future, once the pixels have been read.
        outcome: the scores, or why there are none.
        claimed: whether a request stores the scores, or has stored them.
        stored_at: ``time.monotonic()`` seconds after the scores were committed.
    """

    key: Key
    source: TileSource
    admitted_for: Request | None
    requests: set[Request] = field(default_factory=set)
    unread: bool = True
    scoring: Future[Prediction] | None = None
    outcome: Outcome | None = None
    claimed: bool = False
    stored_at: float | None = None


class PendingTiles:
    """All tiles in flight in this process, with one reader and one batcher.

    Attributes:
        batcher: feeds the model.
    """

    def __init__(
        self, classifier: Classifier, *, queue_size: int, batch_wait_s: float, max_batch_s: float
    ) -> None:
        """Begin with no tiles; threads start with the first ones.

        Args:
            classifier: the model.
            queue_size: most tiles in flight, as ``Admission`` counts; 0: any number.
            batch_wait_s: ``batch_wait_timeout_s`` of the batcher.
            max_batch_s: as in the batcher.
        """
        self._admission = Admission(queue_size or math.inf)
        self.batcher = Batcher(
            classifier, batch_wait_timeout_s=batch_wait_s, max_batch_s=max_batch_s
        )
        at_once = self.batcher.max_batch_size * classifier.parallel
        self._reader: TileReader[PendingTile] = TileReader(
            self._on_read, read_ahead=max(_MIN_READ_AHEAD, 2 * at_once)
        )
        # Futures may call back while it is held by the same thread.
        self._lock = threading.RLock()
        self._tiles: dict[Key, PendingTile] = {}
        self._finished: deque[tuple[float, PendingTile]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Count the tiles in flight: to be read, to be inferred, or running."""
        return self._admission.tiles

    def add(self, request: Request, sources: Mapping[int, TileSource]) -> None:
        """Let a request wait for tiles, and begin with those that are not in flight yet.

        Raises:
            OverloadedError: at once and for all of them, if too many are in flight.
            ModelUnavailableError: if the process is being stopped.
        """
        with self._lock:
            if self._closed:
                raise stopping_error()
            self._forget_old()
            known = {i: self._find((i, s.fingerprint), request) for i, s in sources.items()}
            self._admission.admit(request, sum(tile is None for tile in known.values()))
            for tile_id, source in sources.items():
                tile = known[tile_id] or self._new(request, tile_id, source)
                self._join(request, tile_id, tile)
            unread = [tile for tile in request.tiles.values() if tile.unread]
            if not request.remaining:
                request.complete.set()
        if unread:
            self._reader.submit(request, unread)

    def score_pixels(self, pixels: Pixels, deadline: float) -> Future[Prediction]:
        """Score a picture that is no tile, in the same queue and batches as tiles.

        Args:
            pixels: ``uint8 [256, 256, 3]``, red, green, blue; not to be changed afterwards.
            deadline: ``time.monotonic()`` seconds after which it is not to be run any more.

        Returns:
            As ``Batcher.submit``.

        Raises:
            OverloadedError: at once, if too many tiles are in flight.
            ModelUnavailableError: if the process is being stopped.
        """
        with self._lock:
            if self._closed:
                raise stopping_error()
            request = object()
            self._admission.admit(request, 1)
            try:
                scoring = self.batcher.submit(request, pixels, deadline)
            except BaseException:
                self._admission.release(request)
                raise
        scoring.add_done_callback(lambda _done: self._release(request))
        return scoring

    def withdraw(self, request: Request) -> None:
        """Stop waiting: tiles of no other request are dropped, unless they already run."""
        self._reader.withdraw(request)
        with self._lock:
            for tile in request.tiles.values():
                tile.requests.discard(request)
                if tile.requests or tile.outcome is not None:
                    continue
                # One that is being read is dropped as soon as that is done.
                waits = tile.scoring is None or tile.scoring.cancel()
                if waits and self._tiles.get(tile.key) is tile:
                    tile.unread = False
                    del self._tiles[tile.key]
                    self._admission.release(tile.admitted_for)

    def claim(self, request: Request) -> list[ScoreRecord]:
        """Return the scores that this request is to store, since no other request does."""
        with self._lock:
            claimed = [
                tile
                for tile in request.tiles.values()
                if isinstance(tile.outcome, ScoreRecord) and not tile.claimed
            ]
            for tile in claimed:
                tile.claimed = True
            return [tile.outcome for tile in claimed if isinstance(tile.outcome, ScoreRecord)]

    def note_stored(self, request: Request, records: list[ScoreRecord], *, committed: bool) -> None:
        """Note that claimed scores were committed, or that they could not be."""
        now = time.monotonic()
        with self._lock:
            for record in records:
                tile = request.tiles[record.tile_id]
                tile.claimed = committed
                tile.stored_at = now if committed else None

    def close(self) -> None:
        """Drop what waits, finish what runs, end the threads."""
        with self._lock:
            self._closed = True
        self._reader.close()
        self.batcher.close()
        with self._lock:
            for tile in [tile for tile in self._tiles.values() if tile.outcome is None]:
                self._finish(tile, stopping_error())

    def _release(self, request: object) -> None:
        with self._lock:
            self._admission.release(request)

    def _find(self, key: Key, request: Request) -> PendingTile | None:
        """Return a tile that is in flight, or was not stored yet when the request looked it up."""
        tile = self._tiles.get(key)
        if tile is None or tile.stored_at is None or tile.stored_at > request.began:
            return tile
        # It was stored before the look-up, which did not find it: it has been deleted since.
        return None

    def _new(self, request: Request, tile_id: int, source: TileSource) -> PendingTile:
        tile = PendingTile((tile_id, source.fingerprint), source, request)
        self._tiles[tile.key] = tile
        return tile

    def _join(self, request: Request, tile_id: int, tile: PendingTile) -> None:
        request.tiles[tile_id] = tile
        if tile.outcome is None:
            request.remaining += 1
            tile.requests.add(request)
            if tile.scoring is not None:
                self.batcher.join(request, tile.scoring, request.deadline)

    def _on_read(
        self, _turn: Hashable, tile: PendingTile, pixels: Pixels | EarthGQLError
    ) -> Future[Prediction] | None:
        """Submit the pixels of a tile to the batcher; in a thread of the reader."""
        with self._lock:
            if tile.outcome is not None or not tile.requests:
                return None
            if isinstance(pixels, EarthGQLError):
                self._finish(tile, pixels)
                return None
            first, *others = tile.requests
            try:
                scoring = self.batcher.submit(first, pixels, first.deadline)
            except Exception as error:  # a request without a deadline would wait for ever
                self._finish(tile, self.batcher.submit_error(error))
                return None
            for other in others:
                self.batcher.join(other, scoring, other.deadline)
            tile.scoring = scoring
        scoring.add_done_callback(lambda done: self._on_scored(tile, done))
        return scoring

    def _on_scored(self, tile: PendingTile, scoring: Future[Prediction]) -> None:
        """Finish a tile; in the thread of the batcher, or that which cancelled the future."""
        outcome: Outcome
        try:
            scores, distance = scoring.result()
            outcome = ScoreRecord(
                tile.key[0], as_real(scores), datetime.now(UTC), as_real_or_none(distance)
            )
        except CancelledError:
            return
        except EarthGQLError as error:
            outcome = error
        with self._lock:
            if tile.outcome is None:
                self._finish(tile, outcome)

    def _finish(self, tile: PendingTile, outcome: Outcome) -> None:
        """Set the outcome of a tile, and wake the requests that it completes."""
        tile.outcome = outcome
        tile.unread = False
        tile.scoring = None
        self._admission.release(tile.admitted_for)
        tile.admitted_for = None
        if isinstance(outcome, EarthGQLError):
            # The next request for it tries again.
            del self._tiles[tile.key]
        else:
            self._finished.append((time.monotonic(), tile))
        for request in tile.requests:
            request.remaining -= 1
            if not request.remaining:
                request.complete.set()
        tile.requests = set()

    def _forget_old(self) -> None:
        until = time.monotonic() - REMEMBER_S
        while self._finished and self._finished[0][0] < until:
            _, tile = self._finished.popleft()
            if self._tiles.get(tile.key) is tile:
                del self._tiles[tile.key]
