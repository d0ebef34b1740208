"""The landscape of a scene: where its rivers, roads, farms, towns and mines lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from earthgql.landscape.drawing.canvas import Ground, find_place
from earthgql.landscape.drawing.shapes import Points, distance, meander, wandering
from earthgql.landscape.features.farming import draw_burn, draw_fields, draw_pasture, draw_plots
from earthgql.landscape.features.forestry import draw_blooming, draw_blow_down, draw_logging
from earthgql.landscape.features.mining import draw_diggings, draw_pit
from earthgql.landscape.features.settlement import (
    draw_houses,
    draw_roads,
    draw_town,
    land_beside,
    sites_along,
)
from earthgql.landscape.features.terrain import (
    draw_bare,
    draw_lake,
    draw_meadow,
    draw_river,
    draw_scar,
)
from earthgql.landscape.labels import PRIMARY
from earthgql.landscape.noise import Rng


@dataclass(frozen=True)
class Lines:
    """The lines a scene is built along, each [n, 2] of x and y in pixels."""

    river: Points
    tributaries: list[Points]
    roads: list[Points]
    ribs: list[Points]


def draw_lines(rng: Rng, size: int) -> Lines:
    """Lays out the river, its tributaries, the main roads and the fishbone's ribs."""
    west, east = rng.uniform(0.3, 0.7, 2) * size
    river = meander(
        rng, (-80.0, west), (size + 80.0, east), bend=0.95, wavelength=max(0.4 * size, 500)
    )
    tributaries = []
    for index in range(max(size // 700, 2)):
        root = river[int(rng.uniform(0.1, 0.9) * len(river))]
        goal = (rng.uniform(0, size), -60.0 if index % 2 else size + 60.0)
        mouth = (float(root[0]), float(root[1]))
        tributaries.append(meander(rng, mouth, goal, bend=1.15, wavelength=rng.uniform(150, 320)))
    roads = _main_roads(rng, size)
    return Lines(river, tributaries, roads, _ribs(rng, roads[0], size))


def _main_roads(rng: Rng, size: int) -> list[Points]:
    left, right = rng.uniform(0.15, 0.85, 2) * size
    top, bottom = rng.uniform(0.12, 0.38, 2) * size
    south = rng.uniform(0.66, 0.9) * size
    ends = (
        ((-40.0, top), (size + 40.0, bottom)),
        ((left, -40.0), (right, size + 40.0)),
        ((-40.0, south), (size + 40.0, south + rng.uniform(-0.1, 0.08) * size)),
    )
    return [wandering(rng, start, end, sway=0.02) for start, end in ends]


def _ribs(rng: Rng, spine: Points, size: int) -> list[Points]:
    """Side roads at right angles to a stretch of the spine: the fishbone pattern."""
    step = spine[-1] - spine[0]
    angle = float(np.arctan2(step[1], step[0])) + np.pi / 2
    begin = int(rng.uniform(0.1, 0.5) * len(spine))
    lines = []
    for index in range(begin, min(begin + int(0.45 * len(spine)), len(spine)), 27):
        for side in (-1, 1):
            turn = angle + rng.normal(0, 0.03)
            reach = side * rng.uniform(0.06, 0.17) * size
            tip = spine[index] + reach * np.array([np.cos(turn), np.sin(turn)])
            root = spine[index]
            lines.append(wandering(rng, (root[0], root[1]), (tip[0], tip[1]), sway=0.012))
    return lines


def draw_wilds(ground: Ground, rng: Rng, places: int) -> None:
    """Natural openings: meadows, bare outcrops and windthrow, `places` times a few each."""
    for _ in range(6 * places):
        _scar(ground, rng)
    for _ in range(max(places // 2, 1)):
        _spot(ground, rng, 330, partial(draw_meadow, radius=110))
    for _ in range(2 * places):
        radius = rng.uniform(40, 110)
        _spot(ground, rng, 2.4 * radius, partial(draw_bare, radius=radius))
    for _ in range(2 * places):
        radius = rng.uniform(45, 95)
        _spot(ground, rng, 2 * radius, partial(draw_blow_down, radius=radius))


def _scar(ground: Ground, rng: Rng) -> None:
    """A bend of a river of former times."""
    size = ground.shape[0]
    start, turn = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi)
    end = start + rng.uniform(200, 600) * np.array([np.cos(turn), np.sin(turn)])
    ends = (float(start[0]), float(start[1])), (float(end[0]), float(end[1]))
    course = meander(rng, *ends, bend=rng.uniform(0.8, 1.6), wavelength=rng.uniform(300, 900))
    part, moved = ground.along(course, 40)
    if min(part.shape) > 8:
        draw_scar(part, rng, moved, float(rng.choice([1.5, 2.5, 5.0, 9.0, 16.0])))


def _spot(
    ground: Ground, rng: Rng, radius: float, draw: Callable[[Ground, Rng, float, float], None]
) -> None:
    """Draws something in a window around the most forested of some random points."""
    x, y = find_place(ground, rng, radius, inset=60)
    part, px, py = ground.local(x, y, radius)
    draw(part, rng, px, py)


def draw_waters(ground: Ground, rng: Rng, lines: Lines, places: int) -> None:
    """The tributaries, then the big river over their mouths, then lakes."""
    for course in lines.tributaries:
        width = float(rng.choice([2.6, 4.0, 6.5, 9.0]))
        part, moved = ground.along(course, 60)
        draw_river(part, rng, moved, width, sand=0.4)
    half = ground.shape[0] / 4096 * rng.uniform(34, 48)
    draw_river(ground, rng, lines.river, max(half, 16), sand=0.7)
    for _ in range(places):
        radius = rng.uniform(15, 50)
        _spot(ground, rng, 2.2 * radius, partial(draw_lake, radius=radius))


def draw_farmland(ground: Ground, rng: Rng, lines: Lines) -> None:
    """Fields along the fishbone and beside stretches of the main roads."""
    away = distance(ground.shape, lines.ribs)
    spine = lines.roads[0][-1] - lines.roads[0][0]
    angle = float(np.arctan2(spine[1], spine[0]))
    draw_fields(ground, rng, land_beside(ground, 62, away), angle, length=(35, 90))
    size = ground.shape[0]
    for index, road in enumerate(lines.roads * 3):
        centre = road[int(rng.uniform(0.1, 0.9) * len(road))]
        reach = size * rng.uniform(0.07, 0.14)
        part, x, y = ground.local(centre[0], centre[1], 1.5 * reach)
        rows, cols = np.ogrid[0 : part.shape[0], 0 : part.shape[1]]
        off = np.hypot(rows - y, cols - x).astype(np.float32)
        clearing = np.minimum(land_beside(part, reach, off), 1.4 - off / np.float32(reach))
        step = road[-1] - road[0]
        turn = float(np.arctan2(step[1], step[0]))
        if index % 2:
            draw_pasture(part, rng, clearing)
        else:
            draw_fields(part, rng, clearing, turn, length=(40, rng.uniform(90, 150)))


def draw_smallholders(ground: Ground, rng: Rng, lines: Lines, places: int) -> None:
    """Plots of shifting cultivation by rivers and roads, and burnt clearings."""
    paths = [lines.river, *lines.tributaries, *lines.roads]
    for _ in range(5 * places):
        path = paths[int(rng.integers(len(paths)))]
        x, y = path[int(rng.uniform(0.05, 0.95) * len(path))] + rng.uniform(-120, 120, 2)
        draw_plots(ground, rng, x, y, spread=rng.uniform(20, 50), count=int(rng.integers(4, 14)))
    for _ in range(3 * places):
        radius = rng.uniform(14, 38)
        _spot(ground, rng, 80, partial(draw_burn, radius=radius))


def draw_mines(ground: Ground, rng: Rng, lines: Lines, places: int) -> None:
    """Diggings along tributaries and a district of open pits."""
    for index in range(2 * places):
        course = lines.tributaries[index % len(lines.tributaries)]
        start = rng.uniform(0.15, 0.75)
        length = rng.uniform(0.05, 0.13)
        half = rng.uniform(11, 24)
        begin, end = int(start * len(course)), int((start + length) * len(course)) + 4
        part, reach = ground.along(course[begin:end], 90)
        draw_diggings(part, rng, reach, half, start=0.0, stop=1.0)
    size = ground.shape[0]
    x, y = find_place(ground, rng, 0.15 * size, inset=0.2 * size)
    district, _, _ = ground.local(x, y, 0.2 * size)
    for _ in range(max(places + 1, 2)):
        radius = rng.uniform(38, 85)
        x, y = find_place(district, rng, 1.6 * radius, inset=90)
        part, px, py = district.local(x, y, 2.6 * radius)
        draw_pit(part, rng, px, py, radius)


def draw_settlements(ground: Ground, rng: Rng, lines: Lines, places: int) -> None:
    """The road network, a town on it and villages along roads and river."""
    for rib in lines.ribs:
        part, moved = ground.along(rib, 12)
        draw_roads(part, rng, [moved], float(rng.choice([1, 2])), verge=3)
    for road in lines.roads:
        part, moved = ground.along(road, 40)
        draw_roads(part, rng, [moved], float(rng.choice([2, 2, 3])), verge=6)
    size = ground.shape[0]
    road = lines.roads[1]
    centre = road[int(rng.uniform(0.3, 0.7) * len(road))]
    radius = min(rng.uniform(150, 210), 0.12 * size)
    part, x, y = ground.local(centre[0], centre[1], 1.3 * radius)
    step = road[-1] - road[0]
    draw_town(part, rng, x, y, radius=radius, angle=float(np.arctan2(step[1], step[0])))
    for index in range(5 * places):
        line = (lines.ribs, lines.roads, [lines.river])[index % 3]
        _village(ground, rng, line[int(rng.integers(len(line)))], river=index % 3 == 2)


def _village(ground: Ground, rng: Rng, line: Points, *, river: bool) -> None:
    begin = rng.uniform(0.1, 0.8)
    length = 30 / len(line) if not river else 60 / len(line)
    setback = 62.0 if river else 8.0
    number = int(rng.integers(14, 34))
    sites = sites_along(rng, line, number, start=begin, stop=begin + length, setback=setback)
    xs, ys, _ = np.mean(np.array(sites), axis=0)
    part, x, y = ground.local(float(xs), float(ys), 340)
    moved = [(sx - xs + x, sy - ys + y, turn) for sx, sy, turn in sites]
    draw_houses(part, rng, moved)


def draw_woods(ground: Ground, rng: Rng, places: int) -> None:
    """Selective logging and flowering trees in what forest is left."""
    for _ in range(3 * places):
        radius = rng.uniform(70, 120)
        _spot(ground, rng, 1.4 * radius, partial(draw_logging, radius=radius))
    for _ in range(3 * places):
        spread, count = rng.uniform(40, 90), int(rng.integers(60, 200))
        _spot(ground, rng, 3 * spread, partial(draw_blooming, spread=spread, count=count))


def _frontier(ground: Ground, rng: Rng, lines: Lines) -> tuple[float, float]:
    """The point with most forest about it among some along the roads."""
    best, most = (0.0, 0.0), -1.0
    for _ in range(8):
        road = lines.roads[int(rng.integers(len(lines.roads)))]
        x, y = road[int(rng.uniform(0.06, 0.94) * len(road))] + rng.uniform(-90, 90, 2)
        part = ground.around(float(x), float(y), 160).cover[::4, ::4]
        share = float(np.mean(part == PRIMARY)) if part.size else 0.0
        if share > most:
            best, most = (float(x), float(y)), share
    return best


def draw_changes(ground: Ground, rng: Rng, lines: Lines, places: int) -> None:
    """What people do to the forest from one date to the next: new fields and burns."""
    for _ in range(3 * places):
        x, y = _frontier(ground, rng, lines)
        reach = rng.uniform(110, 220)
        part, px, py = ground.local(x, y, 1.4 * reach)
        rows, cols = np.ogrid[0 : part.shape[0], 0 : part.shape[1]]
        off = np.hypot(rows - py, cols - px).astype(np.float32)
        turn = rng.uniform(0, np.pi)
        clearing = np.minimum(land_beside(part, reach, off), 1.3 - off / np.float32(reach))
        draw_fields(part, rng, clearing, turn, length=(40, 100), only_forest=True)
    for _ in range(3 * places):
        radius = rng.uniform(16, 42)
        _spot(ground, rng, 85, partial(draw_burn, radius=radius))
