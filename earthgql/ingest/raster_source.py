"""Rasters (GeoTIFF, COG, JPEG 2000) as sources: one raster is one scene of one zoom."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp

from earthgql.errors import IngestError
from earthgql.imagery.grid import MAX_ZOOM
from earthgql.imagery.guard import open_raster, public_name, resolve_below
from earthgql.imagery.raster import check_decodable
from earthgql.imagery.raster_coverage import count_candidate_tiles, valid_tiles
from earthgql.imagery.raster_metadata import (
    acquisition_time,
    band_percentiles,
    check_blocks,
    default_bands,
    geographic_bounds,
    native_zoom,
)
from earthgql.ingest.scene_source import SceneMetadata, TileChunk, file_fingerprint, with_options

RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".j2k")
DEFAULT_PERCENTILES = (2.0, 98.0)
Limits = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """How values are mapped to 0..255: between percentiles of the whole raster, or between limits.

    Attributes:
        percentiles: low and high, 0..100.
        limits: low and high for all bands, or one pair per band.
    """

    percentiles: tuple[float, float] | None = None
    limits: Limits = ()


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


@dataclass(frozen=True)
class RasterOptions:
    """The user's choices for a raster; None: as the raster suggests."""

    zoom: int | None = None
    min_valid: float = 0.5
    bands: tuple[int, ...] | None = None
    stretch: Stretch | None = None
    acquired_at: datetime | None = None
    attribution: str | None = None
    sha256: bool = False

    def tile_options(self) -> dict[str, Any]:
        """Return the options that decide which tiles a file has, and their pixels."""
        stretch = self.stretch and [self.stretch.percentiles, self.stretch.limits]
        return {
            "zoom": self.zoom,
            "min_valid": self.min_valid,
            "bands": self.bands,
            "stretch": stretch,
        }


@dataclass(frozen=True)
class RasterSource:
    """A raster to ingest; implements ``SceneSource``."""

    name: str
    uri: str
    root: str
    options: RasterOptions
    kind = "raster"

    def fingerprint(self) -> str:
        """Return size and mtime (or SHA-256) of the file, with the options."""
        return self._fingerprint

    def user_metadata(self) -> SceneMetadata:
        """Return the date and attribution that the user chose."""
        return SceneMetadata(self.options.acquired_at, self.options.attribution)

    @cached_property
    def _fingerprint(self) -> str:
        path = resolve_below(self.root, self.uri)
        fingerprint = file_fingerprint(path, sha256=self.options.sha256)
        return with_options(fingerprint, self.options.tile_options())

    @cached_property
    def _zoom(self) -> int:
        with open_raster(self.root, self.uri) as dataset:
            zoom = self.options.zoom
            zoom = native_zoom(dataset) if zoom is None else zoom
        if not 0 <= zoom <= MAX_ZOOM:
            raise IngestError(f"zoom must be between 0 and {MAX_ZOOM}, not {zoom}")
        return zoom

    def metadata(self) -> SceneMetadata:
        """Return date, attribution, bands, stretch, and the number of candidate tiles."""
        with open_raster(self.root, self.uri) as dataset:
            expected = count_candidate_tiles(geographic_bounds(dataset), self._zoom)
            check_decodable(dataset, self._zoom, public_name(self.root, self.uri))
            rendering = _rendering(dataset, self.options)
            check_blocks(dataset, rendering["bands"])
            return SceneMetadata(
                acquired_at=self.options.acquired_at or acquisition_time(dataset),
                attribution=self.options.attribution,
                rendering=rendering,
                expected=expected,
            )

    def notes(self) -> Sequence[str]:
        """Return what was decided for the user: nothing."""
        return ()

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles with enough valid pixels."""
        with open_raster(self.root, self.uri) as dataset:
            areas = geographic_bounds(dataset)
            found = valid_tiles(dataset, areas, self._zoom, self.options.min_valid)
            for x, y, candidates in found:
                zoom = np.full(len(x), self._zoom, dtype=np.int64)
                yield TileChunk(zoom, x, y, candidates=candidates)


def _rendering(dataset: Any, options: RasterOptions) -> dict[str, Any]:
    bands = list(options.bands or default_bands(dataset))
    if len(bands) not in (1, 3) or not all(1 <= band <= dataset.count for band in bands):
        raise IngestError(
            f"{Path(dataset.name).name}: --bands takes one or three of 1..{dataset.count}"
        )
    if options.bands is None and dataset.colorinterp[0] == ColorInterp.palette:
        return {"bands": [1], "stretch": None, "palette": True}
    stretch = options.stretch
    if stretch is None and any(dataset.dtypes[band - 1] != "uint8" for band in bands):
        stretch = Stretch(percentiles=DEFAULT_PERCENTILES)
    limits: list[list[float]] | None = None
    if stretch and stretch.percentiles:
        limits = band_percentiles(dataset, bands, *stretch.percentiles)
    elif stretch:
        limits = [list(pair) for pair in stretch.limits]
        limits = limits * len(bands) if len(limits) == 1 else limits
        if len(limits) != len(bands):
            raise IngestError(
                f"{Path(dataset.name).name}: --stretch takes one pair or {len(bands)}"
            )
    return {"bands": bands, "stretch": limits}


def raster_files(paths: list[str]) -> Iterator[tuple[str, Path, Path]]:
    """Yield name, file and root of the rasters below files and folders, sorted.

    The name of a single file is its stem, and its root its folder; the name of a file found in a
    folder is its path in there, and its root that folder.

    Raises:
        IngestError: if a folder cannot be listed.
    """
    for text in paths:
        path = Path(text)
        if path.is_dir():
            root = path.resolve()
            for file in sorted(_files_below(root)):
                if file.suffix.lower() in RASTER_SUFFIXES and not file.is_dir():
                    yield file.relative_to(root).with_suffix("").as_posix(), file, root
        else:
            real = path.resolve()
            yield path.stem, real, real.parent


def _files_below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise IngestError(f"{error.filename} cannot be listed: {error.strerror}") from None

    for parent, _, names in os.walk(folder, onerror=fail):
        yield from (Path(parent, name) for name in names)
