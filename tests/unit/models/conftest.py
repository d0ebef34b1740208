"""Networks for the tests of classifiers; TensorFlow is only loaded where one is asked for."""

from typing import Any

import numpy as np
import pytest

from earthgql.models.bundle import Bundle
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.import_export import export_model
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.preprocess import InputSpec, preprocess

SIZE = 64


def pictures(count: int) -> np.ndarray:
    """Pictures that differ: large and small blocks of colour, light and dark, never twice alike."""
    rng = np.random.default_rng(count)
    made = np.zeros((count, 256, 256, 3), np.uint8)
    for picture in made:
        side = int(rng.choice([1, 4, 16, 64]))
        top = int(rng.integers(60, 256))
        blocks = rng.integers(0, top, (256 // side, 256 // side, 3), dtype=np.uint8)
        picture[:] = blocks.repeat(side, axis=0).repeat(side, axis=1)
    return made


def live_in(model: Any) -> Any:
    """Give a fresh network what training does: statistics of real activations, telling scores."""
    rng = np.random.default_rng(5)
    normalisations = [layer for layer in model.layers if "bn" in layer.name]
    for layer in normalisations:
        layer.momentum = 0.0
        # Training leaves residuals small beside what they are added to; else errors would grow.
        low, high = (0.2, 0.5) if layer.name.endswith("_3_bn") else (0.5, 1.2)
        layer.gamma.assign(rng.uniform(low, high, layer.gamma.shape))
        layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
    inputs = preprocess(pictures(32), InputSpec(SIZE))
    model(inputs, training=True)
    head = model.layers[-1]
    kernel, bias = head.get_weights()
    scores = np.clip(np.array(model(inputs, training=False), np.float64), 1e-6, 1 - 1e-6)
    head.set_weights([kernel, bias - np.log(scores / (1 - scores)).mean(axis=0)])
    return model


@pytest.fixture(scope="session")
def resnet() -> Any:
    """A ResNet50 for 64 x 64 inputs and Planet's labels."""
    return live_in(keras_model.resnet50(SIZE, len(PLANET_LABELS)))


@pytest.fixture(scope="session")
def resnet_bundle(resnet: Any, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """That ResNet50 as a bundle in half precision."""
    return export_model(
        resnet,
        tmp_path_factory.mktemp("bundles") / "resnet",
        name="resnet",
        version="1",
        labels=PLANET_LABELS,
        spec=InputSpec(SIZE),
    )


@pytest.fixture(scope="session")
def telling_pictures() -> np.ndarray:
    """Sixteen pictures whose scores differ."""
    return pictures(16)
