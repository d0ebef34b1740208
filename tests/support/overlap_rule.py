"""The rule which of overlapping tiles show, computed without a database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text
from support import catalog_rows
from support.catalog_rows import children

from earthgql.imagery import grid
from earthgql.imagery.grid import LonLat, TileIndex

WORLD = grid.bounds(-180, -90, 180, 90)
CELL = TileIndex(10, 300, 400)

__all__ = ["CELL", "WORLD", "Made", "add_scene", "children", "day", "expected", "middle"]


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


def add_scene(
    conn: Connection, name: str, tiles: Iterable[TileIndex], acquired_at: datetime | None = None
) -> int:
    """Add a scene; returns its row id."""
    first, *_ = catalog_rows.add_scene(conn, name, tiles, acquired_at).values()
    query = text("SELECT scene_id FROM tile WHERE id = :tile")
    return int(conn.execute(query, {"tile": first}).scalar_one())


def middle(tile: TileIndex) -> LonLat:
    west, south, east, north = grid.tile_bounds(tile)
    return LonLat((west + east) / 2, (south + north) / 2)


BANDS = (range(1), *(range(first, first + 3) for first in range(1, 25, 3)))
"""Zooms whose imagery the newest of shows; any of a later band is better."""


def band(zoom: int) -> int:
    [found] = [number for number, zooms in enumerate(BANDS) if zoom in zooms]
    return found


@dataclass(frozen=True)
class Made:
    id: int
    tiles: frozenset[TileIndex]
    acquired_at: datetime | None

    def rank(self, zoom: int) -> tuple[int, float, int, int]:
        moment = self.acquired_at.timestamp() if self.acquired_at else -1.0
        return (band(zoom), moment, zoom, self.id)


def holds(outer: TileIndex, inner: TileIndex) -> bool:
    shift = inner.z - outer.z
    return shift >= 0 and (inner.x >> shift, inner.y >> shift) == (outer.x, outer.y)


def expected(scenes: Sequence[Made]) -> set[tuple[int, TileIndex]]:
    """Return the tiles that show: scene's row id and place on the grid."""
    answer = set()
    for scene in scenes:
        for tile in scene.tiles:
            better = [(s, t) for s in scenes for t in s.tiles if s.rank(t.z) > scene.rank(tile.z)]
            if any(holds(t, tile) for _, t in better):
                continue
            covers: dict[tuple[int, int], int] = {}
            for s, t in better:
                if holds(tile, t):
                    covers[s.id, t.z] = covers.get((s.id, t.z), 0) + 1
            if any(count == 4 ** (z - tile.z) for (_, z), count in covers.items()):
                continue
            answer.add((scene.id, tile))
    return answer
