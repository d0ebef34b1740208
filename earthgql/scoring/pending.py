"""Tiles on their way to their scores: asked by any number of requests, read and inferred once."""

import math
import threading
import time
from collections import deque
from collections.abc import Hashable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from earthgql.catalog.reals import as_real
from earthgql.catalog.scores import ScoreRecord
from earthgql.errors import EarthGQLError
from earthgql.imagery.source import Pixels, TileSource
from earthgql.models.protocol import Classifier, Scores
from earthgql.scoring.admission import Admission
from earthgql.scoring.batcher import Batcher, stopped
from earthgql.scoring.reader import ReadingPool

LINGER_S = 20.0
"""How long scores are remembered after inference: for who looked for them just before they were
stored, and for who asks again after they came too late."""

_LEAST_AHEAD = 16
Key = tuple[int, str | None]
Outcome = ScoreRecord | EarthGQLError


@dataclass(eq=False, slots=True)
class Request:
    """Somebody waiting for tiles.

    Attributes:
        began: ``time.monotonic()`` seconds, before stored scores were looked up.
        deadline: ``time.monotonic()`` seconds until which to wait.
        flights: by tile id.
        left: number of them that have not landed.
        complete: set when none is left.
    """

    began: float
    deadline: float
    flights: dict[int, "Flight"] = field(default_factory=dict)
    left: int = 0
    complete: threading.Event = field(default_factory=threading.Event)

    def landed(self) -> dict[int, Outcome]:
        """Return what has become of the flights that landed, by tile id."""
        outcomes = {tile_id: flight.outcome for tile_id, flight in self.flights.items()}
        return {tile_id: found for tile_id, found in outcomes.items() if found is not None}

    def wait(self) -> None:
        """Wait until all flights have landed, or the deadline."""
        left = self.deadline - time.monotonic()
        self.complete.wait(min(max(0.0, left), threading.TIMEOUT_MAX))


@dataclass(eq=False, slots=True)
class Flight:
    """A tile on its way; all but ``unread`` is guarded by the lock of ``Flights``.

    Attributes:
        key: tile id, and the fingerprint of what is read.
        source: where the pixels come from.
        sender: who asked for it first, and whose place it takes until it lands.
        requests: who waits; a flight that nobody waits for is dropped unless it already runs.
        unread: as ``ReadingPool`` has it.
        scoring: what the batcher gave for it, once it has been read.
        outcome: set when it lands.
        claimed: somebody stores it, or did.
        stored_at: ``time.monotonic()`` seconds after the scores were committed.
    """

    key: Key
    source: TileSource
    sender: Request | None
    requests: set[Request] = field(default_factory=set)
    unread: bool = True
    scoring: Future[Scores] | None = None
    outcome: Outcome | None = None
    claimed: bool = False
    stored_at: float | None = None


class Flights:
    """All tiles on their way in this process, on one reading pool and one batcher.

    Attributes:
        batcher: what feeds the model.
    """

    def __init__(
        self, classifier: Classifier, *, queue_size: int, wait_s: float, longest_turn_s: float
    ) -> None:
        """Make an empty registry; threads start with the first tiles.

        Args:
            classifier: the model.
            queue_size: most tiles on their way, as ``Admission`` counts; 0: any number.
            wait_s: ``batch_wait_timeout_s`` of the batcher.
            longest_turn_s: as in the batcher.
        """
        self._admission = Admission(queue_size or math.inf)
        self.batcher = Batcher(
            classifier, batch_wait_timeout_s=wait_s, longest_turn_s=longest_turn_s
        )
        at_once = self.batcher.max_batch_size * classifier.parallel
        self._reading: ReadingPool[Flight] = ReadingPool(
            self._was_read, ahead=max(_LEAST_AHEAD, 2 * at_once)
        )
        # Futures may call back while it is held by the same thread.
        self._lock = threading.RLock()
        self._flights: dict[Key, Flight] = {}
        self._landed: deque[tuple[float, Flight]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Count the tiles on their way: to be read, to be inferred, or running."""
        return self._admission.tiles

    def board(self, request: Request, sources: Mapping[int, TileSource]) -> None:
        """Let a request wait for tiles, sending those on their way that are not yet.

        Raises:
            OverloadedError: at once and for all of them, if too many are on their way.
            ModelUnavailableError: if the process is being stopped.
        """
        with self._lock:
            if self._closed:
                raise stopped()
            self._forget_old()
            known = {i: self._usable((i, s.fingerprint), request) for i, s in sources.items()}
            self._admission.send(request, sum(flight is None for flight in known.values()))
            for tile_id, source in sources.items():
                flight = known[tile_id] or self._send(request, tile_id, source)
                self._join(request, tile_id, flight)
            unread = [flight for flight in request.flights.values() if flight.unread]
            if not request.left:
                request.complete.set()
        if unread:
            self._reading.ask(request, unread)

    def score(self, pixels: Pixels, deadline: float) -> Future[Scores]:
        """Send a picture that is no tile to the model, in turn with the tiles of all requests.

        Args:
            pixels: ``uint8 [256, 256, 3]``, red, green, blue; not to be changed afterwards.
            deadline: ``time.monotonic()`` seconds after which it is not to be run any more.

        Returns:
            As ``Batcher.submit``.

        Raises:
            OverloadedError: at once, if too many tiles are on their way.
            ModelUnavailableError: if the process is being stopped.
        """
        with self._lock:
            if self._closed:
                raise stopped()
            sender = object()
            self._admission.send(sender, 1)
            try:
                scoring = self.batcher.submit(sender, pixels, deadline)
            except BaseException:
                self._admission.arrived(sender)
                raise
        scoring.add_done_callback(lambda _done: self._picture_done(sender))
        return scoring

    def leave(self, request: Request) -> None:
        """Stop waiting; what nobody else waits for is dropped, unless it already runs."""
        self._reading.forget(request)
        with self._lock:
            for flight in request.flights.values():
                flight.requests.discard(request)
                if flight.requests or flight.outcome is not None:
                    continue
                # One in the hands of a reader is let go as soon as that is done.
                waits = flight.scoring is None or flight.scoring.cancel()
                if waits and self._flights.get(flight.key) is flight:
                    flight.unread = False
                    del self._flights[flight.key]
                    self._admission.arrived(flight.sender)

    def claim(self, request: Request) -> list[ScoreRecord]:
        """Return the scores of a request that are this caller's to store: nobody else will."""
        with self._lock:
            mine = [
                flight
                for flight in request.flights.values()
                if isinstance(flight.outcome, ScoreRecord) and not flight.claimed
            ]
            for flight in mine:
                flight.claimed = True
            return [flight.outcome for flight in mine if isinstance(flight.outcome, ScoreRecord)]

    def stored(self, request: Request, records: list[ScoreRecord], *, well: bool) -> None:
        """Note that claimed scores were committed, or that they could not be."""
        now = time.monotonic()
        with self._lock:
            for record in records:
                flight = request.flights[record.tile_id]
                flight.claimed = well
                flight.stored_at = now if well else None

    def close(self) -> None:
        """Drop what waits, finish what runs, end the threads."""
        with self._lock:
            self._closed = True
        self._reading.close()
        self.batcher.close()
        with self._lock:
            for flight in [f for f in self._flights.values() if f.outcome is None]:
                self._land(flight, stopped())

    def _picture_done(self, sender: object) -> None:
        with self._lock:
            self._admission.arrived(sender)

    def _usable(self, key: Key, request: Request) -> Flight | None:
        """Find a flight that answers a request: under way, or landed unknown to its look-up."""
        flight = self._flights.get(key)
        if flight is None or flight.stored_at is None or flight.stored_at > request.began:
            return flight
        # It was stored before the look-up, which did not find it: it has been deleted since.
        return None

    def _send(self, request: Request, tile_id: int, source: TileSource) -> Flight:
        flight = Flight((tile_id, source.fingerprint), source, request)
        self._flights[flight.key] = flight
        return flight

    def _join(self, request: Request, tile_id: int, flight: Flight) -> None:
        request.flights[tile_id] = flight
        if flight.outcome is None:
            request.left += 1
            flight.requests.add(request)
            if flight.scoring is not None:
                self.batcher.join(request, flight.scoring, request.deadline)

    def _was_read(
        self, _turn: Hashable, flight: Flight, outcome: Pixels | EarthGQLError
    ) -> Future[Scores] | None:
        """Hand pixels to the batcher; in a reader's thread."""
        with self._lock:
            if flight.outcome is not None or not flight.requests:
                return None
            if isinstance(outcome, EarthGQLError):
                self._land(flight, outcome)
                return None
            first, *others = flight.requests
            try:
                scoring = self.batcher.submit(first, outcome, first.deadline)
            except Exception as error:  # whoever has no deadline would wait for ever
                self._land(flight, self.batcher.told(error))
                return None
            for other in others:
                self.batcher.join(other, scoring, other.deadline)
            flight.scoring = scoring
        scoring.add_done_callback(lambda done: self._was_scored(flight, done))
        return scoring

    def _was_scored(self, flight: Flight, scoring: Future[Scores]) -> None:
        """Land a flight; in the batcher's thread, or that of whoever cancelled it."""
        outcome: Outcome
        try:
            outcome = ScoreRecord(flight.key[0], as_real(scoring.result()), datetime.now(UTC))
        except CancelledError:
            return
        except EarthGQLError as error:
            outcome = error
        with self._lock:
            if flight.outcome is None:
                self._land(flight, outcome)

    def _land(self, flight: Flight, outcome: Outcome) -> None:
        flight.outcome = outcome
        flight.unread = False
        flight.scoring = None
        self._admission.arrived(flight.sender)
        flight.sender = None
        if isinstance(outcome, EarthGQLError):
            # Asking again tries again.
            del self._flights[flight.key]
        else:
            self._landed.append((time.monotonic(), flight))
        for request in flight.requests:
            request.left -= 1
            if not request.left:
                request.complete.set()
        flight.requests = set()

    def _forget_old(self) -> None:
        until = time.monotonic() - LINGER_S
        while self._landed and self._landed[0][0] < until:
            _, flight = self._landed.popleft()
            if self._flights.get(flight.key) is flight:
                del self._flights[flight.key]
