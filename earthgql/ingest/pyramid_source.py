"""Pyramids of pictures as sources: a folder ``z/x/y.png``, or a table that lists pictures."""

import csv
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from earthgql.errors import IngestError
from earthgql.imagery.pictures import EXTENSIONS
from earthgql.ingest.scene_source import CHUNK, SceneMetadata, TileChunk, with_options

TABLE_COLUMNS = ("z_coord", "x_coord", "y_coord", "path")
Picture = tuple[int, int, int, str, str | None]
"""z, x, y in the numbering of the scheme, path below the folder, fingerprint."""


@dataclass
class PyramidSource:
    """Pictures to ingest as one scene; implements ``SceneSource``.

    Attributes:
        name: of the scene.
        uri: the folder that the paths of pictures are relative to, absolute; also the root.
        scheme: "xyz" (y counts from the north) or "tms" (from the south).
        pictures: lists the pictures; every call starts at the first.
        about: date and attribution that the user chose.
    """

    name: str
    uri: str
    scheme: str
    pictures: Callable[[], Iterator[Picture]]
    about: SceneMetadata
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
        return with_options(f"list:{self._list_hash}", {"scheme": self.scheme})

    def user_metadata(self) -> SceneMetadata:
        """Return date and attribution."""
        return self.about

    def metadata(self) -> SceneMetadata:
        """Return date and attribution."""
        return self.about

    def notes(self) -> Sequence[str]:
        """Return what was decided for the user: nothing."""
        return ()

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles, at most ``CHUNK`` at a time."""
        digest = hashlib.sha256()
        pictures = self.pictures()
        while chunk := _take(pictures):
            digest.update(repr(chunk).encode(errors="surrogateescape"))
            yield self._chunk(chunk)
        self._list_hash = digest.hexdigest()[:32]

    def _chunk(self, pictures: list[Picture]) -> TileChunk:
        zs, xs, ys, paths, prints = zip(*pictures, strict=True)
        try:
            zoom, x, y = (np.array(numbers, dtype=np.int64) for numbers in (zs, xs, ys))
        except OverflowError:
            raise IngestError(f"{self.name}: a tile number is beyond any zoom") from None
        if self.scheme == "tms":
            y = (np.int64(1) << np.clip(zoom, 0, 62)) - 1 - y
        return TileChunk(zoom, x, y, list(paths), list(prints), candidates=len(x))


def _take(pictures: Iterator[Picture]) -> list[Picture]:
    chunk: list[Picture] = []
    for picture in pictures:
        chunk.append(picture)
        if len(chunk) == CHUNK:
            break
    return chunk


def folder_pictures(folder: Path) -> Iterator[Picture]:
    """Yield the pictures ``z/x/y.png`` (jpg, jpeg, webp) of a folder, in a stable order.

    Other files and folders are ignored.
    """
    for z in _numbered(folder):
        for x in _numbered(folder / str(z)):
            for y, name, status in _column(folder / str(z) / str(x)):
                yield z, x, y, f"{z}/{x}/{name}", f"{status.st_size}-{status.st_mtime_ns}"


def _column(folder: Path) -> list[tuple[int, str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (int(stem), entry.name, entry.stat())
                for entry in entries
                if (stem := _picture_stem(entry.name)) and entry.is_file()
            )
    except OSError as error:
        raise IngestError(f"{folder} cannot be listed: {error.strerror}") from None


def _numbered(folder: Path) -> list[int]:
    try:
        with os.scandir(folder) as entries:
            # "007" is not "7": only the canonical name leads back to the folder.
            names = [e.name for e in entries if e.name.isdecimal() and e.is_dir()]
    except OSError as error:
        raise IngestError(f"{folder} cannot be listed: {error.strerror}") from None
    return sorted(int(name) for name in names if str(int(name)) == name)


def _picture_stem(name: str) -> str | None:
    stem, dot, extension = name.rpartition(".")
    known = dot + extension.lower() in EXTENSIONS
    return stem if known and stem.isdecimal() and stem.isascii() else None


def table_pictures(table: Path, root: Path) -> Iterator[Picture]:
    """Yield the pictures that a CSV table lists (``id,z_coord,x_coord,y_coord,path``).

    Pictures that do not exist are listed too, without a fingerprint: they may be added later, and
    until then their tiles cannot be read.

    Raises:
        IngestError: naming the line that is wrong.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            positions = _column_positions(next(rows, []), table)
            for row in rows:
                if row:
                    yield _table_row(row, positions, str(root))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise IngestError(f"{table} cannot be read as CSV: {error}") from None
    except _BadRowError as error:
        raise IngestError(f"{table} line {rows.line_num}: {error}") from None


def _column_positions(header: list[str], table: Path) -> list[int]:
    names = [name.strip().lower() for name in header]
    missing = [name for name in TABLE_COLUMNS if name not in names]
    if missing:
        raise IngestError(
            f"{table}: no column {', '.join(missing)} (its first line must name "
            f"{', '.join(TABLE_COLUMNS)})"
        )
    return [names.index(name) for name in TABLE_COLUMNS]


def _table_row(row: list[str], positions: Sequence[int], root: str) -> Picture:
    # Runs once per row of what may be a million: no Path objects here.
    try:
        z, x, y, path = [row[position] for position in positions]
        index = int(z), int(x), int(y)
    except (IndexError, ValueError):
        raise _BadRowError("z, x, y must be whole numbers, and no field missing") from None
    if not path or path[0] == "/" or "\0" in path or (".." in path and ".." in path.split("/")):
        raise _BadRowError(f"{path!r} is not a path below --root")
    try:
        status = os.stat(f"{root}/{path}")  # noqa: PTH116
    except OSError:
        return *index, path, None
    return *index, path, f"{status.st_size}-{status.st_mtime_ns}"


class _BadRowError(Exception):
    """A row of a table is wrong; the caller adds the number of its line to the message."""
