"""Calibration per label: scores become comparable with observed frequencies."""

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from earthgql.models.protocol import Scores

_EPSILON = 1e-7
CHOSEN = 0.5
"""Score from which a label of an exclusive group is the chosen one."""


class Temperature(BaseModel):
    """Scores become ``sigmoid(logit(score) / temperature)``; a temperature above 1 softens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["temperature"] = "temperature"
    temperature: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = Field(
        description="one per label"
    )

    @property
    def labels(self) -> int:
        """Number of labels that it calibrates."""
        return len(self.temperature)


class Isotonic(BaseModel):
    """Scores are mapped piecewise linearly through knots, constant outside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["isotonic"] = "isotonic"
    x: tuple[tuple[float, ...], ...] = Field(description="per label, rising scores of the knots")
    y: tuple[tuple[float, ...], ...] = Field(
        description="per label, the calibrated scores of the knots"
    )

    @model_validator(mode="after")
    def _knots_fit(self) -> "Isotonic":
        if len(self.x) != len(self.y):
            raise ValueError(f"knots x of {len(self.x)} labels, y of {len(self.y)}")
        for xs, ys in zip(self.x, self.y, strict=True):
            if not xs or len(xs) != len(ys):
                raise ValueError("each label needs as many x as y knots, at least one")
            if any(b < a for a, b in pairwise(xs)):
                raise ValueError("x knots must not fall")
            if any(b < a for a, b in pairwise(ys)):
                raise ValueError("y knots must not fall")
            if ys[0] < 0 or ys[-1] > 1:
                raise ValueError("y knots must be between 0 and 1")
        return self

    @property
    def labels(self) -> int:
        """Number of labels that it calibrates."""
        return len(self.x)


class Grouped(BaseModel):
    """Scores become ``sigmoid(logit / temperature + shift)``; one of a group of labels is chosen.

    Within the group a label's score is ``sigmoid(own - best other)`` of those sums, so that at a
    threshold of 0.5 exactly one label of the group counts as present: the likeliest. Where that is
    one that stands alone, every label outside the group scores 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: Literal["grouped"] = "grouped"
    temperature: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = Field(
        description="one per label"
    )
    shift: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = Field(
        description="one per label: how much likelier it is than where the network was trained"
    )
    exclusive: tuple[int, ...] = Field(description="places of the labels that exclude each other")
    alone: tuple[int, ...] = Field((), description="those of them beside which no other is true")

    @model_validator(mode="after")
    def _places_fit(self) -> "Grouped":
        if len(self.shift) != len(self.temperature):
            raise ValueError("temperature and shift are for different numbers of labels")
        if len(set(self.exclusive)) != len(self.exclusive) or len(self.exclusive) < 2:
            raise ValueError("exclusive needs at least two different labels")
        if not all(0 <= place < self.labels for place in self.exclusive):
            raise ValueError(f"exclusive names a place outside the {self.labels} labels")
        if not set(self.alone) <= set(self.exclusive):
            raise ValueError("alone names a label that is not exclusive")
        return self

    @property
    def labels(self) -> int:
        """Number of labels it is for."""
        return len(self.temperature)


AnyCalibration = Temperature | Isotonic | Grouped
Calibration = Annotated[AnyCalibration, Field(discriminator="type")]


def calibrate(scores: Scores, calibration: AnyCalibration | None) -> Scores:
    """Apply a calibration.

    Args:
        scores: ``float32 [n, labels]``, sigmoid outputs.
        calibration: None leaves the scores unchanged.

    Returns:
        ``float32 [n, labels]``, 0 to 1; NaN stays NaN.
    """
    if calibration is None:
        return scores
    if isinstance(calibration, Temperature):
        return _sigmoid(_logits(scores) / np.asarray(calibration.temperature, np.float64))
    if isinstance(calibration, Grouped):
        return _choose(_logits(scores), calibration)
    columns = [
        np.interp(scores[:, index], xs, ys)
        for index, (xs, ys) in enumerate(zip(calibration.x, calibration.y, strict=True))
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _choose(logits: npt.NDArray[np.float64], calibration: Grouped) -> Scores:
    sums = logits / np.asarray(calibration.temperature) + np.asarray(calibration.shift)
    scores = _sigmoid(sums)
    group = list(calibration.exclusive)
    for place in group:
        others = [other for other in group if other != place]
        scores[:, place] = _sigmoid(sums[:, place] - sums[:, others].max(axis=1))
    if calibration.alone:
        hidden = (scores[:, list(calibration.alone)] >= CHOSEN).any(axis=1)
        outside = np.setdiff1d(np.arange(calibration.labels), group)
        scores[np.ix_(hidden, outside)] = 0
    return scores


def _logits(scores: Scores) -> npt.NDArray[np.float64]:
    inner = np.clip(scores.astype(np.float64), _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(inner) - np.log1p(-inner))


def _sigmoid(values: npt.NDArray[np.float64]) -> Scores:
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)
