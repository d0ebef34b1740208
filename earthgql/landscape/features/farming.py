"""Land in use by farmers: fields and pastures, shifting cultivation, burnt clearings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.noise import F32, Rng, blur, f32, ramp
from earthgql.landscape.drawing.palette import colour, jitter
from earthgql.landscape.drawing.shapes import filled, outline
from earthgql.landscape.labels import CODES


def draw_fields(
    ground: Ground,
    rng: Rng,
    clearing: F32,
    angle: float,
    *,
    length: tuple[float, float] = (45, 130),
    only_forest: bool = False,
) -> None:
    """Carves straight-edged fields where the clearing field is positive on average.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        clearing: float32 [h, w]; a parcel whose mean is above 0 becomes a field.
        angle: direction of the parcels in radians.
        length: least and largest side of a parcel in pixels.
        only_forest: leave everything but primary forest as it is.
    """
    parcels, count, edge = _parcels(ground, rng, angle, length)
    size = np.maximum(np.bincount(parcels.ravel(), minlength=count), 1)
    mean = np.bincount(parcels.ravel(), weights=clearing.ravel(), minlength=count) / size
    cleared = mean > 0
    tones, speckle, streak = _field_tables(ground, rng, count)
    inside = f32(cleared[parcels])
    # Field edges follow the fence but old trees hang over it, so soften and roughen them a bit.
    rough = blur(inside, 0.8) + np.float32(0.07) * ground.grain * f32(edge < 3)
    alpha = np.clip((rough - np.float32(0.35)) * np.float32(3), 0, 1) * inside
    alpha = alpha * f32(ground.cover != CODES["water"])
    if only_forest:
        alpha = alpha * ground.forest()
    surface = tones[parcels]
    light = 1 + streak[parcels] * ground.mottle + np.float32(0.03) * ground.grain
    light += np.float32(0.05) * ground.broad
    ground.paint(alpha, f32(surface * light[..., None]), "agriculture")
    _field_trees(ground, rng, alpha, edge, speckle[parcels])


def _parcels(
    ground: Ground, rng: Rng, angle: float, length: tuple[float, float]
) -> tuple[npt.NDArray[np.intp], int, F32]:
    """Numbers the parcels of a skewed grid; also the distance from the nearest long edge."""
    height, width = ground.shape
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    sway = np.float32(rng.uniform(1.5, 9.0)) * ground.broad
    along = cols * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle)) + sway
    across = rows * np.float32(np.cos(angle)) - cols * np.float32(np.sin(angle)) + sway
    low, high = float(along.min()), float(along.max())
    cuts = low + np.cumsum(rng.uniform(*length, int((high - low) / length[0]) + 3)) - length[1] / 2
    column = np.searchsorted(cuts, along)
    sides = rng.uniform(length[0], 1.6 * length[1], len(cuts) + 1).astype(np.float32)
    offsets = rng.uniform(0, 500, len(cuts) + 1).astype(np.float32) - np.float32(across.min())
    row = ((across + offsets[column]) / sides[column]).astype(np.intp)
    per_column = int(row.max()) + 1
    ends = np.concatenate([[low - 1e3], cuts, [high + 1e3]])
    edge = np.minimum(along - ends[column], ends[column + 1] - along)
    return column * per_column + row, (len(cuts) + 1) * per_column, f32(edge)


def _field_tables(ground: Ground, rng: Rng, count: int) -> tuple[F32, F32, F32]:
    # Most parcels of a farm look alike; a few stand out.
    few = np.stack([ground.palette.field(rng) for _ in range(9)])
    choice = np.minimum(rng.geometric(rng.uniform(0.15, 0.45), count) - 1, 8)
    tones = few[choice]
    tones = f32(tones * (1 + 0.05 * rng.standard_normal((count, 1))))
    speckle = rng.uniform(1.6, 4.5, count)
    streak = rng.uniform(0.01, 0.06, count)
    return tones, f32(speckle), f32(streak)


def _field_trees(ground: Ground, rng: Rng, alpha: F32, edge: F32, level: F32) -> None:
    """Single trees and tree lines that pastures keep."""
    lone = ramp(ground.grain + np.float32(0.5) * ground.mottle - level, 0.5)
    lines = ramp(np.float32(1.6) - edge, 1.0) * f32(ground.mottle > rng.uniform(-0.5, 1.2))
    mask = np.maximum(lone, lines * np.float32(0.8)) * f32(alpha > 0.6) * np.float32(0.8)
    ground.paint(mask, ground.palette.forest, "")


def draw_pasture(ground: Ground, rng: Rng, clearing: F32) -> None:
    """Old cattle land with ragged edges: patchy grass, forest remnants and single trees.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        clearing: float32 [h, w], above 0 where the forest was cleared (1 well inside).
    """
    dry_land = f32(ground.cover != CODES["water"])
    edge = clearing + np.float32(0.10) * ground.mottle + np.float32(0.02) * ground.grain
    remnant = ramp(ground.mottle + ground.broad - np.float32(rng.uniform(1.6, 3.2)), 0.4)
    alpha = ramp(f32(edge), 0.06) * (1 - remnant) * dry_land
    first, second = ground.palette.grass(rng), ground.palette.field(rng)
    third = ground.palette.soil * np.float32(0.8) + ground.palette.forest * np.float32(0.2)
    mix = ramp(f32(ground.broad - np.float32(0.6) * ground.mottle + rng.normal(0, 0.5)), 1.5)
    worn = ramp(ground.mottle - ground.broad - np.float32(rng.uniform(1.0, 2.4)), 0.9)
    tone = first + mix[..., None] * (second - first)
    tone += np.float32(0.7) * worn[..., None] * (third - tone)
    ground.coat(alpha, f32(tone), "agriculture", grain=0.04, mottle=0.05)
    trees = ground.grain + np.float32(0.5) * ground.mottle - np.float32(rng.uniform(1.5, 2.6))
    ground.paint(ramp(f32(trees), 0.5) * alpha * np.float32(0.8), ground.palette.forest, "")


def draw_plots(
    ground: Ground,
    rng: Rng,
    x: float,
    y: float,
    *,
    spread: float,
    count: int,
    size: float = 9.0,
) -> None:
    """Shifting cultivation: small irregular plots and fallows scattered in the forest.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        x: column of the middle in pixels.
        y: row of the middle in pixels.
        spread: standard deviation of the plots' distance from the middle in pixels.
        count: number of plots.
        size: typical radius of a plot in pixels.
    """
    for _ in range(count):
        px, py = x + spread * rng.standard_normal(), y + spread * rng.standard_normal()
        radius = float(np.clip(size * rng.lognormal(0, 0.3), 4.5, 17))
        part, centre_x, centre_y = ground.local(px, py, 2.6 * radius)
        if min(part.shape) < 6:
            continue
        corners = int(rng.integers(4, 8))
        shape = outline(rng, centre_x, centre_y, radius, corners=corners, rough=0.14, stretch=1.2)
        inside = blur(filled(part.shape, [shape], 0.0), 1.5)
        alpha = ramp(inside - np.float32(0.5) + np.float32(0.05) * part.grain, 0.4)
        alpha = alpha * f32(part.cover != CODES["water"])
        _sow(part, rng, alpha)


def _sow(part: Ground, rng: Rng, alpha: F32) -> None:
    kind = rng.random()
    if kind < 0.18:
        fallow = part.palette.forest * 0.45 + colour(86, 112, 66) * 0.55
        fallow = jitter(rng, f32(fallow), light=0.05)
        part.coat(alpha, fallow, None, grain=0.05, mottle=0.05)
        return
    if kind < 0.6:
        tone = jitter(rng, colour(100, 122, 78), light=0.1)
    elif kind < 0.85:
        tone = jitter(rng, colour(136, 128, 102), light=0.08)
    else:
        tone = jitter(rng, part.palette.soil, light=0.06)
    part.coat(alpha, tone, "cultivation", grain=0.05, mottle=0.05)


def draw_burn(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """A burnt clearing: char with grey ash, felled trunks left, a scorched brown rim."""
    corners = int(rng.integers(5, 10))
    shape = outline(rng, x, y, radius, corners=corners, rough=0.2, stretch=rng.uniform(1, 1.35))
    spread = blur(filled(ground.shape, [shape]), 2.6 * ground.scale)
    alpha = ramp(spread - np.float32(0.5) + np.float32(0.12) * ground.mottle, 0.25)
    alpha = alpha * f32(spread > 0.03)
    rim = ramp(blur(alpha, 3.0) - np.float32(0.22), 0.3) * np.float32(0.55)
    ground.coat(rim, colour(92, 76, 62), "", grain=0.06, mottle=0.06)
    char = jitter(rng, colour(42, 35, 34), light=0.12)
    brown = jitter(rng, colour(74, 57, 47), light=0.08)
    share = ramp(ground.mottle + 0.5 * ground.grain - np.float32(rng.uniform(-0.3, 0.9)), 1.2)
    surface = f32(char + share[..., None] * (brown - char))
    ground.paint(alpha, f32(surface * (1 + 0.1 * ground.grain[..., None])), "slash_burn")
    ash = ramp(0.7 * ground.mottle - 0.8 * ground.grain - np.float32(rng.uniform(1.35, 2.1)), 0.6)
    ground.paint(ash * alpha * np.float32(0.75), colour(134, 128, 124), "")
