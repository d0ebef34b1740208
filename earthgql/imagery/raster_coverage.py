"""Which tiles of a zoom a raster has pixels for."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.io import MemoryFile

from earthgql.errors import IngestError
from earthgql.imagery.grid import MAX_ZOOM, Bounds, TileIndex, cell_range, mercator_bounds
from earthgql.imagery.raster import warped

SAMPLES = 32
"""Samples of validity along each side of a tile: its valid share is exact to 1/1024."""

_STRIP_TILES = 4096
_MAX_TILES = 20_000_000
_MASK_PIXELS = 64


def count_candidate_tiles(areas: Sequence[Bounds], zoom: int) -> int:
    """Return how many tiles of a zoom share area with rectangles in degrees, EPSG:4326.

    Raises:
        IngestError: if they are more than 20 million: the zoom is too high for the area.
    """
    total = 0
    for area in areas:
        if cells := cell_range(area):
            x0, y0, x1, y1 = (edge >> (MAX_ZOOM - zoom) for edge in cells)
            total += (x1 - x0 + 1) * (y1 - y0 + 1)
    if total > _MAX_TILES:
        raise IngestError(f"{total:,} tiles at zoom {zoom}: choose a lower --zoom")
    return total


def valid_tiles(
    dataset: Any, areas: Sequence[Bounds], zoom: int, min_valid: float
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]]:
    """Yield columns and rows of the tiles with enough valid pixels, strip by strip.

    Validity is sampled ``SAMPLES`` x ``SAMPLES`` times per tile from the nearest pixels, of an
    overview where there is one; nothing is decoded when every pixel is valid.

    Args:
        dataset: an open rasterio dataset.
        areas: rectangles that hold it, as ``geographic_bounds`` returns them.
        zoom: of the tiles.
        min_valid: least share of valid pixels, 0..1; a tile without any is never among them.

    Yields:
        x and y of the tiles of a strip, int64 [n], and how many tiles of it were checked.
    """
    with ExitStack() as stack:
        if all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums):
            dataset = stack.enter_context(_full_mask(dataset))
        for area in areas:
            cells = cell_range(area)
            if cells is None:
                continue
            x0, y0, x1, y1 = (edge >> (MAX_ZOOM - zoom) for edge in cells)
            columns = min(x1 - x0 + 1, _STRIP_TILES)
            rows = max(1, _STRIP_TILES // columns)
            for top in range(y0, y1 + 1, rows):
                for left in range(x0, x1 + 1, columns):
                    shape = (min(rows, y1 + 1 - top), min(columns, x1 + 1 - left))
                    share = _valid_share(dataset, TileIndex(zoom, left, top), shape)
                    y, x = np.nonzero((share >= min_valid) & (share > 0))
                    yield x + left, y + top, share.size


def _valid_share(dataset: Any, first: TileIndex, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the valid share of ``(rows, columns)`` tiles; ``first`` is the north-western one."""
    west, south, _, north = mercator_bounds(first)
    step = (north - south) / SAMPLES
    height, width = shape[0] * SAMPLES, shape[1] * SAMPLES
    grid = Affine(step, 0, west, 0, -step, north)
    with warped(dataset, grid, width, height, nearest=True) as view:
        valid = view.dataset_mask() > 0
    tiles = valid.reshape(shape[0], SAMPLES, shape[1], SAMPLES)
    return np.asarray(tiles.mean(axis=(1, 3)))


def _full_mask(dataset: Any) -> Any:
    """Return a small raster in memory with the bounds of another and every pixel valid."""
    memory = MemoryFile()
    scale = Affine.scale(dataset.width / _MASK_PIXELS, dataset.height / _MASK_PIXELS)
    with memory.open(
        driver="GTiff",
        width=_MASK_PIXELS,
        height=_MASK_PIXELS,
        count=1,
        dtype="uint8",
        crs=dataset.crs,
        transform=dataset.transform @ scale,
    ) as mask:
        mask.write(np.ones((1, _MASK_PIXELS, _MASK_PIXELS), dtype=np.uint8))
    return memory.open()
