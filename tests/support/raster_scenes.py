"""Rasters as ingest takes them: their tiles, pixels, and what exact sampling says of both."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyproj
import rasterio

from earthgql.imagery.grid import HALF_WORLD_M, TileIndex
from earthgql.imagery.raster.tile import read_raster_tile
from earthgql.imagery.source import Pixels
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource


def source(path: Path, **options: object) -> RasterSource:
    return RasterSource("test", str(path), str(path.parent), RasterOptions(**options))  # type: ignore[arg-type]


def tiles(raster: RasterSource) -> list[TileIndex]:
    """The tiles of a raster, as ingest lists them."""
    raster.metadata()
    found = [
        TileIndex(int(z), int(x), int(y))
        for chunk in raster.chunks()
        for z, x, y in zip(chunk.zoom, chunk.x, chunk.y, strict=True)
    ]
    assert len(found) == len(set(found))
    return found


def pixels(raster: RasterSource, tile: TileIndex) -> Pixels:
    return read_raster_tile(raster.root, raster.uri, tile, raster.plan.rendering.to_json())


def exact_shares(
    path: Path,
    zoom: int,
    *,
    valid: np.ndarray | None = None,
    period: float | None = None,
    among: Iterable[TileIndex] | None = None,
    samples: int = 32,
) -> dict[TileIndex, float]:
    """Valid shares of tiles by the pixels that PROJ says their samples are in.

    Args:
        path: of a raster with a transform.
        zoom: of the tiles.
        valid: which pixels hold data; None: all.
        period: 360 degrees in units of its CRS, where pixels lie beyond longitude 180.
        among: which tiles to try; None: all of the world.
        samples: along each side of a tile.
    """
    with rasterio.open(path) as dataset:
        wkt, inverse, size = dataset.crs.to_wkt(), ~dataset.transform, dataset.shape
    valid = np.ones(size, bool) if valid is None else valid
    to_own = pyproj.Transformer.from_crs(3857, pyproj.CRS.from_wkt(wkt), always_xy=True)
    side = 2 * HALF_WORLD_M / (1 << zoom)
    steps = (np.arange(samples) + 0.5) / samples
    shares = {}
    world = (TileIndex(zoom, *cell) for cell in np.ndindex(1 << zoom, 1 << zoom))
    for _, tile_x, tile_y in world if among is None else among:
        x, y = np.meshgrid(
            -HALF_WORLD_M + (tile_x + steps) * side, HALF_WORLD_M - (tile_y + steps) * side
        )
        own_x, own_y = to_own.transform(x, y)
        held = np.zeros(x.shape, bool)
        for turns in (-1, 0, 1) if period else (0,):
            shifted = own_x + turns * (period or 0)
            with np.errstate(invalid="ignore"):
                column = inverse.a * shifted + inverse.b * own_y + inverse.c
                row = inverse.d * shifted + inverse.e * own_y + inverse.f
                inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
            held[inside] |= valid[row[inside].astype(int), column[inside].astype(int)]
        if held.any():
            shares[TileIndex(zoom, tile_x, tile_y)] = float(held.mean())
    return shares


def assert_tiles(found: list[TileIndex], shares: dict[TileIndex, float], least: float) -> None:
    """The tiles found are those with at least this share, but for those within 1.5 % of it."""
    certain = {tile for tile, share in shares.items() if share >= least + 0.015}
    possible = {tile for tile, share in shares.items() if share >= least - 0.015}
    assert certain <= set(found) <= possible
