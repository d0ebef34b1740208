"""Roads, villages and towns."""

from __future__ import annotations

import cv2
import numpy as np

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import colour, jitter
from earthgql.landscape.drawing.shapes import Points, filled, stroke
from earthgql.landscape.labels import CODES
from earthgql.landscape.noise import F32, Rng, blur, f32, ramp


def draw_roads(
    ground: Ground, rng: Rng, lines: list[Points], width: float, *, verge: float = 0.0
) -> None:
    """Unpaved roads: thin pale or orange lines, with a cleared verge if asked.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        lines: centrelines, each [n, 2] in pixels.
        width: width of the roadway in pixels, 2 or more.
        verge: width of the cleared strip on each side in pixels.
    """
    dry = _passable(ground)
    if verge > 1:
        strip = blur(stroke(ground.shape, lines, width + 2 * verge), 1.0)
        ragged = ramp(strip - 0.5 + 0.2 * ground.ragged(), 0.5) * np.float32(0.7)
        strip = ragged * dry * np.clip(strip * np.float32(4), 0, 1)
        grass = ground.palette.grass(rng) * np.float32(0.9)
        cleared = strip * f32(ground.cover == CODES["primary"])
        ground.coat(cleared, grass, None, grain=0.05, mottle=0.04, least=0.6)
    tone = f32(ground.palette.soil * 0.75 + colour(196, 180, 158) * 0.25)
    tone = jitter(rng, tone, light=0.05) * np.float32(rng.uniform(0.95, 1.15))
    alpha = stroke(ground.shape, lines, width) * dry * np.float32(rng.uniform(0.7, 1.0))
    # Crowns, mud and grass take bits of it away.
    worn = ramp(ground.ragged() + np.float32(rng.uniform(1.0, 2.2)), 1.2)
    ground.coat(alpha * worn, f32(tone), "road", grain=0.06, mottle=0.04)


def _passable(ground: Ground) -> F32:
    """1 on land and narrow water, 0 on wide water, which roads do not bridge."""
    water = (ground.cover == CODES["water"]).astype(np.uint8)
    if not water.any():
        return np.ones(ground.shape, dtype=np.float32)
    core = cv2.erode(water, np.ones((17, 17), np.uint8), borderValue=0)
    wide = cv2.dilate(core, np.ones((19, 19), np.uint8))
    return f32(1 - np.minimum(wide, water))


def draw_houses(
    ground: Ground, rng: Rng, sites: list[tuple[float, float, float]], *, yard: float = 5.0
) -> None:
    """Small bright roofs with bare yards and a tree's shadow here and there.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        sites: x, y in pixels and direction in radians of every house.
        yard: radius of the bare yard in pixels.
    """
    scale = ground.scale
    kinds: list[list[Points]] = [[], [], []]
    yards: list[Points] = []
    for x, y, angle in sites:
        long, wide = scale * rng.uniform(0.8, 1.9), scale * rng.uniform(0.6, 1.2)
        kinds[int(rng.integers(3))].append(_rectangle(x, y, long, wide, angle))
        reach = yard * rng.uniform(0.7, 1.2)
        yards.append(_rectangle(x, y, reach, 0.8 * reach, angle))
    free = f32((ground.cover != CODES["water"]) & (ground.cover != CODES["road"]))
    near = blur(filled(ground.shape, yards), 1.4)
    bare = ramp(near - 0.5 + 0.22 * ground.ragged(), 0.6) * free
    bare = bare * np.clip(near * np.float32(4), 0, 1)
    ground_tone = jitter(rng, f32(ground.palette.soil * 0.65 + ground.palette.grass(rng) * 0.35))
    ground.coat(
        bare * np.float32(0.65), ground_tone, "habitation", grain=0.07, mottle=0.06, least=0.45
    )
    dry = f32(ground.cover != CODES["water"])
    for group in kinds:
        roofs = filled(ground.shape, group, 0.35)
        shadow = np.roll(roofs, (_sign(ground.sun[0]), _sign(ground.sun[1])), axis=(0, 1))
        ground.paint(shadow * dry * np.float32(0.5), colour(46, 44, 44), "")
        ground.paint(roofs * dry, ground.palette.roof(rng), "habitation", least=0.4)


def _sign(value: float) -> int:
    return 1 if value > 0 else -1


def _rectangle(x: float, y: float, long: float, wide: float, angle: float) -> Points:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [long, wide]
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved: Points = corners @ turn + np.array([x, y])
    return moved


def sites_along(
    rng: Rng, line: Points, count: int, *, start: float, stop: float, setback: float
) -> list[tuple[float, float, float]]:
    """House sites on both sides of a line between two shares of its length."""
    sites = []
    last = len(line) - 2
    for share in rng.uniform(start, stop, count):
        index = int(np.clip(share * last, 0, last))
        step = line[index + 1] - line[index]
        angle = float(np.arctan2(step[1], step[0]))
        away = rng.choice([-1, 1]) * setback * rng.uniform(0.9, 2.2)
        spot = line[index] + rng.uniform(0, 1) * step
        x = float(spot[0] - away * np.sin(angle))
        y = float(spot[1] + away * np.cos(angle))
        sites.append((x, y, angle))
    return sites


def draw_town(ground: Ground, rng: Rng, x: float, y: float, *, radius: float, angle: float) -> None:
    """A town: a street grid, blocks full of roofs, thinning out towards its edge."""
    block = 21.0 * ground.scale
    axis = np.array([np.cos(angle), np.sin(angle)])
    side = np.array([-axis[1], axis[0]])
    middle = np.array([x, y])
    number = int(radius / block)
    streets: list[Points] = []
    for index in range(-number, number + 1):
        for one, two in ((axis, side), (side, axis)):
            reach = np.sqrt(max(radius**2 - (index * block) ** 2, 0)) * rng.uniform(0.6, 1.05)
            spine = middle + index * block * one
            streets.append(np.stack([spine - reach * two, spine + reach * two]))
    sites = _town_sites(rng, middle, axis, radius=radius, block=block)
    # Towns sprawl unevenly: the landscape's own noise says where the outskirts end.
    kept = [site for site in sites if _settled(ground, site, middle, radius)]
    draw_houses(ground, rng, kept, yard=7.0 * ground.scale)
    thin = 1 if ground.scale < 1 else 2
    draw_roads(ground, rng, streets, thin)


def _settled(
    ground: Ground, site: tuple[float, float, float], middle: Points, radius: float
) -> bool:
    row, col = int(site[1]), int(site[0])
    height, width = ground.shape
    if not (0 <= row < height and 0 <= col < width):
        return False
    off = float(np.hypot(site[0] - middle[0], site[1] - middle[1])) / radius
    return off < 0.8 + 0.16 * float(ground.mottle[row, col] + ground.broad[row, col])


def _town_sites(
    rng: Rng, middle: Points, axis: Points, *, radius: float, block: float
) -> list[tuple[float, float, float]]:
    sites = []
    side = np.array([-axis[1], axis[0]])
    angle = float(np.arctan2(axis[1], axis[0]))
    number = int(radius / block * 3)
    for i in range(-number, number + 1):
        for j in range(-number, number + 1):
            spot = middle + (i + 0.5) * block / 3 * axis + (j + 0.5) * block / 3 * side
            off = float(np.hypot(*(spot - middle))) / radius
            if off < 1 and rng.random() < 0.75 - 0.5 * off:
                shake = rng.uniform(-0.07, 0.07, 2) * block
                sites.append((float(spot[0] + shake[0]), float(spot[1] + shake[1]), angle))
    return sites


def land_beside(ground: Ground, width: float, away: F32) -> F32:
    """A signed field, above 0 within about `width` pixels of a line at distance `away`."""
    field = np.float32(width) - away
    field += np.float32(0.45 * width) * ground.broad
    return f32(field * np.float32(1 / width))
