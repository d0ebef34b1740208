"""The sky over a whole scene, laid out so that nearly every tile falls clearly into one weather."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.landscape.camera.weather import (
    Sky,
    cloud_field,
    cloud_opacity,
    haze_colour,
    sky_of_clouds,
)
from earthgql.landscape.labels import WEATHER
from earthgql.landscape.noise import F32, U8, Rng, blur, f32, fractal

_CLEAR, _PARTLY, _CLOUDY, _HAZE = range(len(WEATHER))
_LEAST_COVER: Final = 0.05
_LEAST_HAZE: Final = 0.16  # above the traces under a clear sky, see weather.clear_sky


@dataclass(frozen=True)
class SceneWeather:
    """Weather of a scene.

    Attributes:
        grid: index in WEATHER of every tile, [rows, cols].
        cloud: float32 [size, size] in 0..1, opacity of the clouds.
        relief: float32 [size, size], bumps of the clouds.
        haze: float32 [size, size] in 0..1, opacity of the haze.
        sun: unit vector (dy, dx) from an object to its shadow.
        light: seed of the light, equal for all bands.
    """

    grid: npt.NDArray[np.int64]
    cloud: F32
    relief: F32
    haze: F32
    sun: tuple[float, float]
    light: int

    def band(self, top: int, bottom: int) -> Sky:
        """The sky over the rows from `top` to before `bottom`."""
        rng = np.random.default_rng(self.light)
        rows = slice(top, bottom)
        bright, offset, tone = rng.uniform(190, 220), rng.uniform(12, 22), haze_colour(rng)
        sky = sky_of_clouds(
            rng, self.cloud[rows], self.relief[rows], bright=bright, offset=offset, sun=self.sun
        )
        haze = self.haze[rows]
        light = np.where((haze > 0)[..., None], tone, sky.light)
        return Sky(np.maximum(sky.veil, haze), f32(light), sky.shade, sky.cloud)


def draw_weather(rng: Rng, size: int, tile: int, sun: tuple[float, float]) -> SceneWeather:
    """Draws weather over a square scene.

    Args:
        rng: source of randomness.
        size: side of the scene in pixels.
        tile: side of a tile in pixels; it divides `size`.
        sun: unit vector (dy, dx) from an object to its shadow.

    Returns:
        The weather, every tile of it clearly in one class.
    """
    grid = _weather_grid(rng, size // tile)
    field, relief = cloud_field(rng, size, size, rng.uniform(70, 110), rng.uniform(0.32, 0.45))
    cloud = _clouds(grid, tile, field)
    grid = _settle(grid, tile, cloud)
    cloud = _clouds(grid, tile, field)
    haze = _haze(rng, grid, tile)
    grid = _settle_haze(grid, tile, haze)
    return SceneWeather(grid, cloud, relief, haze, sun, int(rng.integers(2**31)))


def _weather_grid(rng: Rng, count: int) -> npt.NDArray[np.int64]:
    """Weather per tile: cloudy cores inside broken cloud, and a region of haze apart."""
    clouds = fractal(rng, count, count, max(count / 3, 1.0), octaves=2)
    veils = fractal(rng, count, count, max(count / 2.0, 1.0), octaves=1)
    tiles = count * count
    grid = np.full((count, count), _CLEAR, dtype=np.int64)
    order = np.argsort(-clouds.ravel())
    core = np.zeros(tiles, dtype=np.uint8)
    core[order[: max(tiles // 20, 1)]] = 1
    around = cv2.dilate(core.reshape(count, count), np.ones((3, 3), np.uint8)) > 0
    grid.ravel()[order[: max(tiles // 6, 1)]] = _PARTLY
    grid[around] = _PARTLY
    grid.ravel()[core > 0] = _CLOUDY
    free = np.flatnonzero(grid.ravel() == _CLEAR)
    hazy = free[np.argsort(-veils.ravel()[free])][: max(tiles // 11, 1)]
    grid.ravel()[hazy] = _HAZE
    return grid


def _inside(grid: npt.NDArray[np.int64], tile: int, classes: tuple[int, ...]) -> F32:
    """Distance in pixels to the nearest tile of another class; 0 outside these classes."""
    member: U8 = np.isin(grid, classes).astype(np.uint8)
    size = grid.shape[0] * tile
    mask = cv2.resize(member, (size, size), interpolation=cv2.INTER_NEAREST)
    if member.all():
        return np.full((size, size), 1e4, dtype=np.float32)
    return f32(cv2.distanceTransform(mask, cv2.DIST_L2, 5))


def _clouds(grid: npt.NDArray[np.int64], tile: int, field: F32) -> F32:
    """Keeps clouds off clear and hazy tiles and closes them over cloudy ones.

    It moves the level above which the field is cloud, so that clouds end in their own rounded
    shapes and not along the tiles' edges.
    """
    depth = _inside(grid, tile, (_PARTLY, _CLOUDY))
    away = _inside(grid, tile, (_CLEAR, _PARTLY, _HAZE))
    near = np.clip(1 - away / np.float32(230), 0, 1)
    far = np.clip(1 - (depth - 4) / np.float32(100), 0, 1)
    level = field + np.float32(3.3) * near * np.sqrt(near) - np.float32(3.4) * far * far
    cloud = cloud_opacity(f32(level), 0.8)
    cloud *= np.clip((depth - 3) / np.float32(6), 0, 1)
    return f32(np.maximum(cloud, f32(away <= 0) * f32(depth > 0)))


def _settle(grid: npt.NDArray[np.int64], tile: int, cloud: F32) -> npt.NDArray[np.int64]:
    """Calls a tile clear when next to no cloud fell into it."""
    count = grid.shape[0]
    blocks = (cloud > 0.35).reshape(count, tile, count, tile)
    cover = blocks.mean(axis=(1, 3))
    return np.where((grid == _PARTLY) & (cover < _LEAST_COVER), _CLEAR, grid)


def _haze(rng: Rng, grid: npt.NDArray[np.int64], tile: int) -> F32:
    """Banks of haze about the hazy tiles, with outlines of their own."""
    count = grid.shape[0]
    size = count * tile
    uneven = fractal(rng, size, size, 220, octaves=4)
    drift = fractal(rng, size, size, 1.6 * tile, octaves=4, gain=0.55)
    small = cv2.resize(
        f32(grid == _HAZE), (size // 16, size // 16), interpolation=cv2.INTER_NEAREST
    )
    bank = cv2.resize(blur(f32(small), tile / 16 * 0.55), (size, size))
    level = np.clip(np.float32(0.44) + np.float32(0.06) * uneven, 0.32, 0.6)
    rise = np.clip((bank - 0.36 + np.float32(0.1) * drift) * 2.4, 0, 1)
    rise *= rise * (3 - 2 * rise)
    # Under cloud nobody sees it, and a clear sky has a trace of haze anyway.
    open_sky = cv2.resize(f32(np.isin(grid, (_CLEAR, _HAZE))), (count * 16, count * 16))
    return f32(level * rise * cv2.resize(blur(f32(open_sky), 3.0), (size, size)))


def _settle_haze(grid: npt.NDArray[np.int64], tile: int, haze: F32) -> npt.NDArray[np.int64]:
    """Calls a tile hazy when haze lies over most of it, else clear."""
    count = grid.shape[0]
    over = (haze > _LEAST_HAZE).reshape(count, tile, count, tile).mean(axis=(1, 3))
    open_sky = np.isin(grid, (_CLEAR, _HAZE))
    return np.where(open_sky, np.where(over > 0.5, _HAZE, _CLEAR), grid)
