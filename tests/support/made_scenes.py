"""Scenes without pixels for tests of the catalogue, and which of their tiles show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from earthgql.imagery import grid
from earthgql.imagery.grid import LonLat, TileIndex

WORLD = grid.bounds(-180, -90, 180, 90)
CELL = TileIndex(10, 300, 400)


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


def add_scene(
    conn: Connection, name: str, tiles: Iterable[TileIndex], acquired_at: datetime | None = None
) -> int:
    tiles = list(tiles)
    edges = [grid.tile_bounds(tile) for tile in tiles]
    zooms = sorted({tile.z for tile in tiles})
    scene_id = conn.execute(
        text(
            "INSERT INTO scene (name, kind, uri, root, zoom, zooms, acquired_at, footprint, "
            "fingerprint) VALUES (:name, 'pyramid', '/', '/', :zoom, :zooms, :at, "
            "ST_MakeEnvelope(:w, :s, :e, :n, 4326), '') RETURNING id"
        ),
        {
            "name": name,
            "zoom": zooms[-1],
            "zooms": zooms,
            "at": acquired_at,
            "w": min(e.west for e in edges),
            "s": min(e.south for e in edges),
            "e": max(e.east for e in edges),
            "n": max(e.north for e in edges),
        },
    ).scalar_one()
    conn.execute(
        text(
            "INSERT INTO tile (scene_id, z, x, y, footprint, area_m2) "
            "VALUES (:scene, :z, :x, :y, ST_MakeEnvelope(:w, :s, :e, :n, 4326), 1)"
        ),
        [
            {"scene": scene_id, **t._asdict(), "w": e[0], "s": e[1], "e": e[2], "n": e[3]}
            for t, e in zip(tiles, edges, strict=True)
        ],
    )
    return int(scene_id)


def children(tile: TileIndex, zooms: int = 1) -> list[TileIndex]:
    side = 1 << zooms
    return [
        TileIndex(tile.z + zooms, tile.x * side + i, tile.y * side + j)
        for i in range(side)
        for j in range(side)
    ]


def middle(tile: TileIndex) -> LonLat:
    west, south, east, north = grid.tile_bounds(tile)
    return LonLat((west + east) / 2, (south + north) / 2)


@dataclass(frozen=True)
class Made:
    id: int
    tiles: frozenset[TileIndex]
    acquired_at: datetime | None

    def rank(self, zoom: int) -> tuple[float, int, int]:
        return (self.acquired_at.timestamp() if self.acquired_at else -1.0, zoom, self.id)


def holds(outer: TileIndex, inner: TileIndex) -> bool:
    shift = inner.z - outer.z
    return shift >= 0 and (inner.x >> shift, inner.y >> shift) == (outer.x, outer.y)


def expected(scenes: Sequence[Made]) -> set[tuple[int, TileIndex]]:
    """The rule, spelled out without a database."""
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
