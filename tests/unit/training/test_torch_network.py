"""The own PyTorch network must be Keras' ResNet50, weight for weight: see ``make test-torch``."""

import os
import subprocess
import sys

import pytest

from earthgql.settings import PROJECT_ROOT

# Not skipped where PyTorch is missing: nobody would notice.
pytestmark = pytest.mark.torch

PROGRAM = """
import numpy as np, torch
from earthgql.models.engines.keras.network import resnet50
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

LEARNING = """
import numpy as np
from earthgql.training.batches import Batch
from earthgql.training.plan import Plan, Stage
from earthgql.training.torch_engine import TorchEngine

rng = np.random.default_rng(1)
inputs = rng.normal(size=(4, 64, 64, 3)).astype("f4")
cells = rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
batch = Batch(inputs, np.eye(4, 3, dtype="f4"), cells)
for precision in ("float32", "mixed_bfloat16"):
    engine = TorchEngine(3, Plan(precision=precision), np.ones(3, "f4"), [True, False, True])
    engine.begin(Stage(64, 1.0, (1, 1, 1, 1)))
    losses = [engine.step(batch, 1e-3) for _ in range(6)]
    assert losses[-1] < losses[0], losses
"""

UNKNOWN = """
import numpy as np, torch
from earthgql.training.batches import Batch
from earthgql.training.plan import Plan, Stage
from earthgql.training.torch_engine import TorchEngine

rng = np.random.default_rng(1)
inputs = rng.normal(size=(4, 64, 64, 3)).astype("f4")
cells = rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
known = np.ones((4, 3), "u1")
known[1:3, 0] = 0
lies = np.eye(4, 3, dtype="f4")
lies[1:3, 0] = 1 - lies[1:3, 0]

def learnt(truth, known, exclusive=()):
    plan = Plan(exclusive=exclusive)
    engine = TorchEngine(3, plan, np.ones(3, "f4"), [True, False, True])
    engine.begin(Stage(64, 1.0, (1, 1, 1, 1)))
    loss = engine.step(Batch(inputs, truth, cells, known), 1e-3)
    return loss, engine.network.head.weight.detach().clone()

for exclusive in ((), (0, 1, 2)):
    true, false = (learnt(t, known, exclusive) for t in (np.eye(4, 3, dtype="f4"), lies))
    assert true[0] == false[0] and torch.equal(true[1], false[1])
assert learnt(lies, None)[0] != learnt(lies, known)[0]
assert learnt(lies, None, (0, 1, 2))[0] > learnt(lies, None)[0]
"""


def test_truth_that_is_not_known_teaches_nothing() -> None:
    run(UNKNOWN)


def test_it_learns_in_both_precisions() -> None:
    run(LEARNING)


def run(program: str) -> None:
    # A process of its own: Keras takes one backend per process, and the others use TensorFlow.
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_it_computes_what_keras_computes_and_grows_without_a_jump() -> None:
    run(PROGRAM)
