"""Which bands of a raster are red, green and blue, and RGB pixels of their values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp

from earthgql.errors import IngestError
from earthgql.imagery.raster.validity import Mask, Values
from earthgql.imagery.source import Pixels

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_SPACES = {
    "cmyk": (ColorInterp.cyan, ColorInterp.magenta, ColorInterp.yellow, ColorInterp.black),
    "ycbcr": (ColorInterp.Y, ColorInterp.Cb, ColorInterp.Cr),
}
# What Sentinel-2 calls red, green and blue, and its and Landsat 8's short names, which mean other
# colours of older Landsats: those have none of the bands that follow.
_SENTINEL2 = {"b04": "red", "b03": "green", "b02": "blue"}
_SHORT = {"b4": "red", "b3": "green", "b2": "blue"}
_ONLY_LATER = {"b8", "b8a", "b9", "b10", "b11", "b12"}
_NAME_TAGS = ("BAND_NAME", "BANDNAME", "NAME", "COMMON_NAME", "DESCRIPTION", "LONG_NAME")


@dataclass(frozen=True)
class Bands:
    """The bands shown and why.

    Attributes:
        indexes: counted from 1: one, three, or four of CMYK.
        reason: in words.
        space: "cmyk", "ycbcr" or None for grey and RGB.
        palette: whether values are numbers of colours.
    """

    indexes: tuple[int, ...]
    reason: str
    space: str | None = None
    palette: bool = False


def default_bands(dataset: Any, name: str, alpha: int | None = None) -> Bands:
    """Choose bands by palette, names, colour interpretation, else the first three or the first.

    Args:
        dataset: an open rasterio dataset.
        name: of the raster, for messages.
        alpha: a band that is not shown: alpha.

    Raises:
        IngestError: if there is no band but alpha.
    """
    colours = dataset.colorinterp
    if colours[0] == ColorInterp.palette:
        known = has_palette(dataset, 1)
        reason = "its palette" if known else "a palette without a colour map, shown as grey"
        return Bands((1,), reason, palette=known)
    return _by_colour(dataset, colours) or _first_bands(dataset, name, alpha)


def _by_colour(dataset: Any, colours: Sequence[ColorInterp]) -> Bands | None:
    for space, wanted in _SPACES.items():
        if all(colour in colours for colour in wanted):
            indexes = tuple(colours.index(colour) + 1 for colour in wanted)
            return Bands(indexes, f"its colours are {space.upper()}", space=space)
    if by_name := _named_bands(dataset):
        return Bands(by_name, "their names")
    if all(colour in colours for colour in _RGB):
        indexes = tuple(colours.index(colour) + 1 for colour in _RGB)
        return Bands(indexes, "their colour interpretation")
    return None


def _first_bands(dataset: Any, name: str, alpha: int | None) -> Bands:
    colours = dataset.colorinterp
    hidden = {i + 1 for i, colour in enumerate(colours) if colour == ColorInterp.alpha} | {alpha}
    usable = tuple(i for i in range(1, dataset.count + 1) if i not in hidden)
    if not usable:
        raise IngestError(f"{name} has no band but alpha")
    if len(usable) >= 3:
        return Bands(usable[:3], "the first three")
    return Bands(usable[:1], "the only one" if len(usable) == 1 else "the first")


def has_palette(dataset: Any, band: int) -> bool:
    """Tell whether a band has a colour map."""
    try:
        return bool(dataset.colormap(band))
    except ValueError:
        return False


def band_name(dataset: Any, band: int) -> str:
    """Return a band's description, else its name in its tags, else nothing."""
    if text := dataset.descriptions[band - 1]:
        return str(text)
    tags = {key.upper(): str(value) for key, value in dataset.tags(band).items()}
    return next((tags[tag] for tag in _NAME_TAGS if tag in tags), "")


def is_infrared(name: str) -> bool:
    """Tell whether a band's name says infrared."""
    words = set(re.findall(r"[a-z]+", name.lower()))
    return bool(words & {"nir", "infrared", "infra", "ir", "swir"})


def _named_bands(dataset: Any) -> tuple[int, ...] | None:
    """Return the bands that are named red, green and blue, if each is exactly one."""
    names = [band_name(dataset, band).lower().strip() for band in range(1, dataset.count + 1)]
    codes = [name.split()[0].strip(",:;()") if name else "" for name in names]
    known = _SENTINEL2 | (_SHORT if _ONLY_LATER & set(codes) else {})
    found: dict[str, list[int]] = {"red": [], "green": [], "blue": []}
    for band, (name, code) in enumerate(zip(names, codes, strict=True), start=1):
        words = set(re.findall(r"[a-z]+", name))
        named = [known[code]] if code in known else [c for c in found if c in words]
        if len(named) == 1 and not (words & {"edge", "near"} or is_infrared(name)):
            found[named[0]].append(band)
    for colour, bands in found.items():
        if len(bands) > 1:  # "green i" or "coastal blue" beside it
            found[colour] = [band for band in bands if names[band - 1] == colour] or [
                band for band in bands if "coastal" not in names[band - 1]
            ]
    if not all(len(bands) == 1 for bands in found.values()):
        return None
    return tuple(bands[0] for bands in found.values())


def default_limits(dataset: Any, band: int) -> list[float] | None:
    """Return the range of a band of fewer than 8 bits, or of one that counts from white to black.

    None where values are taken as they are, or nothing is known.
    """
    if dataset.dtypes[band - 1] not in ("uint8", "uint16"):
        return None
    bits = int(dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", 0))
    white_first = dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
    if dataset.dtypes[band - 1] == "uint16":
        return [65535.0, 0.0] if white_first else None
    if not white_first and not 0 < bits < 8:
        return None
    top = float((1 << (bits or 8)) - 1)
    return [top, 0.0] if white_first else [0.0, top]


def percentile_limits(values: Values, valid: Mask, low: float, high: float) -> list[list[float]]:
    """Return two percentiles of each band's values where they hold data, as ``[low, high]``.

    Of values that hardly differ the whole range is taken, and a constant becomes middle grey.
    """
    limits = []
    for band in values:
        sample = band[valid].astype(np.float64)
        bottom, top = (float(value) for value in np.percentile(sample, [low, high]))
        if not top > bottom:
            bottom, top = float(sample.min()), float(sample.max())
        if not top > bottom:
            around = max(1.0, abs(bottom) * 1e-6)
            bottom, top = bottom - around, top + around
        limits.append([bottom, top])
    return limits


def to_rgb(values: Values, valid: Mask, stretch: list[list[float]] | None) -> Pixels:
    """Make RGB pixels of bands.

    Args:
        values: ``[1 or 3, height, width]``, any real type.
        valid: ``[height, width]``.
        stretch: ``[from, to]`` per band, mapped linearly to 0..255; None: values as they are.

    Returns:
        ``uint8 [height, width, 3]``, 0 where not valid (or not a number).
    """
    if values.dtype == np.uint8 and not stretch:
        return _channels_last(np.where(valid, values, np.uint8(0)))
    scaled = values.astype(np.float64)
    if stretch:
        low, high = np.array(stretch, dtype=np.float64).T[:, :, None, None]
        scaled = (scaled - low) / (high - low) * 255
    shown = valid & np.isfinite(scaled).all(axis=0)
    rgb = np.rint(np.clip(np.where(shown, scaled, 0), 0, 255)).astype(np.uint8)
    return _channels_last(rgb)


def space_to_rgb(values: Values, space: str) -> Values:
    """Turn 8-bit CMYK or YCbCr bands into RGB.

    CMYK as libtiff does, YCbCr as in JFIF 1.02 (ITU-R BT.601, all 256 levels).

    Args:
        values: ``[4 or 3, height, width]``.
        space: "cmyk" or "ycbcr".
    """
    parts = values.astype(np.float64)
    if space == "cmyk":
        rgb = (255 - parts[:3]) * (255 - parts[3]) / 255
    else:
        y, cb, cr = parts[0], parts[1] - 128, parts[2] - 128
        rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb])
    return np.asarray(np.rint(np.clip(rgb, 0, 255)).astype(np.uint8))


def palette_to_rgb(values: Values, valid: Mask, colormap: Mapping[int, tuple[int, ...]]) -> Pixels:
    """Return the colours of numbers ``[height, width]``; the last one for those beyond it."""
    table = np.zeros((max(colormap) + 1, 3), dtype=np.uint8)
    for value, colour in colormap.items():
        table[value] = colour[:3]
    numbers = np.clip(values.astype(np.int64), 0, len(table) - 1)
    return np.asarray(np.where(valid[..., None], table[numbers], 0), dtype=np.uint8)


def _channels_last(rgb: npt.NDArray[np.uint8]) -> Pixels:
    """Turn ``[1 or 3, height, width]`` into ``[height, width, 3]``; one band thrice."""
    return np.ascontiguousarray(np.broadcast_to(rgb, (3, *rgb.shape[1:])).transpose(1, 2, 0))
