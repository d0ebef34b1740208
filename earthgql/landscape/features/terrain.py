"""Untouched land: the canopy with its relief, natural meadows, rivers and bare outcrops."""

from __future__ import annotations

import numpy as np

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import colour, jitter
from earthgql.landscape.drawing.shapes import Points, distance
from earthgql.landscape.noise import (
    F32,
    Rng,
    f32,
    ramp,
)


def draw_meadow(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """A natural wet meadow with ragged edges: unlabelled, a confuser of pasture."""
    field = _patch(ground, x, y, radius, 0.55)
    base = ground.palette.grass(rng) * np.float32(0.82)
    ground.coat(ramp(field, 0.12), base, None, grain=0.07, mottle=0.06, broad=0.03)


def draw_bare(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """Natural bare ground: brown or pale hills with scrub thinning out into them."""
    field = _patch(ground, x, y, radius, 0.55)
    kinds = (ground.palette.soil, colour(170, 160, 144), colour(112, 100, 84), colour(96, 98, 74))
    base = jitter(rng, f32(kinds[int(rng.integers(len(kinds)))] * rng.uniform(0.75, 1.05)))
    second = f32(base * rng.uniform(0.7, 0.95) + ground.palette.grass(rng) * 0.15)
    share = ramp(ground.broad + np.float32(0.7) * ground.ragged(), 2.5)[..., None]
    surface = f32(base + share * (second - base))
    scrub = ground.tinted(base * 0.4 + ground.palette.forest * 0.6, grain=0.08, mottle=0.05)
    ground.paint(ramp(field + np.float32(0.25), 0.35), scrub, None, least=0.75)
    ground.coat(ramp(field, 0.3), surface, "bare_ground", grain=0.07, mottle=0.05, broad=0.03)
    shrubs = ramp(ground.grain + 0.6 * ground.fine - np.float32(rng.uniform(1.4, 3.0)), 0.7)
    shrubs *= f32(field > 0) * np.float32(0.7)
    ground.paint(shrubs, ground.palette.forest, "")


def draw_scar(ground: Ground, rng: Rng, course: Points, half_width: float) -> None:
    """The bed of a former river, overgrown with lower and greener trees; still forest."""
    away = distance(ground.shape, [course]) + np.float32(0.8) * ground.ragged()
    alpha = ramp(np.float32(half_width) - away, 2.0) * ground.forest()
    green = ground.palette.forest + colour(*rng.uniform((4, 5, 1), (14, 15, 8)))
    ground.coat(alpha * np.float32(rng.uniform(0.5, 0.9)), f32(green), "", grain=0.03, mottle=0.03)


def _patch(ground: Ground, x: float, y: float, radius: float, rough: float) -> F32:
    """A signed field above 0 inside a ragged patch around a point (1 in its middle)."""
    height, width = ground.shape
    rows, cols = np.ogrid[0:height, 0:width]
    off = np.hypot((rows - y) / radius, (cols - x) / radius)
    field = np.float32(1) - f32(off)
    field += np.float32(rough * 0.7) * ground.broad + np.float32(rough * 0.35) * ground.ragged()
    return f32(np.minimum(field, 1.6 * (1.7 - off)))


def draw_river(ground: Ground, rng: Rng, course: Points, half_width: float, *, sand: float) -> None:
    """A river with uneven banks, sandbars and a paler flood plain.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        course: centreline, [n, 2] of x and y in pixels.
        half_width: half the river's width in pixels.
        sand: how much of the banks is sand, 0 to 1.
    """
    away = distance(ground.shape, [course])
    uneven = min(0.1 * half_width, 1.0)
    away = (
        away + np.float32(uneven) * ground.ragged() + np.float32(0.12 * half_width) * ground.broad
    )
    plain = ramp(np.float32(half_width * 1.6 + 7) - away, 0.8 * half_width + 8) * np.float32(0.4)
    ground.coat(plain, ground.palette.forest * 1.14, "", grain=0.06, mottle=0.04)
    if sand > 0.02 and half_width > 3:
        bar = ground.broad + np.float32(0.4) * ground.mottle + np.float32(2.4 * sand - 1.5)
        reach = np.float32(half_width) + np.clip(bar, 0, 1.3) * np.float32(0.45 * half_width)
        beach = ramp(reach - away, 2.0) * f32(bar > 0.05)
        tone = jitter(rng, colour(208, 194, 174) * 0.7 + ground.palette.soil * 0.3)
        ground.coat(beach, f32(tone), None, grain=0.05, mottle=0.05)
    tone = jitter(rng, ground.palette.water, light=0.05, hue=0.02)
    deep = np.clip(away / np.float32(max(half_width, 1)), 0, 1)
    light = np.float32(0.96) + np.float32(0.1) * deep + np.float32(0.02) * ground.broad
    surface = f32(light[..., None] * tone)
    ground.paint(ramp(np.float32(half_width) - away, 1.6), surface, "water")


def draw_lake(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """A dark lake or oxbow remnant with a narrow marshy rim."""
    field = _patch(ground, x, y, radius, 0.35)
    rim = ground.tinted(ground.palette.grass(rng) * np.float32(0.8), grain=0.05, mottle=0.05)
    ground.paint(ramp(field + np.float32(3.5 / radius), 3 / radius), rim, None)
    tone = jitter(rng, ground.palette.water, light=0.06)
    ground.coat(ramp(field, 2 / radius), tone, "water", grain=0.0, mottle=0.01)
