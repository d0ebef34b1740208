"""Imports Keras networks from files, and exports them as bundles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from earthgql.errors import ModelUnavailableError
from earthgql.models.bundle import Bundle, read_arrays, to_half_precision, write_bundle
from earthgql.models.calibration import AnyCalibration
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.network import check_shapes, first_line, keras_module
from earthgql.models.manifest import ModelInput
from earthgql.models.preprocess import InputSpec, preprocess
from earthgql.models.protocol import TILE_SIZE

HALF_PRECISION_TOLERANCE = 0.01

# Options of a layer that change its output for the same weights.
_OUTPUT_OPTIONS = (
    *("activation", "axis", "data_format", "dilation_rate", "epsilon", "filters", "groups"),
    *("kernel_size", "padding", "pool_size", "rate", "strides", "units", "use_bias"),
)


def export_model(
    model: Any,
    folder: Path,
    *,
    name: str,
    version: str,
    labels: Sequence[str],
    spec: InputSpec,
    thresholds: Sequence[float] | None = None,
    calibration: AnyCalibration | None = None,
    half: bool = True,
    created_at: str | None = None,
    created_by: str | None = None,
    training: dict[str, Any] | None = None,
    card: str | None = None,
    replace: bool = False,
) -> Bundle:
    """Write a Keras network as a bundle, whole or not at all.

    Args:
        model: ``[n, size, size, 3]`` to one sigmoid per label.
        folder: of the new bundle.
        name: of the model.
        version: of the model; another for every change of the weights.
        labels: in the order of the outputs.
        spec: the preprocessing the network was trained with.
        thresholds: per label; None: 0.5 each.
        calibration: applied to the scores after the network.
        half: whether kernels are stored as float16.
        created_at: time in ISO 8601.
        created_by: the command that made the bundle.
        training: summary of the training.
        card: text of ``MODEL_CARD.md``.
        replace: whether an existing bundle may be replaced.

    Raises:
        ModelUnavailableError: if network, labels and input do not fit together, the network does
            not end in sigmoids, or the folder cannot be written; nothing is then changed.
    """
    check_shapes(model, spec.size, len(labels), name)
    _check_sigmoid(model, name)
    builtin = _is_resnet50(model, spec.size, len(labels))
    arrays = keras_model.arrays_of(model)
    about = {
        "name": name,
        "version": version,
        "architecture": "ResNet50" if builtin else "Keras",
        "labels": list(labels),
        "thresholds": [0.5] * len(labels) if thresholds is None else list(thresholds),
        "input": ModelInput.of(spec),
        "output": {"shape": [-1, len(labels)]},
        "calibration": calibration,
        "weights": {"dtype": "float16" if half else "float32"},
        "created_at": created_at,
        "created_by": created_by,
        "training": training,
    }
    return write_bundle(
        folder,
        about,
        to_half_precision(arrays) if half else arrays,
        architecture_json=None if builtin else model.to_json(),
        card=card,
        replace=replace,
    )


def largest_difference(model: Any, bundle: Bundle, *, tiles: int = 8) -> float:
    """Compare the scores of a network before and after its export, without calibration.

    Args:
        model: the exported network.
        bundle: the bundle written from it.
        tiles: number of random pictures to score.

    Returns:
        The largest absolute difference of any score.
    """
    pixels = np.random.default_rng(0).integers(
        0, 256, (tiles, TILE_SIZE, TILE_SIZE, 3), dtype=np.uint8
    )
    inputs = preprocess(pixels, bundle.manifest.input.spec)
    before, after = (
        np.array(network(inputs, training=False)) for network in (model, keras_model.build(bundle))
    )
    return float(np.abs(before - after).max())


def load_weights_file(path: Path, size: int, labels: int) -> Any:
    """Load a Keras 3 weights file of the built-in ResNet50.

    Raises:
        ModelUnavailableError: if the weights are not those of that network.
    """
    model = keras_model.resnet50(size, labels)
    keras_model.set_arrays(model, read_arrays(path), str(path))
    return model


def load_keras_file(path: Path) -> Any:
    """Load a complete Keras model (``.keras``, ``.h5`` or ``.hdf5``); code in it is refused.

    Raises:
        ModelUnavailableError: if it is missing, incomplete, or of a newer version of Keras.
    """
    if not path.is_file():
        raise ModelUnavailableError(f"{path} does not exist")
    keras = keras_module()
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever the file provokes
        raise ModelUnavailableError(f"{path} cannot be loaded: {first_line(error)}") from None
    return keras_model.with_one_input(model, str(path))


def _check_sigmoid(model: Any, source: str) -> None:
    keras = keras_module()
    last = model.output._keras_history.operation
    while hasattr(last, "layers"):
        last = last.output._keras_history.operation
    activation = getattr(last, "activation", None)
    if activation is not keras.activations.sigmoid:
        found = getattr(activation, "__name__", type(last).__name__)
        raise ModelUnavailableError(
            f"{source}: expected a network that ends in sigmoids, one per label, found {found}"
        )


def _is_resnet50(model: Any, size: int, labels: int) -> bool:
    """Whether a network computes the same function as the built-in one; names do not matter."""
    if any(hasattr(layer, "layers") for layer in model.layers) or len(model.layers) < 100:
        return False
    return _structure(model) == _structure(keras_model.resnet50(size, labels))


def _structure(model: Any) -> list[Any]:
    position = {id(layer): index for index, layer in enumerate(model.layers)}
    structure = []
    for layer in model.layers:
        config = layer.get_config()
        parents = [
            position.get(id(node.operation), -1)
            for inbound in layer._inbound_nodes[:1]
            for node in inbound.parent_nodes
        ]
        structure.append(
            (type(layer).__name__, {k: config.get(k) for k in _OUTPUT_OPTIONS}, parents)
        )
    return structure
