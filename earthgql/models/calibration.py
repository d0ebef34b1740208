"""Calibration per label: scores become comparable with observed frequencies."""

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from earthgql.models.protocol import Scores

_EPSILON = 1e-7


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


Calibration = Annotated[Temperature | Isotonic, Field(discriminator="type")]


def calibrate(scores: Scores, calibration: Temperature | Isotonic | None) -> Scores:
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
        inner = np.clip(scores.astype(np.float64), _EPSILON, 1 - _EPSILON)
        logits = np.log(inner) - np.log1p(-inner)
        softened = 1 / (1 + np.exp(-logits / np.asarray(calibration.temperature, np.float64)))
        return np.asarray(softened, np.float32)
    columns = [
        np.interp(scores[:, index], xs, ys)
        for index, (xs, ys) in enumerate(zip(calibration.x, calibration.y, strict=True))
    ]
    return np.stack(columns, axis=1).astype(np.float32)
