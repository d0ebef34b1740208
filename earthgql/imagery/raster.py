"""Tiles of georeferenced rasters: GDAL warps a window to EPSG:3857, which then becomes RGB."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import HALF_WORLD_M, TILE_PIXELS, TileIndex, mercator_bounds
from earthgql.imagery.guard import check_pixels, open_raster, public_name
from earthgql.imagery.source import Pixels

WEB_MERCATOR = CRS.from_epsg(3857)
Values = npt.NDArray[np.generic]
Mask = npt.NDArray[np.bool_]
_WHOLE_NUMBERS = ("uint8", "uint16", "int16")
# Nearer than this to the pixel's place, interpolation rounds to the pixel's own value.
_ON_GRID_PIXELS = 1e-6


def read_raster_tile(root: str, path: str, tile: TileIndex, rendering: Mapping[str, Any]) -> Pixels:
    """Return a tile of a raster, ``uint8 [256, 256, 3]`` RGB; pixels without data are 0.

    Args:
        root: the folder the raster must lie below.
        path: the raster.
        tile: which tile.
        rendering: ``bands`` (one or three, counted from 1), ``stretch`` (``[low, high]`` per
            band, or None: values are taken as they are) and ``palette`` (values are colours'
            numbers), as ``default_rendering`` makes it.

    Raises:
        ImageUnreadableError: if it cannot be opened or decoded, or would need more than 25
            megapixels.
    """
    with open_raster(root, path) as dataset:
        west, south, east, north = mercator_bounds(tile)
        scale = (east - west) / TILE_PIXELS
        grid = Affine(scale, 0, west, 0, -scale, north)
        palette = bool(rendering.get("palette"))
        bands = [int(band) for band in rendering.get("bands") or (1,)]
        window = _window_on_grid(dataset, grid, bands)
        if window is not None:
            values, valid = _read_window(dataset, window, bands)
        else:
            _check_window(dataset, (west, south, east, north), public_name(root, path))
            with warped(dataset, grid, TILE_PIXELS, TILE_PIXELS, nearest=palette) as view:
                values, valid = _read_with_mask(view, bands)
        if palette:
            return _coloured(values[0], valid, dataset.colormap(bands[0]))
    return to_rgb(values, valid, rendering.get("stretch"))


def _window_on_grid(dataset: Any, grid: Affine, bands: list[int]) -> Window | None:
    """Return the window of a raster whose pixels are a tile's own, which need no warping.

    None where that is not certain: another CRS or resolution, pixels between those of the grid,
    fractions (which interpolation changes by a hair), masks of any kind, no overlap.
    """
    if dataset.crs != WEB_MERCATOR or any(
        dataset.dtypes[band - 1] not in _WHOLE_NUMBERS for band in bands
    ):
        return None
    if not all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums):
        return None
    to_own: Affine = ~dataset.transform @ grid
    left, top = round(to_own.c), round(to_own.f)
    for corner in ((0, 0), (TILE_PIXELS, 0), (0, TILE_PIXELS)):
        column, row = to_own @ corner
        if max(abs(column - left - corner[0]), abs(row - top - corner[1])) > _ON_GRID_PIXELS:
            return None
    inside = -TILE_PIXELS < left < dataset.width and -TILE_PIXELS < top < dataset.height
    return Window(left, top, TILE_PIXELS, TILE_PIXELS) if inside else None


def _read_window(dataset: Any, window: Window, bands: list[int]) -> tuple[Values, Mask]:
    """Read a window, which may extend beyond the raster's edges, of a raster without masks."""
    inside = window.intersection(Window(0, 0, dataset.width, dataset.height))
    part = dataset.read(bands, window=inside)
    if part.shape[1:] == (TILE_PIXELS, TILE_PIXELS):
        return part, np.ones(part.shape[1:], dtype=np.bool_)
    values = np.zeros((len(bands), TILE_PIXELS, TILE_PIXELS), dtype=part.dtype)
    valid = np.zeros((TILE_PIXELS, TILE_PIXELS), dtype=np.bool_)
    top, left = inside.row_off - window.row_off, inside.col_off - window.col_off
    rows, columns = slice(top, top + inside.height), slice(left, left + inside.width)
    values[:, rows, columns] = part
    valid[rows, columns] = True
    return values, valid


def _read_with_mask(view: Any, bands: list[int]) -> tuple[Values, Mask]:
    # One read: every read of a view warps anew, and its dataset_mask() is a read too.
    alpha = [i + 1 for i, band in enumerate(view.colorinterp) if band == ColorInterp.alpha]
    values = view.read(bands + alpha[:1])
    if alpha:
        return values[:-1], values[-1] > 0
    empty = np.isnan(values) if np.isnan(view.nodata) else values == view.nodata
    return values, ~empty.all(axis=0)


def to_rgb(values: Values, valid: Mask, stretch: list[list[float]] | None) -> Pixels:
    """Make RGB pixels of bands.

    Args:
        values: ``[1 or 3, height, width]``, any real type.
        valid: ``[height, width]``.
        stretch: ``[low, high]`` per band, mapped linearly to 0..255; None: values as they are.

    Returns:
        ``uint8 [height, width, 3]``, 0 where not valid (or not a number).
    """
    if values.dtype == np.uint8 and not stretch:
        return _channels_last(np.where(valid, values, np.uint8(0)))
    scaled = values.astype(np.float64)
    if stretch:
        low, high = np.array(stretch, dtype=np.float64).T[:, :, None, None]
        scaled = (scaled - low) / (high - low) * 255
    shown = valid & np.isfinite(scaled).all(axis=0)
    rgb = np.rint(np.clip(np.where(shown, scaled, 0), 0, 255)).astype(np.uint8)
    return _channels_last(rgb)


def _channels_last(rgb: Pixels) -> Pixels:
    """Turn ``[1 or 3, height, width]`` into ``[height, width, 3]``; one band thrice."""
    return np.ascontiguousarray(np.broadcast_to(rgb, (3, *rgb.shape[1:])).transpose(1, 2, 0))


def _coloured(values: Values, valid: Mask, colormap: Mapping[int, tuple[int, ...]]) -> Pixels:
    table = np.zeros((max(colormap) + 1, 3), dtype=np.uint8)
    for value, colour in colormap.items():
        table[value] = colour[:3]
    numbers = np.clip(values.astype(np.int64), 0, len(table) - 1)
    return np.asarray(np.where(valid[..., None], table[numbers], 0), dtype=np.uint8)


@contextmanager
def warped(
    dataset: Any, grid: Affine, width: int, height: int, *, nearest: bool = False
) -> Iterator[Any]:
    """View a raster on a grid of EPSG:3857, with nodata, alpha and masks as its mask.

    Args:
        dataset: an open rasterio dataset.
        grid: affine of the view, pixels to metres.
        width: pixels.
        height: pixels.
        nearest: take the nearest pixel instead of interpolating.
    """
    alpha = ColorInterp.alpha in dataset.colorinterp
    centre = grid.c + grid.a * width / 2
    with WarpedVRT(
        dataset,
        src_crs=source_crs(dataset),
        src_transform=_nearest_revolution(dataset, centre),
        crs=WEB_MERCATOR,
        transform=grid,
        width=width,
        height=height,
        resampling=Resampling.nearest if nearest else Resampling.bilinear,
        add_alpha=not alpha and dataset.nodata is None,
        UNIFIED_SRC_NODATA="YES",
    ) as view:
        yield view


def source_crs(dataset: Any) -> CRS:
    """Return a raster's CRS.

    Raises:
        ImageUnreadableError: if it is not georeferenced.
    """
    if dataset.crs is None or dataset.transform == Affine.identity():
        raise ImageUnreadableError(
            f"{Path(dataset.name).name} is not georeferenced (no CRS or no geotransform)"
        )
    return dataset.crs


def source_bounds(dataset: Any) -> tuple[float, float, float, float]:
    """Return left, bottom, right, top in a raster's own CRS, also of one that is rotated."""
    corners = ((0, 0), (dataset.width, 0), (0, dataset.height), (dataset.width, dataset.height))
    x, y = zip(*(dataset.transform @ corner for corner in corners), strict=True)
    return min(x), min(y), max(x), max(y)


def _revolution(crs: CRS) -> float | None:
    """Return 360 degrees in units of a CRS whose x is proportional to the longitude, else None."""
    if crs.is_geographic:
        return 360.0
    return 2 * HALF_WORLD_M if crs == WEB_MERCATOR else None


def _nearest_revolution(dataset: Any, centre: float) -> Affine:
    """Shift a raster beyond longitude 180 by whole revolutions to be nearest to ``centre``.

    GDAL does not look for longitude -175 at 185; ``centre`` is in metres of EPSG:3857.
    """
    own: Affine = dataset.transform
    revolution = _revolution(source_crs(dataset))
    if revolution is None:
        return own
    left, _, right, _ = source_bounds(dataset)
    turns = round((centre / (2 * HALF_WORLD_M)) - (left + right) / 2 / revolution)
    shifted: Affine = Affine.translation(turns * revolution, 0) @ own
    return shifted


def check_decodable(dataset: Any, zoom: int, name: str) -> None:
    """Refuse a zoom whose tiles would decode more than the limit, judged at a raster's middle.

    Raises:
        ImageUnreadableError: naming the size and the limit.
    """
    left, bottom, right, top = source_bounds(dataset)
    middle = ((left + right) / 2, (bottom + top) / 2) * 2
    x, y, *_ = transform_bounds(source_crs(dataset), WEB_MERCATOR, *middle)
    half = HALF_WORLD_M / (1 << zoom)
    _check_window(dataset, (x - half, y - half, x + half, y + half), name)


def _check_window(dataset: Any, window: tuple[float, float, float, float], name: str) -> None:
    """Refuse a window, in metres of EPSG:3857, that would decode more than the limit.

    Overviews are taken into account.
    """
    try:
        west, south, east, north = transform_bounds(WEB_MERCATOR, source_crs(dataset), *window)
    except (RasterioError, CPLE_BaseError):  # outside the domain of the CRS: no pixels
        return
    pixel = abs(dataset.transform.determinant)
    across = abs((east - west) * (north - south)) / pixel
    needed = min(across, float(dataset.width * dataset.height))
    shrink = max(1.0, across**0.5 / TILE_PIXELS)
    usable = [factor for factor in dataset.overviews(1) if factor <= shrink * 1.2]
    check_pixels(name, needed / max([1, *usable]) ** 2, 1)
