"""A converted network made 8-bit with NNCF, which comes with the extra ``int8``."""

import importlib.util
import itertools
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from earthgql.errors import SetupError
from earthgql.models.engines.openvino import networks, runtime
from earthgql.models.engines.openvino.networks import Network
from earthgql.models.manifest import Manifest
from earthgql.models.preprocess import resize
from earthgql.models.protocol import Pixels


def require_nncf() -> None:
    """See that NNCF is there.

    Raises:
        SetupError: saying how to get it.
    """
    if not runtime.is_installed() or not importlib.util.find_spec("nncf"):
        raise SetupError(
            "making 8-bit networks takes OpenVINO and NNCF: make setup-dev installs both, or"
            " .venv/bin/uv pip install openvino nncf"
        )


def quantize(
    network: Network, manifest: Manifest, pictures: Iterable[Pixels], folder: Path
) -> None:
    """Write the 8-bit form of a network.

    Its first convolution stays as it is: of few channels and unlike ranges, it costs little time
    and, 8-bit, most of the accuracy.

    Kernels keep to half of the 8-bit range: on processors without VNNI, sums of full-range products
    overflow, and a network must score alike on all of them.

    Args:
        network: the network as converted.
        manifest: of its bundle.
        pictures: each ``uint8 [256, 256, 3]``, red, green, blue; a few hundred like those to be
            scored, from which the ranges of the activations are taken.
        folder: an empty folder, which becomes a ``Network``'s.

    Raises:
        SetupError: if NNCF is not installed.
    """
    require_nncf()
    openvino = runtime.openvino_module()
    import nncf
    from nncf.quantization.advanced_parameters import OverflowFix

    nncf.set_log_level(logging.ERROR)
    size = manifest.input.spec.size
    model = openvino.Core().read_model(network.path)
    model.reshape([1, size, size, 3])
    inputs: list[Any] = [np.ascontiguousarray(resize(p[None], size)) for p in pictures]
    quantized = nncf.quantize(
        model,
        nncf.Dataset(inputs),
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(inputs),
        ignored_scope=nncf.IgnoredScope(names=_first_convolution(model)),
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE),
    )
    quantized.reshape([-1, size, size, 3])
    openvino.save_model(quantized, folder / networks.NETWORK_FILE, compress_to_fp16=False)
    report = {"calibrated_on": len(inputs), "nncf": nncf.__version__}
    networks.write_about(folder, manifest, "int8", network.sha256, report)


def _first_convolution(model: Any) -> list[str]:
    names = (
        operation.get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() in ("Convolution", "GroupConvolution")
    )
    return list(itertools.islice(names, 1))
