"""Weights to start from: of any Keras ResNet50, with or without a head of its own."""

from pathlib import Path
from typing import Any

import numpy as np

from earthgql.errors import TrainingError
from earthgql.models.bundle import read_arrays
from earthgql.models.engines.keras.network import arrays_of, resnet50, set_arrays

_HEAD = "layers/dense/"


def load_pretrained(path: Path, labels: int, size: int) -> tuple[Any, bool]:
    """Build a ResNet50 with weights from a file.

    Args:
        path: Keras 3 ``.weights.h5``, or Keras 2 ``.h5`` as ImageNet weights come.
        labels: number of labels wanted.
        size: side of the input in pixels.

    Returns:
        The Keras network, and whether its head came from the file too (it has as many labels).

    Raises:
        TrainingError: if the file is missing or not of a ResNet50.
    """
    if not path.is_file():
        raise TrainingError(f"there are no weights at {path}")
    model = resnet50(size, labels)
    arrays = read_arrays(path)
    if not any(name.startswith("layers/") for name in arrays):
        return _load_by_name(model, path), False
    wanted = arrays_of(model)
    fits = all(
        name in arrays and arrays[name].shape == wanted[name].shape
        for name in wanted
        if name.startswith(_HEAD)
    )
    chosen = {name: array for name, array in arrays.items() if not name.startswith(_HEAD)}
    source = arrays if fits else wanted
    chosen |= {name: source[name] for name in wanted if name.startswith(_HEAD)}
    set_arrays(model, {n: a for n, a in chosen.items() if n in wanted}, str(path))
    return model, fits


def _load_by_name(model: Any, path: Path) -> Any:
    """Keras 2 files keep the weights by the names of the layers; other layers are passed over."""
    before = model.get_weights()
    try:
        model.load_weights(path, by_name=True, skip_mismatch=True)
    except Exception as error:  # Keras raises whatever the file provokes
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{path} does not hold weights of a ResNet50: {reason}") from None
    if all(map(np.array_equal, before, model.get_weights())):
        raise TrainingError(f"{path} does not hold weights of a ResNet50: no layer fits one of its")
    return model
