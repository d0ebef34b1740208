"""Which bands are shown, and their colours."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp
from support.imagery_files import noise, write_raster
from support.raster_scenes import pixels, source, tiles

from earthgql.imagery.grid import TileIndex, mercator_bounds
from earthgql.imagery.raster.colours import space_to_rgb

TILE = TileIndex(15, 17700, 11300)


def on_grid(path: Path, values: np.ndarray, **profile: Any) -> Path:
    """A raster whose first 256 x 256 pixels are those of ``TILE``."""
    west, _, east, north = mercator_bounds(TILE)
    place: dict[str, Any] = {"west": west, "north": north, "pixel": (east - west) / 256}
    return write_raster(path, values, crs="EPSG:3857", **place, **profile)


def shown(path: Path, **options: object) -> tuple[list[int], list[str]]:
    """The colour in the middle of ``TILE``, and what was said."""
    raster = source(path, **options)
    assert TILE in tiles(raster)
    return pixels(raster, TILE)[128, 128].tolist(), raster.notes()


def flat(*values: int, dtype: str = "uint8") -> np.ndarray:
    return np.stack([np.full((300, 300), value, dtype) for value in values])


def test_bits_fill_the_range(tmp_path: Path) -> None:
    assert shown(on_grid(tmp_path / "4.tif", flat(5), nbits=4))[0] == [85] * 3
    assert shown(on_grid(tmp_path / "2.tif", flat(1), nbits=2))[0] == [85] * 3
    assert shown(on_grid(tmp_path / "1.tif", flat(1), nbits=1))[0] == [255] * 3
    white = {"photometric": "MINISWHITE"}
    assert shown(on_grid(tmp_path / "w1.tif", flat(1), nbits=1, **white))[0] == [0] * 3
    assert shown(on_grid(tmp_path / "w4.tif", flat(5), nbits=4, **white))[0] == [170] * 3
    assert shown(on_grid(tmp_path / "w8.tif", flat(55), **white))[0] == [200] * 3


def test_a_palette_without_a_colour_map_is_grey(tmp_path: Path) -> None:
    colours = {i: (i, 255 - i, 0, 255) for i in range(256)}
    path = on_grid(tmp_path / "p.tif", flat(77), colormap=colours)
    content = bytearray(path.read_bytes())
    entries = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, entries)[0]
    rows = [bytes(content[entries + 2 + 12 * i : entries + 14 + 12 * i]) for i in range(count)]
    tags = [struct.unpack_from("<H", row)[0] for row in rows]
    rows[tags.index(320)] = struct.pack("<H", 65000) + rows[tags.index(320)][2:]  # ColorMap
    rows.sort(key=lambda row: struct.unpack_from("<H", row)[0])
    content[entries + 2 : entries + 2 + 12 * count] = b"".join(rows)
    path.write_bytes(bytes(content))
    colour, notes = shown(path)
    assert colour == [77] * 3
    assert notes == ["a palette without a colour map: its values are shown as grey"]


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_cmyk_is_converted(tmp_path: Path, interleave: str) -> None:
    path = on_grid(
        tmp_path / "c.tif", flat(255, 51, 0, 51), photometric="CMYK", interleave=interleave
    )
    assert shown(path)[0] == pytest.approx([0, 163, 204], abs=1)


@pytest.mark.parametrize("compress", ["jpeg", None])
def test_ycbcr_is_converted(tmp_path: Path, compress: str | None) -> None:
    values = flat(200, 90, 30)
    if compress:
        path = on_grid(tmp_path / "y.tif", values, photometric="YCBCR", compress="JPEG")
    else:
        plain = tmp_path / "plain.tif"
        Image.fromarray(values.transpose(1, 2, 0)).convert("YCbCr").save(plain)
        west, _, east, north = mercator_bounds(TILE)
        pixel = (east - west) / 256
        path = plain
        path.with_suffix(".tfw").write_text(
            f"{pixel!r}\n0\n0\n{-pixel!r}\n{west + pixel / 2!r}\n{north - pixel / 2!r}\n"
        )
    colour, _ = shown(path, crs=None if compress else "EPSG:3857")
    assert colour == pytest.approx([200, 90, 30], abs=4)


def test_formulas_of_colour_spaces_are_those_of_pillow() -> None:
    rgb = noise(3, 32, 32).transpose(1, 2, 0)
    ycbcr = np.asarray(Image.fromarray(rgb).convert("YCbCr")).transpose(2, 0, 1)
    back = space_to_rgb(ycbcr, "ycbcr").transpose(1, 2, 0)
    assert np.abs(back.astype(int) - rgb).max() <= 3  # both were rounded
    cmyk = noise(4, 32, 32)
    converted = Image.frombytes("CMYK", (32, 32), cmyk.transpose(1, 2, 0).tobytes())
    expected = np.asarray(converted.convert("RGB")).transpose(2, 0, 1)
    assert np.abs(space_to_rgb(cmyk, "cmyk").astype(int) - expected).max() <= 2


@pytest.mark.parametrize("value", [0, 7, 30_000])
def test_a_constant_is_not_black(tmp_path: Path, value: int) -> None:
    path = on_grid(tmp_path / "c.tif", flat(value, dtype="uint16"))
    assert shown(path)[0] == [128] * 3
    path = on_grid(tmp_path / "f.tif", flat(value, dtype="float32"))
    assert shown(path)[0] == [128] * 3


def test_nearly_constant_values_use_their_range(tmp_path: Path) -> None:
    values = flat(5, dtype="uint16")
    values[0, :2, :2] = 105
    assert shown(on_grid(tmp_path / "n.tif", values))[0] == [0] * 3
    raster = source(tmp_path / "n.tif")
    tiles(raster)
    assert raster.plan.rendering.limits == [[5.0, 105.0]]


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (("blue", "green", "red", "nir"), [3, 2, 1]),
        (("Band 1 - Blue", "Band 2 - Green", "Band 3 - Red", "Band 4 - Near Infrared"), [3, 2, 1]),
        (("B02", "B03", "B04", "B08"), [3, 2, 1]),
        (("coastal blue", "green", "red edge", "red"), [4, 2, 1]),
        (("RED", "GREEN", "BLUE", "NIR"), [1, 2, 3]),
        (("nir", "red", "green", "blue"), [2, 3, 4]),
        (("coastal_blue", "blue", "green", "red"), [4, 3, 2]),
        (("green_i", "green", "blue", "red"), [4, 2, 3]),
        (("B2", "B3", "B4", "B8"), [3, 2, 1]),
        (("B1", "B2", "B3", "B4"), [1, 2, 3]),  # of an old Landsat they are blue, green, red
        (("a", "b", "c", "d"), [1, 2, 3]),
        (("red", "red", "green", "blue"), [1, 2, 3]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_names_of_bands_tell_their_order(
    tmp_path: Path, names: tuple[str, ...], bands: list[int], dtype: str
) -> None:
    path = on_grid(tmp_path / "n.tif", noise(4, 300, 300, dtype))
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names
        if dtype == "uint8":
            dataset.colorinterp = [*dataset.colorinterp[:3], ColorInterp.undefined]
    raster = source(path)
    tiles(raster)
    assert list(raster.plan.rendering.bands.indexes) == bands
    told = raster.plan.rendering.bands.reason == "their names"
    assert any("by their names" in note for note in raster.notes()) == told


def test_which_bands_are_shown_is_said_where_there_are_more(tmp_path: Path) -> None:
    assert shown(on_grid(tmp_path / "6.tif", noise(6, 300, 300, "uint16")))[1] == [
        "bands 1, 2, 3 of 6 are shown (the first three); --bands chooses others"
    ]
    assert shown(on_grid(tmp_path / "3.tif", noise(3, 300, 300, "uint8")))[1] == []
    assert shown(on_grid(tmp_path / "2.tif", noise(2, 300, 300, "uint16")))[1] == [
        "band 1 of 2 is shown as grey; --bands takes others"
    ]
