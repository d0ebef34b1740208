"""Land in use by farmers: fields and pastures, shifting cultivation, burnt clearings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import colour, jitter
from earthgql.landscape.drawing.shapes import filled, outline, stroke, wandering
from earthgql.landscape.labels import CODES
from earthgql.landscape.noise import F32, Rng, blur, f32, ramp, value_noise


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
    rough = blur(inside, 0.9) + np.float32(0.12) * ground.grain * f32(edge < 4)
    alpha = np.clip((rough - np.float32(0.35)) * np.float32(3), 0, 1) * inside
    alpha = alpha * f32(ground.cover != CODES["water"])
    if only_forest:
        alpha = alpha * ground.forest()
    surface = tones[parcels]
    light = 1 + streak[parcels] * ground.mottle
    light += np.float32(rng.uniform(0.02, 0.06)) * ground.fine
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
    lone = ramp(ground.grain + np.float32(0.3) * ground.mottle - level, 0.5)
    lines = ramp(np.float32(1.6) - edge, 1.0) * f32(ground.mottle > rng.uniform(-0.5, 1.2))
    mask = np.maximum(lone, lines * np.float32(0.8)) * f32(alpha > 0.6) * np.float32(0.8)
    ground.paint(mask, ground.palette.forest, "")


def draw_pasture(ground: Ground, rng: Rng, clearing: F32) -> None:
    """Old cattle land with ragged edges: patchy grass, worn soil, tracks and single trees.

    Args:
        ground: what to paint on.
        rng: source of randomness.
        clearing: float32 [h, w], above 0 where the forest was cleared (1 well inside).
    """
    dry_land = f32(ground.cover != CODES["water"])
    edge = clearing + np.float32(0.09) * ground.ragged()
    remnant = ramp(ground.ragged() + ground.broad - np.float32(rng.uniform(1.8, 4.0)), 0.4)
    alpha = ramp(f32(edge), 0.06) * (1 - remnant) * dry_land
    first, second = ground.palette.grass(rng), ground.palette.field(rng)
    third = ground.palette.soil * np.float32(0.8) + ground.palette.forest * np.float32(0.2)
    turf = ground.broad - np.float32(0.6) * ground.mottle + np.float32(0.2) * ground.fine
    mix = ramp(f32(turf + rng.normal(0, 0.5)), 1.6)
    worn = ramp(ground.ragged() - ground.broad - np.float32(rng.uniform(0.8, 2.4)), 1.2)
    tone = first + mix[..., None] * (second - first)
    tone += np.float32(0.7) * worn[..., None] * (third - tone)
    strength = rng.uniform(0.03, 0.08)
    ground.coat(alpha, f32(tone), "agriculture", grain=strength, mottle=0.04)
    _cattle_tracks(ground, rng, alpha, f32(third * 1.1))
    trees = ground.grain + np.float32(0.3) * ground.mottle - np.float32(rng.uniform(1.7, 3.2))
    shade = ground.palette.forest * np.float32(0.85)
    ground.paint(ramp(f32(trees), 0.6) * alpha * np.float32(0.85), f32(shade), "")


def _cattle_tracks(ground: Ground, rng: Rng, alpha: F32, tone: F32) -> None:
    """Faint paths across a pasture."""
    height, width = ground.shape
    paths = []
    for _ in range(int(rng.integers(0, 5))):
        ends = rng.uniform(0, 1, (2, 2)) * (width, height)
        begin, end = (tuple(map(float, point)) for point in ends)
        paths.append(wandering(rng, (begin[0], begin[1]), (end[0], end[1]), sway=0.06))
    if paths:
        faint = stroke(ground.shape, paths, 1) * alpha * np.float32(rng.uniform(0.25, 0.7))
        ground.paint(faint, tone, "")


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
        radius = float(np.clip(size * rng.lognormal(0, 0.35), 4.5, 24))
        part, centre_x, centre_y = ground.local(px, py, 2.6 * radius)
        if min(part.shape) < 6:
            continue
        alpha = _plot_mask(part, rng, (centre_x, centre_y), radius)
        _sow(part, rng, alpha * f32(part.cover != CODES["water"]))


def _plot_mask(part: Ground, rng: Rng, centre: tuple[float, float], radius: float) -> F32:
    """A roughly four-sided clearing with the crowns of its rim hanging in."""
    corners = int(rng.integers(4, 7))
    shape = outline(rng, *centre, radius, corners=corners, rough=0.16, stretch=rng.uniform(1, 1.4))
    inside = blur(filled(part.shape, [shape], 0.0), 1.8)
    ragged = np.float32(0.13) * part.ragged() * f32(inside > 0.02)
    return ramp(inside - np.float32(0.5) + ragged, 0.35)


def _sow(part: Ground, rng: Rng, alpha: F32) -> None:
    """Fills a plot: regrowth and crops are smooth and green, fresh ones bare with stumps."""
    forest = part.palette.forest
    kind = rng.random()
    if kind < 0.55:
        # Regrowth stands a little lighter than the forest, crops more so.
        lift = rng.uniform(7, 16) if rng.random() < 0.7 else rng.uniform(16, 30)
        green = lift * colour(rng.uniform(0.5, 1.0), 1.1, rng.uniform(0.2, 0.75))
        part.coat(alpha, f32(forest + green), "cultivation", grain=0.035, mottle=0.03)
        return
    soil = jitter(rng, f32(part.palette.soil * 0.8 + colour(110, 100, 88) * 0.2), light=0.1)
    part.coat(alpha, f32(soil * rng.uniform(0.75, 1.0)), "cultivation", grain=0.07, mottle=0.04)
    _stumps(part, rng, alpha, rng.uniform(0.7, 1.8))


def _stumps(part: Ground, rng: Rng, alpha: F32, level: float) -> None:
    """Dark specks of stumps, fallen trunks and single trees left on cleared ground."""
    specks = ramp(f32(part.fine + np.float32(0.5) * part.grain - np.float32(level)), 0.8)
    dark = part.palette.forest * np.float32(rng.uniform(0.8, 1.2))
    part.paint(specks * alpha * np.float32(0.65), f32(dark), "")


def draw_burn(ground: Ground, rng: Rng, x: float, y: float, radius: float) -> None:
    """A burnt clearing: purple-brown ground with char, ash and felled trunks."""
    part, px, py = ground.local(x, y, 2.4 * radius)
    if min(part.shape) < 6:
        return
    alpha = _plot_mask(part, rng, (px, py), radius)
    alpha *= f32(part.cover != CODES["water"])
    rim = ramp(blur(alpha, 2.5) - np.float32(0.2), 0.4) * np.float32(0.4)
    part.coat(rim, colour(84, 80, 66), "", grain=0.05, mottle=0.05)
    brown = jitter(rng, colour(104, 92, 85), light=0.1, hue=0.025)
    char = jitter(rng, colour(62, 52, 54), light=0.12)
    share = ramp(part.ragged() - np.float32(rng.uniform(-0.6, 1.4)), 1.5)
    surface = f32(brown + share[..., None] * (char - brown))
    part.coat(alpha, surface, "slash_burn", grain=0.08, mottle=0.05)
    _trunks(part, rng, alpha, radius)
    ash = ramp(part.fine - np.float32(0.4) * part.mottle - np.float32(rng.uniform(1.6, 2.8)), 0.7)
    part.paint(ash * alpha * np.float32(0.6), colour(150, 142, 136), "")
    if rng.random() < 0.15:
        plume = value_noise(rng, *part.shape, 6 * ground.scale) - np.float32(1.2)
        part.paint(ramp(plume, 1.2) * blur(alpha, 2.0) * np.float32(0.7), colour(205, 205, 200), "")


def _trunks(part: Ground, rng: Rng, alpha: F32, radius: float) -> None:
    """Felled trunks side by side: thin lines, dark and pale, mostly in one direction."""
    height, width = part.shape
    angle = rng.uniform(0, np.pi)
    for tone in (colour(48, 42, 42), colour(140, 126, 116)):
        lines = []
        for _ in range(int(rng.integers(0, 6))):
            turn = angle + rng.normal(0, 0.35)
            start = rng.uniform(0.2, 0.8, 2) * (width, height)
            reach = radius * rng.uniform(0.15, 0.6) * np.array([np.cos(turn), np.sin(turn)])
            lines.append(np.stack([start, start + reach]))
        part.paint(stroke(part.shape, lines, 1) * alpha * np.float32(0.5), tone, "")
