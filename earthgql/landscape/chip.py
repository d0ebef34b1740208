"""Training chips: one small image with the labels that are true for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earthgql.landscape.camera import Sky, draw_sensor, draw_sky, expose
from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.labels import UNLABELLED
from earthgql.landscape.labels.plan import Plan, draw_plan
from earthgql.landscape.labels.truth import is_ambiguous, true_labels, visible_counts
from earthgql.landscape.layout.compose import compose
from earthgql.landscape.noise import U8, Rng

_GROUNDS = 4
_SKIES = 4


@dataclass(frozen=True)
class Chip:
    """A rendered chip.

    Attributes:
        image: uint8 [size, size, 3], red, green, blue.
        labels: those that are true for it.
        cover: uint8 [size, size], index in `LABELS` of the ground label seen in a pixel; 0 where
            the ground has none or is hidden.
    """

    image: U8
    labels: frozenset[str]
    cover: U8


def make_chip(seed: int, *, size: int = 256, balanced: bool = True) -> Chip:
    """Renders a chip; the same seed gives the same bytes.

    Args:
        seed: any non-negative integer.
        size: side in pixels, 64 or more; a chip always shows about 1 km.
        balanced: rare labels in about a tenth of the chips; else at natural frequencies.

    Returns:
        The image and the labels visible in it.
    """
    if seed < 0 or size < 64:
        raise ValueError("seed must be at least 0 and size at least 64")
    plan = draw_plan(_source(seed, 0), balanced=balanced)
    for attempt in range(1, _GROUNDS + 1):
        rng = _source(seed, attempt)
        ground = compose(rng, size, plan)
        for _ in range(_SKIES):
            sky = _sky(ground, rng, plan)
            labels, ambiguous = _truth(ground, sky, plan)
            if not ambiguous:
                return _chip(ground, sky, rng, labels)
    return _chip(ground, sky, rng, labels)


def _chip(ground: Ground, sky: Sky, rng: Rng, labels: frozenset[str]) -> Chip:
    seen = sky.visible() & ("cloudy" not in labels)
    return Chip(_picture(ground, sky, rng), labels, np.where(seen, ground.cover, UNLABELLED))


def _source(seed: int, stage: int) -> Rng:
    return np.random.default_rng(np.random.SeedSequence([seed, stage]))


def _sky(ground: Ground, rng: Rng, plan: Plan) -> Sky:
    height, width = ground.shape
    return draw_sky(rng, height, width, plan.weather, scale=ground.scale, sun=ground.sun)


def _truth(ground: Ground, sky: Sky, plan: Plan) -> tuple[frozenset[str], bool]:
    if plan.weather == "cloudy":
        return frozenset({"cloudy"}), False
    counts = visible_counts(ground.cover, sky.visible())
    return true_labels(counts) | {plan.weather}, is_ambiguous(counts)


def _picture(ground: Ground, sky: Sky, rng: Rng) -> U8:
    return expose(draw_sensor(rng), rng, sky.over(ground.rgb))
