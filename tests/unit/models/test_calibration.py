import numpy as np
import pytest
from pydantic import ValidationError

from earthgql.models.calibration import CHOSEN, Grouped, Isotonic, Temperature, calibrate

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


def grouped(**changes: object) -> Grouped:
    fields = {"temperature": (1.0,) * 4, "shift": (0.0,) * 4, "exclusive": (0, 1, 2)}
    return Grouped.model_validate(fields | changes)


def test_exactly_one_label_of_a_group_is_chosen_whatever_the_scores() -> None:
    scores = np.random.default_rng(1).random((200, 4)).astype("f4")
    chosen = calibrate(scores, grouped())[:, :3] >= CHOSEN
    assert (chosen.sum(axis=1) == 1).all()
    assert (chosen.argmax(axis=1) == scores[:, :3].argmax(axis=1)).all()


def test_a_shift_makes_a_label_of_the_group_likelier_and_the_others_less() -> None:
    scores = np.array([[0.5, 0.5, 0.1, 0.5]], np.float32)
    shifted = calibrate(scores, grouped(shift=(np.log(3), 0.0, 0.0, 0.0)))
    assert np.allclose(shifted[0, [0, 1, 3]], [0.75, 0.25, 0.5], atol=1e-6)


def test_nothing_stands_beside_a_label_that_stands_alone() -> None:
    scores = np.array([[0.1, 0.1, 0.9, 0.8], [0.9, 0.1, 0.5, 0.8]], np.float32)
    answered = calibrate(scores, grouped(alone=(2,)))
    assert answered[0, 3] == 0
    assert answered[1, 3] == pytest.approx(0.8)


def test_a_group_leaves_scores_that_are_not_numbers() -> None:
    broken = np.full((1, 4), np.nan, np.float32)
    assert np.isnan(calibrate(broken, grouped(alone=(2,)))).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shift": (0.0,)}, "different numbers"),
        ({"exclusive": (0, 0)}, "two different"),
        ({"exclusive": (0, 4)}, "outside the 4 labels"),
        ({"alone": (3,)}, "not exclusive"),
    ],
)
def test_groups_that_make_no_sense_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        grouped(**changes)
