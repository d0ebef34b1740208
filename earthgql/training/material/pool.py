"""All the real pictures that ground is cut from, as fields."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from earthgql.errors import TrainingError
from earthgql.landscape.labels import WEATHER
from earthgql.training.data.picture_files import Pixels
from earthgql.training.ground import GroundScene, bit, read_scenes
from earthgql.training.ground.areas import Area, SceneAreas, draw
from earthgql.training.ground.vocabulary import CLOUD, Bits
from earthgql.training.material.piece import Field

_STRIPS: Final = Path(__file__).parent / "areas" / "strips.json"
_SENTINEL: Final = Path(__file__).parent / "areas" / "sentinel.json"
_SENTINEL_ZOOM: Final = 2.2
_SENTINEL_FOREST: Final = (30.0, 47.0, 53.0)  # median colour of its canopy
_CLEARED: Final = 2
_FARM_UNKNOWN: Final = frozenset(
    {"road", "habitation", "cultivation", "water", "bare_ground", "slash_burn"}
)


@dataclass(frozen=True)
class Pool:
    """Fields by their kind.

    Attributes:
        scenes: whole Planet scenes, labelled pixel by pixel.
        strips: Planet's example strips, labelled in boxes.
        sentinel: Sentinel-2 pictures with masks of what is cleared.
    """

    scenes: Sequence[Field]
    strips: Sequence[Field] = ()
    sentinel: Sequence[Field] = ()

    def without(self, scene: str) -> Pool:
        """All but one scene, for training that leaves it out."""
        return replace(self, scenes=[f for f in self.scenes if f.ground.name != scene])

    def only(self, scene: str) -> Pool:
        """One scene alone, to measure on."""
        return Pool([f for f in self.scenes if f.ground.name == scene])


def read_pool(planet: Path, sentinel: Path | None = None, *, strips: bool = True) -> Pool:
    """Read everything.

    Args:
        planet: folder of the three scenes, with the strips in ``strips``.
        sentinel: folder of Sentinel-2 pictures with ``*/images`` and ``*/masks``; None: without.
        strips: whether to read the strips.

    Raises:
        TrainingError: if something is missing.
    """
    scenes = [Field.of(clear(scene)) for scene in read_scenes(planet)]
    farms = [] if sentinel is None else _read_farms(sentinel)
    return Pool(scenes, _read_strips(planet / "strips") if strips else (), farms)


def clear(scene: GroundScene) -> GroundScene:
    """Take a veiled scene as clear: its contrast and level are restored when pieces are cut."""
    return replace(scene, weather=frozenset({"clear"}))


def _read_strips(folder: Path) -> list[Field]:
    return [_strip(folder, entry) for entry in json.loads(_STRIPS.read_text())]


def _strip(folder: Path, entry: dict[str, Any]) -> Field:
    image = read_rgb(folder / entry["image"])
    image = _without_arrows(image)
    height, width = image.shape[:2]
    areas = [Area(**area) for area in entry["areas"]]
    drawn = SceneAreas(
        image=entry["image"],
        width=width,
        height=height,
        weather="clear",
        weather_maybe=[],
        areas=areas,
    )
    sure, maybe = draw(drawn)
    if entry["clouds"]:
        sure = sure | _clouds(image, entry["clouds"])
    weather = frozenset(entry["weather"]) & set(WEATHER)
    ground = GroundScene(entry["image"], image, sure, maybe, weather)
    return Field.of(ground, entry["zoom"], frozenset(entry["unknown"]))


def _clouds(image: Pixels, least: int) -> Bits:
    """Bright pixels, a little widened: clouds, as no ground of these strips is so bright."""
    light = cv2.GaussianBlur(image.min(axis=2), (0, 0), 1.0)
    mask = cv2.dilate((light > least).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(mask.astype(np.uint32) * bit(CLOUD), np.uint32)


def _without_arrows(image: Pixels) -> Pixels:
    """Paint over the pure red arrows that explain one of the strips."""
    values = image.astype(np.int16)
    red = (values[..., 0] > 140) & (values[..., 1] < 100) & (values[..., 2] < 100)
    if red.sum() < 200:
        return image
    mask = cv2.dilate(red.astype(np.uint8), np.ones((11, 11), np.uint8))
    return np.asarray(cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def _sentinel_files(folder: Path, known: dict[str, Any]) -> list[Path]:
    found = sorted(folder.glob("*/images/*.tif*"))
    return [path for path in found if not known.get(path.stem, {}).get("skip")]


def _read_farms(folder: Path) -> list[Field]:
    known = json.loads(_SENTINEL.read_text())
    return [_sentinel(p, known.get(p.stem, {})) for p in _sentinel_files(folder, known)]


def _sentinel(path: Path, known: dict[str, Any]) -> Field:
    """A picture with its mask of what is cleared, and the roads and houses drawn in it."""
    image = read_rgb(path)
    height, width = image.shape[:2]
    try:
        with Image.open(path.parents[1] / "masks" / f"{path.stem}.png") as file:
            mask = np.asarray(file.resize((width, height), Image.Resampling.NEAREST))
    except OSError as error:
        raise TrainingError(f"{path} has no mask: {error}") from None
    sure = np.where(mask == _CLEARED, bit("agriculture"), bit("primary")).astype(np.uint32)
    drawn = np.zeros((height, width), np.uint8)
    for label, how in (("road", _line), ("habitation", _area)):
        drawn[:] = 0
        for points in known.get(label, ()):
            how(drawn, np.array(points, np.int32).reshape(-1, 1, 2))
        sure[drawn > 0] = bit(label)
    ground = GroundScene(path.stem, image, sure, np.zeros_like(sure), frozenset({"clear"}))
    return Field.of(ground, _SENTINEL_ZOOM, _FARM_UNKNOWN, forest=_SENTINEL_FOREST)


def _line(mask: Pixels, points: npt.NDArray[np.int32]) -> None:
    cv2.polylines(mask, [points], False, 1, 3)


def _area(mask: Pixels, points: npt.NDArray[np.int32]) -> None:
    cv2.fillPoly(mask, [points], 1)


def read_rgb(path: Path) -> Pixels:
    """Read a picture as uint8 [h, w, 3], red, green, blue.

    Raises:
        TrainingError: if it is missing or no picture.
    """
    try:
        with Image.open(path) as file:
            return np.asarray(file.convert("RGB"))
    except OSError as error:
        raise TrainingError(f"{path} cannot be read as a picture: {error}") from None
