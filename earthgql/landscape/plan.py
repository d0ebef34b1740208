"""Which labels a chip is to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earthgql.landscape.labels import WEATHER
from earthgql.landscape.noise import Rng

_NATURAL_WEATHER: Final = (0.70, 0.18, 0.05, 0.07)
_BALANCED_WEATHER: Final = (0.58, 0.21, 0.08, 0.13)

_NATURAL: Final[dict[str, float]] = {
    "agriculture": 0.29,
    "water": 0.17,
    "habitation": 0.09,
    "road": 0.06,
    "cultivation": 0.11,
    "bare_ground": 0.02,
    "blooming": 0.009,
    "selective_logging": 0.009,
    "slash_burn": 0.006,
    "blow_down": 0.004,
    "conventional_mine": 0.004,
    "artisinal_mine": 0.009,
}
_BALANCED: Final[dict[str, float]] = {
    "agriculture": 0.30,
    "water": 0.24,
    "habitation": 0.17,
    "road": 0.16,
    "cultivation": 0.20,
    "bare_ground": 0.125,
    "blooming": 0.14,
    "selective_logging": 0.13,
    "slash_burn": 0.125,
    "blow_down": 0.125,
    "conventional_mine": 0.115,
    "artisinal_mine": 0.125,
}


@dataclass(frozen=True)
class Plan:
    """The weather and the ground labels wanted in a chip."""

    weather: str
    themes: frozenset[str]


def draw_plan(rng: Rng, *, balanced: bool) -> Plan:
    """Draws what a chip shows, at balanced or at natural frequencies."""
    odds = _BALANCED_WEATHER if balanced else _NATURAL_WEATHER
    weather = WEATHER[int(rng.choice(len(WEATHER), p=odds))]
    chances = _BALANCED if balanced else _NATURAL
    themes = {label for label, chance in chances.items() if rng.random() < chance}
    # People come by road or river: farms and houses rarely stand without either.
    if "agriculture" in themes and rng.random() < 0.42:
        themes.add("road")
    if "habitation" in themes and rng.random() < 0.8:
        themes.add("road")
    if not balanced:
        _keep_company(rng, themes)
    return Plan(weather, frozenset(themes))


def _keep_company(rng: Rng, themes: set[str]) -> None:
    """In nature cultivation and houses gather where the land is farmed already."""
    if "habitation" in themes and rng.random() < 0.5:
        themes.add("agriculture")
    if "slash_burn" in themes and rng.random() < 0.5:
        themes.add("cultivation")
