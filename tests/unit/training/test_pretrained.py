"""Weights to start from, in files of Keras 2."""

from pathlib import Path

import numpy as np
import pytest
from support.keras2_files import LABELS, small_network, write_keras2

from earthgql.errors import TrainingError
from earthgql.models.engines.keras.network import resnet50
from earthgql.training.run.pretrained import load_pretrained


def test_layers_of_the_same_names_are_loaded(tmp_path: Path) -> None:
    saved = resnet50(32, len(LABELS))
    file = write_keras2(tmp_path, saved, LABELS) / "resnet50_weights.hdf5"
    model, head = load_pretrained(file, len(LABELS), 32)
    assert not head
    for found, expected in zip(model.get_weights(), saved.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    file = write_keras2(tmp_path, small_network(), LABELS) / "resnet50_weights.hdf5"
    with pytest.raises(TrainingError, match="does not hold weights of a ResNet50: no layer fits"):
        load_pretrained(file, 2, 32)
