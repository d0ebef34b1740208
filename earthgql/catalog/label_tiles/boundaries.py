"""The boundaries of scores: a vector tile has, for each label, how many of them a score reaches."""

from bisect import bisect_right

from earthgql.catalog.scores import real_cutoff
from earthgql.models.protocol import ModelIdentity

_HUNDREDTHS = tuple(number / 100 for number in range(1, 101))


def boundaries(identity: ModelIdentity) -> tuple[float, ...]:
    """Return 0.01, 0.02, ... 1.00 and the thresholds of a model, each once, ascending."""
    return tuple(sorted({*_HUNDREDTHS, *identity.thresholds}))


def real_boundaries(identity: ModelIdentity) -> list[float]:
    """Return the boundaries as ``real_cutoff`` rounds them.

    The number of those that a ``real`` reaches is that of the boundaries that its score, as it is
    read, reaches.
    """
    return [real_cutoff(each) for each in boundaries(identity)]


def reached(identity: ModelIdentity, cutoff: float) -> int:
    """Return how many boundaries a score reaches at least that reaches one of them, the cutoff."""
    return bisect_right(boundaries(identity), cutoff)
