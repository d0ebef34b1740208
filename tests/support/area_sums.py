"""What tests of sums over areas share: labels, moments, shapes, and how to ask."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, event

from earthgql.catalog.analysis.changes import Changes, label_changes
from earthgql.catalog.analysis.histogram import Histogram
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.areas import Area, parse_area
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex

LABELS = ("forest", "water", "town")
CUTOFFS = (0.5, 0.3, 0.7)
ANY = TileFilter()
CELL = TileIndex(10, 300, 400)
WORLD = grid.bounds(-180, -90, 180, 90)
EXACT = 1e-9


def day(number: int) -> datetime:
    """A day of January 2024, from midnight on."""
    return datetime(2024, 1, number, tzinfo=UTC)


@contextmanager
def statements(conn: Connection) -> Iterator[list[str]]:
    """Collect the statements of the block."""
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(conn, "before_cursor_execute", note)
    yield seen
    event.remove(conn, "before_cursor_execute", note)


def areas(found: Histogram) -> dict[str, tuple[int, float]]:
    """Tiles and ground of each label."""
    return {label.label: (label.tiles, label.area_m2) for label in found.sums.labels}


def inside(tile: TileIndex) -> Bounds:
    """The middle half of a tile, each way."""
    west, south, east, north = grid.tile_bounds(tile)
    return Bounds(
        west + (east - west) / 4,
        south + (north - south) / 4,
        east - (east - west) / 4,
        north - (north - south) / 4,
    )


def outline(part: Bounds) -> Area:
    """A rectangle as a polygon."""
    west, south, east, north = part
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return parse_area({"type": "Polygon", "coordinates": [ring]})


def changes_of(
    conn: Connection,
    model: ModelRecord,
    parts: Sequence[Bounds],
    where: TileFilter,
    *moments: datetime,
    column: int = 1,
    first: int = 100,
) -> Changes:
    """Compare two moments by the scores of one label, from 0.5 on."""
    begin, end = moments
    return label_changes(
        conn, parts, where, model, column=column, cutoff=0.5, begin=begin, end=end, first=first
    )
