"""MBTiles 1.3: SQLite files of tiles, rows counted from the south (TMS). Opened read-only."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TileIndex, flip_y
from earthgql.imagery.guard import public_name, resolve_below
from earthgql.imagery.pictures import decode
from earthgql.imagery.source import Pixels

_SELECT_TILE = (
    "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
)
_LIST_TILES = "SELECT zoom_level, tile_column, tile_row FROM tiles ORDER BY 1, 2, 3"
_MAX_BLOB_BYTES = 64 << 20
# `tiles` may be a view of any cost: a look-up of one tile is stopped after about a second.
_STEPS_PER_CALL = 1_000_000
_MAX_CALLS = 50


@contextmanager
def opened(root: str, path: str, *, bounded: bool = True) -> Iterator[sqlite3.Connection]:
    """Open an MBTiles file read-only; SQLite errors become ``ImageUnreadableError``.

    Args:
        root: the folder it must lie below.
        path: the file.
        bounded: stop statements that run for far longer than a look-up of one tile.

    Raises:
        ImageUnreadableError: if it is missing, outside ``root``, or not a readable SQLite file.
    """
    real = resolve_below(root, path)
    try:
        uri = f"file:{quote(str(real))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_BLOB_BYTES)
            connection.execute("PRAGMA trusted_schema = OFF")
            if bounded:
                calls = iter(range(_MAX_CALLS))
                connection.set_progress_handler(lambda: next(calls, None) is None, _STEPS_PER_CALL)
            yield connection
    except sqlite3.Error as error:
        name = public_name(root, path)
        raise ImageUnreadableError(f"{name} is not a readable MBTiles file: {error}") from None


def read_mbtiles_tile(root: str, path: str, tile: TileIndex) -> Pixels:
    """Return the pixels of a tile, ``uint8 [256, 256, 3]``.

    Raises:
        ImageUnreadableError: if the file or the tile is missing or damaged.
    """
    with opened(root, path) as connection:
        stored = flip_y(tile)
        row = connection.execute(_SELECT_TILE, (stored.z, stored.x, stored.y)).fetchone()
    name = f"{public_name(root, path)} tile {tile.z}/{tile.x}/{tile.y}"
    if row is None or not isinstance(row[0], bytes):
        raise ImageUnreadableError(f"{name} does not exist")
    return decode(row[0], name=name)


def metadata(root: str, path: str) -> dict[str, str]:
    """Return the ``metadata`` table (name, format, attribution, ...); empty if there is none."""
    with opened(root, path) as connection:
        try:
            rows = connection.execute("SELECT name, value FROM metadata").fetchall()
        except sqlite3.OperationalError:
            return {}
    return {str(name): str(value) for name, value in rows}


def tiles(root: str, path: str, *, chunk: int) -> Iterator[list[TileIndex]]:
    """Yield the tiles of the file as lists of at most ``chunk``, y counted from the north."""
    with opened(root, path, bounded=False) as connection:
        cursor = connection.execute(_LIST_TILES)
        while rows := cursor.fetchmany(chunk):
            try:
                yield [flip_y(TileIndex(int(z), int(x), int(y))) for z, x, y in rows]
            except (TypeError, ValueError, OverflowError):
                raise ImageUnreadableError(
                    f"{public_name(root, path)}: tile numbers are not integers"
                ) from None
