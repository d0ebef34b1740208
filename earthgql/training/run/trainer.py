"""The training loop, the same for every engine."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.engines.keras.network import resnet50
from earthgql.models.preprocess import InputSpec
from earthgql.training.data.batches import Batch, Batches, plain_batches
from earthgql.training.data.samples import Samples, Splits
from earthgql.training.measure.metrics import average_precision, sample_f, tune_thresholds
from earthgql.training.run.checkpoint import HISTORY_FILE, WEIGHTS_FILE, Position, RunFolder
from earthgql.training.run.training_plan import Plan, Stage

Floats = npt.NDArray[np.float32]


class Engine(Protocol):
    """Weights, their moving average and an optimiser on some backend."""

    def begin(self, stage: Stage) -> None:
        """Prepare for the steps of a stage."""

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from a batch and return its loss; if that is not finite, the run stops here.

        Weights may then be spoilt: the last checkpoint is what stands.
        """

    def predict(self, inputs: Floats) -> Floats:
        """Score a batch with the averaged weights."""

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""

    def load(self, path: Path) -> None:
        """Go on from what ``save`` wrote."""

    def export(self, model: Any) -> None:
        """Copy the averaged weights into a Keras network."""

    def adopt(self, model: Any, *, head: bool) -> None:
        """Start from the weights of a Keras ResNet50, with those of its head or without."""


@dataclass(frozen=True, slots=True)
class Event:
    """News for whoever watches.

    Attributes:
        epoch: from 1; ``epochs`` in all.
        done: share of the run that is done, 0 to 1.
        seconds_left: estimate from the steps of this process, or None.
        loss: smoothed training loss of the steps of this process; NaN before the first.
        report: what was measured after the epoch; empty in the middle of one.
    """

    epoch: int
    epochs: int
    done: float
    seconds_left: float | None
    loss: float
    rate: float
    report: dict[str, Any] = field(default_factory=dict)


@dataclass
class Trainer:
    """One run.

    Attributes:
        engine: what learns.
        splits: what it learns from; the test split is never read.
        plan: how.
        spec: the finished network's input; stages only change its size.
        folder: where the run is kept.
        watch: called after every step and every epoch.
        checkpoint_seconds: time between checkpoints within an epoch.
    """

    engine: Engine
    splits: Splits
    plan: Plan
    spec: InputSpec
    folder: RunFolder
    watch: Callable[[Event], None] = lambda _: None
    checkpoint_seconds: float = 300.0

    def run(self, position: Position | None = None) -> Position:
        """Train from a position to the end.

        Raises:
            TrainingError: if the loss is not finite, a picture cannot be read or the disk is full;
                the last checkpoint is good and the same command goes on from it.
        """
        at = position or Position()
        self._begun, self._first = time.monotonic() - at.seconds, at.epoch + self._share(at)
        self._started, self._saved, self._loss = time.monotonic(), time.monotonic(), math.nan
        while at.epoch < self.plan.epochs:
            at = self._epoch(at)
        return at

    def _share(self, at: Position) -> float:
        return at.batch / max(1, self._per_epoch)

    @property
    def _per_epoch(self) -> int:
        count = len(self.splits.train.truth)
        return count // min(self.plan.batch, count)

    def _epoch(self, at: Position) -> Position:
        stage = self.plan.stage_of(at.epoch)
        spec = replace(self.spec, size=stage.size)
        self.engine.begin(stage)
        batches = Batches(
            self.splits.train,
            spec,
            batch=self.plan.batch,
            epoch=at.epoch,
            seed=self.plan.seed,
            jitter=self.plan.jitter,
            warp=self.plan.warp,
        )
        steps = self.plan.epochs * len(batches)
        for batch in batches.ahead(at.batch):
            rate = self.plan.rate_at(at.step, steps)
            self._observe(self.engine.step(batch, rate), at)
            at = Position(at.epoch, at.batch + 1, at.step + 1, time.monotonic() - self._begun)
            self.watch(self._event(at, rate))
            if time.monotonic() - self._saved > self.checkpoint_seconds:
                self._keep(at)
        at = Position(at.epoch + 1, 0, at.step, time.monotonic() - self._begun)
        report = self._measure(at, stage, spec)
        self._keep(at)
        # One that was resumed after its last batch made no step in this process.
        event = self._event(at, self.plan.rate_at(at.step - 1, steps))
        self.watch(replace(event, epoch=at.epoch, report=report))
        return at

    def _observe(self, loss: float, at: Position) -> None:
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss} in epoch {at.epoch + 1}, step {at.step + 1}; the last good"
                f" checkpoint in {self.folder.path} is kept: start a new run with a lower --lr"
            )
        self._loss = loss if math.isnan(self._loss) else 0.98 * self._loss + 0.02 * loss

    def _keep(self, at: Position) -> None:
        self.folder.save(self.engine, at)
        self._saved = time.monotonic()

    def _event(self, at: Position, rate: float) -> Event:
        epochs = at.epoch + self._share(at)
        done = epochs - self._first
        left = None
        if done > 0:
            left = (time.monotonic() - self._started) / done * (self.plan.epochs - epochs)
        epoch = min(at.epoch + 1, self.plan.epochs)
        return Event(epoch, self.plan.epochs, epochs / self.plan.epochs, left, self._loss, rate)

    def _measure(self, at: Position, stage: Stage, spec: InputSpec) -> dict[str, Any]:
        validation = self.splits.validation
        scores = predict(self.engine, validation, spec, self.plan.batch)
        cutoffs = tune_thresholds(validation.truth, scores, rounds=1)
        precision = average_precision(validation.truth, scores)
        report = {
            "epoch": at.epoch,
            "step": at.step,
            "seconds": round(at.seconds, 1),
            "size": stage.size,
            "depth": list(stage.depth),
            "loss": None if math.isnan(self._loss) else round(self._loss, 5),
            "validation_f2": round(sample_f(validation.truth, scores >= cutoffs), 4),
            "validation_ap": {
                label: None if math.isnan(value) else round(float(value), 4)
                for label, value in zip(validation.labels, precision, strict=True)
            },
        }
        self.folder.write_json(HISTORY_FILE, [*self.folder.read_history(), report])
        return report


def predict(engine: Engine, samples: Samples, spec: InputSpec, batch: int) -> Floats:
    """Score all pictures of a split with the averaged weights."""
    return np.concatenate([engine.predict(x) for x in plain_batches(samples, spec, batch)])


def positive_weights(truth: npt.NDArray[np.uint8], exponent: float) -> Floats:
    """Weight of a present label: (absent / present) ** exponent, at most 20; 1 if never there."""
    present = truth.sum(axis=0, dtype=np.float64)
    ratio = np.divide(len(truth) - present, present, out=np.ones_like(present), where=present > 0)
    weights: Floats = np.clip(ratio**exponent, 0.05, 20.0).astype(np.float32)
    return weights


def finish(engine: Engine, folder: RunFolder, spec: InputSpec, labels: int) -> Path:
    """Write the averaged weights of a finished run as Keras weights that any backend loads."""
    model = resnet50(spec.size, labels)
    engine.export(model)
    with folder.replacing(WEIGHTS_FILE) as temporary:
        model.save_weights(temporary)
    return folder.path / WEIGHTS_FILE
