"""Pyramids of pictures as sources: what a folder or a table lists is one scene."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np

from earthgql.errors import ImageUnreadableError, IngestError
from earthgql.imagery.grid import MAX_ZOOM
from earthgql.imagery.guard import read_below
from earthgql.ingest.picture_list import Picture, PictureList
from earthgql.ingest.picture_sample import LISTED, SampleResult, look_at, spread
from earthgql.ingest.scene_source import CHUNK, Integers, SceneMetadata, TileChunk, with_options


@dataclass
class PyramidSource:
    """Pictures to ingest as one scene; implements ``SceneSource``.

    Attributes:
        name: of the scene.
        uri: the folder that the paths of pictures are relative to, absolute; also the root.
        chosen_scheme: "xyz" (y counts from the north), "tms" (from the south), or None: as the
            pictures' list says.
        pictures: lists the pictures.
        about: date and attribution that the user chose.
        tile_size: pixels a side that make one tile, if the user chose it.
    """

    name: str
    uri: str
    chosen_scheme: str | None
    pictures: PictureList
    about: SceneMetadata
    tile_size: int | None = None
    kind: str = field(default="pyramid", init=False)
    _list_hash: str | None = field(default=None, init=False)

    @property
    def root(self) -> str:
        """The folder outside which nothing is opened."""
        return self.uri

    def fingerprint(self) -> str:
        """Return a hash of the list of pictures with their sizes and mtimes."""
        if self._list_hash is None:
            for _ in self.chunks():
                pass
        options: dict[str, object] = {"scheme": self._scheme[0]}
        if self._sample.tiles_across > 1:
            options["tiles_across"] = self._sample.tiles_across
        return with_options(f"list:{self._list_hash}", options)

    def user_metadata(self) -> SceneMetadata:
        """Return date and attribution."""
        return self.about

    def metadata(self) -> SceneMetadata:
        """Return date, attribution, and how many tiles a picture is.

        Raises:
            IngestError: if the first pictures are unreadable, or not of Web Mercator.
        """
        self.pictures.scheme(self.chosen_scheme)
        across = self._sample.tiles_across
        rendering = {"tiles_across": across} if across > 1 else {}
        return SceneMetadata(self.about.acquired_at, self.about.attribution, rendering)

    def notes(self) -> Sequence[str]:
        """Return what was decided about scheme and size, and found in the list of pictures."""
        known = self.__dict__
        scheme = self._scheme[1] if "_scheme" in known else ()
        sample = self._sample.notes if "_sample" in known else ()
        return (*scheme, *sample, *self.pictures.notes())

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles, at most ``CHUNK`` at a time."""
        # First, for it lists pictures, too.
        size = max(1, CHUNK // self._sample.tiles_across**2)
        digest = hashlib.sha256()
        seen = _SeenTiles()
        pictures = iter(self.pictures)
        while chunk := list(islice(pictures, size)):
            digest.update(repr(chunk).encode(errors="surrogateescape"))
            yield self._chunk(chunk, seen)
        self._list_hash = digest.hexdigest()[:32]

    @cached_property
    def _scheme(self) -> tuple[str, Sequence[str]]:
        return self.pictures.scheme(self.chosen_scheme)

    @cached_property
    def _sample(self) -> SampleResult:
        existing = [
            path for *_, path, fingerprint in islice(self.pictures, LISTED) if fingerprint
        ]  # fmt: skip
        paths = [existing[i] for i in spread(len(existing))]
        return look_at(((path, self._reader(path)) for path in paths), self.tile_size)

    def _reader(self, path: str) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                return read_below(self.root, f"{self.uri}/{path}")
            except OSError as error:
                raise ImageUnreadableError(f"{path} cannot be read: {error.strerror}") from None

        return read

    def _chunk(self, pictures: list[Picture], seen: "_SeenTiles") -> TileChunk:
        zs, xs, ys, paths, prints = zip(*pictures, strict=True)
        zoom, x, y = (np.array(numbers, dtype=np.int64) for numbers in (zs, xs, ys))
        if (twice := seen.add(zoom, x, y)) is not None:
            raise IngestError(self.pictures.twice(zs[twice], xs[twice], ys[twice]))
        if self._scheme[0] == "tms":
            y = (np.int64(1) << zoom) - 1 - y
        chunk = TileChunk(zoom, x, y, list(paths), list(prints), candidates=len(x))
        return tiles_of_pictures(chunk, self._sample.tiles_across)


def tiles_of_pictures(chunk: TileChunk, tiles_across: int) -> TileChunk:
    """Replace the tiles that pictures are named after by those that they are made of.

    Args:
        chunk: y from the north.
        tiles_across: tiles a side of a picture, a power of two.

    Raises:
        IngestError: if they would be beyond the last zoom.
    """
    if tiles_across == 1:
        return chunk
    zoom = chunk.zoom + (tiles_across.bit_length() - 1)
    if int(zoom.max()) > MAX_ZOOM:
        raise IngestError(
            f"its pictures of several tiles each would be tiles of zoom {zoom.max()}, "
            f"the last is {MAX_ZOOM}: give --tile-size 256"
        )
    tiles = tiles_across**2
    row, column = np.divmod(np.tile(np.arange(tiles), len(zoom)), tiles_across)
    return TileChunk(
        np.repeat(zoom, tiles),
        np.repeat(chunk.x * tiles_across, tiles) + column,
        np.repeat(chunk.y * tiles_across, tiles) + row,
        chunk.paths and [path for path in chunk.paths for _ in range(tiles)],
        chunk.fingerprints and [f for f in chunk.fingerprints for _ in range(tiles)],
        candidates=chunk.candidates * tiles,
    )


class _SeenTiles:
    """The tiles listed so far: 8 bytes each, sorted."""

    def __init__(self) -> None:
        self._keys: Integers = np.empty(0, dtype=np.int64)

    def add(self, zoom: Integers, x: Integers, y: Integers) -> int | None:
        """Add tiles; return the place of the first that was there already, None if all are new."""
        bits = MAX_ZOOM + 1
        keys = (zoom << 2 * bits) | (x << bits) | y
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        places = np.searchsorted(self._keys, ordered)
        known = np.concatenate((self._keys, [-1]))[places] == ordered
        known[1:] |= ordered[1:] == ordered[:-1]
        if known.any():
            return int(order[known].min())
        self._keys = np.insert(self._keys, places, ordered)
        return None
