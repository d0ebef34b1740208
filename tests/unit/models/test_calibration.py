import numpy as np
import pytest
from pydantic import ValidationError

from earthgql.models.calibration import Isotonic, Temperature, calibrate

SCORES = np.array([[0.1, 0.5, 0.9], [0.0, 1.0, 0.7]], np.float32)


def test_without_calibration_scores_are_the_same() -> None:
    assert calibrate(SCORES, None) is SCORES


def test_temperature_divides_the_logits() -> None:
    softer = calibrate(SCORES, Temperature(temperature=(1.0, 2.0, 2.0)))
    assert np.allclose(softer[0], [0.1, 0.5, 0.75], atol=1e-6)  # logit 0.9 = ln 9, half is ln 3
    assert np.isfinite(softer).all()
    assert ((softer >= 0) & (softer <= 1)).all()


def test_isotonic_goes_through_its_knots_and_is_constant_outside() -> None:
    knots = Isotonic(x=((0.2, 0.6),) * 3, y=((0.0, 0.8),) * 3)
    assert np.allclose(calibrate(SCORES, knots)[0], [0.0, 0.6, 0.8], atol=1e-6)


def test_scores_that_are_not_numbers_stay_so() -> None:
    broken = np.array([[np.nan]], np.float32)
    assert np.isnan(calibrate(broken, Temperature(temperature=(2.0,)))).all()
    assert np.isnan(calibrate(broken, Isotonic(x=((0.0, 1.0),), y=((0.0, 1.0),)))).all()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (((0.0, 1.0),), (), "y of 0"),
        (((),), ((),), "at least one"),
        (((0.5, 0.4),), ((0.0, 1.0),), "x knots must not fall"),
        (((0.4, 0.5),), ((1.0, 0.0),), "y knots must not fall"),
        (((0.4, 0.5),), ((0.0, 1.5),), "between 0 and 1"),
    ],
)
def test_knots_that_make_no_sense_are_refused(x: tuple, y: tuple, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Isotonic(x=x, y=y)
