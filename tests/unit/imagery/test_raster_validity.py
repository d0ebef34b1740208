"""Validity is wherever the file says so: tiles are listed and pixels read by the same rule."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from support.imagery_files import noise, write_raster
from support.raster_scenes import assert_tiles, exact_shares, pixels, source, tiles

from earthgql.errors import IngestError, NoTilesError
from earthgql.imagery.grid import TileIndex, mercator_bounds
from earthgql.imagery.raster.tile import read_raster_tile

# 600 pixels, about 3 x 3 tiles of zoom 15, with data in the western third only.
SIZE = 600
VALID = np.zeros((SIZE, SIZE), bool)
VALID[:, :200] = True
RGB = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
HIGHEST = float(np.finfo("float32").max)


def written(
    path: Path,
    values: np.ndarray,
    *,
    grid: bool = False,
    colours: list[ColorInterp] | None = None,
    mask: np.ndarray | None = None,
    internal: bool = True,
    **profile: Any,
) -> Path:
    """A raster in UTM, or whose pixels are those of zoom 15."""
    west, _, east, north = mercator_bounds(TileIndex(15, 17700, 11300))
    place = {"crs": "EPSG:32633", "west": 500_000, "north": 5_000_000, "pixel": 4.3 * 0.7}
    if grid:
        place = {"crs": "EPSG:3857", "west": west, "north": north, "pixel": (east - west) / 256}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES" if internal else "NO"):
        write_raster(path, values, mask=mask, **place, **profile)  # type: ignore[arg-type]
    if colours:
        with rasterio.open(path, "r+") as dataset:
            dataset.colorinterp = colours
    return path


def hidden(values: np.ndarray, value: float) -> np.ndarray:
    """Values with another one where there is no data."""
    return np.where(VALID, values, np.asarray(value, values.dtype))


def band(value: int, dtype: str) -> np.ndarray:
    return np.where(VALID, value, 0)[None].astype(dtype)


def with_alpha(dtype: str, bands: int, alpha: int, top: int) -> tuple[np.ndarray, list[Any]]:
    """Values with an alpha band at some place, and the colours of all bands."""
    values = noise(bands, SIZE, SIZE, dtype)
    values[alpha - 1] = band(top, dtype)
    colours = [*RGB, *[ColorInterp.undefined] * bands][:bands]
    colours[alpha - 1] = ColorInterp.alpha
    return values, colours


MASK = np.where(VALID, 255, 0).astype("uint8")
FLOATS = noise(1, SIZE, SIZE).astype("float32")
CASES: dict[str, dict[str, Any]] = {
    "nodata": {"values": hidden(noise(3, SIZE, SIZE), 0), "nodata": 0},
    "nan with a tag": {"values": hidden(FLOATS, np.nan), "nodata": np.nan},
    "nan without a tag": {"values": hidden(FLOATS, np.nan)},
    "nan and nodata": {"values": hidden(FLOATS, np.nan), "nodata": -9999},
    "infinity": {"values": hidden(FLOATS, -np.inf)},
    "few digits": {"values": hidden(FLOATS, -HIGHEST), "nodata": -3.4e38},
    "many digits": {"values": hidden(FLOATS, -HIGHEST), "nodata": -3.4028234663852886e38},
    "own type": {"values": hidden(FLOATS, -9999.9), "nodata": -9999.9},
    "internal mask": {"values": noise(3, SIZE, SIZE), "mask": MASK},
    "mask beside it": {"values": noise(3, SIZE, SIZE), "mask": MASK, "internal": False},
    "mask of four bands": {
        "values": noise(4, SIZE, SIZE),
        "mask": MASK,
        "photometric": "RGB",
        "colours": [*RGB, ColorInterp.undefined],
    },
    "mask of four 16-bit bands": {"values": noise(4, SIZE, SIZE, "uint16"), "mask": MASK},
    "mask of one band": {"values": noise(1, SIZE, SIZE), "mask": MASK},
    "mask and nodata": {"values": np.full((3, SIZE, SIZE), 7, "uint8"), "mask": MASK, "nodata": 7},
    "mask beside it and nodata": {
        "values": np.full((3, SIZE, SIZE), 7, "uint8"),
        "mask": MASK,
        "internal": False,
        "nodata": 7,
    },
}
for _dtype, _bands, _alpha, _top in (
    ("uint8", 4, 4, 255),
    ("uint8", 5, 5, 255),
    ("uint8", 5, 4, 255),
    ("uint8", 2, 2, 255),
    ("uint8", 4, 4, 1),
    ("int16", 4, 4, 32767),
    ("int16", 5, 5, 255),
    ("uint16", 4, 4, 65535),
    ("uint16", 5, 5, 1),
    ("float32", 4, 4, 1),
):
    _values, _colours = with_alpha(_dtype, _bands, _alpha, _top)
    CASES[f"alpha {_top} in band {_alpha} of {_bands} {_dtype}"] = {
        "values": _values,
        "colours": _colours,
    }


@pytest.mark.parametrize("on_grid", [False, True], ids=["warped", "on the grid"])
@pytest.mark.parametrize("case", CASES)
def test_data_is_where_the_file_says(tmp_path: Path, case: str, on_grid: bool) -> None:
    path = written(tmp_path / "r.tif", grid=on_grid, **CASES[case])
    raster = source(path, zoom=15, min_valid=0.01)
    found = tiles(raster)
    shares = exact_shares(path, 15, valid=VALID, among=found) if on_grid else None
    assert found
    for tile in found:
        shown = pixels(raster, tile).any(axis=2).mean()
        if shares is not None:
            assert shown == pytest.approx(shares[tile], abs=0.02)
    everything = sum(float(pixels(raster, tile).any(axis=2).sum()) for tile in found)
    area = raster.shares.total * 256**2
    assert everything == pytest.approx(area, rel=0.03)
    # A third of the raster's pixels, each of which covers (3.01 m / cos 45.15 / 4.777 m)^2.
    size = SIZE * 200 * (1.0 if on_grid else (3.01 / np.cos(np.radians(45.1)) / 4.7773) ** 2)
    assert area == pytest.approx(size, rel=0.03)


def test_nodata_outside_the_type_is_none(tmp_path: Path) -> None:
    path = written(tmp_path / "r.tif", noise(1, SIZE, SIZE), grid=True)
    content = bytearray(path.read_bytes())
    # GDAL refuses to write it: an entry GDAL_NODATA (42113, ASCII) is put in place of another.
    entries = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, entries)[0]
    software = entries + 2 + 12 * (count - 1)
    rows = [bytes(content[entries + 2 + 12 * i : entries + 14 + 12 * i]) for i in range(count)]
    assert struct.unpack_from("<H", content, software)[0] < 42113
    keys = [struct.unpack_from("<H", row)[0] for row in rows]
    rows[keys.index(339)] = struct.pack("<HHI4s", 42113, 2, 4, b"-99\0")  # SampleFormat
    rows.sort(key=lambda row: struct.unpack_from("<H", row)[0])
    content[entries + 2 : entries + 2 + 12 * count] = b"".join(rows)
    path.write_bytes(bytes(content))
    raster = source(path, zoom=15)
    assert len(tiles(raster)) == 4
    assert pixels(raster, TileIndex(15, 17700, 11300)).any(axis=2).all()


def test_transparent_colours_of_a_palette_hold_no_data(tmp_path: Path) -> None:
    values = np.where(VALID, 3, 9)[None].astype("uint8")
    colours = {3: (200, 100, 50, 255), 9: (1, 2, 3, 255)}
    path = written(
        tmp_path / "p.tif", values, nodata=9, colormap=colours, photometric="palette", grid=True
    )
    raster = source(path, zoom=15, min_valid=0.01)
    assert_tiles(tiles(raster), {TileIndex(15, 17700, 11300 + i): 0.7 for i in range(3)}, 0.2)
    shown = pixels(raster, TileIndex(15, 17700, 11300))
    assert shown[5, 5].tolist() == [200, 100, 50]
    assert shown[5, 205].tolist() == [0, 0, 0]


def near_infrared(water: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Red, green, blue and near infrared, which is 0 over water."""
    values = noise(4, SIZE, SIZE)
    values[3] = np.where(water, 0, values[3])
    return values, water


@pytest.mark.parametrize("named", [False, True])
def test_near_infrared_flagged_as_alpha_erases_no_water(tmp_path: Path, named: bool) -> None:
    values, _ = near_infrared(~VALID)
    if named:
        values[3] = np.where(VALID, 255, 0)
    path = written(tmp_path / "r.tif", values, grid=True, colours=[*RGB, ColorInterp.alpha])
    if named:
        with rasterio.open(path, "r+") as dataset:
            dataset.set_band_description(4, "Near Infrared")
    raster = source(path, zoom=15)
    assert len(tiles(raster)) == 4
    assert pixels(raster, TileIndex(15, 17701, 11300)).any(axis=2).all()
    (note,) = raster.notes()
    assert note.startswith("band 4 is flagged as alpha but taken as data: its")
    assert note.endswith("; --alpha 4 uses it as alpha")
    assert len(tiles(source(path, zoom=15, alpha=4))) == 2


def test_near_infrared_in_a_black_collar_erases_water_no_more(tmp_path: Path) -> None:
    """Three quarters are collar, and a sixteenth of the rest is water."""
    values = noise(4, SIZE, SIZE)
    water = np.zeros((SIZE, SIZE), dtype=bool)
    water[:64, :64] = True
    values[3, water] = 0
    values[:, 256:] = values[:, :, 256:] = 0
    path = written(tmp_path / "r.tif", values, grid=True, colours=[*RGB, ColorInterp.alpha])
    raster = source(path, zoom=15)
    assert tiles(raster) == [TileIndex(15, 17700, 11300)]
    assert pixels(raster, TileIndex(15, 17700, 11300)).any(axis=2).all()
    assert raster.notes()[1] == (
        "pixels that are 0 in all bands hold no data; --nodata none takes them as data"
    )
    assert len(tiles(source(path, zoom=15, nodata=()))) == 4


def test_a_band_that_is_shown_is_not_alpha(tmp_path: Path) -> None:
    values = noise(4, SIZE, SIZE)
    values[3] = np.where(VALID, 200, 0)
    path = written(tmp_path / "r.tif", values, grid=True, colours=[*RGB, ColorInterp.alpha])
    assert len(tiles(source(path, zoom=15))) == 2
    raster = source(path, zoom=15, bands=(4, 3, 2))
    assert len(tiles(raster)) == 4
    assert raster.notes() == [
        "band 4 is flagged as alpha but taken as data: it is shown; --alpha 4 uses it as alpha"
    ]


def test_a_soft_edge_of_alpha_is_alpha(tmp_path: Path) -> None:
    values = noise(4, SIZE, SIZE)
    values[3] = np.clip((200 - np.arange(SIZE)) * 2, 0, 255)
    values[:3, values[3] == 0] = 0
    path = written(tmp_path / "r.tif", values, grid=True, colours=[*RGB, ColorInterp.alpha])
    raster = source(path, zoom=15)
    assert len(tiles(raster)) == 2
    assert raster.notes() == []


def test_alpha_and_nodata_can_be_overruled(tmp_path: Path) -> None:
    values, colours = with_alpha("uint8", 4, 4, 255)
    path = written(tmp_path / "alpha.tif", values, grid=True, colours=colours)
    assert len(tiles(source(path, zoom=15))) == 2
    assert len(tiles(source(path, zoom=15, alpha=0))) == 4
    with pytest.raises(IngestError, match=r"alpha.tif: --alpha takes none or one of 1..4"):
        tiles(source(path, alpha=5))
    path = written(tmp_path / "mask.tif", noise(3, SIZE, SIZE), grid=True, mask=MASK)
    assert len(tiles(source(path, zoom=15, alpha=0))) == 4
    path = written(tmp_path / "no.tif", hidden(noise(3, SIZE, SIZE), 0), grid=True, nodata=0)
    assert len(tiles(source(path, zoom=15))) == 2
    assert len(tiles(source(path, zoom=15, nodata=()))) == 4
    with pytest.raises(IngestError, match=r"no.tif: --nodata 256 is no uint8"):
        tiles(source(path, nodata=(256.0,)))


def test_nodata_takes_several_values(tmp_path: Path) -> None:
    values = hidden(noise(3, SIZE, SIZE), 255)
    values[:, :100, 200:] = 0
    path = written(tmp_path / "r.tif", values, grid=True)
    assert len(tiles(source(path, zoom=15, nodata=(0.0, 255.0)))) == 2


@pytest.mark.parametrize("on_grid", [False, True])
def test_a_collar_is_trimmed_and_black_inside_stays(tmp_path: Path, on_grid: bool) -> None:
    values = np.full((3, SIZE, SIZE), 255, "uint8")
    values[:, :, 500:] = 0
    values[:, 100:500, 100:400] = noise(3, 400, 300)
    values[:, 300:320, 200:220] = 0
    path = written(tmp_path / "r.tif", values, grid=on_grid)
    assert len(tiles(source(path, zoom=15, min_valid=0.01))) > 1
    raster = source(path, zoom=15, trim_collar=True, min_valid=0.01)
    found = tiles(raster)
    scale = 1.0 if on_grid else (3.01 / np.cos(np.radians(45.1)) / 4.7773) ** 2
    assert raster.shares.total * 256**2 == pytest.approx(300 * 400 * scale, rel=0.04)
    assert raster.notes() == ["a collar of pure black or white at the edges counts as no data"]
    shown = sum(int(pixels(raster, tile).any(axis=2).sum()) for tile in found)
    assert shown == pytest.approx((300 * 400 - 400) * scale, rel=0.03)  # pure black is black
    plain = written(tmp_path / "plain.tif", noise(3, SIZE, SIZE), grid=on_grid)
    without = source(plain, zoom=15, trim_collar=True)
    tiles(without)
    assert without.notes() == ["a collar of pure black or white at the edges was not found"]


def test_scenes_stored_before_are_read_by_what_the_header_says(tmp_path: Path) -> None:
    path = written(tmp_path / "r.tif", noise(3, SIZE, SIZE), grid=True, mask=MASK)
    tile = TileIndex(15, 17700, 11300)
    shown = read_raster_tile(str(tmp_path), str(path), tile, {"bands": [1, 2, 3], "stretch": None})
    np.testing.assert_array_equal(shown.any(axis=2), VALID[:256, :256])


@pytest.mark.parametrize(
    ("case", "remedy"),
    [
        ({"values": np.zeros((3, 64, 64), "uint8"), "nodata": 0}, "by nodata 0; --nodata none"),
        ({"values": np.zeros((4, 64, 64), "uint8"), "photometric": "RGB"}, "alpha band 4; --alpha"),
        ({"values": np.full((1, 64, 64), np.nan, "float32")}, "no pixel that holds data$"),
    ],
)
def test_a_raster_without_data_says_why(tmp_path: Path, case: dict[str, Any], remedy: str) -> None:
    colours = [*RGB, ColorInterp.alpha] if "photometric" in case else None
    path = written(tmp_path / "r.tif", colours=colours, **case)
    with pytest.raises(NoTilesError, match=remedy):
        tiles(source(path))


def test_a_share_is_told_to_less_than_a_hundredth(tmp_path: Path) -> None:
    """Of 256 columns 125 hold data, 48.8 %, where 32 samples a row would count a half."""
    values = np.full((1, 256, 512), 100, "uint8")
    values[:, :, 125:256] = 0
    path = written(tmp_path / "edge.tif", values, grid=True, nodata=0)
    with_half = tiles(source(path, zoom=15, min_valid=0.5))
    assert with_half == [TileIndex(15, 17701, 11300)]
    assert len(tiles(source(path, zoom=15, min_valid=0.48))) == 2
