"""Networks in the form they run in: the same scores with fewer layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from earthgql.models.engines.keras.network import keras_module


def for_inference(model: Any) -> Any:
    """Leave out of a network what only training needs; see the two functions below.

    Args:
        model: a network in float32; it is left as it is.

    Returns:
        ``keras.Model`` with the same input and output.
    """
    return without_idle_branches(without_normalisation(model))


def without_normalisation(model: Any) -> Any:
    """Fold each batch normalisation after a linear convolution into it.

    Scores stay the same but for rounding.

    Args:
        model: a network in float32; it is left as it is.

    Returns:
        ``keras.Model`` with the same input and output.
    """
    folded = {
        layer.name: convolution
        for layer in model.layers
        if (convolution := _convolution_before(layer)) is not None
    }
    clone = _without(model, dict.fromkeys(folded, 0))
    for name, convolution in folded.items():
        clone.get_layer(convolution.name).set_weights(_fold(convolution, model.get_layer(name)))
    return clone


def without_idle_branches(model: Any) -> Any:
    """Leave out branches that add zero to a shortcut, and rectifiers of what is not negative.

    So a residual block that training left (or began) with a last scale and shift of zero costs
    nothing. Scores stay the same to the bit.

    Args:
        model: a network in float32; it is left as it is.

    Returns:
        ``keras.Model`` with the same input and output.
    """
    passed: dict[str, int] = {}
    for layer in model.layers:  # from the input to the output
        kept = _only_summand(layer)
        if kept is None and _is_relu(layer) and _is_relu(_origin(layer, 0, passed)):
            kept = 0
        if kept is not None:
            passed[layer.name] = kept
    return _without(model, passed)


def _without(model: Any, passed: Mapping[str, int]) -> Any:
    """Copy a network, with layers by name that answer one of their inputs as it is."""
    if not passed:
        return model

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if layer.name not in passed:
            return layer(*args, **kwargs)
        return args[0][passed[layer.name]] if isinstance(args[0], list | tuple) else args[0]

    clone = keras_module().models.clone_model(model, call_function=call)
    for layer in clone.layers:
        if layer.weights and layer.name not in passed:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return clone


def _convolution_before(layer: Any) -> Any:
    """The convolution whose only use is the batch normalisation ``layer``; else None."""
    keras = keras_module()
    if type(layer) is not keras.layers.BatchNormalization or layer.axis not in (-1, 3):
        return None
    before = layer.input._keras_history.operation
    plain = (
        type(before) is keras.layers.Conv2D
        and before.use_bias
        and before.activation is keras.activations.linear
        and len(before._outbound_nodes) == 1
    )
    return before if plain else None


def _fold(convolution: Any, norm: Any) -> list[Any]:
    kernel, bias = (np.asarray(w, np.float64) for w in convolution.get_weights())
    mean, variance = (np.array(v, np.float64) for v in (norm.moving_mean, norm.moving_variance))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.array(norm.gamma, np.float64)
    shift = np.array(norm.beta, np.float64) if norm.center else 0.0
    return [kernel * scale, (bias - mean) * scale + shift]


def _only_summand(layer: Any) -> int | None:
    """Which of the two inputs of an addition is all of its sum, since the other is zero."""
    if type(layer) is not keras_module().layers.Add or len(layer._inbound_nodes) != 1:
        return None
    inputs = layer.input
    if len(inputs) != 2 or inputs[0].shape != inputs[1].shape:
        return None
    zero = [_is_zero(tensor._keras_history.operation) for tensor in inputs]
    return zero.index(False) if zero.count(True) == 1 else None


def _is_zero(layer: Any) -> bool:
    """Whether the output of a layer is zero for every input."""
    keras = keras_module()
    if type(layer) is keras.layers.Conv2D and layer.activation is keras.activations.linear:
        return not any(np.any(weights) for weights in layer.get_weights())
    if type(layer) is keras.layers.BatchNormalization and layer.scale:
        return not np.any(layer.gamma) and not (layer.center and np.any(layer.beta))
    return False


def _is_relu(layer: Any) -> bool:
    keras = keras_module()
    return (
        type(layer) is keras.layers.Activation
        and layer.activation is keras.activations.relu
        and len(layer._inbound_nodes) == 1
    )


def _origin(layer: Any, index: int, passed: Mapping[str, int]) -> Any:
    """The layer that makes an input of a layer, beyond those that pass theirs on."""
    inputs = layer.input if isinstance(layer.input, list) else [layer.input]
    before = inputs[index]._keras_history.operation
    return _origin(before, passed[before.name], passed) if before.name in passed else before
