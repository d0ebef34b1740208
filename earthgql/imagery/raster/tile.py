"""The pixels of a tile of a raster: read where they lie on the grid, else warped to it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from affine import Affine
from rasterio.windows import Window

from earthgql.imagery.grid import TILE_PIXELS, TileIndex, mercator_bounds
from earthgql.imagery.guard import check_pixels, open_raster, public_name
from earthgql.imagery.raster.colours import palette_to_rgb, space_to_rgb, to_rgb
from earthgql.imagery.raster.georeference import WEB_MERCATOR, georeference
from earthgql.imagery.raster.validity import (
    Mask,
    RasterReader,
    Validity,
    Values,
    declared_validity,
)
from earthgql.imagery.raster.warping import Grid, decoded_pixels, parts, warp_values
from earthgql.imagery.source import MaskedPixels, Pixels

_WHOLE_NUMBERS = ("uint8", "uint16", "int16")
# Nearer than this to the pixel's place, interpolation rounds to the pixel's own value.
_ON_GRID_PIXELS = 1e-6


def read_raster_tile(root: str, path: str, tile: TileIndex, rendering: Mapping[str, Any]) -> Pixels:
    """Return a tile of a raster, ``uint8 [256, 256, 3]`` RGB; pixels without data are 0.

    Args:
        root: the folder the raster must lie below.
        path: the raster.
        tile: which tile.
        rendering: as ingest stores it: ``bands`` (counted from 1), ``stretch`` (``[from, to]``
            per band, or None: values are taken as they are), ``palette`` (values are numbers of
            colours), ``space`` ("cmyk" or "ycbcr"), ``validity`` (``Validity.to_json``; without
            it, what the file's header says), and what ``georeference`` takes.

    Raises:
        ImageUnreadableError: if it cannot be opened or decoded, or would need more than 25
            megapixels.
    """

    def check_limit(count: float) -> bool:
        check_pixels(public_name(root, path), count, 1)
        return True

    read = read_masked_raster_tile(root, path, tile, rendering, check_limit)
    assert read is not None  # noqa: S101 - the check raises instead
    return read.pixels


def read_masked_raster_tile(
    root: str,
    path: str,
    tile: TileIndex,
    rendering: Mapping[str, Any],
    allow: Callable[[float], bool],
) -> MaskedPixels | None:
    """Return a tile of a raster, of any zoom, and which of its pixels hold data.

    Args:
        root: as ``read_raster_tile``, like the next three.
        path: the raster.
        tile: which tile.
        rendering: how pixels are made.
        allow: is called with the number of pixels that have to be decoded; it may raise.

    Returns:
        None if ``allow`` says False: then nothing is decoded.

    Raises:
        ImageUnreadableError: if it cannot be opened or decoded.
    """
    with open_raster(root, path) as dataset:
        palette = bool(rendering.get("palette"))
        bands = [int(band) for band in rendering.get("bands") or (1,)]
        reader = RasterReader(dataset, bands, stored_validity(dataset, bands, rendering))
        grid = tile_grid(tile)
        window = _window_on_grid(dataset, grid.transform, bands, rendering)
        if window is not None:
            if not allow(window.width * window.height):
                return None
            values, valid = _read_window(reader, window)
        else:
            place = georeference(dataset, rendering, public_name(root, path))
            found = parts(place, grid)
            if not allow(decoded_pixels(dataset, found)):
                return None
            values, valid = warp_values(reader, place, grid, found, nearest=palette)
        if palette:
            rgb = palette_to_rgb(values[0], valid, dataset.colormap(bands[0]))
            return MaskedPixels(rgb, valid)
    if space := rendering.get("space"):
        values = space_to_rgb(values, space)
    return MaskedPixels(to_rgb(values, valid, rendering.get("stretch")), valid)


def stored_validity(dataset: Any, bands: Sequence[int], rendering: Mapping[str, Any]) -> Validity:
    """Return the rule stored with a scene; of scenes ingested without, what the header says."""
    kept = rendering.get("validity")
    return declared_validity(dataset, bands) if kept is None else Validity.from_json(kept)


def tile_grid(tile: TileIndex, tiles: tuple[int, int] = (1, 1), pixels: int = TILE_PIXELS) -> Grid:
    """Return the grid of pixels of a tile, or of rows and columns of tiles from it on."""
    west, south, _, north = mercator_bounds(tile)
    step = (north - south) / pixels
    return Grid(Affine(step, 0, west, 0, -step, north), tiles[1] * pixels, tiles[0] * pixels)


def _window_on_grid(
    dataset: Any, grid: Affine, bands: Sequence[int], rendering: Mapping[str, Any]
) -> Window | None:
    """Return the window of a raster whose pixels are a tile's own, which need no warping.

    None where that is not certain: another CRS or resolution, pixels between those of the grid,
    fractions (which interpolation changes by a hair), no overlap.
    """
    if dataset.crs != WEB_MERCATOR or "crs" in rendering or "transform" in rendering:
        return None
    if any(dataset.dtypes[band - 1] not in _WHOLE_NUMBERS for band in bands):
        return None
    to_own: Affine = ~dataset.transform @ grid
    left, top = round(to_own.c), round(to_own.f)
    for corner in ((0, 0), (TILE_PIXELS, 0), (0, TILE_PIXELS)):
        column, row = to_own @ corner
        if max(abs(column - left - corner[0]), abs(row - top - corner[1])) > _ON_GRID_PIXELS:
            return None
    inside = -TILE_PIXELS < left < dataset.width and -TILE_PIXELS < top < dataset.height
    return Window(left, top, TILE_PIXELS, TILE_PIXELS) if inside else None


def _read_window(reader: RasterReader, window: Window) -> tuple[Values, Mask]:
    """Read a window, which may extend beyond the raster's edges."""
    inside = window.intersection(Window(0, 0, reader.dataset.width, reader.dataset.height))
    part, known = reader.read(inside)
    if known.shape == (TILE_PIXELS, TILE_PIXELS):
        return part, known
    values: Values = np.zeros((len(part), TILE_PIXELS, TILE_PIXELS), dtype=part.dtype)
    valid = np.zeros((TILE_PIXELS, TILE_PIXELS), dtype=np.bool_)
    top, left = inside.row_off - window.row_off, inside.col_off - window.col_off
    rows, columns = slice(top, top + inside.height), slice(left, left + inside.width)
    values[:, rows, columns] = part
    valid[rows, columns] = known
    return values, valid
