"""Real clouds, lifted off Planet's strips and laid over other ground."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.training.ground import bit
from earthgql.training.ground.vocabulary import CLOUD
from earthgql.training.material.piece import F32, Field, Rng, cut

_LEAST, _MOST = 0.01, 0.6  # share of a piece under cloud
_TRIES = 8
_RIM = 25  # pixels around a cloud in which its thin edge is looked for


def lay_real_clouds(
    rng: Rng, rgb: F32, strips: Sequence[Field]
) -> tuple[F32, npt.NDArray[np.bool_]] | None:
    """Lay clouds of a strip over ground.

    Args:
        rng: source of chance.
        rgb: float32 [256, 256, 3], the ground.
        strips: fields, some of which have clouds.

    Returns:
        float32 [256, 256, 3] and where the ground can be made out; None if no clouds were found.
    """
    cloudy = [field for field in strips if ((field.ground.sure & bit(CLOUD)) > 0).mean() > _LEAST]
    for _ in range(_TRIES if cloudy else 0):
        piece = cut(cloudy[int(rng.integers(len(cloudy)))], rng, focus=0.0)
        mask = ((piece.sure & bit(CLOUD)) > 0).astype(np.uint8)
        if _LEAST < mask.mean() < _MOST:
            return _lay(rng, rgb, piece.rgb, mask)
    return None


def _lay(
    rng: Rng, rgb: F32, clouds: F32, mask: npt.NDArray[np.uint8]
) -> tuple[F32, npt.NDArray[np.bool_]]:
    light = clouds.min(axis=2)
    ground = float(np.median(light[mask == 0]))
    bright = max(float(np.quantile(light[mask > 0], 0.8)), ground + 60)
    near = cv2.dilate(mask, np.ones((_RIM, _RIM), np.uint8)).astype(np.float32)
    near = cv2.GaussianBlur(near, (0, 0), 5)
    opacity = np.clip((light - ground - 15) / (bright - ground - 15), 0, 1) * near
    angle, drop = rng.uniform(0, 2 * np.pi), rng.uniform(6, 40)
    moved = np.array([[1, 0, drop * np.cos(angle)], [0, 1, drop * np.sin(angle)]])
    shadow = cv2.warpAffine(opacity, moved, opacity.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    shade = 1 - np.float32(rng.uniform(0.3, 0.6)) * cv2.GaussianBlur(shadow, (0, 0), 1.5)
    veil = opacity[..., None]
    seen = (rgb * shade[..., None] * (1 - veil) + clouds * veil).astype(np.float32)
    return seen, (opacity < 0.5) & (shade > 0.5)
