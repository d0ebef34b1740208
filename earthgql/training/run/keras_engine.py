"""Training steps in Keras, on whichever backend it runs: TensorFlow, PyTorch or JAX."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.engines.keras.network import keras_module, resnet50
from earthgql.training.data.batches import Batch
from earthgql.training.run.training_plan import FULL_DEPTH, Plan, Stage

Floats = npt.NDArray[np.float32]
_AVERAGE_EVERY = 16  # steps: reading all weights back from a backend takes time
_NORM_MOMENTUM = 0.9  # Keras' 0.99 is for runs much longer than these


class KerasEngine:
    """Weights, their moving average, and the optimiser.

    Args:
        labels: number of labels.
        plan: what the run is to do.
        positive_weight: float32 [labels], weight of present labels in the loss.

    Raises:
        TrainingError: if the plan wants a network shallower than the whole.
    """

    def __init__(self, labels: int, plan: Plan, positive_weight: Floats) -> None:
        if any(stage.depth != FULL_DEPTH for stage in plan.stages):
            raise TrainingError("only the backend pytorch can start with a shallow network")
        keras = keras_module()
        keras.utils.set_random_seed(plan.seed)
        self.plan = plan
        self.network = self._built(labels)
        self.averaged = self._built(labels)
        _ease_start(self.network)
        self.average = self.network.get_weights()
        self.steps = 0
        self._stale = True
        optimizer = keras.optimizers.AdamW(plan.rate, weight_decay=plan.decay, global_clipnorm=2.0)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        loss = _loss(plan, positive_weight)
        self.network.compile(optimizer, loss, jit_compile="auto")
        optimizer.build(self.network.trainable_variables)

    def begin(self, stage: Stage) -> None:
        """Nothing to prepare: the network takes pictures of any size."""

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from a batch, but not from its cells, and return the loss."""
        self.network.optimizer.learning_rate = rate
        loss = float(self.network.train_on_batch(batch.inputs, batch.truth))
        self.steps += 1
        if self.steps % _AVERAGE_EVERY == 0 and np.isfinite(loss):
            # Young averages forget faster, or they would remember the random start for too long.
            per_step = min(self.plan.average, (1 + self.steps) / (10 + self.steps))
            weight = np.float32(1 - per_step**_AVERAGE_EVERY)
            for kept, newest in zip(self.average, self.network.get_weights(), strict=True):
                np.add(kept, weight * (newest - kept), out=kept)
            self._stale = True
        return loss

    def predict(self, inputs: Floats) -> Floats:
        """Score a batch with the averaged weights: float32 [n, labels]."""
        if self._stale:
            self.averaged.set_weights(self.average)
            self._stale = False
        return np.asarray(self.averaged.predict_on_batch(inputs), np.float32)

    def save(self, path: Path) -> None:
        """Write weights, average and optimiser to one file."""
        arrays = {"steps": np.array(self.steps)}
        for name, values in self._parts().items():
            arrays |= {f"{name}.{i:04d}": np.asarray(value) for i, value in enumerate(values)}
        with path.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def load(self, path: Path) -> None:
        """Read what ``save`` wrote.

        Raises:
            ValueError: if it is of another network.
        """
        with np.load(path) as arrays:
            parts = {
                name: [arrays[key] for key in sorted(arrays.files) if key.startswith(f"{name}.")]
                for name in self._parts()
            }
            self.steps = int(arrays["steps"])
        self.network.set_weights(parts["network"])
        self.average = parts["average"]
        for variable, value in zip(
            self.network.optimizer.variables, parts["optimizer"], strict=True
        ):
            variable.assign(value)
        self._stale = True

    def export(self, model: Any) -> None:
        """Copy the averaged weights into a Keras ResNet50."""
        model.set_weights(self.average)

    def adopt(self, model: Any, *, head: bool) -> None:
        """Start from the weights of a Keras ResNet50."""
        weights = model.get_weights()
        if not head:
            weights[-2:] = self.network.get_weights()[-2:]
        self.network.set_weights(weights)
        self.average = self.network.get_weights()
        self._stale = True

    def _built(self, labels: int) -> Any:
        network = resnet50(None, labels, dtype=self.plan.precision)
        for layer in network.layers:
            if type(layer).__name__ == "BatchNormalization":
                layer.momentum = _NORM_MOMENTUM
        return network

    def _parts(self) -> dict[str, list[Any]]:
        return {
            "network": self.network.get_weights(),
            "average": self.average,
            "optimizer": [variable.numpy() for variable in self._optimizer_values()],
        }

    def _optimizer_values(self) -> list[Any]:
        return list(self.network.optimizer.variables)


def _ease_start(network: Any) -> None:
    """Let residual blocks after the first of their stage begin as identities."""
    for layer in network.layers:
        if layer.name.endswith("_3_bn") and "_block1_" not in layer.name:
            layer.gamma.assign(np.zeros(layer.gamma.shape, np.float32))


def _loss(plan: Plan, positive_weight: Floats) -> Any:
    ops = keras_module().ops
    weight = positive_weight[None, :]

    def loss(truth: Any, scores: Any) -> Any:
        target = truth * (1 - plan.smoothing) + 0.5 * plan.smoothing
        inner = ops.clip(scores, 1e-7, 1 - 1e-7)
        each = -weight * target * ops.log(inner) - (1 - target) * ops.log(1 - inner)
        if plan.loss == "focal":
            each = each * (truth * (1 - scores) + (1 - truth) * scores) ** 2 * 4
        return ops.mean(each)

    return loss
