"""When a label is true for a crop: plainly visible, absent, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from earthgql.landscape.labels import GROUND, LABELS
from earthgql.training.ground.vocabulary import CLOUD, CLOUD_SHADOW

ENOUGH: Final[dict[str, int]] = {
    "primary": 4000,
    "agriculture": 1500,
    "water": 400,
    "habitation": 200,
    "road": 400,
    "cultivation": 400,
    "bare_ground": 3000,
    "blooming": 110,
    "selective_logging": 1200,
    "slash_burn": 400,
    "blow_down": 500,
    "conventional_mine": 1500,
    "artisinal_mine": 600,
    CLOUD: 250,
}
"""Pixels of a 256 x 256 crop from which a label is plainly visible."""

NONE: Final[dict[str, int]] = {
    "primary": 600,
    "agriculture": 150,
    "water": 80,
    "habitation": 20,
    "road": 60,
    "cultivation": 60,
    "bare_ground": 800,
    "blooming": 20,
    "selective_logging": 200,
    "slash_burn": 60,
    "blow_down": 60,
    "conventional_mine": 150,
    "artisinal_mine": 300,
    CLOUD: 40,
    CLOUD_SHADOW: 200,
}
"""Pixels up to which nobody would name it; what lies between is doubtful."""

OVERCAST_SHARE: Final = 0.6
"""Share of clouds from which a crop may be called cloudy."""


@dataclass(frozen=True)
class Reading:
    """What a crop shows.

    Attributes:
        tags: labels that are true.
        doubtful: labels of which nobody can say; no label is in both.
    """

    tags: frozenset[str]
    doubtful: frozenset[str]

    @property
    def truth(self) -> npt.NDArray[np.uint8]:
        """1 where a label is true, uint8 [17] in the order of ``LABELS``."""
        return np.array([label in self.tags for label in LABELS], np.uint8)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where the truth may be used, bool [17]."""
        return np.array([label not in self.doubtful for label in LABELS])


def read_counts(
    sure: Mapping[str, float], possible: Mapping[str, float], weather: frozenset[str]
) -> Reading:
    """Labels from pixel counts.

    Args:
        sure: pixels of each cover that are certain, as if the crop had 256 x 256 pixels.
        possible: pixels that are certain or may be.
        weather: the scene's weather away from clouds; several if it is not known.

    Returns:
        The reading: exactly one weather is true, or at least two are doubtful.
    """
    tags = {label for label in GROUND if sure[label] >= ENOUGH[label]}
    doubtful = {label for label in GROUND if possible[label] > NONE[label]} - tags
    skies = _weather(sure, possible, weather)
    if len(skies) == 1:
        tags |= skies
    else:
        doubtful |= skies
    return Reading(frozenset(tags), frozenset(doubtful))


def _weather(
    sure: Mapping[str, float], possible: Mapping[str, float], weather: frozenset[str]
) -> frozenset[str]:
    """The weathers that may be said of a crop."""
    if sure[CLOUD] >= OVERCAST_SHARE * 256 * 256:
        return frozenset({"partly_cloudy", "cloudy"})
    if sure[CLOUD] >= ENOUGH[CLOUD]:
        return frozenset({"partly_cloudy"})
    if possible[CLOUD] > NONE[CLOUD] or possible[CLOUD_SHADOW] > NONE[CLOUD_SHADOW]:
        return weather | {"partly_cloudy"}
    return weather
