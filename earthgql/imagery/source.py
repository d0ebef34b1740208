"""Where the pixels of a tile come from; what reads them is in ``imagery/reading.py``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from earthgql.imagery.grid import TileIndex

Pixels = npt.NDArray[np.uint8]
"""``uint8 [256, 256, 3]``: rows from the north, channels red, green, blue."""


class MaskedPixels(NamedTuple):
    """Pixels, and which of them hold data.

    Attributes:
        pixels: of a tile; those without data are 0.
        valid: ``bool [256, 256]``; None: all of them.
    """

    pixels: Pixels
    valid: npt.NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class TileSource:
    """Where the pixels of one tile come from.

    Attributes:
        kind: "raster", "pyramid" or "mbtiles".
        uri: the raster or MBTiles file, or the pyramid's folder; absolute.
        root: the folder registered at ingest; nothing outside it is opened.
        path: the picture below ``uri``, for pyramids.
        index: the tile.
        rendering: how pixels are made, as stored with the scene: bands, stretch and palette of a
            raster; of pictures of several tiles each, ``tiles_across``; of MBTiles whose rows
            count from the north, ``scheme`` "xyz".
        fingerprint: of the file or picture when it was ingested; it changes with the pixels.
    """

    kind: str
    uri: str
    root: str
    path: str | None
    index: TileIndex
    rendering: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None


class PlacedTile(NamedTuple):
    """A tile of a scene, and the cell of the grid that it is drawn over.

    Attributes:
        source: of the tile; of a raster, the map's tile itself.
        cell: the tile's own, or one around it, if the tile stands for all tiles there.
    """

    source: TileSource
    cell: TileIndex
