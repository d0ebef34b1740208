"""Plans follow the sets of tags that real chips carry."""

from __future__ import annotations

from collections import Counter

import numpy as np

from earthgql.landscape.labels import GROUND, LABELS, WEATHER
from earthgql.landscape.labels.plan import Plan, draw_plan, tag_sets

MANY = 4000


def shares(*, balanced: bool) -> dict[str, float]:
    rng = np.random.default_rng(1)
    plans: list[Plan] = [draw_plan(rng, balanced=balanced) for _ in range(MANY)]
    counts = Counter(label for plan in plans for label in (plan.weather, *plan.themes))
    return {label: counts[label] / MANY for label in LABELS}


def test_every_set_has_known_labels_and_one_weather_and_cloudy_stands_alone() -> None:
    sets, chips = tag_sets()
    assert len(sets) == len(chips) == 430
    assert int(chips.sum()) == 40_478
    for tags in sets:
        assert tags <= set(LABELS)
        assert len(tags & set(WEATHER)) == 1
        if "cloudy" in tags:
            assert tags == {"cloudy"}


def test_natural_plans_are_as_frequent_as_real_chips() -> None:
    sets, chips = tag_sets()
    found = shares(balanced=False)
    for label in LABELS:
        real = sum(n for tags, n in zip(sets, chips, strict=True) if label in tags) / chips.sum()
        assert abs(found[label] - real) < 0.025, label


def test_balanced_plans_show_every_label_often_and_common_ones_as_before() -> None:
    found = shares(balanced=True)
    assert all(found[label] > 0.05 for label in GROUND)
    assert 0.6 < found["clear"] < 0.8
    assert found["primary"] > 0.85


def test_plans_repeat_by_seed() -> None:
    one, two = (draw_plan(np.random.default_rng(9), balanced=True) for _ in range(2))
    assert one == two
