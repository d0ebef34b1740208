"""The camera: resolution, gain, colour cast, noise and compression."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.landscape.noise import F32, U8, Rng, blur, f32
from earthgql.landscape.palette import colour
from earthgql.landscape.weather import Sky


@dataclass(frozen=True)
class Sensor:
    """How radiance becomes an 8-bit image.

    Attributes:
        gain: float32 [3], factor per channel.
        offset: float32 [3], added to the ground's colour (path radiance, black level).
        contrast: factor on the deviation from the forest's level.
        vividness: factor on the colours' distance from grey.
        softness: blur in pixels.
        noise: standard deviation of the noise on the 8-bit scale.
        quality: JPEG quality, 0 for none.
    """

    gain: F32
    offset: F32
    contrast: float
    vividness: float
    softness: float
    noise: float
    quality: int


def draw_sensor(rng: Rng, *, spread: float = 1.0) -> Sensor:
    """Draws a camera; `spread` scales how far it is from the average one."""
    overall = float(np.exp(np.clip(rng.normal(0.02, 0.24 * spread), -0.5, 0.5)))
    gain = overall * np.exp(spread * rng.normal(0, 0.016, 3))
    # The cast of dark ground is mostly path radiance: it must not dye the clouds.
    offset = spread * (rng.uniform(-6, 8) + rng.normal(0, 3.2, 3)) + colour(0, 0, 0)
    return Sensor(
        gain=f32(gain),
        offset=f32(offset),
        contrast=float(np.exp(rng.normal(-0.12, 0.15 * spread))),
        vividness=float(rng.uniform(0.5, 0.92)),
        softness=float(rng.uniform(0.35, 0.9)),
        noise=float(rng.uniform(0.3, 1.3)),
        quality=int(rng.integers(82, 97)) if rng.random() < 0.6 else 0,
    )


def expose(sensor: Sensor, rng: Rng, rgb: F32, sky: Sky) -> U8:
    """Takes the picture.

    Args:
        sensor: the camera.
        rng: source of the noise.
        rgb: float32 [h, w, 3], colour of the ground on the 8-bit scale.
        sky: what lies above it, for the same pixels.

    Returns:
        uint8 [h, w, 3].
    """
    # The look of the ground varies far more than that of clouds, which stay near white.
    seen = sky.over(f32(cv2.transform(rgb, _response(sensor))))
    seen = blur(f32(cv2.multiply(seen, _per_channel(sensor.gain))), sensor.softness)
    height, width = rgb.shape[:2]
    noise = rng.standard_normal((height, width), dtype=np.float32) * np.float32(sensor.noise)
    seen = f32(cv2.add(seen, cv2.merge([noise, noise, noise])))
    if float(seen.max()) > 200:
        seen = _shoulder(seen)
    image: U8 = np.asarray(cv2.convertScaleAbs(np.maximum(seen, 0, out=seen)), dtype=np.uint8)
    if sensor.quality == 0:
        return image
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, sensor.quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)


def _per_channel(values: F32) -> tuple[float, float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue, 1.0


def _response(sensor: Sensor) -> npt.NDArray[np.float64]:
    """The affine map [3, 4] of colours: vividness, contrast about the forest, gain, offset."""
    grey = np.full((3, 3), (1 - sensor.vividness) / 3)
    matrix = sensor.contrast * (grey + sensor.vividness * np.eye(3))
    pivot = np.array([55.0, 69.0, 58.0])
    shift = pivot - matrix @ pivot + sensor.offset
    return np.concatenate([matrix, shift[:, None]], axis=1)


def _shoulder(seen: F32) -> F32:
    """Rolls highlights off softly, so that clouds keep their relief instead of clipping."""
    over = np.maximum(seen - np.float32(200), 0)
    return f32(seen - over + over * np.float32(55) / (over + np.float32(55)))
