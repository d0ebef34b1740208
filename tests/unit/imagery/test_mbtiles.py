import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.imagery_files import tile_colour, write_mbtiles

from earthgql.errors import ImageUnreadableError
from earthgql.imagery import mbtiles
from earthgql.imagery.grid import TileIndex, flip_y
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import TileSource

TILES = [TileIndex(3, 1, 2), TileIndex(3, 2, 2), TileIndex(4, 15, 0)]


def source(path: Path, tile: TileIndex) -> TileSource:
    return TileSource("mbtiles", str(path), str(path.parent), None, tile)


def test_tiles_are_listed_and_read_from_the_north(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "with ? and # in it.mbtiles", TILES, name="x", format="png")
    listed = [t for chunk in mbtiles.indexes(str(tmp_path), str(path), chunk=2) for t in chunk]
    assert sorted(flip_y(TileIndex(*stored)) for stored in listed) == TILES
    for tile in TILES:
        assert read_tile(source(path, tile))[5, 5].tolist() == list(tile_colour(tile))
    assert mbtiles.metadata(str(tmp_path), str(path)) == {"name": "x", "format": "png"}
    with pytest.raises(ImageUnreadableError, match="3/0/0"):
        read_tile(source(path, TileIndex(3, 0, 0)))


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "a.mbtiles", TILES)
    before = path.stat()
    read_tile(source(path, TILES[0]))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mbtiles"]
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.mbtiles"
    text.write_text("not sqlite, but long enough to look at" * 100)
    empty = tmp_path / "empty.mbtiles"
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("CREATE TABLE other (x int)")
    cut = write_mbtiles(tmp_path / "cut.mbtiles", [TileIndex(9, x, 5) for x in range(60)])
    cut.write_bytes(cut.read_bytes()[:9000])
    for path in (text, empty, cut, tmp_path / "none.mbtiles"):
        with pytest.raises(ImageUnreadableError):
            read_tile(source(path, TileIndex(9, 59, 5)))


def test_a_view_without_end_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "endless.mbtiles"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE VIEW tiles AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
            "SELECT 0 AS zoom_level, x AS tile_column, 0 AS tile_row, x AS tile_data FROM n"
        )
    with pytest.raises(ImageUnreadableError, match="interrupted"):
        read_tile(source(path, TileIndex(0, -5, 0)))
