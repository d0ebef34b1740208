"""Reads the pixels of tiles in a few threads, a limited number ahead of inference."""

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

_CLOSE_TIMEOUT_S = 2.0
_log = logging.getLogger(__name__)


class ReadableTile(Protocol):
    """A tile whose pixels are to be read.

    Attributes:
        unread: whether they are still to be read; the reader sets it to false when it begins, and
            others may when no request waits for the tile any more.
    """

    unread: bool

    @property
    def source(self) -> TileSource:
        """Where the pixels come from."""
        ...


Tile = TypeVar("Tile", bound=ReadableTile)
OnRead = Callable[[Hashable, Tile, Pixels | ImageUnreadableError], Future[Any] | None]
"""Called with the request in whose turn a tile was read, the tile, and its pixels or the error.

Returns a future that is done when the pixels are no longer in memory; None: they were not kept.
"""


class TileReader(Generic[Tile]):
    """Reads tiles in a few threads, shared by all requests.

    Requests are served round robin, and only a limited number of tiles is read ahead, so that the
    pixels of a large request are never all in memory at once.
    """

    def __init__(self, on_read: OnRead[Tile], *, read_ahead: int, max_threads: int = 4) -> None:
        """Make a reader; its threads start with the first tiles.

        Args:
            on_read: called in a thread of the reader with every tile read.
            read_ahead: about as many tiles are in memory at once, divided among the current
                requests; a request that has none there may always read one.
            max_threads: most threads.
        """
        self._on_read = on_read
        self._read_ahead = read_ahead
        self._max_threads = max_threads
        self._queue: FairQueue[Hashable, Tile] = FairQueue(lambda tile: tile.unread)
        self._in_memory: Counter[Hashable] = Counter()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def submit(self, request: Hashable, tiles: list[Tile]) -> None:
        """Queue tiles; one that several requests submit is read once.

        Args:
            request: in whose turn they are read.
            tiles: read in this order.
        """
        with self._changed:
            for tile in tiles:
                self._queue.push(request, tile)
            for _ in range(min(len(tiles) - self._idle, self._max_threads - len(self._threads))):
                thread = threading.Thread(target=self._run, name="tile-reader", daemon=True)
                thread.start()
                self._threads.append(thread)
            self._changed.notify_all()

    def withdraw(self, request: Hashable) -> None:
        """Read nothing more in the turn of a request."""
        with self._changed:
            self._queue.remove(request)

    def close(self) -> None:
        """Read nothing more, and end the threads; one stuck in a read ends with the process."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while (found := self._next()) is not None:
            request, tile = found
            try:
                in_memory = self._on_read(request, tile, _read(tile.source))
            except Exception:
                _log.exception("the pixels of a tile could not be handed over")
                in_memory = None
            if in_memory is None:
                self._released(request)
            else:
                in_memory.add_done_callback(partial(self._released, request))

    def _next(self) -> tuple[Hashable, Tile] | None:
        """Wait for the next tile to read; None when the reader was closed."""
        with self._changed:
            while not self._closed:
                requests = {*self._queue.requests(), *self._in_memory}
                share = max(1, self._read_ahead // max(1, len(requests)))
                found = self._queue.take(lambda request: self._in_memory[request] < share)  # noqa: B023
                if found is not None:
                    found[1].unread = False
                    self._in_memory[found[0]] += 1
                    return found
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
        return None

    def _released(self, request: Hashable, _done: object = None) -> None:
        """Count one tile less in memory, which may let another be read."""
        with self._changed:
            self._in_memory[request] -= 1
            if not self._in_memory[request]:
                del self._in_memory[request]
            self._changed.notify()


def _read(source: TileSource) -> Pixels | ImageUnreadableError:
    """Read a tile; any failure is returned, so that it is an error of this tile alone."""
    try:
        return read_tile(source)
    except ImageUnreadableError as error:
        return error
    except Exception:
        _log.exception("reading %s of %s failed", source.index, source.uri)
        return ImageUnreadableError("the picture of a tile cannot be read, see the server's log")
