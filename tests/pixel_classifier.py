"""A small real classifier: scores computed from the mean colour of a tile, no neural network."""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from earthgql.classifiers.labels import PLANET_LABELS
from earthgql.classifiers.protocol import ModelIdentity, Pixels, Scores

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


@dataclass
class PixelClassifier:
    """Classifier over mean colours that counts what it is asked.

    Attributes:
        seconds_per_tile: how long each tile takes; with a deadline, tiles past it are not done.
        submissions: number of tiles of each ``classify`` call so far.
    """

    identity: ModelIdentity = PIXEL_IDENTITY
    seconds_per_tile: float = 0.0
    submissions: list[int] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def classify(self, pixels: Pixels, *, deadline: float | None = None) -> Scores:
        with self._lock:
            self.submissions.append(len(pixels))
        done = 0
        for _ in range(len(pixels)):
            if deadline is not None and time.monotonic() + self.seconds_per_tile > deadline:
                break
            if self.seconds_per_tile:
                time.sleep(self.seconds_per_tile)
            done += 1
        return pixel_scores(pixels[:done])
