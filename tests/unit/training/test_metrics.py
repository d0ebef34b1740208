import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgql.training.measure import metrics


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    truth = (rng.random((40, 4)) < [0.5, 0.2, 0.8, 0.1]).astype("u1")
    scores = np.round(np.clip(rng.random((40, 4)) * 0.7 + truth * 0.3, 0, 1), 2)
    return truth, scores


def test_agrees_with_scikit_learn(sample) -> None:
    # Reference: scikit-learn 1.9's fbeta_score, f1_score, average_precision_score,
    # precision_score and recall_score on this very sample.
    truth, scores = sample
    answers = scores >= 0.5
    per_label = metrics.Counts.of(truth, answers, axis=0)
    assert metrics.sample_f(truth, answers) == pytest.approx(0.6627584221334222)
    assert metrics.micro_f1(truth, answers) == pytest.approx(0.6666666666666666)
    assert metrics.macro_f1(truth, answers) == pytest.approx(0.5684526955602537)
    assert metrics.average_precision(truth, scores) == pytest.approx(
        [0.85569454, 0.80882353, 0.97256654, 0.86666667]
    )
    assert per_label.precision == pytest.approx([0.65217391, 0.22222222, 0.92857143, 0.25])
    assert per_label.recall == pytest.approx([0.75, 1.0, 0.72222222, 1.0])


def test_f2_by_hand() -> None:
    truth = np.array([[1, 1, 0], [1, 0, 0]], "u1")
    answers = np.array([[1, 0, 0], [1, 1, 1]], bool)
    # First: 1 hit, 1 missed: 5/(5+4) ; second: 1 hit, 2 false: 5/(5+2).
    assert metrics.sample_f(truth, answers) == pytest.approx((5 / 9 + 5 / 7) / 2)


def test_picture_without_truth_and_answers_counts_nothing() -> None:
    assert metrics.sample_f(np.zeros((1, 2), "u1"), np.zeros((1, 2), bool)) == 0.0


def test_average_precision_of_ties_does_not_depend_on_their_order() -> None:
    scores = np.array([[0.5], [0.5], [0.5], [0.1]])
    first = metrics.average_precision(np.array([[1], [0], [0], [0]], "u1"), scores)
    last = metrics.average_precision(np.array([[0], [0], [1], [0]], "u1"), scores)
    assert first == last == pytest.approx([1 / 3])


def test_average_precision_of_an_absent_label_is_nan() -> None:
    assert np.isnan(metrics.average_precision(np.zeros((3, 1), "u1"), np.ones((3, 1)))).all()


def test_calibration_error_by_hand() -> None:
    truth = np.array([[1], [1], [0], [0]], "u1")
    scores = np.array([[0.9], [0.9], [0.9], [0.1]])
    # Bin of 0.9: frequency 2/3, gap 0.2333, 3 of 4; bin of 0.1: frequency 0, gap 0.1, 1 of 4.
    assert metrics.calibration_error(truth, scores, bins=10) == pytest.approx(
        [0.75 * (0.9 - 2 / 3) + 0.25 * 0.1]
    )


def test_thresholds_find_what_separates() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random((300, 3)) < 0.3).astype("u1")
    scores = np.where(truth, [0.3, 0.62, 0.9], [0.1, 0.5, 0.8]) + rng.uniform(-0.02, 0.02, (300, 3))
    cutoffs = metrics.tune_thresholds(truth, scores)
    perfect = truth.any(axis=1).mean()  # pictures without truth count 0 whatever is answered
    assert metrics.sample_f(truth, scores >= cutoffs) == pytest.approx(perfect)


def test_macro_f1_is_tuned_label_by_label() -> None:
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], "u1")
    scores = np.array([[0.6, 0.2, 0.3], [0.55, 0.3, 0.3], [0.1, 0.25, 0.3]])
    cutoffs = metrics.tune_for_macro_f1(truth, scores)
    assert 0.1 < cutoffs[0] <= 0.55
    assert 0.25 < cutoffs[1] <= 0.3
    assert cutoffs[2] == 0.5


def test_threshold_of_an_absent_label_is_a_half() -> None:
    truth = np.array([[1, 0], [0, 0], [1, 0]], "u1")
    assert metrics.tune_thresholds(truth, np.array([[0.9, 0.3]] * 3))[1] == 0.5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_tuning_is_never_worse_than_one_cutoff_for_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = (rng.random((60, 3)) < 0.4).astype("u1")
    scores = rng.random((60, 3))
    tuned = metrics.sample_f(truth, scores >= metrics.tune_thresholds(truth, scores))
    assert tuned >= max(metrics.sample_f(truth, scores >= cut) for cut in (0.1, 0.2, 0.5)) - 1e-12
