"""The own PyTorch network must be Keras' ResNet50, weight for weight. Needs the extra "torch"."""

import os
import subprocess
import sys

import pytest

from earthgql.settings import PROJECT_ROOT

pytest.importorskip("torch")

PROGRAM = """
import numpy as np, torch
from earthgql.classifiers.keras_model import resnet50
from earthgql.training.torch_network import ResNet50, from_keras, to_keras

torch.manual_seed(1)
network = ResNet50(5).eval()
with torch.no_grad():
    for name, values in network.state_dict().items():
        if values.is_floating_point() and values.ndim == 1:
            values.copy_(torch.rand(values.shape) * 0.5 + (0.5 if "var" in name else 0.1))
model = resnet50(96, 5)
to_keras(network, model)
pixels = np.random.default_rng(1).normal(size=(2, 96, 96, 3)).astype("f4")

def both():
    with torch.inference_mode():
        here = torch.sigmoid(network(torch.from_numpy(pixels).permute(0, 3, 1, 2))).numpy()
    return np.abs(here - model.predict_on_batch(pixels)).max()

assert both() < 1e-5, both()
for layer in model.layers:
    if layer.name.endswith("_conv"):
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, bias + 0.1])
from_keras(network, model)
assert both() < 1e-5, both()
shallow, fresh = ResNet50(5).eval(), torch.from_numpy(pixels).permute(0, 3, 1, 2)
with torch.inference_mode():
    deep = shallow(fresh)
    shallow.depth = (1, 1, 1, 1)
    assert torch.allclose(deep, shallow(fresh), atol=1e-5)
"""


def test_it_computes_what_keras_computes_and_grows_without_a_jump() -> None:
    # A process of its own: Keras takes one backend per process, and the others use TensorFlow.
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)
