"""A small real classifier: scores computed from the mean colour of a tile, no neural network."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from earthgql.models.labels import PLANET_LABELS
from earthgql.models.protocol import Distances, ModelIdentity, Pixels, Predictions, Scores

PIXEL_IDENTITY = ModelIdentity(
    name="pixel",
    version="1",
    labels=PLANET_LABELS,
    thresholds=(0.5,) * len(PLANET_LABELS),
    sha256="c0105" * 12 + "0000",
)


def pixel_scores(pixels: Pixels) -> Scores:
    """What ``PixelClassifier`` must answer: smooth, distinct functions of the mean colour."""
    colour = pixels.mean(axis=(1, 2)) / 255.0
    weights = np.random.default_rng(17).normal(size=(3, len(PLANET_LABELS)))
    return (1.0 / (1.0 + np.exp(-4.0 * (colour - 0.4) @ weights))).astype(np.float32)


def pixel_distances(pixels: Pixels) -> Distances:
    """What ``PixelClassifier`` must answer if it tells distances: 3 times the mean of green."""
    return (pixels[..., 1].mean(axis=(1, 2)) / 85.0).astype(np.float32)


@dataclass
class PixelClassifier:
    """Classifier over mean colours that counts what it is asked.

    Attributes:
        seconds_per_tile: how long each tile takes.
        tells_distances: whether it knows what it was trained on.
        submissions: number of tiles of each batch so far.
    """

    identity: ModelIdentity = PIXEL_IDENTITY
    seconds_per_tile: float = 0.0
    tells_distances: bool = False
    batch_size: int = 32
    parallel: int = 1
    submissions: list[int] = field(default_factory=list)
    _worker: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="pixel-classifier")
    )

    @property
    def pass_sizes(self) -> tuple[int, ...]:
        """Any number of tiles up to the batch size."""
        return tuple(range(1, self.batch_size + 1))

    def start(self, pixels: Pixels) -> Future[Predictions]:
        self.submissions.append(len(pixels))
        return self._worker.submit(self.predictions, pixels)

    def predictions(self, pixels: Pixels) -> Predictions:
        """Answer a batch, in the thread of the classifier."""
        distances = pixel_distances(pixels) if self.tells_distances else None
        return Predictions(self.scores(pixels), distances)

    def warm_up(self) -> None:
        """Nothing is slow the first time."""

    def scores(self, pixels: Pixels) -> Scores:
        """Score a batch, in the thread of the classifier; for subclasses to fail in."""
        time.sleep(self.seconds_per_tile * len(pixels))
        return pixel_scores(pixels)

    @property
    def tiles(self) -> int:
        """Number of tiles inferred so far."""
        return sum(self.submissions)


class GatedClassifier(PixelClassifier):
    """Runs a batch only when told to, so that a test decides what happens meanwhile.

    Attributes:
        asked: the batches in the order they began, as pixels.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[Pixels] = []
        self._began = threading.Semaphore(0)
        self._gate = threading.Semaphore(0)

    def scores(self, pixels: Pixels) -> Scores:
        self.asked.append(pixels)
        self._began.release()
        assert self._gate.acquire(timeout=60)
        return super().scores(pixels)

    def wait_begun(self, batches: int = 1) -> None:
        """Wait until so many more batches have begun."""
        for _ in range(batches):
            assert self._began.acquire(timeout=30)

    def let(self, batches: int = 1_000_000) -> None:
        """Let so many more batches end."""
        self._gate.release(batches)
