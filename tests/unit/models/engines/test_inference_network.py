"""Residual blocks that do nothing are left out, on every engine, and no score changes by a bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthgql.models import load_classifier
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.import_export import export_model
from earthgql.models.engines.keras.inference import (
    for_inference,
    without_idle_branches,
    without_normalisation,
)
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.networks import float_network
from earthgql.models.engines.tensorflow.classifier import TensorFlowClassifier
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.preprocess import InputSpec
from earthgql.models.protocol import classify_all
from earthgql.settings import Settings

SIZE = 64
# Beside any other summand it is lost in rounding, but it is not zero.
NEXT_TO_NOTHING = 1e-30


@pytest.fixture(scope="module")
def made(resnet: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Bundle]:
    """Make a bundle of the ResNet50 whose blocks but the first of each stage scale by a number."""

    def make(scale: float) -> Bundle:
        model = keras_model.resnet50(SIZE, len(PLANET_LABELS))
        model.set_weights(resnet.get_weights())
        for layer in model.layers:
            if layer.name.endswith("_3_bn") and "block1" not in layer.name:
                layer.gamma.assign(np.full(layer.gamma.shape, scale))
                layer.beta.assign(np.zeros(layer.beta.shape))
        folder = tmp_path_factory.mktemp("bundles") / "resnet"
        about = {"name": "resnet", "version": str(scale), "labels": PLANET_LABELS}
        export_model(model, folder, **about, spec=InputSpec(SIZE))
        return open_bundle(folder)

    return make


@pytest.fixture(scope="module")
def idle(made: Callable[[float], Bundle]) -> Bundle:
    """Twelve of its sixteen blocks add zero."""
    return made(0.0)


@pytest.fixture(scope="module")
def nearly_idle(made: Callable[[float], Bundle]) -> Bundle:
    """What its twelve blocks add is not zero, but changes nothing."""
    return made(NEXT_TO_NOTHING)


def test_scores_on_tensorflow_are_the_same_to_the_bit(
    idle: Bundle, nearly_idle: Bundle, telling_pictures: np.ndarray
) -> None:
    counts = [_convolutions(for_inference(keras_model.build(b))) for b in (idle, nearly_idle)]
    assert counts == [17, 53]
    scores, whole = (
        classify_all(TensorFlowClassifier(b), telling_pictures) for b in (idle, nearly_idle)
    )
    assert scores.std(axis=0).max() > 0.02, "pictures must make a difference for this to tell"
    assert np.array_equal(scores, whole)


@pytest.mark.skipif(not runtime.is_installed(), reason="needs OpenVINO")
def test_scores_on_openvino_are_the_same_to_the_bit(
    idle: Bundle, nearly_idle: Bundle, networks_dir: Path, telling_pictures: np.ndarray
) -> None:
    core = runtime.openvino_module().Core()
    counts, scores = [], []
    for bundle in (idle, nearly_idle):
        with float_network(bundle.folder, bundle.manifest, networks_dir) as network:
            kinds = [op.get_type_name() for op in core.read_model(network.path).get_ops()]
        counts.append(kinds.count("Convolution"))
        settings = Settings(bundle=bundle.folder, var_dir=networks_dir, precision="f32")
        classifier = load_classifier(settings.model_copy(update={"engine": "openvino"}))
        assert classifier.identity == bundle.identity
        scores.append(classify_all(classifier, telling_pictures))
    assert counts == [17, 53]
    assert np.array_equal(*scores)


def test_a_whole_network_loses_no_block(resnet: Any) -> None:
    assert _convolutions(for_inference(resnet)) == 53
    assert without_idle_branches(resnet) is resnet


def test_only_the_blocks_that_do_nothing_go(resnet: Any) -> None:
    model = keras_model.resnet50(SIZE, len(PLANET_LABELS))
    model.set_weights(resnet.get_weights())
    for name, parameter in (("conv2_block2", "gamma"), ("conv4_block3", "beta")):
        value = getattr(model.get_layer(f"{name}_3_bn"), parameter)
        value.assign(np.zeros(value.shape))
    assert _convolutions(for_inference(model)) == 53, "a scale or a shift of zero alone is no proof"
    for name in ("conv2_block1", "conv4_block3"):
        norm = model.get_layer(f"{name}_3_bn")
        norm.gamma.assign(np.zeros(norm.gamma.shape))
        norm.beta.assign(np.zeros(norm.beta.shape))
    lean = for_inference(model)
    assert _convolutions(lean) == 53 - 2 * 3
    # What a convolution in the shortcut of a first block answers may be negative.
    assert {"conv2_block1_0_conv", "conv2_block1_out"} <= {layer.name for layer in lean.layers}
    assert "conv4_block3_out" not in {layer.name for layer in lean.layers}
    _same_scores(without_normalisation(model), lean)


def test_branches_are_found_by_structure_in_any_network() -> None:
    keras = keras_model.keras_module()
    keras.utils.set_random_seed(4)
    pixels = keras.Input((16, 16, 3))
    first = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(pixels)
    idle = keras.layers.Conv2D(4, 1, kernel_initializer="zeros")
    # The idle branch comes first, and what it is added to is neither rectified nor rectified after.
    added = keras.layers.Add()([idle(first), first])
    # A branch of one row and column is spread over the other summand.
    narrow = keras.layers.Conv2D(4, 16, kernel_initializer="zeros")(added)
    spread = keras.layers.Add()([added, narrow])
    # Both summands are zero.
    twice = keras.layers.Add()(
        [idle(spread), keras.layers.Conv2D(4, 1, kernel_initializer="zeros")(spread)]
    )
    sum_of_three = keras.layers.Add()([twice, spread, first])
    head = keras.layers.Dense(2, activation="sigmoid")
    model = keras.Model(pixels, head(keras.layers.GlobalAveragePooling2D()(sum_of_three)))
    lean = without_idle_branches(model)
    assert [type(layer).__name__ for layer in lean.layers].count("Add") == 3
    _same_scores(model, lean)


def _convolutions(model: Any) -> int:
    return sum(type(layer).__name__ == "Conv2D" for layer in model.layers)


def _same_scores(model: Any, lean: Any) -> None:
    shape = (3, *model.input_shape[1:])
    inputs = np.random.default_rng(6).normal(0, 1, shape).astype(np.float32)
    before, after = (np.array(network(inputs, training=False)) for network in (model, lean))
    assert before.std(axis=0).max() > 0
    assert np.array_equal(before, after)
