"""What a drawn area may show: the 17 labels, and what helps to tell them.

Labels overlap (a burnt plot is cultivation too), so a pixel holds one bit per cover, not one code.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from earthgql.landscape.labels import LABELS

Bits = npt.NDArray[np.uint32]
"""uint32 [h, w]: bit ``COVERS.index(name)`` is set where the cover lies."""

CLOUD: Final = "cloud"
CLOUD_SHADOW: Final = "cloud_shadow"
SAND: Final = "sand"
GRASS: Final = "grass"

COVERS: Final[tuple[str, ...]] = (*LABELS, CLOUD, CLOUD_SHADOW, SAND, GRASS)
"""The labels in their order, then clouds, their shadows, river sand, natural grass and swamp."""


def bit(cover: str) -> np.uint32:
    """The bit of a cover.

    Args:
        cover: one of ``COVERS``.

    Returns:
        A number with that one bit set.
    """
    return np.uint32(1 << COVERS.index(cover))
