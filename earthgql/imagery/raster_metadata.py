"""What a raster has to offer before any tile is read: zoom, bounds, bands, stretch, date, data."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rasterio.warp import transform, transform_bounds
from rasterio.windows import Window

from earthgql.errors import IngestError
from earthgql.imagery.grid import (
    HALF_WORLD_M,
    MAX_LAT,
    MAX_ZOOM,
    TILE_PIXELS,
    Bounds,
    TileIndex,
    bounds,
    cell_range,
    mercator_bounds,
    wrapped,
)
from earthgql.imagery.raster import WEB_MERCATOR, extent, source_crs, warped

# Samples of validity along each side of a tile: 1/1024 of a tile is near enough for --min-valid.
SAMPLES = 32
_STRIP_TILES = 4096
_PREVIEW_PIXELS = 1024
_MOST_TILES = 20_000_000
_DATE_TAGS = (
    "ACQUISITION_DATETIME",
    "ACQUISITIONDATETIME",
    "ACQUISITION_DATE",
    "DATE_ACQUIRED",
    "SENSING_TIME",
    "DATATAKE_1_DATATAKE_SENSING_START",
    "PRODUCT_START_TIME",
    "TIFFTAG_DATETIME",
)
_DATE = re.compile(
    r"(\d{4})[:/-]?(\d{2})[:/-]?(\d{2})(?:[T ](\d{2}):?(\d{2}):?(\d{2})(?:\.\d+)?)?Z?"
)


def native_zoom(dataset: Any) -> int:
    """Return the zoom whose pixels are nearest in size to a raster's, seen at its middle."""
    column, row = dataset.width / 2, dataset.height / 2
    places = [(column, row), (column + 1, row), (column, row + 1)]
    own_x, own_y = zip(*(dataset.transform @ place for place in places), strict=True)
    x, y = (np.array(c) for c in transform(source_crs(dataset), WEB_MERCATOR, own_x, own_y)[:2])
    # The pixel may lie on the antimeridian.
    across = (np.diff(x, prepend=x[0]) + HALF_WORLD_M) % (2 * HALF_WORLD_M) - HALF_WORLD_M
    dx1, dx2 = across[1], across[1] + across[2]
    side = math.sqrt(abs(dx1 * (y[2] - y[0]) - dx2 * (y[1] - y[0])))
    if not math.isfinite(side) or side <= 0:
        raise IngestError(f"{Path(dataset.name).name}: its resolution cannot be told, give --zoom")
    zoom = round(math.log2(2 * HALF_WORLD_M / TILE_PIXELS / side))
    return min(max(zoom, 0), MAX_ZOOM)


def parts(dataset: Any) -> tuple[Bounds, ...]:
    """Return a raster's rectangle in degrees, in two parts if it crosses the antimeridian."""
    crs = source_crs(dataset)
    left, bottom, right, top = extent(dataset)
    if crs.is_geographic:
        west, east = wrapped(left), wrapped(right)
        if right - left >= 360:
            west, east = -180.0, 180.0
        elif east == -180.0:
            east = 180.0
    else:
        west, bottom, east, top = transform_bounds(crs, "EPSG:4326", *extent(dataset))
    if not all(map(math.isfinite, (west, bottom, east, top))):
        raise IngestError(
            f"{Path(dataset.name).name}: its place on Earth cannot be told from its CRS"
        )
    bottom, top = max(min(bottom, top), -MAX_LAT), min(max(bottom, top), MAX_LAT)
    if bottom >= top:
        raise IngestError(
            f"{Path(dataset.name).name} lies beyond latitude {MAX_LAT:.4f}, outside the grid"
        )
    return bounds(max(west, -180.0), bottom, min(east, 180.0), top)


def default_bands(dataset: Any) -> list[int]:
    """Return red, green and blue by colour interpretation, else the first three bands, else one.

    Alpha bands are never among them.
    """
    by_colour = {colour: i + 1 for i, colour in reversed(list(enumerate(dataset.colorinterp)))}
    wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in by_colour for colour in wanted):
        return [by_colour[colour] for colour in wanted]
    usable = [i + 1 for i, c in enumerate(dataset.colorinterp) if c != ColorInterp.alpha]
    if not usable:
        raise IngestError(f"{Path(dataset.name).name} has no band but alpha")
    return usable[:3] if len(usable) >= 3 else usable[:1]


def percentiles(dataset: Any, bands: Sequence[int], low: float, high: float) -> list[list[float]]:
    """Return two percentiles of each band's valid values, from a reduced view of the raster."""
    shrink = max(1.0, max(dataset.width, dataset.height) / _PREVIEW_PIXELS)
    shape = (max(1, int(dataset.height / shrink)), max(1, int(dataset.width / shrink)))
    values = dataset.read(list(bands), out_shape=(len(bands), *shape))
    valid = dataset.dataset_mask(out_shape=shape) > 0
    limits = []
    for band in values:
        sample = band[valid].astype(np.float64)
        sample = sample[np.isfinite(sample)]
        if sample.size == 0:
            raise IngestError(f"{Path(dataset.name).name} has no valid pixel")
        bottom, top = (float(v) for v in np.percentile(sample, [low, high]))
        limits.append([bottom, top if top > bottom else bottom + 1])
    return limits


def acquired(dataset: Any) -> datetime | None:
    """Return the date in a raster's tags (UTC unless it says otherwise), or None."""
    tags = {k.upper(): str(v) for ns in ("IMAGERY", None) for k, v in dataset.tags(ns=ns).items()}
    for tag in _DATE_TAGS:
        match = _DATE.fullmatch(tags.get(tag, "").strip())
        if match:
            try:
                return datetime(*(int(part) for part in match.groups("0")), tzinfo=UTC)  # type: ignore[misc, arg-type]
            except ValueError:
                continue
    return None


def check_blocks(dataset: Any, bands: Sequence[int]) -> None:
    """Decode the blocks at the corners and in the middle, to notice a file that was cut off.

    Raises:
        RasterioError: if one cannot be decoded; ``open_raster`` makes it ``ImageUnreadableError``.
    """
    height, width = dataset.block_shapes[bands[0] - 1]
    last_row, last_column = (dataset.height - 1) // height, (dataset.width - 1) // width
    places = {(0, 0), (0, last_column), (last_row, 0), (last_row, last_column)}
    for row, column in sorted(places | {(last_row // 2, last_column // 2)}):
        window = Window(column * width, row * height, width, height)
        whole = Window(0, 0, dataset.width, dataset.height)
        dataset.read(list(bands), window=window.intersection(whole))


def count_candidates(areas: Sequence[Bounds], zoom: int) -> int:
    """Return how many tiles of a zoom the rectangles touch.

    Raises:
        IngestError: if they are too many to be meant.
    """
    total = 0
    for area in areas:
        if cells := cell_range(area):
            x0, y0, x1, y1 = (edge >> (MAX_ZOOM - zoom) for edge in cells)
            total += (x1 - x0 + 1) * (y1 - y0 + 1)
    if total > _MOST_TILES:
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
        areas: rectangles that hold it, as ``parts`` gives them.
        zoom: of the tiles.
        min_valid: least share of valid pixels, 0..1; a tile without any is never given.

    Yields:
        x and y of tiles, and how many candidates were looked at.
    """
    with ExitStack() as stack:
        if all(MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums):
            dataset = stack.enter_context(_stencil(dataset))
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
    """Share of valid samples of (rows, columns) tiles, ``first`` the north-western one."""
    west, south, _, north = mercator_bounds(first)
    step = (north - south) / SAMPLES
    height, width = shape[0] * SAMPLES, shape[1] * SAMPLES
    grid = Affine(step, 0, west, 0, -step, north)
    with warped(dataset, grid, width, height, nearest=True) as view:
        valid = view.dataset_mask() > 0
    tiles = valid.reshape(shape[0], SAMPLES, shape[1], SAMPLES)
    return np.asarray(tiles.mean(axis=(1, 3)))


def _stencil(dataset: Any) -> Any:
    """A small raster in memory, valid everywhere, of the same extent."""
    side = 64
    memory = MemoryFile()
    scale = Affine.scale(dataset.width / side, dataset.height / side)
    with memory.open(
        driver="GTiff",
        width=side,
        height=side,
        count=1,
        dtype="uint8",
        crs=dataset.crs,
        transform=dataset.transform @ scale,
    ) as stencil:
        stencil.write(np.ones((1, side, side), dtype=np.uint8))
    return memory.open()
