"""A map's tile of any zoom: drawn from tiles of scenes, of which the first hides the others.

Tiles of a lower zoom than the map's are enlarged, those of a higher zoom are reduced. Where a tile
has no data, the next one shows.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from earthgql import cancellation
from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TILE_PIXELS, TileIndex
from earthgql.imagery.guard import MAX_PIXELS
from earthgql.imagery.reading import read_masked_tile
from earthgql.imagery.source import MaskedPixels, Pixels, PlacedTile

Mask = npt.NDArray[np.bool_]

_log = logging.getLogger(__name__)


class MapTile(NamedTuple):
    """A map's tile.

    Attributes:
        pixels: ``uint8 [256, 256, 3]``, 0 where nothing is shown.
        valid: ``bool [256, 256]``: where something is shown.
        complete: whether all sources could be read.
    """

    pixels: Pixels
    valid: Mask
    complete: bool


class _Place(NamedTuple):
    """Rows and columns of a map's tile that a cell covers."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


@dataclass
class _Budget:
    """Counts the pixels that are decoded for one tile of a map."""

    left: float = MAX_PIXELS

    def allow(self, count: float) -> bool:
        """Take from what is left; False if it is too little."""
        if count > self.left:
            return False
        self.left -= count
        return True


def draw_map_tile(tile: TileIndex, placed: Iterable[PlacedTile]) -> MapTile:
    """Draw a map's tile.

    At most 25 megapixels are decoded: what would need more than is left of them is not drawn.
    Sources that cannot be read are left out and logged.

    Args:
        tile: which tile.
        placed: tiles of scenes, the one that hides the others first.

    Raises:
        EarthGQLError: if the request was cancelled that the tile is for.
    """
    pixels: Pixels = np.zeros((TILE_PIXELS, TILE_PIXELS, 3), dtype=np.uint8)
    shown = np.zeros((TILE_PIXELS, TILE_PIXELS), dtype=np.bool_)
    budget, complete = _Budget(), True
    for source, cell in placed:
        cancellation.check()
        place = _place(tile, cell)
        hidden = shown[place.rows, place.columns]
        if hidden.all():
            continue
        try:
            read = read_masked_tile(source, budget.allow)
        except ImageUnreadableError as error:
            _log.warning("not shown on the map: %s", error)
            complete = False
            continue
        if read is None:
            continue
        drawn, valid = _fitted(read, tile, cell, place.shape)
        new = valid & ~hidden
        if new.all():
            pixels[place.rows, place.columns] = drawn
        else:
            pixels[place.rows, place.columns][new] = drawn[new]
        hidden |= new
        if shown.all():
            break
    return MapTile(pixels, shown, complete)


def _place(tile: TileIndex, cell: TileIndex) -> _Place:
    """Return where a cell is in a tile: all of it, or at least a pixel."""
    finer = cell.z - tile.z
    if finer <= 0:
        return _Place(slice(0, TILE_PIXELS), slice(0, TILE_PIXELS))
    return _Place(
        *(
            slice(first * TILE_PIXELS >> finer, -(-(first + 1) * TILE_PIXELS >> finer))
            for first in (cell.y - (tile.y << finer), cell.x - (tile.x << finer))
        )
    )


def _fitted(
    read: MaskedPixels, tile: TileIndex, cell: TileIndex, shape: tuple[int, int]
) -> tuple[Pixels, Mask]:
    """Enlarge or reduce pixels to what they cover of a map's tile."""
    valid = np.ones(read.pixels.shape[:2], np.bool_) if read.valid is None else read.valid
    if cell.z < tile.z:
        return _enlarged(read.pixels, valid, tile, cell)
    return (read.pixels, valid) if shape == valid.shape else _reduced(read.pixels, valid, shape)


def _enlarged(pixels: Pixels, valid: Mask, tile: TileIndex, cell: TileIndex) -> tuple[Pixels, Mask]:
    """Enlarge the part of a cell's pixels that a finer tile shows.

    Bilinear, so that a tile's own pixels meet those of the next one smoothly; but where some have
    no data, the nearest, since that would mix with black.
    """
    import cv2

    finer = tile.z - cell.z
    factor = 1 << finer
    left, top = ((tile.x % factor) * TILE_PIXELS, (tile.y % factor) * TILE_PIXELS)
    # Of the middles of pixels: a source's column c is at (c + 1/2) * factor - left - 1/2.
    half = (factor - 1) / 2
    to_tile = np.array([[factor, 0, half - left], [0, factor, half - top]], dtype=np.float64)
    size = (TILE_PIXELS, TILE_PIXELS)
    smooth = cv2.INTER_LINEAR if valid.all() else cv2.INTER_NEAREST
    edge = cv2.BORDER_REPLICATE
    enlarged = cv2.warpAffine(pixels, to_tile, size, flags=smooth, borderMode=edge)
    if smooth == cv2.INTER_LINEAR:
        return np.asarray(enlarged, np.uint8), np.ones(size, np.bool_)
    mask = cv2.warpAffine(
        valid.astype(np.uint8), to_tile, size, flags=cv2.INTER_NEAREST, borderMode=edge
    )
    return np.asarray(enlarged, np.uint8), np.asarray(mask > 0)


def _reduced(pixels: Pixels, valid: Mask, shape: tuple[int, int]) -> tuple[Pixels, Mask]:
    """Reduce pixels to the means of those that hold data; valid where at least half of them do."""
    import cv2

    size = (shape[1], shape[0])
    means = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if valid.all():
        return np.asarray(means, np.uint8), np.ones(shape, np.bool_)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    masked = np.where(valid[..., None], pixels, 0).astype(np.float32)
    sums = cv2.resize(masked, size, interpolation=cv2.INTER_AREA)
    means = np.rint(sums / np.maximum(share, 1e-6)[..., None])
    shown = share >= 0.5
    return np.where(shown[..., None], means, 0).astype(np.uint8), np.asarray(shown)
