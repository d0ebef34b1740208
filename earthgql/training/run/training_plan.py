"""What a training run is to do, and what that means for each of its steps."""

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

from earthgql.errors import TrainingError

Loss = Literal["bce", "focal"]
Precision = Literal["float32", "mixed_bfloat16"]
FULL_DEPTH = (3, 4, 6, 3)
_MAY_CHANGE = ("epochs", "compiled")  # when a run is resumed


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the run.

    Attributes:
        size: side of the network's input in pixels.
        share: share of all epochs, above 0.
        depth: residual blocks that take part, per stage of the network.
    """

    size: int
    share: float
    depth: tuple[int, ...] = FULL_DEPTH


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the outcome of a run, apart from the pictures.

    Attributes:
        epochs: passes over the training split; may differ when a run is resumed.
        batch: pictures per step.
        stages: parts of the run, in order; the last one's size is that of the finished network.
        rate: highest learning rate.
        warm_up: share of all steps in which the rate rises to ``rate``.
        decay: weight decay of kernels (AdamW).
        smoothing: how far truth is moved from 0 and 1 towards 0.5.
        loss: binary cross-entropy or focal loss.
        weighting: exponent of (absent / present) with which present labels weigh; 0: all equal.
        average: decay per step of the moving average of the weights that is kept; 0: none.
        jitter: strength of colour and sharpness augmentation; 0: none.
        warp: strength of turns by any angle and changes of scale; 0: none.
        precision: number format of the forward and backward pass.
        seed: seed of weights, shuffling and augmentation.
        exclusive: places of the labels of which exactly one is true in every picture.
        compiled: compile the network before training (backend pytorch).
    """

    epochs: int = 10
    batch: int = 32
    stages: tuple[Stage, ...] = (Stage(64, 0.4), Stage(96, 0.3), Stage(128, 0.3))
    rate: float = 1e-3
    warm_up: float = 0.05
    decay: float = 0.02
    smoothing: float = 0.02
    loss: Loss = "bce"
    weighting: float = 0.0
    average: float = 0.998
    jitter: float = 1.0
    warp: float = 0.0
    precision: Precision = "float32"
    seed: int = 1
    exclusive: tuple[int, ...] = ()
    compiled: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or not self.stages:
            raise TrainingError("a run needs at least 1 epoch, batches of 2, and one stage")
        if min(stage.share for stage in self.stages) <= 0:
            raise TrainingError("every stage needs a share above 0")
        if any(b > a for s in self.stages for a, b in zip(FULL_DEPTH, s.depth, strict=True)):
            raise TrainingError(f"no stage can be deeper than {FULL_DEPTH}")
        for before, after in pairwise(self.stages):
            if any(b < a for a, b in zip(before.depth, after.depth, strict=True)):
                raise TrainingError("a network can only grow deeper from stage to stage")

    def stage_of(self, epoch: int) -> Stage:
        """The stage that an epoch (from 0) belongs to."""
        total, begun = sum(stage.share for stage in self.stages), 0.0
        for stage in self.stages:
            begun += stage.share / total * self.epochs
            if epoch < round(begun):
                return stage
        return self.stages[-1]

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step: a straight rise, then half a cosine down to nearly 0."""
        rising = max(1, round(self.warm_up * steps))
        if step < rising:
            return self.rate * (step + 1) / rising
        progress = (step - rising) / max(1, steps - rising)
        return self.rate * max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))

    def description(self) -> dict[str, Any]:
        """The plan as JSON-like values, without what a resumed run may change."""
        fields = asdict(self)
        for name in _MAY_CHANGE:
            fields.pop(name)
        fields["stages"] = [[s.size, s.share, list(s.depth)] for s in self.stages]
        return fields
