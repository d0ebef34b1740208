"""A ResNet50 with seeded random weights: a stand-in where no trained bundle is.

Its version says ``untrained``, so that no answer passes for a label.
"""

from pathlib import Path

import numpy as np

from earthgql.errors import ModelUnavailableError
from earthgql.files import file_lock
from earthgql.models.bundle import Arrays, halved, write_bundle
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.manifest import MANIFEST_FILE, ModelInput
from earthgql.models.preprocess import InputSpec

UNTRAINED_NAME = "amazon-resnet50"
# Another recipe needs another version: databases remember the hash of this one.
UNTRAINED_VERSION = "untrained-1"
_SEED = 17
# A third of the variance that He et al. advise: sums of residuals would otherwise grow until every
# score is 0 or 1. The head spreads the scores around a half.
_KERNEL_GAIN = 2.0
_HEAD_GAIN = 64.0


def untrained_bundle(folder: Path) -> Path:
    """Return the untrained bundle, made there first if it is not there yet.

    Processes that ask at the same time make it once.

    Raises:
        ModelUnavailableError: if it cannot be written.
    """
    if (folder / MANIFEST_FILE).exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(folder.parent / f".{folder.name}.lock"):
            if not (folder / MANIFEST_FILE).exists():
                _make(folder)
    except OSError as error:
        raise ModelUnavailableError(f"{folder} cannot be written: {error.strerror}") from None
    return folder


def _make(folder: Path) -> None:
    spec = InputSpec()
    shapes = keras_model.arrays_of(keras_model.resnet50(spec.size, len(PLANET_LABELS)))
    about = {
        "name": UNTRAINED_NAME,
        "version": UNTRAINED_VERSION,
        "architecture": "ResNet50",
        "labels": PLANET_LABELS,
        "thresholds": [0.5] * len(PLANET_LABELS),
        "input": ModelInput.of(spec),
        "output": {"shape": [-1, len(PLANET_LABELS)]},
        "weights": {"dtype": "float16"},
        "created_by": "made on first use",
        "training": {"untrained": True, "seed": _SEED},
    }
    write_bundle(folder, about, halved(_random(shapes)), replace=True)


def _random(shapes: Arrays) -> Arrays:
    """Fill kernels at random, the same bits on every machine: uniform draws and exact roots only.

    Vectors stay as Keras begins them (biases 0, normalisation the identity).
    """
    rng = np.random.default_rng(_SEED)
    drawn = dict(shapes)
    for path in sorted(shapes):
        shape = shapes[path].shape
        if len(shape) > 1:
            gain = _KERNEL_GAIN if len(shape) == 4 else _HEAD_GAIN
            limit = np.float32(np.sqrt(gain / np.prod(shape[:-1])))
            drawn[path] = (rng.random(shape, np.float32) * 2 - 1) * limit
    return drawn
