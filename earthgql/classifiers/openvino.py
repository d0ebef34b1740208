"""The network of a bundle on OpenVINO, which needs neither TensorFlow nor Keras.

Make it in the process that uses it: its threads do not survive ``fork``.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from earthgql.classifiers import runtime
from earthgql.classifiers.calibration import calibrate
from earthgql.classifiers.manifest import Manifest
from earthgql.classifiers.networks import Kind, Network
from earthgql.classifiers.preprocess import resize
from earthgql.classifiers.protocol import TILE_SIZE, ModelIdentity, Pixels, Scores
from earthgql.errors import ModelUnavailableError

# Several small batches side by side keep a processor as busy as a large one, and let a click pass.
# What surrounds a forward pass costs as much per batch as ever when the pass takes half as long.
_BATCH_SIZES: dict[Kind, int] = {"float": 1, "int8": 4}


class OpenVINOClassifier:
    """Scores tiles with a converted network; several batches are under way at once.

    Attributes:
        identity: the model behind the scores.
        batch_size: most tiles of one ``start``; by default 1, or 4 for an 8-bit network.
        parallel: two batches for each of OpenVINO's streams, one running and one that is ready when
            it is done.
        precision: how the processor calculates, ``f32`` or ``bf16``; what is quantised in the
            network is 8-bit anyway.
    """

    def __init__(
        self,
        manifest: Manifest,
        network: Network,
        *,
        precision: str = "auto",
        batch_size: int = 0,
    ) -> None:
        """Compile the network for this processor, which takes about a second.

        Args:
            manifest: of the bundle.
            network: the network converted from it.
            precision: ``auto``, ``f32`` or ``bf16``.
            batch_size: most tiles per forward pass; 0: what suits the network.

        Raises:
            ModelUnavailableError: if the network cannot be read, or the processor lacks bf16.
        """
        self.identity: ModelIdentity = network.identity(manifest)
        self.batch_size = batch_size or _BATCH_SIZES[network.kind]
        self._size = manifest.input.spec.size
        self._calibration = manifest.calibration
        core = runtime.openvino_module().Core()
        self.precision = runtime.arithmetic(core, precision)
        self._compiled = _compiled(core, network, self.precision, self.batch_size, self._size)
        streams: int = self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self.parallel = 2 * streams
        self._workers = ThreadPoolExecutor(self.parallel, thread_name_prefix="openvino")
        self._own = threading.local()

    def start(self, pixels: Pixels) -> Future[Scores]:
        """Begin to score a batch; see ``Classifier.start``."""
        return self._workers.submit(self._scores, pixels)

    def warm_up(self) -> None:
        """Run every stream, in every thread."""
        blank = np.zeros((1, TILE_SIZE, TILE_SIZE, 3), np.uint8)
        for future in [self.start(blank) for _ in range(self.parallel)]:
            future.result()

    def _scores(self, pixels: Pixels) -> Scores:
        """Score tiles; runs in one of the threads of this classifier."""
        inputs = resize(pixels, self._size)
        rows: list[Scores] = [np.empty((0, len(self.identity.labels)), np.float32)]
        for first in range(0, len(inputs), self.batch_size):
            rows.append(self._run(inputs[first : first + self.batch_size]))
        return calibrate(np.concatenate(rows), self._calibration)

    def _run(self, inputs: Pixels) -> Scores:
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        # Started and waited for, not called: so the streams' own threads do the work, and an error
        # is raised here, where it belongs to this batch.
        request.start_async({0: np.ascontiguousarray(inputs)}, share_inputs=True)
        request.wait()
        scores: Scores = request.get_output_tensor(0).data.astype(np.float32)
        return scores


def _compiled(core: Any, network: Network, precision: str, batch_size: int, size: int) -> Any:
    openvino = runtime.openvino_module()
    batch = 1 if batch_size == 1 else openvino.Dimension(1, batch_size)
    try:
        model = core.read_model(network.path)
        model.reshape([batch, size, size, 3])
        return core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "INFERENCE_PRECISION_HINT": precision,
                # Processes of one machine would be pinned to the same cores.
                "ENABLE_CPU_PINNING": False,
            },
        )
    except RuntimeError as error:
        raise ModelUnavailableError(
            f"{network.path}: OpenVINO cannot use this network: {str(error).strip()[-300:]}"
        ) from None
