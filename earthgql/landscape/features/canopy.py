"""The canopy of untouched forest: crowns side by side, their light, and the relief below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import Palette, colour
from earthgql.landscape.drawing.shapes import scattered_cells
from earthgql.landscape.labels import PRIMARY
from earthgql.landscape.noise import F32, Rng, blur, f32, fractal, shifted, value_noise

_SPACING: Final = 3.4  # pixels of 4 m from crown to crown: 14 m
# How much of a crown's own colour shows in each channel: leaves differ in red and blue most.
_HUES: Final = ((1.0, 0.25, -0.7), (-0.35, 0.45, 0.25))


@dataclass(frozen=True)
class Crowns:
    """Tree crowns as cells about random stems.

    Attributes:
        height: float32 [h, w], a dome over every cell; standard deviation about 1.
        light: float32 [h, w], brightness of each crown's leaves; standard deviation 1.
        hues: two float32 [h, w], how far each crown is off the common colour along the two
            directions of ``_HUES``; standard deviation 1.
    """

    height: F32
    light: F32
    hues: tuple[F32, F32]


def plant_forest(
    rng: Rng, height: int, width: int, scale: float, palette: Palette, *, hills: float
) -> Ground:
    """Makes new ground all covered by primary forest.

    Args:
        rng: source of randomness.
        height: rows.
        width: columns.
        scale: pixels per 4 m.
        palette: colours of the landscape.
        hills: strength of the relief's shading, 0 (flat) to 1 (steep).

    Returns:
        Ground with every pixel labelled primary.
    """
    mottle = fractal(rng, height, width, 22 * scale, octaves=3, gain=0.6)
    broad = fractal(rng, height, width, 150 * scale, octaves=3)
    # The satellites pass in the morning: shadows fall to the west, north or south by season.
    angle = np.pi + rng.uniform(-0.9, 0.9)
    sun = (float(np.sin(angle)), float(np.cos(angle)))
    crowns = grow_crowns(rng, height, width, scale)
    rough = np.exp(np.float32(rng.uniform(0.03, 0.16)) * f32(mottle + broad))
    sunlit = _sunlit(rng, crowns, f32(rough), scale, sun)
    rgb = _leaves(rng, crowns, sunlit, palette.forest)
    # Stands differ in light and hue, far less than crowns do.
    light, tint = rng.uniform(0.004, 0.02, 2), np.float32(rng.uniform(0.3, 1.0))
    rgb *= (1 + np.float32(light[0]) * mottle + np.float32(light[1]) * broad)[..., None]
    rgb += (tint * (mottle + broad))[..., None] * colour(0.6, 0.45, -0.3)
    if hills > 0.05:
        shading = 1 + np.float32(0.13 * hills) * _relief(rng, height, width, scale, sun)
        rgb *= shading[..., None]
    cover = np.full((height, width), PRIMARY, dtype=np.uint8)
    lit = f32(np.maximum(rgb, 1, out=rgb))
    fine = fractal(rng, height, width, 4 * scale, octaves=3, gain=0.8)
    return Ground(lit, cover, crowns.height, fine, mottle, broad, scale, palette, sun)


def grow_crowns(rng: Rng, height: int, width: int, scale: float) -> Crowns:
    """Scatters stems and gives every pixel to the nearest one (a Voronoi tessellation)."""
    step = max(_SPACING * scale * rng.uniform(0.85, 1.25), 1.5)
    away, cell = scattered_cells(rng, (height, width), step)
    tables = rng.standard_normal((int(cell.max()) + 1, 4), dtype=np.float32)
    own, light, first, second = (np.ascontiguousarray(tables[:, i])[cell] for i in range(4))
    # A few crowns shine out, and some gaps are dark: more of both than a normal law has.
    light *= 1 + np.float32(rng.uniform(0.2, 1.2)) * (np.abs(light) > np.float32(1.9))
    # Neighbouring crowns reach about as high, so that groups of them stand out.
    group = value_noise(rng, height, width, 5.5 * scale)
    dome = f32(0.8 * own + 0.62 * group - (away * np.float32(1.25 / step)) ** 2)
    dome = (dome - dome.mean()) * np.float32(0.8)
    return Crowns(f32(dome), light, (first, second))


def _sunlit(rng: Rng, crowns: Crowns, rough: F32, scale: float, sun: tuple[float, float]) -> F32:
    """Brightness of the crowns relative to their mean, high towards the sun: float32 [h, w].

    Args:
        rng: source of randomness.
        crowns: the canopy.
        rough: float32 [h, w], how uneven it is from place to place, about 1.
        scale: pixels per 4 m.
        sun: unit vector (dy, dx) from a lit object to its shadow.
    """
    reach = 1.1 * scale
    slope = shifted(crowns.height, reach * sun[0], reach * sun[1])
    slope -= shifted(crowns.height, -reach * sun[0], -reach * sun[1])
    light = np.float32(-0.115) * blur(slope, 0.5)
    light += np.float32(0.042) * crowns.light + np.float32(0.03) * crowns.height
    return f32(1 + light * rough * np.float32(np.exp(rng.normal(-0.1, 0.16))))


def _leaves(rng: Rng, crowns: Crowns, light: F32, forest: F32) -> F32:
    """Colour of the crowns in this light, each a little off the forest's: float32 [h, w, 3]."""
    rgb = f32(light[..., None] * forest)
    colourful = 2.2 * rng.uniform(0.8, 1.4)
    for direction, hue in zip(_HUES, crowns.hues, strict=True):
        rgb += (hue * np.float32(colourful))[..., None] * colour(*direction)
    return rgb


def _relief(rng: Rng, height: int, width: int, scale: float, sun: tuple[float, float]) -> F32:
    """Shading of dissected hills: rounded ridges between sharp valleys."""
    first = fractal(rng, height, width, 90 * scale, octaves=3, gain=0.45)
    second = fractal(rng, height, width, 42 * scale, octaves=2)
    rise = blur(f32(-np.abs(first) - 0.35 * np.abs(second)), 1.5 * scale)
    span = 5 * scale
    slope = shifted(rise, span * sun[0], span * sun[1]) - rise
    return f32(np.clip(slope * np.float32(5.0), -2.2, 2.2))
