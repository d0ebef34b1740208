"""Pictures of tiles (PNG, JPEG, WebP) in any mode of Pillow, as RGB pixels.

A picture is one tile, or a square of tiles: one of 512 x 512 pixels is four tiles of the next zoom.
"""

import io
import os
import re
import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TILE_PIXELS, TileIndex
from earthgql.imagery.guard import MAX_PIXELS, check_pixels, read_below
from earthgql.imagery.source import MaskedPixels, Pixels

FORMATS = ("PNG", "JPEG", "WEBP")
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")

# From EXIF's Orientation to what turns the picture upright: exif_transpose of Pillow, which also
# rewrites the tags, and fails where these are damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_WARNING = "Corrupt EXIF data"
_EXIF_FILTER = ("ignore", re.compile(_EXIF_WARNING, re.IGNORECASE), UserWarning, None, 0)
# Markers of a JPEG's segments: the one that EXIF and XMP are in, and the start of the pixels.
_APP1, _START_OF_SCAN = 0xE1, 0xDA


Mask = npt.NDArray[np.bool_]


class Part(NamedTuple):
    """The place of a tile in a picture of ``tiles_across`` x ``tiles_across`` tiles.

    ``column`` counts from the west, ``row`` from the north; both from 0.
    """

    tiles_across: int = 1
    column: int = 0
    row: int = 0


WHOLE = Part()


def part_of_picture(tile: TileIndex, tiles_across: int) -> tuple[TileIndex, Part]:
    """Return the index that a tile's picture is stored under, and the tile's place in it.

    Args:
        tile: y from the north.
        tiles_across: a power of two; 2 for pictures of 512 x 512 pixels.
    """
    if tiles_across == 1:
        return tile, WHOLE
    zoom = tile.z - (tiles_across.bit_length() - 1)
    x, column = divmod(tile.x, tiles_across)
    y, row = divmod(tile.y, tiles_across)
    return TileIndex(zoom, x, y), Part(tiles_across, column, row)


def read_picture(root: str, folder: str, path: str | None, part: Part = WHOLE) -> Pixels:
    """Return the pixels of a tile in a picture, ``uint8 [256, 256, 3]``; see ``decode``.

    Raises:
        ImageUnreadableError: if it is missing, leads out of ``root``, or cannot be decoded.
    """
    return read_masked_picture(root, folder, path, part).pixels


def read_masked_picture(
    root: str, folder: str, path: str | None, part: Part = WHOLE
) -> MaskedPixels:
    """Return the pixels of a tile in a picture, and which of them are not transparent.

    Raises:
        ImageUnreadableError: as ``read_picture``.
    """
    if not path:
        raise ImageUnreadableError("no picture is known for this tile")
    try:
        encoded = read_below(root, os.path.join(folder, path))  # noqa: PTH118
    except OSError as error:
        raise ImageUnreadableError(f"{path} cannot be read: {error.strerror}") from None
    return decode_masked(encoded, name=path, part=part)


def decode(
    encoded: bytes, *, name: str, formats: tuple[str, ...] = FORMATS, part: Part = WHOLE
) -> Pixels:
    """Decode a picture of any mode to ``uint8 [256, 256, 3]`` RGB.

    Palettes, grey, CMYK and 16-bit pictures are converted (16 bits keep their upper eight); fully
    transparent pixels become 0, like the invalid pixels of a raster, and other alpha is ignored.
    A picture that EXIF tells to be turned or mirrored is put upright. Pictures of another size are
    resized.

    Args:
        encoded: the content of a file.
        name: used in messages of errors.
        formats: those accepted, by Pillow's names; recognised by the first bytes.
        part: which of its tiles, where the picture has several.

    Raises:
        ImageUnreadableError: if it is of another format, damaged, truncated, over 25 megapixels, or
            a TIFF of numbers of unknown range: of 32 bits, or several bands of 16.
    """
    return decode_masked(encoded, name=name, formats=formats, part=part).pixels


def decode_masked(
    encoded: bytes, *, name: str, formats: tuple[str, ...] = FORMATS, part: Part = WHOLE
) -> MaskedPixels:
    """Decode a picture as ``decode``; valid are pixels that are not fully transparent.

    Raises:
        ImageUnreadableError: as ``decode``.
    """
    side = TILE_PIXELS * part.tiles_across
    if "JPEG" in formats and (pixels := _plain_jpeg(encoded, side)) is not None:
        return MaskedPixels(pixels if part is WHOLE else _cropped(pixels, part), None)
    _ignore_damaged_exif()
    try:
        with Image.open(io.BytesIO(encoded), formats=formats) as picture:
            check_pixels(name, *picture.size)
            if picture.mode == "F" or (picture.mode == "I" and _bits(picture) > 16):
                raise _unsupported_tiff(name, 1, _bits(picture))
            pixels, valid = _rgb(picture, side)
            cropped = None if valid is None else _cropped(valid, part)
            return MaskedPixels(_cropped(pixels, part), cropped)
    except ImageUnreadableError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # Pillow checks the size before this code can.
        raise ImageUnreadableError(
            f"{name} is too large: the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
        ) from None
    except UnidentifiedImageError:
        kind = _tiff_bands_and_bits(encoded) if "TIFF" in formats else None
        if kind is not None:
            raise _unsupported_tiff(name, *kind) from None
        raise ImageUnreadableError(f"{name} is not a {', '.join(formats)} picture") from None
    except Exception as error:  # decoders raise anything on damaged input
        raise ImageUnreadableError(f"{name} is damaged: {error}") from None


def picture_size(encoded: bytes, *, name: str) -> tuple[int, int]:
    """Decode a picture and return its width and height in pixels, as they are stored.

    Raises:
        ImageUnreadableError: as ``decode``.
    """
    decode(encoded, name=name)
    with Image.open(io.BytesIO(encoded), formats=FORMATS) as picture:
        return picture.size


def _cropped(pixels: npt.NDArray[Any], part: Part) -> npt.NDArray[Any]:
    """Return a tile of a picture as pixels of its own."""
    if part.tiles_across == 1:
        return pixels
    top, left = part.row * TILE_PIXELS, part.column * TILE_PIXELS
    return np.ascontiguousarray(pixels[top : top + TILE_PIXELS, left : left + TILE_PIXELS])


def _plain_jpeg(encoded: bytes, side: int) -> Pixels | None:
    """Decode an intact, upright JPEG in colour, ``side`` pixels square; None if it is another.

    Most tiles are such. The pixels equal Pillow's, since both use libjpeg-turbo, and take two
    thirds of the CPU time.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
        if (height, width, colours) != (side, side, "YCbCr") or _may_be_turned(encoded):
            return None
        pixels: Pixels = simplejpeg.decode_jpeg(encoded, "RGB")
    except ValueError:  # also where libjpeg would only warn
        return None
    return pixels


def _may_be_turned(encoded: bytes) -> bool:
    """Tell whether a JPEG has a segment that may tell its orientation, without reading it.

    Hopping over the segments, a dozen at most, takes a hundredth of the time of decoding.
    """
    at = 2
    while at + 4 <= len(encoded) and encoded[at] == 0xFF:
        marker = encoded[at + 1]
        if marker == _START_OF_SCAN:
            return False
        if marker == _APP1:
            return True
        at += 2 + (encoded[at + 2] << 8 | encoded[at + 3])
    return True


def _bits(picture: Image.Image) -> int:
    """Return the bits of a value: from a TIFF's tags; 16, the most, for other formats."""
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return 16
    return int(max(picture.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (1,))))


def _tiff_bands_and_bits(encoded: bytes) -> tuple[int, int] | None:
    """Return bands and bits of a TIFF that Pillow has no mode for; None if it is none."""
    stream = io.BytesIO(encoded)
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
        stream.seek(tags.next)
        tags.load(stream)
        bits = tags[TiffImagePlugin.BITSPERSAMPLE]
        return int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1)), int(max(bits))
    except Exception:  # decoders raise anything on damaged input
        return None


def _unsupported_tiff(name: str, bands: int, bits: int) -> ImageUnreadableError:
    return ImageUnreadableError(
        f"{name}: a TIFF of this kind ({bands} band{'s' if bands > 1 else ''} of {bits} bits) is"
        " not taken: convert it to 8-bit RGB"
    )


def _ignore_damaged_exif() -> None:
    # Pillow warns of it, and may read no further; the picture is sound.
    if _EXIF_FILTER not in warnings.filters:
        warnings.filterwarnings("ignore", _EXIF_WARNING, UserWarning)


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF says; Pillow has done so with a TIFF once it is loaded."""
    picture.load()
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
        turn = _UPRIGHT.get(orientation)
    except Exception:  # damaged tags raise anything, and tell nothing
        return picture
    return picture if turn is None else picture.transpose(turn)


def _rgb(picture: Image.Image, side: int) -> MaskedPixels:
    picture = _upright(picture)
    if picture.mode.startswith("I"):
        grey = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        picture = Image.fromarray(grey)
    transparent = picture.has_transparency_data
    pixels = picture.convert("RGBA" if transparent else "RGB")
    valid = None
    if transparent:
        layers = np.array(pixels)
        shown = layers[..., 3] > 0
        layers[~shown] = 0
        pixels = Image.fromarray(layers[..., :3].copy())
        valid = _resized_mask(shown, side)
    if pixels.size != (side, side):
        pixels = pixels.resize((side, side), Image.Resampling.BILINEAR)
    return MaskedPixels(np.asarray(pixels, dtype=np.uint8), valid)


def _resized_mask(shown: Mask, side: int) -> Mask:
    if shown.shape == (side, side):
        return shown
    resized = Image.fromarray(shown).resize((side, side), Image.Resampling.NEAREST)
    return np.asarray(resized, dtype=np.bool_)
