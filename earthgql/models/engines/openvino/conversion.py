"""From a bundle's Keras network to OpenVINO's form: run as a process of its own by ``networks``.

    python -m earthgql.models.engines.openvino.conversion BUNDLE FOLDER

Any network that Keras can build is converted over TensorFlow's graph, and compared with it.
"""

import errno
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from earthgql.errors import EarthGQLError, ModelUnavailableError
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.openvino import networks, runtime
from earthgql.models.engines.tensorflow.classifier import frozen_graph, run
from earthgql.models.preprocess import IMAGENET_BGR_MEAN, InputSpec, preprocess, resize
from earthgql.models.protocol import TILE_SIZE, Pixels

TOLERANCE = 1e-3
_LITTLE_SPACE = 64e6


def convert(folder: Path, out: Path) -> None:
    """Write a bundle's network as OpenVINO reads it, with the scaling of pixels built in.

    Args:
        folder: the bundle.
        out: an empty folder.

    Raises:
        ModelUnavailableError: if the bundle is damaged, or OpenVINO cannot run its network.
    """
    bundle = open_bundle(folder)
    graph = frozen_graph(bundle)
    openvino = runtime.openvino_module()
    frozen, path = out / "frozen.pb", out / networks.NETWORK_FILE
    frozen.write_bytes(graph.graph.as_graph_def().SerializeToString())
    try:
        # Named, as the file of a graph does not have the order of its outputs.
        model = openvino.convert_model(frozen, output=[output.name for output in graph.outputs])
        model = with_scaling(model, bundle.manifest.input.spec)
    except Exception as error:  # each frontend of OpenVINO has exceptions of its own
        raise ModelUnavailableError(f"OpenVINO does not know its layers: {error}") from None
    openvino.save_model(model, path, compress_to_fp16=False)
    del model  # it may hold the frozen graph's file
    frozen.unlink()
    difference = _largest_difference(bundle, graph, path)
    if not difference <= TOLERANCE:
        raise ModelUnavailableError(
            f"OpenVINO's answers differ by {difference:.4f} from TensorFlow's: EARTHGQL_ENGINE="
            "tensorflow runs it as it is"
        )
    report = {"largest_difference": difference}
    networks.write_about(out, bundle.manifest, "float", bundle.identity.sha256, report)


def with_scaling(model: Any, spec: InputSpec) -> Any:
    """Let a network take pixels ``uint8 [n, size, size, 3]``, red, green, blue.

    Args:
        model: ``openvino.Model`` of ``float32 [n, size, size, 3]``.
        spec: what ``preprocess`` does with pixels; all but resizing is built in.
    """
    openvino = runtime.openvino_module()
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NHWC"))
    scaled = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    if spec.scale == "imagenet-caffe":
        scaled.reverse_channels().mean(list(IMAGENET_BGR_MEAN))
    elif spec.mean is not None and spec.std is not None:
        scaled.mean([255 * m for m in spec.mean]).scale([255 * s for s in spec.std])
    else:
        scaled.scale(255.0)
    return steps.build()


def _largest_difference(bundle: Bundle, graph: Any, path: Path) -> float:
    """Compare the written network with TensorFlow's graph on pictures of several kinds.

    Returns:
        The largest difference of a score, or of a distance from the training material, that in
        parts of it where it is above 1.

    Raises:
        ModelUnavailableError: if the outputs are of other shapes.
    """
    spec = bundle.manifest.input.spec
    core = runtime.openvino_module().Core()
    compiled = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    difference = 0.0
    for picture in _pictures():
        expected = run(graph, preprocess(picture[None], spec))
        found = list(compiled(resize(picture[None], spec.size)).values())
        shapes = [[output.shape for output in outputs] for outputs in (found, expected)]
        if shapes[0] != shapes[1]:
            raise ModelUnavailableError(f"OpenVINO answers {shapes[0]}, not {shapes[1]}")
        for ours, theirs in zip(found, expected, strict=True):
            apart = np.abs(ours - theirs) / np.maximum(1, theirs)
            difference = max(difference, float(apart.max()))
    return difference


def _pictures() -> Pixels:
    """Noise, blocks of colour, and a slope: ``uint8 [3, 256, 256, 3]``."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (TILE_SIZE, TILE_SIZE, 3), dtype=np.uint8)
    blocks = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(32, axis=0).repeat(32, axis=1)
    slope = np.linspace(0, 255, TILE_SIZE * TILE_SIZE * 3, dtype=np.uint8)
    return np.stack([noise, blocks, slope.reshape(noise.shape)])


def _main(folder: str, out: str) -> int:
    try:
        convert(Path(folder), Path(out))
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        # OpenVINO writes what fits and says nothing.
        if full or shutil.disk_usage(out).free < _LITTLE_SPACE:
            return networks.DISK_FULL
        message = str(error) if isinstance(error, EarthGQLError) else repr(error)
        print(" ".join(message.split()), file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
