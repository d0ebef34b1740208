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
from earthgql.scoring.reader import ReadingPool

TIMEOUT_S = 30


@dataclass(eq=False)
class Tile:
    """A picture to read, and what came of it."""

    number: int
    source: TileSource
    unread: bool = True
    outcome: object = None


@dataclass
class Reader:
    """Keeps what a pool hands over, until told to let go."""

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
def pool_of():
    pools: list[ReadingPool] = []

    def make(reader: Reader, **options) -> ReadingPool:
        pools.append(ReadingPool(reader, **options))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def test_every_tile_is_read_and_no_further_ahead_than_agreed(tiles, pool_of) -> None:
    reader = Reader()
    pool = pool_of(reader, ahead=6, workers=3)
    before = threading.active_count()
    pool.ask("viewport", tiles)
    assert threading.active_count() - before <= 3
    for held in range(6, 30, 4):
        reader.wait_for(held)
        assert len(reader.order) == held
        reader.let_go(4)
    reader.wait_for(30)
    for tile in tiles:
        assert not tile.unread
        assert isinstance(tile.outcome, np.ndarray)
        assert tuple(tile.outcome[5, 5]) == tile_colour(tile.source.index)


def test_a_click_is_read_while_a_viewport_holds_all_it_may(tiles, pool_of) -> None:
    reader = Reader()
    pool = pool_of(reader, ahead=4, workers=2)
    pool.ask("viewport", tiles[:20])
    reader.wait_for(4)
    pool.ask("click", tiles[20:21])
    reader.wait_for(5)
    assert reader.order[4] == ("click", 20)


def test_requests_are_read_in_turn(tiles, pool_of) -> None:
    reader = Reader()
    pool = pool_of(reader, ahead=1, workers=1)
    pool.ask("a", tiles[:4])
    reader.wait_for(1)
    pool.ask("b", tiles[10:12])
    pool.ask("c", tiles[20:22])
    # Each may always hold one, so those who hold none come first.
    reader.wait_for(3)
    assert [name for name, _ in reader.order] == ["a", "b", "c"]
    for count in range(4, 9):
        reader.let_go(1 if count < 8 else 3)
        reader.wait_for(count)
    assert [name for name, _ in reader.order] == ["a", "b", "c", "a", "b", "c", "a", "a"]
    for name in "abc":
        numbers = [number for request, number in reader.order if request == name]
        assert numbers == sorted(numbers)


def test_a_tile_asked_twice_is_read_once(tiles, pool_of) -> None:
    reader = Reader(keep=False)
    pool = pool_of(reader, ahead=2, workers=2)
    pool.ask("a", tiles[:10])
    pool.ask("b", list(reversed(tiles[:10])))
    reader.wait_for(10)
    pool.ask("c", [*tiles[:10], tiles[11]])
    reader.wait_for(11)
    assert sorted(number for _, number in reader.order) == [*range(10), 11]


def test_what_is_forgotten_or_no_longer_wanted_is_not_read(tiles, pool_of) -> None:
    reader = Reader()
    pool = pool_of(reader, ahead=1, workers=1)
    pool.ask("a", tiles[:5])
    reader.wait_for(1)
    tiles[1].unread = False
    pool.ask("b", tiles[10:15])
    reader.wait_for(2)
    pool.forget("b")
    reader.let_go(2)
    reader.wait_for(3)
    reader.let_go(1)
    reader.wait_for(4)
    assert [number for _, number in reader.order] == [0, 10, 2, 3]


def test_unreadable_pictures_hold_nothing_up(tiles, pool_of) -> None:
    for tile in tiles[:20]:
        Path(tile.source.uri, str(tile.source.path)).unlink()
    tiles[20].source = TileSource("pyramid", "/", "/", None, TileIndex(14, 0, 0), {}, None)
    tiles[21].source = TileSource("tapestry", "/", "/", None, TileIndex(14, 0, 0))
    reader = Reader()
    pool = pool_of(reader, ahead=2, workers=2)
    pool.ask("viewport", tiles[:24])
    reader.wait_for(24)
    assert all(isinstance(tile.outcome, ImageUnreadableError) for tile in tiles[:22])
    assert all(isinstance(tile.outcome, np.ndarray) for tile in tiles[22:24])


def test_a_defect_of_who_is_told_does_not_end_the_threads(tiles, pool_of, caplog) -> None:
    class Broken(Reader):
        def __call__(self, request, tile, outcome):
            super().__call__(request, tile, outcome)
            raise RuntimeError("a defect")

    reader = Broken()
    pool = pool_of(reader, ahead=1, workers=1)
    pool.ask("a", tiles[:3])
    reader.wait_for(3)
    pool.close()
    assert "a defect" in caplog.text


def test_closing_ends_the_threads(tiles, pool_of) -> None:
    reader = Reader()
    pool = pool_of(reader, ahead=2, workers=4)
    pool.ask("a", tiles)
    reader.wait_for(2)
    pool.close()
    reader.let_go(2)
    for thread in pool._threads:
        thread.join(10)
        assert not thread.is_alive()
    assert len(reader.order) == 2
