"""Turns pixels of tiles into the input of a network, in training and serving alike."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from earthgql.errors import BadInputError
from earthgql.models.protocol import TILE_SIZE, Pixels

Scale = Literal["unit", "imagenet-caffe", "standard"]

IMAGENET_BGR_MEAN = (103.939, 116.779, 123.68)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input of a network.

    Attributes:
        size: side of the square input in pixels, 32 to 1024; tiles of another size are resampled
            by area (smaller) or bilinearly (larger).
        scale: ``unit`` divides by 255; ``imagenet-caffe`` reverses the channels to blue, green,
            red and subtracts (103.939, 116.779, 123.68); ``standard`` divides by 255, subtracts
            ``mean`` and divides by ``std``.
        mean: per channel red, green, blue in 0 to 1, for ``standard`` only.
        std: likewise, above 0.
    """

    size: int = TILE_SIZE
    scale: Scale = "unit"
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise BadInputError(f"input size {self.size} is not between 32 and 1024")
        if self.scale not in get_args(Scale):
            raise BadInputError(f"scaling {self.scale!r} is none of {', '.join(get_args(Scale))}")
        if (self.scale == "standard") != (self.mean is not None and self.std is not None):
            raise BadInputError("mean and std belong to the scaling 'standard', and it needs both")
        if self.std is not None and min(self.std) <= 0:
            raise BadInputError(f"standard deviations {self.std} are not all above 0")

    @property
    def channel_order(self) -> Literal["RGB", "BGR"]:
        """Order of the channels as the network sees them."""
        return "BGR" if self.scale == "imagenet-caffe" else "RGB"


def preprocess(pixels: Pixels, spec: InputSpec) -> npt.NDArray[np.float32]:
    """Make the input of a network.

    Args:
        pixels: ``uint8 [n, height, width, 3]``, red, green, blue; tiles are 256 x 256.
        spec: the network's input.

    Returns:
        ``float32 [n, size, size, 3]``, contiguous.

    Raises:
        BadInputError: if the pixels are of another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
        raise BadInputError(
            f"pixels must be uint8 [n, height, width, 3], not {pixels.dtype} {list(pixels.shape)}"
        )
    sized = resize(pixels, spec.size)
    if spec.scale == "imagenet-caffe":
        return np.subtract(sized[..., ::-1], IMAGENET_BGR_MEAN, dtype=np.float32, order="C")
    values = np.multiply(sized, np.float32(1 / 255), dtype=np.float32)
    if spec.mean is not None and spec.std is not None:
        values -= np.array(spec.mean, np.float32)
        values /= np.array(spec.std, np.float32)
    return values


def resize(pixels: Pixels, size: int) -> Pixels:
    """Resample pictures to ``uint8 [n, size, size, 3]``; those of that size are returned as is."""
    height, width = pixels.shape[1:3]
    if (height, width) == (size, size):
        return pixels
    import cv2

    method = cv2.INTER_AREA if size <= min(height, width) else cv2.INTER_LINEAR
    sized = np.empty((len(pixels), size, size, 3), np.uint8)
    for index, picture in enumerate(pixels):
        sized[index] = cv2.resize(picture, (size, size), interpolation=method)
    return sized
