"""Clouds, their shadows and haze over a chip, of generated or of real ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.landscape.drawing.palette import colour
from earthgql.landscape.noise import (
    F32,
    Rng,
    blur,
    f32,
    fractal,
    ramp,
    shifted,
    value_noise,
)

Sun = tuple[float, float]

_CLEAR_MOST: Final = 0.12
_HAZE_LEAST: Final = 0.24
_HAZE_MOST: Final = 0.72


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

    def visible(self) -> npt.NDArray[np.bool_]:
        """Where the ground can be made out: bool [h, w]."""
        return (self.veil < 0.8) & (self.cloud < 0.5) & (self.shade > 0.4)


def lay_weather(
    rng: Rng,
    rgb: npt.NDArray[np.float32 | np.uint8],
    kind: str,
    *,
    scale: float = 1.0,
    sun: Sun | None = None,
) -> tuple[F32, npt.NDArray[np.bool_]]:
    """Lays weather over ground, which may be a crop of a real picture.

    Args:
        rng: source of randomness.
        rgb: [h, w, 3], red, green, blue on the 8-bit scale.
        kind: one of ``WEATHER``; "clear" adds at most a trace of haze.
        scale: pixels per 4 m.
        sun: unit vector (dy, dx) from an object to its shadow; drawn if unknown.

    Returns:
        float32 [h, w, 3], and bool [h, w] where the ground can be made out: nowhere on "cloudy",
        whose only label is that.
    """
    height, width = rgb.shape[:2]
    sky = draw_sky(rng, height, width, kind, scale=scale, sun=sun)
    hidden = kind == "cloudy"
    return sky.over(f32(rgb)), sky.visible() & (not hidden)


def draw_sky(
    rng: Rng, height: int, width: int, kind: str, *, scale: float, sun: Sun | None = None
) -> Sky:
    """Draws the sky of a kind of weather; see ``lay_weather``."""
    if sun is None:
        angle = rng.uniform(0, 2 * np.pi)
        sun = (float(np.sin(angle)), float(np.cos(angle)))
    if kind == "haze":
        return hazy_sky(rng, height, width, scale)
    if kind == "partly_cloudy":
        return broken_sky(rng, height, width, scale, sun)
    if kind == "cloudy":
        return closed_sky(rng, height, width, scale, sun)
    return clear_sky(rng, height, width)


def clear_sky(rng: Rng, height: int, width: int) -> Sky:
    """No cloud; at most a trace of haze, even over the whole chip."""
    trace = float(np.clip(rng.normal(0.03, 0.05), 0, _CLEAR_MOST))
    return _veiled(np.full((height, width), trace, dtype=np.float32), haze_colour(rng))


def haze_colour(rng: Rng) -> F32:
    """A pale grey, from cyan to dusty: float32 [3]."""
    warm = np.float32(rng.uniform(-0.2, 0.65))
    tone = colour(154, 166, 160) + warm * colour(34, 4, -24)
    return f32(tone * np.float32(rng.uniform(0.85, 1.15)) + f32(rng.normal(0, 4, 3)))


def hazy_sky(rng: Rng, height: int, width: int, scale: float) -> Sky:
    """A veil of one piece through which the ground still shows; seldom with streaks of cirrus."""
    veil = np.float32(rng.uniform(_HAZE_LEAST + 0.03, 0.62)) + _tilt(
        rng, height, width, rng.uniform(0, 0.04)
    )
    if rng.random() < 0.15:
        field = streaks(rng, height, width, 70 * scale)
        veil += np.float32(rng.uniform(0.05, 0.2)) * ramp(field - np.float32(0.6), 2.0)
    return _veiled(f32(np.clip(veil, _HAZE_LEAST, _HAZE_MOST)), haze_colour(rng))


def _tilt(rng: Rng, height: int, width: int, reach: float) -> F32:
    """A slope across the chip of about ``reach`` to both sides, slightly bent."""
    corners = rng.uniform(-reach, reach, (3, 3)).astype(np.float32)
    return f32(cv2.resize(corners, (width, height), interpolation=cv2.INTER_CUBIC))


def _veiled(veil: F32, tone: F32) -> Sky:
    light = f32(np.broadcast_to(tone, (*veil.shape, 3)))
    return Sky(veil, light, np.ones_like(veil), np.zeros_like(veil))


def streaks(rng: Rng, height: int, width: int, cell: float) -> F32:
    """Fibres of cirrus: fractal noise drawn out in one direction; deviation about 1."""
    side = int(np.hypot(height, width)) + 2
    narrow = fractal(rng, side, max(side // 5, 8), cell / 3, octaves=4, gain=0.6)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(0, 360)), 1.0)
    turn[:, 2] += ((width - side) / 2, (height - side) / 2)
    long = cv2.resize(narrow, (side, side), interpolation=cv2.INTER_CUBIC)
    return f32(cv2.warpAffine(long, turn, (width, height), borderMode=cv2.BORDER_REFLECT))


def cloud_light(rng: Rng, cloud: F32, bright: float, relief: F32, sun: Sun) -> F32:
    """Colour of clouds: bright tops, greyer bases on the side away from the sun."""
    thick = blur(cloud, 2.0)
    side = shifted(thick, 4 * sun[0], 4 * sun[1]) - thick
    light = bright * (0.68 + 0.28 * thick) + 34 * side + 8 * relief
    warm = np.float32(rng.uniform(-0.03, 0.08))
    tint = colour(1, 1, 1) + f32(rng.normal(0, 0.01, 3)) + warm * colour(0.7, 0.0, -1.0)
    shining = f32(np.clip(light, 60, 275)[..., None] * tint)
    if rng.random() < 0.3:
        # Where all channels are near their end, green often is the first to stop: pink clouds.
        full = np.clip((light - np.float32(195)) * np.float32(1 / 60), 0, 1)
        shining -= (full * np.float32(rng.uniform(4, 26)))[..., None] * colour(0.1, 1.0, 0.25)
    return shining


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
    return _above(rng, field, cell, cover)


def _above(rng: Rng, field: F32, cell: float, cover: float) -> tuple[F32, F32]:
    height, width = field.shape
    level = float(np.quantile(field[::4, ::4], 1 - cover))
    puff = value_noise(rng, height, width, max(cell / 9, 2.5))
    return f32(field - np.float32(level) + np.float32(0.16) * puff), f32(0.45 * puff + 0.8 * field)


def cloud_opacity(field: F32, edge: float) -> F32:
    """Opacity 0..1 of a cloud field: thin rims `edge` units wide, dense hearts."""
    body = ramp(field, edge)
    return f32(1 - (1 - body * np.sqrt(body)) ** 2)


def broken_sky(rng: Rng, height: int, width: int, scale: float, sun: Sun) -> Sky:
    """Mostly a few small thin puffs with shadows, often at the edge; else cumulus or cirrus."""
    kind = rng.random()
    if kind < 0.84:
        cloud, relief = _puffs(rng, height, width, scale)
    elif kind < 0.94:
        cover = 0.03 + 0.32 * rng.random() ** 2
        cell = scale * float(rng.choice([26.0, 50.0, 90.0, 140.0]))
        field, relief = cloud_field(rng, height, width, cell, cover)
        cloud = cloud_opacity(field, rng.uniform(0.5, 1.8)) * np.float32(rng.uniform(0.75, 1.0))
    else:
        field = streaks(rng, height, width, rng.uniform(40, 90) * scale)
        field, relief = _above(rng, field, 40 * scale, rng.uniform(0.1, 0.4))
        cloud = cloud_opacity(field, rng.uniform(2.0, 4.0)) * np.float32(rng.uniform(0.15, 0.5))
    bright, drop = rng.uniform(175, 255), scale * rng.uniform(4, 28)
    return sky_of_clouds(rng, f32(cloud), relief, bright=bright, offset=drop, sun=sun)


def _puffs(rng: Rng, height: int, width: int, scale: float) -> tuple[F32, F32]:
    """Small thin clouds, crowded towards one side: their opacity and relief."""
    cell = scale * float(rng.choice([14.0, 22.0, 36.0, 60.0]))
    field = fractal(rng, height, width, cell, octaves=4, gain=0.6)
    angle = rng.uniform(0, 2 * np.pi)
    rows, cols = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    towards = f32(rows * np.sin(angle) + cols * np.cos(angle))
    field += np.float32(rng.uniform(0, 1.8)) * towards
    field, relief = _above(rng, field, cell, 0.004 + 0.03 * float(rng.random()) ** 2)
    cloud = cloud_opacity(field, rng.uniform(0.8, 2.6)) * np.float32(rng.uniform(0.35, 1.0))
    return f32(cloud), relief


def sky_of_clouds(
    rng: Rng, cloud: F32, relief: F32, *, bright: float, offset: float, sun: Sun
) -> Sky:
    """Puts light and shadow to given clouds; the shadows fall `offset` pixels from them."""
    height, width = cloud.shape
    cast = blur(shifted(cloud, offset * sun[0], offset * sun[1]), 1.2)
    shade = 1 - np.float32(rng.uniform(0.35, 0.62)) * cast
    haze = np.float32(np.clip(rng.normal(0.04, 0.06), 0, 0.2))
    veil = f32(haze + (1 - haze) * cloud * np.float32(0.985))
    light = cloud_light(rng, cloud, bright, relief, sun)
    weight = np.clip(cloud * np.float32(8), 0, 1)[..., None]
    base = np.broadcast_to(haze_colour(rng), (height, width, 3))
    return Sky(veil, f32(base + weight * (light - base)), f32(shade), cloud)


def closed_sky(rng: Rng, height: int, width: int, scale: float, sun: Sun) -> Sky:
    """Cloud nearly all over: a grey-green veil, a grey deck, burnt white, or heaps with gaps."""
    kind = rng.random()
    if kind < 0.25:
        veil = np.float32(rng.uniform(0.74, 0.94)) + _tilt(rng, height, width, 0.04)
        if rng.random() < 0.35:
            veil += np.float32(0.04) * streaks(rng, height, width, 80 * scale)
        tone = haze_colour(rng) * np.float32(rng.uniform(0.88, 1.1))
        return _veiled(f32(np.clip(veil, 0.66, 0.99)), f32(tone))
    bright = rng.uniform(155, 220) if kind < 0.62 else rng.uniform(220, 275)
    if kind < 0.88:
        bumpy = rng.uniform(0.0, 0.9) ** 2
        relief = fractal(rng, height, width, scale * rng.uniform(50, 200), octaves=5, gain=0.5)
        if rng.random() < 0.25:
            relief = f32(0.5 * relief + 0.7 * streaks(rng, height, width, 90 * scale))
        thick = f32(np.clip(0.98 + np.float32(0.03) * relief, 0.93, 1.0))
        body = f32(0.8 + 0.2 * bumpy * relief)
        light = cloud_light(rng, body, bright, f32(bumpy * relief), sun)
        return Sky(thick, light, np.ones_like(thick), thick)
    cell = scale * rng.uniform(60, 200)
    field, relief = cloud_field(rng, height, width, cell, rng.uniform(0.72, 0.95))
    cloud = cloud_opacity(field, rng.uniform(0.6, 1.6))
    haze = np.float32(rng.uniform(0.35, 0.75))
    cloud = f32(haze + (1 - haze) * cloud)
    return sky_of_clouds(rng, cloud, relief, bright=bright, offset=12 * scale, sun=sun)
