"""What the frozen part of a network makes of each picture, turned and mirrored, computed once."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.preprocess import InputSpec, preprocess
from earthgql.training.data.samples import Pixels, Samples
from earthgql.training.transfer.network import Transfer

VIEWS = 8
"""A picture from above has no upper side: 4 turns, each as it is and mirrored."""

_CHUNK = 16
_LARGEST = float(np.finfo(np.float16).max)
_SPARE_BYTES = 256e6

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Views:
    """The views of the pictures of a split, as the network's frozen part sees them.

    Attributes:
        truth: uint8 [n, labels].
        features: float16 [n, views, f].
        before: float16 [n, views, e], those of the stages that stay frozen; None where none learn.
        maps: float16 [n, views, h, w, c], every ``stride``-th row and column of the input of the
            stages that learn, mapped from disk; None where none learn.
    """

    truth: npt.NDArray[np.uint8]
    features: Halves
    before: Halves | None = None
    maps: Halves | None = None


def turned(pixels: Pixels, view: int) -> Pixels:
    """Turn pictures, uint8 [n, size, size, 3], by ``view % 4`` quarters; from 4 on mirrored."""
    pixels = pixels[:, :, ::-1] if view >= 4 else pixels
    return np.ascontiguousarray(np.rot90(pixels, view % 4, axes=(1, 2)))


def views_of(
    parts: Transfer,
    samples: Samples,
    spec: InputSpec,
    views: int,
    *,
    folder: Path,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Views:
    """Run the frozen part of a network over all views of a split.

    Args:
        parts: the network, whose trunk is run.
        samples: the pictures.
        spec: the network's input.
        views: how many of the ``VIEWS`` to see each picture in.
        folder: where large arrays go; whoever calls removes it.
        on_progress: called with the number of views just done.

    Raises:
        TrainingError: naming a picture that cannot be read, or if the disk is too small.
    """
    count = len(samples.truth)
    shapes = [tuple(output.shape[1:]) for output in parts.trunk.outputs]
    learns, stride = parts.tail is not None, parts.stride
    features = np.empty((count, views, *shapes[-1]), np.float16)
    before = np.empty((count, views, *shapes[1]), np.float16) if learns else None
    maps = None
    if learns:
        height, width, channels = shapes[0]
        shape = (count, views, -(-height // stride), -(-width // stride), channels)
        maps = _mapped(folder / f"maps-{len(list(folder.iterdir()))}", shape)
    for start in range(0, count, _CHUNK):
        rows = range(start, min(start + _CHUNK, count))
        pixels = samples.read(rows)
        for view in range(views):
            found = parts.trunk.predict_on_batch(preprocess(turned(pixels, view), spec))
            outputs = found if learns else [found]
            features[rows.start : rows.stop, view] = _half(outputs[-1])
            if before is not None and maps is not None:
                before[rows.start : rows.stop, view] = _half(outputs[1])
                maps[rows.start : rows.stop, view] = _half(outputs[0][:, ::stride, ::stride])
            on_progress(len(rows))
    return Views(samples.truth, features, before, maps)


def _half(values: Any) -> Halves:
    halves: Halves = np.clip(np.asarray(values), -_LARGEST, _LARGEST).astype(np.float16)
    return halves


def _mapped(path: Path, shape: tuple[int, ...]) -> Halves:
    needed = 2 * int(np.prod(shape, dtype=np.int64))
    free = shutil.disk_usage(path.parent).free - _SPARE_BYTES
    if needed > free:
        raise TrainingError(
            f"{path.parent} has {free / 1e9:.1f} GB to spare, {needed / 1e9:.1f} are needed: free"
            " some, or choose a smaller --size, fewer --views or --stages"
        )
    return np.memmap(path, np.float16, "w+", shape=shape)
