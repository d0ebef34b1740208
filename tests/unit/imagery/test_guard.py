import errno
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio._env import get_gdal_config
from support.imagery_files import noise, write_raster

from earthgql.errors import ImageUnreadableError
from earthgql.imagery import guard
from earthgql.imagery.grid import LonLat, tile_at
from earthgql.imagery.guard import check_pixels, open_raster
from earthgql.imagery.raster.georeference import georeference
from earthgql.imagery.raster.metadata import check_zoom_decodable
from earthgql.imagery.raster.tile import read_raster_tile

VRT = """<VRTDataset rasterXSize="512" rasterYSize="512"><SRS>EPSG:4326</SRS>
<GeoTransform>10, 0.0001, 0, 50, 0, -0.0001</GeoTransform>
<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename>{}</SourceFilename>
<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""


def refused(path: Path, *, match: str | None = None) -> None:
    tile = tile_at(LonLat(10.02, 49.98), 14)
    with pytest.raises(ImageUnreadableError, match=match) as caught:
        read_raster_tile(str(path.parent), str(path), tile, {"bands": [1]})
    assert str(path.parent) not in str(caught.value), "clients must not learn where files are"


def test_a_vrt_under_another_name_is_refused(tmp_path: Path) -> None:
    secret = write_raster(tmp_path / "elsewhere" / "secret.tif", noise())
    for name in ("a.tif", "b.vrt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(VRT.format(secret))
        refused(path, match="not a GeoTIFF")


def test_a_vrt_as_overviews_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise())
    path.with_name("a.tif.ovr").write_text(VRT.format("/etc/hostname"))
    refused(path, match="not a TIFF")


def test_overviews_elsewhere_are_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise())
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE="/vsicurl/http://127.0.0.1:1/x.tif")
    refused(path, match="another file")


def test_reasons_do_not_name_folders(tmp_path: Path) -> None:
    refused(tmp_path / "gone.tif", match=r"^gone\.tif does not exist")
    (tmp_path / "folder.tif").mkdir()
    refused(tmp_path / "folder.tif", match=r"^folder\.tif is a folder")


def test_forbidden_files_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "a.tif", noise())

    def forbid(file: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(guard, "_beginning", forbid)  # root may read anything
    refused(path, match=r"^a\.tif is damaged or unreadable: Permission denied$")


def test_links_out_of_the_root_are_refused(tmp_path: Path) -> None:
    outside = write_raster(tmp_path / "outside" / "a.tif", noise())
    link = tmp_path / "in" / "a.tif"
    link.parent.mkdir()
    link.symlink_to(outside)
    refused(link, match="leads out")


@pytest.mark.parametrize("path", ["/vsicurl/http://127.0.0.1:1/a.tif", "http://127.0.0.1:1/a.tif"])
def test_addresses_are_not_paths(tmp_path: Path, path: str) -> None:
    with pytest.raises(ImageUnreadableError), open_raster(tmp_path, path):
        pass
    with (
        pytest.raises(rasterio.errors.RasterioIOError),
        rasterio.Env(**guard._GDAL_OPTIONS),
        rasterio.open(path),
    ):
        pass


def test_truncated_and_corrupt_files_are_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise(), compress="deflate")
    whole = path.read_bytes()
    for broken in (whole[:50_000], whole[:100], whole[:4], b""):
        path.write_bytes(broken)
        refused(path)
    corrupt = bytearray(whole)
    corrupt[1000:-4000] = bytes(len(whole) - 5000)
    path.write_bytes(bytes(corrupt))
    refused(path)


def test_a_file_without_a_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8"
        ) as dataset,
    ):
        dataset.write(np.ones((1, 8, 8), np.uint8))
    refused(path, match="not georeferenced")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    refused(write_raster(tmp_path / "c.tif", noise().astype(np.complex64)), match="real numbers")


def test_tiles_that_need_too_many_pixels_are_refused_unless_overviews_help(
    tmp_path: Path,
) -> None:
    path = write_raster(
        tmp_path / "wide.tif", np.ones((1, 6000, 6000), np.uint8), compress="deflate", tiled=True
    )
    with (
        pytest.raises(ImageUnreadableError, match="megapixels"),
        open_raster(tmp_path, path) as dataset,
    ):
        check_zoom_decodable(dataset, georeference(dataset, {}, path.name), 8, str(path))
    tile = tile_at(LonLat(10.3, 49.7), 8)
    with pytest.raises(ImageUnreadableError, match="megapixels"):
        read_raster_tile(str(tmp_path), str(path), tile, {"bands": [1]})
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8])
    assert read_raster_tile(str(tmp_path), str(path), tile, {"bands": [1]}).max() == 1


def test_blocks_of_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "block.tif",
        np.ones((1, 5200, 5200), np.uint8),
        compress="deflate",
        tiled=True,
        blockxsize=5216,
        blockysize=5216,
    )
    refused(path, match="megapixels")


@pytest.mark.parametrize(
    ("width", "height", "told"),
    [(5001, 5000, "25.01"), (25_000_001, 1, "25.01"), (10_000, 3_000, "30.00")],
)
def test_the_size_in_the_message_is_above_the_limit(width: int, height: int, told: str) -> None:
    check_pixels("a", 5000, 5000)
    with pytest.raises(ImageUnreadableError) as refused:
        check_pixels("a", width, height)
    assert str(refused.value) == (f"a: {told} megapixels would have to be decoded, the limit is 25")


def test_blocks_that_take_too_much_memory_are_refused_with_the_remedy(tmp_path: Path) -> None:
    side = 3840  # 44 MB with three bands stored together
    given = {"compress": "deflate", "tiled": True, "blockxsize": side, "blockysize": side}
    values = np.ones((3, side, side), np.uint8)
    refused(
        write_raster(tmp_path / "p.tif", values, interleave="pixel", **given),
        match=r"p\.tif has blocks of 3840 x 3840 pixels, 42 MB of memory each: gdal_translate",
    )
    path = write_raster(tmp_path / "b.tif", values, interleave="band", **given)
    with open_raster(tmp_path, path) as dataset:
        assert dataset.count == 3


def test_the_cache_of_gdal_is_bounded(tmp_path: Path) -> None:
    with open_raster(tmp_path, write_raster(tmp_path / "a.tif", noise())):
        assert get_gdal_config("GDAL_CACHEMAX") == 64 << 20
