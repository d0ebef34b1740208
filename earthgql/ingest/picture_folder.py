"""Folders of pictures ``z/x/y.png``; of those of double resolution, ``z/x/y@2x.png``."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from earthgql.errors import IngestError
from earthgql.imagery.pictures import EXTENSIONS
from earthgql.ingest.picture_list import Picture, check_index
from earthgql.ingest.tile_map_resource import NAME, read_tile_map_resource

# What lies beside the tiles and is none of them: notes of gdal2tiles.py, GDAL and file managers.
_NOT_TILES = (".kml", ".txt", ".xml", ".json", ".html", ".md", ".ini", ".db", ".wld", ".tmp", "")
_STEM = re.compile(r"([0-9]+)(?:@([2-9])x)?").fullmatch


class PictureFolder:
    """The pictures ``z/x/y.png`` (jpg, jpeg, webp) of a folder, in a stable order.

    Implements ``PictureList``. Where ``y@2x.png`` lies beside ``y.png``, it is the picture.
    """

    default_scheme = "xyz"

    def __init__(self, folder: Path) -> None:
        """List the pictures of ``folder``."""
        self._folder = folder
        self._reset()

    def _reset(self) -> None:
        self._passed_over: Counter[str] = Counter()
        self._other_name: str | None = None
        self._coarser = 0

    def __iter__(self) -> Iterator[Picture]:
        """Yield the pictures by zoom, column and row.

        Raises:
            IngestError: naming a folder that cannot be listed, or a picture outside the grid.
        """
        self._reset()
        for z in _numbered(self._folder):
            for x in _numbered(self._folder / str(z)):
                for y, name, status in self._column(self._folder / str(z) / str(x)):
                    path = f"{z}/{x}/{name}"
                    if problem := check_index(z, x, y):
                        raise IngestError(f"{path}: {problem}")
                    yield z, x, y, path, f"{status.st_size}-{status.st_mtime_ns}"

    def twice(self, z: int, x: int, y: int) -> str:
        """Return a message of a tile that is listed twice, with the pictures."""
        column = self._column(self._folder / str(z) / str(x))
        names = [f"{z}/{x}/{name}" for row, name, _ in column if row == y]
        return f"tile z={z} x={x} y={y} is listed twice: {' and '.join(names)}"

    def scheme(self, chosen: str | None) -> tuple[str, Sequence[str]]:
        """Return how y is counted: as ``tilemapresource.xml`` says, else as chosen, else xyz."""
        resource = read_tile_map_resource(self._folder)
        if resource is None:
            return chosen or self.default_scheme, ()
        if not resource.is_mercator:
            raise IngestError(
                f"{NAME} says {resource}: its tiles are not those of Web Mercator; "
                "gdal2tiles.py --profile=mercator makes such"
            )
        if chosen == "xyz":
            note = f"y is counted from the south, for {NAME} says so, against --scheme xyz"
            return "tms", (f"{note}: remove that file if it is wrong",)
        return "tms", () if chosen else (f"y is counted from the south, for {NAME} says so",)

    def notes(self) -> Sequence[str]:
        """Return what was passed over."""
        notes = []
        if self._passed_over:
            kinds = ", ".join(f"{n:,} {kind}" for kind, n in self._passed_over.most_common(4))
            notes.append(f"files that are not png, jpg or webp are passed over: {kinds}")
        if self._other_name:
            notes.append(
                "pictures whose names are not whole numbers are passed over, "
                f"such as {self._other_name}"
            )
        if self._coarser:
            notes.append(f"{self._coarser:,} pictures are passed over for their @2x versions")
        return notes

    def _column(self, folder: Path) -> list[tuple[int, str, os.stat_result]]:
        """Return row, name and status of the pictures of a column, sorted."""
        found: list[tuple[int, str, os.stat_result]] = []
        scales: dict[int, int] = {}
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if (named := self._row_and_scale(folder, entry.name)) and entry.is_file():
                        row, scale = named
                        found.append((row, entry.name, entry.stat()))
                        scales[row] = max(scale, scales.get(row, 1))
        except OSError as error:
            raise IngestError(f"{folder} cannot be listed: {error.strerror}") from None
        if any(scale > 1 for scale in scales.values()):
            finest = [f for f in found if scales[f[0]] == 1 or f"@{scales[f[0]]}x" in f[1]]
            self._coarser += len(found) - len(finest)
            found = finest
        return sorted(found)

    def _row_and_scale(self, folder: Path, name: str) -> tuple[int, int] | None:
        stem, dot, extension = name.rpartition(".")
        suffix = dot + extension.lower()
        match = _STEM(stem)
        if suffix in EXTENSIONS:
            if match:
                return int(match[1]), int(match[2] or 1)
            if not name.startswith("."):
                self._other_name = self._other_name or f"{folder.parent.name}/{folder.name}/{name}"
        elif match and suffix not in _NOT_TILES:
            self._passed_over[suffix] += 1
        return None


def _numbered(folder: Path) -> list[int]:
    try:
        with os.scandir(folder) as entries:
            # "007" is not "7": only the canonical name leads back to the folder.
            names = [e.name for e in entries if e.name.isdecimal() and e.is_dir()]
    except OSError as error:
        raise IngestError(f"{folder} cannot be listed: {error.strerror}") from None
    return sorted(int(name) for name in names if str(int(name)) == name)
