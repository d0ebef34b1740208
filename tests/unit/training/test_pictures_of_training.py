from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from earthgql.errors import TrainingError
from earthgql.training.data.picture_files import PLANET_BLACK, PLANET_WHITE, eight_bit, read_picture

COLOUR = (180, 90, 40)


def flat(mode: str, size: tuple[int, int] = (256, 256)) -> Image.Image:
    return Image.new("RGB", size, COLOUR).convert(mode)


def write_tiff(path: Path, bands: np.ndarray) -> Path:
    shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2]}
    with (
        pytest.warns(NotGeoreferencedWarning),
        rasterio.open(path, "w", driver="GTiff", dtype=bands.dtype, **shape) as file,
    ):
        file.write(bands)
    return path


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", "jpg"), ("CMYK", "jpg"), ("RGBA", "png")])
def test_every_colour_model_becomes_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"chip.{suffix}"
    flat(mode).save(path)
    pixels = read_picture(path)
    assert pixels.shape == (256, 256, 3)
    assert np.abs(pixels.astype(int) - COLOUR).max() <= 3


def test_other_sizes_are_resampled(tmp_path: Path) -> None:
    flat("RGB", (242, 256)).save(tmp_path / "odd.png")
    pixels = read_picture(tmp_path / "odd.png")
    assert pixels.shape == (256, 256, 3)
    assert (pixels == COLOUR).all()


def test_sixteen_bit_bands_are_blue_green_red_infrared(tmp_path: Path) -> None:
    bands = np.zeros((4, 256, 256), np.uint16)
    bands[:3] = np.array(PLANET_BLACK[::-1])[:, None, None]
    bands[2] = PLANET_WHITE[0]
    pixels = read_picture(write_tiff(tmp_path / "chip.tif", bands))
    assert (pixels == (255, 0, 0)).all()


def test_sixteen_bit_values_outside_the_bounds_are_clipped() -> None:
    values = np.array([[[0, 65535, 6650]]], np.uint16)
    assert eight_bit(values).tolist() == [[[0, 255, 128]]]


def test_eight_bit_tiff_is_taken_as_it_is(tmp_path: Path) -> None:
    bands = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((3, 256, 256), np.uint8)
    assert (read_picture(write_tiff(tmp_path / "a.tif", bands)) == (0, 1, 2)).all()


def test_float_tiff_is_refused(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.zeros((3, 8, 8), np.float32))
    with pytest.raises(TrainingError, match="3 bands of float32"):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(1).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TrainingError, match=f"cut.{suffix}"):
        read_picture(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"gone\.jpg is missing"):
        read_picture(tmp_path / "gone.jpg")
