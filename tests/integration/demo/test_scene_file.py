"""The demo's landscape as a file: on the grid, reused, with the truth of every tile."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import tiles_in_bounds
from earthgql.demo import scene_file
from earthgql.imagery import grid
from earthgql.imagery.raster.tile import read_raster_tile
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.store import store
from earthgql.landscape import render_scene

SIZE = 1024


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> scene_file.SceneFile:
    return scene_file.ensure_scene_file(tmp_path_factory.mktemp("demo"), date=0, seed=5, size=SIZE)


def test_tiles_of_the_database_are_those_of_the_truth(
    fresh_engine: Engine, drawn: scene_file.SceneFile
) -> None:
    source = RasterSource("drawn", str(drawn.raster), str(drawn.raster.parent), RasterOptions())
    outcome = store(fresh_engine, source)
    assert (outcome.tiles, outcome.zooms) == (16, (scene_file.ZOOM,))
    with fresh_engine.connect() as connection:
        world = grid.bounds(-180, -85, 180, 85)
        found = tiles_in_bounds(connection, world, TileFilter(), limit=100, after=None)
    assert {tile.index for tile in found} == set(drawn.truth)


def test_pixels_of_a_tile_are_the_renderers_own(drawn: scene_file.SceneFile) -> None:
    image = render_scene(5, size=SIZE, date=0).image
    origin = min(drawn.truth, key=lambda tile: (tile.y, tile.x))
    tile = grid.TileIndex(origin.z, origin.x + 2, origin.y + 1)
    pixels = read_raster_tile(
        str(drawn.raster.parent), str(drawn.raster), tile, {"bands": [1, 2, 3], "stretch": None}
    )
    np.testing.assert_array_equal(pixels, image[256:512, 512:768])


def test_a_second_call_reuses_the_file_and_older_generators_files_go(
    drawn: scene_file.SceneFile,
) -> None:
    folder: Path = drawn.raster.parent
    before = drawn.raster.stat().st_mtime_ns
    again = scene_file.ensure_scene_file(folder, date=0, seed=5, size=SIZE)
    assert again == drawn
    assert drawn.raster.stat().st_mtime_ns == before

    older = folder / f"landscape-2016-08-04-5-{SIZE}-000000000000.tif"
    older.write_bytes(b"drawn by another version")
    next(folder.glob("*.truth.json")).unlink()  # as if killed before the last file was written
    scene_file.ensure_scene_file(folder, date=0, seed=5, size=SIZE)
    assert not older.exists()
    assert len(list(folder.iterdir())) == 2
