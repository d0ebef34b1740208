"""World files (``.tfw``, ``.wld`` and others): six numbers that give the place of a raster.

GDAL's own reading of them is off, as of all other files next to a raster.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.guard import public_name, read_below

_LARGEST_BYTES = 65_536


@dataclass(frozen=True)
class WorldFile:
    """A world file.

    Attributes:
        name: of the world file.
        transform: affine, pixels to coordinates, for the corners of pixels.
        crs: of a ``.prj`` file next to it, as WKT.
    """

    name: str
    transform: Affine
    crs: str | None


def read_world_file(root: str, path: str) -> WorldFile | None:
    """Return a raster's world file, None if there is none.

    Raises:
        ImageUnreadableError: if it is not six numbers, or leads out of ``root``.
    """
    raster = Path(path)
    found = _beside(raster, _suffixes(raster.suffix))
    if found is None:
        return None
    name = public_name(root, found)
    try:
        text = _read(root, found).decode("ascii")
        a, d, b, e, c, f = (float(line.replace(",", ".")) for line in text.split())
    except ValueError:
        raise ImageUnreadableError(f"{name} is no world file: it holds six numbers") from None
    # It gives the place of the middle of the first pixel.
    own = Affine(a, b, c, d, e, f) @ Affine.translation(-0.5, -0.5)
    if not np.isfinite(list(own)).all() or not own.determinant:
        raise ImageUnreadableError(f"{name} is no world file: its pixels have no size")
    return WorldFile(name, own, _projection(root, raster))


def _suffixes(suffix: str) -> list[str]:
    """Return what the world file of ``.tif`` may end with: .tfw, .tifw and .wld."""
    letters = suffix.lstrip(".").lower()
    return [f".{letters[0]}{letters[-1]}w", f".{letters}w", ".wld"]


def _beside(raster: Path, suffixes: list[str]) -> Path | None:
    for suffix in suffixes:
        for spelling in (suffix, suffix.upper()):
            file = raster.with_suffix(spelling)
            if file.is_file():
                return file
    return None


def _read(root: str, path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_BYTES:
        raise ImageUnreadableError(f"{public_name(root, path)} is too large for what it should be")
    return read_below(root, str(path))


def _projection(root: str, raster: Path) -> str | None:
    found = _beside(raster, [".prj"])
    if found is None:
        return None
    try:
        return str(CRS.from_wkt(_read(root, found).decode("utf-8", "replace")).to_wkt())
    except CRSError:
        raise ImageUnreadableError(f"{public_name(root, found)} names no CRS") from None
