"""How the pixels of a raster's tiles are made: bands, validity and stretch, decided at ingest."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from earthgql.errors import IngestError, NoTilesError
from earthgql.imagery.raster.colours import (
    Bands,
    band_name,
    default_bands,
    default_limits,
    is_infrared,
    percentile_limits,
)
from earthgql.imagery.raster.validity import (
    RasterReader,
    Validity,
    can_hold,
    declared_validity,
    nodata_values,
    with_collar,
)
from earthgql.ingest.raster.options import RasterOptions, Stretch

_PERCENTILES = (2.0, 98.0)


@dataclass
class Rendering:
    """What is stored with a scene as ``rendering``, and why.

    Attributes:
        bands: those shown.
        validity: which pixels hold data.
        limits: of the stretch, per band; None: values as they are.
        stretch: where the limits come from, in words.
        notes: what was decided for the user and is worth a line.
        georeference: ``crs``, ``transform`` and ``rpc_height``, where the file has none.
    """

    bands: Bands
    validity: Validity
    limits: list[list[float]] | None = None
    stretch: str = "none"
    notes: list[str] = field(default_factory=list)
    georeference: dict[str, Any] = field(default_factory=dict)

    def why_empty(self) -> str:
        """Return what tells that there is no data and how to overrule it, to end a message."""
        if self.validity.mask or self.validity.alpha:
            return f", by {self.validity}; --alpha none takes no notice of alpha and masks"
        if self.validity.nodata:
            return f", by {self.validity}; --nodata none takes all values as data"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is stored; see ``read_raster_tile``."""
        kept: dict[str, Any] = {
            "bands": list(self.bands.indexes),
            "stretch": self.limits,
            "validity": self.validity.to_json(),
            **self.georeference,
        }
        if self.bands.palette:
            kept["palette"] = True
        if self.bands.space:
            kept["space"] = self.bands.space
        return kept


def choose_rendering(dataset: Any, options: RasterOptions, name: str) -> Rendering:
    """Decide bands, validity and stretch of a raster.

    Args:
        dataset: an open rasterio dataset.
        options: the user's choices, which come first.
        name: of the raster, for messages.

    Raises:
        IngestError: if an option does not fit the raster, or it has no valid pixel.
    """
    bands = _chosen_bands(dataset, options, name)
    rendering = Rendering(bands, Validity())
    rendering.validity = _validity(dataset, options, name, rendering)
    _note_bands(dataset, options, rendering)
    if options.trim_collar:
        values, _ = RasterReader(dataset, bands.indexes, rendering.validity).preview()
        rendering.validity = with_collar(rendering.validity, values)
        found = rendering.validity.collar is not None
        what = "counts as no data" if found else "was not found"
        rendering.notes.append(f"a collar of pure black or white at the edges {what}")
    if not bands.palette:
        _choose_stretch(dataset, options, name, rendering)
    return rendering


def _chosen_bands(dataset: Any, options: RasterOptions, name: str) -> Bands:
    if not options.bands:
        return default_bands(dataset, name, options.alpha)
    if len(options.bands) not in (1, 3) or not all(1 <= b <= dataset.count for b in options.bands):
        raise IngestError(f"{name}: --bands takes one or three of 1..{dataset.count}")
    return Bands(tuple(options.bands), "--bands")


def _note_bands(dataset: Any, options: RasterOptions, rendering: Rendering) -> None:
    bands = rendering.bands
    shown = ", ".join(map(str, bands.indexes))
    hidden = 1 if rendering.validity.alpha else 0
    if options.bands or bands.reason in ("its palette", "the only one"):
        return
    if bands.reason == "their names":
        names = ", ".join(band_name(dataset, band) for band in bands.indexes)
        rendering.notes.append(f"bands {shown} are red, green and blue by their names ({names})")
    elif bands.reason.startswith("a palette"):
        rendering.notes.append("a palette without a colour map: its values are shown as grey")
    elif bands.space or (bands.reason.startswith("the first") and dataset.count - hidden > 3):
        rendering.notes.append(
            f"bands {shown} of {dataset.count} are shown ({bands.reason}); --bands chooses others"
        )
    elif bands.reason == "the first":
        rendering.notes.append(f"band 1 of {dataset.count} is shown as grey; --bands takes others")


def _validity(dataset: Any, options: RasterOptions, name: str, rendering: Rendering) -> Validity:
    """Return which pixels hold data, by the options, else by the header and what alpha holds."""
    bands = rendering.bands.indexes
    found = _by_alpha_option(dataset, options, name, bands)
    if found is None:
        found = _declared(dataset, bands, rendering.notes)
    if options.nodata is None:
        return found
    dtype = np.dtype(dataset.dtypes[bands[0] - 1])
    finite = [value for value in options.nodata if np.isfinite(value)]
    for value in finite:
        if not can_hold(dtype, value):
            raise IngestError(f"{name}: --nodata {value:g} is no {dtype}, which its values are")
    return replace(found, nodata=tuple(finite))


def _by_alpha_option(
    dataset: Any, options: RasterOptions, name: str, bands: Sequence[int]
) -> Validity | None:
    if options.alpha is None:
        return None
    if options.alpha > dataset.count:
        raise IngestError(f"{name}: --alpha takes none or one of 1..{dataset.count}")
    if options.alpha:
        return Validity(alpha=options.alpha)
    return Validity(nodata=nodata_values(dataset, bands))


def _declared(dataset: Any, bands: Sequence[int], notes: list[str]) -> Validity:
    """Return what the header says, unless its alpha band plainly holds data."""
    found = declared_validity(dataset, bands)
    nodata = [value for value in dataset.nodatavals if value is not None]
    held = nodata_values(dataset, bands)
    if nodata and not held and np.isfinite(nodata[0]):
        notes.append(f"nodata {nodata[0]:g} is no {dataset.dtypes[0]}: no pixel has it")
    elif held and (found.mask or found.alpha):
        notes.append(f"{found} tells which pixels hold data, not nodata {held[0]:g}")
    if not found.alpha:
        return found
    if found.alpha in bands:
        reason = "it is shown"
    elif is_infrared(band_name(dataset, found.alpha)):
        reason = "its name says infrared"
    elif _holds_measurements(dataset, bands, found.alpha):
        reason = "its values are spread, and pixels where it is 0 have colours"
    else:
        return found
    notes.append(
        f"band {found.alpha} is flagged as alpha but taken as data: {reason}; "
        f"--alpha {found.alpha} uses it as alpha"
    )
    if not held and _has_black_collar(dataset, [*bands, found.alpha]):
        notes.append(
            "pixels that are 0 in all bands hold no data; --nodata none takes them as data"
        )
        held = (0.0,)
    return Validity(nodata=held)


def _has_black_collar(dataset: Any, bands: Sequence[int]) -> bool:
    """Tell whether a hundredth of a raster's pixels are 0 in all bands, which alpha would hide."""
    values = RasterReader(dataset, list(dict.fromkeys(bands))).scattered()
    return bool((values == 0).all(axis=0).mean() > 0.01)


def _holds_measurements(dataset: Any, bands: Sequence[int], alpha: int) -> bool:
    """Tell whether a band flagged as alpha holds something measured, such as near infrared.

    An alpha band is 0 or its maximum nearly everywhere, and where it is 0 there is no picture:
    it hides no fiftieth of the pixels with colours (water), however wide a black collar is.
    """
    shown = [band for band in bands if band != alpha]
    values = RasterReader(dataset, [*shown, alpha]).scattered()
    flags, colours = values[-1], values[:-1]
    counts = np.unique(flags[flags != 0], return_counts=True)[1]
    if counts.size < 16 or counts.max() > counts.sum() / 2:
        return False
    hidden = flags == 0
    if not hidden.any() or not len(colours):
        return True
    top = np.iinfo(flags.dtype).max if flags.dtype.kind in "iu" else 1
    blank = (colours == 0).all(axis=0) | (colours == top).all(axis=0)
    for value in nodata_values(dataset, shown):
        blank |= (colours == flags.dtype.type(value)).all(axis=0)
    return bool((hidden & ~blank).sum() > (~blank).sum() / 50)


def _choose_stretch(dataset: Any, options: RasterOptions, name: str, rendering: Rendering) -> None:
    bands, stretch = rendering.bands.indexes, options.stretch
    if stretch and stretch.limits:
        limits = [list(pair) for pair in stretch.limits]
        limits = limits * len(bands) if len(limits) == 1 else limits
        if len(limits) != len(bands):
            raise IngestError(f"{name}: --stretch takes one pair or {len(bands)}")
        rendering.limits, rendering.stretch = limits, "--stretch"
        return
    own = [default_limits(dataset, band) for band in bands]
    if stretch is None and all(own) and dataset.dtypes[bands[0] - 1] == "uint8":
        rendering.limits = [limits for limits in own if limits]
        rendering.stretch = "the range of its bits"
    elif stretch or (
        any(dataset.dtypes[band - 1] != "uint8" for band in bands) and not rendering.bands.space
    ):
        low, high = (stretch or Stretch(_PERCENTILES)).percentiles or _PERCENTILES
        rendering.limits = _percentiles(dataset, (low, high), rendering, name)
        rendering.stretch = f"percentiles {low:g} and {high:g}"
        if own[0] and own[0][0] > own[0][1]:  # white comes first
            rendering.limits = [[top, bottom] for bottom, top in rendering.limits]


def _percentiles(
    dataset: Any, percentiles: tuple[float, float], rendering: Rendering, name: str
) -> list[list[float]]:
    values, valid = RasterReader(dataset, rendering.bands.indexes, rendering.validity).preview()
    if not valid.any():
        raise NoTilesError(f"{name} has no pixel that holds data{rendering.why_empty()}")
    return percentile_limits(values, valid, *percentiles)
