"""The values of drawn rasters, what of them is shown, and the files they are written to."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from support.drawn_rasters import CATEGORICAL, LAYOUTS, DrawnRaster, valid_area

_RANGES = {
    "uint8": (20, 235),
    "uint16": (300, 9000),
    "int16": (-2000, 8000),
    "float32": (200.0, 310.0),
}
_BAND_NAMES = ("Blue", "Green", "Red", "NIR")


@dataclass(frozen=True)
class Truth:
    """What a drawn raster is known to hold.

    Attributes:
        values: float [bands, height, width], as they are stored, without alpha.
        shown: float [3, height, width], those of red, green and blue before any stretch.
        valid: bool [height, width].
        uniform: bool [height, width]: pixels around which values change little by little.
        limits: [3, 2]: values that become 0 and 255; None: values are taken as they are.
    """

    values: np.ndarray
    shown: np.ndarray
    valid: np.ndarray
    uniform: np.ndarray
    limits: np.ndarray | None


def colour_map() -> dict[int, tuple[int, int, int, int]]:
    """Colours of the palettes."""
    return {i: (i * 37 % 200 + 40, i * 61 % 200 + 40, i * 97 % 200 + 40, 255) for i in range(256)}


def _waves(raster: DrawnRaster, bands: int, wavelength: float) -> np.ndarray:
    """Pictures of waves, 0..1, ``[bands, height, width]``; each band its own."""
    y, x = np.mgrid[0 : raster.height, 0 : raster.width] + raster.content.shift
    turn = 2 * np.pi / wavelength
    pictures = []
    for band in range(bands):
        across = np.sin(turn * (x + 0.4 * y) + 1.3 * band)
        down = np.cos(turn * (y - 0.3 * x) + 2.1 * band)
        pictures.append(0.5 + 0.25 * (across + down))
    return np.stack(pictures)


def _values(raster: DrawnRaster, wavelength: float) -> np.ndarray:
    content = raster.content
    waves = _waves(raster, len(LAYOUTS[content.layout]), wavelength)
    if content.layout in CATEGORICAL:
        steps = {"palette": 7, "1 bit": 2, "4 bits": 14}[content.layout]
        return np.floor(waves * steps).clip(0, steps - 1)
    low, high = _RANGES[content.dtype]
    values = low + (high - low) * waves
    return values if content.dtype == "float32" else np.rint(values)


def truth_of(raster: DrawnRaster, wavelength: float) -> Truth:
    """Return what a drawn raster holds; ``wavelength`` of its picture in pixels."""
    layout = raster.content.layout
    values, valid = _values(raster, wavelength), valid_area(raster)
    uniform = np.ones_like(valid)
    if layout == "palette":
        table = np.array([colour_map()[i][:3] for i in range(256)], dtype=np.float64)
        shown = table[values[0].astype(int)].transpose(2, 0, 1)
    elif layout == "cmyk":
        shown = (255 - values[:3]) * (255 - values[3]) / 255
    elif layout.startswith("bgrn"):
        shown = values[2::-1]
    else:
        shown = values[:3] if len(values) >= 3 else np.repeat(values[:1], 3, axis=0)
    if layout in CATEGORICAL:
        whole = values[0].astype(np.uint8)
        box = np.ones((3, 3), dtype=np.uint8)
        uniform = cv2.dilate(whole, box) == cv2.erode(whole, box)
    return Truth(values, shown, valid, uniform, _limits(raster, shown, valid))


def _limits(raster: DrawnRaster, shown: np.ndarray, valid: np.ndarray) -> np.ndarray | None:
    by_layout = {"1 bit": (0, 1), "4 bits": (0, 15), "white is 0": (255, 0)}
    if raster.content.layout in by_layout:
        return np.array([by_layout[raster.content.layout]] * 3, dtype=np.float64)
    if raster.content.dtype == "uint8":
        return None
    if raster.stretched:
        return np.array([_RANGES[raster.content.dtype]] * 3, dtype=np.float64)
    return np.array([np.percentile(band[valid], (2, 98)) for band in shown])


def stretch_given(raster: DrawnRaster) -> tuple[float, float] | None:
    """The limits that a user gives, if any."""
    if raster.content.dtype == "uint8" or not raster.stretched:
        return None
    return _RANGES[raster.content.dtype]


def _stored(raster: DrawnRaster, truth: Truth) -> np.ndarray:
    """Values with what is invalid in them, and alpha among the bands."""
    content = raster.content
    values = truth.values.copy()
    if content.validity == "nodata":
        values[:, ~truth.valid] = content.nodata
    elif content.validity == "not a number":
        values[:, ~truth.valid] = np.nan
    elif content.validity == "mask and nodata":
        # Nodata where the mask says that there is data: the mask counts.
        values[:, ~truth.valid] = 0
    elif content.validity != "all" and not content.filled:
        values[:, ~truth.valid] = 0
    if content.validity == "alpha":
        alpha = np.where(truth.valid, content.opaque, 0)[None]
        values = np.concatenate(
            [values[: content.alpha_at], alpha, values[content.alpha_at :]], axis=0
        )
    return values.astype(content.dtype)


def _nodata_tag(raster: DrawnRaster, truth: Truth) -> float | None:
    if raster.content.validity == "nodata":
        return raster.content.nodata
    if raster.content.validity == "mask and nodata":
        return float(truth.values[0, raster.height // 2, raster.width // 2])
    return None


def _profile(raster: DrawnRaster, bands: int) -> dict[str, Any]:
    layout, storage = raster.content.layout, raster.storage
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": raster.width,
        "height": raster.height,
        "count": bands,
        "dtype": raster.content.dtype,
        "crs": CRS.from_user_input(raster.place.crs),
        "compress": storage.compress,
        "interleave": storage.interleave,
        "endianness": storage.endianness,
        "photometric": "minisblack",
    }
    if storage.tiled:
        profile |= {"tiled": True, "blockxsize": storage.block, "blockysize": storage.block}
    else:
        profile["blockysize"] = storage.block // 8
    own = {"palette": "palette", "white is 0": "miniswhite", "cmyk": "cmyk"}
    profile["photometric"] = own.get(layout, "minisblack")
    if storage.compress == "webp":
        profile |= {"webp_lossless": True, "photometric": "rgb"}
    if storage.compress == "jpeg":
        profile |= {"jpeg_quality": 95, "photometric": "ycbcr" if bands == 3 else "minisblack"}
    if layout in ("1 bit", "4 bits"):
        profile["nbits"] = int(layout[0])
    return profile


def _placed(raster: DrawnRaster) -> dict[str, Any]:
    own = raster.place.transform
    if raster.place.georeference == "world file":
        return {}
    if raster.place.georeference != "gcps":
        return {"transform": own}
    places = [(row, column) for row in (0, raster.height) for column in (0, raster.width)]
    return {
        "gcps": [GroundControlPoint(row, column, *(own @ (column, row))) for row, column in places]
    }


def write_drawn(raster: DrawnRaster, truth: Truth, path: Path) -> Path:
    """Write a drawn raster as a GeoTIFF."""
    content = raster.content
    stored = _stored(raster, truth)
    internal = "NO" if content.validity == ".msk" else "YES"
    nodata = _nodata_tag(raster, truth)
    point = {"AREA_OR_POINT": "Point"} if raster.place.georeference == "point" else {}
    with ExitStack() as stack:
        stack.enter_context(rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal))
        profile = _profile(raster, len(stored)) | _placed(raster) | {"nodata": nodata}
        dataset = stack.enter_context(rasterio.open(path, "w", **profile))
        _describe(dataset, raster)
        dataset.update_tags(**point)
        dataset.write(stored)
        if "mask" in content.validity or content.validity == ".msk":
            dataset.write_mask(truth.valid)
    if raster.storage.overviews:
        _add_overviews(raster, path)
    if raster.place.georeference == "world file":
        _write_world_file(path, raster.place.transform)
    return path


def _describe(dataset: Any, raster: DrawnRaster) -> None:
    content = raster.content
    if content.layout == "palette":
        dataset.write_colormap(1, colour_map())
        return
    colours = [ColorInterp[name] for name in LAYOUTS[content.layout]]
    names = list(_BAND_NAMES) if content.layout == "bgrn by names" else [""] * len(colours)
    if content.validity == "alpha":
        colours.insert(content.alpha_at, ColorInterp.alpha)
        names.insert(content.alpha_at, "")
    if len(colours) > 1 and raster.storage.compress not in ("jpeg", "webp"):
        dataset.colorinterp = colours
    for band, name in enumerate(names, start=1):
        if name:
            dataset.set_band_description(band, name)


def _add_overviews(raster: DrawnRaster, path: Path) -> None:
    few = raster.content.layout in CATEGORICAL
    way = Resampling.nearest if few else Resampling.average
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews(list(raster.storage.overviews), way)


def _write_world_file(path: Path, own: Affine) -> None:
    middle = own @ (0.5, 0.5)
    numbers = (own.a, own.d, own.b, own.e, *middle)
    path.with_suffix(".tfw").write_text("".join(f"{number!r}\n" for number in numbers))
