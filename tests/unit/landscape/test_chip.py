"""Chips: same seed same bytes, honest truth, the look of real ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from earthgql.landscape import LABELS, WEATHER, Chip, make_chip
from earthgql.models.labels import PLANET_LABELS

MANY = 150


@pytest.fixture(scope="module")
def balanced() -> list[Chip]:
    return [make_chip(seed) for seed in range(MANY)]


@pytest.fixture(scope="module")
def natural() -> list[Chip]:
    return [make_chip(seed, balanced=False) for seed in range(1000, 1000 + MANY)]


def test_labels_are_those_of_the_contest() -> None:
    assert len(LABELS) == 17
    assert LABELS[:4] == WEATHER == ("clear", "partly_cloudy", "cloudy", "haze")
    assert LABELS[-1] == "artisinal_mine"


def test_same_seed_gives_the_same_bytes() -> None:
    one, two = make_chip(7), make_chip(7)
    assert one.image.tobytes() == two.image.tobytes()
    assert one.labels == two.labels


def test_seed_and_balance_change_the_chip() -> None:
    images = {make_chip(seed).image.tobytes() for seed in range(12)}
    assert len(images) == 12


@pytest.mark.parametrize("size", [128, 256])
def test_image_has_the_asked_size(size: int) -> None:
    image = make_chip(3, size=size).image
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize(("seed", "size"), [(-1, 256), (1, 32)])
def test_impossible_arguments_are_refused(seed: int, size: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        make_chip(seed, size=size)


def test_every_chip_has_one_weather_and_cloudy_stands_alone(
    balanced: list[Chip], natural: list[Chip]
) -> None:
    for chip in balanced + natural:
        assert chip.labels <= set(LABELS)
        assert len(chip.labels & set(WEATHER)) == 1
        if "cloudy" in chip.labels:
            assert chip.labels == {"cloudy"}


def test_every_label_occurs_often_among_balanced_chips(balanced: list[Chip]) -> None:
    counts = Counter(label for chip in balanced for label in chip.labels)
    for label in LABELS:
        assert counts[label] >= 0.03 * MANY, label


def test_natural_frequencies_resemble_the_contest(natural: list[Chip]) -> None:
    counts = Counter(label for chip in natural for label in chip.labels)
    shares = {label: counts[label] / MANY for label in LABELS}
    assert 0.85 <= shares["primary"] <= 0.98
    assert 0.58 <= shares["clear"] <= 0.82
    assert 0.18 <= shares["agriculture"] <= 0.42
    assert 0.10 <= shares["road"] <= 0.32


def test_forest_resembles_that_of_real_chips(natural: list[Chip]) -> None:
    forest = [c.image.astype(float) for c in natural if c.labels == {"clear", "primary"}]
    means = np.median([image.mean(axis=(0, 1)) for image in forest], axis=0)
    assert np.all(np.abs(means - (43, 57, 49)) < 9)
    spread = np.median([image.mean(axis=2).std() for image in forest])
    assert 3.5 < spread < 7.0
    likeness = [np.corrcoef(image[..., 0].ravel(), image[..., 1].ravel())[0, 1] for image in forest]
    assert 0.80 < np.median(likeness) < 0.93


def test_haze_is_a_veil_of_one_piece(balanced: list[Chip]) -> None:
    plain = [c.image for c in balanced if c.labels == {"haze", "primary"}]
    assert np.median([image.mean(axis=2).std() for image in plain]) < 5


def test_cloudy_chips_are_bright_and_flat_against_clear_ones(balanced: list[Chip]) -> None:
    def level(label: str) -> float:
        return float(np.median([c.image.mean() for c in balanced if label in c.labels]))

    assert level("cloudy") > level("haze") > level("clear")


def test_labels_are_those_of_the_shipped_model() -> None:
    assert LABELS == PLANET_LABELS
