"""Seeded random fields, all float32 with mean about 0 and standard deviation about 1."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Rng = np.random.Generator
_COARSE: Final = 16


def f32(array: Any) -> F32:
    """Returns the array as float32, without a copy where it already is."""
    return np.asarray(array, dtype=np.float32)


def value_noise(rng: Rng, height: int, width: int, cell: float) -> F32:
    """Smooth noise whose blobs are about `cell` pixels wide.

    Args:
        rng: source of randomness.
        height: rows of the result.
        width: columns of the result.
        cell: distance of the random nodes in pixels, at least 1.

    Returns:
        float32 [height, width], standard deviation about 1.
    """
    step = max(cell, 1.0)
    if step >= _COARSE and min(height, width) >= 2 * _COARSE:
        # Coarse noise is smooth: make it four times smaller and stretch it.
        low, narrow = height // 4 + 2, width // 4 + 2
        small = value_noise(rng, low, narrow, step / 4)
        return f32(cv2.resize(small, (4 * narrow, 4 * low))[:height, :width])
    rows, cols = int(height / step) + 4, int(width / step) + 4
    nodes = rng.standard_normal((rows, cols), dtype=np.float32)
    size = max(round(cols * step), width + 2), max(round(rows * step), height + 2)
    field = cv2.resize(nodes, size, interpolation=cv2.INTER_CUBIC)
    # A random phase, so that the nodes of several octaves do not fall upon each other.
    top = int(rng.integers(0, size[1] - height))
    left = int(rng.integers(0, size[0] - width))
    return f32(field[top : top + height, left : left + width]) * np.float32(1.35)


def fractal(
    rng: Rng, height: int, width: int, cell: float, *, octaves: int = 4, gain: float = 0.5
) -> F32:
    """Sum of octaves of value noise, the coarsest with blobs of `cell` pixels.

    Returns:
        float32 [height, width], standard deviation about 1.
    """
    total = np.zeros((height, width), dtype=np.float32)
    weight, power = 1.0, 0.0
    for octave in range(octaves):
        size = cell / 2**octave
        if size < 1.0:
            break
        total += value_noise(rng, height, width, size) * np.float32(weight)
        power += weight**2
        weight *= gain
    return total * np.float32(1 / np.sqrt(max(power, 1e-6)))


def smooth_walk(rng: Rng, count: int, cell: float, *, octaves: int = 3) -> F32:
    """One-dimensional fractal noise: float32 [count], standard deviation about 1."""
    total = np.zeros(count, dtype=np.float32)
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        nodes = rng.standard_normal((1, int(count / step) + 4), dtype=np.float32)
        size = round(nodes.shape[1] * step)
        stretched = cv2.resize(nodes, (size, 1), interpolation=cv2.INTER_CUBIC)
        begin = int(rng.integers(0, max(size - count, 1)))
        total += f32(stretched)[0, begin : begin + count] * np.float32(0.5**octave)
    return total


def ramp(field: F32, edge: float) -> F32:
    """Turns a signed field into a soft mask 0..1, `edge` units wide around zero."""
    return f32(np.clip(field * np.float32(1 / edge) + np.float32(0.5), 0, 1))


def blur(field: F32, sigma: float) -> F32:
    """Gaussian blur with `sigma` in pixels; below 0.2 px the field itself."""
    if sigma < 0.2:
        return field
    return f32(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101))


def shifted(field: F32, dy: float, dx: float) -> F32:
    """Moves a field by whole and broken pixels, repeating its border."""
    matrix = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float64)
    size = (field.shape[1], field.shape[0])
    return f32(cv2.warpAffine(field, matrix, size, borderMode=cv2.BORDER_REPLICATE))
