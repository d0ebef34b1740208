"""Quantises a converted network to 8 bits with NNCF, which the extra ``int8`` installs."""

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
    """Check that OpenVINO and NNCF are installed.

    Raises:
        SetupError: with the command that installs them.
    """
    if not runtime.is_installed() or not importlib.util.find_spec("nncf"):
        raise SetupError(
            "making 8-bit networks takes OpenVINO and NNCF: make setup-dev installs both, or"
            " .venv/bin/uv pip install openvino nncf"
        )


def quantize(
    network: Network, manifest: Manifest, pictures: Iterable[Pixels], folder: Path
) -> None:
    """Quantise a network and write it.

    The first convolution is left out: its few channels have different ranges, so that quantising
    it would gain little time and lose most of the accuracy. So are the operations that compute the
    distance from the training material.

    Kernels use half of the 8-bit range: on processors without VNNI, sums of full-range products
    overflow, and the scores must be the same on all processors.

    Args:
        network: the converted network.
        manifest: of its bundle.
        pictures: each ``uint8 [256, 256, 3]``, red, green, blue; a few hundred typical ones, from
            which the ranges of the activations are measured.
        folder: an empty folder, into which the network is written.

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
        ignored_scope=nncf.IgnoredScope(names=[*_first_convolution(model), *_distance(model)]),
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


def _distance(model: Any) -> list[str]:
    """Names of the operations that lead to the second output, but not to the scores."""
    scores, *distances = (_before(output.get_node()) for output in model.outputs)
    return [
        name
        for operation in model.get_ordered_ops()
        if (name := operation.get_friendly_name()) not in scores
        and any(name in names for names in distances)
        and operation.get_type_name() not in ("Constant", "Result")
    ]


def _before(operation: Any) -> set[str]:
    """Names of an operation and all that it depends on."""
    found: set[str] = set()
    todo = [operation]
    while todo:
        one = todo.pop()
        if one.get_friendly_name() not in found:
            found.add(one.get_friendly_name())
            todo += [value.get_source_output().get_node() for value in one.inputs()]
    return found
