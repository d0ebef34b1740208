import pytest

from earthgql.errors import TrainingError
from earthgql.training.run.training_plan import Plan, Stage

SHALLOW = (1, 1, 1, 1)


def test_stages_share_the_epochs() -> None:
    plan = Plan(epochs=10, stages=(Stage(64, 4), Stage(96, 4), Stage(128, 2)))
    assert [plan.stage_of(epoch).size for epoch in range(10)] == [64] * 4 + [96] * 4 + [128] * 2


def test_the_last_epoch_is_of_the_last_stage_however_few_there_are() -> None:
    plan = Plan(epochs=1, stages=(Stage(64, 1), Stage(96, 1), Stage(128, 1)))
    assert plan.stage_of(0).size in (64, 96, 128)
    assert plan.stage_of(1).size == 128


def test_the_rate_rises_and_falls() -> None:
    plan = Plan(rate=0.5, warm_up=0.1)
    rates = [plan.rate_at(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[10] == 0.5
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.01


def test_a_longer_run_is_the_same_run() -> None:
    assert Plan(epochs=5).description() == Plan(epochs=9).description()
    assert Plan(seed=5).description() != Plan(seed=9).description()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "at least 1 epoch"),
        ({"stages": ()}, "one stage"),
        ({"stages": (Stage(64, 0),)}, "share above 0"),
        ({"stages": (Stage(64, 1, (3, 4, 7, 3)),)}, "deeper than"),
        ({"stages": (Stage(64, 1), Stage(64, 1, SHALLOW))}, "only grow deeper"),
    ],
)
def test_impossible_plans_are_refused(given: dict, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        Plan(**given)
