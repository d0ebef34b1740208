"""The labels: their names, when one is true, and which a chip is to show."""

from earthgql.landscape.labels.vocabulary import (
    CODES,
    GROUND,
    LABELS,
    PRIMARY,
    UNLABELLED,
    WEATHER,
)

__all__ = ["CODES", "GROUND", "LABELS", "PRIMARY", "UNLABELLED", "WEATHER"]
