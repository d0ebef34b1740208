"""Keras networks: the built-in ResNet50, and the weights of any network by path.

Works on every backend of Keras (``KERAS_BACKEND``); nothing here imports one by itself.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from earthgql.errors import ModelUnavailableError
from earthgql.models.bundle import Arrays, Bundle
from earthgql.settings import PROJECT_ROOT

_CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl|[IW]\d{4} .*(cuda|TensorRT|oneDNN))"
)


def keras_module() -> ModuleType:
    """Import Keras without its chatter and without a settings file in the home folder."""
    # A user's own keras.json could otherwise change the data format or the float type.
    os.environ.setdefault("KERAS_HOME", str(PROJECT_ROOT / "var" / "keras"))
    # Keras brings Matplotlib where that is installed, which would begin a cache there, too.
    os.environ.setdefault("MPLCONFIGDIR", str(PROJECT_ROOT / "var" / "matplotlib"))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without_chatter():
        import keras
    module: ModuleType = keras
    return module


def resnet50(size: int | None, labels: int, *, dtype: Any = None) -> Any:
    """Build ResNet50 with a sigmoid per label, with fresh random weights.

    Args:
        size: side of the square input in pixels; None takes any.
        labels: number of labels.
        dtype: Keras dtype policy such as ``"mixed_bfloat16"``; the head answers float32 anyway.

    Returns:
        ``keras.Model``: ``float32 [n, size, size, 3]`` to ``float32 [n, labels]``, 0 to 1.
    """
    keras = keras_module()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype or before)
    try:
        trunk = keras.applications.ResNet50(
            include_top=False, weights=None, pooling="avg", input_shape=(size, size, 3)
        )
    finally:
        keras.config.set_dtype_policy(before)
    head = keras.layers.Dense(labels, activation="sigmoid", name="labels", dtype="float32")
    return keras.Model(trunk.input, head(trunk.output), name="resnet50")


def build(bundle: Bundle) -> Any:
    """Build the network of a bundle with its weights.

    Raises:
        ModelUnavailableError: if architecture, weights, input and labels do not fit together.
    """
    m = bundle.manifest
    if bundle.architecture_json is None:
        model = resnet50(m.input.spec.size, len(m.labels))
    else:
        model = model_of_json(bundle.architecture_json, str(bundle.folder))
    check_shapes(model, m.input.spec.size, len(m.labels), str(bundle.folder))
    set_arrays(model, bundle.arrays, str(bundle.folder / m.weights.file))
    return model


def model_of_json(text: str, source: str) -> Any:
    """Build a network from Keras 3's JSON; code in it is refused."""
    keras = keras_module()
    try:
        return keras.models.model_from_json(text)
    except Exception as error:  # Keras raises whatever the JSON provokes
        raise ModelUnavailableError(
            f"{source}: the architecture cannot be built by this Keras: {first_line(error)}"
        ) from None


def check_shapes(model: Any, size: int, labels: int, source: str) -> None:
    """See that a network takes ``[n, size, size, 3]`` and gives ``[n, labels]``.

    Raises:
        ModelUnavailableError: saying what was expected and what was found.
    """
    for what, expected, found in (
        ("input", (None, size, size, 3), model.input_shape),
        ("output", (None, labels), model.output_shape),
    ):
        fits = isinstance(found, tuple) and len(found) == len(expected)
        if not fits or any(
            None not in (e, f) and e != f for e, f in zip(expected, found, strict=True)
        ):
            raise ModelUnavailableError(
                f"{source}: expected {what} shape {expected}, found {found}"
                + (f" ({labels} labels)" if what == "output" else "")
            )


def with_one_input(model: Any, source: str) -> Any:
    """Rebuild a network so that it takes and gives one tensor, not a list of one.

    Raises:
        ModelUnavailableError: if it has several inputs or outputs, or no known shapes.
    """
    inputs, outputs = (getattr(model, what, None) or [] for what in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelUnavailableError(
            f"{source}: expected one input and one output, found {len(inputs)} and {len(outputs)}"
        )
    return keras_module().Model(inputs[0], outputs[0], name=model.name)


def arrays_of(model: Any) -> Arrays:
    """The weights of a network by path, float32."""
    return {path: np.array(value) for path, (_, value) in _variables(model).items()}


def set_arrays(model: Any, arrays: Arrays, source: str) -> None:
    """Give a network its weights, of any float type.

    Raises:
        ModelUnavailableError: if a weight is missing, left over, or of another shape.
    """
    wanted = {path: tuple(value.shape) for path, (_, value) in _variables(model).items()}
    for problem, paths in (
        ("lacks weights the architecture has", sorted(wanted.keys() - arrays.keys())),
        ("has weights the architecture lacks", sorted(arrays.keys() - wanted.keys())),
    ):
        if paths:
            raise ModelUnavailableError(f"{source} {problem}: {_some(paths)}")
    for path, shape in wanted.items():
        if arrays[path].shape != shape:
            raise ModelUnavailableError(
                f"{source}: {path} should have shape {shape}, found {arrays[path].shape}"
            )
    stores: dict[int, tuple[Any, dict[str, Any]]] = {}
    for path, (layer, _) in _variables(model).items():
        _, store = stores.setdefault(id(layer), (layer, {}))
        store[path.rpartition("/")[2]] = arrays[path].astype(np.float32)
    for layer, store in stores.values():
        layer.load_own_variables(store)


def _variables(model: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Layer and variable by path, in the naming of Keras's weights files (see ``saving_lib``)."""
    found: dict[str, tuple[Any, Any]] = {}
    used: dict[str, int] = {}
    for layer in model.layers:
        kind = _snake(type(layer).__name__)
        count = used[kind] = used.get(kind, -1) + 1
        path = f"{prefix}layers/{kind}_{count}" if count else f"{prefix}layers/{kind}"
        if hasattr(layer, "layers"):
            found |= _variables(layer, f"{path}/")
            continue
        store: dict[str, Any] = {}
        if layer.weights:
            layer.save_own_variables(store)
        found |= {f"{path}/vars/{key}": (layer, value) for key, value in store.items()}
    return found


def _snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _some(paths: list[str], most: int = 5) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more


def first_line(error: Exception) -> str:
    """The first line of a library's error, fit for a message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Drop TensorFlow's start-up lines from the process's stderr; all other lines pass.

    They are written by C++ before its log levels are read, so no setting silences them.
    """
    kept, (read_end, write_end) = os.dup(2), os.pipe()
    os.dup2(write_end, 2)
    os.close(write_end)

    def forward() -> None:
        with os.fdopen(read_end, "rb") as lines:
            for line in lines:
                if not _CHATTER.match(line):
                    os.write(kept, line)

    forwarder = threading.Thread(target=forward, daemon=True)
    forwarder.start()
    try:
        yield
    finally:
        os.dup2(kept, 2)
        forwarder.join(timeout=5)
        os.close(kept)
