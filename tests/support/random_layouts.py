"""Random layouts of scenes, and which tile is used for each cell of the highest zoom."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from support.area_sums import LABELS, day
from support.catalog_rows import add_scene, add_scores, children
from support.overlap_rule import band

from earthgql.catalog.models import ModelRecord
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex

FINEST = 9


@dataclass(frozen=True)
class Made:
    """A scene: row ids of its tiles, when it was acquired, its place among the scenes."""

    tiles: dict[TileIndex, int]
    acquired_at: datetime | None
    number: int


@dataclass(frozen=True)
class Layout:
    """Scenes, and scores by row id of the tiles that have some."""

    scenes: list[Made]
    scores: dict[int, list[float]]


def make_layout(conn: Connection, model: ModelRecord, chance: random.Random) -> Layout:
    """A few overlapping scenes of several zooms, two thirds of their tiles classified."""
    scenes = []
    for number in range(chance.randint(2, 5)):
        tiles: set[TileIndex] = set()
        # Zooms 6 to 9: two bands, and zooms that are three apart.
        for zooms in chance.sample((0, 1, 2, 3), chance.randint(1, 3)):
            cells = children(TileIndex(6, 10, 20), zooms)
            share = chance.choice((0.3, 0.8, 1.0))
            tiles |= {cell for cell in cells if chance.random() < share}
        if tiles:
            moment = chance.choice((None, day(1), day(2), day(3)))
            ids = add_scene(conn, f"s{number}", sorted(tiles), moment)
            scenes.append(Made(ids, moment, number))
    known = [i for made in scenes for i in made.tiles.values() if chance.random() < 0.67]
    scores = {i: [round(chance.random(), 2) for _ in LABELS] for i in known}
    add_scores(conn, model, scores)
    return Layout(scenes, scores)


def answers(scenes: Sequence[Made], at: datetime | None = None) -> dict[TileIndex, int]:
    """The tile that answers for each of the smallest cells: the best of those it lies in."""
    best: dict[TileIndex, tuple[tuple[int, float, int, int], int]] = {}
    for made in scenes:
        if at is not None and made.acquired_at is not None and made.acquired_at > at:
            continue
        seconds = made.acquired_at.timestamp() if made.acquired_at else -1.0
        for tile, tile_id in made.tiles.items():
            rank = (band(tile.z), seconds, tile.z, made.number)
            for cell in children(tile, FINEST - tile.z):
                if cell not in best or best[cell][0] < rank:
                    best[cell] = (rank, tile_id)
    return {cell: tile_id for cell, (_, tile_id) in best.items()}


def size_within(cell: TileIndex, part: Bounds) -> float:
    """Square metres of a cell within a rectangle."""
    west, south, east, north = grid.tile_bounds(cell)
    piece = Bounds(
        max(west, part.west), max(south, part.south), min(east, part.east), min(north, part.north)
    )
    if piece.west >= piece.east or piece.south >= piece.north:
        return 0.0
    return grid.rectangle_m2(piece)


def random_part(chance: random.Random) -> Bounds:
    """The tile that all scenes lie in, or a part of it."""
    west, south, east, north = grid.tile_bounds(TileIndex(6, 10, 20))
    lons = sorted(chance.uniform(west, east) for _ in range(2))
    lats = sorted(chance.uniform(south, north) for _ in range(2))
    return chance.choice(
        (Bounds(lons[0], lats[0], lons[1], lats[1]), Bounds(west, south, east, north))
    )
