from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.windows import Window
from support.imagery_files import noise, write_raster

from earthgql.errors import IngestError
from earthgql.imagery import grid
from earthgql.imagery.grid import LonLat, TileIndex
from earthgql.imagery.guard import open_raster
from earthgql.imagery.raster import pieces
from earthgql.imagery.raster.dates import acquisition_time
from earthgql.imagery.raster.georeference import georeference
from earthgql.imagery.raster.metadata import native_zoom
from earthgql.imagery.raster.validity import RasterReader, Validity
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import Pixels, TileSource
from earthgql.ingest.raster.options import RasterOptions, parse_stretch
from earthgql.ingest.raster.source import RasterSource


def listed(path: Path, **options: object) -> tuple[dict[str, object], list[TileIndex]]:
    """Rendering and tiles of a raster as ingest finds them."""
    source = RasterSource("test", str(path), str(path.parent), RasterOptions(**options))  # type: ignore[arg-type]
    rendering = source.metadata().rendering
    tiles = [
        TileIndex(int(z), int(x), int(y))
        for chunk in source.chunks()
        for z, x, y in zip(chunk.zoom, chunk.x, chunk.y, strict=True)
    ]
    return rendering, tiles


def middle(tiles: list[TileIndex]) -> TileIndex:
    """The tile nearest to the middle of all."""
    x, y = np.mean([tile.x for tile in tiles]), np.mean([tile.y for tile in tiles])
    return min(tiles, key=lambda tile: abs(tile.x - x) + abs(tile.y - y))


def read(path: Path, tile: TileIndex, rendering: dict[str, object]) -> Pixels:
    pixels = read_tile(TileSource("raster", str(path), str(path.parent), None, tile, rendering))
    assert pixels.shape == (256, 256, 3)
    assert pixels.dtype == np.uint8
    return pixels


def test_pixels_lie_where_they_are_on_the_ground(tmp_path: Path) -> None:
    values = np.zeros((3, 400, 400), np.uint8)
    values[0, :200], values[1, 200:], values[2, :, 200:] = 250, 250, 250
    path = write_raster(tmp_path / "quarters.tif", values)
    rendering, tiles = listed(path, zoom=12, min_valid=0.0)
    assert len(tiles) == len(set(tiles)) > 0
    middle_lon, middle_lat = 10.0 + 200e-4, 50.0 - 200e-4
    for tile in tiles:
        west, south, east, north = grid.tile_bounds(tile)
        pixels = read(path, tile, rendering)
        for row, column in ((40, 40), (40, 200), (200, 40), (200, 200)):
            lon, lat = west + (east - west) * column / 256, north - (north - south) * row / 256
            if not (10.0 < lon < 10.04 and 49.96 < lat < 50.0):
                assert pixels[row, column].tolist() == [0, 0, 0]
                continue
            if min(abs(lon - middle_lon), abs(lat - middle_lat)) < 1e-3:
                continue
            upper, right = lat > middle_lat, lon > middle_lon
            expected = [250 * upper, 250 * (not upper), 250 * right]
            if min(lon - 10, 10.04 - lon, lat - 49.96, 50 - lat) > 1e-3:
                assert pixels[row, column].tolist() == expected


def test_zoom_is_that_nearest_the_native_resolution(tmp_path: Path) -> None:
    for zoom in (9, 12, 14, 17):
        for factor in (0.8, 1.0, 1.25):
            pixel = 360 / 2**zoom / 256 * factor
            path = write_raster(tmp_path / "r.tif", noise(), north=0.01, pixel=pixel)
            with open_raster(tmp_path, path) as dataset:
                assert native_zoom(georeference(dataset, {}, path.name), path.name)[0] == zoom


def test_wedges_without_data_give_no_tiles(tmp_path: Path) -> None:
    """A scene turned in its frame, as satellites deliver them: UTM with empty corners."""
    values = noise(3, 1500, 1500)
    row, column = np.mgrid[:1500, :1500]
    empty = (row + 3 * column < 1800) | (row + 3 * column > 4200)
    values[:, empty] = 0
    path = write_raster(
        tmp_path / "utm.tif",
        values,
        crs="EPSG:32632",
        west=500_000,
        north=5_500_000,
        pixel=30,
        nodata=0,
    )
    rendering, tiles = listed(path)
    everything = listed(path, min_valid=0.0)[1]
    assert {tile.z for tile in tiles} == {12}
    assert 0 < len(tiles) < len(everything)
    shares = {tile: (read(path, tile, rendering) > 0).any(axis=2).mean() for tile in everything}
    for tile, share in shares.items():
        assert tile not in tiles or share > 0.47
        assert tile in tiles or share < 0.53
    assert min(shares.values()) > 0


def test_a_turned_raster_without_nodata_has_empty_corners(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "turned.tif", noise(3, 800, 800), rotation=30)
    rendering, tiles = listed(path, zoom=14)
    for tile in tiles:
        assert (read(path, tile, rendering) > 0).any(axis=2).mean() > 0.47
    assert len(tiles) < len(listed(path, zoom=14, min_valid=0.0)[1])


def test_sixteen_bits_are_stretched_by_percentiles_alike_in_all_tiles(tmp_path: Path) -> None:
    values = noise(3, 600, 600, "uint16")
    path = write_raster(tmp_path / "deep.tif", values, nodata=0)
    rendering, tiles = listed(path, zoom=15, min_valid=1)
    stretch = np.array(rendering["stretch"])
    for band in range(3):
        assert stretch[band] == pytest.approx(np.percentile(values[band], [2, 98]), rel=0.01)
    whole = [read(path, tile, rendering) for tile in tiles]
    assert np.mean(whole) == pytest.approx(127, abs=12)


def test_limits_are_mapped_linearly(tmp_path: Path) -> None:
    values = np.stack([np.full((600, 600), v, np.uint16) for v in (0, 1500, 9000)])
    path = write_raster(tmp_path / "flat.tif", values)
    rendering, tiles = listed(path, stretch=parse_stretch("0:3000"), min_valid=0.9)
    assert rendering["stretch"] == [[0, 3000]] * 3
    assert read(path, tiles[0], rendering)[128, 128].tolist() == [0, 128, 255]
    rendering, _ = listed(path, stretch=parse_stretch("0:1,0:3000,0:90000"))
    assert read(path, tiles[0], rendering)[128, 128].tolist() == [0, 128, 26]


@pytest.mark.parametrize("dtype", ["int16", "uint32", "int32", "float32", "float64", "int8"])
def test_any_type_of_value_can_be_read(tmp_path: Path, dtype: str) -> None:
    values = (noise(1, 600, 600).astype(np.float64) / 2).astype(dtype)
    path = write_raster(tmp_path / "typed.tif", values)
    rendering, tiles = listed(path)
    pixels = read(path, tiles[0], rendering)
    assert pixels.std() > 20
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_not_a_number_is_no_data(tmp_path: Path) -> None:
    values = noise(1, 600, 600).astype(np.float32)
    values[:, :, 300:] = np.nan
    path = write_raster(tmp_path / "nan.tif", values, nodata=np.nan)
    rendering, tiles = listed(path, zoom=14, min_valid=0.0)
    east = max(tiles, key=lambda tile: tile.x)
    assert grid.tile_bounds(east).west < 10.03 + 1e-3
    assert read(path, tiles[0], rendering).max() > 0


def test_one_band_becomes_grey_and_colour_interpretation_orders_bands(tmp_path: Path) -> None:
    values = np.stack([np.full((600, 600), v, np.uint8) for v in (10, 20, 30, 40)])
    grey = write_raster(tmp_path / "grey.tif", values[:1])
    rendering, tiles = listed(grey)
    assert read(grey, middle(tiles), rendering)[100, 100].tolist() == [10, 10, 10]
    path = write_raster(tmp_path / "bgr.tif", values)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [
            ColorInterp.blue,
            ColorInterp.green,
            ColorInterp.red,
            ColorInterp.undefined,
        ]
    rendering, tiles = listed(path)
    assert rendering["bands"] == [3, 2, 1]
    rendering, tiles = listed(path, bands=(4, 1, 2))
    assert read(path, middle(tiles), rendering)[100, 100].tolist() == [40, 10, 20]
    with pytest.raises(IngestError, match="--bands"):
        listed(path, bands=(5, 1, 2))


@pytest.mark.parametrize("how", ["alpha", "mask", "internal mask"])
def test_alpha_and_masks_are_respected(tmp_path: Path, how: str) -> None:
    values = noise(3, 600, 600)
    valid = np.zeros((600, 600), np.uint8)
    valid[:, :300] = 255
    path = tmp_path / "half.tif"
    if how == "alpha":
        write_raster(path, np.concatenate([values, valid[None]]), photometric="RGB", alpha="yes")
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=how == "internal mask"):
            write_raster(path, values, mask=valid)
    rendering, tiles = listed(path, zoom=14)
    assert rendering["bands"] == [1, 2, 3]
    assert tiles
    assert all(grid.tile_bounds(tile).west < 10.03 for tile in tiles)
    for tile in listed(path, zoom=14, min_valid=0.0)[1]:
        west, _, east, _ = grid.tile_bounds(tile)
        columns = west + (east - west) * (np.arange(256) + 0.5) / 256
        assert (read(path, tile, rendering)[:, columns > 10.0302] == 0).all()


def test_palettes_become_their_colours(tmp_path: Path) -> None:
    values = np.full((1, 600, 600), 3, np.uint8)
    colours = {0: (0, 0, 0, 255), 3: (200, 100, 50, 255)}
    path = write_raster(tmp_path / "p.tif", values, colormap=colours, photometric="palette")
    rendering, tiles = listed(path, zoom=15, min_valid=1)
    assert rendering["palette"] is True
    assert read(path, middle(tiles), rendering)[9, 9].tolist() == [200, 100, 50]


@pytest.mark.parametrize("west", [179.97, -180.03, 539.97])
def test_scenes_across_the_antimeridian_have_tiles_on_both_sides(
    tmp_path: Path, west: float
) -> None:
    values = noise(3, 600, 600)
    path = write_raster(tmp_path / "date.tif", values, west=west, north=10)
    rendering, tiles = listed(path)
    columns = {tile.x for tile in tiles}
    last = 2 ** tiles[0].z - 1
    assert 0 in columns
    assert last in columns
    assert all(x < 10 or x > last - 10 for x in columns)
    for tile in tiles:
        assert (read(path, tile, rendering) > 0).any(axis=2).mean() > 0.45


def test_scenes_in_utm_cross_the_antimeridian_too(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "fiji.tif",
        noise(3, 1200, 1200),
        crs="EPSG:32760",
        west=805_000,
        north=8_200_000,
        pixel=30,
    )
    rendering, tiles = listed(path)
    sides = {tile.x < 2 ** (tile.z - 1) for tile in tiles}
    assert sides == {True, False}
    for tile in tiles:
        assert (read(path, tile, rendering) > 0).any(axis=2).mean() > 0.45


def test_date_is_found_in_the_tags(tmp_path: Path) -> None:
    for tags, wanted in (
        ({"TIFFTAG_DATETIME": "2020:05:18 13:38:01"}, "2020-05-18T13:38:01+00:00"),
        ({"ACQUISITION_DATE": "2021-02-03"}, "2021-02-03T00:00:00+00:00"),
        (
            {"TIFFTAG_DATETIME": "2022:01:01 00:00:00", "DATE_ACQUIRED": "2021-02-03T04:05:06Z"},
            "2021-02-03T04:05:06+00:00",
        ),
        ({"ACQUISITION_DATE": "2021-13-40"}, None),
        ({"ACQUISITION_DATE": "yesterday"}, None),
    ):
        path = write_raster(tmp_path / "dated.tif", noise(1, 8, 8), tags=tags)
        with open_raster(tmp_path, path) as dataset:
            found = acquisition_time(dataset)
        assert (found and found[0].isoformat()) == wanted


@pytest.mark.parametrize(
    "value", ["", "2", "98,2", "-1,50", "2,98,99", "5:5", "9:1", "a:b", "0:nan", "0:1:2", "x"]
)
def test_impossible_stretches_are_refused(value: str) -> None:
    with pytest.raises(IngestError, match="--stretch"):
        parse_stretch(value)


def test_polar_projections_are_read(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "polar.tif",
        noise(3, 300, 300),
        crs="EPSG:3995",
        west=-150_000,
        north=-1_000_000,
        pixel=1000,
    )
    rendering, tiles = listed(path)
    assert tiles
    assert read(path, tiles[len(tiles) // 2], rendering).max() > 0
    beyond = write_raster(
        tmp_path / "pole.tif", noise(3, 30, 30), crs="EPSG:4326", north=89.9, pixel=1e-3
    )
    with pytest.raises(IngestError, match="latitude"):
        listed(beyond)


def test_tile_of_another_place_is_black(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "r.tif", noise())
    rendering, _ = listed(path)
    assert read(path, grid.tile_at(LonLat(-60, -30), 14), rendering).max() == 0


@pytest.mark.parametrize("shape", [(700, 900), (87, 112), (3, 2)])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_windows_read_in_pieces_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], interleave: str
) -> None:
    values = noise(3, 800, 1000)
    path = write_raster(
        tmp_path / "p.tif",
        values,
        tiled=True,
        blockxsize=64,
        blockysize=64,
        interleave=interleave,
    )
    window = Window(37, 55, 900, 700)
    with open_raster(tmp_path, path) as dataset:
        reader = RasterReader(dataset, (3, 1), Validity(nodata=(7,)))
        whole, valid = reader.read(window, shape)
        monkeypatch.setattr(pieces, "_PIECE_BYTES", 64 * 64 * 3 * 5)
        assert len(list(pieces.pieces(dataset, window, shape))) > 2
        read = reader.read(window, shape)
        alone = reader.read_validity(window, shape)
    np.testing.assert_array_equal(alone, read[1])
    # Between two pixels, either is the nearest.
    assert (read[0] == whole).mean() > 0.9
    if shape == (700, 900):
        np.testing.assert_array_equal(read[0], whole)
        np.testing.assert_array_equal(read[1], valid)
        np.testing.assert_array_equal(whole, values[[2, 0], 55:755, 37:937])
