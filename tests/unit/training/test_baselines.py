import numpy as np
import pytest

from earthgql.training.data.samples import ArraySamples
from earthgql.training.measure.baselines import LogisticRegression, best_constant, measure_baselines


def coloured(count: int, seed: int) -> ArraySamples:
    """Label "red" follows the colour, "common" is nearly always there, "rare" is noise."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((count, 3)) < [0.5, 0.95, 0.03]).astype("u1")
    images = rng.integers(0, 80, (count, 16, 16, 3), dtype=np.uint8)
    images[..., 0] += truth[:, 0, None, None] * np.uint8(100)
    return ArraySamples(("red", "common", "rare"), truth, [str(n) for n in range(count)], images)


def test_baselines_of_a_set_that_colour_tells() -> None:
    found = measure_baselines(coloured(200, 1), coloured(200, 2))
    assert found.constant == ("red", "common")
    assert found.colour_f2 > 0.95 > found.constant_f2 > 0.7


def test_best_constant_leaves_out_what_is_rare() -> None:
    truth = np.array([[1, 0, 1]] * 9 + [[1, 1, 0]], "u1")
    assert best_constant(truth).tolist() == [True, False, True]


def test_logistic_regression_agrees_with_the_odds() -> None:
    # One feature with two values: the fitted scores are the frequencies at these values.
    features = np.repeat([[0.0], [1.0]], 100, axis=0)
    truth = np.repeat([[1], [0], [1], [0]], [80, 20, 30, 70], axis=0).astype("u1")
    fitted = LogisticRegression.fit(features, truth, penalty=1e-9)
    assert fitted.scores(np.array([[0.0], [1.0]]))[:, 0] == pytest.approx([0.8, 0.3], abs=1e-3)
