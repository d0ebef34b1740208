"""MBTiles files as sources: one file is one scene."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from earthgql.errors import IngestError
from earthgql.imagery import mbtiles
from earthgql.imagery.guard import public_name, resolve_below
from earthgql.ingest.mbtiles_scheme import choose_scheme
from earthgql.ingest.picture_list import check_index
from earthgql.ingest.picture_sample import LISTED, SampleResult, look_at, spread
from earthgql.ingest.pyramid_source import tiles_of_pictures
from earthgql.ingest.scene_source import (
    CHUNK,
    SceneMetadata,
    TileChunk,
    file_fingerprint,
    parse_date,
    with_options,
)

_VECTOR_FORMATS = ("pbf", "mvt", "application/x-protobuf", "application/vnd.mapbox-vector-tile")
# Below this, reading the whole table for each tile takes no longer than decoding it.
_UNINDEXED_BYTES = 4 << 20


@dataclass(frozen=True)
class MBTilesSource:
    """An MBTiles file to ingest; implements ``SceneSource``.

    Attributes:
        name: of the scene.
        uri: the file, absolute.
        root: the folder outside which nothing is opened.
        about: date and attribution that the user chose.
        sha256: tell changes by content.
        chosen_scheme: "tms" (rows count from the south, the standard), "xyz" (from the north), or
            None: as the file says.
        tile_size: pixels a side that make one tile, if the user chose it.
    """

    name: str
    uri: str
    root: str
    about: SceneMetadata
    sha256: bool = False
    chosen_scheme: str | None = None
    tile_size: int | None = None
    kind = "mbtiles"
    _notes: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def fingerprint(self) -> str:
        """Return size and mtime (and SHA-256) of the file, and what makes its tiles others."""
        fingerprint = self._file_fingerprint
        return with_options(fingerprint, self._rendering) if self._rendering else fingerprint

    def user_metadata(self) -> SceneMetadata:
        """Return the date and attribution that the user chose."""
        return self.about

    def metadata(self) -> SceneMetadata:
        """Return date and attribution, those of the file's metadata where the user chose none.

        Raises:
            IngestError: if its tiles are not pictures.
        """
        self._notes.clear()
        attribution = self.about.attribution or self._metadata.get("attribution")
        return SceneMetadata(
            acquired_at=self.about.acquired_at or self._date(),
            attribution=attribution,
            rendering=self._rendering,
        )

    def notes(self) -> Sequence[str]:
        """Return what was decided about scheme and size, and found in the file."""
        known = self.__dict__
        scheme = self._scheme[1] if "_scheme" in known else ()
        sample = self._sample.notes if "_sample" in known else ()
        return (*scheme, *sample, *self._notes)

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles; what is in the file twice is listed once, and counted.

        Raises:
            IngestError: if a tile is outside the grid.
        """
        across, scheme = self._sample.tiles_across, self._scheme[0]
        last, repeated = np.full((1, 3), -1), 0
        for found in mbtiles.indexes(self.root, self.uri, chunk=max(1, CHUNK // across**2)):
            self._check_in_grid(found)
            listed = np.array(found, dtype=np.int64)
            new = (np.diff(listed, axis=0, prepend=last) != 0).any(axis=1)
            last, repeated = listed[-1:], repeated + int((~new).sum())
            zoom, x, y = listed[new].T
            if scheme == "tms":
                y = (np.int64(1) << zoom) - 1 - y
            if len(zoom):
                tiles = TileChunk(zoom, x, y, candidates=len(zoom))
                yield tiles_of_pictures(tiles, across)
        self._note_missing_index()
        if repeated:
            self._notes.append(
                f"warning: {repeated:,} rows are of tiles that have one already, the first is taken"
            )

    def _note_missing_index(self) -> None:
        size = mbtiles.size_bytes(self.root, self.uri)
        if size > _UNINDEXED_BYTES and not mbtiles.is_indexed(self.root, self.uri):
            self._notes.append(
                "warning: it lacks an index, each tile is looked for in all of the file; an index "
                "on (zoom_level, tile_column, tile_row) of the table its tiles come from helps"
            )

    @cached_property
    def _file_fingerprint(self) -> str:
        return file_fingerprint(resolve_below(self.root, self.uri), sha256=self.sha256)

    @property
    def _file_name(self) -> str:
        return public_name(self.root, self.uri)

    @cached_property
    def _metadata(self) -> dict[str, str]:
        metadata = mbtiles.metadata(self.root, self.uri)
        kind = metadata.get("format", "")
        if kind.lower() in _VECTOR_FORMATS:
            raise IngestError(f"{self._file_name}: its tiles are {kind!r} (vectors), not pictures")
        return metadata

    @cached_property
    def _scheme(self) -> tuple[str, Sequence[str]]:
        rows = mbtiles.rows_of_last_zoom(self.root, self.uri)
        return choose_scheme(self.chosen_scheme, self._metadata, rows)

    @cached_property
    def _sample(self) -> SampleResult:
        self._metadata  # noqa: B018
        found = mbtiles.first_indexes(self.root, self.uri, LISTED)
        chosen = [found[i] for i in spread(len(found))]
        samples = ((f"{self._file_name} {index}", self._reader(index)) for index in chosen)
        return look_at(samples, self.tile_size)

    def _reader(self, index: mbtiles.StoredIndex) -> Callable[[], bytes]:
        return lambda: mbtiles.read_blob(self.root, self.uri, index)

    @property
    def _rendering(self) -> dict[str, Any]:
        """What reading a tile needs to know; empty for tiles of 256 pixels, rows from the south."""
        rendering: dict[str, Any] = {}
        if self._sample.tiles_across > 1:
            rendering["tiles_across"] = self._sample.tiles_across
        if self._scheme[0] == "xyz":
            rendering["scheme"] = "xyz"
        return rendering

    def _date(self) -> datetime | None:
        text = self._metadata.get("acquired_at")
        if text is None:
            return None
        try:
            return parse_date(text)
        except IngestError as error:
            self._notes.append(f"warning: acquired_at in its metadata is passed over: {error}")
            return None

    def _check_in_grid(self, found: list[mbtiles.StoredIndex]) -> None:
        for index in found:
            if check_index(*index):
                raise IngestError(f"{self._file_name}: {index} is not in the grid")
