"""Which rasters the paths of a command line mean, and what their scenes are named."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from earthgql.errors import IngestError

RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".j2k")
# What macOS writes beside a file, under its name, where the file system has no resource forks.
_APPLE_DOUBLE = "._"


class RasterFile(NamedTuple):
    """A raster: the name of its scene, the file, and the folder outside which nothing is opened."""

    name: str
    file: Path
    root: Path


def raster_files(paths: list[str], say: Callable[[str], None] = lambda _: None) -> list[RasterFile]:
    """Return the rasters below files and folders, in order, each file once.

    The name of a single file is its stem, and its root its folder; the name of a file found in a
    folder is its path in there, and its root that folder. Files that would have the same name
    (``a.tif``, ``a.jp2``) keep their suffixes in it.

    Args:
        paths: files and folders.
        say: told a line for what is passed over or named otherwise.

    Raises:
        IngestError: if a folder cannot be listed, or files of several folders have the same name.
    """
    found = [raster for path in paths for raster in _rasters_at(Path(path), say)]
    return _named_apart(list(_each_file_once(found, say)), say)


def _rasters_at(path: Path, say: Callable[[str], None]) -> Iterator[RasterFile]:
    if not path.is_dir():
        real = path.resolve()
        yield RasterFile(path.stem, real, real.parent)
        return
    root = path.resolve()
    for file in sorted(_files_below(root)):
        if file.suffix.lower() not in RASTER_SUFFIXES or file.is_dir():
            continue
        name = file.relative_to(root)
        if file.name.startswith(_APPLE_DOUBLE):
            say(f"{name} is passed over: it holds attributes of macOS, not pixels")
        else:
            yield RasterFile(name.with_suffix("").as_posix(), file, root)


def _files_below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise IngestError(f"{error.filename} cannot be listed: {error.strerror}") from None

    for parent, _, names in os.walk(folder, onerror=fail):
        yield from (Path(parent, name) for name in names)


def _each_file_once(
    found: Iterable[RasterFile], say: Callable[[str], None]
) -> Iterator[RasterFile]:
    """Leave out files that were there already, under another path or through a link."""
    found = list(found)
    # A link may lead out of the folder and be refused, the file itself not.
    first: dict[object, RasterFile] = {}
    for raster in sorted(found, key=lambda raster: raster.file.is_symlink()):
        first.setdefault(_identity(raster.file), raster)
    for raster in found:
        kept = first[_identity(raster.file)]
        if kept is raster:
            yield raster
        else:
            say(same_file_note(raster.file, kept.file))


def same_file_note(path: object, kept: Path) -> str:
    """Return what is to be said of a path to a file that is ingested by another path."""
    if str(path) == str(kept):
        return f"{kept} is named twice, and ingested once"
    return f"{path} is passed over: it is the same file as {kept}"


def _identity(file: Path) -> object:
    try:
        status = file.stat()
    except OSError:  # it will be named when it is opened
        return file
    return status.st_dev, status.st_ino


def _named_apart(found: list[RasterFile], say: Callable[[str], None]) -> list[RasterFile]:
    counts = Counter(raster.name for raster in found)
    named = []
    for raster in found:
        if counts[raster.name] > 1:
            raster = raster._replace(name=raster.name + raster.file.suffix)  # noqa: PLW2901
            say(f"{raster.name} keeps its suffix: another file has the same name")
        named.append(raster)
    check_names_differ((raster.name, raster.file) for raster in named)
    return named


def check_names_differ(named: Iterable[tuple[str, Path]]) -> None:
    """Check that no two files would be scenes of one name.

    Raises:
        IngestError: naming two that would.
    """
    files: dict[str, Path] = {}
    for name, file in named:
        if (other := files.setdefault(name, file)) != file:
            raise IngestError(
                f"{other} and {file} would both be the scene {name!r}: give their common folder, "
                "below which paths are names, or ingest one at a time with --name"
            )
