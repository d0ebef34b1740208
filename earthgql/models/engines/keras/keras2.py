"""Imports the predecessor's model: three files written by Keras 2.

Keras 3's public functions refuse Keras 2's JSON, so its internal reader of old HDF5 files reads the
architecture. Weights are matched by the names of their layers: if matched by position, as Keras
does, two branches of the same shape could be swapped unnoticed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import ModelUnavailableError
from earthgql.models.engines.keras.network import (
    check_shapes,
    first_line,
    keras_module,
    with_one_input,
)
from earthgql.models.preprocess import InputSpec
from earthgql.models.protocol import TILE_SIZE

PREDECESSOR_FILES = ("resnet50_model.json", "resnet50_weights.hdf5", "classes.txt")
PREDECESSOR_INPUT = InputSpec(size=TILE_SIZE, scale="imagenet-caffe")

_Named = list[tuple[str, npt.NDArray[Any]]]


def load_predecessor(folder: Path) -> tuple[Any, tuple[str, ...]]:
    """Load the predecessor's three files.

    Args:
        folder: with ``resnet50_model.json``, ``resnet50_weights.hdf5`` and ``classes.txt`` (labels
            separated by white space).

    Returns:
        The Keras network, and the labels in the order of its outputs.

    Raises:
        ModelUnavailableError: naming the file that is missing or does not fit.
    """
    architecture, weights, classes = (folder / name for name in PREDECESSOR_FILES)
    for path in (architecture, weights, classes):
        if not path.is_file():
            raise ModelUnavailableError(f"{path} does not exist")
    labels = tuple(_text(classes).split())
    model = _network(architecture)
    check_shapes(model, PREDECESSOR_INPUT.size, len(labels), f"{architecture} with {classes}")
    _set_weights(model, _read_layers(weights), weights)
    return model, labels


def _network(path: Path) -> Any:
    config = _config(path)
    keras_module()
    from keras.src.legacy.saving import saving_options, saving_utils
    from keras.src.saving.serialization_lib import SafeModeScope

    try:
        with saving_options.keras_option_scope(use_legacy_config=True), SafeModeScope(True):
            model = saving_utils.model_from_config(config)
    except Exception as error:  # Keras raises whatever the file provokes
        raise ModelUnavailableError(
            f"{path}: the architecture cannot be built by this Keras: {first_line(error)}"
        ) from None
    return with_one_input(model, str(path))


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(_text(path))
        if isinstance(config, str):  # json.dump of what to_json had already made a string
            config = json.loads(config)
    except json.JSONDecodeError as error:
        raise ModelUnavailableError(f"{path} is no JSON: {error}") from None
    if not isinstance(config, dict) or not {"class_name", "config"} <= config.keys():
        raise ModelUnavailableError(f"{path} is no Keras model: it lacks class_name or config")
    converted: dict[str, Any] = _to_keras3(config)
    return converted


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelUnavailableError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ModelUnavailableError(f"{path} is no text in UTF-8") from None


def _to_keras3(config: Any) -> Any:
    """Convert the parts of a Keras 2 configuration that Keras 3 does not accept."""
    if isinstance(config, list):
        return [_to_keras3(part) for part in config]
    if not isinstance(config, dict):
        return config
    config = {key: _to_keras3(value) for key, value in config.items()}
    if config.get("class_name") == "Sequential" and isinstance(config.get("config"), list):
        config["config"] = {"name": "sequential", "layers": config["config"]}
    return config


def _read_layers(path: Path) -> dict[str, _Named]:
    """Read names and values of the weights of each layer that has any, in order."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            group = file if "layer_names" in file.attrs else file.get("model_weights")
            if group is None or "layer_names" not in group.attrs:
                raise ModelUnavailableError(
                    f"{path} is not in Keras 2's format: it lacks the attribute layer_names"
                )
            layers = {
                layer: [(name, group[layer][name][()]) for name in _names(group[layer], "weight")]
                for layer in _names(group, "layer")
            }
    except (OSError, KeyError) as error:
        raise ModelUnavailableError(f"{path} is damaged: {error}") from None
    return {layer: weights for layer, weights in layers.items() if weights}


def _names(group: Any, kind: str) -> list[str]:
    """Read an attribute of names, which HDF5's size limit may have split into numbered parts."""
    attributes = group.attrs
    whole = f"{kind}_names"
    parts = [whole] if whole in attributes else []
    while f"{whole}{len(parts)}" in attributes:
        parts.append(f"{whole}{len(parts)}")
    return [
        name.decode() if isinstance(name, bytes) else str(name)
        for part in parts
        for name in attributes[part]
    ]


def _set_weights(model: Any, saved: Mapping[str, _Named], source: Path) -> None:
    layers = [layer for layer in model.layers if layer.weights]
    names = [layer.name for layer in layers]
    if set(names) != set(saved):
        # Generated names differ between runs of a program; the order does not.
        if len(names) != len(saved):
            raise ModelUnavailableError(
                f"{source}: expected weights of {len(names)} layers ({_some(names)}),"
                f" found {len(saved)} ({_some(list(saved))})"
            )
        saved = dict(zip(names, saved.values(), strict=True))
    for layer in layers:
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        found = saved[layer.name]
        expected = [tuple(variable.shape) for variable in variables]
        if [values.shape for _, values in found] != expected:
            raise ModelUnavailableError(
                f"{source}: layer {layer.name} should have weights of the shapes {expected},"
                f" found {[values.shape for _, values in found]}"
            )
        for variable, (_, values) in zip(variables, found, strict=True):
            variable.assign(np.asarray(values, np.float32))


def _some(names: list[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
