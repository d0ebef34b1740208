"""What a user may choose for a raster, and how it is written on the command line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from earthgql.errors import IngestError

DEFAULT_MIN_VALID = 0.5
Limits = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """How values become 0..255: by percentiles of the whole raster, or between given limits.

    Attributes:
        percentiles: low and high, 0..100.
        limits: low and high for all bands, or one pair per band.
    """

    percentiles: tuple[float, float] | None = None
    limits: Limits = ()


@dataclass(frozen=True)
class RasterOptions:
    """The user's choices for a raster; None: as the raster suggests.

    Attributes:
        zoom: of the tiles.
        min_valid: least share of valid pixels of a tile, 0..1.
        bands: one or three, counted from 1.
        stretch: values to 0..255.
        alpha: the band that tells which pixels hold data; 0: none, nor a mask.
        nodata: values without data; empty: none.
        trim_collar: whether pure black and white at the edges is no data.
        crs: in place of the file's own.
        rpc_height: metres above the ellipsoid at which RPCs are used.
        acquired_at: time of acquisition.
        acquired_from_name: whether the date is taken from the file's name.
        acquired_pattern: how it is written there, with %Y, %m and so on.
        attribution: whom to credit.
        sha256: whether changes are told by content.
    """

    zoom: int | None = None
    min_valid: float | None = None
    bands: tuple[int, ...] | None = None
    stretch: Stretch | None = None
    alpha: int | None = None
    nodata: tuple[float, ...] | None = None
    trim_collar: bool = False
    crs: str | None = None
    rpc_height: float | None = None
    acquired_at: datetime | None = None
    acquired_from_name: bool = False
    acquired_pattern: str | None = None
    attribution: str | None = None
    sha256: bool = False

    def tile_options(self) -> dict[str, Any]:
        """Return the options that decide which tiles a file has, and their pixels."""
        stretch = self.stretch and [self.stretch.percentiles, self.stretch.limits]
        # Those added later count only where they are used: scenes ingested before stay as they are.
        later = {
            "alpha": self.alpha,
            "nodata": self.nodata,
            "trim_collar": self.trim_collar or None,
            "crs": self.crs,
            "rpc_height": self.rpc_height,
        }
        return {
            "zoom": self.zoom,
            "min_valid": DEFAULT_MIN_VALID if self.min_valid is None else self.min_valid,
            "bands": self.bands,
            "stretch": stretch,
            **{name: value for name, value in later.items() if value is not None},
        }


def parse_stretch(value: str) -> Stretch:
    """Parse ``2,98`` (percentiles), ``0:3000`` or ``0:3000,0:2500,0:2000`` (limits).

    Raises:
        IngestError: if it is none of these, or a low is not below its high.
    """
    try:
        if ":" in value:
            pairs = [tuple(map(float, part.split(":"))) for part in value.split(",")]
            limits = tuple((low, high) for low, high in pairs)
            stretch = Stretch(limits=limits)
            ordered = all(np.isfinite(pair).all() and pair[0] < pair[1] for pair in limits)
        else:
            low, high = map(float, value.split(","))
            stretch = Stretch(percentiles=(low, high))
            ordered = 0 <= low < high <= 100
    except ValueError:
        ordered = False
    if not ordered:
        raise IngestError(
            f"--stretch {value!r}: give two percentiles (2,98) or limits (0:3000, or one per band: "
            "0:3000,0:2500,0:2000), each low below its high"
        )
    return stretch


def parse_nodata(value: str) -> tuple[float, ...]:
    """Parse ``0``, ``0,255`` or ``none``.

    Raises:
        IngestError: if it is none of these.
    """
    if value.strip().lower() == "none":
        return ()
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise IngestError(f"--nodata {value!r}: give numbers (0 or 0,255) or none") from None


def parse_alpha(value: str) -> int:
    """Parse the number of a band, or ``none``, which is 0.

    Raises:
        IngestError: if it is neither.
    """
    if value.strip().lower() == "none":
        return 0
    if not value.isdecimal() or int(value) < 1:
        raise IngestError(f"--alpha {value!r}: give the number of a band, or none")
    return int(value)
