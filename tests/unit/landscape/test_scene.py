"""Scenes: coherent over dates, truth for every tile."""

from __future__ import annotations

import numpy as np
import pytest

from earthgql.landscape import LABELS, WEATHER, SceneRender, render_scene
from earthgql.landscape.labels.truth import true_labels, visible_counts

SIZE = 2048
SIDE = SIZE // 256


@pytest.fixture(scope="module")
def before() -> SceneRender:
    return render_scene(5, size=SIZE)


@pytest.fixture(scope="module")
def after() -> SceneRender:
    return render_scene(5, size=SIZE, date=1)


def test_truth_covers_every_tile(before: SceneRender) -> None:
    assert before.image.shape == (SIZE, SIZE, 3)
    assert before.image.dtype == np.uint8
    assert set(before.truth) == {(row, col) for row in range(SIDE) for col in range(SIDE)}


def test_every_label_occurs(before: SceneRender, after: SceneRender) -> None:
    seen = {label for scene in (before, after) for tile in scene.truth.values() for label in tile}
    assert seen == set(LABELS)


def test_truth_follows_from_what_covers_the_ground(before: SceneRender) -> None:
    assert before.cover.shape == (SIZE, SIZE)
    for (row, col), labels in before.truth.items():
        cover = before.cover[row * 256 : (row + 1) * 256, col * 256 : (col + 1) * 256]
        counts = visible_counts(cover, np.ones(cover.shape, np.bool_))
        expected = frozenset() if "cloudy" in labels else true_labels(counts)
        assert labels - set(WEATHER) == expected


def test_haze_lies_over_the_tiles_called_hazy(before: SceneRender, after: SceneRender) -> None:
    for scene in (before, after):
        tile = scene.image.reshape(SIDE, 256, SIDE, 256, 3).mean(axis=(1, 3, 4))
        by_weather = {
            name: [tile[place] for place, labels in scene.truth.items() if name in labels]
            for name in ("clear", "haze")
        }
        assert np.median(by_weather["haze"]) > np.median(by_weather["clear"])


def test_every_tile_has_one_weather_and_cloudy_stands_alone(before: SceneRender) -> None:
    for labels in before.truth.values():
        assert len(labels & set(WEATHER)) == 1
        if "cloudy" in labels:
            assert labels == {"cloudy"}


def test_forest_turns_into_fields(before: SceneRender, after: SceneRender) -> None:
    clear = [
        place
        for place in before.truth
        if "clear" in before.truth[place] and "clear" in after.truth[place]
    ]
    gained = [p for p in clear if "agriculture" in after.truth[p] - before.truth[p]]
    lost = [p for p in clear if "agriculture" in before.truth[p] - after.truth[p]]
    assert gained
    assert len(gained) > len(lost)


def test_weather_changes_between_dates(before: SceneRender, after: SceneRender) -> None:
    def weather(scene: SceneRender) -> list[frozenset[str]]:
        return [scene.truth[place] & set(WEATHER) for place in sorted(scene.truth)]

    assert weather(before) != weather(after)


def test_same_seed_gives_the_same_bytes_and_reports_progress() -> None:
    shares: list[float] = []
    one = render_scene(9, size=1024, progress=shares.append)
    two = render_scene(9, size=1024)
    assert one.image.tobytes() == two.image.tobytes()
    assert one.truth == two.truth
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert render_scene(10, size=1024).image.tobytes() != one.image.tobytes()


@pytest.mark.parametrize(("size", "date"), [(1000, 0), (512, 0), (1024, -1)])
def test_impossible_arguments_are_refused(size: int, date: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        render_scene(1, size=size, date=date)
