"""Georeferences other than a transform: control points, RPCs, world files, and none."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC
from support.imagery_files import write_raster
from support.raster_scenes import pixels, source, tiles

from earthgql.errors import ImageUnreadableError, IngestError
from earthgql.imagery.grid import TILE_PIXELS, TileIndex, mercator_bounds

SIZE = 600


def gradient() -> np.ndarray:
    column, row = np.meshgrid(np.linspace(1, 250, SIZE), np.linspace(1, 250, SIZE))
    return np.stack([column, row, np.full_like(row, 100)]).astype("uint8")


def unplaced(path: Path, crs: str | None = None, **profile: Any) -> Path:
    size = {"width": SIZE, "height": SIZE, "count": 3, "dtype": "uint8"}
    with warnings.catch_warnings():  # of the writer
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", crs=crs, **size, **profile) as dataset:
            dataset.write(gradient())
    return path


def assert_pixels_lie(raster: Any, tile: TileIndex, place: Any) -> None:
    """Red and green of a tile tell the column and row that ``place(lon, lat)`` gives."""
    shown = pixels(raster, tile).astype(float)
    west, _, east, north = mercator_bounds(tile)
    steps = (np.arange(8, TILE_PIXELS, 48) + 0.5) * (east - west) / TILE_PIXELS
    to_lonlat = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
    checked = 0
    for i, j in np.ndindex(len(steps), len(steps)):
        lon, lat = to_lonlat.transform(west + steps[j], north - steps[i])
        column, row = place(lon, lat)
        if 5 < column < SIZE - 5 and 5 < row < SIZE - 5:
            red, green, _ = shown[8 + 48 * i, 8 + 48 * j]
            assert red == pytest.approx(1 + 249 * (column - 0.5) / (SIZE - 1), abs=1.2)
            assert green == pytest.approx(1 + 249 * (row - 0.5) / (SIZE - 1), abs=1.2)
            checked += 1
    assert checked


def test_control_points_that_a_transform_fits(tmp_path: Path) -> None:
    corners = [(0, 0), (0, SIZE), (SIZE, 0), (SIZE, SIZE)]
    gcps = [GroundControlPoint(r, c, 15 + c * 1e-4, 45 - r * 1e-4) for r, c in corners]
    path = unplaced(tmp_path / "g.tif", "EPSG:4326", gcps=gcps)
    raster = source(path, zoom=14)
    found = tiles(raster)
    assert raster.notes() == [
        "it is placed by 4 ground control points, which an affine transform fits"
    ]
    for tile in found[:3]:
        assert_pixels_lie(raster, tile, lambda lon, lat: ((lon - 15) / 1e-4, (45 - lat) / 1e-4))


@pytest.mark.parametrize("west", [15.0, 179.97])
def test_control_points_by_a_spline(tmp_path: Path, west: float) -> None:
    """A swath that bends, also across the antimeridian."""

    def bent(row: float, column: float) -> tuple[float, float]:
        return west + column * 1e-4 + 2e-3 * np.sin(row / 150), 45 - row * 1e-4

    steps = range(0, SIZE + 1, 50)
    gcps = []
    for row in steps:
        for column in steps:
            lon, lat = bent(row, column)
            gcps.append(GroundControlPoint(row, column, (lon + 180) % 360 - 180, lat))
    path = unplaced(tmp_path / "g.tif", "EPSG:4326", gcps=gcps)
    raster = source(path, zoom=14)
    found = tiles(raster)
    assert raster.notes() == [
        f"it is placed by {len(gcps)} ground control points, by a thin-plate spline"
    ]
    if west > 179:
        assert {tile.x < 2**13 for tile in found} == {True, False}

    def place(lon: float, lat: float) -> tuple[float, float]:
        row = (45 - lat) / 1e-4
        east = (lon - west + 180) % 360 - 180
        return (east - 2e-3 * np.sin(row / 150)) / 1e-4, row

    for tile in found:
        assert_pixels_lie(raster, tile, place)


def test_control_points_all_round_the_earth(tmp_path: Path) -> None:
    """Points 360 degrees apart are two places, though one longitude."""
    degrees = 360 / SIZE
    corners = [(0, 0), (0, SIZE), (SIZE, 0), (SIZE, SIZE)]
    gcps = [GroundControlPoint(r, c, c * degrees - 30, 80 - r * 160 / SIZE) for r, c in corners]
    raster = source(unplaced(tmp_path / "g.tif", "EPSG:4326", gcps=gcps), zoom=1)
    assert len(tiles(raster)) == 4

    def place(lon: float, lat: float) -> tuple[float, float]:
        return (lon + 30) % 360 / degrees, (80 - lat) * SIZE / 160

    for tile in tiles(raster):
        assert_pixels_lie(raster, tile, place)


@pytest.mark.parametrize(
    ("crs", "lon", "lat"), [("EPSG:4813", 107, -6.6), ("EPSG:4807", -4, 48), ("EPSG:4267", -82, 28)]
)
def test_a_datum_counts_whatever_the_prime_meridian(
    tmp_path: Path, crs: str, lon: float, lat: float
) -> None:
    to_own = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    step = 1e-5
    west, north = to_own.transform(lon, lat)
    transform = rasterio.Affine(step, 0, west, 0, -step, north)
    raster = source(unplaced(tmp_path / "d.tif", crs, transform=transform))

    def place(lon: float, lat: float) -> tuple[float, float]:
        x, y = to_own.transform(lon, lat)
        return (x - west) / step, (north - y) / step

    found = tiles(raster)
    assert found
    for tile in found:
        assert_pixels_lie(raster, tile, place)


def rpcs(height_scale: float, lean: float) -> RPC:
    """A camera over lon 15.03, lat 44.97; ``lean`` moves columns with the height."""
    constant = [1.0] + [0.0] * 19
    return RPC(
        height_off=0.0,
        height_scale=height_scale,
        lat_off=44.97,
        lat_scale=0.03,
        long_off=15.03,
        long_scale=0.03,
        line_off=299.5,
        line_scale=300.0,
        samp_off=299.5,
        samp_scale=300.0,
        line_num_coeff=[0.0, 0.0, -1.0] + [0.0] * 17,
        line_den_coeff=constant,
        samp_num_coeff=[0.0, 1.0, 0.0, lean] + [0.0] * 16,
        samp_den_coeff=constant,
        err_bias=0.0,
        err_rand=0.0,
    )


def test_rpcs_where_height_does_not_matter(tmp_path: Path) -> None:
    path = unplaced(tmp_path / "r.tif", rpcs=rpcs(500, 0.001))
    raster = source(path, zoom=14)
    found = tiles(raster)
    assert raster.notes() == ["it is placed by RPCs, at a height of 0 m"]
    for tile in found[:3]:
        assert_pixels_lie(raster, tile, lambda lon, lat: ((lon - 15) / 1e-4, (45 - lat) / 1e-4))


def test_rpcs_want_a_height_where_it_matters(tmp_path: Path) -> None:
    path = unplaced(tmp_path / "r.tif", rpcs=rpcs(500, 0.1))
    with pytest.raises(IngestError, match=r"r\.tif is placed by RPCs.*--rpc-height.*gdalwarp -rpc"):
        tiles(source(path))
    raster = source(path, zoom=14, rpc_height=250.0)
    found = tiles(raster)
    for tile in found[:3]:
        assert_pixels_lie(
            raster, tile, lambda lon, lat: ((lon - 15) / 1e-4 + 15, (45 - lat) / 1e-4)
        )


@pytest.mark.parametrize(
    "pixels", [[(0, 0)], [(0, 0), (600, 600)], [(300, 0), (300, 200), (300, 400), (300, 600)]]
)
def test_control_points_in_one_line_place_nothing(
    tmp_path: Path, pixels: list[tuple[int, int]]
) -> None:
    gcps = [GroundControlPoint(r, c, 15 + c * 1e-4, 45 - r * 1e-4) for r, c in pixels]
    path = unplaced(tmp_path / "g.tif", "EPSG:4326", gcps=gcps)
    with pytest.raises(
        ImageUnreadableError, match=rf"g\.tif: its {len(gcps)} ground control.*-gcp"
    ):
        tiles(source(path))


def test_a_jpeg_2000_file_has_a_world_file(tmp_path: Path) -> None:
    """Its driver says zeros, not an identity, where there is no transform."""
    shape = {"width": SIZE, "height": SIZE, "count": 3, "dtype": "uint8"}
    path = tmp_path / "j.jp2"
    with warnings.catch_warnings():  # of the writer
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="JP2OpenJPEG", REVERSIBLE="YES", **shape) as dataset:
            dataset.write(gradient())
    with pytest.raises(ImageUnreadableError, match=r"^j\.jp2 is not georeferenced"):
        tiles(source(path, crs="EPSG:4326"))
    path.with_suffix(".j2w").write_text("1e-4\n0\n0\n-1e-4\n15.00005\n44.99995\n")
    raster = source(path, crs="EPSG:4326", zoom=14)
    for tile in tiles(raster):
        assert_pixels_lie(raster, tile, lambda lon, lat: ((lon - 15) / 1e-4, (45 - lat) / 1e-4))


@pytest.mark.parametrize("suffix", [".tfw", ".tifw", ".wld", ".TFW"])
def test_world_files_are_used(tmp_path: Path, suffix: str) -> None:
    path = unplaced(tmp_path / "w.tif")
    path.with_suffix(suffix).write_text("10.0\n0\n0\n-10.0\n500005.0\n4999995.0\n")
    with pytest.raises(ImageUnreadableError, match=r"w\.tif has no CRS: give --crs"):
        tiles(source(path))
    raster = source(path, crs="EPSG:32633", min_valid=0.2)
    found = tiles(raster)
    to_utm = pyproj.Transformer.from_crs(4326, 32633, always_xy=True)

    def place(lon: float, lat: float) -> tuple[float, float]:
        x, y = to_utm.transform(lon, lat)
        return (x - 500_000) / 10, (5_000_000 - y) / 10

    for tile in found:
        assert_pixels_lie(raster, tile, place)
    assert raster.notes()[0] == f"its place is read from w{suffix}"
    path.with_suffix(".prj").write_text(rasterio.crs.CRS.from_epsg(32633).to_wkt())
    assert tiles(source(path, min_valid=0.2)) == found


@pytest.mark.parametrize("text", ["", "1 2 3", "a b c d e f", "1 0 0 1 2 3 4", "0 0 0 0 0 0", "é"])
def test_damaged_world_files_are_named(tmp_path: Path, text: str) -> None:
    path = unplaced(tmp_path / "w.tif", "EPSG:32633")
    path.with_suffix(".tfw").write_text(text)
    with pytest.raises(ImageUnreadableError, match=r"w\.tfw is no world file"):
        tiles(source(path))


def test_a_world_file_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("10\n0\n0\n-10\n500005\n4999995\n")
    (tmp_path / "in").mkdir()
    path = unplaced(tmp_path / "in" / "w.tif", "EPSG:32633")
    path.with_suffix(".tfw").symlink_to(tmp_path / "secret")
    with pytest.raises(ImageUnreadableError, match=r"w\.tfw leads out of the folder"):
        tiles(source(path))


def test_what_is_not_georeferenced_is_told_the_remedy(tmp_path: Path) -> None:
    path = unplaced(tmp_path / "n.tif")
    with pytest.raises(ImageUnreadableError, match=r"^n\.tif is not georeferenced.*gdal_edit"):
        tiles(source(path))


def test_a_crs_can_be_given(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "c.tif", gradient(), crs="EPSG:32632", west=5e5, north=5e6, pixel=10
    )
    raster = source(path, crs="EPSG:32633")
    assert {tile.x for tile in tiles(raster)} != {tile.x for tile in tiles(source(path))}
    assert raster.notes() == ["--crs EPSG:32633 stands in for its own CRS"]
    with pytest.raises(ImageUnreadableError, match="'EPSG:0' is no CRS"):
        tiles(source(path, crs="EPSG:0"))


def test_a_local_crs_has_no_place(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "l.tif", gradient(), crs='LOCAL_CS["site",UNIT["metre",1]]', pixel=1
    )
    with pytest.raises(ImageUnreadableError) as refused:
        tiles(source(path))
    assert str(refused.value) == (
        "l.tif: its CRS (site) cannot be transformed to longitude and latitude; "
        "give another with --crs"
    )
