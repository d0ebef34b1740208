"""Generated landscapes as GeoTIFFs, each with a file of the true labels of its tiles.

The raster lies exactly on the WebMercatorQuad grid (EPSG:3857) at ``ZOOM``, so that its tiles are
ingested without resampling and the generator's labels are those of the tiles.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from earthgql.files import draft, whole_file
from earthgql.imagery import grid
from earthgql.landscape import generator_version, render_scene

ZOOM = 15  # 4.8 m a pixel at the equator, within the 3 to 5 m the landscape is drawn for
# North-west corner, in the forest between the Tapajós and the Curuá-Una, Pará, Brazil.
ORIGIN = grid.LonLat(-54.95, -3.05)
SEED = 2
SIZE = 4096
ACQUIRED = (datetime(2016, 8, 4, 14, 0, tzinfo=UTC), datetime(2017, 8, 11, 14, 0, tzinfo=UTC))
ATTRIBUTION = "Generated landscape, not a photograph"


@dataclass(frozen=True, slots=True)
class SceneFile:
    """A rendered landscape in files.

    Attributes:
        raster: GeoTIFF, uint8 RGB, EPSG:3857.
        truth: true labels of each tile of the raster, at ``ZOOM``.
        acquired_at: the time of acquisition written into the raster.
    """

    raster: Path
    truth: dict[grid.TileIndex, frozenset[str]]
    acquired_at: datetime


def ensure_scene_file(
    folder: Path,
    *,
    date: int,
    seed: int = SEED,
    size: int = SIZE,
    progress: Callable[[float], None] | None = None,
) -> SceneFile:
    """Return the landscape of a date, rendering it into ``folder`` unless it exists there.

    The file of labels is written last: where it exists, the raster is complete.

    Args:
        folder: of the files; made if missing.
        date: index into ``ACQUIRED``, 0 or 1.
        seed: same seed, same landscape.
        size: pixels a side, a multiple of 256.
        progress: called with the fraction rendered, 0 to 1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = _stem(date, seed, size)
    raster, truth_path = folder / f"{stem}.tif", folder / f"{stem}.truth.json"
    if not is_rendered(folder, date=date, seed=seed, size=size):
        render = render_scene(seed, size=size, date=date, progress=progress)
        origin = grid.tile_at(ORIGIN, ZOOM)
        _write_raster(raster, render.image, origin, ACQUIRED[date])
        truth = {
            f"{ZOOM}/{origin.x + column}/{origin.y + row}": sorted(labels)
            for (row, column), labels in render.truth.items()
        }
        with whole_file(truth_path) as file:
            file.write(json.dumps(truth, indent=0).encode())
        _delete_older(folder, stem.removesuffix(generator_version()), stem)
    return SceneFile(raster, _read_truth(truth_path), ACQUIRED[date])


def is_rendered(folder: Path, *, date: int, seed: int = SEED, size: int = SIZE) -> bool:
    """Return whether ``ensure_scene_file`` finds the files and need not render them."""
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
    profile = {
        "driver": "GTiff",
        "width": image.shape[1],
        "height": image.shape[0],
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:3857",
        "transform": Affine(resolution, 0, west, 0, -resolution, north),
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 2,
        "photometric": "RGB",
        "num_threads": "all_cpus",
    }
    with draft(path) as made, rasterio.open(made, "w", **profile) as target:
        target.write(np.moveaxis(image, 2, 0))
        target.update_tags(
            TIFFTAG_DATETIME=f"{acquired_at:%Y:%m:%d %H:%M:%S}",
            TIFFTAG_IMAGEDESCRIPTION=ATTRIBUTION,
        )
        target.build_overviews([2, 4, 8, 16])


def _delete_older(folder: Path, prefix: str, kept: str) -> None:
    """Delete the files of other versions of the generator."""
    for path in folder.glob(f"{prefix}*"):
        if not path.name.startswith(f"{kept}."):
            path.unlink(missing_ok=True)
