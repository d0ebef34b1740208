"""Training steps in plain PyTorch: on a CPU about twice as fast as the Keras backends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - the name the library's own documentation uses
from torch import Tensor

from earthgql.training.data.batches import Batch
from earthgql.training.run.torch_network import ResNet50, from_keras, to_keras
from earthgql.training.run.training_plan import Plan, Stage

Floats = npt.NDArray[np.float32]
_STEEPEST = 2.0
_ENOUGH_OF_PLACE = 0.02  # share of a place that a label must cover to be wholly there
_CHOICE_WEIGHT = 0.2  # of the choice among exclusive labels, beside the mean over all labels
_AVERAGE_EVERY = 4  # steps: the average moves slowly, and touching all weights takes time


class TorchEngine:
    """Weights, their moving average, and the optimiser.

    Args:
        labels: number of labels.
        plan: what the run is to do.
        positive_weight: float32 [labels], weight of present labels in the loss.
        covering: per label, whether some picture tells which of its cells show it.
    """

    def __init__(
        self, labels: int, plan: Plan, positive_weight: Floats, covering: Sequence[bool]
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = self._placed(ResNet50(labels))
        self.average = self._placed(ResNet50(labels))
        self.average.load_state_dict(self.network.state_dict())
        self.positive_weight = torch.from_numpy(positive_weight).to(self.device)
        kernels = [p for p in self.network.parameters() if p.ndim > 1]
        vectors = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [
            {"params": kernels, "weight_decay": plan.decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, fused=True)
        self.steps = 0
        self.covering = torch.tensor(covering, dtype=torch.bool, device=self.device)

    def begin(self, stage: Stage) -> None:
        """Prepare for the steps of a stage."""
        self.network.depth = self.average.depth = stage.depth
        # Compiled, the layers between convolutions are merged: twice as fast on a processor.
        self._features = (
            torch.compile(self.network.features) if self.plan.compiled else self.network.features
        )

    def step(self, batch: Batch, rate: float) -> float:
        """Learn from a batch, and from what its cells show where that is known.

        Returns:
            The loss of the labels before the step.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        with self._autocast():
            features = self._features(self._image(batch.inputs))
            logits = self.network.head(features[-1].mean((2, 3))).float()
        truth, known = self._truth(batch)
        loss = self._loss(logits, truth, known)
        if self.plan.exclusive:
            loss = loss + self._choice_loss(logits, truth, known)
        value = float(loss.detach())
        if np.isfinite(value):  # else the caller stops: weights stay those before this batch
            (loss + self._cell_loss(features, batch)).backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), _STEEPEST)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self._advance_average()
        return value

    def predict(self, inputs: Floats) -> Floats:
        """Score a batch with the averaged weights: float32 [n, labels]."""
        self.average.eval()
        with torch.inference_mode(), self._autocast():
            scores: Floats = torch.sigmoid(self.average(self._image(inputs)).float()).cpu().numpy()
        return scores

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, as a tree that ``torch.save`` writes."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]
        torch.set_rng_state(state["random"].cpu())

    def save(self, path: Any) -> None:
        """Write the state to a file."""
        torch.save(self.state(), path)

    def load(self, path: Any) -> None:
        """Read a state written by ``save``; only tensors and plain values are read."""
        self.restore(torch.load(path, map_location=self.device, weights_only=True))

    def export(self, model: Any) -> None:
        """Copy the averaged weights into a Keras ResNet50."""
        to_keras(self.average, model)

    def adopt(self, model: Any, *, head: bool) -> None:
        """Start from the weights of a Keras ResNet50."""
        from_keras(self.network, model, head=head)
        self.average.load_state_dict(self.network.state_dict())

    def _placed(self, network: ResNet50) -> ResNet50:
        placed: ResNet50 = network.to(self.device, memory_format=torch.channels_last)
        return placed

    def _image(self, inputs: Floats) -> Tensor:
        # [n, h, w, c] memory seen as [n, c, h, w] is exactly PyTorch's channels_last.
        return torch.from_numpy(inputs).to(self.device).permute(0, 3, 1, 2)

    def _autocast(self) -> torch.autocast:
        low = self.plan.precision == "mixed_bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=low)

    def _truth(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Truth, and 1 where it is known, both float32 [n, labels]."""
        truth = torch.from_numpy(batch.truth).to(self.device)
        if batch.known is None:
            return truth, torch.ones_like(truth)
        return truth, torch.from_numpy(batch.known).to(self.device).float()

    def _choice_loss(self, logits: Tensor, truth: Tensor, known: Tensor) -> Tensor:
        """Cross-entropy of which one of the exclusive labels is true, where that is known."""
        group = list(self.plan.exclusive)
        sure = (known[:, group].min(1).values > 0) & (truth[:, group].sum(1) == 1)
        if not sure.any():
            return logits.new_zeros(())
        chosen = truth[sure][:, group].argmax(1)
        return _CHOICE_WEIGHT * F.cross_entropy(logits[sure][:, group], chosen)

    def _loss(self, logits: Tensor, truth: Tensor, known: Tensor) -> Tensor:
        target = truth * (1 - self.plan.smoothing) + 0.5 * self.plan.smoothing
        each = F.binary_cross_entropy_with_logits(
            logits, target, reduction="none", pos_weight=self.positive_weight
        )
        if self.plan.loss == "focal":
            score = torch.sigmoid(logits)
            each = each * (truth * (1 - score) + (1 - truth) * score) ** 2 * 4
        return (each * known).sum() / known.sum().clamp(min=1)

    def _cell_loss(self, features: list[Tensor], batch: Batch) -> Tensor | float:
        """Cross-entropy of what each place shows, as seen by each stage; averaged over stages.

        More to learn from than the labels of whole pictures, and the early stages learn from
        it at once instead of through all later ones. Only labels that some cell shows count:
        weather covers no cells.
        """
        if batch.cells is None or not self.covering.any():
            return 0.0
        shares = torch.from_numpy(batch.cells).to(self.device).permute(0, 3, 1, 2).float() / 255
        shares = shares[:, self.covering]
        known = self._truth(batch)[1][:, self.covering]
        losses = []
        for feature, head in zip(features, self.network.cell_heads, strict=True):
            target = (F.adaptive_avg_pool2d(shares, feature.shape[2]) / _ENOUGH_OF_PLACE).clamp(
                max=1
            )
            with self._autocast():
                logits = head(feature.permute(0, 2, 3, 1)).float().permute(0, 3, 1, 2)
            each = F.binary_cross_entropy_with_logits(
                logits[:, self.covering], target, reduction="none"
            ).mean((2, 3))
            losses.append((each * known).sum() / known.sum().clamp(min=1))
        return torch.stack(losses).mean()

    def _advance_average(self) -> None:
        self.steps += 1
        if self.steps % _AVERAGE_EVERY:
            return
        # Young averages forget faster, or they would remember the random start for too long.
        per_step = min(self.plan.average, (1 + self.steps) / (10 + self.steps))
        weight = 1 - per_step**_AVERAGE_EVERY
        with torch.no_grad():
            pairs = zip(
                self.average.state_dict().values(),
                self.network.state_dict().values(),
                strict=True,
            )
            floats = [(a, b) for a, b in pairs if a.is_floating_point()]
            torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], weight)
