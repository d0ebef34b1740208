"""The camera: tone, the season's cast, blur, grain of each channel and compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.landscape.noise import F32, U8, Rng, blur, f32

_FOREST: Final = (43.0, 57.0, 49.0)
# Seasons and providers' stretches: how often, and what they add to dark ground (red, green, blue).
_SEASONS: Final = (
    (0.55, (0, 0, 0)),
    (0.10, (4, 3, -4)),
    (0.22, (22, 4, -8)),
    (0.09, (16, 4, -19)),
    (0.04, (-3, 0, 3)),
)
_GRAIN_BLUR: Final = 1.1  # of the coarse part, left by resampling a mosaic of colour filters


@dataclass(frozen=True)
class Sensor:
    """How radiance becomes an 8-bit image.

    Attributes:
        contrast: factor on the deviation of dark ground from the forest's level.
        vividness: factor on the distance of dark ground's colours from grey.
        gain: factor on all that is seen.
        gamma: exponent on it; above 1 it darkens the middle.
        cast: float32 [3], added to black, and less to brighter pixels; clouds stay white.
        softness: blur in pixels.
        grain: float32 [3], standard deviation of the noise per channel on the 8-bit scale.
        quality: JPEG quality, 0 for none.
    """

    contrast: float
    vividness: float
    gain: float
    gamma: float
    cast: F32
    softness: float
    grain: F32
    quality: int


def draw_sensor(
    rng: Rng, *, spread: float = 1.0, ground: Literal["generated", "real"] = "generated"
) -> Sensor:
    """Draws a camera.

    Args:
        rng: source of randomness.
        spread: how far it may be from the average camera; 1 is as far as real chips are.
        ground: what it will look at. Whole Planet scenes are sharper and have about twice the
            contrast of Planet's chips, so "real" lowers both.

    Returns:
        The camera.
    """
    real = ground == "real"
    shares = [share for share, _ in _SEASONS]
    season = _SEASONS[int(rng.choice(len(_SEASONS), p=shares))][1]
    lift = rng.normal(-2, 4) + rng.normal(0, 1.1, 3)
    return Sensor(
        contrast=float((0.55 if real else 1.0) * np.exp(rng.normal(0, 0.15 * spread))),
        vividness=float(np.clip(rng.normal(0.82, 0.1 * spread), 0.5, 1.1)),
        gain=float(np.exp(np.clip(rng.normal(0, 0.11 * spread), -0.3, 0.3))),
        gamma=float(np.exp(rng.normal(0, 0.10 * spread))),
        cast=f32(spread * (f32(season) * rng.uniform(0.6, 1.3) + lift)),
        softness=float(rng.uniform(0.5, 1.0) if real else rng.uniform(0.35, 0.75)),
        grain=f32(rng.uniform(1.5, 3.0) * rng.uniform(0.75, 1.25, 3)),
        quality=int(rng.integers(75, 96)),
    )


def expose(sensor: Sensor, rng: Rng, rgb: npt.NDArray[np.float32 | np.uint8]) -> U8:
    """Takes the picture.

    Args:
        sensor: the camera.
        rng: source of the noise.
        rgb: [h, w, 3] on the 8-bit scale, ground with the weather over it.

    Returns:
        uint8 [h, w, 3].
    """
    seen = _tone(sensor, f32(rgb))
    seen = blur(seen, sensor.softness)
    # Clouds are so bright that a stretch leaves little of the noise on them.
    calm = np.clip(1.3 - seen[..., 1:2] * np.float32(1 / 200), 0.3, 1)
    seen += calm * _grain(sensor, rng, rgb.shape[0], rgb.shape[1])
    image: U8 = cv2.convertScaleAbs(np.maximum(seen, 0, out=seen))
    return image if sensor.quality == 0 else _compressed(image, sensor.quality)


def _tone(sensor: Sensor, rgb: F32) -> F32:
    """Contrast and vividness of dark ground, then gain, gamma and cast."""
    response = cv2.transform(rgb, _response(sensor))
    luminance = cv2.transform(rgb, np.full((1, 3), 1 / 3))
    # The look of the ground varies far more than that of clouds, which stay near white.
    bright = np.clip((luminance - np.float32(90)) * np.float32(1 / 90), 0, 1)
    seen = cv2.blendLinear(f32(response), rgb, 1 - bright, bright)
    level = np.clip(seen * np.float32(1 / 255), 0, 1.25)
    seen = np.power(level, np.float32(sensor.gamma)) * np.float32(255 * sensor.gain)
    # Path radiance and the black level show in the dark alone.
    dark = np.clip(1 - level, 0, 1)
    return f32(seen + dark * dark * (sensor.cast * np.float32(1.5)))


def _response(sensor: Sensor) -> npt.NDArray[np.float64]:
    """The affine map [3, 4] of dark colours: vividness and contrast about the forest."""
    grey = np.full((3, 3), (1 - sensor.vividness) / 3)
    matrix = sensor.contrast * (grey + sensor.vividness * np.eye(3))
    pivot = np.array(_FOREST)
    return np.concatenate([matrix, (pivot - matrix @ pivot)[:, None]], axis=1)


def _grain(sensor: Sensor, rng: Rng, height: int, width: int) -> F32:
    """Noise of each channel its own, part of it some pixels wide."""
    fine = rng.standard_normal((height, width, 3), dtype=np.float32)
    # A blurred field loses most of its deviation; this factor restores it.
    coarse = blur(fine, _GRAIN_BLUR) * np.float32(2 * np.sqrt(np.pi) * _GRAIN_BLUR)
    return f32((np.float32(0.45) * fine + np.float32(0.85) * coarse) * sensor.grain)


def _compressed(image: U8, quality: int) -> U8:
    """As JPEG keeps it, with the colours at half resolution (4:2:0)."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    _, packed = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    decoded: U8 = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
