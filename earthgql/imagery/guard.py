"""What may be opened: files below a registered root, of few formats, and of bounded size."""

import math
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import Interleaving
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from earthgql.errors import ImageUnreadableError

MAX_PIXELS = 25_000_000
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JPEG2000_MAGIC = (b"\0\0\0\x0c", b"\xff\x4f\xff\x51")
# The driver is named by what a file begins with, so GDAL never chooses among its 60 others:
# a VRT, for one, may point at any file or address.
_DRIVERS = {"GTiff": _TIFF_MAGIC, "JP2OpenJPEG": _JPEG2000_MAGIC}
_SIDECARS = (".ovr", ".msk", ".msk.ovr")
# No network file systems (an allowed name that no path equals), no .aux.xml read or written.
_GDAL_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "/vsicurl/none",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_NUM_THREADS": "1",
    # Its default is 5 % of the machine's memory, for each process.
    "GDAL_CACHEMAX": 64 << 20,
}
# A block is decoded as a whole, and all bands of it that are stored together.
MAX_BLOCK_BYTES = 40 << 20
_QUIET = ("ignore", None, NotGeoreferencedWarning, None, 0)


def resolve_below(root: str | Path, path: str | Path) -> Path:
    """Return the real path of a file, all links followed, if it lies below ``root``.

    Raises:
        ImageUnreadableError: if it does not exist, is not a file, or leads out of ``root``.
    """
    name = public_name(root, path)
    try:
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(os.path.realpath(root)):
            raise ImageUnreadableError(f"{name} leads out of the folder ingested")
        if real.is_dir():
            raise ImageUnreadableError(f"{name} is a folder, not a file")
        if not real.is_file():
            raise ImageUnreadableError(
                f"{name} does not exist (mistyped, or moved since it was ingested?)"
            )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageUnreadableError(f"{name} cannot be opened: {reason}") from None
    return real


def read_below(root: str, path: str) -> bytes:
    """Return the content of a file, all links followed, if it lies below ``root``.

    Raises:
        ImageUnreadableError: as ``resolve_below``.
        OSError: if it cannot be read.
    """
    content = _read_open_file(root, path)
    return resolve_below(root, path).read_bytes() if content is None else content


def _read_open_file(root: str, path: str) -> bytes | None:
    """Open a file and have the kernel resolve its path; None if that is not possible.

    Resolving a path in Python checks each of its folders, which takes a third as long as decoding
    the picture. And no link can be changed between the check and the reading.
    """
    try:
        with open(path, "rb", buffering=0, opener=_open_nonblocking) as file:
            real = os.readlink(f"/proc/self/fd/{file.fileno()}")  # noqa: PTH115
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read() if regular and real.startswith(_real_prefix(root)) else None
    except (OSError, ValueError):
        return None


def _open_nonblocking(path: str, flags: int) -> int:
    # A pipe would wait for who writes into it; a terminal would become this process's.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


@lru_cache(maxsize=64)
def _real_prefix(root: str) -> str:
    """Return the prefix of the real paths below a folder, as it was at the first call."""
    return os.path.join(os.path.realpath(root), "")  # noqa: PTH118


def public_name(root: str | Path, path: str | Path) -> str:
    """Return a file's path below ``root``, else its name: clients must not see absolute paths."""
    path = Path(path)
    inside = path.is_relative_to(root) and path != Path(root)
    return str(path.relative_to(root)) if inside else path.name


def check_pixels(name: str, width: float, height: float) -> None:
    """Refuse to decode more than ``MAX_PIXELS`` pixels at once.

    Raises:
        ImageUnreadableError: naming the size and the limit.
    """
    if width * height > MAX_PIXELS:
        megapixels = math.ceil(width * height / 1e4) / 100  # rounded it might be the limit
        raise ImageUnreadableError(
            f"{name}: {megapixels:.2f} megapixels would have to be decoded, "
            f"the limit is {MAX_PIXELS / 1e6:.0f}"
        )


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _driver(path: Path, name: str) -> str:
    beginning = _beginning(path)
    for driver, magics in _DRIVERS.items():
        if beginning in magics:
            return driver
    raise ImageUnreadableError(f"{name} is not a GeoTIFF, COG or JPEG 2000 file")


def _check_sidecars(root: str | Path, path: Path) -> None:
    # GDAL opens these with any driver, a VRT under such a name could point anywhere.
    for suffix in _SIDECARS:
        sidecar = path.with_name(path.name + suffix)
        if os.path.lexists(sidecar) and _beginning(resolve_below(root, sidecar)) not in _TIFF_MAGIC:
            raise ImageUnreadableError(f"{sidecar.name} is not a TIFF")


@contextmanager
def open_raster(root: str | Path, path: str | Path) -> Iterator[Any]:
    """Open a GeoTIFF, COG or JPEG 2000 below ``root`` as a rasterio dataset.

    Raises:
        ImageUnreadableError: if it is outside ``root``, of another format, damaged, or what is
            done with it inside the ``with`` fails in GDAL.
    """
    real, name = resolve_below(root, path), public_name(root, path)
    try:
        driver = _driver(real, name)
        _check_sidecars(root, real)
        _silence()
        with rasterio.Env(**_GDAL_OPTIONS), rasterio.open(str(real), driver=driver) as dataset:
            _check_dataset(dataset, name)
            yield dataset
    except OSError as error:  # RasterioIOError among them
        reason = _reason(error, real)
        raise ImageUnreadableError(f"{name} is damaged or unreadable: {reason}") from None
    except (RasterioError, CPLE_BaseError) as error:
        raise ImageUnreadableError(f"{name} cannot be decoded: {_reason(error, real)}") from None


def _silence() -> None:
    # A world file or the user may tell the place; if not, an error says so.
    if _QUIET not in warnings.filters:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)


def block_bytes(dataset: Any) -> int:
    """Return the memory of a decoded block, with all bands that are stored together in it."""
    height, width = dataset.block_shapes[0]
    together = dataset.count if dataset.interleaving == Interleaving.pixel else 1
    return int(height * width * together * np.dtype(dataset.dtypes[0]).itemsize)


def _check_dataset(dataset: Any, name: str) -> None:
    if "OVERVIEW_FILE" in dataset.tags(ns="OVERVIEWS"):
        raise ImageUnreadableError(f"{name} refers to another file for its overviews")
    if not dataset.count or any(dtype.startswith("complex") for dtype in dataset.dtypes):
        raise ImageUnreadableError(f"{name} has no bands of real numbers")
    for height, width in dataset.block_shapes:
        check_pixels(name, width, height)
    height, width = dataset.block_shapes[0]
    size = block_bytes(dataset)
    if dataset.driver == "GTiff" and size > MAX_BLOCK_BYTES:
        raise ImageUnreadableError(
            f"{name} has blocks of {width} x {height} pixels, {size >> 20} MB of memory each: "
            "gdal_translate -co TILED=YES -co COMPRESS=DEFLATE makes smaller ones"
        )


def _reason(error: BaseException, path: Path) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    reason = str(error.__cause__ or error.__context__ or error)
    return reason.replace(f"{path.parent}/", "")
