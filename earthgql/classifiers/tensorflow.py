"""The network of a bundle on TensorFlow, as one frozen graph. Make it in the process that uses it.

A graph made before ``fork`` hangs in the child, and importing TensorFlow takes seconds.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from earthgql.classifiers import keras_model
from earthgql.classifiers.bundle import Bundle
from earthgql.classifiers.calibration import calibrate
from earthgql.classifiers.preprocess import preprocess
from earthgql.classifiers.protocol import TILE_SIZE, ModelIdentity, Pixels, Scores
from earthgql.classifiers.turns import Turns
from earthgql.errors import ModelUnavailableError

_SMOOTHING = 0.3
_MOST_PADDING = 0.25


class TensorFlowClassifier:
    """Scores tiles with the network of a bundle; threads take turns batch by batch.

    Attributes:
        identity: the model behind the scores.
    """

    def __init__(self, bundle: Bundle, *, batch_size: int = 32) -> None:
        """Remember the network; it is built and frozen when it first has to run.

        So a process whose answers are all stored never waits for TensorFlow.

        Args:
            bundle: the opened bundle.
            batch_size: most tiles per forward pass.
        """
        self.identity: ModelIdentity = bundle.identity
        self._bundle = bundle
        self._spec = bundle.manifest.input.spec
        self._calibration = bundle.manifest.calibration
        self._frozen: Callable[[Any], Scores] | None = None
        self._freezing = threading.Lock()
        self._sizes = _batch_sizes(batch_size)
        self._seconds: dict[int, float] = {}
        self._turns = Turns()

    def warm_up(self) -> None:
        """Run every batch size that small requests use once, so that none of them is slow."""
        for size in self._sizes[:4]:
            self.classify(np.zeros((size, TILE_SIZE, TILE_SIZE, 3), np.uint8))

    def classify(self, pixels: Pixels, *, deadline: float | None = None) -> Scores:
        """Score tiles; see ``Classifier.classify``.

        A batch is only begun when it should be done by the deadline, judging by those before.

        Raises:
            ModelUnavailableError: if the weights do not fit the architecture.
        """
        run = self._network()
        rows: list[Scores] = [np.empty((0, len(self.identity.labels)), np.float32)]
        done = 0
        while done < len(pixels):
            size = self._next_size(len(pixels) - done, deadline)
            if not size:
                break
            scores = self._batch(run, pixels[done : done + size], size, deadline)
            if scores is None:
                break
            rows.append(scores)
            done += len(scores)
        return calibrate(np.concatenate(rows), self._calibration)

    def _network(self) -> Callable[[Any], Scores]:
        with self._freezing:
            if self._frozen is None:
                self._frozen = _frozen(self._bundle)
            return self._frozen

    def _batch(
        self, run: Callable[[Any], Scores], pixels: Pixels, size: int, deadline: float | None
    ) -> Scores | None:
        inputs = preprocess(pixels, self._spec)
        if len(inputs) < size:
            padding = np.zeros((size - len(inputs), *inputs.shape[1:]), np.float32)
            inputs = np.concatenate([inputs, padding])
        with self._turns.turn(deadline) as mine:
            if not mine:
                return None
            began = time.monotonic()
            scores: Scores = run(inputs)[: len(pixels)]
            self._learn(size, time.monotonic() - began)
        return scores

    def _learn(self, size: int, seconds: float) -> None:
        before = self._seconds.get(size, seconds)
        self._seconds[size] = before + _SMOOTHING * (seconds - before)

    def _next_size(self, count: int, deadline: float | None) -> int:
        """Batch size for the next of ``count`` tiles; 0 when there is no time left."""
        size = padded_size(count, self._sizes)
        if deadline is None:
            return size
        left = deadline - time.monotonic()
        if left <= 0:
            return 0
        fitting = [s for s in self._sizes if s <= size and self._expected(s) <= left]
        return fitting[-1] if fitting else self._sizes[0]

    def _expected(self, size: int) -> float:
        """Seconds a batch should take; an untried size as its nearest tried one per tile."""
        if not self._seconds:
            return 0.0
        nearest = min(self._seconds, key=lambda tried: abs(tried - size))
        return self._seconds[nearest] * size / nearest


def padded_size(count: int, sizes: tuple[int, ...]) -> int:
    """Choose the batch size for the next tiles.

    Args:
        count: tiles yet to do, at least 1.
        sizes: batch sizes, rising, from 1.

    Returns:
        The smallest size that holds all, if little of it is padding, else the largest that is full.
    """
    if count >= sizes[-1]:
        return sizes[-1]
    above = next(size for size in sizes if size >= count)
    if above - count <= above * _MOST_PADDING:
        return above
    return max(size for size in sizes if size <= count)


def _batch_sizes(most: int) -> tuple[int, ...]:
    powers = [2**exponent for exponent in range(most.bit_length()) if 2**exponent < most]
    return (*powers, most)


def _frozen(bundle: Bundle) -> Callable[[Any], Scores]:
    """Compile a bundle's network: weights become constants of one graph."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    keras = keras_model.keras_module()
    if keras.config.backend() != "tensorflow":
        raise ModelUnavailableError(
            f"KERAS_BACKEND is {keras.config.backend()}, but answering takes tensorflow: unset it"
        )
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    model = keras_model.without_normalisation(keras_model.build(bundle))
    size = bundle.manifest.input.spec.size
    signature = [tf.TensorSpec([None, size, size, 3], tf.float32)]
    forward = tf.function(lambda x: model(x, training=False), input_signature=signature)
    graph = convert_variables_to_constants_v2(forward.get_concrete_function())

    def run(inputs: Any) -> Scores:
        scores: Scores = graph(tf.constant(inputs))[0].numpy()
        return scores

    return run
