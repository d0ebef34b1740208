"""A small network, and a folder for what it is converted to, which all tests of a run share.

TensorFlow is only loaded where a test asks for them.
"""

from pathlib import Path

import pytest

from earthgql.models.bundle import Bundle, open_bundle, update_manifest
from earthgql.models.calibration import Temperature
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.import_export import export_model
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.preprocess import InputSpec


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A network of two layers as a bundle of the architecture "Keras", calibrated."""
    keras = keras_model.keras_module()
    keras.utils.set_random_seed(2)
    pixels = keras.Input((256, 256, 3))
    inner = keras.layers.Conv2D(6, 5, strides=4, activation="relu")(pixels)
    inner = keras.layers.GlobalAveragePooling2D()(inner)
    head = keras.layers.Dense(len(PLANET_LABELS), activation="sigmoid")
    network = keras.Model(pixels, head(inner))
    head.set_weights([weights / 16 for weights in head.get_weights()])
    folder = tmp_path_factory.mktemp("bundles") / "small"
    spec = InputSpec(256, "imagenet-caffe")
    export_model(network, folder, name="small", version="1", labels=PLANET_LABELS, spec=spec)
    temperature = tuple(0.5 + 0.1 * k for k in range(len(PLANET_LABELS)))
    update_manifest(folder, calibration=Temperature(temperature=temperature))
    return open_bundle(folder)


@pytest.fixture(scope="session")
def networks_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A var folder whose converted networks all tests may use, but not change."""
    return tmp_path_factory.mktemp("var")
