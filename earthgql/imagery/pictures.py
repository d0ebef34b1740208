"""Pictures of tiles (PNG, JPEG, WebP) in any mode of Pillow, as RGB pixels."""

import io
import os

import numpy as np
import simplejpeg
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TILE_PIXELS
from earthgql.imagery.guard import MAX_PIXELS, check_pixels, read_below
from earthgql.imagery.source import Pixels

FORMATS = ("PNG", "JPEG", "WEBP")
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")


def read_picture(root: str, folder: str, path: str | None) -> Pixels:
    """Return the pixels of a picture, ``uint8 [256, 256, 3]``; see ``decode``.

    Raises:
        ImageUnreadableError: if it is missing, leads out of ``root``, or cannot be decoded.
    """
    if not path:
        raise ImageUnreadableError("no picture is known for this tile")
    try:
        encoded = read_below(root, os.path.join(folder, path))  # noqa: PTH118
    except OSError as error:
        raise ImageUnreadableError(f"{path} cannot be read: {error.strerror}") from None
    return decode(encoded, name=path)


def decode(encoded: bytes, *, name: str, formats: tuple[str, ...] = FORMATS) -> Pixels:
    """Decode a picture of any mode to ``uint8 [256, 256, 3]`` RGB.

    Palettes, grey, CMYK and 16-bit pictures are converted (16 bits keep their upper eight); fully
    transparent pixels become 0, like the invalid pixels of a raster, and other alpha is ignored.
    Pictures of another size are resized.

    Args:
        encoded: the content of a file.
        name: used in messages of errors.
        formats: those accepted, by Pillow's names; recognised by the first bytes.

    Raises:
        ImageUnreadableError: if it is of another format, damaged, truncated, over 25 megapixels, or
            a TIFF of numbers whose range nobody knows: of 32 bits, or several bands of 16.
    """
    if "JPEG" in formats and (pixels := _plain_jpeg(encoded)) is not None:
        return pixels
    try:
        with Image.open(io.BytesIO(encoded), formats=formats) as picture:
            check_pixels(name, *picture.size)
            if picture.mode == "F" or (picture.mode == "I" and _bits(picture) > 16):
                raise _unsupported_tiff(name, 1, _bits(picture))
            return _rgb(picture)
    except ImageUnreadableError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # Pillow looks at the size before anybody else can.
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


def _plain_jpeg(encoded: bytes) -> Pixels | None:
    """Decode an intact 256 x 256 JPEG in colour; None if it is anything else.

    Most tiles are such. The pixels equal Pillow's, since both use libjpeg-turbo, and take two
    thirds of the CPU time.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
        if (height, width, colours) != (TILE_PIXELS, TILE_PIXELS, "YCbCr"):
            return None
        pixels: Pixels = simplejpeg.decode_jpeg(encoded, "RGB")
    except ValueError:  # also where libjpeg would only warn
        return None
    return pixels


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


def _rgb(picture: Image.Image) -> Pixels:
    if picture.mode.startswith("I"):
        grey = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        picture = Image.fromarray(grey)
    transparent = picture.has_transparency_data
    pixels = picture.convert("RGBA" if transparent else "RGB")
    if transparent:
        layers = np.array(pixels)
        layers[layers[..., 3] == 0] = 0
        pixels = Image.fromarray(layers[..., :3].copy())
    if pixels.size != (TILE_PIXELS, TILE_PIXELS):
        pixels = pixels.resize((TILE_PIXELS, TILE_PIXELS), Image.Resampling.BILINEAR)
    return np.asarray(pixels, dtype=np.uint8)
