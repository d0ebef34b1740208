"""What happens inside the forest: flowering crowns, windthrow, selective logging."""

from __future__ import annotations

import numpy as np

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import colour, jitter
from earthgql.landscape.drawing.shapes import Points, filled, outline, stroke, wandering
from earthgql.landscape.labels import CODES, PRIMARY
from earthgql.landscape.noise import F32, Rng, blur, f32, ramp, shifted, value_noise

_FLOWERS = ((196, 180, 78), (206, 200, 150), (190, 140, 150), (208, 206, 198), (204, 170, 84))


def draw_blooming(
    ground: Ground, rng: Rng, x: float, y: float, *, spread: float, count: int
) -> None:
    """Bright flowering crowns of one species, scattered about a point in standing forest.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        x: column of the middle in pixels.
        y: row of the middle in pixels.
        spread: standard deviation of the crowns' distance in pixels.
        count: number of crowns.
    """
    flower = jitter(rng, colour(*_FLOWERS[int(rng.integers(len(_FLOWERS)))]), light=0.06)
    height, width = ground.shape
    crowns = []
    for _ in range(count):
        px, py = x + spread * rng.standard_normal(), y + spread * rng.standard_normal()
        row, col = int(py), int(px)
        if not (0 <= row < height and 0 <= col < width) or ground.cover[row, col] != PRIMARY:
            continue
        radius = ground.scale * rng.uniform(0.6, 1.3) * rng.lognormal(0, 0.3)
        crowns.append(outline(rng, px, py, radius, corners=6, rough=0.15))
    if not crowns:
        return
    alpha = filled(ground.shape, crowns, 0.35) * ground.forest()
    # Single pixels never reach the full colour of the flowers.
    alpha = alpha * np.float32(rng.uniform(0.7, 1.0))
    ground.coat(alpha, flower, "blooming", grain=0.04, mottle=0.0, least=0.3)


def draw_blow_down(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """Windthrow: a fan of pale brown and green streaks that thins out down the wind."""
    height, width = ground.shape
    angle = rng.uniform(0, 2 * np.pi)
    rows, cols = np.ogrid[0:height, 0:width]
    dx, dy = f32(cols - x), f32(rows - y)
    along = (dx * np.cos(angle) + dy * np.sin(angle)) / radius
    across = (dy * np.cos(angle) - dx * np.sin(angle)) / radius
    opening = np.float32(0.42) + np.float32(0.28) * np.clip(along + 1, 0, 2)
    inside = 1 - np.hypot(along, across / opening)
    streaks = _streaks(rng, height, width, angle, ground.scale)
    density = np.clip(1.8 * inside, -1.5, 0.9) - np.float32(0.25) * np.clip(along, -1, 1)
    field = f32(density + 0.55 * streaks + 0.2 * ground.grain - 0.2)
    alpha = ramp(field, 0.7) * ground.forest()
    dead = jitter(rng, colour(128, 116, 98), light=0.07)
    fresh = jitter(rng, colour(82, 92, 68), light=0.07)
    share = ramp(streaks + ground.mottle, 2.0)[..., None]
    ground.paint(alpha * np.float32(0.9), f32(fresh + share * (dead - fresh)), "blow_down")
    shade = ramp(inside - np.float32(0.05), 0.5) * ground.forest() * np.float32(0.3)
    ground.coat(shade, dead * np.float32(0.72), "", grain=0.06, mottle=0.0)


def _streaks(rng: Rng, height: int, width: int, angle: float, scale: float) -> F32:
    """Noise drawn out along the wind, made by averaging copies shifted along it."""
    base = value_noise(rng, height, width, 3.0 * scale)
    total = np.zeros_like(base)
    for step in (-4.5, -1.5, 1.5, 4.5):
        total += shifted(base, step * scale * np.sin(angle), step * scale * np.cos(angle))
    return f32(total * np.float32(0.42))


def draw_logging(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """Selective logging: a winding haul road, skid trails like a faint comb, gaps all about."""
    trunk_angle = rng.uniform(0, 2 * np.pi)
    reach = radius * np.array([np.cos(trunk_angle), np.sin(trunk_angle)])
    middle = np.array([x, y])
    start, end = tuple(middle - reach), tuple(middle + reach)
    trunk = wandering(rng, start, end, sway=0.13, octaves=4)
    trails = [_trail(rng, trunk, trunk_angle, radius) for _ in range(int(rng.integers(3, 10)))]
    allowed = f32((ground.cover == PRIMARY) | (ground.cover == CODES["blooming"]))
    tone = f32(ground.palette.soil * 0.8 + ground.palette.forest * 0.2)
    tone = jitter(rng, tone, light=0.07)
    # Crowns hide most of a skid trail: it shows in short pieces.
    broken = ramp(ground.fine - 0.5 * ground.grain + np.float32(rng.uniform(-0.5, 0.8)), 1.0)
    skid = stroke(ground.shape, trails, 1) * broken * np.float32(rng.uniform(0.45, 0.9))
    gaps = _gaps(ground, rng, [trunk, *trails], radius) * np.float32(rng.uniform(0.5, 0.85))
    mask = f32(np.maximum(skid, gaps) * allowed)
    ground.coat(mask, tone, "", grain=0.06, mottle=0.04)
    near = blur(mask, 1.5 * ground.scale)
    ground.paint(near, ground.rgb, "selective_logging", least=0.12)
    if rng.random() < 0.75:
        yards = [_landing(ground, rng, trunk) for _ in range(int(rng.integers(0, 4)))]
        road = np.maximum(
            stroke(ground.shape, [trunk], 1 if rng.random() < 0.5 else 2),
            filled(ground.shape, yards, 0.6),
        )
        bright = f32(np.minimum(tone * np.float32(1.12), 200))
        ground.coat(f32(road * allowed), bright, "selective_logging", grain=0.05, mottle=0.04)


def _landing(ground: Ground, rng: Rng, trunk: Points) -> Points:
    """A yard beside the haul road where logs are loaded."""
    spot = trunk[int(rng.integers(len(trunk)))]
    size = ground.scale * rng.uniform(1.8, 4.5)
    return outline(rng, spot[0], spot[1], size, corners=7, rough=0.35)


def _gaps(ground: Ground, rng: Rng, lines: list[Points], radius: float) -> F32:
    """Holes where single trees were felled: short strokes scattered about the tracks."""
    strokes = []
    for _ in range(int(rng.integers(50, 220))):
        line = lines[int(rng.integers(len(lines)))]
        spot = line[int(rng.integers(len(line)))] + 0.33 * radius * rng.standard_normal(2)
        turn = rng.uniform(0, np.pi)
        long = ground.scale * rng.uniform(0.5, 4.0)
        reach = long * np.array([np.cos(turn), np.sin(turn)])
        strokes.append(np.stack([spot, spot + reach]))
    return stroke(ground.shape, strokes, 1)


def _trail(rng: Rng, trunk: Points, angle: float, radius: float) -> Points:
    begin = trunk[int(rng.integers(len(trunk)))]
    side = angle + rng.choice([-1, 1]) * rng.uniform(0.6, 1.5)
    length = radius * rng.uniform(0.3, 0.9)
    stop = begin + length * np.array([np.cos(side), np.sin(side)])
    return wandering(rng, (begin[0], begin[1]), (stop[0], stop[1]), sway=0.22)
