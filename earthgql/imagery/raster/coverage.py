"""Which tiles of a zoom a raster has pixels for."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from earthgql.errors import IngestError
from earthgql.imagery.grid import MAX_ZOOM, Bounds, TileIndex, cell_range
from earthgql.imagery.raster.georeference import Georeference
from earthgql.imagery.raster.tile import tile_grid
from earthgql.imagery.raster.validity import RasterReader
from earthgql.imagery.raster.warping import warp_validity

SAMPLES = 32
"""Samples of validity along each side of a tile: an edge along its rows is exact to 1/64."""

_FINE_SAMPLES = 128
_BLOCK_TILES = 32
_MAX_TILES = 20_000_000


def count_candidate_tiles(areas: Sequence[Bounds], zoom: int) -> int:
    """Return how many tiles of a zoom share area with rectangles in degrees, EPSG:4326.

    Raises:
        IngestError: if they are more than 20 million: the zoom is too high for the area.
    """
    ranges = _tile_ranges(areas, zoom)
    total = sum((x1 - x0 + 1) * (y1 - y0 + 1) for x0, y0, x1, y1 in ranges)
    if total > _MAX_TILES:
        raise IngestError(f"{total:,} tiles at zoom {zoom}: choose a lower --zoom")
    return total


def valid_shares(
    reader: RasterReader,
    place: Georeference,
    areas: Sequence[Bounds],
    zoom: int,
    minimum: float,
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64], int]]:
    """Yield the tiles that have valid pixels, block by block of 32 x 32 tiles.

    Validity is sampled ``SAMPLES`` x ``SAMPLES`` times per tile from the nearest pixels, of an
    overview where there is one; nothing is decoded when every pixel is valid. Tiles that so many
    samples cannot tell to have ``minimum`` are sampled four times as finely.

    Args:
        reader: of the raster.
        place: where it lies.
        areas: rectangles that hold it, as ``geographic_bounds`` returns them.
        zoom: of the tiles.
        minimum: the share of valid pixels that a tile needs, 0..1.

    Yields:
        x and y, int64 [n], and valid shares above 0, float64 [n], of the tiles of a block, and
        how many tiles of it were checked.
    """
    for x0, y0, x1, y1 in _tile_ranges(areas, zoom):
        for top in range(y0, y1 + 1, _BLOCK_TILES):
            for left in range(x0, x1 + 1, _BLOCK_TILES):
                shape = (min(_BLOCK_TILES, y1 + 1 - top), min(_BLOCK_TILES, x1 + 1 - left))
                first = TileIndex(zoom, left, top)
                share = _shares(reader, place, first, shape, SAMPLES)
                close = (np.abs(share - minimum) <= 1 / SAMPLES) & (share > 0) & (share < 1)
                for row, column in zip(*np.nonzero(close), strict=True):
                    tile = TileIndex(zoom, left + int(column), top + int(row))
                    share[row, column] = _shares(reader, place, tile, (1, 1), _FINE_SAMPLES)[0, 0]
                y, x = np.nonzero(share > 0)
                yield x + left, y + top, share[y, x], share.size


def _shares(
    reader: RasterReader,
    place: Georeference,
    first: TileIndex,
    shape: tuple[int, int],
    samples: int,
) -> npt.NDArray[np.float64]:
    """Return valid shares of rows and columns of tiles from ``first`` on."""
    valid = warp_validity(reader, place, tile_grid(first, shape, samples))
    parted = valid.reshape(shape[0], samples, shape[1], samples)
    return np.asarray(parted.mean(axis=(1, 3)), dtype=np.float64)


def _tile_ranges(areas: Sequence[Bounds], zoom: int) -> list[tuple[int, int, int, int]]:
    """Return first and last columns and rows of tiles that areas share, without a tile twice."""
    ranges: list[tuple[int, int, int, int]] = []
    for area in areas:
        if (cells := cell_range(area)) is None:
            continue
        x0, y0, x1, y1 = (edge >> (MAX_ZOOM - zoom) for edge in cells)
        if ranges and x0 <= ranges[-1][2] and ranges[-1][0] <= x1:
            left, top, right, bottom = ranges.pop()
            x0, y0, x1, y1 = min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
        ranges.append((x0, y0, x1, y1))
    return ranges
