import numpy as np
import pytest

from earthgql.landscape.labels import LABELS
from earthgql.models.calibration import CHOSEN, Grouped, calibrate
from earthgql.training.data.samples import ArraySamples
from earthgql.training.measure.weather_choice import (
    WEATHER_CUTOFF,
    expected_frequency,
    fit_grouped,
    tune_as_planet,
)


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth with one weather a picture, and scores that tell it with some doubt."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((count, len(LABELS))) < 0.3).astype("u1")
    truth[:, :4] = np.eye(4, dtype="u1")[rng.integers(4, size=count)]
    truth[truth[:, 2] > 0, 4:] = 0
    logits = 3.0 * truth - 1.5 + rng.normal(0, 1, truth.shape)
    return truth, (1 / (1 + np.exp(-logits))).astype("f4")


def test_every_answer_has_a_likeliest_weather_and_a_cloudy_one_nothing_on_the_ground() -> None:
    truth, scores = pictures(800, 1)
    samples = ArraySamples(LABELS, truth, [""] * 800, np.zeros((800, 1, 1, 3), "u1"))
    tuned = tune_as_planet(samples, scores)
    calibrated = calibrate(scores, tuned.calibration)
    answers = calibrated >= np.array(tuned.thresholds)
    assert ((calibrated[:, :4] >= CHOSEN).sum(axis=1) == 1).all()
    assert tuned.thresholds[:4] == (WEATHER_CUTOFF,) * 4
    assert answers[:, :4].any(axis=1).all()
    assert not answers[calibrated[:, 2] >= CHOSEN, 4:].any()
    assert tuned.f2 > 0.7


def test_scores_are_as_frequent_as_they_are_to_be() -> None:
    truth, scores = pictures(4000, 2)
    frequency = np.full(len(LABELS), 0.05, "f4")
    frequency[:4] = (0.7, 0.1, 0.1, 0.1)
    fitted = fit_grouped(
        truth, scores, np.ones_like(truth), exclusive=(0, 1, 2, 3), alone=(2,), frequency=frequency
    )
    assert isinstance(fitted, Grouped)
    rarer = calibrate(scores, fitted)[:, 5].mean()
    assert rarer < scores[:, 5].mean() / 2
    assert fitted.shift[0] > max(fitted.shift[1:4])


def test_truth_that_is_not_known_is_left_out() -> None:
    truth, scores = pictures(500, 3)
    known = np.ones_like(truth)
    known[:250, 6] = 0
    broken = truth.copy()
    broken[:250, 6] = 1 - broken[:250, 6]
    frequency = np.full(len(LABELS), 0.2, "f4")
    one, other = (
        fit_grouped(t, scores, known, exclusive=(0, 1, 2, 3), alone=(2,), frequency=frequency)
        for t in (truth, broken)
    )
    assert one == other


def test_rare_labels_are_expected_between_planets_and_the_pictures_frequency() -> None:
    truth = np.zeros((100, len(LABELS)), "u1")
    truth[:20, LABELS.index("blooming")] = 1
    found = expected_frequency(truth)[LABELS.index("blooming")]
    assert found == pytest.approx(np.sqrt(0.2 * 332 / 40479), rel=0.01)
