"""Rasters (GeoTIFF, COG, JPEG 2000) as sources: one raster is one scene of one zoom."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from earthgql.errors import IngestError, NoTilesError
from earthgql.imagery.grid import MAX_ZOOM
from earthgql.imagery.guard import open_raster, public_name, resolve_below
from earthgql.imagery.raster.coverage import count_candidate_tiles, valid_shares
from earthgql.imagery.raster.dates import (
    acquisition_time,
    date_in_name,
    is_time_of_writing,
    name_pattern,
)
from earthgql.imagery.raster.georeference import Georeference, georeference, is_placing
from earthgql.imagery.raster.metadata import (
    check_blocks,
    check_zoom_decodable,
    geographic_bounds,
    native_zoom,
)
from earthgql.imagery.raster.validity import RasterReader
from earthgql.imagery.raster.world_file import read_world_file
from earthgql.ingest.raster.options import DEFAULT_MIN_VALID, RasterOptions
from earthgql.ingest.raster.rendering import Rendering, choose_rendering
from earthgql.ingest.scene_source import (
    SceneMetadata,
    TileChunk,
    file_fingerprint,
    with_options,
)

_SMALL_SCENE_TILES = 2.0
_LEAST_SHARE = 0.05


@dataclass
class Shares:
    """Counts of a scene's tiles by their share of valid pixels.

    Attributes:
        best: the largest share.
        total: of all shares, the scene's size in tiles.
        taken: tiles with enough.
        any: tiles with some.
        minimum: the share that was enough.
    """

    best: float = 0.0
    total: float = 0.0
    taken: int = 0
    any: int = 0
    minimum: float = DEFAULT_MIN_VALID


@dataclass(frozen=True)
class Plan:
    """What was decided of a raster before its tiles are listed.

    Attributes:
        place: its georeference.
        rendering: bands, validity and stretch.
        zoom: of its tiles.
        zoom_reason: in words.
        acquired_at: when it was taken, if known.
        date_reason: where that comes from.
        expected: tiles to be checked.
    """

    place: Georeference
    rendering: Rendering
    zoom: int
    zoom_reason: str
    acquired_at: datetime | None
    date_reason: str
    expected: int


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

    def notes(self) -> list[str]:
        """Return what was decided for the user, a line each, once the tiles were listed."""
        return self._notes

    @cached_property
    def _notes(self) -> list[str]:
        return []

    @cached_property
    def _fingerprint(self) -> str:
        path = resolve_below(self.root, self.uri)
        fingerprint = file_fingerprint(path, sha256=self.options.sha256)
        return with_options(fingerprint, self.options.tile_options())

    @cached_property
    def public_name(self) -> str:
        """The file's path below its root, as messages name it."""
        return public_name(self.root, self.uri)

    @cached_property
    def shares(self) -> Shares:
        """How many tiles have how much, once they were listed."""
        return Shares()

    @cached_property
    def plan(self) -> Plan:
        """What is decided before tiles are listed."""
        name = self.public_name
        with open_raster(self.root, self.uri) as dataset:
            placing = self._placing(dataset)
            place = georeference(dataset, placing, name)
            self._note_place(dataset, place, placing)
            areas = geographic_bounds(place, name)
            zoom, zoom_reason = self._zoom(place)
            expected = count_candidate_tiles(areas, zoom)
            check_zoom_decodable(dataset, place, zoom, name)
            rendering = choose_rendering(dataset, self.options, name)
            rendering.georeference = placing
            self._notes.extend(rendering.notes)
            acquired_at, date_reason = self._date(dataset)
            return Plan(place, rendering, zoom, zoom_reason, acquired_at, date_reason, expected)

    def _placing(self, dataset: Any) -> dict[str, Any]:
        """Return what ``georeference`` needs to know besides the file."""
        placing: dict[str, Any] = {}
        if self.options.crs:
            placing["crs"] = self.options.crs
        if not is_placing(dataset.transform) and not dataset.gcps[0]:
            if world := read_world_file(self.root, self.uri):
                placing["transform"] = list(world.transform)[:6]
                if dataset.crs is None and world.crs and "crs" not in placing:
                    placing["crs"] = world.crs
                self._notes.append(f"its place is read from {world.name}")
            elif dataset.rpcs is not None:
                placing["rpc_height"] = self.options.rpc_height or 0.0
        return placing

    def _note_place(self, dataset: Any, place: Georeference, placing: dict[str, Any]) -> None:
        if place.rpcs is not None:
            if self.options.rpc_height is None and place.rpc_height_matters():
                low = place.rpcs.height_off - place.rpcs.height_scale
                high = place.rpcs.height_off + place.rpcs.height_scale
                raise IngestError(
                    f"{self.public_name} is placed by RPCs, and the height of its ground matters "
                    f"(they are for {low:g} to {high:g} m): give --rpc-height, metres above the "
                    "ellipsoid, or orthorectify it with gdalwarp -rpc -to RPC_DEM=dem.tif"
                )
            self._notes.append(f"it is placed by {place.origin}")
        elif dataset.gcps[0] and not is_placing(dataset.transform):
            self._notes.append(f"it is placed by {place.origin}")
        if "crs" in placing and dataset.crs is not None and self.options.crs:
            self._notes.append(f"--crs {self.options.crs} stands in for its own CRS")

    def _zoom(self, place: Georeference) -> tuple[int, str]:
        zoom = self.options.zoom
        if zoom is None:
            return native_zoom(place, self.public_name)
        if not 0 <= zoom <= MAX_ZOOM:
            raise IngestError(f"zoom must be between 0 and {MAX_ZOOM}, not {zoom}")
        return zoom, "--zoom"

    def _date(self, dataset: Any) -> tuple[datetime | None, str]:
        if self.options.acquired_at:
            return self.options.acquired_at, "--acquired-at"
        if self.options.acquired_from_name:
            pattern = name_pattern(self.options.acquired_pattern)
            found = date_in_name(Path(self.uri).name, pattern)
            if found is None:
                raise IngestError(f"{self.public_name}: no date is found in its name")
            return found, "its name"
        if (tagged := acquisition_time(dataset)) is None:
            return None, "no tag has one; --acquired-at or --acquired-from name give it"
        date, tag = tagged
        if is_time_of_writing(tag):
            self._notes.append(
                f"its date, {date:%Y-%m-%d}, is that of the tag {tag}, often the time of writing; "
                "--acquired-at gives another"
            )
        return date, f"its tag {tag}"

    def metadata(self) -> SceneMetadata:
        """Return date, attribution, bands, stretch, and the number of candidate tiles."""
        plan = self.plan
        with open_raster(self.root, self.uri) as dataset:
            check_blocks(dataset, plan.rendering.bands.indexes)
        return SceneMetadata(
            acquired_at=plan.acquired_at,
            attribution=self.options.attribution,
            rendering=plan.rendering.to_json(),
            expected=plan.expected,
        )

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles with enough valid pixels.

        Raises:
            NoTilesError: if there is none.
        """
        shares = self.__dict__["shares"] = Shares()
        given = self.options.min_valid
        minimum = shares.minimum = DEFAULT_MIN_VALID if given is None else given
        small: list[tuple[int, int, float]] = []
        for x, y, share, candidates in self._valid_shares(minimum):
            shares.best = max(shares.best, float(share.max(initial=0)))
            shares.total += float(share.sum())
            shares.any += len(share)
            enough = share >= minimum
            shares.taken += int(enough.sum())
            if not shares.taken and shares.total < _SMALL_SCENE_TILES:
                small += zip(x.tolist(), y.tolist(), share.tolist(), strict=True)
            yield self._chunk(x[enough], y[enough], candidates)
        if shares.taken:
            return
        least = max(shares.best, _LEAST_SHARE)
        if given is None and shares.total < _SMALL_SCENE_TILES and shares.best >= _LEAST_SHARE:
            shares.minimum = least
            best = [(x, y) for x, y, share in small if share >= least]
            shares.taken = len(best)
            self._notes.append(
                f"no tile is {DEFAULT_MIN_VALID:.0%} full: the scene is smaller than two tiles, so "
                f"its best, {_percent(shares.best)} full, is enough"
            )
            x, y = np.array(best, dtype=np.int64).reshape(-1, 2).T
            yield self._chunk(x, y, 0)
            return
        raise NoTilesError(self._why_none(minimum))

    def _chunk(self, x: Any, y: Any, candidates: int) -> TileChunk:
        return TileChunk(np.full(len(x), self.plan.zoom), x, y, candidates=candidates)

    def _valid_shares(self, minimum: float) -> Iterator[tuple[Any, Any, Any, int]]:
        plan = self.plan
        with open_raster(self.root, self.uri) as dataset:
            rendering = plan.rendering
            reader = RasterReader(dataset, rendering.bands.indexes, rendering.validity)
            areas = geographic_bounds(plan.place, self.public_name)
            yield from valid_shares(reader, plan.place, areas, plan.zoom, minimum)

    def _why_none(self, minimum: float) -> str:
        best = self.shares.best
        if not best:
            return (
                f"{self.public_name} has no tile at zoom {self.plan.zoom}: no pixel in the grid "
                f"holds data{self.plan.rendering.why_empty()}"
            )
        option = np.floor(best * 1000) / 1000
        return (
            f"{self.public_name} has no tile at zoom {self.plan.zoom} that is {minimum:.0%} full: "
            f"its best is {_percent(best)} full, --min-valid {option:g} would take it"
        )


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"
