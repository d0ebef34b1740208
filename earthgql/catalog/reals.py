"""Numbers as they come back from PostgreSQL's ``real``: the shortest decimal of a float32."""

from collections.abc import Iterable

import numpy as np


def as_real(values: Iterable[float]) -> tuple[float, ...]:
    """Round to float32 and back, so that an answer is the same before and after it was stored."""
    return tuple(float(str(np.float32(value))) for value in values)
