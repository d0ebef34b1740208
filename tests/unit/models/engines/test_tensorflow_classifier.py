from typing import Any

import numpy as np
import pytest

from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.import_export import largest_difference
from earthgql.models.engines.tensorflow.classifier import TensorFlowClassifier
from earthgql.models.preprocess import preprocess
from earthgql.models.protocol import classify_all


@pytest.fixture(scope="module")
def classifier(resnet_bundle: Bundle) -> TensorFlowClassifier:
    return TensorFlowClassifier(open_bundle(resnet_bundle.folder), batch_size=8)


def test_scores_are_those_of_keras(
    classifier: TensorFlowClassifier, resnet_bundle: Bundle, telling_pictures: np.ndarray
) -> None:
    pixels = telling_pictures[:11]
    inputs = preprocess(pixels, resnet_bundle.manifest.input.spec)
    plain = np.array(keras_model.build(resnet_bundle)(inputs, training=False))
    scores = classify_all(classifier, pixels)
    assert scores.dtype == np.float32
    assert scores.shape == (11, 17)
    assert np.abs(scores - plain).max() < 1e-5
    assert scores.std(axis=0).max() > 0.02, "pictures must make a difference for this to tell"


def test_half_precision_changes_no_score_by_more_than_a_hundredth(
    resnet: Any, resnet_bundle: Bundle, telling_pictures: np.ndarray
) -> None:
    kept = {str(values.dtype) for values in resnet_bundle.arrays.values() if values.ndim > 1}
    assert kept == {"float16"}
    inputs = preprocess(telling_pictures, resnet_bundle.manifest.input.spec)
    full = np.array(resnet(inputs, training=False))
    half = np.array(keras_model.build(resnet_bundle)(inputs, training=False))
    assert 0 < np.abs(full - half).max() <= 0.01
    assert 0 < largest_difference(resnet, resnet_bundle) <= 0.01
    assert (resnet_bundle.folder / "model.weights.h5").stat().st_size < 50e6


def test_padding_and_batching_do_not_change_scores(
    classifier: TensorFlowClassifier, telling_pictures: np.ndarray
) -> None:
    pixels = telling_pictures[:7]
    alone = np.concatenate([classify_all(classifier, pixels[i : i + 1]) for i in range(7)])
    assert np.abs(classify_all(classifier, pixels) - alone).max() < 1e-5


def test_no_tiles_no_scores(classifier: TensorFlowClassifier, telling_pictures: np.ndarray) -> None:
    assert classify_all(classifier, telling_pictures[:0]).shape == (0, 17)
