"""How far a picture is from what a network was trained on, as an output of the network itself.

The features that the last layer is given are brought to length 1 and modelled as one Gaussian: its
first principal components have a variance each, all other directions share one (Tipping and Bishop,
*Probabilistic principal component analysis*, 1999). The distance is Mahalanobis's, in units of the
limit that the bundle states. Length 1, because long features would else pass for far ones (Mueller
and Hein, *Mahalanobis++*, 2025).
"""

from typing import Any

import numpy as np

from earthgql.errors import ModelUnavailableError
from earthgql.models.bundle import Arrays
from earthgql.models.engines.keras.network import keras_module

_LEAST_LENGTH = 1e-6


def with_domain_distance(model: Any, domain: Arrays, source: str) -> Any:
    """Give a network the distance from its training material as a second output.

    Args:
        model: ``[n, size, size, 3]`` to scores ``[n, labels]``.
        domain: the statistics, as ``Bundle.domain`` has them.
        source: where they are from, for the message.

    Returns:
        ``keras.Model`` of two outputs: the scores, and ``[n]``, at least 0.

    Raises:
        ModelUnavailableError: if the statistics do not fit the network.
    """
    keras = keras_module()
    features = pooled_features(model, source)
    mean, components, scale, residual_scale = _checked(domain, features.shape[1], source)
    ops = keras.ops
    length = ops.sqrt(ops.sum(ops.square(features), axis=1, keepdims=True))
    centred = features / ops.maximum(length, _LEAST_LENGTH) - mean
    along = ops.matmul(centred, components)
    across = centred - ops.matmul(along, components.T)
    squares = ops.sum(ops.square(along * scale), axis=1)
    squares += ops.sum(ops.square(across * residual_scale), axis=1)
    return keras.Model(model.input, [model.output, ops.sqrt(squares)], name=model.name)


def pooled_features(model: Any, source: str) -> Any:
    """Find what the last layer of a network is given.

    Returns:
        Keras's tensor ``[n, d]``.

    Raises:
        ModelUnavailableError: if the network does not end in a dense layer.
    """
    keras = keras_module()
    last = model.output._keras_history.operation
    if type(last) is keras.layers.Activation:
        last = last.input._keras_history.operation
    if type(last) is not keras.layers.Dense or len(last.input.shape) != 2:
        raise ModelUnavailableError(
            f"{source}: its network does not end in a dense layer of pooled features, but in"
            f" {type(last).__name__}, so there is no distance from what it was trained on"
        )
    return last.input


def _checked(domain: Arrays, features: int, source: str) -> tuple[Any, Any, Any, Any]:
    names = ("mean", "components", "scale", "residual_scale")
    found = {name: domain[name].shape for name in names if name in domain}
    count = found.get("scale", (0,))[0]
    expected = dict(zip(names, ((features,), (features, count), (count,), (1,)), strict=True))
    if found != expected:
        raise ModelUnavailableError(
            f"{source}: the statistics of the training material should have the shapes {expected},"
            f" found {found}"
        )
    mean, components, scale, residual = (np.asarray(domain[name], np.float32) for name in names)
    return mean, components, scale, residual
