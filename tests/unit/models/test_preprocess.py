import numpy as np
import pytest

from earthgql.errors import BadInputError
from earthgql.models.preprocess import InputSpec, preprocess


def flat(red: int, green: int, blue: int, size: int = 256) -> np.ndarray:
    return np.tile(np.array([red, green, blue], np.uint8), (1, size, size, 1))


def test_unit_divides_by_255() -> None:
    values = preprocess(flat(0, 51, 255), InputSpec(scale="unit"))
    assert values.dtype == np.float32
    assert values.shape == (1, 256, 256, 3)
    assert np.allclose(values[0, 0, 0], [0, 0.2, 1], atol=1e-7)


def test_caffe_reverses_channels_and_subtracts_the_means_of_imagenet() -> None:
    values = preprocess(flat(200, 100, 50), InputSpec(scale="imagenet-caffe"))
    assert np.allclose(values[0, 7, 9], [50 - 103.939, 100 - 116.779, 200 - 123.68], atol=1e-5)
    assert values.flags.c_contiguous


def test_standard_subtracts_mean_and_divides_by_deviation() -> None:
    spec = InputSpec(scale="standard", mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    assert np.allclose(preprocess(flat(255, 0, 255), spec)[0, 0, 0], [1, -1, 0.5], atol=1e-6)


def test_half_the_size_is_the_mean_of_four_pixels() -> None:
    pixels = np.zeros((1, 256, 256, 3), np.uint8)
    pixels[0, 0, 0] = (40, 80, 120)
    pixels[0, 1, 1] = (80, 120, 40)
    values = preprocess(pixels, InputSpec(size=128)) * 255
    assert values.shape == (1, 128, 128, 3)
    assert np.allclose(values[0, 0, 0], [30, 50, 40], atol=1e-4)
    assert not values[0, 1:].any()


def test_smaller_pictures_are_enlarged() -> None:
    values = preprocess(flat(10, 20, 30, size=64), InputSpec(size=96)) * 255
    assert np.allclose(values, [10, 20, 30], atol=1e-4)


def test_pixels_are_left_as_they_are() -> None:
    pixels = flat(1, 2, 3)
    before = pixels.copy()
    preprocess(pixels, InputSpec(scale="imagenet-caffe"))
    assert (pixels == before).all()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 256, 256, 3), np.float32),
        np.zeros((256, 256, 3), np.uint8),
        np.zeros((1, 8, 8, 4), np.uint8),
    ],
)
def test_other_types_and_shapes_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(BadInputError, match=r"uint8 \[n, height, width, 3\]"):
        preprocess(pixels, InputSpec())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 16}, "between 32 and 1024"),
        ({"scale": "tanh"}, "'tanh' is none of"),
        ({"scale": "standard"}, "needs both"),
        ({"scale": "unit", "mean": (0, 0, 0), "std": (1, 1, 1)}, "needs both"),
        ({"scale": "standard", "mean": (0, 0, 0), "std": (1, 0, 1)}, "above 0"),
    ],
)
def test_specs_that_make_no_sense_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        InputSpec(**wrong)
