"""Mines: muddy diggings of small miners along streams and large terraced open pits."""

from __future__ import annotations

import cv2
import numpy as np

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import colour, jitter
from earthgql.landscape.drawing.shapes import Points, distance, filled, outline, patches, stroke
from earthgql.landscape.labels import CODES
from earthgql.landscape.noise import F32, Rng, blur, f32, ramp, shifted


def draw_diggings(
    ground: Ground, rng: Rng, course: Points, half_width: float, *, start: float, stop: float
) -> None:
    """Pitted orange-tan land along a stream, full of ponds of odd colours.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        course: the stream's centreline, [n, 2] in pixels.
        half_width: half the width of the dug strip in pixels.
        start: where along the course the digging begins, 0 to 1.
        stop: where it ends, 0 to 1.
    """
    count = len(course)
    reach = course[int(start * count) : max(int(stop * count), int(start * count) + 3)]
    away = distance(ground.shape, [reach])
    depth = _water_depth(ground)
    along = np.clip(reach.astype(np.intp), 0, np.array(ground.shape[::-1]) - 1)
    # On a wide river they dig the banks, not its middle.
    strip = np.float32(half_width + depth[along[:, 1], along[:, 0]].max()) - away
    field = strip + np.float32(0.4 * half_width) * ground.broad
    field += np.float32(0.35 * half_width) * ground.ragged()
    mud = jitter(rng, ground.palette.soil * 0.5 + colour(188, 166, 140) * 0.5, light=0.06)
    flats = rng.random() < 0.4
    tone = _sand(ground, rng, f32(mud)) if flats else _pits(ground, rng, f32(mud))
    # Green islands remain; washed sand is full of them.
    islands = ground.mottle + np.float32(0.8 if flats else -1.0) * ground.fine
    level = rng.uniform(0.2, 1.4) if flats else rng.uniform(1.2, 2.6)
    alpha = ramp(field, 2.0) * (1 - ramp(islands - np.float32(level), 0.6))
    alpha *= ramp(np.float32(5 * ground.scale) - depth, 3.0)
    ground.coat(alpha, tone, "artisinal_mine", grain=0.06, mottle=0.05, broad=0.04)
    rim = ramp(ground.fine - np.float32(0.9), 0.6) * ramp(field, 4.0) * np.float32(0.5)
    ground.paint(f32(rim), f32(mud * np.float32(1.18)), "")


def _water_depth(ground: Ground) -> F32:
    """Distance of every pixel of water from its bank in pixels: float32 [h, w]."""
    water = (ground.cover == CODES["water"]).astype(np.uint8)
    return f32(cv2.distanceTransform(water, cv2.DIST_L2, 5))


def _sand(ground: Ground, rng: Rng, mud: F32) -> F32:
    """Washed sand, from pale to muddy in soft streaks: float32 [h, w, 3]."""
    wet = ramp(ground.broad + 0.8 * ground.mottle - np.float32(rng.uniform(-0.5, 1.2)), 2.0)
    dark = mud * np.float32(rng.uniform(0.6, 0.8))
    pale = mud * np.float32(1.1)
    return f32(pale + wet[..., None] * (dark - pale))


def _pits(ground: Ground, rng: Rng, mud: F32) -> F32:
    """Sand, mud and ponds side by side in patches some pixels wide: float32 [h, w, 3]."""
    tones = [mud, mud * 1.16, mud * 0.84, mud * 0.62, *(ground.palette.pond(rng) for _ in range(2))]
    shares = np.array([0.34, 0.24, 0.16, 0.08, 0.10, 0.08])
    patch = patches(rng, ground.shape, ground.scale * rng.uniform(6, 13))
    chosen = rng.choice(len(tones), size=int(patch.max()) + 1, p=shares)
    return f32(np.array(tones)[chosen[patch]])


def draw_pit(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """A large open pit: terraces stepping down, haul road, spoil heaps and tailing ponds."""
    shape = outline(rng, x, y, radius, corners=int(rng.integers(6, 10)), rough=0.16, stretch=1.15)
    yard = outline(rng, x, y, radius * 1.35, corners=int(rng.integers(5, 8)), rough=0.15)
    ore = _ore(rng, ground.palette.soil)
    spread = blur(filled(ground.shape, [yard, shape]), 4.5 * ground.scale)
    rough = spread - np.float32(0.5) + np.float32(0.14) * ground.ragged()
    apron = ramp(rough, 0.14) * f32(spread > 0.03)
    ground.coat(apron, ore, "conventional_mine", grain=0.025, mottle=0.06)
    hole = blur(filled(ground.shape, [shape], 0.0), 4.0 * ground.scale)
    hole = hole + np.float32(0.08) * ground.ragged() * f32(hole > 0.05)
    mask = (hole > 0.5).astype(np.uint8)
    if mask.any():
        _terraces(ground, rng, mask, ore, radius)
    _tailings(ground, rng, x, y, radius)
    lines = [outline(rng, x, y, radius * 1.12, corners=12, rough=0.06)]
    haul = stroke(ground.shape, lines, 2 * ground.scale) * apron
    ground.paint(haul, f32(np.minimum(ore * np.float32(1.14), 225)), "")


def _ore(rng: Rng, soil: F32) -> F32:
    kinds = (soil, colour(150, 112, 96), colour(158, 152, 144), colour(172, 140, 104))
    return jitter(rng, kinds[int(rng.integers(len(kinds)))], light=0.06)


def _terraces(
    ground: Ground, rng: Rng, mask: np.typing.NDArray[np.uint8], ore: F32, radius: float
) -> None:
    depth = f32(cv2.distanceTransform(mask, cv2.DIST_L2, 5))
    width = max(radius / rng.uniform(5, 8), 5.0 * ground.scale)
    level = f32((blur(depth, 2.0) + np.float32(0.2 * width) * ground.ragged()) / np.float32(width))
    bench = np.floor(level)
    phase = level - bench
    broken = ramp(ground.mottle + np.float32(0.9), 1.6)
    wall = ramp(f32(np.float32(0.32) - phase), 0.25) * broken
    # Walls that face the sun are bright, the others dark.
    rise = blur(depth, 1.0)
    facing = shifted(rise, ground.sun[0], ground.sun[1]) - rise
    light = np.float32(1.02) - np.float32(0.05) * bench
    light += np.float32(0.22) * wall * (facing - np.float32(0.25))
    light += np.float32(0.05) * ground.fine + np.float32(0.05) * ground.mottle
    inside = f32(mask)
    rock = jitter(rng, ore.mean() * colour(0.80, 0.78, 0.76), light=0.1)
    layer = ramp(ground.broad + np.float32(0.7) * ground.mottle, 2.0)[..., None]
    surface = f32((ore + layer * (rock - ore)) * np.clip(light, 0.35, 1.2)[..., None])
    ground.paint(inside, surface, "conventional_mine")
    if rng.random() < 0.6:
        floor = ramp(f32(level - np.float32(level.max() * 0.72)), 0.3) * inside
        ground.paint(floor, ground.palette.pond(rng), "conventional_mine")


def _tailings(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.uniform(0, 2 * np.pi)
        px = x + 1.55 * radius * np.cos(angle)
        py = y + 1.55 * radius * np.sin(angle)
        size = radius * rng.uniform(0.28, 0.5)
        basin = outline(rng, px, py, size, corners=4, rough=0.08, stretch=1.15)
        dam = outline_scaled(basin, 1.22)
        ground.paint(
            filled(ground.shape, [dam], 0.6),
            f32(np.minimum(ground.palette.soil * np.float32(1.1), 215)),
            "conventional_mine",
        )
        tone = ground.palette.pond(rng)
        surface = ground.tinted(tone, grain=0.0, mottle=0.01, broad=0.05)
        ground.paint(filled(ground.shape, [basin], 0.5), surface, "conventional_mine")


def outline_scaled(points: Points, factor: float) -> Points:
    """The same outline grown about its centre by a factor."""
    centre = points.mean(axis=0)
    grown: Points = centre + factor * (points - centre)
    return grown
