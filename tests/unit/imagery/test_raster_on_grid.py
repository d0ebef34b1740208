"""Rasters whose pixels are those of the grid are read without warping, and to the same effect."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.imagery_files import noise, write_raster

from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.raster import tile as raster
from earthgql.imagery.source import Pixels


def read(path: Path, tile: TileIndex, rendering: Mapping[str, Any]) -> Pixels:
    return raster.read_raster_tile(str(path.parent), str(path), tile, rendering)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with every warping."""
    warpings: list[int] = []
    warp = raster.warp_values

    def warped(*args: Any, **options: Any) -> Any:
        warpings.append(1)
        return warp(*args, **options)

    monkeypatch.setattr(raster, "warp_values", warped)
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


@pytest.mark.parametrize("what", ["between", "finer", "fractions", "rotated", "degrees"])
def test_other_pixels_are_warped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    tile = TileIndex(15, 11000, 16600)
    west, _, east, north = grid.mercator_bounds(tile)
    pixel = (east - west) / 256
    given: dict[str, Any] = {
        "between": {"west": west + pixel / 100},
        "finer": {"pixel": pixel * 0.9999},
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


@pytest.mark.parametrize("what", ["nodata", "mask", "alpha", "16-bit alpha", "values given"])
def test_validity_is_the_same_with_and_without_warping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    tile = TileIndex(15, 11000, 16600)
    west, _, _, north = grid.mercator_bounds(tile)
    pixel = (grid.mercator_bounds(tile)[2] - west) / 256
    values = noise(3, 300, 300, "uint16" if what == "16-bit alpha" else "uint8")
    hidden = np.zeros((300, 300), bool)
    hidden[40:90, 20:200], hidden[150:, 150:] = True, True
    profile: dict[str, Any] = {}
    rendering: dict[str, Any] = {"bands": [1, 2, 3]}
    if what in ("nodata", "values given"):
        values[:, hidden] = 0
    if what == "nodata":
        profile["nodata"] = 0
    elif what == "values given":
        rendering["validity"] = {"nodata": [0]}
    elif what == "mask":
        profile["mask"] = np.where(hidden, 0, 255).astype("uint8")
    else:
        top = np.iinfo(values.dtype).max
        values = np.concatenate([values, np.where(hidden, 0, top)[None].astype(values.dtype)])
        profile |= {"photometric": "RGB", "alpha": "yes"}
    path = write_raster(
        tmp_path / "r.tif",
        values,
        crs="EPSG:3857",
        west=west,
        north=north,
        pixel=pixel,
        **profile,
    )
    warpings = counted(monkeypatch)
    direct = read(path, tile, rendering)
    assert not warpings
    np.testing.assert_array_equal(direct.any(axis=2), ~hidden[:256, :256])
    monkeypatch.setattr(raster, "_window_on_grid", lambda *_: None)
    np.testing.assert_array_equal(direct, read(path, tile, rendering))
    assert warpings
