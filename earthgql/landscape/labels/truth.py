"""When a label is true: enough of it must be visible."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from earthgql.landscape.labels.vocabulary import CODES, GROUND, LABELS
from earthgql.landscape.noise import U8

# Visible pixels of a 256 x 256 tile from which a label is true. Below NONE_SHARE of it nobody
# would see it; what lies between is ambiguous, and chips are drawn so that it does not occur.
ENOUGH: Final[dict[str, int]] = {
    "primary": 4000,
    "agriculture": 2500,
    "water": 420,
    "habitation": 90,
    "road": 230,
    "cultivation": 420,
    "bare_ground": 900,
    "blooming": 50,
    "selective_logging": 220,
    "slash_burn": 420,
    "blow_down": 500,
    "conventional_mine": 1500,
    "artisinal_mine": 600,
}
NONE_SHARE: Final = 0.12
_MIDDLE: Final = 0.6
_TILE_PIXELS: Final = 256 * 256


def visible_counts(cover: U8, visible: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Visible pixels of every ground label, as if the piece had 256 x 256 pixels.

    Args:
        cover: uint8 [h, w], label codes.
        visible: bool [h, w], where the ground can be made out.

    Returns:
        Count per ground label.
    """
    counts = np.bincount(cover[visible], minlength=len(LABELS))
    factor = _TILE_PIXELS / cover.size
    return {label: float(counts[CODES[label]]) * factor for label in GROUND}


def true_labels(counts: dict[str, float]) -> frozenset[str]:
    """The ground labels that are true for these counts."""
    return frozenset(label for label in GROUND if counts[label] >= _MIDDLE * ENOUGH[label])


def is_ambiguous(counts: dict[str, float]) -> bool:
    """Whether some label is neither clearly there nor clearly absent."""
    return any(NONE_SHARE * ENOUGH[label] < counts[label] < ENOUGH[label] for label in GROUND)
