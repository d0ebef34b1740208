"""Rasters of the whole world, of other datums, and around a pole have all their tiles, once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from support.raster_scenes import assert_tiles, exact_shares, pixels, source, tiles

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import HALF_WORLD_M, LonLat, TileIndex, tile_at

GEOS = "+proj=geos +h=35785831 +lon_0={} +sweep=y"
DISK = (-5.5e6, -5.5e6, 5.5e6, 5.5e6)
POLAR = (-3e6, -2e6, 2e6, 3e6)
# CRS, bounds, width, height, zoom, 360 degrees in units of the CRS
WORLD: dict[str, tuple[str, tuple[float, float, float, float], int, int, int, float | None]] = {
    "0 to 360": ("EPSG:4326", (0, -90, 360, 90), 360, 180, 2, 360),
    "20 to 380": ("EPSG:4326", (20, -90, 380, 90), 360, 180, 2, 360),
    "-30 to 330": ("EPSG:4326", (-30, -90, 330, 90), 360, 180, 2, 360),
    "-180 to 180": ("EPSG:4326", (-180, -90, 180, 90), 360, 180, 2, 360),
    "pixel-centred": ("EPSG:4326", (-0.5, -90.5, 359.5, 90.5), 360, 181, 3, 360),
    "a part of 0 to 360": ("EPSG:4326", (100, -40, 260, 40), 160, 80, 4, 360),
    "Paris in grads": ("EPSG:4807", (0, 50, 40, 60), 400, 100, 5, 400),
    "Jakarta": ("EPSG:4813", (-20, -10, 40, 10), 600, 200, 5, 360),
    "Mercator of the Pacific": ("EPSG:3832", (-2e7, -1e7, 2e7, 1e7), 400, 200, 3, 2 * HALF_WORLD_M),
    "Robinson of the Pacific": (
        "+proj=robin +lon_0=150",
        (-1.7e7, -8.6e6, 1.7e7, 8.6e6),
        400,
        200,
        3,
        None,
    ),
    "Mollweide": ("+proj=moll +lon_0=-90", (-1.8e7, -9e6, 1.8e7, 9e6), 400, 200, 3, None),
    "disk": (GEOS.format(0), DISK, 550, 550, 3, None),
    "disk across the antimeridian": (GEOS.format(140.7), DISK, 550, 550, 3, None),
    "Arctic": ("EPSG:3413", POLAR, 500, 500, 4, None),
    "Arctic, stereographic": ("EPSG:3995", POLAR, 500, 500, 3, None),
    "Bering Sea": ("EPSG:3571", POLAR, 500, 500, 4, None),
    "Antarctic": ("EPSG:3031", POLAR, 500, 500, 4, None),
}


def north_up(bounds: Any, width: int, height: int) -> Affine:
    west, south, east, north = bounds
    return Affine((east - west) / width, 0, west, 0, (south - north) / height, north)


def gradient(path: Path, crs: str, bounds: Any, width: int, height: int) -> Path:
    """Values from 1 to 250 from west to east, and from north to south."""
    column, row = np.meshgrid(np.linspace(1, 250, width), np.linspace(1, 250, height))
    values = np.stack([column, row, np.full_like(row, 100)]).astype("uint8")
    own = CRS.from_proj4(crs) if crs.startswith("+") else crs
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=3,
        dtype="uint8",
        crs=own,
        transform=north_up(bounds, width, height),
    ) as dataset:
        dataset.write(values)
    return path


@pytest.mark.parametrize("name", WORLD)
def test_tiles_are_those_of_exact_sampling(tmp_path: Path, name: str) -> None:
    crs, bounds, width, height, zoom, period = WORLD[name]
    path = gradient(tmp_path / "r.tif", crs, bounds, width, height)
    raster = source(path, zoom=zoom, min_valid=0.5)
    shares = exact_shares(path, zoom, period=period)
    found = tiles(raster)
    assert_tiles(found, shares, 0.5)
    assert raster.shares.total == pytest.approx(sum(shares.values()), rel=0.01)
    for tile in found[:: max(1, len(found) // 6)]:
        shown = float((pixels(raster, tile)[..., 2] > 0).mean())
        assert shown == pytest.approx(shares[tile], abs=0.03)


@pytest.mark.parametrize("west", [0, 20, -30, -180])
def test_pixels_of_a_world_are_where_their_longitude_is(tmp_path: Path, west: int) -> None:
    path = gradient(tmp_path / "r.tif", "EPSG:4326", (west, -80, west + 360, 80), 720, 320)
    raster = source(path, zoom=3)
    for tile in tiles(raster):
        shown = pixels(raster, tile)
        for column in (20, 128, 230):
            lon = (tile.x + (column + 0.5) / 256) * 45 - 180
            across = (lon - west) % 360 / 360
            if 0.01 < across < 0.99:
                assert shown[128, column, 0] == pytest.approx(1 + 249 * across, abs=1.5)


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:4301", (139.7, 35.6, 139.71, 35.61)),
        ("EPSG:4135", (-157.9, 21.3, -157.89, 21.31)),
        ("EPSG:4807", (0.0, 54.2, 0.01, 54.21)),
    ],
)
def test_datums_are_shifted(tmp_path: Path, crs: str, bounds: Any) -> None:
    path = gradient(tmp_path / "r.tif", crs, bounds, 2000, 2000)
    raster = source(path, zoom=17)
    found = tiles(raster)
    columns = {tile.x for tile in found}
    rows = {tile.y for tile in found}
    around = [
        TileIndex(17, x, y)
        for x in range(min(columns) - 2, max(columns) + 3)
        for y in range(min(rows) - 2, max(rows) + 3)
    ]
    assert_tiles(found, exact_shares(path, 17, among=around), 0.5)


@pytest.mark.parametrize(("crs", "zoom"), [(3413, 3), (3995, 3), (3571, 3), (3031, 3)])
def test_the_zoom_around_a_pole_is_not_that_of_the_pole(
    tmp_path: Path, crs: int, zoom: int
) -> None:
    path = gradient(tmp_path / "r.tif", f"EPSG:{crs}", (-2e6, -2e6, 2e6, 2e6), 800, 800)
    raster = source(path)
    assert {tile.z for tile in tiles(raster)} == {zoom}
    assert "by the median" in raster.plan.zoom_reason


def test_a_tile_at_zoom_0_is_listed_once(tmp_path: Path) -> None:
    path = gradient(tmp_path / "r.tif", "EPSG:4326", (100, -60, 260, 60), 160, 120)
    assert tiles(source(path, zoom=0, min_valid=0.1)) == [TileIndex(0, 0, 0)]


def test_other_bodies_are_named(tmp_path: Path) -> None:
    mars = "+proj=eqc +R=3396190 +units=m"
    path = gradient(tmp_path / "m.tif", mars, (0, 0, 6e4, 6e4), 60, 60)
    with pytest.raises(ImageUnreadableError) as refused:
        tiles(source(path))
    assert str(refused.value) == (
        "m.tif shows another body than Earth: Mars, of a radius of 3,396 km"
    )
    named = CRS.from_wkt(
        'GEOGCS["Mars 2000",DATUM["D_Mars_2000",SPHEROID["Mars_2000_IAU_IAG",3396190.0,'
        '169.89444722361179]],PRIMEM["Greenwich",0],UNIT["Decimal_Degree",0.0174532925199433]]'
    )
    with rasterio.open(path, "r+") as dataset:
        dataset.crs = named
    with pytest.raises(ImageUnreadableError, match=r"another body than Earth: Mars 2000$"):
        tiles(source(path))


def test_a_large_world_is_read_on_both_sides_of_its_cut(tmp_path: Path) -> None:
    """Where the two ends of a raster meet in a tile, not all between them is read."""
    crs = CRS.from_proj4("+proj=robin +lon_0=150")
    path = tmp_path / "r.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=68_000,
        height=400,
        count=1,
        dtype="uint8",
        crs=crs,
        transform=north_up((-1.7e7, -1e5, 1.7e7, 1e5), 68_000, 400),
        compress="deflate",
        tiled=True,
    ) as dataset:
        for first in range(0, 68_000, 17_000):
            window = rasterio.windows.Window(first, 0, 17_000, 400)
            dataset.write(np.full((1, 400, 17_000), 9, "uint8"), window=window)
    raster = source(path, zoom=8)
    tiles(raster)
    tile = tile_at(LonLat(-30.0, 0.1), 8)
    shares = exact_shares(path, 8, among=[tile])
    assert (pixels(raster, tile) > 0).mean() == pytest.approx(shares[tile], abs=0.02)
