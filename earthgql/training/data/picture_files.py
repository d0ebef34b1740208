"""Reading one training picture, whatever its file format, as 8-bit red, green, blue."""

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.preprocess import resize
from earthgql.models.protocol import TILE_SIZE

Pixels = npt.NDArray[np.uint8]

PLANET_BLACK = (600.0, 1700.0, 2500.0)
PLANET_WHITE = (8500.0, 9200.0, 10800.0)
"""16-bit values of Planet's analytic chips (red, green, blue) that become 0 and 255.

Chosen so that the band means and deviations that participants of the contest have reported (about
3075, 4271, 4989 and 1544, 1347, 1399) land where its JPEGs have theirs; never checked on an
original file. The bounds are fixed, not taken from each picture:
stretching each picture by itself would turn haze into a clear sky.
"""

_TIFF = {".tif", ".tiff"}


def read_picture(path: Path) -> Pixels:
    """Read a picture as uint8 [256, 256, 3]; other sizes are resampled.

    JPEG and PNG of any colour model (CMYK, grey, palette, with alpha) become RGB, a TIFF is read
    by ``read_tiff``.

    Raises:
        TrainingError: naming the file, if it is missing, truncated or no picture.
    """
    pixels = read_tiff(path) if path.suffix.lower() in _TIFF else _read_with_pillow(path)
    sized: Pixels = resize(pixels[None], TILE_SIZE)[0]
    return sized


def read_tiff(path: Path) -> Pixels:
    """Read a TIFF as uint8 [height, width, 3].

    8-bit bands are red, green, blue; 16-bit bands are blue, green, red and perhaps near infrared,
    as Planet delivers them, and are brought to 8 bits between ``PLANET_BLACK`` and
    ``PLANET_WHITE``.

    Raises:
        TrainingError: naming the file, if it cannot be read or has other bands.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as file:
                bands = file.read()
    except RasterioError as error:
        raise _unreadable(path, error) from None
    if len(bands) < 3 or bands.dtype not in (np.uint8, np.uint16):
        raise TrainingError(
            f"{path} has {len(bands)} bands of {bands.dtype}; expected 3 or 4 of uint8 or uint16"
        )
    if bands.dtype == np.uint8:
        return np.ascontiguousarray(bands[:3].transpose(1, 2, 0))
    return eight_bit(bands[:3][::-1].transpose(1, 2, 0))


def eight_bit(values: npt.NDArray[np.uint16]) -> Pixels:
    """Bring 16-bit [height, width, 3], red, green, blue, to 8 bits."""
    black = np.array(PLANET_BLACK, np.float32)
    share = (values.astype(np.float32) - black) / (np.array(PLANET_WHITE, np.float32) - black)
    return np.round(np.clip(share, 0, 1) * 255).astype(np.uint8)


def _read_with_pillow(path: Path) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> TrainingError:
    if not path.exists():
        return TrainingError(f"{path} is missing")
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return TrainingError(f"{path} cannot be read as a picture (truncated?): {reason}")
