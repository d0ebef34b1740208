"""Which pixels of a raster hold data: by its mask, an alpha band, or values that mean no data."""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from earthgql.imagery.raster.pieces import pieces

Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
# Fill values this large are written with few digits: -3.4e38 for -3.4028235e38.
_HUGE = 1e38
COLLAR_CELLS = 64


@dataclass(frozen=True)
class Validity:
    """The rule by which a pixel holds data; all that are set must say so.

    A number that is not finite is never data, in any band shown.

    Attributes:
        mask: the file's mask (internal or ``.msk``) is not 0.
        alpha: this band, counted from 1, is not 0.
        nodata: not all bands shown have the same of these values.
        collar: cells, of 64 x 64 over the raster, in which pure black and pure white are no data.
    """

    mask: bool = False
    alpha: int | None = None
    nodata: tuple[float, ...] = ()
    collar: bytes | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as ``rendering`` keeps it; ``from_json`` reads it."""
        collar = self.collar and base64.b64encode(zlib.compress(self.collar)).decode()
        kept = {
            "mask": self.mask,
            "alpha": self.alpha,
            "nodata": list(self.nodata),
            "collar": collar,
        }
        return {key: value for key, value in kept.items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Validity":
        """Return the rule that ``to_json`` wrote."""
        collar = kept.get("collar")
        return cls(
            mask=bool(kept.get("mask")),
            alpha=kept.get("alpha"),
            nodata=tuple(kept.get("nodata", ())),
            collar=zlib.decompress(base64.b64decode(collar)) if collar else None,
        )

    def __str__(self) -> str:
        """Name what decides, in words."""
        parts = ["the mask"] if self.mask else []
        parts += [f"alpha band {self.alpha}"] if self.alpha else []
        if self.nodata:
            parts.append(f"nodata {', '.join(f'{value:g}' for value in self.nodata)}")
        parts += ["a collar of pure black and white"] if self.collar else []
        return " and ".join(parts) or "every pixel"


def declared_validity(dataset: Any, bands: Sequence[int]) -> Validity:
    """Return what a raster's header says: its mask, else its alpha band, else its nodata value."""
    flags = dataset.mask_flag_enums[bands[0] - 1]
    of_values = MaskFlags.nodata in flags and MaskFlags.per_dataset not in flags
    if not ({MaskFlags.all_valid, MaskFlags.alpha} & set(flags) or of_values):
        return Validity(mask=True)
    if alpha := alpha_band(dataset):
        return Validity(alpha=alpha)
    return Validity(nodata=nodata_values(dataset, bands, transparent_entries(dataset, bands)))


def alpha_band(dataset: Any) -> int | None:
    """Return the band whose colour interpretation is alpha, counted from 1, if any."""
    found = [i + 1 for i, colour in enumerate(dataset.colorinterp) if colour == ColorInterp.alpha]
    return found[0] if found else None


def transparent_entries(dataset: Any, bands: Sequence[int]) -> list[float]:
    """Return the numbers of a palette's transparent colours, unless all of them are."""
    if dataset.colorinterp[bands[0] - 1] != ColorInterp.palette:
        return []
    try:
        colours = dataset.colormap(bands[0])
    except ValueError:  # none in the file
        return []
    clear = [float(number) for number, colour in colours.items() if colour[3] == 0]
    return clear if len(clear) < len(colours) else []


def nodata_values(
    dataset: Any, bands: Sequence[int], more: Iterable[float] = ()
) -> tuple[float, ...]:
    """Return the nodata values of bands, with ``more``, that their type can hold."""
    own = [dataset.nodatavals[band - 1] for band in bands]
    wanted = [value for value in (*own, *more) if value is not None]
    dtype = np.dtype(dataset.dtypes[bands[0] - 1])
    return tuple(dict.fromkeys(value for value in wanted if can_hold(dtype, value)))


def can_hold(dtype: np.dtype[Any], value: float) -> bool:
    """Tell whether a type can hold a nodata value; one that is not finite is never data anyway."""
    if not np.isfinite(value):
        return False
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max and value == int(value))


@dataclass(frozen=True)
class RasterReader:
    """Reads the bands of a raster that are shown, and which of their pixels hold data.

    Attributes:
        dataset: an open rasterio dataset.
        bands: counted from 1.
        validity: the rule.
    """

    dataset: Any
    bands: Sequence[int]
    validity: Validity = field(default_factory=Validity)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the bands' values."""
        dtype: np.dtype[Any] = np.dtype(self.dataset.dtypes[self.bands[0] - 1])
        return dtype

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the raster."""
        return self.dataset.height, self.dataset.width

    def all_valid(self) -> bool:
        """Tell whether every pixel holds data, without reading one."""
        return not (self.validity.mask or self.validity.alpha or self._needs_values())

    def _needs_values(self) -> bool:
        own = self.validity
        return bool(own.nodata) or own.collar is not None or self.dtype.kind == "f"

    def read(self, window: Window, shape: tuple[int, int] | None = None) -> tuple[Values, Mask]:
        """Read a window inside the raster.

        Args:
            window: in pixels.
            shape: rows and columns to read it as, of the nearest pixels; by default its own.

        Returns:
            values ``[bands, height, width]`` and validity ``[height, width]``.
        """
        shape = shape or (int(window.height), int(window.width))
        parts = list(pieces(self.dataset, window, shape))
        if len(parts) == 1:
            return self._read(window, shape)
        values: Values = np.empty((len(self.bands), *shape), dtype=self.dtype)
        valid = np.empty(shape, dtype=np.bool_)
        for rows, columns, part in parts:
            size = (rows.stop - rows.start, columns.stop - columns.start)
            values[:, rows, columns], valid[rows, columns] = self._read(part, size)
        return values, valid

    def _read(self, window: Window, shape: tuple[int, int]) -> tuple[Values, Mask]:
        alpha = self.validity.alpha
        wanted = [*self.bands, alpha] if alpha else list(self.bands)
        values = self.dataset.read(wanted, window=window, out_shape=(len(wanted), *shape))
        valid = self._masked(window, shape)
        if alpha:
            valid &= is_opaque(values[-1])
            values = values[:-1]
        valid &= _holds_data(values, self.validity)
        if self.validity.collar is not None:
            cells = _collar_cells(self.validity.collar, window, self.size, shape)
            valid &= ~(is_pure(values) & cells)
        return values, valid

    def read_validity(self, window: Window, shape: tuple[int, int]) -> Mask:
        """Read which pixels of a window hold data, and no more than is needed to tell."""
        valid = np.empty(shape, dtype=np.bool_)
        for rows, columns, part in pieces(self.dataset, window, shape):
            size = (rows.stop - rows.start, columns.stop - columns.start)
            valid[rows, columns] = self._read_validity(part, size)
        return valid

    def _read_validity(self, window: Window, shape: tuple[int, int]) -> Mask:
        if self._needs_values():
            return self._read(window, shape)[1]
        valid = self._masked(window, shape)
        if alpha := self.validity.alpha:
            valid &= is_opaque(self.dataset.read(alpha, window=window, out_shape=shape))
        return valid

    def _masked(self, window: Window, shape: tuple[int, int]) -> Mask:
        if not self.validity.mask:
            return np.ones(shape, dtype=np.bool_)
        read = self.dataset.read_masks(self.bands[0], window=window, out_shape=shape)
        return np.asarray(read > 0)

    def preview(self, pixels: int = 1024) -> tuple[Values, Mask]:
        """Read the whole raster reduced to at most ``pixels`` a side, of the nearest pixels."""
        height, width = self.size
        shrink = max(1.0, max(width, height) / pixels)
        shape = (max(1, int(height / shrink)), max(1, int(width / shrink)))
        return self.read(Window(0, 0, width, height), shape)

    def scattered(self) -> Values:
        """Read 8 x 8 windows of at most 64 x 64 pixels, evenly spread: values ``[bands, n]``."""
        height, width = self.size
        found = []
        for i, j in np.ndindex(8, 8):
            left, right = width * i // 8, width * (i + 1) // 8
            top, bottom = height * j // 8, height * (j + 1) // 8
            window = Window(left, top, min(64, right - left), min(64, bottom - top))
            if window.width and window.height:
                read = self.dataset.read(list(self.bands), window=window)
                found.append(read.reshape(len(self.bands), -1))
        return np.concatenate(found, axis=1)


def is_opaque(alpha: Values) -> Mask:
    """Tell which pixels an alpha band shows: any but 0, as 16-bit ones may be signed."""
    return np.asarray((alpha != 0) & np.isfinite(alpha))


def _holds_data(values: Values, validity: Validity) -> Mask:
    valid = np.ones(values.shape[1:], dtype=np.bool_)
    if values.dtype.kind == "f":
        valid &= np.isfinite(values).all(axis=0)
    for value in validity.nodata:
        valid &= ~_equal(values, value).all(axis=0)
    return valid


def _equal(values: Values, nodata: float) -> Mask:
    """Compare with a nodata value in the values' own type."""
    dtype: np.dtype[Any] = values.dtype
    if dtype.kind != "f":
        return np.asarray(values == dtype.type(nodata))
    limit = float(np.finfo(dtype).max)
    own = min(max(nodata, -limit), limit)
    if abs(nodata) >= _HUGE:
        return np.asarray(values >= 0.99 * own if own > 0 else values <= 0.99 * own)
    return np.asarray(values == dtype.type(own))


def is_pure(values: Values) -> Mask:
    """Tell which pixels are black, all 0, or white, all at their type's maximum."""
    dtype: np.dtype[Any] = values.dtype
    top = 1.0 if dtype.kind == "f" else np.iinfo(dtype).max
    return np.asarray((values == 0).all(axis=0) | (values == top).all(axis=0))


def with_collar(validity: Validity, values: Values) -> Validity:
    """Add the collar of pure black or white that reaches in from the edges of a raster.

    Args:
        validity: the rule without it.
        values: the whole raster, reduced, ``[bands, height, width]``.
    """
    import cv2

    pure = is_pure(values).astype(np.uint8)
    _, numbers = cv2.connectedComponents(pure, connectivity=8)
    edges = (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1])
    outer = np.unique(np.concatenate(edges))
    collar = np.isin(numbers, outer[outer > 0]).astype(np.uint8)
    rows = np.arange(collar.shape[0]) * COLLAR_CELLS // collar.shape[0]
    columns = np.arange(collar.shape[1]) * COLLAR_CELLS // collar.shape[1]
    cells = np.zeros((COLLAR_CELLS, COLLAR_CELLS), dtype=np.uint8)
    np.maximum.at(cells, (rows[:, None], columns[None, :]), collar)
    if not cells.any():
        return validity
    wider = cv2.dilate(cells, np.ones((3, 3), dtype=np.uint8))
    return replace(validity, collar=np.packbits(wider).tobytes())


def _collar_cells(
    collar: bytes, window: Window, size: tuple[int, int], shape: tuple[int, int]
) -> Mask:
    cells = np.unpackbits(np.frombuffer(collar, dtype=np.uint8)).reshape(COLLAR_CELLS, COLLAR_CELLS)
    rows = (window.row_off + (np.arange(shape[0]) + 0.5) * window.height / shape[0]) / size[0]
    columns = (window.col_off + (np.arange(shape[1]) + 0.5) * window.width / shape[1]) / size[1]
    row, column = (np.asarray(part * COLLAR_CELLS).astype(np.int64) for part in (rows, columns))
    last = COLLAR_CELLS - 1
    picked = cells[np.minimum(row, last)[:, None], np.minimum(column, last)[None, :]]
    return np.asarray(picked > 0)
