"""Write a generated landscape as a GeoTIFF, with the truth of every tile beside it.

The raster lies exactly on the WebMercatorQuad grid (EPSG:3857) at ``ZOOM``, so that its tiles are
ingested without resampling and the truth of the generator is the truth of the tile.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from earthgql.imagery import grid
from earthgql.landscape import generator_version, render_scene

ZOOM = 15  # 4.8 m a pixel at the equator, within the 3 to 5 m the landscape is drawn for
# North-west corner, in the forest between the Tapajós and the Curuá-Una, Pará, Brazil.
PLACE = grid.LonLat(-54.95, -3.05)
SEED = 2
SIZE = 4096
ACQUIRED = (datetime(2016, 8, 4, 14, 0, tzinfo=UTC), datetime(2017, 8, 11, 14, 0, tzinfo=UTC))
ATTRIBUTION = "Generated landscape, not a photograph"


@dataclass(frozen=True, slots=True)
class LandscapeFile:
    """A rendered landscape on disk.

    Attributes:
        raster: GeoTIFF, uint8 RGB, EPSG:3857.
        truth: labels of each tile of the raster at ``ZOOM``.
        acquired_at: the date the scene pretends to be of.
    """

    raster: Path
    truth: dict[grid.TileIndex, frozenset[str]]
    acquired_at: datetime


def landscape_file(
    folder: Path,
    *,
    date: int,
    seed: int = SEED,
    size: int = SIZE,
    progress: Callable[[float], None] | None = None,
) -> LandscapeFile:
    """Return the landscape of ``date`` (0 or 1), rendering it into ``folder`` unless it is there.

    The truth file is written last and by rename: where it exists, the raster is whole.

    Args:
        folder: where the files are kept; made if missing.
        date: index into ``ACQUIRED``.
        seed: same seed, same landscape.
        size: pixels a side, a multiple of 256.
        progress: called with the fraction done, 0 to 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = _stem(date, seed, size)
    raster, truth_path = folder / f"{stem}.tif", folder / f"{stem}.truth.json"
    if not is_rendered(folder, date=date, seed=seed, size=size):
        render = render_scene(seed, size=size, date=date, progress=progress)
        origin = grid.tile_at(PLACE, ZOOM)
        _write_raster(raster, render.image, origin, ACQUIRED[date])
        truth = {
            f"{ZOOM}/{origin.x + column}/{origin.y + row}": sorted(labels)
            for (row, column), labels in render.truth.items()
        }
        _replace(truth_path, json.dumps(truth, indent=0).encode())
        _delete_older(folder, stem.removesuffix(generator_version()), stem)
    return LandscapeFile(raster, _read_truth(truth_path), ACQUIRED[date])


def is_rendered(folder: Path, *, date: int, seed: int = SEED, size: int = SIZE) -> bool:
    """Return whether ``landscape_file`` only has to open what is there."""
    stem = _stem(date, seed, size)
    return (folder / f"{stem}.tif").exists() and (folder / f"{stem}.truth.json").exists()


def _stem(date: int, seed: int, size: int) -> str:
    return f"landscape-{ACQUIRED[date]:%Y-%m-%d}-{seed}-{size}-{generator_version()}"


def _read_truth(path: Path) -> dict[grid.TileIndex, frozenset[str]]:
    return {
        grid.TileIndex(*map(int, key.split("/"))): frozenset(labels)
        for key, labels in json.loads(path.read_text()).items()
    }


def _write_raster(
    path: Path, image: np.ndarray, origin: grid.TileIndex, acquired_at: datetime
) -> None:
    import rasterio
    from affine import Affine

    west, south, _, north = grid.mercator_bounds(origin)
    resolution = (north - south) / grid.TILE_PIXELS
    partial = path.with_suffix(".partial.tif")
    with rasterio.open(
        partial,
        "w",
        driver="GTiff",
        width=image.shape[1],
        height=image.shape[0],
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        transform=Affine(resolution, 0, west, 0, -resolution, north),
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        zlevel=1,
        predictor=2,
        photometric="RGB",
        num_threads="all_cpus",
    ) as target:
        target.write(np.moveaxis(image, 2, 0))
        target.update_tags(
            TIFFTAG_DATETIME=f"{acquired_at:%Y:%m:%d %H:%M:%S}",
            TIFFTAG_IMAGEDESCRIPTION=ATTRIBUTION,
        )
        target.build_overviews([2, 4, 8, 16])
    partial.replace(path)


def _delete_older(folder: Path, prefix: str, kept: str) -> None:
    """Delete what other versions of the generator drew in place of ``kept``."""
    for path in folder.glob(f"{prefix}*"):
        if not path.name.startswith(f"{kept}."):
            path.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
