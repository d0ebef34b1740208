"""How a map's tile is drawn: what hides what, and how much is decoded for it at most."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.imagery_files import encoded, plain, write_raster

from earthgql.imagery.grid import TileIndex, mercator_bounds
from earthgql.imagery.map_tile import MapTile, draw_map_tile
from earthgql.imagery.source import PlacedTile, TileSource

TILE = TileIndex(12, 2100, 1300)


def picture(folder: Path, name: str, image: Image.Image, cell: TileIndex) -> PlacedTile:
    (folder / name).write_bytes(encoded(image))
    return PlacedTile(TileSource("pyramid", str(folder), str(folder), name, cell), cell)


def draw(*placed: PlacedTile, tile: TileIndex = TILE) -> MapTile:
    return draw_map_tile(tile, placed)


def test_first_hides_the_others(tmp_path: Path) -> None:
    quarter = TileIndex(13, TILE.x * 2 + 1, TILE.y * 2)
    first = picture(tmp_path, "a.png", plain((1, 2, 3)), quarter)
    second = picture(tmp_path, "b.png", plain((9, 8, 7)), TILE)
    drawn = draw(first, second)
    assert drawn.valid.all()
    assert (drawn.pixels[:128, 128:] == (1, 2, 3)).all()
    drawn.pixels[:128, 128:] = (9, 8, 7)
    assert (drawn.pixels == (9, 8, 7)).all()
    assert (draw(second, first).pixels == (9, 8, 7)).all()


def test_hidden_sources_are_not_read(tmp_path: Path) -> None:
    missing = PlacedTile(TileSource("pyramid", str(tmp_path), str(tmp_path), "no.png", TILE), TILE)
    shown = picture(tmp_path, "a.png", plain(), TILE)
    assert draw(shown, missing).complete
    drawn = draw(missing, shown)
    assert not drawn.complete
    assert drawn.valid.all()


def test_means_are_of_valid_pixels(tmp_path: Path) -> None:
    """Half of each 2 x 2 pixels is transparent, so the means would be darker with them."""
    values = np.full((256, 256, 4), 200, np.uint8)
    values[::2, :, 3] = 0
    values[:128] = 0
    assert draw(picture(tmp_path, "a.png", Image.fromarray(values), TILE)).valid.sum() == 64 * 256
    half = TileIndex(11, TILE.x // 2, TILE.y // 2)
    reduced = draw(picture(tmp_path, "a.png", Image.fromarray(values), TILE), tile=half)
    part = reduced.valid[:128, :128]
    assert part[64:].all()
    assert not part[:64].any()
    assert (reduced.pixels[64:128, :128] == 200).all()
    assert reduced.valid.sum() == 64 * 128


@pytest.mark.parametrize("finer", [9, 12])
def test_cells_smaller_than_a_pixel(tmp_path: Path, finer: int) -> None:
    cell = TileIndex(TILE.z + finer, (TILE.x << finer) + 3, (TILE.y << finer) + 5)
    drawn = draw(picture(tmp_path, "a.png", plain((5, 6, 7)), cell))
    rows, columns = np.nonzero(drawn.valid)
    assert (rows.tolist(), columns.tolist()) == ([5 >> (finer - 8)], [3 >> (finer - 8)])


def sevens(path: Path, side: int, **profile: object) -> PlacedTile:
    """A raster of sevens over the tile, without overviews."""
    west, _, east, north = mercator_bounds(TILE)
    write_raster(
        path,
        np.full((1, side, side), 7, np.uint8),
        crs="EPSG:3857",
        west=west,
        north=north,
        pixel=(east - west) / side,
        tiled=True,
        compress="deflate",
        **profile,
    )
    source = TileSource("raster", str(path), str(path.parent), None, TILE, {"bands": [1]})
    return PlacedTile(source, TILE)


def test_at_most_25_megapixels_are_decoded(tmp_path: Path) -> None:
    drawn = draw(sevens(tmp_path / "small.tif", 4096))
    assert drawn.complete
    assert drawn.valid.all()
    assert (drawn.pixels == 7).all()
    drawn = draw(sevens(tmp_path / "large.tif", 5120))
    assert drawn.complete
    assert not drawn.valid.any()


def test_the_limit_is_for_all_sources_of_a_tile(tmp_path: Path) -> None:
    empty = sevens(tmp_path / "empty.tif", 4096, nodata=7)
    large = sevens(tmp_path / "large.tif", 4096)
    small = sevens(tmp_path / "small.tif", 2048)
    assert draw(empty, small).valid.all()
    assert not draw(empty, large).valid.any()
    assert draw(empty, large, small).valid.all()


def test_nothing() -> None:
    drawn = draw()
    assert drawn.complete
    assert not drawn.valid.any()
    assert not drawn.pixels.any()
