"""Models in the files of Keras 2, which no installed Keras writes: by hand, from a Keras 3 one."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from earthgql.models.engines.keras import network as keras_model

LABELS = ("clear", "primary", "water")
Rename = Callable[[str], str]
GLOROT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
}
ZEROS = {"class_name": "Zeros", "config": {}}
ONES = {"class_name": "Ones", "config": {}}


def small_network(size: int = 256, labels: int = 3, activation: str = "sigmoid") -> Any:
    """Two branches of one shape, as in ResNet50, so that swapped weights would be noticed."""
    layers = keras_model.keras_module().layers
    begin = layers.Input((size, size, 3))
    x = layers.ZeroPadding2D(((3, 3), (3, 3)))(begin)
    x = layers.Conv2D(4, 7, strides=8, name="first")(x)
    x = layers.BatchNormalization(name="norm", epsilon=1e-3)(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    left = layers.BatchNormalization(name="left_norm")(layers.Conv2D(6, 1, name="left")(x))
    right = layers.BatchNormalization(name="right_norm")(layers.Conv2D(6, 1, name="right")(x))
    x = layers.Activation("relu")(layers.Add()([left, right]))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    end = layers.Dense(labels, activation=activation, name="fc")(layers.Flatten()(x))
    model = keras_model.keras_module().Model(begin, end)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        layer.set_weights([w + rng.uniform(0, 0.5, w.shape) for w in layer.get_weights()])
    return model


def same(name: str) -> str:
    return name


def old_resnet_name(name: str) -> str:
    """The names of Keras up to 2.2: ``conv2_block1_1_conv`` was ``res2a_branch2a``."""
    if name in ("conv1_conv", "conv1_bn"):
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[name]
    match = re.fullmatch(r"conv(\d)_block(\d)_(\d)_(conv|bn)", name)
    if match is None:
        return name
    stage, block, number, kind = match.groups()
    branch = "1" if number == "0" else f"2{'abc'[int(number) - 1]}"
    prefix = "res" if kind == "conv" else "bn"
    return f"{prefix}{stage}{'abcdef'[int(block) - 1]}_branch{branch}"


def write_keras2(
    folder: Path,
    model: Any,
    labels: tuple[str, ...],
    *,
    rename: Rename = same,
    whole: bool = False,
    twice: bool = False,
) -> Path:
    """Write the predecessor's three files.

    ``whole`` puts the weights where ``model.save`` put them, not ``save_weights``; ``twice`` writes
    the JSON as a string in JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_model_config(model, rename))
    (folder / "resnet50_model.json").write_text(json.dumps(text) if twice else text)
    (folder / "classes.txt").write_text(" ".join(labels) + "\n")
    with h5py.File(folder / "resnet50_weights.hdf5", "w") as file:
        _write_weights(file.create_group("model_weights") if whole else file, model, rename)
    return folder


def _model_config(model: Any, rename: Rename) -> dict[str, Any]:
    layers = [
        {
            "name": rename(layer.name),
            "class_name": type(layer).__name__,
            "config": {"name": rename(layer.name), "trainable": True, **_config(layer)},
            "inbound_nodes": [
                [[rename(parent.operation.name), 0, 0, {}] for parent in node.parent_nodes]
                for node in layer._inbound_nodes[:1]
                if node.parent_nodes
            ],
        }
        for layer in model.layers
    ]
    return {
        "class_name": "Model",
        "config": {
            "name": "model_1",
            "layers": layers,
            "input_layers": [[rename(model.layers[0].name), 0, 0]],
            "output_layers": [[rename(model.layers[-1].name), 0, 0]],
        },
        "keras_version": "2.1.6",
        "backend": "tensorflow",
    }


def _config(layer: Any) -> dict[str, Any]:
    now = layer.get_config()
    kind = type(layer).__name__
    if kind == "InputLayer":
        return {"batch_input_shape": list(now["batch_shape"]), "dtype": "float32", "sparse": False}
    kept = {
        "ZeroPadding2D": ("padding", "data_format"),
        "Activation": ("activation",),
        "MaxPooling2D": ("pool_size", "strides", "padding", "data_format"),
        "GlobalAveragePooling2D": ("data_format",),
        "Flatten": (),
        "Add": (),
        "Dropout": ("rate",),
        "Conv2D": (
            *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"),
            *("activation", "use_bias"),
        ),
        "Dense": ("units", "activation", "use_bias"),
        "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    }[kind]
    config = {key: now[key] for key in kept}
    if kind in ("Conv2D", "Dense"):
        config |= {"kernel_initializer": GLOROT, "bias_initializer": ZEROS}
        for what in ("kernel", "bias"):
            config |= {f"{what}_regularizer": None, f"{what}_constraint": None}
        config["activity_regularizer"] = None
    if kind == "BatchNormalization":
        config |= {"beta_initializer": ZEROS, "gamma_initializer": ONES}
        config |= {"moving_mean_initializer": ZEROS, "moving_variance_initializer": ONES}
        for what in ("beta", "gamma"):
            config |= {f"{what}_regularizer": None, f"{what}_constraint": None}
    return json.loads(json.dumps(config))


def _write_weights(group: Any, model: Any, rename: Rename) -> None:
    group.attrs["layer_names"] = np.array([rename(layer.name).encode() for layer in model.layers])
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = b"2.1.6"
    for layer in model.layers:
        name = rename(layer.name)
        inner = group.create_group(name)
        paths = [f"{name}/{variable.path.rpartition('/')[2]}:0" for variable in layer.weights]
        inner.attrs["weight_names"] = np.array([path.encode() for path in paths])
        for path, variable in zip(paths, layer.weights, strict=True):
            inner[path] = np.array(variable)
