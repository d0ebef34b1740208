"""Reads pictures ahead of who needs them: a few threads, in turn for all requests, not too far."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import Pixels, TileSource
from earthgql.scoring.fair_queue import FairQueue

_CLOSING_S = 2.0
_log = logging.getLogger(__name__)


class Wanted(Protocol):
    """A tile whose pixels somebody wants.

    Attributes:
        unread: whether they are still to be read; the pool makes it false when it begins, and
            others may when nobody wants them any more.
    """

    unread: bool

    @property
    def source(self) -> TileSource:
        """Where the pixels come from."""
        ...


Tile = TypeVar("Tile", bound=Wanted)
HandOver = Callable[[Hashable, Tile, Pixels | ImageUnreadableError], Future[Any] | None]
"""Told the request by whose turn a tile was read, the tile, and its pixels or why there are none.

Returns a future that is done when the pixels are no longer held; None: they were not kept.
"""


class ReadingPool(Generic[Tile]):
    """Reads tiles in a few threads, shared by all requests.

    Tiles are read in turn for the requests that want some, and only so far ahead that the pixels
    of a large request never lie in memory all at once.
    """

    def __init__(self, hand_over: HandOver[Tile], *, ahead: int, workers: int = 4) -> None:
        """Make a pool; its threads start with the first tiles.

        Args:
            hand_over: called in a thread of the pool with every tile read.
            ahead: about as many tiles are held at once, shared by the requests of the moment; a
                request that holds none may always have one.
            workers: most threads.
        """
        self._hand_over = hand_over
        self._ahead = ahead
        self._workers = workers
        self._queue: FairQueue[Hashable, Tile] = FairQueue(lambda tile: tile.unread)
        self._held: Counter[Hashable] = Counter()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def ask(self, request: Hashable, tiles: list[Tile]) -> None:
        """Queue tiles; one may be asked by several requests, and is read once.

        Args:
            request: whose turn is used to read them.
            tiles: to be read in this order.
        """
        with self._changed:
            for tile in tiles:
                self._queue.push(request, tile)
            for _ in range(min(len(tiles) - self._idle, self._workers - len(self._threads))):
                thread = threading.Thread(target=self._run, name="tile-reader", daemon=True)
                thread.start()
                self._threads.append(thread)
            self._changed.notify_all()

    def forget(self, request: Hashable) -> None:
        """Read nothing more by the turn of a request."""
        with self._changed:
            self._queue.drop(request)

    def close(self) -> None:
        """Read nothing more, and end the threads; one stuck in a read ends with the process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_CLOSING_S)

    def _run(self) -> None:
        while (found := self._next()) is not None:
            request, tile = found
            try:
                held = self._hand_over(request, tile, _read(tile.source))
            except Exception:
                _log.exception("a tile was read for nobody")
                held = None
            if held is None:
                self._let_go(request)
            else:
                held.add_done_callback(partial(self._let_go, request))

    def _next(self) -> tuple[Hashable, Tile] | None:
        """Wait for the next tile to read; None when the pool was closed."""
        with self._changed:
            while not self._closed:
                share = max(1, self._ahead // max(1, len({*self._queue.lanes(), *self._held})))
                found = self._queue.take(lambda lane: self._held[lane] < share)  # noqa: B023
                if found is not None:
                    found[1].unread = False
                    self._held[found[0]] += 1
                    return found
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
        return None

    def _let_go(self, request: Hashable, _done: object = None) -> None:
        with self._changed:
            self._held[request] -= 1
            if not self._held[request]:
                del self._held[request]
            self._changed.notify()


def _read(source: TileSource) -> Pixels | ImageUnreadableError:
    """Read a picture; no failure of it takes its neighbours' answers away."""
    try:
        return read_tile(source)
    except ImageUnreadableError as error:
        return error
    except Exception:
        _log.exception("reading %s of %s failed", source.index, source.uri)
        return ImageUnreadableError("the picture of a tile cannot be read, see the server's log")
