"""Which labels a chip is to show."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from earthgql.landscape.labels.vocabulary import WEATHER
from earthgql.landscape.noise import Rng

# How often each set of tags stands among the 40,479 chips of Planet's training set.
_TAG_SETS: Final = Path(__file__).with_name("tag_sets.csv")
# Share of balanced chips drawn from the sets with this label alone; the rest is as in nature.
_OVERSAMPLED: Final = {
    "bare_ground": 0.075,
    "blooming": 0.085,
    "selective_logging": 0.08,
    "slash_burn": 0.085,
    "blow_down": 0.085,
    "conventional_mine": 0.08,
    "artisinal_mine": 0.075,
    "habitation": 0.04,
    "cultivation": 0.04,
    "haze": 0.04,
    "cloudy": 0.04,
}


@dataclass(frozen=True)
class Plan:
    """The weather and the ground labels wanted in a chip."""

    weather: str
    themes: frozenset[str]


@cache
def tag_sets() -> tuple[tuple[frozenset[str], ...], npt.NDArray[np.float64]]:
    """The sets of tags that real chips carry, and how many chips carry each: float64 [sets]."""
    with _TAG_SETS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    sets = tuple(frozenset(row["tags"].split()) for row in rows)
    return sets, np.array([float(row["chips"]) for row in rows])


def draw_plan(rng: Rng, *, balanced: bool) -> Plan:
    """Draws what a chip shows.

    Args:
        rng: source of randomness.
        balanced: rare labels in about a twelfth of the chips; else as often as in nature.

    Returns:
        The plan.
    """
    label = _label_to_show(rng) if balanced else None
    sets, chips = tag_sets()
    if label is not None:
        chips = chips * np.array([label in tags for tags in sets])
    tags = sets[int(rng.choice(len(sets), p=chips / chips.sum()))]
    (weather,) = tags & set(WEATHER)
    return Plan(weather, tags - {weather})


def _label_to_show(rng: Rng) -> str | None:
    draw = rng.random()
    for label, share in _OVERSAMPLED.items():
        draw -= share
        if draw < 0:
            return label
    return None
