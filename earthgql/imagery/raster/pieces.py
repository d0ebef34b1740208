"""Reads large windows piece by piece, so that no block is decoded twice.

GDAL reads a window row by row, for one band after the other. Where the blocks that a row crosses do
not fit its cache, each row decodes all of them again.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rasterio.windows import Window

from earthgql.imagery.guard import block_bytes

# Half of GDAL's cache, which also holds masks.
_PIECE_BYTES = 32 << 20


def pieces(
    dataset: Any, window: Window, shape: tuple[int, int]
) -> Iterator[tuple[slice, slice, Window]]:
    """Part a window along the raster's blocks, each piece of at most 32 MB or of one block.

    Args:
        dataset: an open rasterio dataset.
        window: in pixels.
        shape: rows and columns that the window is read as.

    Yields:
        rows and columns of ``shape`` that a piece fills, and its window.
    """
    down, across = window.height / shape[0], window.width / shape[1]
    usable = [int(factor) for factor in dataset.overviews(1) if factor <= min(down, across) * 1.2]
    factor = max([1, *usable])
    height, width = (side * factor for side in dataset.block_shapes[0])
    at_once = max(1, _PIECE_BYTES // block_bytes(dataset))
    columns = min(at_once, int(window.width // width) + 2)
    rows = max(1, at_once // columns)
    for top, bottom in _steps(window.row_off, down, shape[0], rows * height):
        for left, right in _steps(window.col_off, across, shape[1], columns * width):
            part = Window(
                window.col_off + left * across,
                window.row_off + top * down,
                (right - left) * across,
                (bottom - top) * down,
            )
            yield slice(top, bottom), slice(left, right), part


def _steps(offset: float, scale: float, count: int, step: int) -> Iterator[tuple[int, int]]:
    """Part ``count`` samples, ``scale`` pixels apart from ``offset``, at multiples of ``step``."""
    first = 0
    while first < count:
        edge = (int((offset + (first + 0.5) * scale) // step) + 1) * step
        last = min(count, max(first + 1, int(np.ceil((edge - offset) / scale - 0.5))))
        yield first, last
        first = last
