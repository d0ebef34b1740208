"""Clouds, their shadows and haze over a chip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from earthgql.landscape.noise import F32, Rng, blur, f32, fractal, ramp, shifted, value_noise
from earthgql.landscape.palette import colour


@dataclass(frozen=True)
class Sky:
    """What lies between the ground and the sensor.

    Attributes:
        veil: float32 [h, w] in 0..1, opacity of cloud and haze together.
        light: float32 [h, w, 3], colour of that veil on the 8-bit scale.
        shade: float32 [h, w] in 0..1, sunlight that reaches the ground.
        cloud: float32 [h, w] in 0..1, opacity of the clouds alone.
    """

    veil: F32
    light: F32
    shade: F32
    cloud: F32

    def over(self, rgb: F32) -> F32:
        """The ground as seen through this sky: float32 [h, w, 3]."""
        lit = rgb * self.shade[..., None]
        return f32(cv2.blendLinear(lit, self.light, 1 - self.veil, self.veil))

    def visible(self) -> np.typing.NDArray[np.bool_]:
        """Where the ground can be made out: bool [h, w]."""
        return (self.veil < 0.68) & (self.cloud < 0.45) & (self.shade > 0.5)


def clear_sky(rng: Rng, height: int, width: int) -> Sky:
    """No cloud; at most a trace of haze, even over the whole chip."""
    trace = float(np.clip(rng.normal(0.03, 0.04), 0, 0.10))
    veil = np.full((height, width), trace, dtype=np.float32)
    light = np.broadcast_to(haze_colour(rng), (height, width, 3))
    return Sky(veil, f32(light), np.ones_like(veil), np.zeros_like(veil))


def haze_colour(rng: Rng) -> F32:
    """A pale grey, from cyan to dusty: float32 [3]."""
    warm = np.float32(rng.uniform(0, 0.65))
    tone = colour(156, 167, 166) + warm * colour(34, 4, -20)
    return f32(tone * np.float32(rng.uniform(0.92, 1.18)) + f32(rng.normal(0, 4, 3)))


def hazy_sky(rng: Rng, height: int, width: int, scale: float) -> Sky:
    """A thin veil, soft and uneven, through which the ground still shows."""
    level = rng.uniform(0.3, 0.54)
    uneven = fractal(rng, height, width, 170 * scale, octaves=3, gain=0.45)
    veil = np.clip(level + np.float32(rng.uniform(0.03, 0.1)) * uneven, 0.2, 0.66)
    light = np.broadcast_to(haze_colour(rng), (height, width, 3))
    return Sky(f32(veil), f32(light), np.ones_like(veil), np.zeros_like(veil))


def cloud_light(rng: Rng, cloud: F32, bright: float, relief: F32, sun: tuple[float, float]) -> F32:
    """Colour of clouds: bright tops, greyer bases on the side away from the sun."""
    thick = blur(cloud, 2.0)
    side = shifted(thick, 4 * sun[0], 4 * sun[1]) - thick
    light = bright * (0.68 + 0.28 * thick) + 34 * side + 8 * relief
    warm = np.float32(rng.uniform(-0.02, 0.08))
    tint = colour(1, 1, 1) + f32(rng.normal(0, 0.008, 3)) + warm * colour(0.7, 0.0, -1.0)
    return f32(np.clip(light, 60, 262)[..., None] * tint)


def cloud_field(rng: Rng, height: int, width: int, cell: float, cover: float) -> tuple[F32, F32]:
    """A signed field, above 0 where clouds are, and the noise that gives them relief.

    Args:
        rng: source of randomness.
        height: rows.
        width: columns.
        cell: width of the larger clouds in pixels.
        cover: share of the area to be under cloud, 0 to 1.

    Returns:
        (field, relief), both float32 [h, w] with standard deviation about 1.
    """
    field = fractal(rng, height, width, cell, octaves=5, gain=0.52)
    level = float(np.quantile(field[::4, ::4], 1 - cover))
    puff = value_noise(rng, height, width, max(cell / 9, 2.5))
    return f32(field - np.float32(level) + np.float32(0.16) * puff), f32(0.45 * puff + 0.8 * field)


def cloud_opacity(field: F32, edge: float) -> F32:
    """Opacity 0..1 of a cloud field: thin rims `edge` units wide, dense hearts."""
    body = ramp(field, edge)
    return f32(1 - (1 - body * np.sqrt(body)) ** 2)


def broken_sky(rng: Rng, height: int, width: int, scale: float, sun: tuple[float, float]) -> Sky:
    """Cumulus over part of the chip with its shadows; sometimes thin patches among it."""
    cover = 0.05 + 0.45 * rng.random() ** 1.6
    cell = scale * rng.choice([26.0, 50.0, 90.0, 140.0])
    field, relief = cloud_field(rng, height, width, cell, cover)
    cloud = cloud_opacity(field, rng.uniform(0.5, 1.8)) * np.float32(rng.uniform(0.75, 1.0))
    if rng.random() < 0.3:
        thin, _ = cloud_field(rng, height, width, 90 * scale, rng.uniform(0.1, 0.35))
        thin = cloud_opacity(thin, 1.5) * np.float32(rng.uniform(0.25, 0.45))
        cloud = np.maximum(cloud, thin)
    bright = rng.uniform(150, 222)
    return sky_of_clouds(
        rng, cloud, relief, bright=bright, offset=scale * rng.uniform(8, 30), sun=sun
    )


def sky_of_clouds(
    rng: Rng, cloud: F32, relief: F32, *, bright: float, offset: float, sun: tuple[float, float]
) -> Sky:
    """Puts light and shadow to given clouds; the shadows fall `offset` pixels from them."""
    height, width = cloud.shape
    cast = blur(shifted(cloud, offset * sun[0], offset * sun[1]), 1.2)
    shade = 1 - np.float32(rng.uniform(0.38, 0.62)) * cast
    haze = np.float32(np.clip(rng.normal(0.03, 0.03), 0, 0.08))
    veil = f32(haze + (1 - haze) * cloud * np.float32(0.985))
    light = cloud_light(rng, cloud, bright, relief, sun)
    weight = np.clip(cloud * np.float32(8), 0, 1)[..., None]
    base = np.broadcast_to(haze_colour(rng), (height, width, 3))
    return Sky(veil, f32(base + weight * (light - base)), f32(shade), cloud)


def closed_sky(rng: Rng, height: int, width: int, scale: float, sun: tuple[float, float]) -> Sky:
    """A deck of cloud that hides the ground all but completely."""
    bright = rng.uniform(130, 250)
    bumpy = rng.uniform(0.0, 1.0)
    relief = fractal(rng, height, width, scale * rng.uniform(50, 200), octaves=5, gain=0.5)
    thick = np.clip(0.98 + np.float32(0.03) * relief, 0.93, 1.0)
    light = cloud_light(rng, f32(0.7 + 0.22 * bumpy * relief), bright, f32(bumpy * relief), sun)
    return Sky(f32(thick), light, np.ones_like(thick), thick)
