"""MBTiles 1.3: SQLite files of tiles, rows counted from the south (TMS). Opened read-only."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TileIndex, flip_y
from earthgql.imagery.guard import public_name, resolve_below
from earthgql.imagery.pictures import decode_masked, part_of_picture
from earthgql.imagery.source import MaskedPixels, Pixels

_SELECT_TILE = (
    "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
)
_LIST_TILES = "SELECT zoom_level, tile_column, tile_row FROM tiles ORDER BY 1, 2, 3"
_FIRST_TILES = "SELECT zoom_level, tile_column, tile_row FROM tiles LIMIT ?"
_ROWS_OF_LAST_ZOOM = (
    "SELECT zoom_level, min(tile_row), max(tile_row) FROM tiles "
    "WHERE zoom_level = (SELECT max(zoom_level) FROM tiles)"
)
_MAX_BLOB_BYTES = 64 << 20
# `tiles` may be a view of any cost: a look-up of one tile is stopped after about a second.
_STEPS_PER_CALL = 1_000_000
_MAX_CALLS = 50
# What a journal that was not rolled back begins with; the file is then half written.
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


class StoredIndex(NamedTuple):
    """An index as it is stored: the row counts from the south, if the file follows the standard."""

    zoom_level: int
    tile_column: int
    tile_row: int

    def __str__(self) -> str:
        """Name the columns, as who looks into the file finds them."""
        return ", ".join(f"{name} {number!r}" for name, number in self._asdict().items())


@contextmanager
def opened(root: str, path: str, *, bounded: bool = True) -> Iterator[sqlite3.Connection]:
    """Open an MBTiles file read-only; SQLite errors become ``ImageUnreadableError``.

    Nothing is written, not even beside the file, hence changes that SQLite keeps beside it until
    they are taken over cannot be read.

    Args:
        root: the folder it must lie below.
        path: the file.
        bounded: stop statements that run for far longer than a look-up of one tile.

    Raises:
        ImageUnreadableError: if it is missing, outside ``root``, not a readable SQLite file, or
            being written to.
    """
    real = resolve_below(root, path)
    name = public_name(root, path)
    _check_complete(real, name)
    try:
        uri = f"file:{quote(str(real))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.text_factory = _text
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BLOB_BYTES)
            connection.execute("PRAGMA trusted_schema = OFF")
            if bounded:
                calls = iter(range(_MAX_CALLS))
                connection.set_progress_handler(lambda: next(calls, None) is None, _STEPS_PER_CALL)
            yield connection
    except sqlite3.Error as error:
        if "interrupted" in str(error):
            raise ImageUnreadableError(
                f"{name}: looking up a tile was interrupted, it takes too long; an index on the "
                "tables that its tiles come from helps, such as on (zoom_level, tile_column, "
                "tile_row)"
            ) from None
        raise ImageUnreadableError(f"{name} is not a readable MBTiles file: {error}") from None


def _text(encoded: bytes) -> str:
    return encoded.decode(errors="replace")


def _check_complete(file: Path, name: str) -> None:
    for suffix in ("-wal", "-journal"):
        try:
            with open(f"{file}{suffix}", "rb") as beside:  # noqa: PTH123
                beginning = beside.read(len(_JOURNAL_MAGIC))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ImageUnreadableError(f"{name}{suffix} cannot be read: {error.strerror}") from None
        if beginning if suffix == "-wal" else beginning == _JOURNAL_MAGIC:
            raise ImageUnreadableError(
                f"{name} is being written to: {name}{suffix} holds changes that are not in it yet; "
                f"end what writes it, or: sqlite3 {name} 'PRAGMA wal_checkpoint(TRUNCATE)'"
            )


def read_mbtiles_tile(
    root: str, path: str, tile: TileIndex, rendering: Mapping[str, Any] | None = None
) -> Pixels:
    """Return the pixels of a tile, ``uint8 [256, 256, 3]``.

    Args:
        root: the folder the file must lie below.
        path: the file.
        tile: which tile.
        rendering: ``tiles_across`` of each picture and ``scheme`` of its rows, where these are
            not 1 and "tms".

    Raises:
        ImageUnreadableError: if the file or the tile is missing or damaged.
    """
    return read_masked_mbtiles_tile(root, path, tile, rendering or {}).pixels


def read_masked_mbtiles_tile(
    root: str, path: str, tile: TileIndex, rendering: Mapping[str, Any]
) -> MaskedPixels:
    """Return the pixels of a tile, and which of them are not transparent.

    Raises:
        ImageUnreadableError: as ``read_mbtiles_tile``.
    """
    picture, part = part_of_picture(tile, rendering.get("tiles_across", 1))
    stored = picture if rendering.get("scheme") == "xyz" else flip_y(picture)
    name = f"{public_name(root, path)} tile {tile.z}/{tile.x}/{tile.y}"
    with opened(root, path) as connection:
        encoded = _blob(connection, StoredIndex(*stored), name)
    return decode_masked(encoded, name=name, part=part)


def read_blob(root: str, path: str, index: StoredIndex) -> bytes:
    """Return the encoded picture of an index as it is stored.

    Raises:
        ImageUnreadableError: if the file or the tile is missing.
    """
    with opened(root, path) as connection:
        return _blob(connection, index, f"{public_name(root, path)} {index}")


def _blob(connection: sqlite3.Connection, index: StoredIndex, name: str) -> bytes:
    row = connection.execute(_SELECT_TILE, index).fetchone()
    if row is None or not isinstance(row[0], bytes):
        raise ImageUnreadableError(f"{name} does not exist")
    return row[0]


def metadata(root: str, path: str) -> dict[str, str]:
    """Return the ``metadata`` table (name, format, attribution, ...); empty if there is none.

    Rows without a value, or with an empty one, are left out.
    """
    with opened(root, path) as connection:
        try:
            rows = connection.execute("SELECT name, value FROM metadata").fetchall()
        except sqlite3.OperationalError:
            return {}
    return {
        str(name): text
        for name, value in rows
        if value is not None and (text := _metadata_text(value).strip())
    }


def _metadata_text(value: object) -> str:
    return _text(value) if isinstance(value, bytes) else str(value)


def first_indexes(root: str, path: str, count: int) -> list[StoredIndex]:
    """Return the indexes of the first tiles, in no order.

    Raises:
        ImageUnreadableError: if they cannot be read, or are not integers.
    """
    with opened(root, path) as connection:
        rows = connection.execute(_FIRST_TILES, (count,)).fetchall()
    return [_stored(row, public_name(root, path)) for row in rows]


def indexes(root: str, path: str, *, chunk: int) -> Iterator[list[StoredIndex]]:
    """Yield the indexes of all tiles as lists of at most ``chunk``, sorted, twice what is so.

    Raises:
        ImageUnreadableError: if they cannot be read, or are not integers.
    """
    name = public_name(root, path)
    with opened(root, path, bounded=False) as connection:
        cursor = connection.execute(_LIST_TILES)
        while rows := cursor.fetchmany(chunk):
            yield [_stored(row, name) for row in rows]


def rows_of_last_zoom(root: str, path: str) -> tuple[int, int, int] | None:
    """Return the last zoom, and the first and the last row it has; None if there is no tile."""
    with opened(root, path, bounded=False) as connection:
        row = connection.execute(_ROWS_OF_LAST_ZOOM).fetchone()
    return row if row and all(isinstance(number, int) for number in row) else None


def is_indexed(root: str, path: str) -> bool:
    """Tell whether a tile is looked up by an index, rather than by reading the whole table."""
    with opened(root, path) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {_SELECT_TILE}", (0, 0, 0)).fetchall()
    steps = [str(row[-1]) for row in plan]
    return not any(step.startswith("SCAN") or "AUTOMATIC" in step for step in steps)


def _stored(row: tuple[Any, ...], name: str) -> StoredIndex:
    z, x, y = row
    if type(z) is type(x) is type(y) is int:
        return StoredIndex(z, x, y)
    try:
        numbers = [int(number) for number in row]
        # 6.0 and '6' are found by 6; 6.5 is not.
        if all(str(n) == str(v).removesuffix(".0") for n, v in zip(numbers, row, strict=True)):
            return StoredIndex(*numbers)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ImageUnreadableError(f"{name}: tile numbers are not integers: {StoredIndex(*row)}")


def size_bytes(root: str, path: str) -> int:
    """Return the size of the file."""
    return os.stat(resolve_below(root, path)).st_size  # noqa: PTH116
