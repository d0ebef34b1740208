"""Weather and camera, also over ground that the generator did not draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthgql.landscape import WEATHER
from earthgql.landscape.camera import draw_sensor, expose, lay_weather


def ground(side: int = 128) -> np.ndarray:
    """Plain dark green with a little grain."""
    noise = np.random.default_rng(0).normal(0, 3, (side, side, 3))
    return np.clip(np.array([43, 57, 49]) + noise, 0, 255).astype(np.uint8)


def grey(image: np.ndarray) -> np.ndarray:
    return image.astype(float).mean(axis=2)


@pytest.mark.parametrize("kind", WEATHER)
def test_weather_keeps_the_shape_and_repeats_by_seed(kind: str) -> None:
    rgb = ground()
    first, visible = lay_weather(np.random.default_rng(3), rgb, kind)
    second, _ = lay_weather(np.random.default_rng(3), rgb, kind)
    assert first.shape == rgb.shape
    assert first.dtype == np.float32
    assert visible.shape == rgb.shape[:2]
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(rgb, ground())  # what was given stays as it was


def test_cloudy_hides_all_ground_and_clear_none() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert not lay_weather(rng, ground(), "cloudy")[1].any()
        assert lay_weather(rng, ground(), "clear")[1].all()


def test_haze_is_brighter_and_flatter_than_the_ground_and_cloud_brightest() -> None:
    levels: dict[str, list[float]] = {}
    flat = []
    for seed in range(30):
        for kind in ("clear", "haze", "cloudy"):
            seen, _ = lay_weather(np.random.default_rng(seed), ground(), kind)
            levels.setdefault(kind, []).append(float(grey(seen).mean()))
            if kind == "haze":
                flat.append(float(grey(seen).std()))
    assert np.median(levels["clear"]) < np.median(levels["haze"]) < np.median(levels["cloudy"])
    assert np.median(flat) < 3


def test_partly_cloudy_shows_ground_and_cloud() -> None:
    seen = [lay_weather(np.random.default_rng(s), ground(), "partly_cloudy") for s in range(30)]
    shown = [float(visible.mean()) for _, visible in seen]
    assert np.median(shown) > 0.8
    assert np.mean([grey(image).max() > 85 for image, _ in seen]) > 0.8


def test_grain_differs_from_channel_to_channel() -> None:
    plain = np.full((128, 128, 3), 60, np.uint8)
    rng = np.random.default_rng(1)
    sensor = replace(draw_sensor(rng), quality=0)  # compression would mix the channels
    image = expose(sensor, rng, plain).astype(float)
    likeness = np.corrcoef(image[..., 0].ravel(), image[..., 1].ravel())[0, 1]
    assert image.std() > 0.5
    assert abs(likeness) < 0.1


def test_real_ground_is_given_less_contrast() -> None:
    sharp = np.where(np.indices((128, 128)).sum(axis=0)[..., None] // 8 % 2, 70, 30)
    sharp = np.repeat(sharp, 3, axis=2).astype(np.uint8)
    spread = {}
    for kind in ("generated", "real"):
        rng = np.random.default_rng(2)
        spread[kind] = grey(expose(draw_sensor(rng, ground=kind), rng, sharp)).std()
    assert spread["real"] < 0.8 * spread["generated"]


def test_clouds_stay_white_whatever_the_season() -> None:
    white = np.full((64, 64, 3), 235, np.uint8)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mean = expose(draw_sensor(rng), rng, white).reshape(-1, 3).mean(axis=0)
        assert np.ptp(mean) < 6
