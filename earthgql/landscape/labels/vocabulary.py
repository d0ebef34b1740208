"""The label vocabulary and the codes that a ground pixel may carry."""

from __future__ import annotations

from typing import Final

WEATHER: Final[tuple[str, ...]] = ("clear", "partly_cloudy", "cloudy", "haze")

LABELS: Final[tuple[str, ...]] = (
    *WEATHER,
    "primary",
    "agriculture",
    "water",
    "habitation",
    "road",
    "cultivation",
    "bare_ground",
    "blooming",
    "selective_logging",
    "slash_burn",
    "blow_down",
    "conventional_mine",
    "artisinal_mine",
)

GROUND: Final[tuple[str, ...]] = LABELS[len(WEATHER) :]

# A ground pixel's code is the index of its label; 0 ("clear" is no ground label) means unlabelled.
CODES: Final[dict[str, int]] = {name: LABELS.index(name) for name in GROUND}
UNLABELLED: Final = 0
PRIMARY: Final = CODES["primary"]
