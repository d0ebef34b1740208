import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from support.imagery_files import tile_colour, write_pyramid

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.source import TileSource
from earthgql.scoring.reader import TileReader

TIMEOUT_S = 30


@dataclass(eq=False)
class Tile:
    """A picture to read, and what came of it."""

    number: int
    source: TileSource
    unread: bool = True
    outcome: object = None


@dataclass
class Receiver:
    """Keeps what a reader hands over, until told to let go."""

    keep: bool = True
    order: list[tuple[object, int]] = field(default_factory=list)
    held: list[Future] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, request, tile, outcome):
        with self._arrived:
            tile.outcome = outcome
            self.order.append((request, tile.number))
            future: Future = Future()
            self.held.append(future)
            self._arrived.notify_all()
        if isinstance(outcome, ImageUnreadableError) or not self.keep:
            return None
        return future

    def wait_for(self, count: int) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.order) >= count, TIMEOUT_S), self.order

    def let_go(self, count: int) -> None:
        with self._arrived:
            first, self.held = self.held[:count], self.held[count:]
        for future in first:
            future.set_result(None)


@pytest.fixture
def tiles(tmp_path: Path) -> list[Tile]:
    indices = [TileIndex(14, 8000 + i, 5000) for i in range(30)]
    folder = write_pyramid(tmp_path / "tiles", indices)
    root = str(folder)
    return [
        Tile(i, TileSource("pyramid", root, root, f"14/{index.x}/5000.png", index))
        for i, index in enumerate(indices)
    ]


@pytest.fixture
def reader_on():
    readers: list[TileReader] = []

    def make(receiver: Receiver, **options) -> TileReader:
        readers.append(TileReader(receiver, **options))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


def test_every_tile_is_read_and_no_further_ahead_than_agreed(tiles, reader_on) -> None:
    receiver = Receiver()
    reader = reader_on(receiver, read_ahead=6, max_threads=3)
    before = threading.active_count()
    reader.submit("viewport", tiles)
    assert threading.active_count() - before <= 3
    for held in range(6, 30, 4):
        receiver.wait_for(held)
        assert len(receiver.order) == held
        receiver.let_go(4)
    receiver.wait_for(30)
    for tile in tiles:
        assert not tile.unread
        assert isinstance(tile.outcome, np.ndarray)
        assert tuple(tile.outcome[5, 5]) == tile_colour(tile.source.index)


def test_a_click_is_read_while_a_viewport_holds_all_it_may(tiles, reader_on) -> None:
    receiver = Receiver()
    reader = reader_on(receiver, read_ahead=4, max_threads=2)
    reader.submit("viewport", tiles[:20])
    receiver.wait_for(4)
    reader.submit("click", tiles[20:21])
    receiver.wait_for(5)
    assert receiver.order[4] == ("click", 20)


def test_requests_are_read_in_turn(tiles, reader_on) -> None:
    receiver = Receiver()
    reader = reader_on(receiver, read_ahead=1, max_threads=1)
    reader.submit("a", tiles[:4])
    receiver.wait_for(1)
    reader.submit("b", tiles[10:12])
    reader.submit("c", tiles[20:22])
    # Each may always hold one, so those who hold none come first.
    receiver.wait_for(3)
    assert [name for name, _ in receiver.order] == ["a", "b", "c"]
    for count in range(4, 9):
        receiver.let_go(1 if count < 8 else 3)
        receiver.wait_for(count)
    assert [name for name, _ in receiver.order] == ["a", "b", "c", "a", "b", "c", "a", "a"]
    for name in "abc":
        numbers = [number for request, number in receiver.order if request == name]
        assert numbers == sorted(numbers)


def test_a_tile_submitted_twice_is_read_once(tiles, reader_on) -> None:
    receiver = Receiver(keep=False)
    reader = reader_on(receiver, read_ahead=2, max_threads=2)
    reader.submit("a", tiles[:10])
    reader.submit("b", list(reversed(tiles[:10])))
    receiver.wait_for(10)
    reader.submit("c", [*tiles[:10], tiles[11]])
    receiver.wait_for(11)
    assert sorted(number for _, number in receiver.order) == [*range(10), 11]


def test_what_is_withdrawn_or_no_longer_wanted_is_not_read(tiles, reader_on) -> None:
    receiver = Receiver()
    reader = reader_on(receiver, read_ahead=1, max_threads=1)
    reader.submit("a", tiles[:5])
    receiver.wait_for(1)
    tiles[1].unread = False
    reader.submit("b", tiles[10:15])
    receiver.wait_for(2)
    reader.withdraw("b")
    receiver.let_go(2)
    receiver.wait_for(3)
    receiver.let_go(1)
    receiver.wait_for(4)
    assert [number for _, number in receiver.order] == [0, 10, 2, 3]


def test_unreadable_pictures_hold_nothing_up(tiles, reader_on) -> None:
    for tile in tiles[:20]:
        Path(tile.source.uri, str(tile.source.path)).unlink()
    tiles[20].source = TileSource("pyramid", "/", "/", None, TileIndex(14, 0, 0), {}, None)
    tiles[21].source = TileSource("tapestry", "/", "/", None, TileIndex(14, 0, 0))
    receiver = Receiver()
    reader = reader_on(receiver, read_ahead=2, max_threads=2)
    reader.submit("viewport", tiles[:24])
    receiver.wait_for(24)
    assert all(isinstance(tile.outcome, ImageUnreadableError) for tile in tiles[:22])
    assert all(isinstance(tile.outcome, np.ndarray) for tile in tiles[22:24])


def test_a_defect_of_the_callback_does_not_end_the_threads(tiles, reader_on, caplog) -> None:
    class Broken(Receiver):
        def __call__(self, request, tile, outcome):
            super().__call__(request, tile, outcome)
            raise RuntimeError("a defect")

    receiver = Broken()
    reader = reader_on(receiver, read_ahead=1, max_threads=1)
    reader.submit("a", tiles[:3])
    receiver.wait_for(3)
    reader.close()
    assert "a defect" in caplog.text


def test_closing_ends_the_threads(tiles, reader_on) -> None:
    receiver = Receiver()
    reader = reader_on(receiver, read_ahead=2, max_threads=4)
    reader.submit("a", tiles)
    receiver.wait_for(2)
    reader.close()
    receiver.let_go(2)
    for thread in reader._threads:
        thread.join(10)
        assert not thread.is_alive()
    assert len(receiver.order) == 2
