"""MBTiles files as sources: one file is one scene."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from earthgql.errors import IngestError
from earthgql.imagery import mbtiles
from earthgql.imagery.guard import resolve_below
from earthgql.ingest.scene_source import (
    CHUNK,
    SceneMetadata,
    TileChunk,
    file_fingerprint,
    parse_date,
)

_PICTURE_FORMATS = ("png", "jpg", "jpeg", "webp", "image/png", "image/jpeg", "image/webp")


@dataclass(frozen=True)
class MBTilesSource:
    """An MBTiles file to ingest; implements ``SceneSource``."""

    name: str
    uri: str
    root: str
    about: SceneMetadata
    sha256: bool = False
    kind = "mbtiles"

    def fingerprint(self) -> str:
        """Return size and mtime (or SHA-256) of the file."""
        return self._fingerprint

    def user_metadata(self) -> SceneMetadata:
        """Return the date and attribution that the user chose."""
        return self.about

    @cached_property
    def _fingerprint(self) -> str:
        return file_fingerprint(resolve_below(self.root, self.uri), sha256=self.sha256)

    def metadata(self) -> SceneMetadata:
        """Return date and attribution, those of the file's metadata where the user chose none.

        Raises:
            IngestError: if its tiles are not pictures.
        """
        metadata = mbtiles.metadata(self.root, self.uri)
        kind = metadata.get("format", "png").lower()
        if kind not in _PICTURE_FORMATS:
            raise IngestError(f"{self.uri}: its tiles are {kind!r}, not pictures")
        acquired_at = self.about.acquired_at
        if acquired_at is None and metadata.get("acquired_at"):
            acquired_at = parse_date(metadata["acquired_at"])
        attribution = self.about.attribution or metadata.get("attribution") or None
        return SceneMetadata(acquired_at=acquired_at, attribution=attribution)

    def notes(self) -> Sequence[str]:
        """Return what was decided for the user: nothing."""
        return ()

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles."""
        for tiles in mbtiles.tiles(self.root, self.uri, chunk=CHUNK):
            zoom, x, y = np.array(tiles, dtype=np.int64).T
            yield TileChunk(zoom, x, y, candidates=len(tiles))
