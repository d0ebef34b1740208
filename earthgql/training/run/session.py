"""A training run from the request to the finished weights."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from earthgql.errors import ModelUnavailableError, TrainingError
from earthgql.models.preprocess import InputSpec
from earthgql.training.data.samples import Splits
from earthgql.training.run.checkpoint import WEIGHTS_FILE, RunFolder
from earthgql.training.run.training_plan import Plan

if TYPE_CHECKING:
    from earthgql.training.run.trainer import Engine

Backend = Literal["tensorflow", "torch", "jax", "pytorch"]

LOOK_MEAN = (0.31, 0.34, 0.30)
LOOK_STD = (0.17, 0.16, 0.16)
"""Input scaling: roughly the means and deviations over dark satellite chips, in 0 to 1."""

LABELS_FILE = "labels.txt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run.

    Attributes:
        weights: the averaged weights as Keras weights.
        seconds: time spent on training over all its processes.
        epochs: epochs done.
    """

    weights: Path
    seconds: float
    epochs: int


def choose_backend(backend: Backend) -> None:
    """Choose Keras' backend; must come before the first import of Keras.

    ``pytorch`` is the own PyTorch engine, which needs Keras on PyTorch beside it.

    Raises:
        TrainingError: if Keras already runs on another backend, or the backend is not installed.
    """
    import importlib.util
    import sys

    name = "torch" if backend == "pytorch" else backend
    if importlib.util.find_spec(name) is None:
        raise TrainingError(
            f"the backend {backend} is not installed: pip install {name}, or choose another"
            " --backend"
        )
    if "keras" in sys.modules:
        running = sys.modules["keras"].backend.backend()
        if running != name:
            raise TrainingError(f"Keras already runs on {running}; start a new process")
    os.environ["KERAS_BACKEND"] = name


def spec_of(size: int) -> InputSpec:
    """Input of the networks trained here."""
    return InputSpec(size, "standard", LOOK_MEAN, LOOK_STD)


def train(
    splits: Splits,
    plan: Plan,
    folder: Path,
    *,
    backend: Backend,
    pretrained: Path | None = None,
    watch: Callable[[Any], None] = lambda _: None,
    checkpoint_seconds: float = 300.0,
) -> Outcome:
    """Train, or go on training, a ResNet50.

    Args:
        splits: the data set.
        plan: what to do.
        folder: of the run; holding this run's checkpoints when it is to go on.
        backend: see ``choose_backend``.
        pretrained: Keras weights of a ResNet50 to start from, with any number of labels.
        watch: called with an ``Event`` after every step and epoch.
        checkpoint_seconds: time between checkpoints within an epoch.

    Raises:
        TrainingError: if anything is wrong; nothing that was there is overwritten.
    """
    choose_backend(backend)
    from earthgql.training.run import trainer

    run = RunFolder(folder)
    spec = spec_of(plan.stages[-1].size)
    going_on = run.open(describe(splits, plan, backend, pretrained))
    weights = trainer.positive_weights(splits.train.truth, plan.weighting)
    engine = _engine(backend, splits, plan, weights)
    position = None
    if going_on:
        position = run.load(engine)
    elif pretrained is not None:
        _adopt(engine, pretrained, len(splits.labels), spec.size)
    loop = trainer.Trainer(engine, splits, plan, spec, run, watch, checkpoint_seconds)
    end = loop.run(position)
    with run.replacing(LABELS_FILE) as temporary:
        temporary.write_text("\n".join(splits.labels) + "\n")
    path = trainer.finish(engine, run, spec, len(splits.labels))
    return Outcome(path, end.seconds, end.epoch)


def export_command(folder: Path, plan: Plan) -> str:
    """The command that makes a bundle of a finished run."""
    mean, std = (" ".join(map(str, values)) for values in (LOOK_MEAN, LOOK_STD))
    return (
        f"python manage.py model export {folder / WEIGHTS_FILE} BUNDLE --size"
        f" {plan.stages[-1].size} --scale standard --mean {mean} --std {std}"
        f" --labels {folder / LABELS_FILE}"
    )


def describe(
    splits: Splits, plan: Plan, backend: Backend, pretrained: Path | None
) -> dict[str, Any]:
    """What makes two runs the same run, as JSON-like values."""
    return {
        "architecture": "ResNet50",
        "labels": list(splits.labels),
        "backend": backend,
        "plan": plan.description(),
        "pretrained": None if pretrained is None else _file_hash(pretrained),
        "train": _fingerprint(splits.train),
        "validation": _fingerprint(splits.validation),
    }


def _fingerprint(samples: Any) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(samples.truth).tobytes())
    for name in samples.names:
        digest.update(name.encode() + b"\0")
    return f"{len(samples.truth)} pictures, {digest.hexdigest()[:16]}"


def _file_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from None


def _engine(backend: Backend, splits: Splits, plan: Plan, weights: Any) -> "Engine":
    labels = len(splits.labels)
    if backend == "pytorch":
        from earthgql.training.run.torch_engine import TorchEngine

        cells = getattr(splits.train, "cells", None)
        covering = [False] * labels if cells is None else cells.any(axis=(0, 1, 2)).tolist()
        return TorchEngine(labels, plan, weights, covering)
    from earthgql.training.run.keras_engine import KerasEngine

    return KerasEngine(labels, plan, weights)


def _adopt(engine: "Engine", path: Path, labels: int, size: int) -> None:
    from earthgql.training.run.pretrained import load_pretrained

    try:
        model, head = load_pretrained(path, labels, size)
    except ModelUnavailableError as error:
        raise TrainingError(str(error)) from None
    engine.adopt(model, head=head)
