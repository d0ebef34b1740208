"""Rasters with masks and small ones in the database; their tiles and rendering."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from sqlalchemy import Engine, text
from support.imagery_files import noise, write_raster
from support.raster_scenes import source

from earthgql.errors import NoTilesError
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.raster.tile import read_raster_tile
from earthgql.ingest.store import dry_run, store


def test_a_mask_of_a_raster_with_four_bands_limits_its_tiles(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    mask = np.zeros((2000, 2000), "uint8")
    mask[:, :500] = 255
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
        path = write_raster(
            tmp_path / "rgbn.tif",
            noise(4, 2000, 2000),
            crs="EPSG:32633",
            west=5e5,
            north=5.02e6,
            pixel=10,
            mask=mask,
            photometric="RGB",
        )
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [*dataset.colorinterp[:3], ColorInterp.undefined]
    result = store(fresh_engine, source(path))
    assert (result.status, result.tiles, result.zooms) == ("new", 12, (13,))
    with fresh_engine.connect() as conn:
        rendering = conn.scalar(text("SELECT rendering FROM scene"))
        cells = conn.execute(text("SELECT z, x, y FROM tile")).all()
    assert rendering["validity"] == {"mask": True}
    for cell in cells:
        shown = read_raster_tile(str(tmp_path), str(path), TileIndex(*cell), rendering)
        assert shown.any(axis=2).mean() >= 0.48


def chip(path: Path, size: int) -> Path:
    """A few pixels of zoom 13 around the corner of four tiles."""
    return write_raster(
        path,
        noise(3, size, size),
        crs="EPSG:3857",
        west=-19.109257 * size * 0.5,
        north=19.109257 * size * 0.6,
        pixel=19.109257,
    )


def test_a_small_scene_takes_its_best_tile(fresh_engine: Engine, tmp_path: Path) -> None:
    raster = source(chip(tmp_path / "chip.tif", 256))
    result = store(fresh_engine, raster)
    assert (result.tiles, result.zooms) == (2, (13,))  # two are 30 % full, two 20 %
    assert raster.notes() == [
        "no tile is 50% full: the scene is smaller than two tiles, so its best, 30% full, is enough"
    ]
    with fresh_engine.connect() as conn:
        rows = conn.execute(text("SELECT x, y FROM tile ORDER BY x")).all()
    assert [tuple(row) for row in rows] == [(4095, 4095), (4096, 4095)]
    with pytest.raises(
        NoTilesError,
        match=r"^chip.tif has no tile at zoom 13 that is 80% full: its best is 30% full, "
        r"--min-valid 0\.29\d would take it$",
    ):
        dry_run(source(tmp_path / "chip.tif", min_valid=0.8))


def test_a_scene_of_less_than_a_twentieth_of_a_tile_has_none(tmp_path: Path) -> None:
    path = chip(tmp_path / "tiny.tif", 60)
    with pytest.raises(NoTilesError, match=r"its best is 1\.\d% full, --min-valid 0\.01\d? would"):
        dry_run(source(path))
    assert dry_run(source(path, min_valid=0.01)).tiles == 4


def test_min_valid_0_is_no_advice(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "empty.tif", noise() * 0, nodata=0)
    with pytest.raises(NoTilesError) as refused:
        dry_run(source(path, min_valid=0.0))
    assert "--min-valid" not in str(refused.value)
    assert "--nodata none" in str(refused.value)


def test_options_that_are_not_used_leave_fingerprints_as_they_were(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise())
    plain = source(path).fingerprint()
    assert plain == source(path, min_valid=0.5).fingerprint()
    for changed in ({"nodata": ()}, {"alpha": 0}, {"trim_collar": True}, {"crs": "EPSG:32633"}):
        assert source(path, **changed).fingerprint() != plain
