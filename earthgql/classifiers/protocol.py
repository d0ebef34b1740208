"""What turns pixels into scores, and how a model is told from another."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

TILE_SIZE = 256

Pixels = npt.NDArray[np.uint8]
"""``uint8 [n, 256, 256, 3]``: n tile pictures, rows from the north, channels red, green, blue."""

Scores = npt.NDArray[np.float32]
"""``float32 [n, labels]``, each 0 to 1."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model made a score.

    Attributes:
        name: name of the bundle.
        version: version of the bundle.
        labels: label of each score, in the order of the scores.
        thresholds: per label, the score from which the label counts as present, 0 to 1.
        sha256: hash of weights, architecture, preprocessing, labels and calibration; thresholds
            are not in it, so that tuning them keeps the scores already stored.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    sha256: str


class Classifier(Protocol):
    """Turns pixels into scores; safe to call from several threads at once."""

    @property
    def identity(self) -> ModelIdentity:
        """The model behind the scores."""
        ...

    def classify(self, pixels: Pixels, *, deadline: float | None = None) -> Scores:
        """Score tiles.

        Args:
            pixels: ``uint8 [n, 256, 256, 3]``, red, green, blue.
            deadline: ``time.monotonic()`` seconds at which to stop; none: never.

        Returns:
            ``float32 [m, labels]`` for the first m tiles, m <= n: those done by the deadline.
        """
        ...
