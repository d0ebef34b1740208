"""Tiles of drawn rasters against exact sampling through PROJ, and against rio-tiler.

``make test`` takes the same 150 rasters each time. RASTER_CASES=5000 takes so many others:

    RASTER_CASES=5000 python -m pytest tests/unit/imagery/test_against_oracle.py
"""

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader
from support.drawn_raster_files import Truth, stretch_given, truth_of, write_drawn
from support.drawn_rasters import CATEGORICAL, DrawnRaster, drawn_rasters
from support.exact_sampling import ExactSampling, bilinear, pixel_scales, shrunk

from earthgql.errors import IngestError, NoTilesError
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import Pixels, TileSource
from earthgql.ingest.raster.options import RasterOptions, Stretch
from earthgql.ingest.raster.source import RasterSource

CASES = os.environ.get("RASTER_CASES")
GREY_LEVELS = 2.0
RIO_TILER_GREY_LEVELS = 3.0
"""It reads through a second approximation of an eighth of a pixel."""
SHARE = 0.01
"""Tiles whose share is this near the one asked may be listed or not."""
MOST_TILES = 60


@dataclass(frozen=True)
class Case:
    """A drawn raster, its file, and what is known of it."""

    raster: DrawnRaster
    sampling: ExactSampling
    truth: Truth
    source: RasterSource
    wavelength: float

    @property
    def zoom(self) -> int:
        return self.source.plan.zoom


@contextmanager
def written(raster: DrawnRaster) -> Iterator[Case]:
    place, content = raster.place, raster.content
    sampling = ExactSampling(place.crs, place.transform, raster.width, raster.height)
    native = sampling.native_zoom()
    zoom = None
    if raster.zoom_offset is not None:
        assume(math.isfinite(native))
        zoom = min(max(round(native) + raster.zoom_offset, 0), 24)
    # Reduced pictures show no waves as short as their pixels.
    wavelength = content.wavelength * 2.0 ** max(0, -(raster.zoom_offset or 0))
    if sampling.holds_a_pole():  # GDAL's eighth of a pixel is longer there
        wavelength *= 2
    truth = truth_of(raster, wavelength)
    limits = stretch_given(raster)
    options = RasterOptions(
        zoom=zoom,
        min_valid=raster.min_valid,
        stretch=Stretch(limits=(limits,)) if limits else None,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = write_drawn(raster, truth, Path(folder) / "drawn.tif")
        source = RasterSource("drawn", str(path), folder, options)
        yield Case(raster, sampling, truth, source, wavelength)


def listed(source: RasterSource) -> set[TileIndex]:
    try:
        found = [
            TileIndex(int(z), int(x), int(y))
            for chunk in source.chunks()
            for z, x, y in zip(chunk.zoom, chunk.x, chunk.y, strict=True)
        ]
    except NoTilesError:
        return set()
    assert len(found) == len(set(found))
    return set(found)


def check_zoom(case: Case) -> None:
    native = case.sampling.native_zoom()
    chosen = case.raster.zoom_offset is None and math.isfinite(native)
    if chosen and not case.sampling.holds_a_pole():
        assert abs(case.zoom - min(max(native, 0), 24)) <= 0.51


def check_tiles(case: Case) -> set[TileIndex]:
    """Hold the tiles that are listed against the shares that are counted; return the certain."""
    candidates = case.sampling.candidates(case.truth.valid, case.zoom)
    assume(len(candidates) <= MOST_TILES)
    found = listed(case.source)
    shares = {tile: exact_share(case, tile) for tile in candidates | found}
    wanted = {tile for tile, share in shares.items() if share >= case.raster.min_valid}
    wrong = {
        tile: shares[tile]
        for tile in wanted ^ found
        if abs(shares[tile] - case.raster.min_valid) > SHARE
    }
    note(f"listed {len(found)}, wanted {len(wanted)} of {len(shares)}, zoom {case.zoom}")
    assert not wrong, f"share asked {case.raster.min_valid}, and shares of tiles are {wrong}"
    return wanted & found


def exact_share(case: Case, tile: TileIndex) -> float:
    """The share of valid pixels, more exactly where it matters."""
    share = case.sampling.share(tile, case.truth.valid, 48)
    if abs(share - case.raster.min_valid) < 0.04:
        return case.sampling.share(tile, case.truth.valid, 256)
    return share


def check_pixels(case: Case, tile: TileIndex) -> None:
    pixels = read(case.source, tile)
    column, row = case.sampling.positions(tile, 256)
    scales = pixel_scales(column, row)
    margin = min(2 + math.ceil(2.5 * max(np.nanpercentile(scales, 95), 1)), 60)
    inner = shrunk(case.truth.valid, margin) & shrunk(case.truth.uniform, margin - 1)
    known = case.sampling.nearest(inner, column, row)
    # Where waves are a few pixels long, GDAL's eighth of a pixel is more than two grey levels.
    known &= scales < case.wavelength / 16
    expected = bilinear(case.truth.shown, column[known], row[known])
    if case.truth.limits is not None:
        low, high = case.truth.limits.T[:, :, None]
        expected = np.clip((expected - low) / (high - low) * 255, 0, 255)
    if known.sum() >= 100:
        difference = np.abs(pixels[known].T - expected).mean()
        assert difference <= GREY_LEVELS, f"{tile}: {difference:.1f} grey levels on average"
        if may_ask_rio_tiler(case):
            check_rio_tiler(case, tile, known, expected)
    empty = case.sampling.nearest(shrunk(~case.truth.valid, margin), column, row)
    shown = int((pixels[empty] > 0).any(axis=1).sum())
    assert not shown, f"{tile}: {shown} of {empty.sum()} pixels without data are shown"


def read(source: RasterSource, tile: TileIndex) -> Pixels:
    rendering: dict[str, Any] = source.plan.rendering.to_json()
    return read_tile(TileSource("raster", source.uri, source.root, None, tile, rendering))


def may_ask_rio_tiler(case: Case) -> bool:
    """Tell whether rio-tiler reads the file as it is, and interpolates."""
    place, content = case.raster.place, case.raster.content
    # What is in EPSG:3857 it takes for north-up, and rounds to whole pixels.
    known = place.georeference in ("transform", "point") and place.crs != "EPSG:3857"
    # GDAL gives MINISWHITE a palette, and takes alpha of -1 for transparent.
    plain = content.layout not in (*CATEGORICAL, "cmyk", "white is 0") and content.opaque > 0
    return known and plain and case.sampling.in_one_piece()


def check_rio_tiler(case: Case, tile: TileIndex, known: np.ndarray, expected: np.ndarray) -> None:
    bands = case.source.plan.rendering.bands.indexes
    ways = {"resampling_method": "bilinear", "reproject_method": "bilinear"}
    with Reader(case.source.uri) as reader:
        try:
            image = reader.tile(tile.x, tile.y, tile.z, indexes=bands, **ways)
        except TileOutsideBounds:  # it does not know that the Earth is round
            return
    values = np.repeat(image.array.data, 3 // len(bands), axis=0)[:, known].astype(np.float64)
    if case.truth.limits is not None:
        low, high = case.truth.limits.T[:, :, None]
        values = np.clip((values - low) / (high - low) * 255, 0, 255)
    difference = np.abs(values - expected).mean()
    assert difference <= RIO_TILER_GREY_LEVELS, (
        f"{tile}: rio-tiler differs by {difference:.1f} grey levels"
    )


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rio-tiler's
@pytest.mark.filterwarnings("ignore:Adjusting dataset latitudes:UserWarning")
@pytest.mark.filterwarnings("ignore::rio_tiler.errors.NoOverviewWarning")
@settings(
    max_examples=int(CASES or 150),
    derandomize=CASES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(drawn_rasters())
def test_tiles_are_those_of_exact_sampling(raster: DrawnRaster) -> None:
    check(raster)


def check(raster: DrawnRaster) -> None:
    with written(raster) as case:
        shown = case.sampling.shown_by_grid()
        if not shown:
            with suppress(IngestError):
                assert not listed(case.source)
            return
        assume(shown > 0.1)  # of less, such as the rim of a polar map, no zoom may be native
        check_zoom(case)
        certain = sorted(check_tiles(case))
        for tile in certain[:: max(1, len(certain) // 2)][:2]:
            check_pixels(case, tile)
