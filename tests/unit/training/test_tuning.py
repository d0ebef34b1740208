import numpy as np
import pytest

from earthgql.models.calibration import calibrate
from earthgql.training.measure.metrics import calibration_error, sample_f
from earthgql.training.measure.tuning import tune


def overconfident(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth drawn from scores, and these scores made twice too sure of themselves."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, 2))
    truth = (rng.random((count, 2)) < 1 / (1 + np.exp(-logits))).astype("u1")
    return truth, (1 / (1 + np.exp(-2 * logits))).astype("f4")


def test_temperature_is_found_and_helps_on_other_pictures() -> None:
    tuned = tune(*overconfident(4000, 1), temperature=True)
    assert tuned.calibration is not None
    assert tuned.calibration.temperature == pytest.approx((2.0, 2.0), rel=0.15)
    truth, scores = overconfident(4000, 2)
    before, after = (
        calibration_error(truth, s) for s in (scores, calibrate(scores, tuned.calibration))
    )
    assert (after < before / 2).all()


def test_thresholds_are_for_the_calibrated_scores() -> None:
    truth, scores = overconfident(500, 3)
    tuned = tune(truth, scores, temperature=True)
    answers = calibrate(scores, tuned.calibration) >= np.array(tuned.thresholds)
    assert sample_f(truth, answers) == pytest.approx(tuned.f2)
    assert tuned.f2 >= tuned.f2_before


def test_a_label_that_is_always_or_never_there_keeps_its_scores() -> None:
    truth = np.array([[1, 0]] * 5, "u1")
    tuned = tune(truth, np.full((5, 2), 0.7, "f4"), temperature=True)
    assert tuned.calibration is not None
    assert tuned.calibration.temperature == (1.0, 1.0)
