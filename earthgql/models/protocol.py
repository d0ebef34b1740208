"""The interface of classifiers, which turn pixels into scores, and the identity of a model."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

TILE_SIZE = 256

Pixels = npt.NDArray[np.uint8]
"""``uint8 [n, 256, 256, 3]``: n tile pictures, rows from the north, channels red, green, blue."""

Scores = npt.NDArray[np.float32]
"""``float32 [n, labels]``, each 0 to 1."""

Distances = npt.NDArray[np.float32]
"""``float32 [n]``: distance of each tile from what the model was trained on, at least 0; above 1, a
tile is unlike that. The bundle's manifest says how often it says so wrongly."""


class Prediction(NamedTuple):
    """What a model says of one tile.

    Attributes:
        scores: ``float32 [labels]``, each 0 to 1.
        domain_distance: as in ``Distances``; None if the model has no such statistics.
    """

    scores: Scores
    domain_distance: float | None = None


class Predictions(NamedTuple):
    """What a model says of tiles.

    Attributes:
        scores: ``float32 [n, labels]``, each 0 to 1.
        domain_distances: ``float32 [n]``; None if the model has no statistics of what it was
            trained on.
    """

    scores: Scores
    domain_distances: Distances | None = None

    @classmethod
    def joined(cls, parts: Sequence["Predictions"], labels: int) -> "Predictions":
        """Concatenate predictions of one model of so many labels; there may be none."""
        none = np.empty((0, labels), np.float32)
        scores = np.concatenate([none, *(part.scores for part in parts)])
        distances = [d for part in parts if (d := part.domain_distances) is not None]
        return cls(scores, np.concatenate(distances) if distances else None)


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Identifies the model of a score.

    Attributes:
        name: name of the bundle.
        version: version of the bundle.
        labels: label of each score, in the order of the scores.
        thresholds: per label, the score from which the label counts as present, 0 to 1.
        sha256: hash of weights, architecture, preprocessing, labels, calibration and statistics of
            the training material; thresholds are not in it, so that tuning them keeps the scores
            already stored.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    sha256: str


class Classifier(Protocol):
    """Turns pixels into scores, a batch at a time, in threads of its own.

    Safe to call from several threads, although one feeding it is enough.
    """

    @property
    def identity(self) -> ModelIdentity:
        """The model behind the scores."""
        ...

    @property
    def batch_size(self) -> int:
        """Most tiles of one ``start``."""
        ...

    @property
    def pass_sizes(self) -> tuple[int, ...]:
        """Numbers of tiles that the engine runs in one pass, rising, from 1 to ``batch_size``.

        A batch of another size is padded, or run in several passes.
        """
        ...

    @property
    def parallel(self) -> int:
        """Number of concurrent batches that keep the engine busy; more only wait inside it."""
        ...

    def start(self, pixels: Pixels) -> Future[Predictions]:
        """Begin to score a batch; returns at once unless ``parallel`` batches are running.

        Args:
            pixels: ``uint8 [n, 256, 256, 3]``, red, green, blue, 0 <= n <= ``batch_size``; must
                not change before the future is done.

        Returns:
            The future predictions, which must not be cancelled once the batch runs. Its exception
            is a ``ModelUnavailableError`` if there is no network to run.
        """
        ...

    def warm_up(self) -> None:
        """Load and run the network once, which the first batches would otherwise wait for.

        Raises:
            ModelUnavailableError: if the network cannot be built.
        """
        ...


def classify_all(classifier: Classifier, pixels: Pixels) -> Scores:
    """Score any number of tiles; see ``predict_all``."""
    return predict_all(classifier, pixels).scores


def predict_all(classifier: Classifier, pixels: Pixels) -> Predictions:
    """Score any number of tiles in ``parallel`` concurrent batches.

    Args:
        classifier: the model.
        pixels: ``uint8 [n, 256, 256, 3]``, red, green, blue.

    Raises:
        ModelUnavailableError: if the network cannot be built or run.
    """
    parts: list[Predictions] = []
    running: deque[Future[Predictions]] = deque()
    for first in range(0, len(pixels), classifier.batch_size):
        if len(running) == classifier.parallel:
            parts.append(running.popleft().result())
        running.append(classifier.start(pixels[first : first + classifier.batch_size]))
    parts.extend(future.result() for future in running)
    return Predictions.joined(parts, len(classifier.identity.labels))
