"""Properties of a raster that an ingest needs: zoom, bounds, soundness."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
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
from earthgql.imagery.raster.georeference import WGS84, Floats, Georeference, transformed
from earthgql.imagery.raster.warping import Grid, check_decodable, parts

_SAMPLES = 65
# Neighbouring longitudes farther apart than this are the two ends of a raster.
_LARGEST_GAP = 45.0


def native_zoom(place: Georeference, name: str) -> tuple[int, str]:
    """Return the zoom whose pixels are nearest in size to a raster's, and where they were taken.

    That is its middle; where the grid does not show it or a pole is inside, the median of 81
    pixels elsewhere.

    Raises:
        IngestError: if the size of those pixels cannot be computed.
    """
    middle = np.array([place.width / 2]), np.array([place.height / 2])
    side = _pixel_sides(place, *middle)[0]
    where = "in its middle"
    if not math.isfinite(side) or _poles_inside(place):
        steps = (np.arange(9) + 0.5) / 9
        column, row = np.meshgrid(steps * place.width, steps * place.height)
        sides = _pixel_sides(place, column.ravel(), row.ravel())
        known = sides[np.isfinite(sides)]
        side = float(np.median(known)) if known.size else math.nan
        where = "where the grid shows it, by the median"
    if not math.isfinite(side) or side <= 0:
        raise IngestError(f"{name}: its resolution cannot be told, give --zoom")
    zoom = round(math.log2(2 * HALF_WORLD_M / TILE_PIXELS / side))
    where = f"its pixels are {side:.3g} m in EPSG:3857 {where}"
    return min(max(zoom, 0), MAX_ZOOM), where


def _pixel_sides(place: Georeference, column: Floats, row: Floats) -> npt.NDArray[np.float64]:
    """Return the sides of pixels in metres of EPSG:3857; NaN where the grid does not show them."""
    columns = np.stack([column, column + 1, column])
    rows = np.stack([row, row, row + 1])
    x, y = place.to_mercator(columns, rows)
    with np.errstate(invalid="ignore"):
        # The pixel may lie on the antimeridian.
        across = (x - x[0] + HALF_WORLD_M) % (2 * HALF_WORLD_M) - HALF_WORLD_M
        down = y - y[0]
        side = np.sqrt(np.abs(across[1] * down[2] - across[2] * down[1]))
        shown = (np.abs(y) < HALF_WORLD_M).all(axis=0) & (side > 0)
    return np.asarray(np.where(shown, side, np.nan))


def _poles_inside(place: Georeference) -> list[float]:
    """Return the latitudes of the poles that a raster's pixels surround."""
    found = []
    for lat in (90.0, -90.0):
        if place.period is not None or place.rpcs is not None:
            break  # a pole is a line, or too far
        x, y = transformed(WGS84, place.crs, np.zeros(1), np.array([lat]))
        column, row = place.to_pixels(x, y)
        if not (0 < column[0] < place.width and 0 < row[0] < place.height):
            continue
        back = place.to_lonlat(column, row)[1][0]
        if math.isfinite(back) and abs(back - lat) < 0.01:
            found.append(lat)
    return found


def geographic_bounds(place: Georeference, name: str) -> tuple[Bounds, ...]:
    """Return bounds in degrees, EPSG:4326, that hold a raster; two if they cross the antimeridian.

    They are those of 65 x 65 positions, widened by what may lie between them.

    Raises:
        IngestError: if they cannot be computed, or lie outside the grid.
    """
    steps = np.linspace(0, 1, _SAMPLES)
    column, row = np.meshgrid(steps * place.width, steps * place.height)
    lon, lat = place.to_lonlat(column, row)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        raise IngestError(f"{name}: its place on Earth cannot be told from its CRS")
    poles = _poles_inside(place)
    margin = 0.0 if known.all() and place.transform is not None and place.crs == WGS84 else 1 / 64
    south, north = float(lat[known].min()), float(lat[known].max())
    if not known.all():
        margin = 1 / 8  # the last positions seen may be far from the limb of the Earth
    around = margin * (north - south)
    south, north = max(south - around, -90.0), min(north + around, 90.0)
    south, north = min([south, *poles]), max([north, *poles])
    if south >= MAX_LAT or north <= -MAX_LAT:
        raise IngestError(f"{name} lies beyond latitude {MAX_LAT:.4f}, outside the grid")
    south, north = max(south, -MAX_LAT), min(north, MAX_LAT)
    if poles:
        return bounds(-180.0, south, 180.0, north)
    west, width = _arc(lon[known])
    west, width = west - margin * width, width * (1 + 2 * margin)
    if width > 360 - _LARGEST_GAP:
        return bounds(-180.0, south, 180.0, north)
    west = wrapped(west)
    east = wrapped(west + width)
    return bounds(west, south, 180.0 if east == -180 else east, north)


def _arc(lon: Floats) -> tuple[float, float]:
    """Return the west end and the width of the arc that holds all longitudes, in degrees."""
    ordered = np.unique(np.mod(lon, 360))
    if ordered.size < 2:
        return float(ordered[0]), 0.0
    gaps = np.diff(ordered, append=ordered[0] + 360)
    widest = int(gaps.argmax())
    west = float(ordered[(widest + 1) % ordered.size])
    return west, 360 - float(gaps[widest])


def check_zoom_decodable(dataset: Any, place: Georeference, zoom: int, name: str) -> None:
    """Refuse a zoom whose tiles would decode more than the limit, judged at a raster's middle.

    Raises:
        ImageUnreadableError: naming the size and the limit.
    """
    x, y = place.to_mercator(np.array([place.width / 2]), np.array([place.height / 2]))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return
    step = 2 * HALF_WORLD_M / (1 << zoom) / TILE_PIXELS
    half = step * TILE_PIXELS / 2
    grid = Grid(Affine(step, 0, x[0] - half, 0, -step, y[0] + half), TILE_PIXELS, TILE_PIXELS)
    check_decodable(dataset, parts(place, grid), name)


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
