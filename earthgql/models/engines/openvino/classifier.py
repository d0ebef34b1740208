"""A classifier that runs a bundle's converted network on OpenVINO, without TensorFlow or Keras.

Create it in the process that uses it: its threads do not survive ``fork``.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import ModelUnavailableError
from earthgql.models.calibration import calibrate
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.networks import Kind, Network
from earthgql.models.engines.openvino.runtime import Precision
from earthgql.models.manifest import Manifest
from earthgql.models.passes import divide_into_passes
from earthgql.models.preprocess import resize
from earthgql.models.protocol import TILE_SIZE, ModelIdentity, Pixels, Predictions

# At f32, several concurrent batches of one keep a processor as busy as a large batch, and a click
# waits less. At bf16 and int8 a pass is so short that its fixed costs, such as reading the
# weights, make batches of one slower.
_BATCH_SIZES: dict[tuple[Kind, Precision], int] = {("float", "f32"): 1}
_BATCH_SIZE = 4


class OpenVINOClassifier:
    """Scores tiles with a converted network, several batches at a time.

    Attributes:
        identity: the model behind the scores.
        batch_size: most tiles of one ``start``; by default 1 at f32, else 4.
        pass_sizes: 1 and ``batch_size``; the network is compiled for each of them.
        parallel: concurrent batches: one for each of OpenVINO's streams; two with batches of one
            tile, so that the next is ready when the first is done.
        precision: arithmetic of the processor, ``f32`` or ``bf16``; quantised layers are 8-bit
            with either.
    """

    def __init__(
        self,
        manifest: Manifest,
        network: Network,
        *,
        precision: str = "auto",
        batch_size: int = 0,
    ) -> None:
        """Compile the network for this processor, which takes about half a second.

        Args:
            manifest: of the bundle.
            network: the network converted from it.
            precision: ``auto``, ``f32`` or ``bf16``.
            batch_size: most tiles per forward pass; 0: the default of the network's kind.

        Raises:
            ModelUnavailableError: if the network cannot be read, or the processor lacks bf16.
        """
        self.identity: ModelIdentity = network.identity(manifest)
        self._size = manifest.input.spec.size
        self._calibration = manifest.calibration
        core = runtime.openvino_module().Core()
        self.precision = runtime.choose_precision(core, precision)
        default = _BATCH_SIZES.get((network.kind, self.precision), _BATCH_SIZE)
        self.batch_size = batch_size or default
        # A network compiled for any batch size takes a sixth longer at bf16.
        self.pass_sizes = tuple(sorted({1, self.batch_size}))
        self._compiled = {
            size: _compiled(core, network, self.precision, (size, self._size))
            for size in self.pass_sizes
        }
        streams: int = self._compiled[1].get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self.parallel = 2 * streams if self.batch_size == 1 else streams
        self._workers = ThreadPoolExecutor(self.parallel, thread_name_prefix="openvino")
        self._thread_local = threading.local()

    def start(self, pixels: Pixels) -> Future[Predictions]:
        """Begin to score a batch; see ``Classifier.start``."""
        return self._workers.submit(self._predictions, pixels)

    def warm_up(self) -> None:
        """Run every stream with every size of pass: the first run of each takes much longer."""
        for size in self.pass_sizes:
            blank = np.zeros((size, TILE_SIZE, TILE_SIZE, 3), np.uint8)
            for future in [self.start(blank) for _ in range(self.parallel)]:
                future.result()

    def _predictions(self, pixels: Pixels) -> Predictions:
        """Score tiles; runs in one of the threads of this classifier."""
        inputs = resize(pixels, self._size)
        parts = [
            Predictions(*(a[: part.tiles] for a in self._run(part.size, part.padded_slice(inputs))))
            for part in divide_into_passes(len(inputs), self.pass_sizes)
        ]
        found = Predictions.joined(parts, len(self.identity.labels))
        return found._replace(scores=calibrate(found.scores, self._calibration))

    def _run(self, size: int, inputs: Pixels) -> list[npt.NDArray[np.float32]]:
        requests = getattr(self._thread_local, "requests", None)
        if requests is None:
            requests = self._thread_local.requests = {
                size: compiled.create_infer_request() for size, compiled in self._compiled.items()
            }
        request = requests[size]
        # Started and waited for, not called: so the streams' own threads do the work, and an error
        # is raised here, where it belongs to this batch.
        request.start_async({0: np.ascontiguousarray(inputs)}, share_inputs=True)
        request.wait()
        return [tensor.data.astype(np.float32) for tensor in request.output_tensors]


def _compiled(core: Any, network: Network, precision: str, shape: tuple[int, int]) -> Any:
    """Compile a network for one batch size; ``shape`` is that size and the side of the input."""
    batch, side = shape
    try:
        model = core.read_model(network.path)
        model.reshape([batch, side, side, 3])
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
