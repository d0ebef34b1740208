"""What simple answers reach: a model is worth the distance to them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgql.training.data.samples import Samples
from earthgql.training.measure.metrics import sample_f, tune_thresholds

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.uint8]
_CHUNK = 256
_STEPS = 60


@dataclass(frozen=True, slots=True)
class Baselines:
    """F2 of answers that need no network.

    Attributes:
        constant_f2: of the same labels for every picture, the best such set.
        constant: that set.
        colour_f2: of a logistic regression on the colour means and deviations of each picture.
    """

    constant_f2: float
    constant: tuple[str, ...]
    colour_f2: float


def measure_baselines(train: Samples, held_out: Samples, most: int = 6000) -> Baselines:
    """Fit on the first ``most`` pictures of ``train``, score on the others."""
    count = min(most, len(train.truth))
    truth = train.truth[:count]
    chosen = best_constant(truth)
    everywhere = np.broadcast_to(chosen, held_out.truth.shape)
    fitted = LogisticRegression.fit(colour_features(train, count), truth)
    inside = fitted.scores(colour_features(train, count))
    cutoffs = tune_thresholds(truth, inside, rounds=2)
    outside = fitted.scores(colour_features(held_out, len(held_out.truth)))
    return Baselines(
        sample_f(held_out.truth, everywhere),
        tuple(label for label, on in zip(train.labels, chosen, strict=True) if on),
        sample_f(held_out.truth, outside >= cutoffs),
    )


def best_constant(truth: Truth) -> npt.NDArray[np.bool_]:
    """The set of labels that, answered for every picture, has the best F2; grown greedily."""
    chosen = np.zeros(truth.shape[1], bool)
    best = 0.0
    for label in np.argsort(-truth.sum(axis=0), kind="stable"):
        trial = chosen.copy()
        trial[label] = True
        worth = sample_f(truth, np.broadcast_to(trial, truth.shape))
        if worth > best:
            chosen, best = trial, worth
    return chosen


def colour_features(samples: Samples, count: int) -> Floats:
    """Mean and standard deviation of red, green and blue of each picture, 0 to 1: [count, 6]."""
    rows = []
    for start in range(0, count, _CHUNK):
        pixels = samples.read(range(start, min(start + _CHUNK, count))).astype(np.float32) / 255
        rows.append(np.concatenate([pixels.mean((1, 2)), pixels.std((1, 2))], axis=1))
    return np.concatenate(rows).astype(np.float64)


@dataclass(frozen=True, slots=True)
class LogisticRegression:
    """One logistic regression per label on standardised features and their squares."""

    mean: Floats
    deviation: Floats
    weights: Floats

    @classmethod
    def fit(cls, features: Floats, truth: Truth, penalty: float = 1e-3) -> "LogisticRegression":
        """Fit by Newton's method with a small quadratic penalty."""
        mean, deviation = features.mean(0), features.std(0) + 1e-9
        inputs = _inputs((features - mean) / deviation)
        columns = [
            _newton(inputs, truth[:, k].astype(np.float64), penalty) for k in range(truth.shape[1])
        ]
        return cls(mean, deviation, np.stack(columns, axis=1))

    def scores(self, features: Floats) -> Floats:
        """Scores of pictures: [n, labels], 0 to 1."""
        inputs = _inputs((features - self.mean) / self.deviation)
        return _sigmoid(inputs @ self.weights)


def _inputs(standard: Floats) -> Floats:
    return np.concatenate([np.ones((len(standard), 1)), standard, standard**2], axis=1)


def _newton(inputs: Floats, truth: Floats, penalty: float) -> Floats:
    weights = np.zeros(inputs.shape[1])
    ridge = penalty * len(truth) * np.eye(len(weights))
    for _ in range(_STEPS):
        scores = _sigmoid(inputs @ weights)
        slope = inputs.T @ (scores - truth) + ridge @ weights
        curve = (inputs * (scores * (1 - scores))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(curve, slope)
        weights -= step * min(1.0, 5.0 / (np.abs(step).max() + 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))
