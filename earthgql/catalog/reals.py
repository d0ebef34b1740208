"""Numbers as they come back from PostgreSQL's ``real``: the shortest decimal of a float32."""

from collections.abc import Iterable

import numpy as np


def as_real(values: Iterable[float]) -> tuple[float, ...]:
    """Round to float32 and back, so that an answer is the same before and after it was stored."""
    return tuple(float(str(np.float32(value))) for value in values)


def least_real(floor: float) -> float:
    """Return the least number that ``as_real`` gives and that is not below ``floor``.

    Comparing a ``real`` with it in SQL tells the same as comparing what was read with ``floor``.
    """
    nearest = np.float32(floor)
    if float(str(nearest)) < floor:
        nearest = np.nextafter(nearest, np.float32(np.inf))
    return float(str(nearest))
