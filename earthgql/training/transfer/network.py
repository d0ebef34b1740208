"""The network that fine-tuning makes of a bundle's: one head on the pooled outputs of all stages.

The last stage of a network knows little but the labels that it was trained for. Earlier stages
know edges, textures and colours, which other labels need as well, so the head sees those too: the
mean and the standard deviation of every channel of every stage. Blocks of the ResNet50 that do
nothing are left out; the scores stay the same without them.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.bundle import Bundle
from earthgql.models.engines.keras.inference import without_normalisation
from earthgql.models.engines.keras.network import (
    build,
    check_shapes,
    first_line,
    keras_module,
)

HEAD = "labels"
_OUTPUT = re.compile(r"conv(\d+)_block(\d+)_out")
_LAST_OF_BLOCK = "_3_bn"
_EPSILON = 1e-5  # the slope of a square root at 0 is infinite

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Transfer:
    """A network that begins as a bundle's, and its parts.

    Attributes:
        network: ``float32 [n, size, size, 3]`` to scores, ``float32 [n, labels]``.
        trunk: the same pictures to features ``[n, f]`` (``stages`` 0), or else to the input of the
            stages that are to learn, ``[n, h, w, c]``, the features of the stages before them,
            and all features. It has weights of its own, which never learn.
        tail: input of the stages that are to learn, and features before them, to scores; None if
            ``stages`` is 0. Its weights are the network's.
        head: the last layer of the network.
        stride: only every such row and column of the tail's input is ever looked at.
        own: kernel ``[f, labels]`` and bias of the bundle's own head; None if its labels differ.
    """

    network: Any
    trunk: Any
    tail: Any
    head: Any
    stride: int
    own: list[Floats] | None


def transfer(bundle: Bundle, labels: tuple[str, ...], size: int, stages: int) -> Transfer:
    """Build the network to fine-tune.

    Args:
        bundle: of any network whose last layer is dense.
        labels: of the new head; those of the bundle, in any order, keep the bundle's weights.
        size: side of the new network's input in pixels.
        stages: number of last stages that are to learn beside the head.

    Raises:
        TrainingError: if the bundle's network has no such last layer, not so many stages, or does
            not take pictures of that size.
    """
    keras = keras_module()
    base = _without_idle_blocks(_resized(build(bundle), size, str(bundle.folder)))
    last = base.layers[-1]
    if type(last) is not keras.layers.Dense:
        raise TrainingError(f"{bundle.folder}: only a network that ends in a dense layer is tuned")
    names = stage_outputs(base)
    if stages and stages >= len(names):
        raise TrainingError(
            f"{bundle.folder}: its network has {len(names)} stages that are known by name, so"
            f" {max(0, len(names) - 1)} at most can learn, not {stages}"
        )
    outputs = [base.get_layer(name).output for name in names] or [last.input]
    pooled = [_pooled(output) for output in outputs]
    before = _joined(pooled[: len(pooled) - stages])
    features = _joined([before, *pooled[len(pooled) - stages :]])
    head = keras.layers.Dense(len(labels), activation="sigmoid", name=HEAD)
    network = keras.Model(base.input, head(features))
    check_shapes(network, size, len(labels), str(bundle.folder))
    own = _own_head(last, bundle.manifest.labels, labels, int(features.shape[-1]), pooled[-1])
    if not stages:
        trunk = without_normalisation(keras.Model(base.input, features))
        return Transfer(network, trunk, None, head, 1, own)
    cut = outputs[-stages - 1]
    trunk = without_normalisation(keras.Model(base.input, [cut, before, features]))
    tail = keras.Model([cut, before], network.output)
    for layer in tail.layers:
        # A few hundred pictures do not make better statistics than those the network has.
        layer.trainable = type(layer).__name__ != "BatchNormalization"
    return Transfer(network, trunk, tail, head, _stride_after(base, names[-stages - 1]), own)


def stage_outputs(model: Any) -> list[str]:
    """Name the last layer of each stage of a ResNet50 of Keras, first stage first."""
    last: dict[int, tuple[int, str]] = {}
    for layer in model.layers:
        if found := _OUTPUT.fullmatch(layer.name):
            stage, block = map(int, found.groups())
            last[stage] = max(last.get(stage, (0, "")), (block, layer.name))
    return [name for _, (_, name) in sorted(last.items())]


def _without_idle_blocks(model: Any) -> Any:
    """Leave out the residual blocks that add nothing to what they get."""
    idle = {
        layer.name.removesuffix(_LAST_OF_BLOCK)
        for layer in model.layers
        if layer.name.endswith(_LAST_OF_BLOCK) and _adds_nothing(model, layer)
    }

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if "_".join(layer.name.split("_")[:2]) not in idle:
            return layer(*args, **kwargs)
        # The shortcut comes first among what a block adds.
        return args[0][0] if isinstance(args[0], list | tuple) else args[0]

    return _cloned(model, call_function=call) if idle else model


def _adds_nothing(model: Any, norm: Any) -> bool:
    projects = norm.name.replace(_LAST_OF_BLOCK, "_0_bn") in {each.name for each in model.layers}
    return not projects and not any(np.any(weights) for weights in norm.get_weights()[:2])


def _resized(model: Any, size: int, source: str) -> Any:
    if model.input_shape[1:3] == (size, size):
        return model
    try:
        return _cloned(model, input_tensors=keras_module().Input((size, size, 3)))
    except Exception as error:  # Keras raises whatever the layers say to another size
        raise TrainingError(
            f"{source}: its network does not take pictures of {size} pixels: {first_line(error)}"
        ) from None


def _cloned(model: Any, **how: Any) -> Any:
    clone = keras_module().models.clone_model(model, **how)
    for layer in clone.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return clone


def _pooled(output: Any) -> Any:
    """Mean and standard deviation of each channel; what is pooled already stays as it is."""
    if len(output.shape) == 2:
        return output
    ops = keras_module().ops
    deviation = ops.sqrt(ops.add(ops.var(output, axis=(1, 2)), _EPSILON))
    return ops.concatenate([ops.mean(output, axis=(1, 2)), deviation], axis=-1)


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else keras_module().ops.concatenate(parts, axis=-1)


def _stride_after(model: Any, name: str) -> int:
    """How many rows further the layers after an output look, if they look at single pixels."""
    after = f"conv{int(_OUTPUT.fullmatch(name)[1]) + 1}_block1"  # type: ignore[index]
    strides = set()
    for layer in (model.get_layer(f"{after}_{part}_conv") for part in (0, 1)):
        strides.add(layer.strides[0] if layer.kernel_size == (1, 1) else 1)
    return strides.pop() if len(strides) == 1 else 1


def _own_head(
    head: Any, known: tuple[str, ...], labels: tuple[str, ...], width: int, last: Any
) -> list[Floats] | None:
    """The bundle's own head on the new features: what it does not look at weighs nothing."""
    if not set(labels) <= set(known):
        return None
    columns = [known.index(label) for label in labels]
    kernel, bias = (np.asarray(weights, np.float32) for weights in head.get_weights())
    # A ResNet50's head looks at the means of the last stage; that of a network tuned here, at all.
    first = 0 if len(kernel) == width else width - int(last.shape[-1])
    full = np.zeros((width, len(labels)), np.float32)
    full[first : first + len(kernel)] = kernel[:, columns]
    return [full, bias[columns]]
