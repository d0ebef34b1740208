"""Calibration and thresholds for Planet's labels: a cutoff for weathers, one for all else."""

import numpy as np
import numpy.typing as npt

from earthgql.landscape.labels import LABELS, WEATHER
from earthgql.landscape.labels.plan import tag_sets
from earthgql.models.calibration import CHOSEN, Grouped, calibrate
from earthgql.training.data.samples import Samples
from earthgql.training.measure.metrics import macro_f1, sample_f
from earthgql.training.measure.tuning import EPSILON, TEMPERATURES, Floats, Truth, Tuned, logits_of

ALONE = "cloudy"
"""The weather under which nothing else can be seen."""
WEATHER_CUTOFF = 0.2
"""A second weather counts where it is nearly as likely as the first: F2 on scenes left out is 0.004
to 0.023 higher than with exactly one (docs/model.md)."""
_SHIFT_ROUNDS = 60
_NEWTON_ROUNDS = 25
_RIDGE = 1.0  # pulls slopes to 1 as one picture would: few show the rarest labels
_CUTOFFS = np.arange(0.06, 0.42, 0.02)


def tune_as_planet(samples: Samples, scores: Floats) -> Tuned:
    """Fit a ``Grouped`` calibration, and one cutoff for all labels but the weather.

    With calibrated scores F2 is best at one cutoff for all labels (Ye et al. 2012 for F-beta), and
    one number holds on other pictures better than thirteen.

    Args:
        samples: the validation split; what is not known of it is left out.
        scores: float32 [n, labels], the network's own.
    """
    truth, known = samples.truth, getattr(samples, "known", None)
    known = np.ones_like(truth) if known is None else known
    exclusive = tuple(samples.labels.index(label) for label in WEATHER)
    calibration = fit_grouped(
        truth,
        scores,
        known,
        exclusive=exclusive,
        alone=(samples.labels.index(ALONE),),
        frequency=expected_frequency(truth * known),
    )
    calibrated = calibrate(scores, calibration)
    best = max(_CUTOFFS, key=lambda cutoff: _f2(truth, known, calibrated, exclusive, cutoff))
    thresholds = _thresholds(truth.shape[1], exclusive, float(best))
    answers = (calibrated >= thresholds) & (known > 0)
    return Tuned(
        tuple(round(float(t), 4) for t in thresholds),
        calibration,
        sample_f(truth * known, answers),
        sample_f(truth * known, (scores >= CHOSEN) & (known > 0)),
        macro_f1(truth * known, answers),
    )


def expected_frequency(truth: Truth) -> Floats:
    """How often each label is to be expected: the geometric mean of two estimates.

    One is Planet's whole training set, one the pictures at hand, in which rare labels are a little
    more common, as they are in any set of chips that somebody chose to look at.
    """
    sets, chips = tag_sets()
    shares = np.array([[label in tags for label in LABELS] for tags in sets], np.float64)
    planet = chips @ shares / chips.sum()
    return np.asarray(np.sqrt(planet * np.maximum(truth.mean(axis=0), planet)), np.float32)


def _thresholds(labels: int, exclusive: tuple[int, ...], cutoff: float) -> Floats:
    thresholds = np.full(labels, cutoff, np.float32)
    thresholds[list(exclusive)] = WEATHER_CUTOFF
    return thresholds


def _f2(
    truth: Truth, known: Truth, scores: Floats, exclusive: tuple[int, ...], cutoff: float
) -> float:
    answers = scores >= _thresholds(truth.shape[1], exclusive, cutoff)
    return sample_f(truth * known, answers & (known > 0))


def fit_grouped(
    truth: Truth,
    scores: Floats,
    known: Truth,
    *,
    exclusive: tuple[int, ...],
    alone: tuple[int, ...],
    frequency: Floats,
) -> Grouped:
    """Temperature and shift per label for pictures in which labels are as frequent as given.

    Each label's odds are fitted by logistic regression on its logit (Platt 1999), present and
    absent pictures weighted so that the label is as frequent as it is to be. The exclusive labels
    share one temperature, and their shifts make the mean of their softmax the frequencies.

    Args:
        truth: uint8 [n, labels].
        scores: float32 [n, labels], the network's own.
        known: uint8 [n, labels], 0 where the truth must not be used.
        exclusive: places of the labels of which exactly one is true in every picture.
        alone: those of them beside which no other label is true.
        frequency: float32 [labels], share of pictures with a label where the scores will be used.
    """
    logits = logits_of(scores)
    temperature, shift = np.ones(truth.shape[1]), np.zeros(truth.shape[1])
    others = [k for k in range(truth.shape[1]) if k not in exclusive]
    visible = ~truth[:, list(alone)].any(axis=1) if alone else np.ones(len(truth), bool)
    for label in others:
        rows = visible & (known[:, label] > 0)
        share = float(frequency[label])
        slope, offset = _platt(truth[rows, label], logits[rows, label], share)
        temperature[label], shift[label] = 1 / slope, offset
    group = list(exclusive)
    sure = (known[:, group].min(axis=1) > 0) & (truth[:, group].sum(axis=1) == 1)
    temperature[group], shift[group] = _choice(
        truth[sure][:, group], logits[sure][:, group], np.asarray(frequency, np.float64)[group]
    )
    return Grouped(
        temperature=tuple(round(float(t), 4) for t in temperature),
        shift=tuple(round(float(s), 4) for s in shift),
        exclusive=exclusive,
        alone=alone,
    )


def _platt(
    truth: npt.NDArray[np.uint8], logits: npt.NDArray[np.float64], share: float
) -> tuple[float, float]:
    """Slope and offset of a logistic regression on one logit, by Newton's method."""
    if not truth.any() or truth.all():
        return 1.0, 0.0
    seen = truth.mean()
    weight = np.where(truth > 0, share / seen, (1 - share) / (1 - seen))
    rows = np.stack([logits, np.ones_like(logits)], axis=1)
    found, prior = np.array([1.0, 0.0]), np.array([_RIDGE, 1e-3])
    for _ in range(_NEWTON_ROUNDS):
        score = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weight * (score - truth)) + prior * (found - [1.0, 0.0])
        bend = (rows * (weight * score * (1 - score))[:, None]).T @ rows + np.diag(prior)
        found = found - np.clip(np.linalg.solve(bend, slope), -1, 1)
    return float(np.clip(found[0], 0.4, 2.0)), float(found[1])


def _choice(
    truth: Truth, logits: npt.NDArray[np.float64], frequency: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.float64]]:
    """Temperature and shifts of a softmax whose classes are to be as frequent as given."""
    frequency = frequency / frequency.sum()
    seen = truth.mean(axis=0)
    weight = (truth * (frequency / np.maximum(seen, EPSILON))).sum(axis=1)
    best: tuple[float, float, npt.NDArray[np.float64]] | None = None
    for temperature in TEMPERATURES:
        shift = np.zeros(len(frequency))
        for _ in range(_SHIFT_ROUNDS):
            chances = _softmax(logits / temperature + shift)
            shift += np.log(frequency / np.average(chances, axis=0, weights=weight))
        chances = _softmax(logits / temperature + shift)
        loss = -np.average(np.log((chances * truth).sum(axis=1) + EPSILON), weights=weight)
        if best is None or loss < best[0]:
            best = float(loss), float(temperature), shift - shift.mean()
    assert best is not None  # noqa: S101 - there is at least one temperature
    return best[1], best[2]


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
