"""Batches for training, made on the side while the network is busy."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgql.models.preprocess import InputSpec, preprocess, resize
from earthgql.training.data.augment import augment
from earthgql.training.data.samples import Samples

Floats = npt.NDArray[np.float32]
_AHEAD = 4
_MOST_THREADS = 12
_OVERSAMPLED = 2  # pictures are recoloured at up to this multiple of the network's input size


@dataclass(frozen=True, slots=True)
class Batch:
    """What a training step learns from.

    Attributes:
        inputs: float32 [n, size, size, 3], preprocessed.
        truth: float32 [n, labels].
        cells: uint8 [n, c, c, labels], share of each cell that shows a label, 0 to 255; None
            where that is not known.
        known: uint8 [n, labels], 0 where the truth must not be used; None: all of it may.
    """

    inputs: Floats
    truth: Floats
    cells: npt.NDArray[np.uint8] | None
    known: npt.NDArray[np.uint8] | None = None


class Batches:
    """One epoch of shuffled, augmented batches; every batch can be made again from its number.

    Pictures left over by the last whole batch are not seen in this epoch.

    Args:
        samples: the pictures.
        spec: the network's input.
        batch: pictures per batch.
        epoch: number of the epoch; another epoch, another order and other changes.
        seed: seed of both.
        jitter: strength of changes of colour and sharpness.
        warp: strength of turns by any angle and changes of scale.
    """

    def __init__(
        self,
        samples: Samples,
        spec: InputSpec,
        *,
        batch: int,
        epoch: int,
        seed: int,
        jitter: float,
        warp: float = 0.0,
    ) -> None:
        self.samples, self.spec, self.jitter, self.warp = samples, spec, jitter, warp
        self.batch = min(batch, len(samples.truth))
        self.epoch, self.seed = epoch, seed
        self.order = np.random.default_rng([seed, epoch]).permutation(len(samples.truth))

    def __len__(self) -> int:
        return len(self.order) // self.batch

    def make(self, number: int) -> Batch:
        """Make a batch, the same one whenever it is asked for."""
        rng = np.random.default_rng([self.seed, self.epoch, number])
        rows = np.sort(self.order[number * self.batch : (number + 1) * self.batch])
        pixels = self.samples.read(rows.tolist())
        if pixels.shape[1] > _OVERSAMPLED * self.spec.size:
            pixels = resize(pixels, _OVERSAMPLED * self.spec.size)
        cells, known = (
            None if all_ is None else all_[rows]
            for all_ in (getattr(self.samples, name, None) for name in ("cells", "known"))
        )
        pixels, cells = augment(pixels, rng, self.jitter, cells, self.warp)
        truth = self.samples.truth[rows].astype(np.float32)
        return Batch(preprocess(pixels, self.spec), truth, cells, known)

    def ahead(self, first: int) -> Iterator[Batch]:
        """Batches from number ``first`` on, in order, made by threads a few batches ahead."""
        threads = max(1, min(_MOST_THREADS, (os.cpu_count() or 1) - 1))
        with ThreadPoolExecutor(threads, "batches") as pool:
            waiting: list[Future[Batch]] = []
            try:
                for number in range(first, len(self)):
                    waiting.append(pool.submit(self.make, number))
                    if len(waiting) > _AHEAD + threads:
                        yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                for future in waiting:
                    future.cancel()


def plain_batches(samples: Samples, spec: InputSpec, batch: int) -> Iterator[Floats]:
    """All pictures in order, preprocessed and unchanged, in batches."""
    for start in range(0, len(samples.truth), batch):
        rows = range(start, min(start + batch, len(samples.truth)))
        yield preprocess(samples.read(rows), spec)
