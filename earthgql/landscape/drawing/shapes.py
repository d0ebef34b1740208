"""Lines and outlines: meanders, roads and blobs as points, strokes, masks and distances."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.landscape.noise import F32, Rng, f32, smooth_walk

Points = npt.NDArray[np.float64]
_SHIFT = 4


def _fixed(points: Points) -> npt.NDArray[np.int32]:
    return np.round(points * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)


def meander(
    rng: Rng,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    bend: float,
    wavelength: float,
    step: float = 4.0,
) -> Points:
    """A sine-generated river course between two points.

    Args:
        rng: source of randomness.
        start: (x, y) in pixels.
        end: (x, y) in pixels.
        bend: largest angle off the general direction in radians; above 1.5 it makes loops.
        wavelength: length of one meander along the course in pixels.
        step: distance of the points in pixels.

    Returns:
        float64 [n, 2], x and y.
    """
    first, last = np.asarray(start, float), np.asarray(end, float)
    chord = float(np.hypot(*(last - first)))
    count = max(int(chord * (1 + 0.35 * bend**2) / step), 8)
    drift = 2.2 * smooth_walk(rng, count, 1.3 * wavelength / step)
    phase = np.arange(count) * (2 * np.pi * step / wavelength) + drift
    swing = bend * (0.75 + 0.3 * smooth_walk(rng, count, 2 * wavelength / step))
    angle = swing * np.sin(phase) + 0.3 * bend * smooth_walk(rng, count, wavelength / step)
    path = np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0)
    path -= path[0]
    return _between(path, first, last)


def _between(path: Points, first: Points, last: Points) -> Points:
    """Turns and stretches a path that starts at the origin to join two points."""
    goal, own = complex(*(last - first)), complex(*path[-1])
    ratio = goal / own if abs(own) > 1e-6 else goal
    turned = (path[:, 0] + 1j * path[:, 1]) * ratio
    return np.stack([turned.real + first[0], turned.imag + first[1]], axis=1)


def wandering(
    rng: Rng,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    sway: float,
    octaves: int = 2,
) -> Points:
    """A nearly straight course, as of a road.

    Args:
        rng: source of randomness.
        start: (x, y) in pixels.
        end: (x, y) in pixels.
        sway: deviation relative to the length.
        octaves: scales of bends; two are smooth, four crooked.

    Returns:
        float64 [n, 2], x and y.
    """
    first, last = np.asarray(start, float), np.asarray(end, float)
    length = float(np.hypot(*(last - first)))
    count = max(int(length / 6), 4)
    along = np.linspace(0, 1, count)
    walk = smooth_walk(rng, count, max(count / 3, 2), octaves=octaves)
    off = sway * length * walk * np.sin(np.pi * along)
    direction = (last - first) / max(length, 1e-6)
    normal = np.array([-direction[1], direction[0]])
    line: Points = first + along[:, None] * (last - first) + off[:, None] * normal
    return line


def stroke(shape: tuple[int, int], lines: list[Points], width: float) -> F32:
    """Antialiased mask 0..1 of lines `width` pixels wide."""
    mask = np.zeros(shape, dtype=np.uint8)
    thick = max(round(width), 1)
    for line in lines:
        cv2.polylines(mask, [_fixed(line)], False, 255, thick, cv2.LINE_AA, _SHIFT)
    soft = f32(cv2.GaussianBlur(mask, (3, 3), 0.5))
    # The blur halves the peak of a one-pixel line; give it back.
    return f32(np.minimum(soft * np.float32((1.6 if thick == 1 else 1.1) / 255), 1))


def distance(shape: tuple[int, int], lines: list[Points]) -> F32:
    """Distance in pixels of every pixel from the nearest line (large where there is none)."""
    mask = np.full(shape, 255, dtype=np.uint8)
    for line in lines:
        cv2.polylines(mask, [_fixed(line)], False, 0, 1, cv2.LINE_8, _SHIFT)
    if int(mask.min()) == 255:
        return np.full(shape, 1e4, dtype=np.float32)
    return f32(cv2.distanceTransform(mask, cv2.DIST_L2, 5))


def scattered_cells(
    rng: Rng, shape: tuple[int, int], spacing: float
) -> tuple[F32, npt.NDArray[np.int32]]:
    """A Voronoi tessellation of random points about `spacing` pixels apart.

    Returns:
        The distance of every pixel to the nearest point, float32 [h, w], and that point's
        number from 1, int32 [h, w].
    """
    height, width = shape
    count = max(int(height * width / spacing**2), 4)
    free: npt.NDArray[np.uint8] = np.ones(shape, dtype=np.uint8)
    free[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    away, cell = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return f32(away), np.asarray(cell, dtype=np.int32)


def patches(rng: Rng, shape: tuple[int, int], spacing: float) -> npt.NDArray[np.int32]:
    """Numbers irregular patches about `spacing` pixels wide, with crooked borders: int32 [h, w]."""
    _, cell = scattered_cells(rng, shape, spacing)
    height, width = shape
    shake = rng.standard_normal((2, height, width), dtype=np.float32)
    dy, dx = (cv2.GaussianBlur(field, (0, 0), 1.5) * (1.3 * spacing) for field in shake)
    rows = np.clip(np.arange(height)[:, None] + dy, 0, height - 1).astype(np.intp)
    cols = np.clip(np.arange(width) + dx, 0, width - 1).astype(np.intp)
    crooked: npt.NDArray[np.int32] = cell[rows, cols]
    return crooked


def outline(
    rng: Rng,
    x: float,
    y: float,
    radius: float,
    *,
    corners: int = 9,
    rough: float = 0.25,
    stretch: float = 1.0,
) -> Points:
    """An irregular closed outline around a point: float64 [corners, 2]."""
    turn = np.sort(rng.uniform(-0.35, 0.35, corners) + np.arange(corners)) * 2 * np.pi / corners
    reach = radius * np.clip(1 + rough * rng.standard_normal(corners), 0.35, 1.7)
    axis = rng.uniform(0, np.pi)
    along = reach * np.cos(turn) * stretch
    across = reach * np.sin(turn) / stretch
    px = x + along * np.cos(axis) - across * np.sin(axis)
    py = y + along * np.sin(axis) + across * np.cos(axis)
    return np.stack([px, py], axis=1)


def filled(shape: tuple[int, int], outlines: list[Points], soft: float = 0.6) -> F32:
    """Antialiased mask 0..1 of closed outlines, its edge blurred by `soft` pixels."""
    mask = np.zeros(shape, dtype=np.uint8)
    for points in outlines:
        cv2.fillPoly(mask, [_fixed(points)], 255, cv2.LINE_AA, _SHIFT)
    if soft >= 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), soft).astype(np.uint8)
    return f32(mask) * np.float32(1 / 255)


def through(rng: Rng, height: int, width: int, *, margin: float = 20.0) -> tuple[Points, Points]:
    """Two points outside a canvas whose connection crosses its middle part."""
    angle = rng.uniform(0, 2 * np.pi)
    centre = np.array([rng.uniform(0.25, 0.75) * width, rng.uniform(0.25, 0.75) * height])
    direction = np.array([np.cos(angle), np.sin(angle)])
    reach = 0.75 * float(np.hypot(height, width)) + margin
    return centre - reach * direction, centre + reach * direction
