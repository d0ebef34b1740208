"""Where pixels of tiles lie in a raster, one by one, by PROJ: slow, simple, and exact."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np
from affine import Affine
from pyproj import CRS, Transformer

from earthgql.imagery.grid import HALF_WORLD_M, TileIndex, mercator_bounds

_EDGE = 2 * HALF_WORLD_M


@lru_cache(maxsize=64)
def _transformers(crs: str) -> tuple[Transformer, Transformer]:
    own = CRS.from_user_input(crs)
    there = Transformer.from_crs("EPSG:3857", own, always_xy=True)
    return there, Transformer.from_crs(own, "EPSG:3857", always_xy=True)


@dataclass(frozen=True)
class ExactSampling:
    """Pixel positions of a raster, columns and rows from its outer corner, and tiles."""

    crs: str
    transform: Affine
    width: int
    height: int

    @cached_property
    def _revolution(self) -> float:
        """360 degrees in units of the CRS, if it may be left or right of what PROJ returns."""
        crs = CRS.from_user_input(self.crs)
        if crs.is_geographic:
            return math.tau / crs.axis_info[0].unit_conversion_factor
        return _EDGE if self.crs == "EPSG:3857" else 0.0

    def positions(self, tile: TileIndex, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns and rows of the middles of a tile's ``samples`` x ``samples`` parts.

        Of revolutions of the Earth that one is taken in which the raster is; NaN where PROJ has
        no position.
        """
        west, south, east, north = mercator_bounds(tile)
        steps = (np.arange(samples) + 0.5) / samples
        x, y = np.meshgrid(west + (east - west) * steps, north - (north - south) * steps)
        x, y = _transformers(self.crs)[0].transform(x, y)
        x, y = (np.where(np.isfinite(part), part, np.nan) for part in (x, y))
        column, row = self._pixels(x, y)
        for turns in (1, -1, 2, -2) if self._revolution else ():
            other = self._pixels(x + turns * self._revolution, y)
            better = self.inside(*other) & ~self.inside(column, row)
            column, row = (
                np.where(better, theirs, ours)
                for theirs, ours in zip(other, (column, row), strict=True)
            )
        return column, row

    def _pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = ~self.transform
        with np.errstate(invalid="ignore"):
            return own.a * x + own.b * y + own.c, own.d * x + own.e * y + own.f

    def inside(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Tell which positions are within the raster."""
        return (column >= 0) & (column < self.width) & (row >= 0) & (row < self.height)

    def mercator(self, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres of EPSG:3857 of positions; infinite where they have none."""
        own = self.transform
        x = own.a * column + own.b * row + own.c
        y = own.d * column + own.e * row + own.f
        return _transformers(self.crs)[1].transform(x, y)

    def native_zoom(self) -> float:
        """The zoom, with fractions, whose pixels are as large as that in the middle."""
        column, row = self.width / 2, self.height / 2
        x, y = self.mercator(np.array([column, column + 1, column]), np.array([row, row, row + 1]))
        across = (x - x[0] + HALF_WORLD_M) % _EDGE - HALF_WORLD_M
        area = abs(across[1] * (y[2] - y[0]) - across[2] * (y[1] - y[0]))
        return math.log2(_EDGE / 256 / math.sqrt(area)) if 0 < area < math.inf else math.nan

    def holds_a_pole(self) -> bool:
        """Tell whether a pole is inside, round which pixels of EPSG:3857 are of any size."""
        there = Transformer.from_crs("EPSG:4326", CRS.from_user_input(self.crs), always_xy=True)
        x, y = there.transform(np.zeros(2), np.array([90.0, -90.0]))
        return not self._revolution and bool(self.inside(*self._pixels(x, y)).any())

    def in_one_piece(self) -> bool:
        """Tell whether it lies between 180 degrees west and east, and off the poles."""
        columns, rows = np.meshgrid((0.0, self.width), (0.0, self.height))
        own = self.transform
        x = own.a * columns + own.b * rows + own.c
        if self._revolution:
            return bool((np.abs(x) <= self._revolution / 2).all())
        x, y = self.mercator(columns, rows)
        near = np.isfinite(y).all() and bool(np.ptp(x) < HALF_WORLD_M)
        return near and not self.holds_a_pole()

    def candidates(self, valid: np.ndarray, zoom: int) -> set[TileIndex]:
        """Return the tiles that the middle of a valid pixel lies in."""
        row, column = np.nonzero(valid)
        x, y = self.mercator(column + 0.5, row + 0.5)
        known = np.isfinite(x) & np.isfinite(y) & (np.abs(y) < HALF_WORLD_M)
        cells = 1 << zoom
        across = np.floor((x[known] + HALF_WORLD_M) / _EDGE * cells).astype(np.int64) % cells
        down = np.floor((HALF_WORLD_M - y[known]) / _EDGE * cells).astype(np.int64)
        number = np.unique(across * cells + down.clip(0, cells - 1))
        return {TileIndex(zoom, int(n) // cells, int(n) % cells) for n in number}

    def shown_by_grid(self) -> float:
        """Return how much of the raster lies in the grid, 0..1."""
        column, row = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        return float((np.abs(self.mercator(column, row)[1]) < HALF_WORLD_M).mean())

    def share(self, tile: TileIndex, valid: np.ndarray, samples: int) -> float:
        """Return how much of a tile valid pixels cover, 0..1, of so many samples a side."""
        return float(self.nearest(valid, *self.positions(tile, samples)).mean())

    def nearest(self, flags: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Return the flag of the pixel at each position, False outside the raster."""
        inside = self.inside(column, row)
        found = np.zeros(column.shape, dtype=np.bool_)
        found[inside] = flags[row[inside].astype(int), column[inside].astype(int)]
        return found


def pixel_scales(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return how many pixels of the raster lie along each pixel of a tile, across or down."""
    across = [np.hypot(*np.gradient(part)) for part in (column, row)]
    return np.hypot(*across)


def shrunk(flags: np.ndarray, margin: int) -> np.ndarray:
    """Return the pixels that are farther than ``margin`` from those without the flag."""
    padded = np.pad(flags.astype(np.uint8), margin)
    box = np.ones((2 * margin + 1, 2 * margin + 1), dtype=np.uint8)
    return cv2.erode(padded, box)[margin:-margin, margin:-margin] > 0


def bilinear(values: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Interpolate ``[bands, height, width]`` at positions that lie inside: ``[bands, n]``."""
    height, width = values.shape[1:]
    left = np.clip(np.floor(column - 0.5), 0, width - 2).astype(int)
    top = np.clip(np.floor(row - 0.5), 0, height - 2).astype(int)
    right, down = column - 0.5 - left, row - 0.5 - top
    upper = values[:, top, left] * (1 - right) + values[:, top, left + 1] * right
    lower = values[:, top + 1, left] * (1 - right) + values[:, top + 1, left + 1] * right
    return upper * (1 - down) + lower * down
