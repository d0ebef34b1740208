"""A bundle of a ResNet50 with seeded random weights, used where there is no trained bundle.

Its version is ``untrained``, so that its scores are not mistaken for labels.
"""

from pathlib import Path

import numpy as np

from earthgql.errors import ModelUnavailableError
from earthgql.files import file_lock
from earthgql.models.bundle import Arrays, to_half_precision, write_bundle
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.manifest import MANIFEST_FILE, ModelInput
from earthgql.models.preprocess import InputSpec

UNTRAINED_NAME = "amazon-resnet50"
# To be increased when the weights change: databases store the hash of these.
UNTRAINED_VERSION = "untrained-1"
_SEED = 17
# A third of the variance of He et al. (2015), as sums of residuals would otherwise grow until
# every score is 0 or 1. The head's gain spreads the scores around 0.5.
_KERNEL_GAIN = 2.0
_HEAD_GAIN = 64.0


def untrained_bundle(folder: Path) -> Path:
    """Return the folder of the untrained bundle, after writing it if it does not exist.

    Concurrent processes write it once.

    Raises:
        ModelUnavailableError: if it cannot be written.
    """
    if (folder / MANIFEST_FILE).exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(folder.parent / f".{folder.name}.lock"):
            if not (folder / MANIFEST_FILE).exists():
                _write(folder)
    except OSError as error:
        raise ModelUnavailableError(f"{folder} cannot be written: {error.strerror}") from None
    return folder


def _write(folder: Path) -> None:
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
    write_bundle(folder, about, to_half_precision(_random_weights(shapes)), replace=True)


def _random_weights(shapes: Arrays) -> Arrays:
    """Return random kernels, equal on every machine: uniform draws and exact roots only.

    Vectors keep Keras's initial values (biases 0, normalisation the identity).
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
