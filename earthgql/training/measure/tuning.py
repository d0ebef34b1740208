"""Thresholds and calibration of a bundle, chosen on the validation split and on nothing else."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from earthgql.models.calibration import Grouped, Temperature, calibrate
from earthgql.training.measure.metrics import macro_f1, sample_f, tune_for_macro_f1, tune_thresholds

Floats = npt.NDArray[np.float32]
Truth = npt.NDArray[np.uint8]
Goal = Literal["f2", "macro-f1"]
TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(3.0), 61))
EPSILON = 1e-7


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was chosen.

    Attributes:
        thresholds: per label, for scores after the calibration.
        calibration: what was fitted, or None where none was wanted.
        f2: sample-averaged F2 on the validation split with these thresholds.
        f2_before: likewise with 0.5 for every label and no calibration.
        macro_f1: macro-averaged F1 on the validation split with these thresholds.
    """

    thresholds: tuple[float, ...]
    calibration: Temperature | Grouped | None
    f2: float
    f2_before: float
    macro_f1: float


def tune(truth: Truth, scores: Floats, *, temperature: bool, goal: Goal = "f2") -> Tuned:
    """Choose temperatures, then thresholds.

    Args:
        truth: uint8 [n, labels] of the validation split.
        scores: float32 [n, labels], the network's own, without calibration.
        temperature: whether to fit a temperature per label.
        goal: what the thresholds maximise: F2 averaged over pictures, or F1 averaged over labels.
    """
    calibration = fit_temperature(truth, scores) if temperature else None
    calibrated = calibrate(scores, calibration)
    choose = tune_thresholds if goal == "f2" else tune_for_macro_f1
    thresholds = np.round(choose(truth, calibrated), 4)
    return Tuned(
        tuple(float(value) for value in thresholds),
        calibration,
        sample_f(truth, calibrated >= thresholds),
        sample_f(truth, scores >= 0.5),
        macro_f1(truth, calibrated >= thresholds),
    )


def fit_temperature(truth: Truth, scores: Floats) -> Temperature:
    """The temperature per label, 0.3 to 3, with the lowest cross-entropy; 1 for absent labels."""
    logits = logits_of(scores)
    best = np.ones(truth.shape[1])
    for label in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
        losses = [_loss(truth[:, label], logits[:, label] / t) for t in TEMPERATURES]
        best[label] = TEMPERATURES[int(np.argmin(losses))]
    return Temperature(temperature=tuple(float(round(t, 4)) for t in best))


def logits_of(scores: Floats) -> npt.NDArray[np.float64]:
    """The logits of scores, float64 [n, labels]."""
    inner = np.clip(scores.astype(np.float64), EPSILON, 1 - EPSILON)
    return np.asarray(np.log(inner) - np.log1p(-inner))


def _loss(truth: npt.NDArray[np.uint8], logits: npt.NDArray[np.float64]) -> float:
    return float(np.mean(np.logaddexp(0, logits) - truth * logits))
