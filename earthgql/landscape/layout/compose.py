"""Draws the ground of one chip: the features of a plan, laid out so that they make sense."""

from __future__ import annotations

import numpy as np

from earthgql.landscape.drawing.canvas import Ground, find_place
from earthgql.landscape.drawing.palette import draw_palette
from earthgql.landscape.drawing.shapes import Points, distance, meander, through, wandering
from earthgql.landscape.features.canopy import plant_forest
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
from earthgql.landscape.labels.plan import Plan
from earthgql.landscape.noise import F32, Rng, f32


def compose(rng: Rng, size: int, plan: Plan, *, canopy: F32 | None = None) -> Ground:
    """Draws a square piece of ground that shows the plan's themes.

    Args:
        rng: source of randomness.
        size: side in pixels; at 256 a pixel is 3 to 5 m wide.
        plan: what to show.
        canopy: float32 [size, size, 3], a real picture to draw upon instead of a generated canopy;
            it is moved to the colour of this landscape's forest.

    Returns:
        The painted ground.
    """
    scale = 4.0 / rng.uniform(3.0, 5.0) * size / 256
    hills = float(rng.uniform(0.2, 1.0)) if rng.random() < 0.35 else 0.0
    ground = plant_forest(rng, size, size, scale, draw_palette(rng), hills=hills)
    if canopy is not None:
        middle = np.median(canopy.reshape(-1, 3), axis=0)
        ground.rgb[:] = np.maximum(canopy + (ground.palette.forest - middle), 0)
    if plan.weather == "cloudy":
        return ground
    wanted = plan.themes
    if "primary" not in wanted:
        _open_land(ground, rng, wanted, size)
    _natural(ground, rng, wanted, size)
    stream = _waters(ground, rng, wanted, size)
    road = _road_line(rng, size)
    _farms(ground, rng, wanted, size, road)
    _mines(ground, rng, wanted, size, stream)
    _people(ground, rng, wanted, road=road, stream=stream)
    _woods(ground, rng, wanted, size)
    return ground


def _open_land(ground: Ground, rng: Rng, wanted: frozenset[str], size: int) -> None:
    """Leaves no forest: farmland, bare hills, water or savanna from side to side."""
    everywhere = np.ones(ground.shape, dtype=np.float32)
    middle = size / 2
    if "agriculture" in wanted:
        draw_pasture(ground, rng, everywhere)
    elif "bare_ground" in wanted:
        draw_bare(ground, rng, middle, middle, 3.0 * size)
    elif wanted == {"water"}:
        draw_lake(ground, rng, middle, middle, 3.0 * size)
    else:
        draw_meadow(ground, rng, middle, middle, 3.0 * size)


def _natural(ground: Ground, rng: Rng, wanted: frozenset[str], size: int) -> None:
    if rng.random() < 0.05:
        x, y = rng.uniform(0, size, 2)
        draw_meadow(ground, rng, x, y, size * rng.uniform(0.15, 0.4))
    if rng.random() < 0.16:
        for _ in range(int(rng.integers(1, 4))):
            _old_river(ground, rng, size)
    if "bare_ground" in wanted:
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.uniform(0.12, 0.88, 2) * size
            draw_bare(ground, rng, x, y, size * float(rng.choice([0.12, 0.2, 0.32, 0.5])))
    if "blow_down" in wanted:
        x, y = rng.uniform(0.2, 0.8, 2) * size
        draw_blow_down(ground, rng, x, y, size * rng.uniform(0.14, 0.36))


def _old_river(ground: Ground, rng: Rng, size: int) -> None:
    start, end = through(rng, size, size)
    wave = size * rng.uniform(0.5, 1.6)
    course = meander(
        rng, (start[0], start[1]), (end[0], end[1]), bend=rng.uniform(0.6, 1.5), wavelength=wave
    )
    course = _recentred(rng, course, size)
    first = int(rng.uniform(0.2, 0.5) * len(course))
    piece = course[first : first + max(int(rng.uniform(0.15, 0.5) * len(course)), 4)]
    draw_scar(ground, rng, piece, size / 256 * float(rng.choice([1.5, 2.5, 5.0, 9.0, 16.0])))


def _waters(ground: Ground, rng: Rng, wanted: frozenset[str], size: int) -> Points:
    """Draws the planned water; returns a stream's course in any case."""
    start, end = through(rng, size, size)
    bend = rng.uniform(0.5, 1.6)
    course = meander(
        rng,
        (start[0], start[1]),
        (end[0], end[1]),
        bend=bend,
        wavelength=size * rng.uniform(0.3, 1.1),
    )
    course = _recentred(rng, course, size)
    if "water" not in wanted:
        return course
    unit = size / 256
    if rng.random() < 0.12:
        x, y = rng.uniform(0.15, 0.85, 2) * size
        draw_lake(ground, rng, x, y, unit * rng.uniform(14, 60))
        return course
    width = unit * float(rng.choice([2.2, 3.5, 6.0, 12.0, 24.0, 55.0])) * rng.uniform(0.85, 1.3)
    if width > 18 * unit:
        course = meander(
            rng, (start[0], start[1]), (end[0], end[1]), bend=0.5, wavelength=2.5 * size
        )
        course = _recentred(rng, course, size)
    draw_river(ground, rng, course, width, sand=float(rng.choice([0.0, 0.3, 0.6, 0.9])))
    return course


def _road_line(rng: Rng, size: int) -> Points:
    start, end = through(rng, size, size)
    sway = float(rng.choice([0.004, 0.02, 0.06]))
    line = wandering(rng, (start[0], start[1]), (end[0], end[1]), sway=sway)
    return _recentred(rng, line, size)


def _recentred(rng: Rng, line: Points, size: int) -> Points:
    """Moves a line so that its middle lies well inside, where bends may have led it out."""
    moved: Points = line + rng.uniform(0.25, 0.75, 2) * size - line[len(line) // 2]
    return moved


def _inside(line: Points, size: int, margin: float) -> np.typing.NDArray[np.intp]:
    """Indices of the line's points at least `margin` pixels inside; never empty."""
    return np.flatnonzero(np.all((line >= margin) & (line <= size - margin), axis=1))


def _angle(line: Points) -> float:
    step = line[-1] - line[0]
    return float(np.arctan2(step[1], step[0]))


def _farms(ground: Ground, rng: Rng, wanted: frozenset[str], size: int, road: Points) -> None:
    unit = size / 256
    if "agriculture" in wanted:
        clearing = _clearing(ground, rng, size, road)
        sides = unit * rng.uniform(22, 50), unit * rng.uniform(60, 150)
        if rng.random() < 0.45:
            draw_pasture(ground, rng, clearing)
        else:
            draw_fields(ground, rng, clearing, _angle(road) + rng.normal(0, 0.1), length=sides)
    if "cultivation" in wanted:
        for _ in range(int(rng.integers(1, 4))):
            x, y = find_place(ground, rng, 20 * unit, inset=25 * unit, tries=6)
            number = int(rng.integers(3, 16))
            plot = unit * rng.uniform(6, 15)
            draw_plots(
                ground, rng, x, y, spread=unit * rng.uniform(12, 42), count=number, size=plot
            )
    if "slash_burn" in wanted:
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.uniform(0.12, 0.88, 2) * size
            draw_burn(ground, rng, x, y, unit * rng.uniform(9, 30))


def _clearing(ground: Ground, rng: Rng, size: int, road: Points) -> F32:
    """Where the farmers cleared: beside the road, on one side of a line, or nearly all."""
    kind = rng.random()
    if kind < 0.4:
        width = size * rng.uniform(0.12, 0.4)
        return land_beside(ground, width, distance(ground.shape, [road]))
    rows, cols = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    plane = (cols - size / 2) * np.cos(angle) + (rows - size / 2) * np.sin(angle)
    level = rng.uniform(-0.25, 0.25) if kind < 0.85 else rng.uniform(0.5, 1.0)
    return f32(plane / size + level + 0.22 * ground.broad + 0.05 * ground.mottle)


def _mines(ground: Ground, rng: Rng, wanted: frozenset[str], size: int, stream: Points) -> None:
    unit = size / 256
    if "artisinal_mine" in wanted:
        inside = _inside(stream, size, 0)
        first, last = float(inside[0]), float(inside[-1])
        length = rng.uniform(0.35, 0.9) * (last - first)
        begin = rng.uniform(first, last - length)
        share = begin / len(stream), (begin + length) / len(stream)
        half = unit * rng.uniform(8, 26) * float(rng.choice([1.0, 1.0, 1.8]))
        draw_diggings(ground, rng, stream, half, start=share[0], stop=share[1])
    if "conventional_mine" in wanted:
        x, y = rng.uniform(0.2, 0.8, 2) * size
        draw_pit(ground, rng, x, y, unit * rng.uniform(28, 75))


def _people(
    ground: Ground, rng: Rng, wanted: frozenset[str], *, road: Points, stream: Points
) -> None:
    size = ground.shape[0]
    unit = size / 256
    width = unit * float(rng.choice([1, 1, 2, 2, 3]))
    if "road" in wanted:
        lines = [road, *_branches(rng, road, size)]
        draw_roads(ground, rng, lines, width, verge=unit * float(rng.choice([0, 0, 3, 6, 10])))
    if "habitation" not in wanted:
        return
    line = road if "road" in wanted or "water" not in wanted else stream
    inside = _inside(line, size, 12 * unit)
    if "road" in wanted and rng.random() < 0.3:
        x, y = line[int(rng.choice(inside))]
        draw_town(ground, rng, x, y, radius=unit * rng.uniform(35, 90), angle=_angle(road))
        return
    start, stop = _stretch(rng, inside, len(line))
    sites = sites_along(
        rng, line, int(rng.integers(8, 40)), start=start, stop=stop, setback=5 * unit + width
    )
    draw_houses(ground, rng, sites, yard=unit * rng.uniform(4, 7))


def _stretch(rng: Rng, inside: np.typing.NDArray[np.intp], count: int) -> tuple[float, float]:
    """A part of the line that lies inside the chip, as shares of its length."""
    first, last = float(inside[0]), float(inside[-1])
    length = rng.uniform(0.25, 0.8) * (last - first)
    begin = rng.uniform(first, last - length)
    return begin / count, (begin + length) / count


def _branches(rng: Rng, road: Points, size: int) -> list[Points]:
    """Side roads: none, one crossing, or the ribs of a fishbone."""
    kind = rng.random()
    if kind < 0.5:
        return []
    angle = _angle(road) + np.pi / 2 + rng.normal(0, 0.12)
    direction = np.array([np.cos(angle), np.sin(angle)])
    number = 1 if kind < 0.75 else int(rng.integers(2, 6))
    lines = []
    inside = _inside(road, size, 0)
    for index in np.linspace(0, len(inside) - 1, number + 2)[1:-1]:
        root = road[inside[int(index)]]
        tip = root + rng.choice([-1, 1]) * size * rng.uniform(0.25, 0.9) * direction
        lines.append(wandering(rng, (root[0], root[1]), (tip[0], tip[1]), sway=0.03))
    return lines


def _woods(ground: Ground, rng: Rng, wanted: frozenset[str], size: int) -> None:
    unit = size / 256
    if "selective_logging" in wanted:
        radius = unit * rng.uniform(65, 140)
        x, y = find_place(ground, rng, 0.8 * radius, inset=0.25 * size)
        draw_logging(ground, rng, x, y, radius)
    if "blooming" in wanted:
        spread = unit * rng.uniform(25, 80)
        x, y = find_place(ground, rng, spread, inset=0.2 * size)
        draw_blooming(ground, rng, x, y, spread=spread, count=int(rng.integers(30, 140)))
