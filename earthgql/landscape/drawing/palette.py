"""Colours of one landscape: forest, soil, grass and water of a place and season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earthgql.landscape.noise import F32, Rng, f32

_SOILS = ((157, 142, 117), (160, 136, 116), (131, 118, 103), (181, 164, 148), (146, 116, 98))
_WATERS = (
    (26, 34, 38),
    (154, 140, 116),
    (100, 97, 85),
    (40, 50, 54),
    (168, 136, 116),
    (70, 76, 70),
)
_PONDS = ((112, 138, 126), (168, 150, 122), (98, 112, 96), (100, 97, 85), (150, 126, 98))
_ROOFS = ((226, 222, 214), (198, 192, 184), (176, 152, 138), (240, 238, 234), (168, 174, 178))
_WET, _DRY = (74, 87, 62), (138, 122, 98)


def colour(red: float, green: float, blue: float) -> F32:
    """One colour as float32 [3]."""
    return np.array([red, green, blue], dtype=np.float32)


def jitter(rng: Rng, base: F32, *, light: float = 0.08, hue: float = 0.03) -> F32:
    """Varies a colour's lightness and, per channel, its hue (relative deviations)."""
    factor = 1 + light * rng.standard_normal() + hue * rng.standard_normal(3)
    return f32(base * np.clip(factor, 0.5, 1.6))


def _pick(rng: Rng, table: tuple[tuple[int, int, int], ...]) -> F32:
    return f32(table[int(rng.integers(len(table)))])


@dataclass(frozen=True)
class Palette:
    """Base colours, each float32 [3] on the 8-bit scale.

    Attributes:
        forest: the canopy.
        soil: bare soil.
        water: rivers and lakes.
        dryness: state of the grass, 0 (wet) to 1 (dry).
        redness: how much of the soil shows through dry grass, 0 to 1.
    """

    forest: F32
    soil: F32
    water: F32
    dryness: float
    redness: float

    def grass(self, rng: Rng) -> F32:
        """A meadow colour for one field, between wet green and dry tan."""
        share = np.clip(self.dryness + rng.normal(0, 0.25), 0, 1)
        dry = f32(_DRY) * (1 - self.redness) + self.soil * self.redness
        return jitter(rng, f32(f32(_WET) * (1 - share) + dry * share))

    def field(self, rng: Rng) -> F32:
        """The colour of one large field: pasture, crop, fallow or bare tilled soil."""
        kind = rng.random()
        if kind < 0.6:
            return self.grass(rng)
        if kind < 0.74:
            return jitter(rng, colour(82, 95, 68))
        if kind < 0.84:
            return jitter(rng, colour(60, 80, 52))
        if kind < 0.93:
            return jitter(rng, colour(116, 98, 82))
        return jitter(rng, self.soil)

    def pond(self, rng: Rng) -> F32:
        """The odd colour of a mine's pond."""
        return jitter(rng, _pick(rng, _PONDS), light=0.12, hue=0.06)

    def roof(self, rng: Rng) -> F32:
        """A roof: tin, concrete or tile."""
        return jitter(rng, _pick(rng, _ROOFS), light=0.1)


def _unlike(water: F32, forest: F32) -> F32:
    """Darkens water that would be lost in the canopy, for a label must be seen to be true."""
    if float(np.abs(water - forest).max()) >= 20:
        return water
    return f32(water - (forest[1] - 40) * colour(0.6, 1.0, 0.5))


def draw_palette(rng: Rng) -> Palette:
    """Draws the colours of one landscape."""
    forest = jitter(rng, colour(36, 53, 47), light=0.12, hue=0.022)
    mix = rng.uniform(0, 0.7)
    soil = _pick(rng, _SOILS) * (1 - mix) + _pick(rng, _SOILS) * mix
    return Palette(
        forest=forest,
        soil=jitter(rng, f32(soil), light=0.07),
        water=_unlike(jitter(rng, _pick(rng, _WATERS), light=0.12, hue=0.05), forest),
        dryness=float(rng.uniform(0, 1) ** 0.8),
        redness=float(rng.uniform(0, 0.8)),
    )
