"""Pixels of a tile, whatever it comes from: a raster, a pyramid of pictures, or MBTiles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TileIndex

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TileSource:
    """Where the pixels of one tile come from.

    Attributes:
        kind: "raster", "pyramid" or "mbtiles".
        uri: the raster or MBTiles file, or the pyramid's folder; absolute.
        root: the folder registered at ingest; nothing outside it is opened.
        path: the picture below ``uri``, for pyramids.
        index: the tile.
        rendering: how pixels are made of the source (bands, stretch), as stored with the scene.
        fingerprint: what the source was like when ingested.
    """

    kind: str
    uri: str
    root: str
    path: str | None
    index: TileIndex
    rendering: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None


def read(source: TileSource) -> Pixels:
    """Return the pixels of a tile, ``uint8 [256, 256, 3]`` RGB, north up; invalid ones are 0.

    Raises:
        ImageUnreadableError: if the picture is missing, damaged, too large, outside the root
            registered at ingest, or of a format not allowed.
    """
    if source.kind == "raster":
        from earthgql.imagery import raster

        return raster.read_tile(source.root, source.uri, source.index, source.rendering)
    if source.kind == "pyramid":
        from earthgql.imagery import pictures

        return pictures.read_file(source.root, source.uri, source.path)
    if source.kind == "mbtiles":
        from earthgql.imagery import mbtiles

        return mbtiles.read_tile(source.root, source.uri, source.index)
    raise ImageUnreadableError(f"tiles of kind {source.kind!r} cannot be read")
