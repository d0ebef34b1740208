"""Pixels of a raster on a grid of EPSG:3857: which part to read, how reduced, and the warp.

GDAL's warper does the resampling, on arrays: so that validity is decided before, by one rule, and
a raster that lies whole revolutions away, or reaches round the Earth, is warped part by part.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rasterio.windows import Window

from earthgql.imagery.guard import check_pixels
from earthgql.imagery.raster.georeference import WEB_MERCATOR, Floats, Georeference
from earthgql.imagery.raster.validity import Mask, RasterReader, Values

_SAMPLES = 21
_STEPS = np.meshgrid(np.linspace(0, 1, _SAMPLES), np.linspace(0, 1, _SAMPLES))
_OPAQUE = 100
_CHUNK_PIXELS = 2_000_000
_SPLIT_PIXELS = 2_000_000


@dataclass(frozen=True)
class Grid:
    """A grid of pixels in EPSG:3857; ``transform`` turns their column and row into metres."""

    transform: Affine
    width: int
    height: int

    def samples(self) -> tuple[Floats, Floats]:
        """Return x and y of 21 x 21 positions that reach from edge to edge."""
        own = self.transform
        x, y = _STEPS
        return own.a * self.width * x + own.c, own.e * self.height * y + own.f


@dataclass(frozen=True)
class Part:
    """A window of a raster that a grid needs.

    Attributes:
        window: column, row, width and height in pixels.
        turns: whole revolutions to the east at which it is needed.
        scale: pixels of the raster along a pixel of the grid.
        smooth: whether pixels that are near in the grid are near in the raster, everywhere.
        covers: whether the raster certainly reaches beyond the grid on all sides.
    """

    window: tuple[int, int, int, int]
    turns: int
    scale: float
    smooth: bool
    covers: bool


def parts(place: Georeference, grid: Grid) -> list[Part]:
    """Return the windows of a raster that a grid needs; none if it lies elsewhere."""
    x, y = place.from_mercator(*grid.samples())
    found: list[Part] = []
    for turns in place.turns(x):
        column, row = place.to_pixels(x - turns * (place.period or 0.0), y)
        found += _windows(place, grid, column, row, turns)
    return found


def _windows(
    place: Georeference, grid: Grid, column: Floats, row: Floats, turns: int
) -> Iterator[Part]:
    known = np.isfinite(column) & np.isfinite(row)
    if not known.any():
        return
    scale = _scale(place, grid, column, row)
    size = (place.width, place.height)
    whole = bool(known.all())
    largest = 4 * scale * max(grid.width, grid.height)
    smooth = whole and bool(np.ptp(column) < largest) and bool(np.ptp(row) < largest)
    for chosen in _clusters(column, known, scale, size):
        edges = []
        for positions, limit in zip((column[chosen], row[chosen]), size, strict=True):
            first, last = float(positions.min()), float(positions.max())
            margin = 2 * scale + 3 + (last - first) / (16 if whole else 8)
            # Far outside, numbers may be too large for whole ones.
            low = math.floor(min(max(first - margin, 0.0), limit))
            high = math.ceil(min(max(last + margin, 0.0), limit))
            inside = first - 2 - scale > 0 and last + 2 + scale < limit
            edges.append((low, high, inside))
        (left, right, across), (top, bottom, down) = edges
        if left < right and top < bottom:
            window = (left, top, right - left, bottom - top)
            yield Part(window, turns, scale, smooth, smooth and across and down)


def _clusters(column: Floats, known: Mask, scale: float, size: tuple[int, int]) -> list[Mask]:
    """Part the samples where a large raster's two ends meet inside a grid.

    Reading all between them would be right, but too much.
    """
    ordered = np.sort(np.clip(column[known], 0, size[0]))
    span = float(ordered[-1] - ordered[0])
    gaps = np.diff(ordered)
    if span / max(scale, 1) < _SPLIT_PIXELS**0.5 or not gaps.size or gaps.max() < span / 2:
        return [known]
    cut = float(ordered[gaps.argmax()]) + gaps.max() / 2
    return [known & (column < cut), known & (column >= cut)]


def _scale(place: Georeference, grid: Grid, column: Floats, row: Floats) -> float:
    """Return how many pixels of a raster lie along one of a grid, where it is finest."""
    steps = (grid.width / (_SAMPLES - 1), grid.height / (_SAMPLES - 1))
    with np.errstate(invalid="ignore"):
        right = [np.diff(part, axis=1)[:-1] / steps[0] for part in (column, row)]
        down = [np.diff(part, axis=0)[:, :-1] / steps[1] for part in (column, row)]
        scales = np.sqrt(np.abs(right[0] * down[1] - right[1] * down[0]))
    known = np.isfinite(scales)
    near = (column[:-1, :-1] > 0) & (column[:-1, :-1] < place.width)
    near &= (row[:-1, :-1] > 0) & (row[:-1, :-1] < place.height)
    chosen = scales[known & near] if (known & near).any() else scales[known]
    return float(np.partition(chosen, chosen.size // 10)[chosen.size // 10]) if chosen.size else 1.0


def check_decodable(dataset: Any, found: Sequence[Part], name: str) -> None:
    """Refuse parts that would decode more pixels than the limit; overviews are counted.

    Raises:
        ImageUnreadableError: naming the size and the limit.
    """
    check_pixels(name, decoded_pixels(dataset, found), 1)


def decoded_pixels(dataset: Any, found: Sequence[Part]) -> float:
    """Return how many pixels, of overviews where there are such, are decoded for parts."""
    return sum(
        part.window[2] * part.window[3] / _overview(dataset, part.scale) ** 2 for part in found
    )


def _overview(dataset: Any, scale: float) -> int:
    """Return the factor of the coarsest overview that is fine enough, 1 for none."""
    usable = [int(factor) for factor in dataset.overviews(1) if factor <= max(1.0, scale) * 1.2]
    return max([1, *usable])


def warp_values(
    reader: RasterReader,
    place: Georeference,
    grid: Grid,
    found: Sequence[Part],
    *,
    nearest: bool = False,
) -> tuple[Values, Mask]:
    """Return bands of a raster on a grid, and which of its pixels hold data.

    Args:
        reader: of the raster.
        place: where it lies.
        grid: the grid.
        found: its parts for the grid, as ``parts`` gives them.
        nearest: take the nearest pixel instead of interpolating between those with data.

    Returns:
        values ``[bands, height, width]`` and validity ``[height, width]``.
    """
    shape = (grid.height, grid.width)
    values: Values = np.zeros((len(reader.bands), *shape), dtype=reader.dtype)
    valid = np.zeros(shape, dtype=np.bool_)
    for part in found:
        source, known = _read_part(reader, part, nearest=nearest)
        if not known.any():
            continue
        georeference = _arguments(place, part, known.shape)
        if part.covers and known.all():
            return _warp(source, grid, georeference, nearest), np.ones_like(valid)
        alpha = np.where(known, _OPAQUE, 0).astype(source.dtype)
        source = np.where(known, source, source.dtype.type(0))  # no infinity is averaged
        with_alpha = np.concatenate([source, alpha[None]])
        warped = _warp(with_alpha, grid, georeference, nearest, alpha=len(with_alpha))
        new = ~valid & (warped[-1] >= _OPAQUE / 2)
        if values.dtype != warped.dtype:
            values = values.astype(warped.dtype)
        values[:, new] = warped[:-1][:, new]
        valid |= new
    return values, valid


def _arguments(place: Georeference, part: Part, shape: tuple[int, int]) -> dict[str, Any]:
    """Return the georeference of a part that was read as ``shape``, for the warper."""
    arguments = place.warp_arguments(part.window, shape, part.turns)
    if not part.smooth:
        # All of it: GDAL's own choice by a few positions may miss the other side of a cut.
        arguments["SOURCE_EXTRA"] = str(max(shape))
    return arguments


def _warp(
    source: Values, grid: Grid, georeference: dict[str, Any], nearest: bool, *, alpha: int = 0
) -> Values:
    """Warp an array ``[bands, height, width]``, of which one band may be alpha."""
    warped = np.zeros((len(source), grid.height, grid.width), dtype=source.dtype)
    reproject(
        source,
        warped,
        dst_transform=grid.transform,
        dst_crs=WEB_MERCATOR,
        resampling=Resampling.nearest if nearest else Resampling.bilinear,
        src_alpha=alpha,
        dst_alpha=alpha,
        SRC_ALPHA_MAX=str(_OPAQUE),
        DST_ALPHA_MAX=str(_OPAQUE),
        **georeference,
    )
    return warped


def _read_part(reader: RasterReader, part: Part, *, nearest: bool) -> tuple[Values, Mask]:
    """Read a part as finely as a grid needs it: of an overview, and by means of what holds data."""
    window = Window(*part.window)
    if nearest:
        return reader.read(window, _reduced(part.window, part.scale))
    factor = _overview(reader.dataset, part.scale)
    shape = _reduced(part.window, factor)
    block = int(part.scale / factor / 2)
    if block < 2:
        return reader.read(window, shape)
    return _means(reader, part.window, factor, block)


def _reduced(window: tuple[int, int, int, int], factor: float) -> tuple[int, int]:
    factor = max(1.0, factor)
    return max(1, math.ceil(window[3] / factor)), max(1, math.ceil(window[2] / factor))


def _means(
    reader: RasterReader, window: tuple[int, int, int, int], factor: int, block: int
) -> tuple[Values, Mask]:
    """Return means of ``block`` x ``block`` pixels of an overview, of those that hold data.

    Rows are read in chunks, so that memory is bounded.
    """
    left, top, width, height = window
    step = factor * block
    rows, columns = _reduced(window, step)
    bands, dtype = len(reader.bands), reader.dtype
    values: Values = np.zeros((bands, rows, columns), dtype=dtype)
    valid = np.zeros((rows, columns), dtype=np.bool_)
    at_once = max(1, _CHUNK_PIXELS // max(1, columns * block * block))
    for first in range(0, rows, at_once):
        count = min(at_once, rows - first)
        # Blocks at the right and lower edges are stretched over what is there.
        upper, lower = first * height // rows, (first + count) * height // rows
        part = Window(left, top + upper, width, max(1, lower - upper))
        shape = (count * block, columns * block)
        read, known = reader.read(part, shape)
        inside = known.reshape(count, block, columns, block)
        number = inside.sum(axis=(1, 3))
        summed = np.where(known, read, 0).reshape(bands, count, block, columns, block)
        mean = summed.sum(axis=(2, 4), dtype=np.float64) / np.maximum(number, 1)
        whole = np.rint(mean) if dtype.kind in "iu" else mean
        values[:, first : first + count] = whole.astype(dtype)
        valid[first : first + count] = number > 0
    return values, valid


def warp_validity(reader: RasterReader, place: Georeference, grid: Grid) -> Mask:
    """Return which pixels of a grid hold data, by the nearest pixels of the raster."""
    valid = np.zeros((grid.height, grid.width), dtype=np.bool_)
    everywhere = reader.all_valid()
    for part in parts(place, grid):
        if everywhere:
            known = np.ones((min(64, part.window[3]), min(64, part.window[2])), dtype=np.bool_)
        else:
            shape = _reduced(part.window, part.scale)
            known = reader.read_validity(Window(*part.window), shape)
        georeference = _arguments(place, part, known.shape)
        source = known.astype(np.uint8)[None]
        valid |= _warp(source, grid, georeference, nearest=True)[0] > 0
    return valid
