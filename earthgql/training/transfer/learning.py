"""How a network to fine-tune learns: its head alone, then its last stages with the head."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.engines.keras.network import keras_module
from earthgql.training.measure.tuning import Goal
from earthgql.training.transfer.network import Transfer
from earthgql.training.transfer.views import VIEWS, Views

_PREDICT_BATCH = 64
_HEAD_BATCH = 4  # times that of the stages: features are cheap
_HEAD_ROUND = 100  # steps between looks at the validation split
_DROPOUT = 0.5
_HEAD_DECAY = 0.1
_TAIL_DECAY = 0.02
_TINY = 1e-3

Floats = npt.NDArray[np.float32]
Rng = np.random.Generator
Meter = Callable[[int], object]
Progress = Callable[[str, int], AbstractContextManager[Meter]]
"""Shows a count under a description; the number is what is expected in all."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to fine-tune.

    Attributes:
        size: side of the new network's input in pixels; None keeps the bundle's.
        stages: number of last stages that learn after the head; 0: the head alone.
        views: of each picture to train on, 1 to 8.
        head_steps: most steps of the head.
        epochs: most passes over the pictures while stages learn.
        head_rate: highest learning rate of the head alone.
        rate: highest learning rate while stages learn.
        batch: pictures per step.
        patience: rounds without gain on the validation split before it stops.
        goal: what the thresholds maximise.
        seed: of the order of pictures and of the dropout.
    """

    size: int | None = None
    stages: int = 1
    views: int = VIEWS
    head_steps: int = 3000
    epochs: int = 12
    head_rate: float = 3e-4
    rate: float = 2e-4
    batch: int = 32
    patience: int = 3
    goal: Goal = "f2"
    seed: int = 1


def learn_head(
    parts: Transfer, train: Views, validation: Views, recipe: Recipe, progress: Progress
) -> dict[str, Any]:
    """Fit the head to the features of all views; returns the losses.

    The features are standardised for it, which is then folded into the head's weights.
    """
    keras = keras_module()
    mean, deviation = _statistics(train.features)

    def standard(features: Any) -> Floats:
        result: Floats = (np.asarray(features, np.float32) - mean) / deviation
        return result

    width, labels = parts.head.kernel.shape
    dense = keras.layers.Dense(labels, activation="sigmoid")
    learner = keras.Sequential([keras.Input((width,)), keras.layers.Dropout(_DROPOUT), dense])
    if parts.own is not None:
        kernel, bias = parts.own
        dense.set_weights([kernel * deviation[:, None], bias + mean @ kernel])
    else:
        share = np.clip(train.truth.mean(axis=0), _TINY, 1 - _TINY)
        dense.set_weights([np.zeros((width, labels)), np.log(share / (1 - share))])

    def draw(rng: Rng) -> tuple[Floats, Floats]:
        rows, views = _drawn(rng, train, _HEAD_BATCH * recipe.batch)
        return standard(train.features[rows, views]), train.truth[rows].astype(np.float32)

    held_out = standard(flat(validation.features))
    rounds = max(1, recipe.head_steps // _HEAD_ROUND)
    with progress("Learn the head", rounds * _HEAD_ROUND) as done:
        losses = _learn(
            learner,
            draw,
            lambda: learner.predict_on_batch(held_out),
            repeated(validation),
            rounds=rounds,
            steps=_HEAD_ROUND,
            rate=recipe.head_rate,
            decay=_HEAD_DECAY,
            recipe=recipe,
            done=done,
        )
    kernel, bias = dense.get_weights()
    kernel = kernel / deviation[:, None]
    parts.head.set_weights([kernel, bias - mean @ kernel])
    return losses


def learn_stages(
    parts: Transfer, train: Views, validation: Views, recipe: Recipe, progress: Progress
) -> dict[str, Any]:
    """Let the last stages learn together with the head; returns the losses."""

    def draw(rng: Rng) -> tuple[list[Floats], Floats]:
        rows, views = _drawn(rng, train, recipe.batch)
        return _tail_inputs(parts, train, rows, views), train.truth[rows].astype(np.float32)

    steps = max(1, len(train.truth) // recipe.batch)
    with progress("Learn the last stages", recipe.epochs * steps) as done:
        return _learn(
            parts.tail,
            draw,
            lambda: scores_of(parts, validation),
            repeated(validation),
            rounds=recipe.epochs,
            steps=steps,
            rate=recipe.rate,
            decay=_TAIL_DECAY,
            recipe=recipe,
            done=done,
        )


def _learn(
    network: Any,
    draw: Callable[[Rng], tuple[Any, Floats]],
    predict: Callable[[], Any],
    truth: npt.NDArray[np.uint8],
    *,
    rounds: int,
    steps: int,
    rate: float,
    decay: float,
    recipe: Recipe,
    done: Meter,
) -> dict[str, Any]:
    """Learn in rounds until the validation loss stops falling, and keep the best weights.

    The beginning counts: if no round is better, the network is as it was.
    """
    keras = keras_module()
    optimizer = keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    network.compile(optimizer, "binary_crossentropy", jit_compile=False)
    rng = np.random.default_rng(recipe.seed)
    losses = [_loss(truth, predict())]
    best, kept = 0, network.get_weights()
    for number in range(1, rounds + 1):
        for step in range(steps):
            share = ((number - 1) * steps + step) / (rounds * steps)
            optimizer.learning_rate = rate * 0.5 * (1 + math.cos(math.pi * share))
            inputs, wanted = draw(rng)
            if not math.isfinite(float(network.train_on_batch(inputs, wanted))):
                raise TrainingError("the loss is no longer finite: choose a lower rate")
            done(1)
        losses.append(_loss(truth, predict()))
        if losses[-1] < losses[best]:
            best, kept = number, network.get_weights()
        elif number - best >= recipe.patience:
            break
    network.set_weights(kept)
    return {"validation_losses": [round(loss, 5) for loss in losses], "best_round": best}


def _loss(truth: npt.NDArray[np.uint8], scores: Any) -> float:
    inner = np.clip(np.asarray(scores, np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(truth, np.log(inner), np.log1p(-inner))))


def scores_of(parts: Transfer, seen: Views) -> Floats:
    """Score all views of a split: float32 [n * views, labels]."""
    if parts.tail is None:
        return np.asarray(parts.head(flat(seen.features)), np.float32)
    count, views = seen.features.shape[:2]
    rows, columns = (each.ravel() for each in np.indices((count, views)))
    scores = [
        parts.tail.predict_on_batch(_tail_inputs(parts, seen, rows[part], columns[part]))
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // _PREDICT_BATCH))
    ]
    return np.concatenate(scores).astype(np.float32)


def _tail_inputs(parts: Transfer, seen: Views, rows: Any, views: Any) -> list[Floats]:
    """Make the tail's inputs; rows and columns that it never looks at are zero."""
    if seen.maps is None or seen.before is None:
        raise ValueError("these views were made for the head alone")
    whole = np.zeros((len(rows), *parts.tail.input_shape[0][1:]), np.float32)
    whole[:, :: parts.stride, :: parts.stride] = seen.maps[rows, views]
    return [whole, seen.before[rows, views].astype(np.float32)]


def _drawn(rng: Rng, seen: Views, batch: int) -> tuple[Any, Any]:
    count, views = seen.features.shape[:2]
    rows = rng.choice(count, min(batch, count), replace=False)
    return rows, rng.integers(0, views, len(rows))


def _statistics(features: Any) -> tuple[Floats, Floats]:
    wide = features.reshape(-1, features.shape[-1])
    mean, deviation = wide.mean(axis=0, dtype=np.float32), wide.std(axis=0, dtype=np.float32)
    return mean, deviation + np.float32(_TINY)


def flat(features: Any) -> Floats:
    """Features of all views of all pictures as float32 [n * views, f]."""
    return np.asarray(features.reshape(-1, features.shape[-1]), np.float32)


def repeated(seen: Views) -> npt.NDArray[np.uint8]:
    """Truth of all views of all pictures: uint8 [n * views, labels]."""
    return np.repeat(seen.truth, seen.features.shape[1], axis=0)
