"""Properties of a raster that an ingest needs: zoom, bounds, bands, stretch, date, soundness."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.warp import transform, transform_bounds
from rasterio.windows import Window

from earthgql.errors import IngestError
from earthgql.imagery.grid import (
    HALF_WORLD_M,
    MAX_LAT,
    MAX_ZOOM,
    TILE_PIXELS,
    Bounds,
    bounds,
    wrapped,
)
from earthgql.imagery.raster import WEB_MERCATOR, source_bounds, source_crs

_PREVIEW_PIXELS = 1024
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
    """Return the zoom whose pixels are nearest in size to those at a raster's middle.

    Raises:
        IngestError: if the size of those pixels cannot be computed.
    """
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


def geographic_bounds(dataset: Any) -> tuple[Bounds, ...]:
    """Return a raster's bounds in degrees, EPSG:4326; two if it crosses the antimeridian.

    Raises:
        IngestError: if they cannot be computed, or lie outside the grid.
    """
    crs = source_crs(dataset)
    left, bottom, right, top = source_bounds(dataset)
    if crs.is_geographic:
        west, east = wrapped(left), wrapped(right)
        if right - left >= 360:
            west, east = -180.0, 180.0
        elif east == -180.0:
            east = 180.0
    else:
        west, bottom, east, top = transform_bounds(crs, "EPSG:4326", *source_bounds(dataset))
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
    """Return the bands of red, green and blue, else the first three, else the first.

    They are counted from 1; an alpha band is never among them.

    Raises:
        IngestError: if there are only alpha bands.
    """
    by_colour = {colour: i + 1 for i, colour in reversed(list(enumerate(dataset.colorinterp)))}
    wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in by_colour for colour in wanted):
        return [by_colour[colour] for colour in wanted]
    usable = [i + 1 for i, c in enumerate(dataset.colorinterp) if c != ColorInterp.alpha]
    if not usable:
        raise IngestError(f"{Path(dataset.name).name} has no band but alpha")
    return usable[:3] if len(usable) >= 3 else usable[:1]


def band_percentiles(
    dataset: Any, bands: Sequence[int], low: float, high: float
) -> list[list[float]]:
    """Return two percentiles of each band's valid values, from at most 1024 pixels a side.

    Returns:
        ``[low, high]`` per band, low below high.

    Raises:
        IngestError: if the raster has no valid pixel.
    """
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


def acquisition_time(dataset: Any) -> datetime | None:
    """Return the time of acquisition in a raster's tags, taken as UTC; None if it has none."""
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
    """Decode the blocks at the corners and in the middle, which fails if the file was cut off.

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
