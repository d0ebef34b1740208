"""A large coherent scene with the truth of every tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgql.landscape.camera.sensor import draw_sensor, expose
from earthgql.landscape.camera.weather_map import draw_weather
from earthgql.landscape.drawing.canvas import Ground
from earthgql.landscape.drawing.palette import draw_palette
from earthgql.landscape.features.canopy import plant_forest
from earthgql.landscape.labels import UNLABELLED, WEATHER
from earthgql.landscape.labels.truth import true_labels, visible_counts
from earthgql.landscape.layout.atlas import (
    draw_changes,
    draw_farmland,
    draw_lines,
    draw_mines,
    draw_settlements,
    draw_smallholders,
    draw_waters,
    draw_wilds,
    draw_woods,
)
from earthgql.landscape.noise import U8, Rng

_GROUND, _CHANGES, _SKY, _CAMERA = range(4)
_MARGIN = 48


@dataclass(frozen=True)
class SceneRender:
    """A rendered scene.

    Attributes:
        image: uint8 [size, size, 3] RGB.
        truth: true labels of every tile by (row, col), counted from the top left.
        cover: uint8 [size, size], index in `LABELS` of the ground label seen in a pixel; 0 where
            the ground has none or is hidden.
    """

    image: U8
    truth: dict[tuple[int, int], frozenset[str]]
    cover: U8


def render_scene(
    seed: int,
    *,
    size: int = 4096,
    tile: int = 256,
    date: int = 0,
    progress: Callable[[float], None] | None = None,
) -> SceneRender:
    """Renders a landscape of some 4 m per pixel; the same arguments give the same bytes.

    Args:
        seed: any non-negative integer; it fixes the ground.
        size: side in pixels, a multiple of `tile`, at least four tiles.
        tile: side of a tile in pixels.
        date: 0 for the first acquisition; each later one has other weather and less forest.
        progress: called with the share done, 0 to 1.

    Returns:
        The image and the labels visible in each tile.
    """
    if seed < 0 or date < 0:
        raise ValueError("seed and date must be at least 0")
    if tile < 64 or size % tile or size < 4 * tile:
        raise ValueError("size must be a multiple of tile, at least four of them")
    report = progress or (lambda _share: None)
    ground = _ground(seed, size, date, report)
    weather = draw_weather(_source(seed, _SKY, date), size, tile, ground.sun)
    report(0.8)
    camera = _source(seed, _CAMERA, date)
    sensor = draw_sensor(camera, spread=0.4)
    image = np.empty((size, size, 3), dtype=np.uint8)
    visible = np.empty((size, size), dtype=np.bool_)
    truth = {}
    for row in range(size // tile):
        # A margin hides the seams that blur, shadows and compression would leave.
        top, bottom = max(row * tile - _MARGIN, 0), min((row + 1) * tile + _MARGIN, size)
        inner = slice(row * tile - top, row * tile - top + tile)
        sky = weather.band(top, bottom)
        strip = expose(sensor, camera, sky.over(ground.rgb[top:bottom]))
        image[row * tile : (row + 1) * tile] = strip[inner]
        seen = sky.visible()[inner]
        visible[row * tile : (row + 1) * tile] = seen
        cover = ground.cover[row * tile : (row + 1) * tile]
        truth.update(_row_truth(row, cover, seen, weather.grid[row]))
        report(0.8 + 0.2 * (row + 1) * tile / size)
    return SceneRender(image, truth, np.where(visible, ground.cover, UNLABELLED))


def _source(seed: int, purpose: int, date: int) -> Rng:
    return np.random.default_rng(np.random.SeedSequence([seed, purpose, date]))


def _ground(seed: int, size: int, date: int, report: Callable[[float], None]) -> Ground:
    rng = _source(seed, _GROUND, 0)
    # One unit of places suits a square of 2,048 pixels; small scenes still show everything.
    places = max(round((size / 2048) ** 2), 1)
    lines = draw_lines(rng, size)
    palette = draw_palette(rng)
    ground = plant_forest(rng, size, size, 4 / rng.uniform(3.8, 4.6), palette, hills=0.4)
    report(0.2)
    draw_wilds(ground, rng, places)
    draw_waters(ground, rng, lines, places)
    report(0.4)
    draw_farmland(ground, rng, lines)
    draw_smallholders(ground, rng, lines, places)
    report(0.55)
    draw_mines(ground, rng, lines, places)
    draw_settlements(ground, rng, lines, places)
    draw_woods(ground, rng, places)
    report(0.7)
    for later in range(1, date + 1):
        draw_changes(ground, _source(seed, _CHANGES, later), lines, places)
    return ground


def _row_truth(
    row: int, cover: U8, visible: npt.NDArray[np.bool_], weather: npt.NDArray[np.int64]
) -> dict[tuple[int, int], frozenset[str]]:
    tile = cover.shape[0]
    truth = {}
    for col, index in enumerate(weather):
        name = WEATHER[int(index)]
        part = slice(col * tile, (col + 1) * tile)
        seen = true_labels(visible_counts(cover[:, part], visible[:, part]))
        truth[row, col] = frozenset({name}) if name == "cloudy" else seen | {name}
    return truth
