"""Rasters whose pixels are those of the grid are read without warping, and to the same effect."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.imagery_files import noise, write_raster

from earthgql.imagery import grid, raster
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.source import Pixels


def read(path: Path, tile: TileIndex, rendering: Mapping[str, Any]) -> Pixels:
    return raster.read_raster_tile(str(path.parent), str(path), tile, rendering)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with every warping."""
    warpings: list[int] = []
    warp = raster.warped

    def warped(*args: Any, **options: Any) -> Any:
        warpings.append(1)
        return warp(*args, **options)

    monkeypatch.setattr(raster, "warped", warped)
    return warpings


@pytest.mark.parametrize(
    ("bands", "dtype", "rendering"),
    [
        (3, "uint8", {"bands": [1, 2, 3]}),
        (3, "uint8", {"bands": [1, 2, 3], "stretch": [[20, 200]] * 3}),
        (1, "uint8", {"bands": [1]}),
        (4, "uint16", {"bands": [4, 3, 2], "stretch": [[7, 3000]] * 3}),
        (3, "int16", {"bands": [1, 2, 3], "stretch": [[0, 4000]] * 3}),
        (1, "uint8", {"bands": [1], "palette": True}),
    ],
)
def test_pixels_that_lie_on_the_grid_are_those_that_warping_gives(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bands: int,
    dtype: str,
    rendering: dict[str, object],
) -> None:
    """Also where a tile sticks out on all four sides."""
    north_west = TileIndex(15, 11000, 16600)
    west, _, east, north = grid.mercator_bounds(north_west)
    pixel = (east - west) / 256
    palette = "palette" in rendering
    colours = {n: (n, 255 - n, n // 2, 255) for n in range(256)} if palette else None
    path = write_raster(
        tmp_path / "on-grid.tif",
        noise(bands, 450, 600, dtype),
        crs="EPSG:3857",
        west=west + 100 * pixel,
        north=north + 50 * pixel,
        pixel=pixel,
        colormap=colours,
        **({"photometric": "palette"} if palette else {}),
    )
    tiles = [
        TileIndex(15, 11000 + column, 16600 + row) for column in range(3) for row in range(-1, 2)
    ]
    warpings = counted(monkeypatch)
    direct = [read(path, tile, rendering) for tile in tiles]
    assert not warpings
    monkeypatch.setattr(raster, "_window_on_grid", lambda *_: None)
    for tile, pixels in zip(tiles, direct, strict=True):
        np.testing.assert_array_equal(pixels, read(path, tile, rendering))
    assert len(warpings) == len(tiles)


@pytest.mark.parametrize(
    "what", ["between", "finer", "nodata", "mask", "fractions", "rotated", "degrees"]
)
def test_other_pixels_are_warped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    tile = TileIndex(15, 11000, 16600)
    west, _, east, north = grid.mercator_bounds(tile)
    pixel = (east - west) / 256
    given: dict[str, Any] = {
        "between": {"west": west + pixel / 100},
        "finer": {"pixel": pixel * 0.9999},
        "nodata": {"nodata": 0},
        "mask": {"mask": np.full((300, 300), 255, np.uint8)},
        "fractions": {},
        "rotated": {"rotation": 0.01},
        "degrees": {"crs": "EPSG:4326", "west": 0.0, "north": 50.0, "pixel": 1e-4},
    }[what]
    values = noise(1, 300, 300).astype("float32" if what == "fractions" else "uint8")
    path = write_raster(
        tmp_path / "r.tif",
        values,
        **{"crs": "EPSG:3857", "west": west, "north": north, "pixel": pixel, **given},
    )
    warpings = counted(monkeypatch)
    read(path, tile, {"bands": [1]})
    assert warpings
