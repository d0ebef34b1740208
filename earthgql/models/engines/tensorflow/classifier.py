"""The network of a bundle on TensorFlow, as one frozen graph. Make it in the process that uses it.

A graph made before ``fork`` hangs in the child, and importing TensorFlow takes seconds.
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import ModelUnavailableError
from earthgql.models.bundle import Bundle
from earthgql.models.calibration import calibrate
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.domain import pooled_features, with_domain_distance
from earthgql.models.engines.keras.inference import for_inference
from earthgql.models.passes import divide_into_passes, sizes_up_to
from earthgql.models.preprocess import preprocess
from earthgql.models.protocol import TILE_SIZE, ModelIdentity, Pixels, Predictions

BATCH_SIZE = 32
# Sizes that small requests use.
_WARM_SIZES = 4


class TensorFlowClassifier:
    """Scores tiles with the network of a bundle, one batch after the other in a thread of its own.

    Attributes:
        identity: the model behind the scores.
        batch_size: most tiles of one ``start``.
        pass_sizes: powers of two, up to ``batch_size``.
        parallel: 1; TensorFlow itself spreads a batch over the processor's cores.
    """

    def __init__(self, bundle: Bundle, *, batch_size: int = BATCH_SIZE) -> None:
        """Remember the network; it is built and frozen when it first has to run.

        So a process whose answers are all stored never waits for TensorFlow.

        Args:
            bundle: the opened bundle.
            batch_size: most tiles per forward pass.
        """
        self.identity: ModelIdentity = bundle.identity
        self.batch_size = batch_size
        self.parallel = 1
        self._bundle = bundle
        self._spec = bundle.manifest.input.spec
        self._calibration = bundle.manifest.calibration
        self._graph: Any = None
        self.pass_sizes = sizes_up_to(batch_size)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="tensorflow")

    def start(self, pixels: Pixels) -> Future[Predictions]:
        """Begin to score a batch; see ``Classifier.start``."""
        return self._worker.submit(self._predictions, pixels)

    def warm_up(self) -> None:
        """Run every batch size that small requests use once, so that none of them is slow."""
        for size in self.pass_sizes[:_WARM_SIZES]:
            self.start(np.zeros((size, TILE_SIZE, TILE_SIZE, 3), np.uint8)).result()

    def _predictions(self, pixels: Pixels) -> Predictions:
        """Score tiles; runs in the one thread of this classifier."""
        if self._graph is None:
            self._graph = frozen_graph(self._bundle)
        inputs = preprocess(pixels, self._spec)
        parts = [
            Predictions(*(a[: part.tiles] for a in run(self._graph, part.padded_slice(inputs))))
            for part in divide_into_passes(len(inputs), self.pass_sizes)
        ]
        found = Predictions.joined(parts, len(self.identity.labels))
        return found._replace(scores=calibrate(found.scores, self._calibration))


def frozen_graph(bundle: Bundle) -> Any:
    """Compile a bundle's network in the form it runs in; see ``frozen``.

    Returns:
        TensorFlow's ``ConcreteFunction``: ``float32 [n, size, size, 3]`` to scores
        ``float32 [n, labels]`` and, if the bundle has statistics of its training material,
        distances from that ``float32 [n]``.

    Raises:
        ModelUnavailableError: if Keras runs on another backend, or the bundle's parts do not fit.
    """
    model = for_inference(_built(bundle))
    if bundle.domain is not None:
        model = with_domain_distance(model, bundle.domain, str(bundle.folder))
    return frozen(model, bundle.manifest.input.spec.size)


def features_graph(bundle: Bundle) -> Any:
    """Compile what of a bundle's network leads to its pooled features.

    Returns:
        TensorFlow's ``ConcreteFunction``: ``float32 [n, size, size, 3]`` to ``float32 [n, d]``.

    Raises:
        ModelUnavailableError: as in ``frozen_graph``, or if the network has no such features.
    """
    model = for_inference(_built(bundle))
    features = pooled_features(model, str(bundle.folder))
    trunk = keras_model.keras_module().Model(model.input, features)
    return frozen(trunk, bundle.manifest.input.spec.size)


def _built(bundle: Bundle) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    keras = keras_model.keras_module()
    if keras.config.backend() != "tensorflow":
        raise ModelUnavailableError(
            f"KERAS_BACKEND is {keras.config.backend()}, but answering takes tensorflow: unset it"
        )
    return keras_model.build(bundle)


def frozen(model: Any, size: int) -> Any:
    """Compile a network: weights become constants of one graph.

    Args:
        model: ``keras.Model`` on the backend tensorflow.
        size: side of the square input in pixels.

    Returns:
        TensorFlow's ``ConcreteFunction``: ``float32 [n, size, size, 3]`` to a list of the model's
        outputs.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signature = [tf.TensorSpec([None, size, size, 3], tf.float32)]
    forward = tf.function(lambda x: model(x, training=False), input_signature=signature)
    return convert_variables_to_constants_v2(forward.get_concrete_function())


def run(graph: Any, inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Run a frozen graph on ``float32 [n, size, size, 3]``: its outputs."""
    import tensorflow as tf

    return [output.numpy() for output in graph(tf.constant(inputs))]
