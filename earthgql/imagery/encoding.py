"""Pixels of a map's tile as PNG, WebP or JPEG."""

import io

import numpy as np
import simplejpeg
from PIL import Image

from earthgql.imagery.map_tile import MapTile

_JPEG_QUALITY = 85
_WEBP_QUALITY = 80
_WHITE = 255


def encode(tile: MapTile, kind: str) -> bytes:
    """Encode a map's tile.

    PNG and WebP have an alpha channel where something is transparent; WebP is lossy. JPEG knows no
    transparency and is white there.

    Args:
        tile: which has pixels and their validity.
        kind: "png", "webp" or "jpg".
    """
    if kind == "jpg":
        pixels = np.where(tile.valid[..., None], tile.pixels, np.uint8(_WHITE))
        return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), _JPEG_QUALITY))
    pixels = tile.pixels
    if not tile.valid.all():
        alpha = np.where(tile.valid, np.uint8(255), np.uint8(0))
        pixels = np.dstack([pixels, alpha])
    return _png(pixels) if kind == "png" else _webp(pixels)


def _png(pixels: np.ndarray) -> bytes:
    import cv2

    swapped = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    return bytes(cv2.imencode(".png", np.ascontiguousarray(swapped))[1])


def _webp(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=_WEBP_QUALITY, method=0)
    return stream.getvalue()
